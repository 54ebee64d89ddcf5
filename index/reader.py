"""A generation opened for reading: its postings and columns as arrays over document numbers.

The documents of all segments are numbered through, segment after segment, 0 to `size`; within a segment they are in
date order (`index.segment`). Postings never hold deleted documents. Opening reads no array: everything is mapped, and
what is derived from whole columns is made when it is first asked for. What the arrays mean for a query is the business
of `search`; how segments are written that of `index.writer`.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.article import Article, unpack
from index.codec import ArrayIndex
from index.document import FACET_COLUMNS, address_hashes, key_hash
from index.errors import DamagedIndexError
from index.files import go_on
from index.orders import Order, count_up_to, places_by_age, places_by_id
from index.schema import EXACT, UNDATED
from index.segment import Facet, Occurrences, Segment
from index.urls import address_key
from index.vocabulary import Vocabulary, VocabularyPart

Documents = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_KEPT_CHOICES = 64
_NO_DOCUMENTS = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True)
class Postings:
    """The documents with a term, in ascending order, and how often it occurs in each, weighted by field."""

    documents: Documents
    weights: Floats


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one facet. Each document has a set of values, given by its code; code 0 is the empty set.

    Attributes:
        values: the distinct values; those that differ only in case are one, in its most frequent spelling.
        folded: number of a value by its case-folded form.
        codes: the set of each document.
        sets, members: which set has which value, pair by pair, in order of the sets.
        set_ends: where the pairs of each set end.
        chosen: what `having` kept.
    """

    values: tuple[str, ...]
    folded: dict[str, int]
    codes: npt.NDArray[np.unsignedinteger]
    sets: Numbers
    members: Numbers
    set_ends: Numbers
    chosen: dict[tuple[tuple[int, ...], bool], Flags] = field(default_factory=dict)

    def having(self, values: tuple[int, ...], *, none: bool = False) -> Flags:
        """Which sets have one of the values, or `none` at all; those asked for lately are kept."""
        flags = self.chosen.get((values, none))
        if flags is None:
            flags = np.zeros(len(self.set_ends), np.bool_)
            flags[self.sets[np.isin(self.members, values)]] = True
            flags[0] = none
            if len(self.chosen) >= _KEPT_CHOICES:
                self.chosen.clear()
            self.chosen[values, none] = flags
        return flags


