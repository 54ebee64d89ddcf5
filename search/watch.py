"""The watch over a generation that was opened in haste: compares the checksums that were left, beside the requests.

What is left is `index.generation`'s matter, and what becomes of an engine whose generation is damaged that engine's.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from index.errors import DamagedIndexError
from index.files import go_on
from index.generation import Generation, Stamp, Store

REST = 1.0
"""Rest after each chunk, in times of what reading and hashing it took: at most half of one core and disk is used."""

THREAD = "broadsheet-watch"

OnDamage = Callable[[Store, Generation, DamagedIndexError], None]
"""Called in the watch's thread; what it does with the given store rests and stops as the watch does."""


class Watch:
    """Verifies one generation at a time, the last one begun; not safe to share between threads but for `close`."""

    def __init__(self, path: Path, on_damage: OnDamage) -> None:
        """Watch over nothing yet.

        Args:
            path: the index directory.
            on_damage: called at most once for each generation begun.
        """
        self._path = path
        self._on_damage = on_damage
        self._known: frozenset[Stamp] = frozenset()  # of the generation verified last
        self._generation: Generation | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, generation: Generation, check: Callable[[], None] = go_on) -> None:
        """Verify what is left of `generation`; one that was begun before is given up, the same one goes on.

        Args:
            generation: as it was opened.
            check: looks through what its checksums are right of; raises DamagedIndexError.
        """
        if generation is self._generation:
            return
        self._stop.set()
        self._generation = generation
        if generation.unverified:
            self._stop = threading.Event()
            thread = threading.Thread(target=self._run, args=(generation, check, self._stop), name=THREAD, daemon=True)
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
            thread.start()

    def close(self) -> None:
        """Stop after the chunk that is being hashed, and wait for that; nothing is called afterwards."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, generation: Generation, check: Callable[[], None], stop: threading.Event) -> None:
        store = Store(self._path, _Rest(stop))
        with suppress(_StoppedError):
            try:
                self._known = store.verify(generation, self._known)
                check()
            except DamagedIndexError as error:
                self._on_damage(store, generation, error)


class _StoppedError(Exception):
    """The watch is over."""


class _Rest:
    """Between two chunks: rest, or stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._since = time.perf_counter()

    def __call__(self) -> None:
        if self._stop.wait((time.perf_counter() - self._since) * REST):
            raise _StoppedError
        self._since = time.perf_counter()
