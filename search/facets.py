"""Filters and facets: the reader's choices applied, and every value counted over all matches.

OR within a facet, AND across facets. A chosen value does not shrink its own facet: each facet is counted over the
matches that all other choices leave.
"""

from dataclasses import dataclass

import numpy as np

from index.reader import Column, Documents, Flags, Numbers
from search.dates import period
from search.evaluate import Searchable, dated_between
from search.query import FACETS, Filters, Range
from search.results import Bucket, YearBucket

_NONE = Filters()

SHOWN = 20  # values a facet, besides the chosen ones


@dataclass(frozen=True, slots=True)
class Counts:
    """How many articles have each value, and how many have none."""

    values: tuple[str, ...]
    counts: Numbers
    without: int

    def by_value(self) -> dict[str, int]:
        """The values that some article has, and how many have it."""
        return {value: count for value, count in zip(self.values, self.counts.tolist(), strict=True) if count}


class Choices:
    """The filters of one query applied to what it matches.

    Args:
        filters: the reader's choices.
        documents: all matches, ascending.
    """

    def __init__(self, filters: Filters, documents: Documents, searchable: Searchable) -> None:
        self._filters = filters
        self._documents = documents
        self._searchable = searchable
        self._by_date = filters.start is not None or filters.end is not None
        self._masks: dict[str, Flags] = {}
        if filters == _NONE:
            return
        for name in FACETS:
            mask = self._chosen(name)
            if mask is not None:
                self._masks[name] = mask
        date = self._chosen_dates()
        if date is not None:
            self._masks["date"] = date

    def _chosen(self, name: str) -> Flags | None:
        values, missing = self._filters.chosen.get(name, ()), name in self._filters.missing
        if not values and not missing:
            return None
        column = self._searchable.snapshot.columns[name]
        sets = column.having(tuple(sorted(self._codes(column, values))), none=missing)
        return sets.take(column.codes.take(self._documents))

    @staticmethod
    def _codes(column: Column, values: tuple[str, ...]) -> set[int]:
        return {column.folded[value.casefold()] for value in values if value.casefold() in column.folded}

    def _chosen_dates(self) -> Flags | None:
        start, end, missing = self._filters.start, self._filters.end, "date" in self._filters.missing
        if start is None and end is None and not missing:
            return None
        undated = ~dated_between(self._searchable.snapshot, self._documents, Range()) if missing else None
        if start is None and end is None:
            return undated
        mask = dated_between(self._searchable.snapshot, self._documents, Range(start, end))
        return mask if undated is None else mask | undated

    def mask(self, but: str = "") -> Flags | None:
        """Which matches all choices leave, those in the facet `but` set aside; None where that is all."""
        if not self._masks:
            return None
        masks = [mask for name, mask in self._masks.items() if name != but]
        return np.logical_and.reduce(masks) if masks else None

    def _left(self, but: str) -> Documents:
        mask = self.mask(but)
        return self._documents if mask is None else self._documents[mask]

    def count(self, name: str) -> Counts:
        """How many matches have each value of a facet, or are of each month for "date"."""
        if name != "date":
            column = self._searchable.snapshot.columns[name]
            return Counts(column.values, *self._searchable.operations.count_values(column, self._left(name)))
        months = self._searchable.snapshot.months
        counts = self._searchable.operations.count_slices(months.starts, self._left("date"))
        if not months.single:
            counts = np.bincount(months.months, weights=counts, minlength=len(months.names) + 1).astype(np.int64)
        return Counts(months.names, counts[:-1], int(counts[-1]))

    def facet(self, name: str, counted: Counts) -> tuple[Bucket, ...]:
        """The buckets of one facet: most frequent first, equal counts by name, articles without a value last."""
        column, counts = self._searchable.snapshot.columns[name], counted.counts
        values = self._filters.chosen.get(name, ())
        chosen = self._codes(column, values)
        order = _most_frequent(counts, column.values)
        more = sorted(chosen.difference(order), key=lambda code: (-counts[code], column.values[code]))
        order += [code for code in more if counts[code]] + sorted(code for code in more if not counts[code])
        shown = counts[order].tolist()
        buckets = [Bucket(column.values[code], n, code in chosen) for code, n in zip(order, shown, strict=True)]
        buckets += [Bucket(each, 0, True) for each in dict.fromkeys(values) if each.casefold() not in column.folded]
        selected = name in self._filters.missing
        if counted.without or selected:
            buckets.append(Bucket(None, counted.without, selected))
        return tuple(buckets)

    def dates(self, counted: Counts) -> tuple[YearBucket, ...]:
        """Years with their months, newest first, undated articles last."""
        names, counts = counted.values, counted.counts.tolist()
        buckets = []
        for year, first, last in self._searchable.snapshot.months.years:
            inside = zip(names[first:last], counts[first:last], strict=True)
            months = tuple([Bucket(month, n, self._is_choice(month)) for month, n in inside if n])
            if months:
                buckets.append(YearBucket(year, sum(counts[first:last]), self._is_choice(year), months))
        selected = "date" in self._filters.missing
        if counted.without or selected:
            buckets.append(YearBucket(None, counted.without, selected))
        return tuple(buckets)

    def _is_choice(self, text: str) -> bool:
        return self._by_date and period(text) == (self._filters.start, self._filters.end)


def _most_frequent(counts: Numbers, values: tuple[str, ...]) -> list[int]:
    """The values that are shown without being chosen: most frequent first, equal counts by name."""
    if len(counts) <= 4 * SHOWN:
        pairs = [(-n, values[code], code) for code, n in enumerate(counts.tolist()) if n]
    else:
        found = np.flatnonzero(counts)
        of = counts[found]
        if len(found) > SHOWN:
            kept = of >= np.partition(of, len(of) - SHOWN)[len(of) - SHOWN]
            found, of = found[kept], of[kept]
        pairs = [(-n, values[code], code) for n, code in zip(of.tolist(), found.tolist(), strict=True)]
    return [code for _, _, code in sorted(pairs)[:SHOWN]]
