"""The archive's own words: which occur, which begin so, which are nearest to a misspelt one.

Only words of visible articles are ever named: a term that is left over from a deleted article has no live postings.
"""

from index.analysis import FUNCTION_WORDS, word_forms
from index.reader import Snapshot
from index.schema import TEXT_FIELDS

_MIN_CHARS = 3
_TWO_EDITS_FROM_CHARS = 6
_CACHED_WORDS = 1_000
_SHARED_START = 1  # characters that a word two edits away has in common


class Spelling:
    """The vocabulary of one generation."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._names = tuple(field.name for field in TEXT_FIELDS)
        self._near: dict[str, list[str]] = {}

    def count(self, term: str) -> int:
        """In how many articles this exact term stands, in the field where it does most."""
        return max(len(self._snapshot.postings(name, term).documents) for name in self._names)

    def occurs(self, term: str) -> bool:
        return self.count(term) > 0

    def beginning_with(self, prefix: str, fields: tuple[str, ...], limit: int) -> tuple[list[str], bool]:
        terms = {term for name in fields for term in self._snapshot.terms(name, prefix)}
        found: list[str] = []
        for term in sorted(terms, key=lambda term: (len(term), term)):
            if any(len(self._snapshot.postings(name, term).documents) for name in fields):
                found.append(term)
            if len(found) > limit:
                return found[:limit], False
        return found, True

    def nearest(self, word: str, limit: int) -> list[str]:
        """The words fewest edits away (at most one in short words, two in longer ones), most frequent first.

        Words with a digit or a sign, such as GPT-4 or C#, have no near words: the nearest would be another product.
        """
        parts = word_forms(word, capitals=False).parts
        if len(parts) != 1 or not parts[0].exact.isalpha() or len(parts[0].exact) < _MIN_CHARS:
            return []
        exact = parts[0].exact
        if exact not in self._near:
            if len(self._near) >= _CACHED_WORDS:
                self._near.clear()
            self._near[exact] = self._look_near(exact)
        return self._near[exact][:limit]

    def _look_near(self, exact: str) -> list[str]:
        for distance in (1, 2) if len(exact) >= _TWO_EDITS_FROM_CHARS else (1,):
            shared = 0 if distance == 1 else _SHARED_START
            near = {term for name in self._names for term in self._snapshot.terms_within(name, exact, distance, shared)}
            counted = [(term, self.count(term)) for term in near if self._may_stand_in(term, exact)]
            found = sorted((pair for pair in counted if pair[1]), key=lambda pair: (-pair[1], pair[0]))
            if found:
                return [term for term, _ in found]
        return []

    @staticmethod
    def _may_stand_in(term: str, word: str) -> bool:
        return term != word and term.isalpha() and len(term) >= _MIN_CHARS and term not in FUNCTION_WORDS
