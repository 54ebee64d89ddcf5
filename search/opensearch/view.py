"""One generation of an index on a cluster, held still: every question to a `View` is answered from the same documents.

It is a point-in-time of OpenSearch, so neither a reindex beside it nor a refresh changes what it holds. The cluster
forgets it when nobody asks for some minutes, or when a node that held a part of it is lost; what is asked then raises
LostViewError, and whoever asked begins anew with another view.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from index.errors import EngineUnreachableError
from index.opensearch.connection import AnsweredError, Cluster, Json
from index.opensearch.mapping import DIVIDER
from index.opensearch.store import Published
from search.limits import NEVER, Deadline, OutOfTimeError

KEPT = "5m"  # how long the cluster keeps a view that nobody asks

PAGE = 10_000
"""Rows of one answer: what OpenSearch gives of buckets and hits unless told otherwise."""

_LEAST_MS = 200.0  # for an answer of which a part will do
_OVERHEAD_S = 2.0  # that an answer may take beyond the time that the search itself has
_LONGEST_S = 60.0
_GONE = frozenset({404, 500, 502, 503, 504})
_REGEX_SIGNS = re.compile(r"[^\w\s]")


class LostViewError(Exception):
    """The cluster no longer holds what a view was of; never leaves this package."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What ranking needs to know of all articles.

    Attributes:
        articles: how many there are.
        length: weighted tokens of all, in halves.
        newest: seconds since 1970, None where none is dated.
    """

    articles: int
    length: int
    newest: int | None

    @property
    def average_length(self) -> float:
        """In halves."""
        return self.length / max(1, self.articles) or 1.0


class View:
    """A generation; safe to share between threads."""

    def __init__(self, cluster: Cluster, published: Published) -> None:
        """Hold it still.

        Raises:
            LostViewError: its index is not there any more.
            EngineUnreachableError: as `Cluster.ask`.
        """
        self.published = published
        self._cluster = cluster
        try:
            opened = cluster.ask(
                "POST",
                f"/{published.index}/_search/point_in_time",
                params={"keep_alive": KEPT, "allow_partial_pit_creation": "false"},
            )
        except AnsweredError as error:
            raise _lost_or_refused(error) from error
        self._id = str(opened["pit_id"])

    @property
    def generation(self) -> str:
        return self.published.manifest.generation

    @cached_property
    def totals(self) -> Totals:
        """Of the articles in this view."""
        aggregations = {"length": {"sum": {"field": "length"}}, "newest": {"max": {"field": "published"}}}
        answer = self.ask({"size": 0, "aggs": aggregations})
        length, newest = (answer["aggregations"][name]["value"] for name in ("length", "newest"))
        return Totals(total_of(answer), round(length), None if newest is None else round(newest))

    def ask(self, body: Json, deadline: Deadline = NEVER) -> Json:
        """The answer to one search; see `ask_all`."""
        (answer,) = self.ask_all([body], deadline)
        return answer

    def ask_all(self, bodies: Sequence[Json], deadline: Deadline = NEVER, *, partial: bool = False) -> list[Json]:
        """The answers to several searches, which are sent together.

        Args:
            bodies: of `_search`; all matches are counted, whatever they say.
            deadline: when time is out.
            partial: whether a part of an answer will do, where time was out; its `timed_out` says so.

        Raises:
            OutOfTimeError: time was out.
            LostViewError: see above.
            EngineUnreachableError: as `Cluster.ask`.
        """
        if not bodies:
            return []
        left = deadline.left_ms
        if partial and left is not None:
            left = max(left, _LEAST_MS)
        elif left is not None:
            deadline.check()
        header = b'{"allow_partial_search_results":%s}\n' % (b"true" if partial else b"false")
        common: Json = {"pit": {"id": self._id, "keep_alive": KEPT}, "track_total_hits": True}
        if left is not None:
            common["timeout"] = f"{max(1, round(left))}ms"
        lines = b"".join([header + orjson.dumps(common | body) + b"\n" for body in bodies])
        timeout_s = _LONGEST_S if left is None else left / 1000 + _OVERHEAD_S
        try:
            answer = self._cluster.ask("POST", "/_msearch", lines.decode(), timeout_s=timeout_s)
        except AnsweredError as error:
            raise _lost_or_refused(error) from error
        answers = answer.get("responses", [])
        for each in answers:
            _expect_whole(each, partial=partial)
        return list(answers)

    def spelling(self, facet: str, value: str) -> str:
        """How a value of an article is written in the archive as a whole."""
        return self.published.spellings.get(facet, {}).get(value.casefold(), value)

    def walk(self, field: str, query: Json, deadline: Deadline = NEVER) -> Iterator[tuple[Any, int]]:
        """Every value of a field that some of the articles found by `query` have, and how many have it; by value.

        Raises:
            As `ask_all`.
        """
        after: Json = {}
        while True:
            source = {"sources": [{"value": {"terms": {"field": field}}}], "size": PAGE} | after
            answer = self.ask({"size": 0, "query": query, "aggs": {"values": {"composite": source}}}, deadline)
            found = answer["aggregations"]["values"]
            yield from ((bucket["key"]["value"], bucket["doc_count"]) for bucket in found["buckets"])
            if len(found["buckets"]) < PAGE or "after_key" not in found:
                return
            after = {"after": found["after_key"]}

    def close(self) -> None:
        """Let the cluster forget the view."""
        try:
            self._cluster.ask("DELETE", "/_search/point_in_time", {"pit_id": [self._id]})
        except (AnsweredError, EngineUnreachableError):  # then it forgets by itself
            return


def total_of(answer: Json) -> int:
    """How many articles a search found."""
    return int(answer["hits"]["total"]["value"])


def escaped(text: str) -> str:
    """Text as a regular expression of OpenSearch that matches just that."""
    return _REGEX_SIGNS.sub(r"\\\g<0>", text)


def split_spelled(value: str) -> tuple[str, str]:
    """The folded form and the spelling of a value of a field that has both."""
    folded, _, spelling = value.partition(DIVIDER)
    return folded, spelling


def _expect_whole(answer: Mapping[str, Any], *, partial: bool) -> None:
    described = answer.get("error")
    if described:
        status = answer.get("status")
        text = orjson.dumps(described).decode()
        if "Time exceeded" in text or "QueryCancelled" in text or "task_cancelled" in text:
            raise OutOfTimeError
        if status in _GONE or status == 429:
            raise LostViewError(text)
        raise EngineUnreachableError(f"OpenSearch refuses a query: {described.get('reason', text)}")
    if answer["timed_out"] and not partial:
        raise OutOfTimeError
    if answer["_shards"]["failed"]:
        raise LostViewError("some shards did not answer")


def _lost_or_refused(error: AnsweredError) -> Exception:
    if error.status in _GONE or error.status == 429:
        return LostViewError(str(error))
    return EngineUnreachableError(f"OpenSearch refuses a query: {error}")