@dataclass(frozen=True, slots=True)
class Months:
    """The documents by month of publication: slices of document numbers, in ascending order.

    Attributes:
        starts: where each slice starts, and where the last one ends.
        months: of each slice its month, as an index into `names`; the one after the last for undated documents.
        names: "2021-03", newest first.
        years: of each year, newest first, its name, and the first of its months and the one after the last.
        single: whether slices and months are the same, the undated ones last.
    """

    starts: Documents
    months: Numbers
    names: tuple[str, ...]
    years: tuple[tuple[str, int, int], ...]
    single: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment whose documents are numbered from `first`; `live` is None where none were deleted."""

    segment: Segment
    first: int
    live: Flags | None

    @property
    def end(self) -> int:
        return self.first + self.segment.size


class Snapshot:
    """One generation, read-only; safe to share between threads. Its files are unmapped when its last array is gone.

    Attributes:
        size: one more than the greatest document number.
        count: documents that are there.
    """

    def __init__(self, directory: Path) -> None:
        """Open the segments of a verified generation.

        Raises:
            DamagedIndexError: they cannot be read after all, or were pruned meanwhile.
        """
        self._directory = directory
        try:
            self._parts = list(_parts(ArrayIndex(directory)))
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        self.size = self._parts[-1].end if self._parts else 0
        self.count = sum(p.segment.size if p.live is None else int(p.live.sum()) for p in self._parts)
        self._local = threading.local()  # a decompressor is not for several threads at once

    def check(self) -> None:
        """Look through all arrays of all segments, which reads them.

        Raises:
            DamagedIndexError: they are not what a writer wrote.
        """
        try:
            for part in self._parts:
                part.segment.check()
        except ValueError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedIndexError:
        text = f"the index in {self._directory} cannot be read: {error}"
        return DamagedIndexError(text, path=self._directory, generation=self._directory.name)

    # Documents

    @cached_property
    def all(self) -> Documents:
        """Every document that is there."""
        if all(part.live is None for part in self._parts):
            return np.arange(self.size, dtype=np.int32)
        flags = [np.ones(part.segment.size, np.bool_) if part.live is None else part.live for part in self._parts]
        return np.flatnonzero(np.concatenate(flags)).astype(np.int32)

    @cached_property
    def published(self) -> Numbers:
        """Seconds since 1970 by number, `UNDATED` where unknown."""
        return _one_after_another([part.segment.published for part in self._parts], np.int64)

    def signal(self, name: str) -> Floats | None:
        """`quality` or `heat` by number, NaN where unknown; None where it is unknown of all."""
        signals = [part.segment.signal(name) for part in self._parts]
        if all(signal is None for signal in signals):
            return None
        return np.concatenate([
            np.full(part.segment.size, np.nan, np.float32) if signal is None else signal
            for part, signal in zip(self._parts, signals, strict=True)
        ])

    @cached_property
    def lengths(self) -> Numbers:
        """Weighted tokens by number, in halves."""
        return _one_after_another([part.segment.length for part in self._parts], np.uint32)

    @cached_property
    def total_length(self) -> int:
        """The sum of `lengths` over all documents that are there."""
        return sum(
            part.segment.live_length
            - (0 if part.live is None else int(part.segment.length[~part.live].sum(dtype=np.int64)))
            for part in self._parts
        )

    @cached_property
    def segment_ends(self) -> list[int]:
        """Where the documents of each segment end."""
        return [part.end for part in self._parts]

    def parts(self, documents: Documents) -> list[slice]:
        """Where the documents of each segment stand in an ascending row of documents."""
        if len(self._parts) == 1:
            return [slice(0, len(documents))]
        bounds = documents.searchsorted(self.segment_ends).tolist()
        return [slice(first, last) for first, last in zip([0, *bounds], bounds, strict=False)]

    def between(self, start: float | None, end: float | None) -> list[tuple[int, int]]:
        """Where documents lie that were published at or after `start` and before `end` (seconds since 1970)."""
        return [
            (
                part.first + (0 if end is None else part.segment.dated_from(end)),
                part.first + part.segment.dated_from(UNDATED + 1 if start is None else start),
            )
            for part in self._parts
        ]

    def places(self, order: Order, documents: Documents) -> Numbers:
        """Where some documents stand in an order: the documents of a segment in theirs, after those of the one before.

        Args:
            order: see `index.orders`.
            documents: in any order.
        """
        match order:
            case "newest":
                return documents
            case "oldest":
                return self._places_by_age.take(documents)
            case "id":
                return self._places_by_id.take(documents)

    @cached_property
    def _places_by_age(self) -> Numbers:
        return self._places([places_by_age(part.segment) for part in self._parts])

    @cached_property
    def _places_by_id(self) -> Numbers:
        return self._places([places_by_id(part.segment) for part in self._parts])

    def _places(self, by_part: list[Numbers]) -> Numbers:
        moved: list[Numbers] = [
            places + np.int32(part.first) for part, places in zip(self._parts, by_part, strict=True)
        ]
        return _one_after_another(moved, np.int32)

    def places_after(self, order: Order, published: int | None, article_id: str) -> list[int]:
        """By segment: the first place (see `places`) behind that of an article, which need not be there.

        Args:
            order: see `index.orders`.
            published: of the article, seconds since 1970, None where it is undated; any number at all.
            article_id: of the article; any text.
        """
        return [part.first + count_up_to(part.segment, order, published, article_id) for part in self._parts]

    @cached_property
    def newest(self) -> int | None:
        """When the newest document was published, in seconds since 1970; None where none is dated."""
        first = [
            part.segment.published[part.live][:1] if part.live is not None else part.segment.published[:1]
            for part in self._parts
        ]
        found = max((int(each[0]) for each in first if len(each)), default=UNDATED)
        return None if found == UNDATED else found

    def id(self, number: int) -> str:
        """The article id of a document."""
        part = self._part(number)
        return part.segment.id(number - part.first)

    def ids_of(self, documents: Documents) -> list[str]:
        """The article ids of some documents, in their order."""
        if len(self._parts) == 1:
            return self._parts[0].segment.ids_of(documents)
        found = np.empty(len(documents), object)
        for part in self._parts:
            here = (documents >= part.first) & (documents < part.end)
            found[here] = part.segment.ids_of(documents[here] - np.int32(part.first))
        ids: list[str] = found.tolist()
        return ids

    def _part(self, number: int) -> _Part:
        if len(self._parts) == 1:
            return self._parts[0]
        return next(part for part in self._parts if number < part.end)

    def number(self, article_id: str) -> int | None:
        """The document number of an article, None where there is none."""
        for part in self._parts:
            number = part.segment.number(article_id)
            if number is not None and (part.live is None or part.live[number]):
                return part.first + number
        return None

    def ids(self) -> Iterator[tuple[int, str]]:
        """Number and article id of every document that is there."""
        for part in self._parts:
            for number, identity in enumerate(part.segment.ids()):
                if part.live is None or part.live[number]:
                    yield part.first + number, identity

    def article(self, number: int) -> Article:
        """The article as it was indexed.

        Raises:
            DamagedIndexError: it is not what was written.
        """
        part = self._part(number)
        decompressors = self._local.__dict__.setdefault("decompressors", {})
        if part.first not in decompressors:
            decompressors[part.first] = part.segment.decompressor()
        try:
            return unpack(part.segment.article(number - part.first, decompressors[part.first]))
        except (ValueError, TypeError, LookupError) as error:
            raise self._damaged(error) from error

    def by_address(self, address: str) -> list[int]:
        """The documents with this address, however it is written."""
        key = address_key(address)
        if not key:
            return []
        found = [
            part.first + int(number)
            for part in self._parts
            for number in part.segment.by_address(key_hash(key)).tolist()
            if part.live is None or part.live[number]
        ]
        return [number for number in found if key in map(address_key, self.article(number).addresses)]

    def linking_to(self, article: Article, limit: int) -> Documents:
        """The documents that seem to name one of an article's addresses as related: the hashes say so.

        Returns:
            Ascending; of each segment the newest `limit`.
        """
        hashes = address_hashes(article)
        found = [_NO_DOCUMENTS]
        for part in self._parts:
            linking = [part.segment.linking_to(address) for address in hashes]
            if part.live is not None:
                linking = [documents[part.live[documents]] for documents in linking]
            newest = [documents[:limit].astype(np.int32) for documents in linking]
            found.append(np.unique(np.concatenate([_NO_DOCUMENTS, *newest]))[:limit] + np.int32(part.first))
        return np.concatenate(found)

    # Facets

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of all facets by name."""
        columns = {name: _join(self._parts, name) for name in FACET_COLUMNS}
        for column in columns.values():
            if int(column.codes.max(initial=0)) >= len(column.set_ends):
                raise self._damaged(ValueError("facets are not in order"))
        return columns

    @cached_property
    def months(self) -> Months:
        """The documents by month."""
        starts: list[int] = []
        months: list[int] = []
        for part in self._parts:
            dated = part.segment.dated_from(UNDATED + 1)
            of = part.segment.published[:dated].astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
            changes = np.flatnonzero(np.diff(of, prepend=of[:1] - 1)) if dated else np.zeros(0, np.int64)
            starts += (part.first + changes).tolist()
            months += of[changes].tolist()
            starts.append(part.first + dated)
            months.append(UNDATED)
        distinct = sorted({month for month in months if month != UNDATED}, reverse=True)
        place = {month: i for i, month in enumerate(distinct)} | {UNDATED: len(distinct)}
        names = tuple(np.array(distinct, dtype="datetime64[M]").astype(str).tolist())
        years = [(year, len(list(of))) for year, of in groupby(names, key=lambda name: name[:4])]
        last = list(accumulate(count for _, count in years))
        return Months(
            starts=np.array([*starts, self.size], np.int32),
            months=np.array([place[month] for month in months], np.int64),
            names=names,
            years=tuple((year, end - count, end) for (year, count), end in zip(years, last, strict=True)),
            single=len(self._parts) == 1,
        )

    # Terms and postings

    def has(self, stream: str, term: str) -> bool:
        """Whether a term occurs."""
        return any(
            number >= 0 and (part.live is None or bool(part.live[part.segment.postings(number)[0]].any()))
            for part in self._parts
            for number in (part.segment.list_of(stream, term),)
        )

    def count_holding(self, stream: str, term: str) -> int:
        """How many documents have a term."""
        count = 0
        for part in self._parts:
            number = part.segment.list_of(stream, term)
            if number >= 0:
                documents, _ = part.segment.postings(number)
                count += len(documents) if part.live is None else int(np.count_nonzero(part.live.take(documents)))
        return count

    def expect_ascending(self, documents: Documents) -> None:
        """See that a row of documents is in order and within bounds, which compiled code relies on.

        Raises:
            DamagedIndexError: it is not.
        """
        if len(documents) and not (
            documents[0] >= 0 and documents[-1] < self.size and bool((documents[1:] > documents[:-1]).all())
        ):
            raise self._damaged(ValueError("postings are not in order"))

    def postings(self, stream: str, term: str) -> Postings:
        """Where a term occurs; empty where it does not."""
        found = []
        for part in self._parts:
            number = part.segment.list_of(stream, term)
            if number >= 0:
                found.append(self._live(part, *part.segment.postings(number)))
        return _joined(found)

    def prefix_postings(self, prefix: str, limit: int, between: Callable[[], None] = go_on) -> Postings:
        """Where the exact terms that begin so occur, the `limit` shortest of them; documents in no order, repeated.

        Args:
            prefix: of terms.
            limit: how many terms at most.
            between: called between two terms; what it raises ends the work.
        """
        start = prefix.encode("utf-8", "replace")
        if self.has_more_terms(prefix, limit):
            shortest = sorted(self.terms(prefix), key=lambda term: (len(term), term))[:limit]
            each: list[Postings] = []
            for term in shortest:
                between()
                each.append(self.postings(EXACT, term))
            return _joined(each)
        found = []
        for part in self._parts:
            first, last = part.segment.beginning_with(EXACT, start)
            if first < last:
                found.append(self._live(part, *part.segment.postings(first, last - 1)))
        return _joined(found)

    def prefix_occurrences(self, prefix: str) -> Occurrences:
        """Every place of the exact terms that begin so; documents of one segment before those of the next."""
        start = prefix.encode("utf-8", "replace")
        found = []
        for part in self._parts:
            first, last = part.segment.beginning_with(EXACT, start)
            if first < last:
                found.append(_numbered_through(part, part.segment.occurrences(first, last - 1)))
        return _one_row(found)

    def _live(self, part: _Part, documents: Documents, classes: npt.NDArray[np.unsignedinteger]) -> Postings:
        if part.live is not None:
            kept = part.live.take(documents)
            documents, classes = documents[kept], classes[kept]
        weights = part.segment.class_weights.take(classes)
        return Postings(documents + np.int32(part.first) if part.first else documents, weights)

    def occurrences(self, stream: str, term: str, among: Documents | None = None) -> Occurrences:
        """Every place of a term, or those in some documents only.

        Args:
            among: ascending.
        """
        found = []
        for part in self._parts:
            number = part.segment.list_of(stream, term)
            if number < 0:
                continue
            if among is None:
                places = part.segment.occurrences(number)
            else:
                first, last = among.searchsorted((part.first, part.end))
                places = part.segment.occurrences_among(number, among[first:last] - np.int32(part.first))
            found.append(_numbered_through(part, places))
        return _one_row(found)

    def field_numbers(self, places: Occurrences) -> Numbers:
        """The field of each occurrence, as an index into `TEXT_FIELDS`; documents of one segment before the next's."""
        found = [np.zeros(0, np.int64)]
        for part, each in zip(self._parts, self.parts(places.documents), strict=True):
            local = Occurrences(places.documents[each] - part.first, places.positions[each])
            found.append(part.segment.field_numbers(local))
        return np.concatenate(found)

    def in_field(self, places: Occurrences, number: int) -> Flags:
        """Which occurrences are in one field, an index into `TEXT_FIELDS`; documents as for `field_numbers`."""
        found = [np.zeros(0, np.bool_)]
        for part, each in zip(self._parts, self.parts(places.documents), strict=True):
            local = Occurrences(places.documents[each] - part.first, places.positions[each])
            found.append(part.segment.in_field(local, number))
        return np.concatenate(found)

    def terms(self, prefix: str = "") -> list[str]:
        """The exact terms that begin with `prefix`, sorted; some may occur in deleted documents only."""
        start = prefix.encode("utf-8", "replace")
        found = [part.segment.terms(EXACT, *part.segment.beginning_with(EXACT, start)) for part in self._parts]
        return found[0] if len(found) == 1 else sorted(set().union(*found))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All exact terms with their counts."""
        return Vocabulary([VocabularyPart(part.segment, part.first, part.live) for part in self._parts])

    def has_more_terms(self, prefix: str, limit: int) -> bool:
        """Whether more than `limit` exact terms begin with `prefix`."""
        start = prefix.encode("utf-8", "replace")
        ranges = [part.segment.beginning_with(EXACT, start) for part in self._parts]
        most = sum(last - first for first, last in ranges)
        return most > limit and (len(ranges) == 1 or len(self.terms(prefix)) > limit)


def _numbered_through(part: _Part, places: Occurrences) -> Occurrences:
    """Places in one segment without those in deleted documents, with the documents' numbers in the generation."""
    documents, positions = places.documents, places.positions
    if part.live is not None:
        kept = part.live[documents]
        documents, positions = documents[kept], positions[kept]
    return Occurrences(documents.astype(np.int64) + part.first, positions.astype(np.int64))


