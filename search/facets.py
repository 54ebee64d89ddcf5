"""Filters and facets: the reader's choices applied, and every value counted over all matches.

OR within a facet, AND across facets. A chosen value does not shrink its own facet: each facet is counted over the
matches that all other choices leave.
"""

import numpy as np

from index.reader import UNDATED, Column, Flags, Snapshot
from search.dates import period
from search.evaluate import published_between
from search.query import FACETS, Filters, Range
from search.results import Bucket, YearBucket

SHOWN = 20  # values a facet, besides the chosen ones


class Choices:
    """The filters of one query against one generation: a mask for each facet with a choice, "date" among them."""

    def __init__(self, filters: Filters, snapshot: Snapshot) -> None:
        self._filters = filters
        self._snapshot = snapshot
        self._masks = {name: mask for name in FACETS if (mask := self._chosen(name)) is not None}
        date = self._chosen_dates()
        if date is not None:
            self._masks["date"] = date

    def _chosen(self, name: str) -> Flags | None:
        values, missing = self._filters.chosen.get(name, ()), name in self._filters.missing
        if not values and not missing:
            return None
        column = self._snapshot.columns[name]
        mask = column.having(list(self._codes(column, values)))
        return mask | ~column.present if missing else mask

    @staticmethod
    def _codes(column: Column, values: tuple[str, ...]) -> set[int]:
        return {column.folded[value.casefold()] for value in values if value.casefold() in column.folded}

    def _chosen_dates(self) -> Flags | None:
        start, end = self._filters.start, self._filters.end
        undated = self._snapshot.published == UNDATED
        if start is None and end is None:
            return undated if "date" in self._filters.missing else None
        mask = published_between(self._snapshot, Range(start, end))
        return mask | undated if "date" in self._filters.missing else mask

    def apply(self, matches: Flags, but: str = "") -> Flags:
        """The matches that all choices leave, those in the facet `but` set aside."""
        for name, mask in self._masks.items():
            if name != but:
                matches = matches & mask
        return matches

    def facet(self, name: str, matches: Flags) -> tuple[Bucket, ...]:
        """The buckets of one facet: most frequent first, equal counts by name, articles without a value last."""
        column, mask = self._snapshot.columns[name], self.apply(matches, but=name)
        counts = np.bincount(column.codes[mask[column.documents]], minlength=len(column.values))
        values = self._filters.chosen.get(name, ())
        chosen = self._codes(column, values)
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], column.values[code]))
        shown = [code for rank, code in enumerate(order) if rank < SHOWN or code in chosen]
        buckets = [Bucket(column.values[code], int(counts[code]), code in chosen) for code in shown]
        buckets += [Bucket(column.values[code], 0, selected=True) for code in sorted(chosen - set(shown))]
        known = {value for value in values if value.casefold() in column.folded}
        buckets += [Bucket(value, 0, selected=True) for value in dict.fromkeys(values) if value not in known]
        without = int((mask & ~column.present).sum())
        selected = name in self._filters.missing
        if without or selected:
            buckets.append(Bucket(None, without, selected))
        return tuple(buckets)

    def dates(self, matches: Flags) -> tuple[YearBucket, ...]:
        """Years with their months, newest first, undated articles last."""
        mask = self.apply(matches, but="date")
        dated = self._snapshot.published[mask & (self._snapshot.published != UNDATED)]
        months, counts = np.unique(dated.astype("datetime64[s]").astype("datetime64[M]"), return_counts=True)
        years: dict[str, list[Bucket]] = {}
        for month, count in sorted(zip(months.astype(str).tolist(), counts.tolist(), strict=True), reverse=True):
            years.setdefault(month[:4], []).append(Bucket(month, count, self._is_choice(month)))
        buckets = [
            YearBucket(year, sum(bucket.count for bucket in months_), self._is_choice(year), tuple(months_))
            for year, months_ in years.items()
        ]
        undated, selected = int(mask.sum()) - len(dated), "date" in self._filters.missing
        if undated or selected:
            buckets.append(YearBucket(None, undated, selected))
        return tuple(buckets)

    def _is_choice(self, text: str) -> bool:
        return period(text) == (self._filters.start, self._filters.end)
