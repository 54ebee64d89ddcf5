"""The query: a small tree of ours plus filters, sort and page.

Whatever a person types becomes one of these (`search.parser`); each engine compiles it in its own way. Nothing
here does I/O or knows an engine's syntax.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from datetime import datetime
from typing import Literal

Match = Literal["auto", "all", "any"]
Sort = Literal["relevance", "newest", "oldest", "id"]
Interval = Literal["year", "month", "week", "day"]

FACETS = ("topic", "provider", "type", "category")
COUNTED = (*FACETS, "date")
"""What can be counted over all matches."""

SHOWN = 20
"""Most frequent values a facet, to which chosen and excluded ones are added, where a query does not say."""


@dataclass(frozen=True, slots=True)
class Word:
    """One typed word, as typed; it matches its exact form, its stem and its joined or divided spellings."""

    text: str
    field: str = ""
    capitals: bool = True  # False where the whole query is in capitals, so that case tells nothing
    span: tuple[int, int] = field_(default=(0, 0), compare=False)  # where it stands in what was typed


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in quotes: their exact forms side by side in one field."""

    text: str
    field: str = ""
    capitals: bool = True  # as for `Word`


@dataclass(frozen=True, slots=True)
class Prefix:
    """`clou*`: every word that begins so."""

    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Keyword:
    """The whole value of a keyword field (`type:video`), upper and lower case alike; `prefix` for `type:vid*`."""

    field: str
    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """Published at or after `start` and before `end` (UTC, tz-aware); None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Any address of an article."""

    text: str


@dataclass(frozen=True, slots=True)
class And:
    """Every clause. `relaxable` where the words were simply typed side by side (see `match=auto`)."""

    clauses: tuple["Node", ...]
    relaxable: bool = False


@dataclass(frozen=True, slots=True)
class Or:
    clauses: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    clause: "Node"


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty query and a bare `*`."""


Node = Word | Phrase | Prefix | Keyword | Range | Address | And | Or | Not | Everything


@dataclass(frozen=True, slots=True)
class Filters:
    """The reader's facet choices: OR within a facet, AND across facets; and what is left out.

    A value both chosen and excluded is excluded only: it is dropped from `chosen` here, so that nothing meets it twice.

    Attributes:
        chosen: chosen values by facet name (of `FACETS`).
        missing: facets (of `FACETS`, or "date") whose bucket of articles without a value is chosen.
        start, end: published at or after `start`, before `end` (UTC, tz-aware); the choice of the date facet.
        excluded: values by facet name (of `FACETS`); articles with any of them are left out.
    """

    chosen: dict[str, tuple[str, ...]] = field_(default_factory=dict)
    missing: frozenset[str] = frozenset()
    start: datetime | None = None
    end: datetime | None = None
    excluded: dict[str, tuple[str, ...]] = field_(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.excluded:
            return
        chosen = {}
        for name, values in self.chosen.items():
            excluded = {value.casefold() for value in self.excluded.get(name, ())}
            kept = tuple(value for value in values if value.casefold() not in excluded)
            if kept:
                chosen[name] = kept
        object.__setattr__(self, "chosen", chosen)  # as frozen dataclasses set what they make of their arguments


@dataclass(frozen=True, slots=True)
class Position:
    """Where a hit stands in the order of one query, so that those after it can be asked for.

    Full matches stand before partial ones in every order. Within them, an order by date or id depends on nothing but
    the article, so such a position outlives its generation; one by relevance does not.

    Attributes:
        rank: of the hit, 1-based.
        full: whether it holds all words.
        published: seconds since 1970, None for an undated article.
        id: of the article.
        generation: that the hit was found in.
    """

    rank: int
    full: bool
    published: int | None
    id: str
    generation: str


@dataclass(frozen=True, slots=True)
class Query:
    """One question to an engine.

    Attributes:
        text: what was typed; engines use as much of it as their settings say (`cut_text`).
        match: how many of the words must match; `auto` is explained in `search.evaluate`.
        page: 1-based.
        size: hits a page, 0..100.
        facets: which of `COUNTED` to count, and how many of the most frequent values to give, 0 or more; chosen and
            excluded ones and the bucket of articles without a value are given in any case ("date" gives all).
        highlight: whether hits carry ranges and snippets, which cost more than finding them.
        explain: whether hits carry how their score came about.
        after: the hits after this one, whatever the page.
    """

    text: str = ""
    match: Match = "auto"
    filters: Filters = Filters()
    sort: Sort = "relevance"
    page: int = 1
    size: int = 10
    facets: Mapping[str, int] = field_(default_factory=lambda: dict.fromkeys(COUNTED, SHOWN))
    highlight: bool = True
    explain: bool = False
    after: Position | None = None


def cut_text(text: str, limit: int) -> str:
    """As many whole words of a text as `limit` characters hold; of one that is too long its beginning."""
    if len(text) <= limit:
        return text
    return text[: limit + 1].rpartition(" ")[0] or text[:limit]
