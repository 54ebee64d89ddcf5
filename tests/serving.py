"""`broadsheet serve` as a process of its own, for tests of what it writes and of its workers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT

PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens at `address`; its standard error goes to the file `log`."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def end(self) -> None:
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0


@contextmanager
def served(index: Path, folder: Path, errors: int | None = None, **settings: str) -> Iterator[Server]:
    """A server with two workers.

    Args:
        index: what it serves.
        folder: made to be its working directory, and that of its temporary files.
        errors: a descriptor to be its standard error; by default that is a file.
        settings: more of them, as texts.
    """
    (folder / "tmp").mkdir(parents=True)
    log = folder / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BROADSHEET_")}
    environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
    environment |= {f"BROADSHEET_{name.upper()}": value for name, value in settings.items()}
    arguments = ["serve", "--index", str(index), "--port", "0", "--workers", "2"]
    with (
        log.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-c", "from web.cli import main; main()", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=file if errors is None else errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            yield Server(process, process.stdout.readline().strip().rstrip("/"), log)
        finally:
            if process.poll() is None:
                process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    """Look again and again, in vain for half a minute at most."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
