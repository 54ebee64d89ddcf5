"""Files of the index: opened without waiting, hashed piece by piece, written durably.

Which files there are and what their checksums must be is `index.generation`'s matter.
"""

import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 8 * 1024 * 1024
"""Read and hashed at a time: a few hundredths of a second, the longest that stopping has to wait for."""


def go_on() -> None:
    """Between two chunks, neither rest nor stop."""


def open_regular(path: Path) -> io.FileIO:
    """A regular file, opened for reading; what else may lie there (a pipe) must not make us wait.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return io.FileIO(descriptor)


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: see `open_regular`.
    """
    with open_regular(path) as file:
        return file.read()


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a regular file.

    Raises:
        OSError: see `open_regular`.
    """
    with open_regular(path) as file:
        return digest(file)


def digest(file: io.FileIO, between: Callable[[], None] = go_on) -> str:
    """SHA-256 (hex) of an open file, from where it stands.

    Args:
        file: hashed chunk by chunk, without holding up other threads.
        between: called after every chunk; it may rest, and what it raises ends the work.
    """
    found = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        found.update(chunk)
        between()
    return found.hexdigest()


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def sync(path: Path) -> None:
    """Force a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and force it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
