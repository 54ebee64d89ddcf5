"""More like this: which articles are most like a given one.

The most telling terms of the article are asked for as a query would ask for them: any of them, each a term of BM25F
(`search.ranking`), priors included. What tells is what stands often in the article, most of all in its title, and in
few others:

    weight(t) = idf(t) * sum over fields f of  w_f * occurrences of t in f

with idf as in the ranking. An article that shares only one of several terms is not called similar.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from index.analysis import FUNCTION_WORDS, Token, tokens
from index.article import Article
from index.document import searched_text
from index.schema import STEM, TEXT_FIELDS
from index.urls import address_key
from search.hits import canonical
from search.limits import NEVER, Deadline, OutOfTimeError
from search.order import in_order
from search.ranking import idf
from search.results import Hit
from search.rows import Searchable
from search.terms import ALL_FIELDS, Alternative, TermClause
from search.vectors import Scored

MOST_TERMS = 20
MIN_SHARED = 2  # terms; with a single one in common, articles about nothing alike would be shown
BODY_CHARS = 1_000  # of the body, which says at its beginning what it is about; to analyze it all takes far longer
MOST_TOPICS = 50  # an archive may give an article any number

_TOLD_BY = ("title", "excerpt", "body", "topic")  # who published and wrote it does not say what it is about
MOST_COPIES = 100  # passed over; an archive may hold any number of copies of one story


def similar_hits(number: int, limit: int, searchable: Searchable, deadline: Deadline = NEVER) -> Iterator[Hit]:
    """The articles most like a document, best first, without copies; see `search.engine.Engine.similar`.

    Terms for which there is no time are left out, those that tell least.
    """
    snapshot, operations = searchable.snapshot, searchable.operations
    article = snapshot.article(number)
    if limit < 1:
        return

    def counts(stems: Sequence[str]) -> Iterator[int]:
        return (snapshot.count_holding(STEM, stem) for stem in stems)

    terms: list[str] = []
    rows: list[Scored] = []
    with suppress(OutOfTimeError):
        for term in telling_terms(article, counts, snapshot.count)[: searchable.limits.max_clauses]:
            deadline.check()
            rows.append(searchable.ranking.score(telling_clause(term)))
            terms.append(term)
    if not terms:
        return
    held = operations.together(rows)
    kept = (held.times >= min(MIN_SHARED, len(terms))) & (held.documents != number)
    documents, scores, full = held.documents[kept], held.scores[kept], held.times[kept] == len(terms)
    order = in_order(documents, scores, "relevance", limit + MOST_COPIES, searchable).tolist()
    likely = (
        Hit(0, float(scores[place]), bool(full[place]), canonical(snapshot, int(documents[place])), {}, None)
        for place in order
    )
    yield from islice(without_copies(article, likely), limit)


def without_copies(article: Article, likely: Iterable[Hit]) -> Iterator[Hit]:
    """The first hit of each story but the article's own, ranked anew from 1."""
    seen = _marks(article)
    rank = 1
    for hit in likely:
        marks = _marks(hit.article)
        if seen.isdisjoint(marks):
            yield replace(hit, rank=rank)
            seen |= marks
            rank += 1


def telling_terms(article: Article, counts_of: Callable[[Sequence[str]], Iterable[int]], articles: int) -> list[str]:
    """The stems that tell most of what an article is about, best first, at most `MOST_TERMS`.

    Left out are function words, single digits and what no other article has.

    Args:
        article: what it is about.
        counts_of: how many articles hold each of some stems.
        articles: how many there are.
    """
    frequencies = _frequencies(article)
    weights = {
        term: frequencies[term] * idf(count, articles)
        for term, count in zip(frequencies, counts_of(list(frequencies)), strict=True)
        if count > 1
    }
    return sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]


def _frequencies(article: Article) -> dict[str, float]:
    """How often each stem stands in an article, weighted by field."""
    found: defaultdict[str, float] = defaultdict(float)
    texts = searched_text(article)
    for field in TEXT_FIELDS:
        if field.name in _TOLD_BY:
            for text in texts[field.name][:MOST_TOPICS]:
                beginning = text if field.name != "body" else _beginning(text)
                places = {(token.position, token.stem) for token in tokens(beginning) if _tells(token)}
                for _, stem in places:
                    found[stem] += field.weight
    return found


def _beginning(text: str) -> str:
    """The first `BODY_CHARS` without a word that is cut through."""
    if len(text) <= BODY_CHARS:
        return text
    return text[:BODY_CHARS].rpartition(" ")[0] or text[:BODY_CHARS]


def _tells(token: Token) -> bool:
    return token.exact not in FUNCTION_WORDS and not (len(token.stem) == 1 and token.stem.isdigit())


def telling_clause(term: str) -> TermClause:
    """What is looked for to find articles that hold a stem."""
    return TermClause((Alternative("stem", (term,)),), ALL_FIELDS)


def _marks(article: Article) -> set[tuple[str, ...]]:
    """What copies of one story share one of: an address, or title and provider."""
    addresses = {(key,) for key in map(address_key, article.addresses) if key}
    provider = article.provider.name or article.provider.domain
    return addresses | ({(article.title.casefold(), provider.casefold())} if article.title else set())
