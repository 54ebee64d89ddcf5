"""The page of hits that was asked for, and every hit in order; what is counted comes in the same answer.

Orders are those of `search.order`. Where articles with some of the words follow those with all, these are two searches,
one behind the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from index.article import Article, unpack
from index.document import published_seconds
from index.errors import DamagedIndexError
from index.opensearch.connection import Json
from index.opensearch.mapping import sendable
from index.schema import UNDATED
from search.evaluate import FEW, Evaluation
from search.limits import Deadline
from search.opensearch.choices import Choices
from search.opensearch.dsl import both, matching, ranked
from search.opensearch.known import Known
from search.opensearch.tree import AllRow, IdRow, QuietRow, Row, WithoutRow
from search.opensearch.view import PAGE, LostViewError, View, total_of
from search.query import Position, Query, Sort
from search.results import Hit

FETCHED_AT_ONCE = 1_000

_FAR: Final = 1 << 62  # seconds, in place of the date of an undated article, which stands last in every order
_BY_ID: list[Json] = [{"id": "asc"}]
_ORDERS: dict[Sort, list[Json]] = {
    "newest": [{"published": {"order": "desc", "missing": -_FAR}}, *_BY_ID],
    "oldest": [{"published": {"order": "asc", "missing": _FAR}}, *_BY_ID],
    "id": _BY_ID,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it was evaluated.

    Attributes:
        ranked: whether its hits are in order of their scores.
    """

    query: Query
    evaluation: Evaluation[Row]
    choices: Choices
    known: Known
    deadline: Deadline

    @property
    def ranked(self) -> bool:
        return self.query.sort == "relevance" and bool(self.evaluation.clauses)

    @property
    def rows(self) -> list[Row]:
        """What is shown, in two parts where articles with some of the words follow those with all."""
        found, every = self.evaluation.found, self.evaluation.every
        if self.evaluation.match != "partial" or every is None:
            return [found]
        return [AllRow((found, QuietRow(every))), AllRow((found, WithoutRow(every)))]

    @property
    def aggregations(self) -> Json:
        """Count facets, and the matches with all words."""
        found = self.choices.aggregations(self.query.facets)
        if self.evaluation.every is not None:
            every = matching(self.evaluation.every, self.known)
            found["full"] = {"filter": both([every, *self.choices.left()])}
        return found

    @property
    def summary(self) -> Json:
        """A search for nothing but what is counted."""
        left = both(self.choices.left())
        return {"size": 0, "query": self.matches, "post_filter": left, "aggs": self.aggregations}

    @property
    def matches(self) -> Json:
        """The query for all matches."""
        return both([matching(self.evaluation.found, self.known)])

    def search(self, row: Row, size: int) -> Json:
        """A search for the first hits of a row."""
        return {
            "query": self._telling_full(ranked(row, self.known) if self.ranked else both([matching(row, self.known)])),
            "post_filter": both(self.choices.left()),
            "sort": self._order(),
            "size": size,
            "_source": ["article"],
        }

    def _order(self) -> list[Any]:
        sort = self.query.sort
        return ["_score", *_ORDERS["newest"]] if self.ranked else _ORDERS["newest" if sort == "relevance" else sort]

    def _telling_full(self, query: Json) -> Json:
        """The same, each hit that holds every word named so."""
        every = self.evaluation.every
        if every is None or self.evaluation.match == "partial":
            return query
        full = {"constant_score": {"filter": matching(every, self.known), "boost": 0, "_name": "full"}}
        return {"bool": {"must": [query], "should": [full]}}

    def hit(self, row: Row, hit: Json, rank: int) -> Hit:
        """A hit as OpenSearch gives it, found in a row."""
        if self.evaluation.every is None:
            full = True
        elif self.evaluation.match == "partial":
            full = row == self.rows[0]
        else:
            full = "full" in hit.get("matched_queries", ())
        score = float(hit["_score"]) if self.ranked else 0.0
        return Hit(rank, score, full, article_of(hit, self.known.view), {}, None)

    def values_at(self, place: Position, row: Row) -> list[Any] | None:
        """What a place in the order of a row is told by; None where nothing stands behind it."""
        sort, published = self.query.sort, place.published
        if sort == "id":
            return [sendable(place.id)]
        last = _FAR if sort == "oldest" else -_FAR
        values: list[Any] = [last if published is None else published, sendable(place.id)]
        if not self.ranked:
            return values
        this = AllRow((row, QuietRow(IdRow(place.id))))
        hits = self.known.view.ask({"query": ranked(this, self.known), "size": 1, "_source": False}, self.deadline)
        scores = [hit["_score"] for hit in hits["hits"]["hits"]]
        return [scores[0], *values] if scores else None


