"""More like this: which articles are most like a given one.

The most telling terms of the article are asked for as a query would ask for them: any of them, each a term of BM25F
(`search.ranking`), priors included. What tells is what stands often in the article, most of all in its title, and in
few others:

    weight(t) = idf(t) * sum over fields f of  w_f * occurrences of t in f

with idf as in the ranking. An article that shares only one of several terms is not called similar.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from index.analysis import FUNCTION_WORDS, Token, tokens
from index.article import Article
from index.document import searched_text
from index.reader import Snapshot
from index.schema import STEM, TEXT_FIELDS
from index.urls import address_key
from search.evaluate import Searchable
from search.hits import canonical
from search.limits import NEVER, Deadline, OutOfTimeError
from search.order import in_order
from search.ranking import idf
from search.results import Hit
from search.terms import ALL_FIELDS, Alternative, TermClause
from search.vectors import Scored

MOST_TERMS = 20
MIN_SHARED = 2  # terms; with a single one in common, articles about nothing alike would be shown
BODY_CHARS = 1_000  # of the body, which says at its beginning what it is about; to analyze it all takes far longer
MOST_TOPICS = 50  # an archive may give an article any number

_TOLD_BY = ("title", "excerpt", "body", "topic")  # who published and wrote it does not say what it is about
_MOST_COPIES = 100  # passed over; an archive may hold any number of copies of one story


def similar_hits(number: int, limit: int, searchable: Searchable, deadline: Deadline = NEVER) -> Iterator[Hit]:
    """The articles most like a document, best first, without copies; see `search.engine.Engine.similar`.

    Terms for which there is no time are left out, those that tell least.
    """
    snapshot, operations = searchable.snapshot, searchable.operations
    article = snapshot.article(number)
    if limit < 1:
        return
    terms: list[str] = []
    rows: list[Scored] = []
    with suppress(OutOfTimeError):
        for term in telling_terms(article, snapshot)[: searchable.limits.max_clauses]:
            deadline.check()
            rows.append(searchable.ranking.score(_clause(term)))
            terms.append(term)
    if not terms:
        return
    held = operations.together(rows)
    kept = (held.times >= min(MIN_SHARED, len(terms))) & (held.documents != number)
    documents, scores, times = held.documents[kept], held.scores[kept], held.times[kept]
    seen = _marks(article)
    rank = 1
    for place in in_order(documents, scores, "relevance", limit + _MOST_COPIES, searchable).tolist():
        found = canonical(snapshot, int(documents[place]))
        marks = _marks(found)
        if seen.isdisjoint(marks):
            yield Hit(rank, float(scores[place]), bool(times[place] == len(terms)), found, {}, None)
            seen |= marks
            rank += 1
        if rank > limit:
            return


def telling_terms(article: Article, snapshot: Snapshot) -> list[str]:
    """The stems that tell most of what an article is about, best first, at most `MOST_TERMS`.

    Left out are function words, single digits and what no other article has.
    """
    weights = {}
    for term, frequency in _frequencies(article).items():
        count = snapshot.count_holding(STEM, term)
        if count > 1:
            weights[term] = frequency * idf(count, snapshot.count)
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


def _clause(term: str) -> TermClause:
    return TermClause((Alternative("stem", (term,)),), ALL_FIELDS)


def _marks(article: Article) -> set[tuple[str, ...]]:
    """What copies of one story share one of: an address, or title and provider."""
    addresses = {(key,) for key in map(address_key, article.addresses) if key}
    provider = article.provider.name or article.provider.domain
    return addresses | ({(article.title.casefold(), provider.casefold())} if article.title else set())
