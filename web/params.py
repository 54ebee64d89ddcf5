"""URL parameters -> `search.query.Query`: read once here, so that nothing further in sees a request.

Two ways of reading: `parse_query` is strict and says which parameter is wrong (the API, the command line);
`read_query` takes what it can and ignores the rest (the page: whatever stands in the address gets an answer).
Addresses are built the other way round, from a `Query`, by `web.links`.

The parameters: `q`, `match`; `topic`, `provider`, `type`, `category`, `exclude_topic` and so on, `missing` (each
repeatable); `from` and `to` (a day `2021-12-13`, a month `2021-12` or a year `2021`; both inclusive, UTC); `sort`,
`page`, `size`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, get_args

from search.dates import period
from search.query import FACETS, Filters, Match, Query, Sort

Pairs = Iterable[tuple[str, str]]

MISSING = (*FACETS, "date")
SINGLE = ("q", "match", "from", "to", "sort", "page", "size")
EXCLUDE = {name: f"exclude_{name}" for name in FACETS}
"""By facet, the parameter that leaves out articles with a value of it."""
REPEATABLE = (*FACETS, *EXCLUDE.values(), "missing")
MAX_SIZE = 100
MAX_DEPTH = 10_000
"""Hits that can be paged through; deeper ones cost more than any reader gets from them."""

_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_T = TypeVar("_T")


class ParameterError(ValueError):
    """A parameter that cannot be read; `detail` is one plain sentence for whoever sent it."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail


def parse_query(pairs: Pairs) -> Query:
    """The query that the parameters ask for, every one of them checked.

    Raises:
        ParameterError: unknown, repeated, empty or unreadable; it names the parameter.
    """
    given = _Given.of(pairs)
    for name, values in given.values.items():
        if name not in SINGLE and name not in REPEATABLE:
            known = ", ".join((*SINGLE, *REPEATABLE))
            raise ParameterError(name, f"There is no such parameter; there are {known}.")
        if name in SINGLE and len(values) > 1:
            raise ParameterError(name, "This parameter can be given once only.")
        if name != "q" and not all(value.strip() for value in values):
            raise ParameterError(name, "This parameter is empty; leave it out instead.")
    query = _build(given)
    start, end = query.filters.start, query.filters.end
    if start and end and start >= end:
        raise ParameterError("from", "This date is later than the one in 'to'.")
    return query


def read_query(pairs: Pairs) -> Query:
    """The query that can be made of the parameters; what cannot be read is as good as absent."""
    return _build(_Given.of(pairs, lenient=True))


@dataclass(frozen=True, slots=True)
class _Given:
    """The parameters by name, in their order; `lenient` decides what `read` does with a bad value."""

    values: dict[str, list[str]] = field(default_factory=dict)
    lenient: bool = False

    @classmethod
    def of(cls, pairs: Pairs, *, lenient: bool = False) -> "_Given":
        given = cls({}, lenient)
        for name, value in pairs:
            given.values.setdefault(clean(name), []).append(clean(value))
        return given

    def read(self, name: str, convert: Callable[[str], _T]) -> list[_T]:
        """Every value of `name`, converted; repeats are dropped."""
        found: dict[_T, None] = {}
        for value in self.values.get(name, ()):
            try:
                found[convert(value.strip())] = None
            except ValueError as error:
                if not self.lenient:
                    raise ParameterError(name, str(error)) from error
        return list(found)

    def first(self, name: str, convert: Callable[[str], _T], default: _T) -> _T:
        return next(iter(self.read(name, convert)), default)


def clean(text: str) -> str:
    """`text` without the two things that no later step can write out: NUL and lone surrogates."""
    return _UNREADABLE.sub("\ufffd", text)


def _build(given: _Given) -> Query:
    start, end = given.first("from", start_of, None), given.first("to", end_of, None)
    if given.lenient and start and end and start >= end:  # meant the other way round
        start, end = given.first("to", start_of, None), given.first("from", end_of, None)
    chosen = {name: tuple(given.read(name, _text)) for name in FACETS}
    excluded = {name: tuple(given.read(EXCLUDE[name], _text)) for name in FACETS}
    filters = Filters(
        chosen={name: values for name, values in chosen.items() if values},
        missing=frozenset(given.read("missing", _one_of(MISSING))),
        start=start,
        end=end,
        excluded={name: values for name, values in excluded.items() if values},
    )
    size = given.first("size", _number(0, MAX_SIZE), Query().size)
    deepest = MAX_DEPTH // max(size, 1)
    return Query(
        text=next(iter(given.values.get("q", ())), ""),
        match=given.first("match", _one_of(get_args(Match)), "auto"),
        filters=filters,
        sort=given.first("sort", _one_of(get_args(Sort)), "relevance"),
        page=given.first("page", _number(1, deepest), 1),
        size=size,
    )


def _text(value: str) -> str:
    if not value:
        raise ValueError("This parameter is empty; leave it out instead.")
    return value


def _one_of(words: tuple[Any, ...]) -> Callable[[str], Any]:
    def convert(value: str) -> Any:
        if value not in words:
            raise ValueError(f"This is not one of {', '.join(words)}.")
        return value

    return convert


def _number(least: int, most: int) -> Callable[[str], int]:
    def convert(value: str) -> int:
        # Longer than any bound: int() would refuse thousands of digits with a text of its own.
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(f"This is not a whole number from {least} to {most}.")
        return int(value)

    return convert


def start_of(value: str) -> datetime:
    """The first moment of a day, month or year."""
    return _period(value)[0]


def end_of(value: str) -> datetime:
    """The first moment after the day, month or year; the end of time itself for the year 9999."""
    return _period(value)[1]


def _period(value: str) -> tuple[datetime, datetime]:
    found = period(value)
    if not found:
        raise ValueError("This is not a date such as 2021-12-13, 2021-12 or 2021.")
    return found
