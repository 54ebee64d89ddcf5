"""Single articles on a cluster: by id, by address, the links beside them, and which others are like them."""

from collections.abc import Iterator, Sequence
from itertools import islice

from index.article import Article
from index.document import address_hashes, key_hash
from index.opensearch.connection import Json
from index.opensearch.mapping import address_term
from index.schema import STEM
from index.urls import address_key
from search.evaluate import Evaluation
from search.limits import Deadline, Limits
from search.links import LOOKED_AT, linking_articles, related_links
from search.opensearch.choices import Choices
from search.opensearch.dsl import matching
from search.opensearch.known import Known
from search.opensearch.pages import Asked, article_of, page_of
from search.opensearch.tree import AllRow, AnyRow, IdRow, Row, TermsRow, WithoutRow
from search.query import Filters, Query, Word
from search.results import Found, Hit
from search.similar import MIN_SHARED, MOST_COPIES, telling_clause, telling_terms, without_copies

MOST_AT_ADDRESS = 100  # articles that `lookup` gives: an archive may hold any number of one address

_NEWEST_FIRST = [{"published": {"order": "desc", "missing": "_last"}}, {"id": "asc"}]


def article_with(article_id: str, known: Known) -> Article | None:
    """The visible article with an id."""
    found = _articles([_search({"term": {"id": article_id}}, 1)], known)[0]
    return found[0] if found else None


def articles_at(row: Row, known: Known) -> list[Article]:
    """The articles of a row, in order of id, `MOST_AT_ADDRESS` at most."""
    search = _search(matching(row, known), MOST_AT_ADDRESS) | {"sort": [{"id": "asc"}]}
    return _articles([search], known)[0]


def with_links(article: Article, known: Known) -> Found:
    """An article with the links that it shows."""
    keys = {address: key for address in article.related if (key := address_key(address))}
    addresses = list(dict.fromkeys(keys.values()))
    searches = [_search({"term": {"url": address_term(key_hash(key))}}, 1) for key in addresses]
    linking = {"terms": {"related": [address_term(each) for each in address_hashes(article)]}}
    *at, likely = _articles([*searches, _search(linking, LOOKED_AT)], known)
    by_key = {key: found[0] for key, found in zip(addresses, at, strict=True) if found}

    def there(address: str) -> Article | None:
        return by_key.get(keys.get(address, ""))

    related = tuple(related_links(article, there, known.removed))
    seen = {article.id, *(link.id for link in related)}
    return Found(article, related, tuple(linking_articles(article, seen, likely)))


def similar_hits(article: Article, limit: int, known: Known, limits: Limits, deadline: Deadline) -> Iterator[Hit]:
    """The articles most like one, best first, without copies; see `search.engine.Engine.similar`."""

    def counts(stems: Sequence[str]) -> list[int]:
        return known.counts_holding(STEM, stems, deadline)

    terms = telling_terms(article, counts, known.totals.articles)[: limits.max_clauses]
    if limit < 1 or not terms:
        return
    clauses = tuple(map(telling_clause, terms))
    rows = tuple([TermsRow(clause, Word(term)) for clause, term in zip(clauses, terms, strict=True)])
    others = WithoutRow(IdRow(article.id))
    some = AllRow((AnyRow(rows, min(MIN_SHARED, len(rows))), others))
    evaluation: Evaluation[Row] = Evaluation(some, AllRow((*rows, others)), "any", clauses, (), (), partial=False)
    known.count(map(TermsRow, clauses), deadline)
    query = Query(size=limit + MOST_COPIES, facets={})
    asked = Asked(query, evaluation, Choices(Filters(), known, deadline), known, deadline)
    yield from islice(without_copies(article, page_of(asked).hits), limit)


def _search(query: Json, size: int) -> Json:
    return {"query": {"bool": {"filter": [query]}}, "sort": _NEWEST_FIRST, "size": size, "_source": ["article"]}


def _articles(searches: Sequence[Json], known: Known) -> list[list[Article]]:
    """The articles that each search finds."""
    answers = known.view.ask_all(searches)
    return [[article_of(hit, known.view) for hit in answer["hits"]["hits"]] for answer in answers]
