"""One engine in a process of its own, so that its memory, caches and start are its own; `bench.speed` drives it.

    python -m bench.worker CORE ask ENGINE FOLDER
    python -m bench.worker CORE build ENGINE FOLDER CORPUS DATA CACHE [ARCHIVE]

`ask` reads commands as JSON lines and answers each with one; `build` prints one line when it is done.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.engine import Answer, Ask, Searcher
from bench.engines import OURS, load_peer, open_searcher


class Asking:
    """The commands of `ask`; `questions` are prepared once, None where the engine cannot be asked."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.questions: list[Any] = []

    def load(self, asks: list[dict[str, Any]]) -> list[bool]:
        """Take the questions of all rounds; which of them the engine can answer."""
        read = [Ask(**{**ask, "words": tuple(ask["words"])}) for ask in asks]
        self.questions = [self.searcher.prepare(ask) for ask in read]
        return [question is not None for question in self.questions]

    def answers(self, numbers: list[int], facets: bool, total: bool) -> list[dict[str, Any]]:
        return [asdict(self._answer(number, facets, total)) for number in numbers]

    def round(self, numbers: list[int], facets: bool, total: bool) -> list[int]:
        """CPU ns of each of the questions, all threads of the process together."""
        gc.collect()
        spent = []
        for number in numbers:
            before = time.process_time_ns()
            self._answer(number, facets, total)
            spent.append(time.process_time_ns() - before)
        return spent

    def _answer(self, number: int, facets: bool, total: bool) -> Answer:
        return self.searcher.answer(self.questions[number], facets=facets, total=total)

    def memory(self) -> dict[str, int]:
        """Resident kB: all, beyond mapped files, and the highest so far."""
        rollup = _kilobytes("smaps_rollup")
        return {"rss": rollup["Rss"], "anonymous": rollup["Anonymous"], "peak": _kilobytes("status")["VmHWM"]}


def _kilobytes(name: str) -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/self", name).read_text(encoding="ascii").splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[-1] == "kB"}


def ask(engine: str, folder: Path) -> None:
    asking = Asking(open_searcher(engine, folder))
    for line in sys.stdin:
        command = json.loads(line)
        found = getattr(asking, command.pop("do"))(**command)
        print(json.dumps(found), flush=True)
    asking.searcher.close()


T = TypeVar("T")


class Metered(Generic[T]):
    """An iterator that knows how much CPU its own work took, so that it can be taken off."""

    def __init__(self, source: Iterator[T]) -> None:
        self.source = source
        self.count = 0
        self.spent_ns = 0

    @property
    def figures(self) -> tuple[int, float]:
        """Values given, and CPU seconds they took."""
        return self.count, self.spent_ns / 1e9

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        before = time.thread_time_ns()
        try:
            value = next(self.source)
        finally:
            self.spent_ns += time.thread_time_ns() - before
        self.count += 1
        return value


def build(engine: str, folder: Path, corpus_name: str, data: Path, cache: Path, archive: Path | None) -> None:
    from bench.corpora import Sources, row  # noqa: PLC0415 - no part of an engine's start

    corpus = Sources(data, archive, cache).corpus(corpus_name)
    folder.mkdir(parents=True)
    before = _cpu_s()
    if engine == OURS:
        from bench.ours import build_broadsheet  # noqa: PLC0415

        articles = Metered(corpus.articles())
        build_broadsheet(articles, folder)
        taken_off = articles.figures
    else:
        rows = Metered(row(article, corpus.fields) for article in corpus.articles())
        load_peer(engine).build(rows, corpus.fields, folder)
        taken_off = rows.figures
    count, spent_s = taken_off
    figures = {
        "articles": count,
        "cpu_s": _cpu_s() - before - spent_s,
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "peak_kb": _kilobytes("status")["VmHWM"],
    }
    print(json.dumps(figures), flush=True)


def _cpu_s() -> float:
    """CPU seconds of this process and its children that ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    core, command, engine, folder, *rest = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    if command == "ask":
        ask(engine, Path(folder))
    else:
        corpus, data, cache, *archive = rest
        build(engine, Path(folder), corpus, Path(data), Path(cache), Path(archive[0]) if archive else None)


if __name__ == "__main__":
    main()