def _one_row(found: list[Occurrences]) -> Occurrences:
    none = np.zeros(0, np.int64)
    documents, positions = [each.documents for each in found], [each.positions for each in found]
    return Occurrences(np.concatenate([none, *documents]), np.concatenate([none, *positions]))


def _parts(opened: ArrayIndex) -> Iterator[_Part]:
    first = 0
    for segment in opened.segments():
        arrays = segment.arrays
        yield _Part(arrays, first, segment.live if segment.has_deletions() else None)
        first += arrays.size


def _one_after_another(columns: list[Numbers], kind: npt.DTypeLike) -> Numbers:
    """A column of all segments; that of a single one as it lies there."""
    return columns[0] if len(columns) == 1 else np.concatenate([np.zeros(0, kind), *columns])


def _joined(found: list[Postings]) -> Postings:
    if len(found) == 1:
        return found[0]
    if not found:
        return Postings(_NO_DOCUMENTS, np.zeros(0, np.float32))
    return Postings(
        np.concatenate([postings.documents for postings in found]),
        np.concatenate([postings.weights for postings in found]),
    )


def _join(parts: list[_Part], name: str) -> Column:
    """One column of those of all segments, values that differ only in case made one."""
    facets = [part.segment.facet(name) for part in parts]
    best = _best_spellings(parts, facets)
    folded = {key: number for number, key in enumerate(sorted(best))}
    pairs: list[Numbers] = [np.zeros(0, np.int64)]
    codes: list[npt.NDArray[np.unsignedinteger]] = []
    taken = 1  # sets so far; the empty one is the same for all
    for facet in facets:
        number = np.array([folded.get(value.casefold(), -1) for value in facet.values], dtype=np.int64)
        sets, lengths = _sets(facet)
        numbers = number[facet.members]
        there = numbers >= 0
        pairs.append((sets[there] + taken - 1) * len(folded) + numbers[there])
        moved = np.where(facet.codes == 0, 0, facet.codes.astype(np.int64) + taken - 1).astype(np.uint32)
        codes.append(moved if len(parts) > 1 else facet.codes)
        taken += len(lengths) - 1
    distinct = np.unique(np.concatenate(pairs))  # two spellings in one set are one value
    sets, members = np.divmod(distinct, max(1, len(folded)))
    return Column(
        values=tuple(best[key][1] for key in folded),
        folded=folded,
        codes=codes[0] if len(codes) == 1 else np.concatenate([np.zeros(0, np.uint32), *codes]),
        sets=sets,
        members=members,
        set_ends=np.cumsum(np.bincount(sets, minlength=taken)),
    )


def _best_spellings(parts: list[_Part], facets: list[Facet]) -> dict[str, tuple[int, str]]:
    """By folded value the most frequent spelling, with how often it occurs, negated; none that only the deleted had."""
    counts: Counter[str] = Counter()
    for part, facet in zip(parts, facets, strict=True):
        sets, lengths = _sets(facet)
        by_set = np.bincount(facet.codes if part.live is None else facet.codes[part.live], minlength=len(lengths))
        of = np.bincount(facet.members, weights=by_set[sets], minlength=len(facet.values)).astype(np.int64)
        counts.update(dict(zip(facet.values, of.tolist(), strict=True)))
    best: dict[str, tuple[int, str]] = {}
    for value, count in counts.items():
        if count:
            key = value.casefold()
            best[key] = min(best.get(key, (0, "")), (-count, value))
    return best


def _sets(facet: Facet) -> tuple[Numbers, Numbers]:
    """The set of each member, and how many members each set has."""
    set_ends = facet.set_ends.astype(np.int64)
    lengths = set_ends - np.concatenate((np.zeros(1, np.int64), set_ends[:-1]))
    return np.repeat(np.arange(len(lengths)), lengths), lengths
