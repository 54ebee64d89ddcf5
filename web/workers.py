"""What the worker processes of one server count together: numbers for them, and files in a temporary directory.

A worker has the lowest number that is free, and a new one goes on counting in the files of the dead one before it. So
there are only ever as many files as workers, and no count is lost or falls. The hooks are gunicorn's.
"""

import os
import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from prometheus_client import values

from index.errors import UsageError

FILE_BYTES = 512 * 1024
"""Written beforehand, with room for all that is counted: a mapped file without it on a full disk would end a worker."""

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it
_KINDS = ("counter", "histogram")


def shared_directory() -> str | None:
    """Where the workers of this server count; None where this process counts for itself."""
    return os.environ.get(_DIRECTORY)


def worker_processes() -> dict[int, int]:
    """The process id of each worker, by number; empty where workers are not ours to know."""
    directory = shared_directory()
    found = {}
    for path in sorted(Path(directory).glob("*.pid")) if directory else ():
        try:
            found[int(path.stem)] = int(path.read_text("ascii"))
        except (OSError, ValueError):
            continue  # it ended meanwhile, or only begins
    return found


class SharedFiles:
    """The files of one server, from before its first worker to after its last."""

    def __init__(self, workers: int) -> None:
        """Make them, for this many workers.

        Raises:
            UsageError: they cannot be made.
        """
        self._owner = os.getpid()
        try:
            self.directory = Path(mkdtemp(prefix="broadsheet-"))
            for number in range(1, workers + 1):
                for kind in _KINDS:
                    (self.directory / f"{kind}_{number}.db").write_bytes(bytes(FILE_BYTES))
        except OSError as error:
            raise UsageError(
                f"cannot make files to count in: {error} (or set metrics = off)", setting="metrics"
            ) from error

    def remove(self) -> None:
        """Remove them; in a worker, which ends on the same way as the process that made them, do nothing."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.directory, ignore_errors=True)

    def number(self, server: Any, worker: Any) -> None:
        """Give a worker its number, before it is forked."""
        taken = {other.number for other in server.WORKERS.values()}
        worker.number = next(number for number in count(1) if number not in taken)

    def enter(self, _server: Any, worker: Any) -> None:
        """In a new worker: count in its files from now on."""
        os.environ[_DIRECTORY] = str(self.directory)
        # The library's own way to name processes otherwise than by their ids; metrics are made after this.
        values.ValueClass = values.MultiProcessValue(lambda: worker.number)  # type: ignore[no-untyped-call]
        self._process(worker).write_text(str(worker.pid), "ascii")

    def leave(self, _server: Any, worker: Any) -> None:
        """After a worker ended."""
        self._process(worker).unlink(missing_ok=True)

    def _process(self, worker: Any) -> Path:
        return self.directory / f"{worker.number}.pid"
