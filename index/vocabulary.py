"""The exact terms of a generation in one row, and in how many documents each stands.

Single terms are looked up in their segments (`index.reader`); this is for whoever must see all terms that begin alike.
It is made from all terms once, when it is first asked for.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.arrays import Array
from index.schema import EXACT
from index.segment import Segment

_AFTER = "\U0010ffff"  # sorts after whatever a term may go on with


@dataclass(frozen=True, slots=True)
class VocabularyPart:
    """One segment of those that a vocabulary is made of.

    Attributes:
        segment: its terms and postings.
        first: the number of its first document in the generation.
        live: which of its documents are there; None for all.
    """

    segment: Segment
    first: int
    live: Array | None


class Vocabulary:
    """The exact terms of several segments.

    Attributes:
        terms: sorted, each once; some may stand in deleted documents only.
        counts: for each in how many documents it stands, deleted ones left out.
    """

    def __init__(self, parts: Sequence[VocabularyPart]) -> None:
        self._parts = parts
        by_part = [part.segment.terms(EXACT) for part in parts]
        self.terms = by_part[0] if len(parts) == 1 else sorted(set().union(*by_part))
        place = {} if len(parts) == 1 else {term: i for i, term in enumerate(self.terms)}
        self._places = [np.array([place.get(term, i) for i, term in enumerate(terms)], np.int64) for terms in by_part]
        self.counts: Array = np.zeros(len(self.terms), np.int64)
        for part, places in zip(parts, self._places, strict=True):
            self.counts[places] += _counts(part.segment, 0, len(places), part.live)

    def find(self, term: str) -> int:
        """Where a term stands in the row, -1 where it does not occur."""
        place = bisect_left(self.terms, term)
        return place if place < len(self.terms) and self.terms[place] == term else -1

    def beginning_with(self, prefix: str) -> tuple[int, int]:
        """Where the terms that begin so start in the row, and where they end."""
        return bisect_left(self.terms, prefix), bisect_left(self.terms, prefix + _AFTER)

    def counts_among(self, first: int, last: int, among: Array) -> Array:
        """In how many of some documents each term from `first` to before `last` stands.

        Args:
            first, last: places in the row.
            among: for every document number of the generation whether it is one of them; no deleted one is.
        """
        counts = np.zeros(last - first, np.int64)
        for part, places in zip(self._parts, self._places, strict=True):
            start, end = places.searchsorted((first, last)).tolist()
            here = among[part.first : part.first + part.segment.size]
            counts[places[start:end] - first] += _counts(part.segment, start, end, here)
        return counts


def _counts(segment: Segment, first: int, last: int, among: Array | None) -> Array:
    """In how many documents (of `among`, if given) the exact terms from `first` to before `last` stand."""
    lengths = segment.list_lengths(first, last)
    if among is None or not len(lengths):
        return lengths
    documents, _ = segment.postings(first, last - 1)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(among.take(documents), dtype=np.int64)))
    ends = np.cumsum(lengths)
    counts: Array = before[ends] - before[ends - lengths]
    return counts
