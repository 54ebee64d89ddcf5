"""Filters and facets: the reader's choices and exclusions applied, and every value counted over all matches.

OR within a facet, AND across facets; an article with an excluded value is left out. The number on a value is what one
gets by choosing it alone in its facet: each is counted over the matches that the choices in all other facets and all
exclusions leave. The number on an excluded value is what taking it back brings: the articles that this exclusion alone
keeps out.
"""

from dataclasses import dataclass, replace
from dataclasses import field as field_

import numpy as np

from index.reader import Column, Documents, Flags, Numbers
from search.dates import period
from search.query import FACETS, SHOWN, Filters, Range
from search.results import Bucket, YearBucket
from search.rows import Searchable, dated_between
from search.values import begins

_NONE = Filters()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many articles have each value, how many have none, and how many each excluded value alone keeps out."""

    values: tuple[str, ...]
    counts: Numbers
    without: int
    kept_out: dict[str, int] = field_(default_factory=dict)

    def by_value(self) -> dict[str, int]:
        """The values that some article has, and how many have it."""
        return {value: count for value, count in zip(self.values, self.counts.tolist(), strict=True) if count}


class Choices:
    """The filters of one query applied to what it matches.

    Args:
        filters: the reader's choices and exclusions.
        documents: all matches, ascending.
        searchable: whose documents they are.
    """

    def __init__(self, filters: Filters, documents: Documents, searchable: Searchable) -> None:
        self._filters = filters
        self._documents = documents
        self._searchable = searchable
        self._by_date = filters.start is not None or filters.end is not None
        self._choices: dict[str, Flags] = {}  # which matches each facet's choices leave
        self._exclusions: dict[str, Flags] = {}  # and its exclusions
        if filters == _NONE:
            return
        for name in FACETS:
            chosen, left = self._chosen(name), self._not_excluded(name)
            if chosen is not None:
                self._choices[name] = chosen
            if left is not None:
                self._exclusions[name] = left
        date = self._chosen_dates()
        if date is not None:
            self._choices["date"] = date

    def _chosen(self, name: str) -> Flags | None:
        values, missing = self._filters.chosen.get(name, ()), name in self._filters.missing
        if not values and not missing:
            return None
        column = self._searchable.snapshot.columns[name]
        sets = column.having(tuple(sorted(self._codes(column, values))), none=missing)
        return sets.take(column.codes.take(self._documents))

    def _not_excluded(self, name: str) -> Flags | None:
        column = self._searchable.snapshot.columns[name]
        codes = self._codes(column, self._filters.excluded.get(name, ()))
        if not codes:
            return None
        return ~column.having(tuple(sorted(codes))).take(column.codes.take(self._documents))

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

    def mask(self, unchosen: str = "", unexcluded: str = "") -> Flags | None:
        """Which matches the filters leave; None where that is all.

        Args:
            unchosen: a facet whose choices are set aside.
            unexcluded: a facet whose exclusions are set aside.
        """
        masks = [mask for name, mask in self._choices.items() if name != unchosen]
        masks += [mask for name, mask in self._exclusions.items() if name != unexcluded]
        return np.logical_and.reduce(masks) if masks else None

    def left(self, unchosen: str = "", unexcluded: str = "") -> Documents:
        """The matches that the filters leave; see `mask`."""
        mask = self.mask(unchosen, unexcluded)
        return self._documents if mask is None else self._documents[mask]

    def count(self, name: str) -> Counts:
        """How many matches have each value of a facet, or are of each month for "date"."""
        if name != "date":
            column = self._searchable.snapshot.columns[name]
            counted = self._searchable.operations.count_values(column, self.left(name))
            return Counts(column.values, *counted, self._kept_out(name, column))
        months = self._searchable.snapshot.months
        counts = self._searchable.operations.count_slices(months.starts, self.left("date"))
        if not months.single:
            counts = np.bincount(months.months, weights=counts, minlength=len(months.names) + 1).astype(np.int64)
        return Counts(months.names, counts[:-1], int(counts[-1]))

    def _kept_out(self, name: str, column: Column) -> dict[str, int]:
        """How many matches come back when one exclusion of a facet is taken back and all else stays as it is.

        They are those that have this excluded value of the facet and no other.
        """
        values = self._filters.excluded.get(name, ())
        kept_out = {value: 0 for value in values if value.casefold() not in column.folded}
        if name in self._exclusions:
            codes = self._codes(column, values)
            documents = self.left(unexcluded=name)
            alone = np.sum([column.having((code,)) for code in codes], axis=0) == 1
            counts, _ = self._searchable.operations.count_values(
                column, documents[alone.take(column.codes.take(documents))]
            )
            kept_out |= {column.values[code]: int(counts[code]) for code in codes}
        return kept_out

    def facet(self, name: str, counted: Counts, limit: int | None = SHOWN) -> tuple[Bucket, ...]:
        """The buckets of one facet: most frequent first, equal counts by name; then excluded values, in the same order.

        Articles without a value are last.

        Args:
            name: of `FACETS`.
            counted: from `count`.
            limit: how many of the most frequent values are shown, 0 or more; None for all that some match has. Chosen
                and excluded ones are shown in any case.
        """
        column, counts = self._searchable.snapshot.columns[name], counted.counts
        values = self._filters.chosen.get(name, ())
        chosen = self._codes(column, values)
        order = _most_frequent(counts, column.values, limit)
        more = sorted(chosen.difference(order), key=lambda code: (-counts[code], column.values[code]))
        order += [code for code in more if counts[code]] + sorted(code for code in more if not counts[code])
        shown = counts[order].tolist()
        buckets = [Bucket(column.values[code], n, code in chosen) for code, n in zip(order, shown, strict=True)]
        buckets += [Bucket(each, 0, True) for each in dict.fromkeys(values) if each.casefold() not in column.folded]
        kept_out = sorted(counted.kept_out.items(), key=lambda pair: (-pair[1], pair[0]))
        buckets += [Bucket(value, count, excluded=True) for value, count in kept_out]
        selected = name in self._filters.missing
        if counted.without or selected:
            buckets.append(Bucket(None, counted.without, selected))
        return tuple(buckets)

    def beginning(self, name: str, counted: Counts, beginning: str) -> tuple[Bucket, ...]:
        """All buckets of one facet whose value begins so (`search.values.beginning_of`), in the order of `facet`."""
        fitting = self._searchable.values.beginning_with(name, beginning)
        fewer = replace(counted, counts=np.where(fitting, counted.counts, 0))
        return tuple([
            bucket
            for bucket in self.facet(name, fewer, limit=None)
            if bucket.value is not None
            and (not (bucket.selected or bucket.excluded) or begins(bucket.value, beginning))
        ])

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


def _most_frequent(counts: Numbers, values: tuple[str, ...], limit: int | None) -> list[int]:
    """The values that are shown without being chosen: most frequent first, equal counts by name."""
    if limit == 0:
        return []
    if len(counts) <= 4 * SHOWN:
        pairs = [(-n, values[code], code) for code, n in enumerate(counts.tolist()) if n]
    else:
        found = np.flatnonzero(counts)
        of = counts[found]
        if limit is not None and len(found) > limit:
            kept = of >= np.partition(of, len(of) - limit)[len(of) - limit]
            found, of = found[kept], of[kept]
        pairs = [(-n, values[code], code) for n, code in zip(of.tolist(), found.tolist(), strict=True)]
    return [code for _, _, code in sorted(pairs)[:limit]]
