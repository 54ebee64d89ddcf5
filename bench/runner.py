"""Driving the engines' processes: building indexes, opening them, and rounds of questions taken in turns."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.corpora import Sources
from bench.engine import Ask
from bench.engines import ENGINES, index_folder

ROOT = Path(__file__).parent.parent
MODES = {"facets": (True, True), "plain": (False, True), "best": (False, False)}
"""facets and total, asked for or not; `best` is the ten best alone."""

Times = dict[str, dict[int, list[int]]]
"""CPU ns of each round by question number, by mode."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        core: all engines run on this one.
        rounds: over all questions, of each mode.
        budget_s: an engine that took this much CPU in a mode has had its rounds; one at least.
        opens: fresh processes an engine, for the time to the first answer.
    """

    core: int
    rounds: int
    budget_s: float
    opens: int


class Worker:
    """An engine's process, ready for commands."""

    def __init__(self, engine: str, folder: Path, core: int) -> None:
        self.engine = engine
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", str(core), "ask", engine, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, command: str, **values: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": command, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.engine} ended with code {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate()


def build(engine: str, corpus: str, sources: Sources, core: int) -> dict[str, Any]:
    """Build an index, or take what is said of one that is there."""
    folder = index_folder(sources.cache, corpus, engine)
    record = folder.with_name(folder.name + ".json")
    if not record.exists():
        command = [str(core), "build", engine, str(folder), corpus, str(sources.data), str(sources.cache)]
        command += [str(sources.archive)] if sources.archive else []
        if folder.exists():
            raise RuntimeError(f"{folder} holds half an index; remove it")
        done = subprocess.run(
            [sys.executable, "-m", "bench.worker", *command], cwd=ROOT, check=True, capture_output=True, text=True
        )
        record.write_text(done.stdout, encoding="utf-8")
    figures: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return figures


def open_times(engines: Sequence[str], corpus: str, ask: Ask, sources: Sources, plan: Plan) -> dict[str, list[float]]:
    """Wall seconds from process start to the first answer, facets and all, by engine; taken in turns."""
    found: dict[str, list[float]] = {engine: [] for engine in engines}
    for _ in range(plan.opens):
        for engine in engines:
            started = time.perf_counter()
            worker = Worker(engine, index_folder(sources.cache, corpus, engine), plan.core)
            worker.do("load", asks=[asdict(ask)])
            worker.do("answers", numbers=[0], facets=True, total=True)
            found[engine].append(time.perf_counter() - started)
            worker.close()
    return found


@dataclass(slots=True)
class Contest:
    """Engines over one corpus, each with the questions that it is asked."""

    workers: dict[str, Worker]
    numbers: dict[str, list[int]]
    opened: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def begin(cls, engines: Sequence[str], corpus: str, asks: list[Ask], sources: Sources, core: int) -> "Contest":
        workers = {engine: Worker(engine, index_folder(sources.cache, corpus, engine), core) for engine in engines}
        numbers = {}
        for engine, worker in workers.items():
            can = worker.do("load", asks=[asdict(ask) for ask in asks])
            numbers[engine] = _first_of_each_kind(asks, can, ENGINES[engine].asks)
        contest = cls(workers, numbers)
        for engine, worker in workers.items():
            worker.do("answers", numbers=numbers[engine][:1], facets=True, total=True)
            contest.opened[engine] = worker.do("memory")
        return contest

    def run(self, plan: Plan) -> dict[str, Times]:
        """CPU times by engine, mode and question; the order of the engines turns from round to round."""
        times: dict[str, Times] = {engine: {mode: {} for mode in MODES} for engine in self.workers}
        spent = dict.fromkeys(((engine, mode) for engine in self.workers for mode in MODES), 0.0)
        order = list(self.workers)
        for number in range(plan.rounds):
            for mode, (facets, total) in MODES.items():
                for engine in order:
                    if spent[engine, mode] > plan.budget_s:
                        continue
                    asked = self.numbers[engine]
                    taken = self.workers[engine].do("round", numbers=asked, facets=facets, total=total)
                    spent[engine, mode] += sum(taken) / 1e9
                    for question, nanoseconds in zip(asked, taken, strict=True):
                        times[engine][mode].setdefault(question, []).append(nanoseconds)
            order = order[1:] + order[:1]
            print(f"  round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
        return times

    def memory(self) -> dict[str, dict[str, int]]:
        return {engine: worker.do("memory") for engine, worker in self.workers.items()}

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def _first_of_each_kind(asks: list[Ask], can: list[bool], most: int) -> list[int]:
    taken: dict[str, int] = {}
    numbers = []
    for number, ask in enumerate(asks):
        if can[number] and taken.get(ask.kind, 0) < most:
            taken[ask.kind] = taken.get(ask.kind, 0) + 1
            numbers.append(number)
    return numbers
