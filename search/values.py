"""The values of facets, found by what one of their words begins with: "azure ar" finds "Azure Arc" and "On Azure Arm".

What a word is and which letters are alike is told by `index.analysis.beginnings`; what is counted by `search.facets`.
"""

import numpy as np

from index.analysis import beginnings
from index.reader import Flags, Snapshot


def beginning_of(prefix: str) -> str:
    """A typed prefix in the form that is looked for.

    Args:
        prefix: any text; white space at its end says that the last word is whole.

    Returns:
        "" where the text says nothing: blank, or nothing but apostrophes and accents.
    """
    beginning = beginnings(prefix)
    return f"{beginning} " if beginning and prefix[-1].isspace() else beginning


def begins(value: str, beginning: str) -> bool:
    """Whether one of the words of a value begins so, and the value goes on so; see `beginning_of`."""
    return beginning in _form(value)


class Values:
    """The values of one generation; safe to share between threads. Their forms are made when first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._forms: dict[str, list[str]] = {}

    def beginning_with(self, facet: str, beginning: str) -> Flags:
        """Which values of a facet begin so, by their number in `Snapshot.columns`."""
        forms = self._forms.get(facet)
        if forms is None:
            forms = self._forms[facet] = [_form(value) for value in self._snapshot.columns[facet].values]
        return np.array([beginning in form for form in forms], np.bool_)


def _form(value: str) -> str:
    return f"{beginnings(value)} "
