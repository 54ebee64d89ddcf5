"""Two engines over the same articles: the same questions asked of both, and where their answers differ.

Only the contract of engines is used (`search.engine`), so any two can be compared. What must be equal are totals,
counts and which articles come first; the order among these is measured.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from statistics import fmean

from index.article import Article
from index.document import facet_values
from search.engine import Engine
from search.query import COUNTED, Filters, Query
from search.results import Bucket, Results, YearBucket

TOP = 10
VALUES = 1_000
"""How many values of each facet are compared."""

_REACH = 10_000  # articles from either end of an order that queries are made of
_TEXT_CHARS = 2_000
_PERIOD = timedelta(days=45)
_COUNTS = dict.fromkeys(COUNTED, VALUES)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two engines do not agree on.

    Attributes:
        query: that both were asked.
        what: "total", "full", "match", a facet, "date", "first hits", or "partial" where only one had time enough.
        one, other: what each says.
    """

    query: Query
    what: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two engines answer.

    Attributes:
        queries: how many were asked.
        overlap: the share of the first ten hits that both have, 0..1, the mean of all queries.
        tau: how alike the order of these is, Kendall's tau, -1..1, the mean of all queries.
    """

    queries: int
    differences: tuple[Difference, ...]
    overlap: float
    tau: float


def sample_queries(engine: Engine, count: int, seed: int) -> list[Query]:
    """Queries made of words, topics and dates of articles that an engine holds: the same ones for the same seed.

    They are words, phrases, prefixes, filters by facet and date, in turn; fewer than `count` of an empty index.
    """
    dice = random.Random(seed)  # noqa: S311 - a choice of examples, no secret
    total = engine.search(Query(size=0, facets={})).total
    queries = []
    for number in range(count if total else 0):
        page = dice.randint(1, min(total, _REACH))
        hits = engine.search(
            Query(sort="newest" if number % 2 else "oldest", page=page, size=1, facets={}, highlight=False)
        ).hits
        if hits:
            queries.append(_query_of(hits[0].article, number, dice))
    return queries


def _query_of(article: Article, number: int, dice: random.Random) -> Query:
    words = re.findall(r"\w+", f"{article.title} {article.excerpt} {article.text[:_TEXT_CHARS]}") or [article.id]
    at = dice.randrange(len(words))
    word, pair = words[at], " ".join(words[at : at + 2])
    chosen = [(name, values) for name, values in facet_values(article).items() if values]
    name, values = dice.choice(chosen) if chosen else ("topic", (word,))
    by_facet = Filters(chosen={name: (dice.choice(values),)})
    without_facet = Filters(excluded={name: (dice.choice(values),)})
    by_date = Filters(missing=frozenset({"date"}))
    if article.published and article.published.year not in {1, 9999}:
        by_date = Filters(start=article.published - _PERIOD, end=article.published + _PERIOD)
    texts: list[tuple[str, Filters]] = [
        (word, Filters()),
        (pair, Filters()),
        (f'"{pair}"', Filters()),
        (f"{word[:4]}*", Filters()),
        (" ".join(dice.sample(words, min(3, len(words)))), Filters()),
        ("", by_facet),
        (word, by_facet),
        (word, without_facet),
        ("", by_date),
        (word, by_date),
    ]
    text, filters = texts[number % len(texts)]
    return Query(text, filters=filters, size=TOP, facets=_COUNTS, highlight=False)


def compare(
    one: Engine, other: Engine, queries: Sequence[Query], progress: Callable[[str, int, int], None]
) -> Comparison:
    """Ask both engines the same.

    Args:
        one, other: over the same articles.
        queries: of `sample_queries`, or any that ask for the first page of ten.
        progress: called as progress(phase, done, total) before each query.
    """
    differences: list[Difference] = []
    overlaps: list[float] = []
    taus: list[float] = []
    for done, query in enumerate(queries):
        progress("comparing", done, len(queries))
        first, second = one.search(query), other.search(query)
        differences += (Difference(query, *each) for each in _differences(first, second))
        ids, other_ids = _ids(first), _ids(second)
        most = max(len(ids), len(other_ids))
        overlaps.append(len(set(ids) & set(other_ids)) / most if most else 1.0)
        taus.append(kendall_tau(ids, other_ids))
    progress("comparing", len(queries), len(queries))
    return Comparison(len(queries), tuple(differences), fmean(overlaps or [1.0]), fmean(taus or [1.0]))


def _ids(results: Results) -> list[str]:
    return [hit.article.id for hit in results.hits]


def kendall_tau(one: Sequence[str], other: Sequence[str]) -> float:
    """How alike two orders are, of what both have: 1 for the same, -1 for the opposite; 1 also of fewer than two.

    The pairs in the same order less those in the opposite, by all pairs (Kendall, "A New Measure of Rank Correlation",
    1938).
    """
    rank = {each: place for place, each in enumerate(other)}
    shared = [rank[each] for each in one if each in rank]
    signs = [1 if first < second else -1 for first, second in combinations(shared, 2)]
    return sum(signs) / len(signs) if signs else 1.0


def _differences(one: Results, other: Results) -> Iterator[tuple[str, str, str]]:
    if one.partial or other.partial:
        if one.partial != other.partial:
            yield "partial", str(one.partial), str(other.partial)
        return  # what was not looked at for want of time is nothing to compare
    for what in ("total", "full", "match"):
        if getattr(one, what) != getattr(other, what):
            yield what, str(getattr(one, what)), str(getattr(other, what))
    for name in one.facets.keys() | other.facets.keys():
        yield from _unlike(name, one.facets.get(name, ()), other.facets.get(name, ()))
    yield from _unlike("date", one.dates, other.dates)
    only, only_other = set(_ids(one)) - set(_ids(other)), set(_ids(other)) - set(_ids(one))
    if only or only_other:
        yield "first hits", _listed(only), _listed(only_other)


def _unlike(
    name: str, one: Sequence[Bucket | YearBucket], other: Sequence[Bucket | YearBucket]
) -> Iterator[tuple[str, str, str]]:
    """The first place where two rows of counts differ, if there is one."""
    for place in range(max(len(one), len(other))):
        first, second = one[place : place + 1], other[place : place + 1]
        if tuple(first) != tuple(second):
            yield name, _counted(first), _counted(second)
            return


def _counted(buckets: Sequence[Bucket | YearBucket]) -> str:
    return ", ".join(f"{bucket.value or 'none'} {bucket.count}" for bucket in buckets) or "nothing"


def _listed(ids: set[str]) -> str:
    return ", ".join(sorted(ids)) or "nothing"
