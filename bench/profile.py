"""Where the time of one kind of question goes, and how far that is from what memory can give.

    python -m bench.profile INDEX ASKS.json [--kind or] [--lines 25]

INDEX and ASKS are what `bench.speed` left in its cache. All questions of the kind are asked to warm up, timed, and
asked once more under cProfile. What each touches is counted in pages: the kernel forgets which pages were used
(`/proc/self/clear_refs`), the question is asked, and the pages used are added up, less those of a question for a word
that is nowhere. Whole pages count, so it is an upper bound, closer the larger the index is. It is set against the
speed at which numpy copies an array much larger than any cache.
"""

import argparse
import cProfile
import json
import pstats
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from bench.engine import Ask
from bench.ours import Broadsheet

COPIED_BYTES = 400_000_000
NOWHERE = Ask("nowhere", ("qqxzzqx",))


def bandwidth() -> float:
    """Bytes a second, read and written, of a plain copy; the best of five."""
    source = np.ones(COPIED_BYTES // 8)
    target = np.empty_like(source)
    target[:] = source
    best = 0.0
    for _ in range(5):
        before = time.perf_counter()
        target[:] = source
        best = max(best, 2 * COPIED_BYTES / (time.perf_counter() - before))
    return best


def touched_bytes() -> int:
    """Pages used since the last `forget`."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Referenced:"))


def forget() -> None:
    Path("/proc/self/clear_refs").write_text("1", encoding="ascii")


def touched(searcher: Broadsheet, ask: Ask) -> int:
    question = searcher.prepare(ask)
    forget()
    searcher.answer(question, facets=True, total=True)
    return touched_bytes()


def cpu_ms(searcher: Broadsheet, asks: Sequence[Ask]) -> list[float]:
    """The median of seven rounds, by question."""
    rounds: list[list[float]] = [[] for _ in asks]
    questions = [searcher.prepare(ask) for ask in asks]
    for _ in range(8):
        for spent, question in zip(rounds, questions, strict=True):
            before = time.process_time_ns()
            searcher.answer(question, facets=True, total=True)
            spent.append((time.process_time_ns() - before) / 1e6)
    return [median(spent[1:]) for spent in rounds]


def main() -> None:
    parser = argparse.ArgumentParser(description="A profile of one kind of question with facets.")
    parser.add_argument("index", type=Path)
    parser.add_argument("asks", type=Path)
    parser.add_argument("--kind", default="or")
    parser.add_argument("--lines", type=int, default=25)
    arguments = parser.parse_args()
    read = json.loads(arguments.asks.read_text(encoding="utf-8"))
    asks = [Ask(**{**ask, "words": tuple(ask["words"])}) for ask in read if ask["kind"] == arguments.kind]
    searcher = Broadsheet(arguments.index)
    taken = cpu_ms(searcher, asks)
    profiler = cProfile.Profile()
    questions = [searcher.prepare(ask) for ask in asks]
    profiler.enable()
    for question in questions:
        searcher.answer(question, facets=True, total=True)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(arguments.lines)
    idle = touched(searcher, NOWHERE)
    beyond = [max(0, touched(searcher, ask) - idle) for ask in asks]
    speed = bandwidth()
    typical, bound = median(taken), median(beyond) / speed * 1_000
    print(f"{len(asks)} questions of kind {arguments.kind}: {typical:.3f} ms CPU each (median)")
    print(f"pages touched beyond an empty answer: {median(beyond) / 1e6:.2f} MB (median)")
    print(
        f"memory: {speed / 1e9:.1f} GB/s, so {bound:.3f} ms for them: {typical / bound if bound else 0:.1f} times that"
    )
    searcher.close()


if __name__ == "__main__":
    main()
