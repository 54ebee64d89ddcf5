"""Which terms some article has as words of their own, and which ones the analyzer only joined from parts.

`microsoft.com` is indexed as microsoft, com and microsoftcom (`index.analysis`); the last is there to be found, but
nobody wrote it, so nobody should be shown it.
"""

import numpy as np

from index.analysis import query_tokens
from index.reader import Documents, Numbers, Snapshot
from index.schema import EXACT

_FIRST = 8  # documents that are looked at first: nearly every term is a word of its own in one of them
_KEPT = 10_000
_POSITION_BITS = 32


class OwnWords:
    """The terms of one generation; what was found out is kept. Safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[str, bool] = {}

    def __contains__(self, term: str) -> bool:
        """Whether a visible article has this exact term, not in capitals, as a word of its own."""
        known = self._known.get(term)
        if known is None:
            known = self._stands_alone(term)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[term] = known
        return known

    def _stands_alone(self, term: str) -> bool:
        """A joined term stands where its first part does; a word of its own stands where no beginning of it does."""
        documents = self._snapshot.postings(EXACT, term).documents
        if len(query_tokens(term)) > 1:  # in scripts without spaces, characters stand beside their pairs
            return len(documents) > 0
        vocabulary = self._snapshot.vocabulary
        parts = [term[:cut] for cut in range(1, len(term)) if vocabulary.find(term[:cut]) >= 0]
        return any(self._apart(term, parts, each) for each in (documents[:_FIRST], documents[_FIRST:]))

    def _apart(self, term: str, parts: list[str], among: Documents) -> bool:
        """Whether in some documents a term stands anywhere that none of the others does."""
        left = places_in(among, term, self._snapshot)
        for part in parts:
            if not len(left):
                break
            left = left[np.isin(left, places_in(among, part, self._snapshot), invert=True)]
        return len(left) > 0


def places_in(documents: Documents, term: str, snapshot: Snapshot) -> Numbers:
    """Where a term stands in some documents, ascending: a document's number and a position in one."""
    found = snapshot.occurrences(EXACT, term, documents)
    return (found.documents << _POSITION_BITS) + found.positions
