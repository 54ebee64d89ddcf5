"""Filters and facets: the reader's choices applied, and every value counted over all matches.

OR within a facet, AND across facets. A chosen value does not shrink its own facet: each facet is counted over the
matches that all other choices leave.
"""

import numpy as np

from index.reader import Column, Documents, Flags, Numbers
from search.dates import period
from search.evaluate import Searchable, dated_between
from search.query import FACETS, Filters, Range
from search.results import Bucket, YearBucket

_NONE = Filters()

SHOWN = 20  # values a facet, besides the chosen ones


class Choices:
    """The filters of one query applied to what it matches.

    Args:
        filters: the reader's choices.
        documents: all matches, ascending.
    """

    def __init__(self, filters: Filters, documents: Documents, searchable: Searchable) -> None:
        self._filters = filters
        self._documents = documents
        self._snapshot = searchable.snapshot
        self._operations = searchable.operations
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
        column = self._snapshot.columns[name]
        sets = column.having(list(self._codes(column, values)))
        sets[0] = missing
        return sets[column.codes.take(self._documents)]

    @staticmethod
    def _codes(column: Column, values: tuple[str, ...]) -> set[int]:
        return {column.folded[value.casefold()] for value in values if value.casefold() in column.folded}

    def _chosen_dates(self) -> Flags | None:
        start, end, missing = self._filters.start, self._filters.end, "date" in self._filters.missing
        if start is None and end is None and not missing:
            return None
        undated = ~dated_between(self._snapshot, self._documents, Range()) if missing else None
        if start is None and end is None:
            return undated
        mask = dated_between(self._snapshot, self._documents, Range(start, end))
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

    def facet(self, name: str) -> tuple[Bucket, ...]:
        """The buckets of one facet: most frequent first, equal counts by name, articles without a value last."""
        column = self._snapshot.columns[name]
        counts, without = self._operations.count_values(column, self._left(name))
        values = self._filters.chosen.get(name, ())
        chosen = self._codes(column, values) if values else set()
        order = _most_frequent(counts, column.values)
        if values:
            more = sorted(chosen.difference(order), key=lambda code: (-counts[code], column.values[code]))
            order += [code for code in more if counts[code]] + sorted(code for code in more if not counts[code])
        shown = counts[order].tolist()
        buckets = [Bucket(column.values[code], n, code in chosen) for code, n in zip(order, shown, strict=True)]
        buckets += [Bucket(each, 0, True) for each in dict.fromkeys(values) if each.casefold() not in column.folded]
        selected = name in self._filters.missing
        if without or selected:
            buckets.append(Bucket(None, without, selected))
        return tuple(buckets)

    def dates(self) -> tuple[YearBucket, ...]:
        """Years with their months, newest first, undated articles last."""
        months = self._snapshot.months
        by_slice = self._operations.count_slices(months.starts, self._left("date"))
        if len(self._snapshot.segment_ends) == 1:  # each month is one slice then
            counts = [*by_slice.tolist(), 0]
        else:
            counts = np.bincount(months.months, weights=by_slice, minlength=len(months.names) + 1).astype(int).tolist()
        choice = self._filters.start is not None or self._filters.end is not None
        buckets = []
        for year, first, last in months.years:
            count = sum(counts[first:last])
            if count:
                inside = zip(months.names[first:last], counts[first:last], strict=True)
                of = tuple([Bucket(month, n, choice and self._is_choice(month)) for month, n in inside if n])
                buckets.append(YearBucket(year, count, choice and self._is_choice(year), of))
        undated = counts[len(months.names)]
        selected = "date" in self._filters.missing
        if undated or selected:
            buckets.append(YearBucket(None, undated, selected))
        return tuple(buckets)

    def _is_choice(self, text: str) -> bool:
        return period(text) == (self._filters.start, self._filters.end)


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
