"""Addresses that keep the state: every facet value, sort order, page and note is a link made here.

An address is a base path (the page's or the API's) and a `Query` written as parameters in one fixed order, so that
one state has one address. `web.params` reads them back.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from urllib.parse import quote, quote_plus, urlencode

from search.query import FACETS, Filters, Match, Query, Sort
from search.results import Bucket, Note, YearBucket
from web.params import MAX_DEPTH, end_of, start_of

_USUAL = Query()


def address(base: str, query: Query) -> str:
    """The address of `query`; whatever is as by default is left out."""
    pairs = parameters(query)
    return f"{base}?{urlencode(pairs, errors='replace')}" if pairs else base


def parameters(query: Query) -> list[tuple[str, str]]:
    """Name and value of every parameter, in the one order that addresses have."""
    return list(chain.from_iterable(_parameters(query).values()))


def _parameters(query: Query) -> dict[str, list[tuple[str, str]]]:
    """As `parameters`, by what they say: each facet's, "date" with both ends, and the others by their own names."""
    filters = query.filters
    return {
        "q": [("q", query.text)] if query.text else [],
        "match": [("match", query.match)] if query.match != _USUAL.match else [],
        **{name: [(name, value) for value in sorted(filters.chosen.get(name, ()))] for name in FACETS},
        "missing": [("missing", name) for name in sorted(filters.missing)],
        "date": _dates(filters.start, filters.end),
        "sort": [("sort", query.sort)] if query.sort != _USUAL.sort else [],
        "size": [("size", str(query.size))] if query.size != _USUAL.size else [],
        "page": [("page", str(query.page))] if query.page != _USUAL.page else [],
    }


def path_of(base: str, article_id: str) -> str:
    """The address of an article below `base`."""
    return base + quote(article_id, safe="/", errors="replace")


def page_count(total: int, size: int) -> int:
    """How many pages can be asked for: those that hold hits, down to the deepest one served."""
    return min(-(-total // size), MAX_DEPTH // size) if size else 0


class Links:
    """The addresses around one query.

    Attributes:
        base: path of the page or of the API.
        query: the present state.
    """

    def __init__(self, base: str, query: Query) -> None:
        self.base = base
        self.query = query
        first_page = _parameters(replace(query, page=1))
        self._first_page = {name: urlencode(pairs, errors="replace") for name, pairs in first_page.items()}
        self._around: dict[str, tuple[str, str]] = {}

    def here(self) -> str:
        return address(self.base, self.query)

    def toggle(self, facet: str, bucket: Bucket) -> str:
        """Choose the value, or take it back where it is chosen; None is the bucket of articles without one."""
        if bucket.value is None:
            return self.toggle_missing(facet)
        present = self.query.filters.chosen.get(facet, ())
        if not present:
            return self._with(facet, _pair(facet, bucket.value))
        # The archive's most frequent spelling may differ in case from the one in the address.
        others = tuple(value for value in present if value.casefold() != bucket.value.casefold())
        taken = others if bucket.selected or others != present else (*present, bucket.value)
        return self._with(facet, "&".join(_pair(facet, value) for value in sorted(taken)))

    def toggle_missing(self, facet: str) -> str:
        missing = self.query.filters.missing ^ {facet}
        return self._with("missing", "&".join(_pair("missing", name) for name in sorted(missing)))

    def toggle_date(self, bucket: Bucket | YearBucket) -> str:
        """Choose the year ("2021") or month ("2021-03") alone, or take it back where it is just what is chosen."""
        if bucket.value is None:
            return self.toggle_missing("date")
        filters = self.query.filters
        if (filters.start or filters.end) and (filters.start, filters.end) == _ends(bucket.value):
            return self.without_dates()
        return self._with("date", _date_pairs(bucket.value))

    def without_dates(self) -> str:
        return self._with("date", "")

    def without_filters(self) -> str:
        return address(self.base, replace(self.query, filters=Filters(), page=1))

    def sort(self, order: Sort) -> str:
        return address(self.base, replace(self.query, sort=order, page=1))

    def match(self, match: Match) -> str:
        return address(self.base, replace(self.query, match=match, page=1))

    def page(self, number: int) -> str:
        return address(self.base, replace(self.query, page=number))

    def next(self, total: int) -> str | None:
        number = self.query.page
        return self.page(number + 1) if number < page_count(total, self.query.size) else None

    def previous(self, total: int) -> str | None:
        """The page before this one; from beyond the end, the last page."""
        number = min(self.query.page - 1, page_count(total, self.query.size))
        return self.page(number) if number > 0 else None

    def note(self, note: Note) -> str | None:
        """What the note offers to ask instead."""
        if note.query is None:
            return None
        match = note.match or self.query.match
        return address(self.base, replace(self.query, text=note.query, match=match, page=1))

    def _with(self, name: str, pairs: str) -> str:
        """The address from page 1 with these parameters, written out, in place of those of `name`.

        There are dozens of such addresses on a page, so what stands around those parameters is written once.
        """
        around = self._around.get(name)
        if around is None:
            around = self._around[name] = self._before_and_after(name)
        before, after = around
        changed = f"{before}&{pairs}{after}" if pairs else before + after
        return f"{self.base}?{changed[1:]}" if changed else self.base

    def _before_and_after(self, name: str) -> tuple[str, str]:
        """The parameters around those of `name`, each with "&" before it."""
        names = list(self._first_page)
        parts = [f"&{part}" if part else "" for part in self._first_page.values()]
        at = names.index(name)
        return "".join(parts[:at]), "".join(parts[at + 1 :])


@lru_cache(maxsize=20_000)
def _pair(name: str, value: str) -> str:
    """One parameter as an address has it; values of facets recur."""
    return f"{name}={quote_plus(value, errors='replace')}"


@lru_cache(maxsize=2_000)
def _ends(period: str) -> tuple[datetime, datetime]:
    """The first moment of a year or month, and the first after it."""
    return start_of(period), end_of(period)


@lru_cache(maxsize=2_000)
def _date_pairs(period: str) -> str:
    return urlencode(_dates(*_ends(period)))


def _dates(start: datetime | None, end: datetime | None) -> list[tuple[str, str]]:
    pairs = []
    if start:
        pairs.append(("from", start.date().isoformat()))
    if end:
        pairs.append(("to", last_day(end)))
    return pairs


def last_day(end: datetime) -> str:
    """The last day before the moment `end`, as the parameter `to` has it."""
    return (end - timedelta(microseconds=1)).date().isoformat()
