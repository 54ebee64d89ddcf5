"""The arithmetic of evaluation on whole arrays, in numpy: what rows of documents have in common, sums, best, counts.

`search.kernels` does the same in compiled loops; `Operations` is what both of them offer.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from index.arrays import spans
from index.reader import Column, Documents, Floats, Numbers

_FAR = 16  # rows of which one is so many times longer are looked up in, others are put into tables
_BLOCK = 64  # scores of which only the greatest is looked at first


@dataclass(frozen=True, slots=True)
class Scored:
    """Documents in ascending order, and what is added to the score of each."""

    documents: Documents
    scores: Floats


@dataclass(frozen=True, slots=True)
class Held:
    """Documents in ascending order, the sum of scores of each, and how many rows each was in (at most 255)."""

    documents: Documents
    scores: Floats
    times: Numbers


class Operations(Protocol):
    """What evaluation needs of arithmetic."""

    def both(self, few: Scored, many: Scored) -> Scored:
        """What both rows have, scores added; `few` is not the longer one."""

    def together(self, rows: Sequence[Scored]) -> Held:
        """What any of several rows has, scores added in the order of the rows."""

    def first_by(self, scores: Floats, count: int) -> Numbers:
        """Where the `count` greatest scores stand, greatest first, equal ones in the order in which they stand."""

    def count_values(self, column: Column, documents: Documents) -> tuple[Numbers, int]:
        """How many of some documents have each value of a facet, and how many have none."""

    def count_slices(self, starts: Documents, documents: Documents) -> Numbers:
        """How many of some documents, in ascending order, lie between each of `starts` and the next."""


class _Tables(threading.local):
    """Tables over all documents, for one thread; what an operation writes into them it clears again.

    To make and clear a table of a million numbers takes longer than most queries; to clear what was written does not.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.zeros = np.zeros(size, np.float32)
        self.absent = np.full(size, -1, np.float32)  # no score is negative


class Vectors:
    """The operations in numpy, over documents numbered from 0 to before `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tables = _Tables(size)

    def both(self, few: Scored, many: Scored) -> Scored:
        if len(many.documents) > _FAR * len(few.documents):
            place = many.documents.searchsorted(few.documents)
            here = many.documents.take(place, mode="clip") == few.documents
            return Scored(few.documents[here], few.scores[here] + many.scores.take(place[here]))
        table = self._tables.absent
        table[many.documents] = many.scores
        try:
            found = table.take(few.documents)
        finally:
            table[many.documents] = -1.0
        here = found >= 0.0
        return Scored(few.documents[here], few.scores[here] + found[here])

    def together(self, rows: Sequence[Scored]) -> Held:
        documents, times = self._times([row.documents for row in rows])
        table = self._tables.zeros
        try:
            for row in rows:
                table[row.documents] += row.scores
            scores = table.take(documents)
        finally:
            table[documents] = 0.0
        return Held(documents, scores, times)

    def _times(self, rows: Sequence[Documents]) -> tuple[Documents, Numbers]:
        """Each document of any of the rows, and in how many it is."""
        if 2 * sum(map(len, rows)) > self._size:
            times = np.zeros(self._size, np.int32)
            for row in rows:  # dozens of rows of everything, one after the other, would be many times the table
                times[row] += 1
            found = times.nonzero()[0]
            return found.astype(np.int32), times[found]
        documents = np.concatenate(rows)
        documents.sort()
        last = np.append(documents[1:] != documents[:-1], [True][: len(documents)]).nonzero()[0]
        return documents[last], np.diff(last, prepend=-1)

    def first_by(self, scores: Floats, count: int) -> Numbers:
        places = np.flatnonzero(scores >= _threshold(scores, count)) if len(scores) > count else np.arange(len(scores))
        order = (-scores[places]).argsort(kind="stable")
        return places[order[:count]]

    def count_values(self, column: Column, documents: Documents) -> tuple[Numbers, int]:
        codes = column.codes.take(documents)
        if 4 * len(codes) < len(column.set_ends):  # rather look at the values of a few than count many sets
            chosen = codes.astype(np.int64)
            starts = np.where(chosen, column.set_ends[chosen - 1], 0)
            members = column.members[spans(starts, column.set_ends[chosen] - starts)]
            return np.bincount(members, minlength=len(column.values)), int(len(codes) - np.count_nonzero(codes))
        by_set = np.bincount(codes, minlength=len(column.set_ends))
        counts = np.bincount(column.members, weights=by_set[column.sets], minlength=len(column.values))
        return counts.astype(np.int64), int(by_set[0])

    def count_slices(self, starts: Documents, documents: Documents) -> Numbers:
        places = documents.searchsorted(starts)
        return places[1:] - places[:-1]


def _threshold(scores: Floats, count: int) -> np.float32:
    """A score that at least `count` scores reach, and not many more."""
    blocks = len(scores) // _BLOCK
    if blocks > 4 * count:
        scores = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    least: np.float32 = np.partition(scores, len(scores) - count)[len(scores) - count]
    return least


def common(few: Numbers, many: Numbers) -> Numbers:
    """What two ascending rows have in common."""
    if len(few) > len(many):
        few, many = many, few
    return few[many.take(many.searchsorted(few), mode="clip") == few] if len(many) else few[:0]
