"""Positions, one after the other: a byte for each, and the high bytes of the few that need more kept apart.

Where many need more, all are stored as wide as the widest.
"""

import numpy as np

from index.arrays import Array, Arrays, smallest

_APART_BYTES = 6  # what one that is kept apart costs, where the others save a byte each


def pack_positions(positions: Array) -> dict[str, Array]:
    """Positions as arrays of a segment."""
    wide = np.flatnonzero(positions > 255)
    if not len(wide) or _APART_BYTES * len(wide) > len(positions):
        return {"positions": smallest(positions)}
    more = smallest(positions[wide].astype(np.int64) >> 8)
    low = (positions & 255).astype(np.uint8)
    return {"positions": low, "wide_positions": smallest(wide), "wide_positions_more": more}


class Positions:
    """What `pack_positions` packed, read where it lies."""

    def __init__(self, arrays: Arrays) -> None:
        self._low = arrays["positions"]
        self._wide, self._more = arrays.get("wide_positions"), arrays.get("wide_positions_more")

    def between(self, start: int, end: int) -> Array:
        """Those from `start` to before `end`."""
        low = self._low[start:end]
        if self._wide is None or self._more is None:
            return low
        first, last = self._wide.searchsorted((start, end))
        found = low.astype(np.int64)
        found[self._wide[first:last].astype(np.int64) - start] += self._more[first:last].astype(np.int64) << 8
        return found

    def take(self, places: Array) -> Array:
        """Those at some places."""
        low = self._low[places]
        if self._wide is None or self._more is None or not len(self._wide):
            return low
        found = low.astype(np.int64)
        at = np.minimum(self._wide.searchsorted(places), len(self._wide) - 1)
        here = self._wide[at] == places
        found[here] += self._more[at[here]].astype(np.int64) << 8
        return found
