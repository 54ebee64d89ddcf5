"""One writer at a time: an advisory lock on a file of the index directory.

The kernel releases it when the process ends, however it ends, so a dead writer leaves nothing to clean up.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import LockedError


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Raises:
        LockedError: when another process holds it; the text names that process.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            message = f"another reindex (process {holder}) is writing to {path.parent}; try again later"
            raise LockedError(message) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
