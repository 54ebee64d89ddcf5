"""The operations of `search.vectors` as compiled loops; loaded only where numba is installed, and only by a server.

Documents of a row are in ascending order and lie within the columns that they index, and codes within their tables:
whoever makes a row or a column sees to that, for compiled code does not look.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from index.reader import Column, Documents, Floats, Numbers
from search.vectors import Held, Scored, Vectors

_MOST_ROWS = 255  # of more a byte could not say in how many a document is
_MOST_KEPT = 64  # up to so many best scores are kept in order while going through all
_FULL = 8  # rows that together have more than one in so many documents are added up in a table, others are merged

_compile = njit(cache=True, nogil=True, error_model="numpy")


@_compile
def _at_least(row: Any, start: int, wanted: int) -> int:
    """The place of the first number not less than `wanted`, from `start` on, in strides that double."""
    size = len(row)
    if start >= size or row[start] >= wanted:
        return start
    stride = 1
    while start + stride < size and row[start + stride] < wanted:
        start += stride
        stride *= 2
    low, high = start + 1, min(start + stride, size)
    while low < high:
        middle = (low + high) // 2
        if row[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@_compile
def _both(few: Any, few_scores: Any, many: Any, many_scores: Any) -> Any:
    documents, scores = np.empty(len(few), np.int32), np.empty(len(few), np.float32)
    count = there = 0
    for here in range(len(few)):
        wanted = few[here]
        there = _at_least(many, there, wanted)
        if there == len(many):
            break
        if many[there] == wanted:
            documents[count] = wanted
            scores[count] = few_scores[here] + many_scores[there]
            count += 1
    return documents[:count], scores[:count]


@_compile
def _either(one: Any, one_scores: Any, one_times: Any, other: Any, other_scores: Any, other_times: Any) -> Any:
    size = len(one) + len(other)
    documents, scores, times = np.empty(size, np.int32), np.empty(size, np.float32), np.empty(size, np.uint8)
    i = j = count = 0
    while i < len(one) and j < len(other):
        left, right = one[i], other[j]
        if left == right:
            documents[count], scores[count] = left, one_scores[i] + other_scores[j]
            times[count] = one_times[i] + other_times[j]
            i += 1
            j += 1
        elif left < right:
            documents[count], scores[count], times[count] = left, one_scores[i], one_times[i]
            i += 1
        else:
            documents[count], scores[count], times[count] = right, other_scores[j], other_times[j]
            j += 1
        count += 1
    while i < len(one):
        documents[count], scores[count], times[count] = one[i], one_scores[i], one_times[i]
        i += 1
        count += 1
    while j < len(other):
        documents[count], scores[count], times[count] = other[j], other_scores[j], other_times[j]
        j += 1
        count += 1
    return documents[:count], scores[:count], times[:count]


@_compile
def _add(table: Any, times: Any, documents: Any, scores: Any) -> None:
    for i in range(len(documents)):
        table[documents[i]] += scores[i]
        times[documents[i]] += 1


@_compile
def _collect(table: Any, times: Any, most: int) -> Any:
    """What was added up, in order; the tables are cleared. The length of `times` is a multiple of eight."""
    documents, scores, found = np.empty(most, np.int32), np.empty(most, np.float32), np.empty(most, np.uint8)
    count = 0
    eights = times.view(np.uint64)
    for i in range(len(eights)):
        if eights[i] == 0:
            continue
        for document in range(8 * i, 8 * i + 8):
            if times[document]:
                documents[count], scores[count], found[count] = document, table[document], times[document]
                count += 1
                table[document] = 0.0
        eights[i] = 0
    return documents[:count], scores[:count], found[:count]


@_compile
def _first_by(scores: Any, count: int) -> Any:
    places, best = np.empty(count, np.int64), np.empty(count, np.float32)
    kept = 0
    for place in range(len(scores)):
        score = scores[place]
        if kept == count:
            if score <= best[count - 1]:
                continue
        else:
            kept += 1
        i = kept - 1
        while i > 0 and best[i - 1] < score:
            places[i], best[i] = places[i - 1], best[i - 1]
            i -= 1
        places[i], best[i] = place, score
    return places[:kept]


@_compile
def _count_values(codes: Any, set_ends: Any, members: Any, documents: Any, values: int) -> Any:
    counts = np.zeros(values, np.int64)
    if 4 * len(documents) < len(set_ends):
        none = 0
        for document in documents:
            code = codes[document]
            if code == 0:
                none += 1
            else:
                for i in range(set_ends[code - 1], set_ends[code]):
                    counts[members[i]] += 1
        return counts, none
    by_set = np.zeros(len(set_ends), np.int64)
    for document in documents:
        by_set[codes[document]] += 1
    start = 0
    for code in range(len(set_ends)):
        for i in range(start, set_ends[code]):
            counts[members[i]] += by_set[code]
        start = set_ends[code]
    return counts, by_set[0]


@_compile
def _count_slices(starts: Any, documents: Any) -> Any:
    counts = np.empty(len(starts) - 1, np.int64)
    place = 0
    for i in range(len(starts) - 1):
        end = _at_least(documents, place, starts[i + 1])
        counts[i] = end - place
        place = end
    return counts


class _Tables(threading.local):
    """Tables over all documents, for one thread; cleared by who wrote into them, or given up."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sums = np.zeros(size + 7, np.float32)
        self.times = np.zeros((size + 7) // 8 * 8, np.uint8)


class Kernels:
    """The operations, compiled, over documents numbered from 0 to before `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tables = _Tables(size)
        self._vectors = Vectors(size)

    def both(self, few: Scored, many: Scored) -> Scored:
        return Scored(*_both(few.documents, few.scores, many.documents, many.scores))

    def together(self, rows: Sequence[Scored]) -> Held:
        if len(rows) > _MOST_ROWS:
            return self._vectors.together(rows)
        most = sum(len(row.documents) for row in rows)
        if _FULL * most > self._size or len(rows) > _FULL:
            sums, times = self._tables.sums, self._tables.times
            try:
                for row in rows:
                    _add(sums, times, row.documents, row.scores)
                return Held(*_collect(sums, times, min(most, self._size)))
            except BaseException:
                self._tables = _Tables(self._size)  # what was added up before memory ran out belongs to no answer
                raise
        found = rows[0].documents, rows[0].scores, np.ones(len(rows[0].documents), np.uint8)
        for row in rows[1:]:
            found = _either(*found, row.documents, row.scores, np.ones(len(row.documents), np.uint8))
        return Held(*found)

    def first_by(self, scores: Floats, count: int) -> Numbers:
        if count > _MOST_KEPT:
            return self._vectors.first_by(scores, count)
        found: Numbers = _first_by(scores, count)
        return found

    def count_values(self, column: Column, documents: Documents) -> tuple[Numbers, int]:
        counts, none = _count_values(column.codes, column.set_ends, column.members, documents, len(column.values))
        return counts, int(none)

    def count_slices(self, starts: Documents, documents: Documents) -> Numbers:
        counts: Numbers = _count_slices(starts, documents)
        return counts
