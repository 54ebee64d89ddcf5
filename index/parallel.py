"""Calls made by other processes, with their results in order. What is called is `index.read`'s affair.

A process is a fresh interpreter at the other end of a socket, so nothing is forked, no program's main module is
imported a second time, and it works alike on Linux and macOS and beside threads. It takes 0.1 s to start. It ends when
the socket does: with the caller, however that ends. It stands in a process group of its own, so Ctrl-C reaches the
caller alone.
"""

import os
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from index.errors import ProcessLostError

MAX_PROCESSES = 16  # the caller has to take in what they give

T = TypeVar("T")

_START = "import sys; sys.path[:] = sys.argv[2:]; from index.parallel import serve; serve(int(sys.argv[1]))"


def process_count() -> int:
    """How many processes are worth starting: the cores this process may use, 1 where it cannot start others."""
    if not sys.executable:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_PROCESSES)


def in_order(calls: Iterable[Callable[[], T]], processes: int) -> Generator[T, None, None]:
    """The results of calls in the order of the calls; close the generator unless it is used up.

    A process is given a call when the result of the one before it is taken, so all that is in memory at a time is one
    call or result for each process.

    Args:
        calls: picklable, such as a `functools.partial` of a module's function; taken as results are.
        processes: how many to start; fewer than two: the calls are made here.

    Raises:
        ProcessLostError: a process ended by itself.
        Exception: what a call raised, after the results of those before it.
    """
    if processes < 2:
        for call in calls:
            yield call()
        return
    started: list[_Process] = []
    busy: deque[_Process] = deque()
    try:
        for call in calls:
            if len(started) < processes:
                process = _Process()
                started.append(process)
                process.send(call)
                busy.append(process)
            else:
                process = busy.popleft()
                result = process.result()
                process.send(call)
                busy.append(process)
                yield result
        while busy:
            yield busy.popleft().result()
    finally:
        for process in started:
            process.end()


class _Process:
    """Another process, as the caller sees it; makes one call at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            arguments = [str(theirs.fileno()), *sys.path]
            self._popen = subprocess.Popen(  # noqa: S603 - this interpreter and this module
                [sys.executable, "-P", "-X", f"utf8={sys.flags.utf8_mode}", "-c", _START, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
            self._connection = Connection(ours.detach())

    def send(self, call: Callable[[], Any]) -> None:
        try:
            self._connection.send(call)
        except OSError as error:
            raise ProcessLostError(self._popen.wait()) from error

    def result(self) -> Any:
        try:
            done, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise ProcessLostError(self._popen.wait()) from error
        if not done:
            raise value
        return value

    def end(self) -> None:
        self._connection.close()
        self._popen.kill()  # it holds nothing that could be lost
        self._popen.wait()


def serve(descriptor: int) -> None:
    """Make the calls that come in until the other end is closed."""
    with Connection(descriptor) as connection:
        while True:
            try:
                call = connection.recv()
            except (EOFError, OSError):
                return
            try:
                answer = (True, call())
            except Exception as error:  # the caller's to handle, whatever it is
                answer = (False, _sendable(error))
            try:
                connection.send(answer)
            except OSError:
                return


def _sendable(error: Exception) -> Exception:
    trace = "".join(traceback.format_exception(error))
    error.add_note(f"In another process:\n{trace}")
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # not every exception can be made again
        return RuntimeError(f"In another process:\n{trace}")
    return error
