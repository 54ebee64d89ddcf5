"""The fields that Whoosh sees of a segment, which itself keeps one list of postings for all text fields of a stream.

A text field has the terms that occur in its part of the documents' rows of positions, counted from where that part
starts; a term that occurs elsewhere only is not one of its terms. Keyword fields have whole values. What is deleted is
left out of both, so that a term whose last document was deleted is gone at once, as it is after a merge. What Whoosh
makes of the fields is `index.codec`'s matter.
"""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from index.arrays import Array
from index.schema import EXACT, KEYWORD_FIELDS, STEM, TEXT_FIELDS
from index.segment import Facet, Segment


@dataclass(frozen=True, slots=True)
class Postings:
    """Where one term occurs in one field.

    Attributes:
        documents: ascending.
        ends: where the positions of each document end.
        positions: ascending for each document; a keyword field has one for each, which says nothing.
    """

    documents: Array
    ends: Array
    positions: Array

    def frequencies(self) -> Array:
        """Occurrences in each document."""
        times: Array = np.diff(self.ends, prepend=0)
        return times


def _grouped(documents: Array, positions: Array) -> Postings:
    """Postings of occurrences in order of documents."""
    last = np.flatnonzero(np.append(documents[1:] != documents[:-1], len(documents) > 0))
    return Postings(documents[last].astype(np.int64), last + 1, positions)


class Field(Protocol):
    """One field of one segment."""

    def postings(self, term: bytes) -> Postings:
        """Where a term occurs; empty where it does not."""

    def terms(self, start: bytes = b"") -> Iterator[bytes]:
        """The terms from `start` on, ascending."""

    def lengths(self) -> Array:
        """By document the positions that the field takes, 0 where that is not kept."""


class TextField:
    """One stream of one text field."""

    def __init__(self, segment: Segment, live: Array, stream: str, number: int) -> None:
        """`number` is the field's index in `TEXT_FIELDS`."""
        self._segment, self._live, self._stream, self._number = segment, live, stream, number

    @cached_property
    def _ranges(self) -> tuple[Array, Array]:
        """For each document where the field starts and ends in the row of positions."""
        extents = self._segment.extents.reshape(-1, len(TEXT_FIELDS)).astype(np.int64)
        field_ends = extents[:, : self._number + 1].sum(axis=1)
        return field_ends - extents[:, self._number], field_ends

    def postings(self, term: bytes) -> Postings:
        return self._postings(self._segment.find(self._stream, term))

    def _postings(self, number: int) -> Postings:
        if number < 0:
            return _grouped(np.zeros(0, np.int64), np.zeros(0, np.int64))
        places = self._segment.occurrences(int(self._segment.stem_lists[number]) if self._stream == STEM else number)
        starts, field_ends = (each[places.documents] for each in self._ranges)
        positions = places.positions.astype(np.int64)
        here = (positions >= starts) & (positions < field_ends) & self._live[places.documents]
        return _grouped(places.documents[here], (positions - starts)[here])

    def terms(self, start: bytes = b"") -> Iterator[bytes]:
        for number in range(self._segment.lower_bound(self._stream, start), self._segment.term_count(self._stream)):
            if len(self._postings(number).documents):
                yield self._segment.term(self._stream, number)

    def lengths(self) -> Array:
        """About the tokens: the one position that is left free after a value is taken off once, not for each value."""
        starts, field_ends = self._ranges
        lengths: Array = np.maximum(field_ends - starts - 1, 0)
        return lengths


class KeywordField:
    """Whole values: ascending terms, and the documents of each."""

    def __init__(self, terms: Sequence[bytes], numbers: Array, documents: Array, live: Array) -> None:
        """`numbers` and `documents` are pairs of a term's number and a live or deleted document, in any order."""
        here = live[documents]
        pairs = np.unique(np.stack((numbers[here], documents[here].astype(np.int64))), axis=1)
        counts = np.bincount(pairs[0], minlength=len(terms))
        self._terms = [term for term, count in zip(terms, counts.tolist(), strict=True) if count]
        self._ends = np.cumsum(counts[counts > 0])
        self._documents = pairs[1]
        self._size = len(live)

    def postings(self, term: bytes) -> Postings:
        number = bisect.bisect_left(self._terms, term)
        if number == len(self._terms) or self._terms[number] != term:
            start = end = 0
        else:
            start, end = (int(self._ends[number - 1]) if number else 0), int(self._ends[number])
        return _grouped(self._documents[start:end], np.zeros(end - start, np.int64))

    def terms(self, start: bytes = b"") -> Iterator[bytes]:
        return iter(self._terms[bisect.bisect_left(self._terms, start) :])

    def lengths(self) -> Array:
        return np.zeros(self._size, np.int64)


class FacetField:
    """The values of a facet, case folded."""

    def __init__(self, facet: Facet, live: Array) -> None:
        self._facet, self._live = facet, live
        self._folded = [value.casefold().encode("utf-8") for value in facet.values]

    def postings(self, term: bytes) -> Postings:
        spelled = np.array([value == term for value in self._folded], dtype=np.bool_)
        places = np.flatnonzero(spelled[self._facet.members])
        sets = np.zeros(len(self._facet.set_ends), np.bool_)
        sets[self._facet.set_ends.searchsorted(places, "right")] = True
        documents = np.flatnonzero(sets[self._facet.codes] & self._live)
        return _grouped(documents, np.zeros(len(documents), np.int64))

    def terms(self, start: bytes = b"") -> Iterator[bytes]:
        known = sorted({term for term in self._folded if term >= start})
        return (term for term in known if len(self.postings(term).documents))

    def lengths(self) -> Array:
        return np.zeros(len(self._live), np.int64)


def open_field(segment: Segment, live: Array, name: str) -> Field:
    """A field of `index.schema.whoosh_schema`; raises KeyError where there is none of this name."""
    if name in _TEXT:
        return TextField(segment, live, *_TEXT[name])
    if name == "id":
        order = segment.id_order.astype(np.int64)
        ids = segment.ids()
        return KeywordField(
            [ids[number].encode("utf-8") for number in order.tolist()], np.arange(len(order)), order, live
        )
    if name == "url":
        hashes, documents = segment.addresses()
        distinct, numbers = np.unique(hashes, return_inverse=True)
        return KeywordField([address_term(each) for each in distinct.tolist()], numbers, documents, live)
    if name in KEYWORD_FIELDS:
        return FacetField(segment.facet(name), live)
    raise KeyError(name)


def address_term(address: int) -> bytes:
    """The term of the field `url` for a hash of `index.document.key_hash`: 16 hexadecimal digits."""
    return f"{address:016x}".encode("ascii")


_TEXT = {
    name: (stream, number)
    for number, field in enumerate(TEXT_FIELDS)
    for stream, name in ((EXACT, field.name), (STEM, field.stem))
}
FIELD_NAMES = tuple(sorted([*_TEXT, "id", "url", *KEYWORD_FIELDS]))