@dataclass(frozen=True, slots=True)
class Page:
    """The hits of one page, in order, nothing marked in them, and what was counted.

    Attributes:
        more: whether hits follow.
        total, full: as in `Results`.
        counted: the aggregations of `Asked.summary`.
        timed_out: whether time ran out, so that all of this is of a part of the articles.
    """

    hits: tuple[Hit, ...]
    more: bool
    total: int
    full: int
    counted: Json
    timed_out: bool

    def last_place(self, generation: str) -> Position | None:
        """Where the last hit stands; None where none follow, or none are shown."""
        if not self.more or not self.hits:
            return None
        last = self.hits[-1]
        seconds = published_seconds(last.article)
        return Position(last.rank, last.full, None if seconds == UNDATED else seconds, last.article.id, generation)


def page_of(asked: Asked) -> Page:
    """The hits that were asked for: of the numbered page, or those after a place.

    Raises:
        As `View.ask_all`, but for time that is out while it searches.
    """
    query = asked.query
    skipped = query.after.rank if query.after else (query.page - 1) * query.size
    searches = _searches(asked, skipped) if query.size else {}
    rows = asked.rows
    bodies = list(searches.values())
    if len(rows) == 1 and bodies:  # all in one
        found = asked.known.view.ask_all([bodies[0] | {"aggs": asked.aggregations}], asked.deadline, partial=True)
        summary = found[0]
    else:
        summary, *found = asked.known.view.ask_all([asked.summary, *bodies], asked.deadline, partial=True)
    hits = [(row, hit) for row, answer in zip(searches, found, strict=True) for hit in answer["hits"]["hits"]]
    if not query.after and len(rows) == 2:
        hits = hits[min(skipped, FEW) :]  # `_searches` asked for these because it is not known how many are full
    total, counted = total_of(summary), summary.get("aggregations", {})
    return Page(
        hits=tuple([
            asked.hit(row, hit, rank) for rank, (row, hit) in enumerate(hits[: query.size], start=skipped + 1)
        ]),
        more=len(hits) > query.size,
        total=total,
        full=counted["full"]["doc_count"] if "full" in counted else total,
        counted=counted,
        timed_out=any(answer["timed_out"] for answer in (summary, *found)),
    )


def _searches(asked: Asked, skipped: int) -> dict[Row, Json]:
    """By row the search for its part of a page, with one hit more, which tells whether hits follow."""
    query, rows, wanted = asked.query, asked.rows, asked.query.size + 1
    place = query.after
    if place:
        number = 0 if place.full or len(rows) == 1 else 1
        values = asked.values_at(place, rows[number])
        behind = {row: asked.search(row, wanted) for row in rows[number:]}
        if values is None:
            del behind[rows[number]]
        else:
            behind[rows[number]] |= {"search_after": values}
        return behind
    if len(rows) == 1:
        return _beginning(asked, rows[0], skipped, wanted)
    full, some = rows  # those with all words are few, so all of them are asked for
    return _beginning(asked, full, 0, FEW) | _beginning(asked, some, max(0, skipped - FEW), wanted + FEW)


def _beginning(asked: Asked, row: Row, skipped: int, size: int) -> dict[Row, Json]:
    """The search for the hits of a row after some; none where there are no more."""
    search = asked.search(row, size)
    if skipped + size <= PAGE:
        return {row: search | {"from": skipped}}
    values: Json = {}
    left = skipped
    while left:
        step = search | {"size": min(left, PAGE), "_source": False} | values
        hits = asked.known.view.ask(step, asked.deadline)["hits"]["hits"]
        if len(hits) < min(left, PAGE):
            return {}
        values = {"search_after": hits[-1]["sort"]}
        left -= len(hits)
    return {row: search | values}


def scanned(asked: Asked, reopened: Callable[[], View]) -> Iterator[Hit]:
    """Every hit in order, nothing marked in them, each fetched when it is asked for; with a place, those behind it.

    Args:
        asked: of a view that is this scan's own.
        reopened: gives another view of the same generation, where the cluster lost this one; raises where it cannot.
    """
    view = asked.known.view
    rank = asked.query.after.rank if asked.query.after else 0
    try:
        for row, search in _searches(asked, 0).items():
            values: Json = {}
            while True:
                try:
                    hits = view.ask(search | {"size": FETCHED_AT_ONCE} | values)["hits"]["hits"]
                except LostViewError:
                    view = reopened()
                    continue
                for hit in hits:
                    rank += 1
                    yield asked.hit(row, hit, rank)
                if len(hits) < FETCHED_AT_ONCE:
                    break
                values = {"search_after": hits[-1]["sort"]}
    finally:
        view.close()


def article_of(hit: Json, view: View) -> Article:
    """The article of a hit, with its topics, type and category in the spelling that the archive uses most.

    Raises:
        DamagedIndexError: it is not what was sent.
    """
    try:
        article = unpack(hit["_source"]["article"].encode())
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        text = f"the index {view.published.index} holds what is no article: {error}"
        raise DamagedIndexError(text, path=Path(view.published.index)) from error
    topics = tuple([view.spelling("topic", topic) for topic in article.topics])
    kind, category = view.spelling("type", article.type), view.spelling("category", article.category)
    return replace(article, topics=topics, type=kind, category=category)
