"""The archive's own words: which occur, which begin so, which are nearest to a misspelt one.

Only words of visible articles are ever named: a term that is left over from a deleted article has no live postings.
"""

from functools import lru_cache

from index.analysis import FUNCTION_WORDS, word_forms
from index.reader import Snapshot
from index.schema import TEXT_FIELDS

_MIN_CHARS = 3
_TWO_EDITS_FROM_CHARS = 6
_SHARED_START = 1  # characters that a word two edits away has in common


class Spelling:
    """The vocabulary of one generation."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._names = tuple(field.name for field in TEXT_FIELDS)
        self.nearest = lru_cache(maxsize=1_000)(self._nearest)
        self.count = lru_cache(maxsize=20_000)(self._count)

    def _count(self, term: str) -> int:
        """How many articles have this exact term, at most counted once a field."""
        return max(len(self._snapshot.postings(name, term).documents) for name in self._names)

    def occurs(self, term: str) -> bool:
        return self.count(term) > 0

    def beginning_with(self, prefix: str, fields: tuple[str, ...], limit: int) -> tuple[list[str], bool]:
        terms = {term for name in fields for term in self._snapshot.terms(name, prefix)}
        found = sorted(terms, key=lambda term: (len(term), term))
        return found[:limit], len(found) <= limit

    def _nearest(self, word: str, limit: int) -> list[str]:
        """The words fewest edits away (at most one in short words, two in longer ones), most frequent first.

        Words with a digit or a sign, such as GPT-4 or C#, have no near words: the nearest would be another product.
        """
        parts = word_forms(word, capitals=False).parts
        if len(parts) != 1 or not parts[0].exact.isalpha() or len(parts[0].exact) < _MIN_CHARS:
            return []
        exact = parts[0].exact
        for distance in (1, 2) if len(exact) >= _TWO_EDITS_FROM_CHARS else (1,):
            shared = 0 if distance == 1 else _SHARED_START
            near = {term for name in self._names for term in self._snapshot.terms_within(name, exact, distance, shared)}
            counted = [(term, self.count(term)) for term in near if self._may_stand_in(term, exact)]
            found = sorted((pair for pair in counted if pair[1]), key=lambda pair: (-pair[1], pair[0]))
            if found:
                return [term for term, _ in found[:limit]]
        return []

    @staticmethod
    def _may_stand_in(term: str, word: str) -> bool:
        return term != word and term.isalpha() and len(term) >= _MIN_CHARS and term not in FUNCTION_WORDS
