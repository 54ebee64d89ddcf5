"""Calls in other processes: order, errors, and that no process outlives its caller."""

import operator
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from index.errors import ProcessLostError
from index.parallel import in_order, process_count

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_the_order_of_the_calls(processes: int) -> None:
    calls = [partial(operator.mul, number, "ä" * (number * 5_000)) for number in range(20)]
    assert list(in_order(calls, processes)) == [number * ("ä" * (number * 5_000)) for number in range(20)]
    assert list(in_order([], processes)) == []


def test_calls_are_made_elsewhere_and_taken_as_results_are() -> None:
    taken: list[int] = []

    def calls() -> Iterator[partial[int]]:
        for number in range(10):
            taken.append(number)
            yield partial(os.getpid)

    results = in_order(calls(), 2)
    processes = {next(results), next(results)}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert len(taken) == 4
    results.close()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_surfaces_after_the_results_before_it(processes: int) -> None:
    results = in_order([partial(int, "7"), partial(int, "x"), partial(int, "8")], processes)
    assert next(results) == 7
    with pytest.raises(ValueError, match="invalid literal for int") as caught:
        next(results)
    assert processes == 1 or "In another process:\nTraceback" in caught.value.__notes__[0]
    assert list(results) == []


def test_an_error_that_cannot_travel_is_told() -> None:
    call = partial(exec, "class Odd(Exception): pass\nraise Odd('so odd')", {})
    with pytest.raises(RuntimeError, match="so odd"):
        list(in_order([call], 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(os._exit, 3), "a process that read the archive ended with status 3; is there enough memory?"),
        (
            partial(signal.raise_signal, 9),
            "a process that read the archive was ended by signal 9; is there enough memory?",
        ),
    ],
)
def test_a_lost_process_is_an_error(call: partial[None], message: str) -> None:
    with pytest.raises(ProcessLostError) as caught:
        list(in_order([call], 2))
    assert str(caught.value) == message


def test_there_is_a_process_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    assert process_count() == 5
    monkeypatch.setattr(sys, "executable", "")
    assert process_count() == 1


_BUSY = """
from functools import partial
from itertools import repeat
from signal import SIGINT, default_int_handler, signal
from time import sleep
from index.parallel import in_order
signal(SIGINT, default_int_handler)  # which who starts the tests in the background turns off
for result in in_order(repeat(partial(sleep, 0.05)), 2):
    print("at work", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_caller(number: signal.Signals) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", _BUSY], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert caller.stdout
    assert caller.stdout.readline() == b"at work\n"
    os.killpg(caller.pid, number)  # as a terminal does on Ctrl-C
    _, errors = caller.communicate(timeout=30)  # their end of the pipe is open as long as one of them lives
    assert caller.returncode == -number
    assert errors.count(b"Traceback") == (number == signal.SIGINT)
