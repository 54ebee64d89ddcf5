"""Addresses that keep the state: every facet value, sort order, page and note is a link made here.

An address is a base path (the page's or the API's) and a `Query` written as parameters in one fixed order, so that
one state has one address. `web.params` reads them back.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from urllib.parse import quote, quote_plus, urlencode

from index.settings import Settings
from search.query import FACETS, Filters, Match, Query, Sort
from search.results import Bucket, Note, Suggestion, YearBucket
from web.params import EXCLUDE, Pairs, deepest_page, end_of, start_of

ROOT = "/api/v1"
"""What the addresses of the API begin with, below whatever the site is below."""
_USUAL = Query()
_DEPTH = Settings().max_depth


def address(base: str, query: Query, usual: Query = _USUAL, also: Pairs = ()) -> str:
    """The address of `query`, and of other parameters.

    Whatever is as in `usual`, which is what `base` takes for granted, is left out.
    """
    pairs = [*parameters(query, usual), *also]
    return f"{base}?{urlencode(pairs, errors='replace')}" if pairs else base


def parameters(query: Query, usual: Query = _USUAL) -> list[tuple[str, str]]:
    """Name and value of every parameter, in the one order that addresses have."""
    return list(chain.from_iterable(_parameters(query, usual).values()))


def _parameters(query: Query, usual: Query) -> dict[str, list[tuple[str, str]]]:
    """As `parameters`, by name; both ends of the dates under "date"."""
    filters = query.filters
    return {
        "q": [("q", query.text)] if query.text else [],
        "match": [("match", query.match)] if query.match != usual.match else [],
        **{name: [(name, value) for value in sorted(filters.chosen.get(name, ()))] for name in FACETS},
        **{
            name: [(name, value) for value in sorted(filters.excluded.get(facet, ()))]
            for facet, name in EXCLUDE.items()
        },
        "missing": [("missing", name) for name in sorted(filters.missing)],
        "date": _dates(filters.start, filters.end),
        "sort": [("sort", query.sort)] if query.sort != usual.sort else [],
        "size": [("size", str(query.size))] if query.size != usual.size else [],
        "page": [("page", str(query.page))] if query.page != usual.page else [],
    }


def address_of_value(base: str, facet: str, value: str) -> str:
    """The address of all articles with one value of a facet, as `address` has it."""
    return f"{base}?{_pair(facet, value)}"


def path_of(base: str, article_id: str) -> str:
    """The address of an article below `base`."""
    return base + quote(article_id, safe="/", errors="replace")


def address_of_suggestion(suggestion: Suggestion, search: str, articles: str) -> str:
    """What a suggestion leads to: a search below `search`, or the article below `articles`."""
    if suggestion.kind == "title":
        return path_of(articles, suggestion.id)
    if suggestion.kind == "topic":
        return address_of_value(search, "topic", suggestion.text)
    return address(search, Query(text=suggestion.text))


def page_count(total: int, size: int, depth: int = _DEPTH) -> int:
    """How many pages can be asked for: those that hold hits, down to the depth (in hits) that is served."""
    return min(-(-total // size), deepest_page(depth, size)) if size else 0


class Links:
    """The addresses around one query.

    Attributes:
        base: path of the page or of the API.
        query: the present state.
        depth: in hits, how far pages reach.
        also: further parameters that stay as they are.
        first_page: the same, on its first page.
    """

    def __init__(self, base: str, query: Query, depth: int = _DEPTH, also: Pairs = ()) -> None:
        self.base = base
        self.query = query
        self.depth = depth
        self.also = tuple(also)
        self.first_page = replace(query, page=1)
        parameters_of = _parameters(self.first_page, _USUAL)
        self._written = {name: urlencode(pairs, errors="replace") for name, pairs in parameters_of.items()}
        self._written["also"] = urlencode(self.also, errors="replace")
        filters = query.filters
        self._values = {name: filters.chosen.get(name, ()) for name in FACETS}
        self._values |= {name: filters.excluded.get(facet, ()) for facet, name in EXCLUDE.items()}

    def here(self) -> str:
        return self.to(self.query)

    def to(self, query: Query) -> str:
        return address(self.base, query, also=self.also)

    def cursor(self, cursor: str) -> str:
        """The hits that follow a place; `cursor` has it."""
        return address(self.base, self.first_page, also=(*self.also, ("cursor", cursor)))

    def toggle(self, facet: str, bucket: Bucket) -> str:
        """Choose the value, or take it back where it is chosen; None is the bucket of articles without one.

        An excluded value is chosen instead.
        """
        if bucket.value is None:
            return self.toggle_missing(facet)
        return self._toggle(facet, EXCLUDE[facet], bucket.value, taken=bucket.selected)

    def toggle_excluded(self, facet: str, bucket: Bucket) -> str | None:
        """Exclude the value, or take that back where it is excluded; a chosen value is excluded instead.

        None for the bucket of articles without a value, which cannot be excluded.
        """
        if bucket.value is None:
            return None
        return self._toggle(EXCLUDE[facet], facet, bucket.value, taken=bucket.excluded)

    def _toggle(self, name: str, opposite: str, value: str, *, taken: bool) -> str:
        """Give the parameter `name` this value too, or take it back where it is `taken`; `opposite` loses it."""
        present, against = self._values[name], self._values[opposite]
        if not present and not against:
            return self._with({name: _pair(name, value)})
        # The archive's most frequent spelling may differ in case from the one in the address.
        folded = value.casefold()
        others = [each for each in present if each.casefold() != folded]
        if not taken and len(others) == len(present):
            others.append(value)
        left = [each for each in against if each.casefold() != folded]
        return self._with({name: _pairs(name, others), opposite: _pairs(opposite, left)})

    def toggle_missing(self, facet: str) -> str:
        missing = self.query.filters.missing ^ {facet}
        return self._with({"missing": _pairs("missing", missing)})

    def toggle_date(self, bucket: Bucket | YearBucket) -> str:
        """Choose the year ("2021") or month ("2021-03") alone, or take it back where it is just what is chosen."""
        if bucket.value is None:
            return self.toggle_missing("date")
        return self.toggle_period(bucket.value, bucket.value)

    def toggle_period(self, first: str, last: str) -> str:
        """Choose the time from one year, month or day to another, both included, or take it back where it is chosen."""
        if self.is_period(first, last):
            return self.without_dates()
        return self._with({"date": _date_pairs(first, last)})

    def is_period(self, first: str, last: str) -> bool:
        """Whether just this time is chosen."""
        filters = self.query.filters
        return bool(filters.start or filters.end) and (filters.start, filters.end) == _ends(first, last)

    def without_dates(self) -> str:
        return self._with({"date": ""})

    def without_filters(self) -> str:
        return self.to(replace(self.query, filters=Filters(), page=1))

    def sort(self, order: Sort) -> str:
        return self.to(replace(self.query, sort=order, page=1))

    def match(self, match: Match) -> str:
        return self.to(replace(self.query, match=match, page=1))

    def page(self, number: int) -> str:
        return self.to(replace(self.query, page=number))

    def next(self, total: int) -> str | None:
        number = self.query.page
        return self.page(number + 1) if number < page_count(total, self.query.size, self.depth) else None

    def previous(self, total: int) -> str | None:
        """The page before this one; from beyond the end, the last page."""
        number = min(self.query.page - 1, page_count(total, self.query.size, self.depth))
        return self.page(number) if number > 0 else None

    def note(self, note: Note) -> str | None:
        """What the note offers to ask instead."""
        if note.query is None:
            return None
        match = note.match or self.query.match
        return self.to(replace(self.query, text=note.query, match=match, page=1))

    def _with(self, changed: dict[str, str]) -> str:
        """The address from page 1 with these parameters, by name and written out, in place of those of their names.

        There are dozens of such addresses on a page, so the parameters that stay are written once.
        """
        pairs = "&".join(filter(None, (self._written | changed).values()))
        return f"{self.base}?{pairs}" if pairs else self.base


def _pairs(name: str, values: Iterable[str]) -> str:
    """A parameter with each of its values, as an address has them."""
    return "&".join([_pair(name, value) for value in sorted(values)])


@lru_cache(maxsize=20_000)
def _pair(name: str, value: str) -> str:
    """One parameter as an address has it; values of facets recur."""
    return f"{name}={quote_plus(value, errors='replace')}"


@lru_cache(maxsize=2_000)
def _ends(first: str, last: str) -> tuple[datetime, datetime]:
    """The first moment of one year, month or day, and the first after another."""
    return start_of(first), end_of(last)


@lru_cache(maxsize=2_000)
def _date_pairs(first: str, last: str) -> str:
    return urlencode(_dates(*_ends(first, last)))


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
