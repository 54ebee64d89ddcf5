"""Several segments -> the arrays of one, without the documents that were deleted; and which segments to merge when.

The policy is log-structured: a segment is larger than all smaller ones together, or it is merged with them. So a small
change rewrites little, there are never more segments than twice the logarithm of the articles, and each article is
rewritten about as often. A segment of which more than a quarter is deleted is written anew. Terms and facet values
that only deleted documents had are gone after that.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.arrays import Array, bounds, ends, smallest, spans
from index.document import FACET_COLUMNS
from index.inversion import classify, newest_first, pack_sets
from index.places import pack_positions
from index.schema import EXACT, STEM, TEXT_FIELDS
from index.segment import Segment, pack_addresses, pack_links, pack_strings, pack_terms
from index.stored import compressor

LARGEST = 2_000_000  # documents; what would be larger stays in several segments
DELETED_SHARE = 0.25
_RANGE = 1_000_000  # postings merged at a time, some 200 bytes each in memory


@dataclass(frozen=True, slots=True)
class Source:
    """A segment with the documents of it that are still there, by number."""

    segment: Segment
    live: Array

    @property
    def count(self) -> int:
        return int(self.live.sum())


def choose(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Which segments to merge, given documents and live documents of each; their indexes, none where all may stay."""
    by_size = sorted(range(len(sizes)), key=lambda i: sizes[i][1])
    chosen: list[int] = []
    total = 0
    for count, i in enumerate(by_size):
        live = sizes[i][1]
        if live < total and total + live <= LARGEST:
            chosen = by_size[: count + 1]
        total += live
    taken = sum(sizes[i][1] for i in chosen)
    for i in by_size:
        size, live = sizes[i]
        # What would become too large together waits for the next commit.
        if i not in chosen and size - live > size * DELETED_SHARE and (not chosen or taken + live <= LARGEST):
            chosen.append(i)
            taken += live
    return sorted(chosen)


