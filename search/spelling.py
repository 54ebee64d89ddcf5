"""The archive's own words: which occur, which begin so, which are nearest to a misspelt one.

Only words of visible articles are ever named: a term that is left over from a deleted article has no live postings.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.analysis import FUNCTION_WORDS, word_forms
from index.files import go_on
from index.reader import Snapshot
from index.schema import EXACT, TEXT_FIELDS

MIN_CHARS = 3
TWO_EDITS_FROM_CHARS = 6
_CACHED_WORDS = 1_000
_COMPARED_AT_ONCE = 64  # words, which takes a millisecond or so


@dataclass(frozen=True, slots=True)
class _Words:
    """The words that may stand in for another, with what rules most of them out at a glance.

    Attributes:
        lengths: in characters.
        letters: the set of characters as bits; an edit changes at most two of them.
    """

    words: list[str]
    lengths: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint64]


class Spelling:
    """The vocabulary of one generation."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._words: _Words | None = None
        self._near: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def count(self, term: str) -> int:
        """In how many articles this exact term stands, in the field where it does most."""
        count = self._counts.get(term)
        if count is None:
            places = self._snapshot.occurrences(EXACT, term)
            pairs = np.unique(places.documents * len(TEXT_FIELDS) + self._snapshot.field_numbers(places))
            count = int(np.bincount(pairs % len(TEXT_FIELDS), minlength=1).max())
            if len(self._counts) >= _CACHED_WORDS:
                self._counts.clear()
            self._counts[term] = count
        return count

    def occurs(self, term: str) -> bool:
        return self._snapshot.has(EXACT, term)

    def beginning(self, word: str, between: Callable[[], None] = go_on) -> str:
        """The typed word as an exact term, where terms begin so; else "".

        Args:
            word: as typed.
            between: called between two terms; what it raises ends the work.
        """
        exact = letters_of(word)
        for term in self._snapshot.terms(exact) if exact else []:
            if self.occurs(term):
                return exact
            between()
        return ""

    def nearest(self, word: str, limit: int, between: Callable[[], None] = go_on) -> list[str]:
        """The words fewest edits away, most frequent first.

        An edit is a character more, less or other, or two neighbours exchanged. Short words may be one edit away,
        longer ones two where they begin alike. Words with a digit or a sign, such as GPT-4 or C#, have no near words:
        the nearest would be another product.

        Args:
            word: as typed.
            limit: how many at most.
            between: called between words that are compared; what it raises ends the work, of which nothing is kept.
        """
        exact = letters_of(word)
        if not exact:
            return []
        found = self._near.get(exact)
        if found is None:
            found = self._look_near(exact, between)
            if len(self._near) >= _CACHED_WORDS:
                self._near.clear()
            self._near[exact] = found
        return found[:limit]

    def _look_near(self, exact: str, between: Callable[[], None]) -> list[str]:
        words = self._words = self._words or self._load_words()
        differing = np.bitwise_count(words.letters ^ _letters(exact))
        for distance in (1, 2) if len(exact) >= TWO_EDITS_FROM_CHARS else (1,):
            likely = (np.abs(words.lengths - len(exact)) <= distance) & (differing <= 2 * distance)
            near = [words.words[i] for i in np.flatnonzero(likely).tolist()]
            near = [each for each in near if distance == 1 or each[0] == exact[0]]
            counted = []
            for i, each in enumerate(near):
                if i % _COMPARED_AT_ONCE == 0:
                    between()
                if edits(each, exact, distance) == distance:
                    counted.append((each, self.count(each)))
                    between()
            found = sorted((pair for pair in counted if pair[1]), key=lambda pair: (-pair[1], pair[0]))
            if found:
                return [each for each, _ in found]
        return []

    def _load_words(self) -> _Words:
        words = [
            each
            for each in self._snapshot.terms()
            if each.isalpha() and len(each) >= MIN_CHARS and each not in FUNCTION_WORDS
        ]
        lengths = np.array([len(word) for word in words], dtype=np.int64)
        codes = np.frombuffer("".join(words).encode("utf-32-le"), "<u4").astype(np.uint64)
        bits = np.uint64(1) << (codes % 64)
        letters = np.bitwise_or.reduceat(bits, np.cumsum(lengths) - lengths) if words else bits
        return _Words(words, lengths, letters)


def letters_of(word: str) -> str:
    """A typed word as an exact term; "" for one that is short, of several parts, or not of letters alone."""
    parts = word_forms(word, capitals=False).parts
    exact = parts[0].exact if len(parts) == 1 else ""
    return exact if exact.isalpha() and len(exact) >= MIN_CHARS else ""


def _letters(word: str) -> np.uint64:
    bits = 0
    for character in word:
        bits |= 1 << (ord(character) % 64)
    return np.uint64(bits)


def edits(one: str, other: str, most: int) -> int:
    """How many edits turn one word into the other, neighbours exchanged being one; `most` + 1 stands for any more.

    The restricted Damerau-Levenshtein distance (optimal string alignment), row by row.
    """
    above: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before, above, row = above, row, [i]
        for j, right in enumerate(other, start=1):
            least = min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        if min(row) > most:
            return most + 1
    return row[-1]
