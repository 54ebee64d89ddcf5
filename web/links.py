"""Addresses that keep the state: every facet value, sort order, page and note is a link made here.

An address is a base path (the page's or the API's) and a `Query` written as parameters in one fixed order, so that
one state has one address. `web.params` reads them back.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from search.query import FACETS, Filters, Match, Query, Sort
from search.results import Bucket, Note, YearBucket
from web.params import MAX_DEPTH, end_of, start_of


def address(base: str, query: Query) -> str:
    """The address of `query`; whatever is as by default is left out."""
    pairs = parameters(query)
    return f"{base}?{urlencode(pairs, errors='replace')}" if pairs else base


def parameters(query: Query) -> list[tuple[str, str]]:
    """Name and value of every parameter, in the one order that addresses have."""
    usual = Query()
    pairs = [("q", query.text)] if query.text else []
    if query.match != usual.match:
        pairs.append(("match", query.match))
    for name in FACETS:
        pairs += [(name, value) for value in sorted(query.filters.chosen.get(name, ()))]
    pairs += [("missing", name) for name in sorted(query.filters.missing)]
    pairs += _dates(query.filters)
    if query.sort != usual.sort:
        pairs.append(("sort", query.sort))
    if query.size != usual.size:
        pairs.append(("size", str(query.size)))
    if query.page != usual.page:
        pairs.append(("page", str(query.page)))
    return pairs


def path_of(base: str, article_id: str) -> str:
    """The address of an article below `base`."""
    return base + quote(article_id, safe="/", errors="replace")


def page_count(total: int, size: int) -> int:
    """How many pages can be asked for: those that hold hits, down to the deepest one served."""
    return min(-(-total // size), MAX_DEPTH // size) if size else 0


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses around one query.

    Attributes:
        base: path of the page or of the API.
        query: the present state.
    """

    base: str
    query: Query

    def here(self) -> str:
        return address(self.base, self.query)

    def toggle(self, facet: str, bucket: Bucket) -> str:
        """Choose the value, or take it back where it is chosen; None is the bucket of articles without one."""
        if bucket.value is None:
            return self.toggle_missing(facet)
        present = self.query.filters.chosen.get(facet, ())
        # The archive's most frequent spelling may differ in case from the one in the address.
        others = tuple(value for value in present if value.casefold() != bucket.value.casefold())
        taken = others if bucket.selected or others != present else (*present, bucket.value)
        return self._filtered(chosen={**self.query.filters.chosen, facet: taken})

    def toggle_missing(self, facet: str) -> str:
        return self._filtered(missing=self.query.filters.missing ^ {facet})

    def toggle_date(self, bucket: Bucket | YearBucket) -> str:
        """Choose the year ("2021") or month ("2021-03") alone, or take it back where it is just what is chosen."""
        if bucket.value is None:
            return self.toggle_missing("date")
        start, end = start_of(bucket.value), end_of(bucket.value)
        if (self.query.filters.start, self.query.filters.end) == (start, end):
            return self.without_dates()
        return self._filtered(start=start, end=end)

    def without_dates(self) -> str:
        return self._filtered(start=None, end=None)

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

    def _filtered(self, **changes: object) -> str:
        filters = replace(self.query.filters, **changes)  # type: ignore[arg-type]
        return address(self.base, replace(self.query, filters=filters, page=1))


def _dates(filters: Filters) -> list[tuple[str, str]]:
    pairs = []
    if filters.start:
        pairs.append(("from", filters.start.date().isoformat()))
    if filters.end:
        pairs.append(("to", last_day(filters.end)))
    return pairs


def last_day(end: datetime) -> str:
    """The last day before the moment `end`, as the parameter `to` has it."""
    return (end - timedelta(microseconds=1)).date().isoformat()