def merge(sources: Sequence[Source]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of a segment with the live documents of all sources, and what is said of the whole.

    Raises:
        ValueError: a source is not sound.
    """
    for source in sources:
        source.segment.check()
    numbers = _Numbering(sources)
    arrays: dict[str, Array] = {}
    arrays |= _documents(sources, numbers)
    for name in FACET_COLUMNS:
        arrays |= _facet(sources, name, numbers)
    arrays |= _stored(sources, numbers)
    vocabulary = _Vocabulary(sources)
    postings, held = _postings(sources, vocabulary, numbers)
    arrays |= postings | vocabulary.arrays(held)
    about = {"documents": numbers.count, "live_length": int(arrays["length"].sum(dtype=np.int64))}
    return arrays, about


class _Numbering:
    """The new numbers of all live documents.

    Attributes:
        order: for each new number the place in the live documents of all sources, one source after the other.
        new: for each source and old number the new one, -1 for a deleted document.
        by_id: new numbers in order of ids.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.ids = [
            identity
            for source in sources
            for identity, live in zip(source.segment.ids(), source.live.tolist(), strict=True)
            if live
        ]
        self.count = len(self.ids)
        by_id = np.array(sorted(range(self.count), key=self.ids.__getitem__), dtype=np.int64)
        place = np.empty(self.count, np.int64)
        place[by_id] = np.arange(self.count)
        self.published = np.concatenate([source.segment.published[source.live] for source in sources])
        self.order = np.lexsort((place, newest_first(self.published)))
        inverse = np.empty(self.count, np.int64)
        inverse[self.order] = np.arange(self.count)
        self.by_id = inverse[by_id]
        self.new: list[Array] = []
        taken = 0
        for source in sources:
            numbers = np.full(source.segment.size, -1, np.int64)
            numbers[source.live] = inverse[taken : taken + source.count]
            self.new.append(numbers)
            taken += source.count


def _documents(sources: Sequence[Source], numbers: _Numbering) -> dict[str, Array]:
    rows = len(TEXT_FIELDS)
    extents = np.concatenate([s.segment.extents.reshape(-1, rows)[s.live] for s in sources])
    found: dict[str, Array] = {
        "published": numbers.published[numbers.order],
        "length": np.concatenate([s.segment.length[s.live] for s in sources])[numbers.order],
        "extents": extents[numbers.order].reshape(-1),
        "id_order": smallest(numbers.by_id),
    }
    found |= pack_addresses(*_hashes([source.segment.addresses() for source in sources], numbers))
    found |= pack_links(*_hashes([source.segment.links() for source in sources], numbers))
    for name in ("quality", "heat"):
        signals = [(s.segment.signal(name), s) for s in sources]
        filled = [np.full(s.count, np.nan, "<f4") if each is None else each[s.live] for each, s in signals]
        together = np.concatenate(filled)[numbers.order]
        if not np.isnan(together).all():
            found[name] = together
    return found | pack_strings("id", [numbers.ids[i] for i in numbers.order.tolist()])


def _hashes(columns: Sequence[tuple[Array, Array]], numbers: _Numbering) -> tuple[Array, Array]:
    """Hashes of addresses and their documents, given those of each source; none of deleted documents."""
    hashes, documents = [], []
    for (keys, old), new in zip(columns, numbers.new, strict=True):
        kept = new[old] >= 0
        hashes.append(keys[kept])
        documents.append(new[old][kept])
    return np.concatenate(hashes), np.concatenate(documents)


def _facet(sources: Sequence[Source], name: str, numbers: _Numbering) -> dict[str, Array]:
    """The sets that live documents have, each once."""
    sets: dict[tuple[str, ...], int] = {(): 0}
    codes = []
    for source in sources:
        facet = source.segment.facet(name)
        used, place = np.unique(facet.codes[source.live], return_inverse=True)
        members = [facet.members[slice(*bounds(facet.set_ends, code))].tolist() for code in used.tolist()]
        known = [sets.setdefault(tuple(facet.values[value] for value in each), len(sets)) for each in members]
        codes.append(np.array(known, dtype=np.int64)[place])
    return pack_sets(name, np.concatenate(codes)[numbers.order], sets)


def _stored(sources: Sequence[Source], numbers: _Numbering) -> dict[str, Array]:
    """Stored articles, compressed anew where they were compressed against something else than the largest source."""
    dictionary = max(sources, key=lambda source: source.count).segment.dictionary
    parts, starts, lengths = [], [], []
    taken = 0
    for source in sources:
        data, all_ends = source.segment.packed()
        if source.segment.dictionary != dictionary:
            data, all_ends = _compressed_anew(source.segment, dictionary)
        finish = all_ends.astype(np.int64)
        begin = np.concatenate(([0], finish[:-1]))
        parts.append(data)
        starts.append(begin[source.live] + taken)
        lengths.append((finish - begin)[source.live])
        taken += len(data)
    start, length = np.concatenate(starts)[numbers.order], np.concatenate(lengths)[numbers.order]
    together = np.concatenate(parts)
    chosen = b"".join([
        together[first:last].tobytes() for first, last in zip(start.tolist(), (start + length).tolist(), strict=True)
    ])
    return {
        "articles": np.frombuffer(chosen, np.uint8),
        "article_ends": ends(length),
        "dictionary": np.frombuffer(dictionary, np.uint8),
    }


def _compressed_anew(segment: Segment, dictionary: bytes) -> tuple[Array, Array]:
    decompressor = segment.decompressor()
    compress = compressor(dictionary).compress
    packed = [compress(segment.article(number, decompressor)) for number in range(segment.size)]
    return np.frombuffer(b"".join(packed), np.uint8), ends([len(each) for each in packed])


class _Vocabulary:
    """The terms of all sources, and what lists of postings become which.

    Attributes:
        lists: how many lists there are in the end.
        pairs: for each source its lists (old numbers) in the order of what they become (new numbers).
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._terms: dict[str, list[str]] = {}
        maps: dict[str, list[Array]] = {}
        for stream in (EXACT, STEM):
            own = [source.segment.terms(stream) for source in sources]
            self._terms[stream] = sorted(set().union(*own))
            number = {term: i for i, term in enumerate(self._terms[stream])}
            maps[stream] = [np.array([number[term] for term in terms], dtype=np.int64) for terms in own]
        exact_count = len(self._terms[EXACT])
        partners = _partners(sources, maps[EXACT], maps[STEM], exact_count, len(self._terms[STEM]))
        alone = partners < 0
        self._stem_lists = np.where(alone, exact_count + np.cumsum(alone) - 1, partners)
        self.lists = exact_count + int(alone.sum())
        self.pairs: list[tuple[Array, Array]] = []
        for source, exact, stems in zip(sources, maps[EXACT], maps[STEM], strict=True):
            divided = alone[stems]
            old = np.concatenate((np.arange(len(exact)), source.segment.stem_lists[divided].astype(np.int64)))
            self.pairs.append((old, np.concatenate((exact, self._stem_lists[stems[divided]]))))

    def arrays(self, held: Array) -> dict[str, Array]:
        """The terms whose lists are `held`; the numbers of lists close up."""
        kept = {EXACT: held[: len(self._terms[EXACT])], STEM: held[self._stem_lists]}
        found: dict[str, Array] = {}
        for stream, terms in self._terms.items():
            left = itertools.compress(terms, kept[stream].tolist())
            found |= pack_terms(stream, [term.encode("utf-8") for term in left])
        return found | {"stem_lists": smallest((np.cumsum(held) - 1)[self._stem_lists[kept[STEM]]])}


def _partners(
    sources: Sequence[Source], exact: list[Array], stems: list[Array], exact_count: int, stem_count: int
) -> Array:
    """For each stem the exact term whose postings it has in every source where either occurs, -1 where none is."""
    unknown, many = -1, -2
    partners = np.full(stem_count, unknown, np.int64)
    for source, exact_numbers, stem_numbers in zip(sources, exact, stems, strict=True):
        lists = source.segment.stem_lists.astype(np.int64)
        shared = lists < len(exact_numbers)
        here = np.full(len(lists), many, np.int64)
        here[shared] = exact_numbers[lists[shared]]
        before = partners[stem_numbers]
        partners[stem_numbers] = np.where((before == unknown) | (before == here), here, many)
    times_exact = np.bincount(np.concatenate(exact), minlength=exact_count)
    times_stem = np.bincount(np.concatenate(stems), minlength=stem_count)
    agree = partners >= 0
    agree[agree] = times_stem[agree] == times_exact[partners[agree]]
    return np.where(agree, partners, -1)


@dataclass(frozen=True, slots=True)
class _Postings:
    """Some postings: the new list and document, weight, occurrences, and positions of all."""

    lists: Array
    documents: Array
    weights: Array
    occurrences: Array
    positions: Array


def _postings(
    sources: Sequence[Source], vocabulary: _Vocabulary, numbers: _Numbering
) -> tuple[dict[str, Array], Array]:
    """The lists in which a live document is left, and by number of a list whether it is one of these."""
    of_list = np.zeros((2, vocabulary.lists), np.int64)  # postings and positions of each list
    rows: list[tuple[Array, ...]] = []
    for first, last in _ranges(sources, vocabulary):
        part = _in_order([
            _part(s, *_slice(p, first, last), n) for s, p, n in zip(sources, vocabulary.pairs, numbers.new, strict=True)
        ])
        lists = part.lists - first
        of_list[0, first:last] = np.bincount(lists, minlength=last - first)
        of_list[1, first:last] = np.bincount(lists, weights=part.occurrences, minlength=last - first)
        narrow = (smallest(each) for each in (part.weights, part.occurrences, part.positions))
        rows.append((part.documents.astype("<i4"), *narrow))
    documents, weights, occurrences, positions = (np.concatenate(column) for column in zip(*rows, strict=True))
    rows.clear()
    held: Array = of_list[0] > 0
    found = classify(weights, occurrences)
    found |= pack_positions(positions) | {
        "documents": documents,
        "list_ends": ends(of_list[0, held]),
        "position_ends": ends(of_list[1, held]),
    }
    return found, held


def _ranges(sources: Sequence[Source], vocabulary: _Vocabulary) -> Iterator[tuple[int, int]]:
    """Ranges of new lists that hold about `_RANGE` postings each, or a single greater list."""
    sizes = np.zeros(vocabulary.lists, np.int64)
    for source, (old, new) in zip(sources, vocabulary.pairs, strict=True):
        sizes[new] += source.segment.list_lengths()[old]
    reached = np.cumsum(sizes)
    first = 0
    while first < vocabulary.lists:
        done = int(reached[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(reached, done + _RANGE, "right")))
        yield first, last
        first = last
    if not vocabulary.lists:
        yield 0, 0


def _slice(pairs: tuple[Array, Array], first: int, last: int) -> tuple[Array, Array]:
    """The pairs whose new list lies in a range; new lists ascend."""
    old, new = pairs
    start, end = np.searchsorted(new, (first, last))
    return old[start:end], new[start:end]


def _part(source: Source, old: Array, new: Array, numbers: Array) -> _Postings:
    """The live postings of some lists of one source."""
    segment = source.segment
    lengths = segment.list_lengths()[old]
    places = spans(segment.list_starts()[old], lengths)
    classes = segment.classes[places]
    occurrences = segment.class_occurrences[classes]
    taken = np.cumsum(occurrences) - occurrences
    first = np.cumsum(lengths) - lengths  # of each list, in what was gathered
    offsets = segment.position_starts()[old] - (taken[np.minimum(first, len(taken) - 1)] if len(taken) else 0)
    starts = taken + np.repeat(offsets, lengths)
    documents = numbers[segment.documents[places]]
    kept = documents >= 0
    occurrences = occurrences[kept]
    return _Postings(
        np.repeat(new, lengths)[kept],
        documents[kept],
        segment.class_halves[classes[kept]],
        occurrences,
        segment.positions.take(spans(starts[kept], occurrences)),
    )


def _in_order(parts: Sequence[_Postings]) -> _Postings:
    """All of them by list and document; each part is in order already, which a stable sort makes use of."""
    lists = np.concatenate([part.lists for part in parts])
    documents = np.concatenate([part.documents for part in parts])
    occurrences = np.concatenate([part.occurrences for part in parts])
    order = np.argsort((lists << 32) | documents, kind="stable")
    starts = (np.cumsum(occurrences) - occurrences)[order]
    positions = np.concatenate([part.positions for part in parts])
    weights = np.concatenate([part.weights for part in parts])[order]
    occurrences = occurrences[order]
    return _Postings(lists[order], documents[order], weights, occurrences, positions[spans(starts, occurrences)])
