"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINE_EVERY_S = 1.0


class Reporter(Protocol):
    """Is told how far each phase of the work is; a total of 0 is not known."""

    def __enter__(self) -> "Reporter": ...

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None: ...

    def __call__(self, phase: str, done: int, total: int) -> None: ...


def reporter() -> Reporter:
    """The one that fits where standard error goes."""
    console = Console(stderr=True)
    return _Bar(console) if console.is_terminal else _Lines()


class _Bar:
    """Progress as a bar on a terminal."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(phase, total=total or None)
        self._progress.update(self._tasks[phase], completed=done, total=total or None)


class _Lines:
    """Progress as plain lines, at most one in a while, for logs."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        sys.stderr.flush()

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            click.echo(f"{phase}: {done:,} of {total:,}" if total else f"{phase}: {done:,}", err=True)
