"""What is asked and answered in the speed benchmark: `Ask`, `Answer`, and the contract of a measured engine.

The adapters of the engines are `bench.ours` and `bench.peer_*`, found by name in `bench.engines`; what is asked comes
from `bench.queries`. This module stays light: it is part of every engine's start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from index.article import Article

Operator = Literal["all", "any", "phrase", "prefix"]

WEIGHTS = {"title": 3.0, "excerpt": 1.0, "body": 1.0, "topics": 0.5, "provider": 0.5, "authors": 1.5}
"""Searched fields and how much an occurrence counts, as Broadsheet weighs them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, in no engine's syntax.

    Attributes:
        kind: see `bench.queries.KINDS`.
        topic: only articles with this topic, "" for all.
        start, end: only articles published at or after `start`, before `end`; seconds since 1970, both or none.
    """

    kind: str
    words: tuple[str, ...]
    operator: Operator = "all"
    topic: str = ""
    start: int | None = None
    end: int | None = None

    @property
    def span(self) -> tuple[int, int] | None:
        """The asked time, None where it is not asked for."""
        return None if self.start is None or self.end is None else (self.start, self.end)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine found.

    Attributes:
        ids, scores: the best ten, best first.
        total: all matches; -1 where it was not asked for.
        topics, months: how many matches have each topic, and each month ("2020-05"); empty where not asked for.
    """

    ids: list[str]
    scores: list[float]
    total: int
    topics: Mapping[str, int]
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """An article as the peers index it.

    Attributes:
        texts: text by field of `WEIGHTS`, only fields that some article of the corpus fills.
        published: seconds since 1970, None for an undated article.
        article: what the row is made of, for the variants that keep all of it.
    """

    id: str
    texts: dict[str, str]
    topics: tuple[str, ...]
    published: int | None
    month: int | None
    article: Article


class Searcher(Protocol):
    """An opened index. One call of `answer` is what is measured: from query text to the parts of an `Answer`."""

    def prepare(self, ask: Ask) -> Any:
        """The question as a program would hand it over, text included; not measured. None: it cannot be asked."""

    def answer(self, question: Any, *, facets: bool, total: bool) -> Answer:
        """Ask it; `total` False allows an engine to skip what cannot be among the best ten."""

    def close(self) -> None: ...


class Peer(Protocol):
    """An engine as a module gives it."""

    def build(self, rows: Iterable[Row], fields: tuple[str, ...], folder: Path) -> None:
        """Index all rows into an empty folder, then merge and optimise as the engine can."""

    def open(self, folder: Path) -> Searcher: ...


def month_name(month: int) -> str:
    """ "2020-05" for months counted from the year 0."""
    return f"{month // 12:04}-{month % 12 + 1:02}"


def spread(sets: Mapping[tuple[str, ...], int]) -> dict[str, int]:
    """Counts by topic from counts by set of topics."""
    topics: dict[str, int] = {}
    for names, count in sets.items():
        for name in names:
            topics[name] = topics.get(name, 0) + count
    return topics
