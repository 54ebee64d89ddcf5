"""How much one query may ask, and for how long: limits from the settings, and the moment when time is out.

What is left undone when time is out is said by who does it, `search.evaluate` above all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

from index.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of these names, see `index.settings`."""

    max_query_chars: int = 1_000
    max_clauses: int = 64
    max_expansion: int = 2_000
    max_lookups: int = 8
    budget_ms: int = 2_000

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Those that the settings give."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})


DEFAULT_LIMITS = Limits()


class OutOfTimeError(Exception):
    """Time was out before something was known, and nothing of it was kept; never leaves this package."""


class Deadline:
    """The moment when an answer has to be there.

    Work that may take long asks between two steps of a few milliseconds. Not asked are single operations on arrays, and
    what is made once a generation and then kept, such as its vocabulary: given up each time, it would never be there.
    """

    def __init__(self, budget_ms: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Time is out so long after now.

        Args:
            budget_ms: in milliseconds; infinite for never.
            clock: seconds since any moment.
        """
        self._clock = clock
        self._end = clock() + budget_ms / 1000

    @property
    def left_ms(self) -> float | None:
        """How many milliseconds are left, 0 at least; None for ever."""
        return None if self._end == float("inf") else max(0.0, (self._end - self._clock()) * 1000)

    @property
    def passed(self) -> bool:
        """Whether time is out."""
        return self._clock() >= self._end

    def check(self) -> None:
        """Go on while there is time.

        Raises:
            OutOfTimeError: there is none left.
        """
        if self._clock() >= self._end:
            raise OutOfTimeError


NEVER = Deadline(float("inf"))
