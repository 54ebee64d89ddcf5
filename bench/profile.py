"""Where the time of one kind of question goes, and how far that is from what memory can give.

    python -m bench.profile INDEX ASKS.json [--kind or] [--lines 25]

INDEX and ASKS are what `bench.speed` left in its cache. All questions of the kind are asked to warm up, timed, and
asked once more under cProfile. The bytes that a question cannot do without are the numbers and scores of the rows that
its words have, and the same of the result with the codes that facets count; they are set against the speed at which
numpy copies an array much larger than any cache.
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
ROW_BYTES, RESULT_BYTES = 8, 12  # a document: number and score; and the code of its topics


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


def needed_bytes(searcher: Broadsheet, ask: Ask) -> int:
    ranked = searcher.engine.rank(searcher.prepare(ask)[0])
    ranking = searcher.engine._serving.searchable.ranking  # type: ignore[union-attr] # it is open
    rows = sum(len(ranking.score(clause).documents) for clause in ranked.found.clauses)
    return ROW_BYTES * rows + RESULT_BYTES * len(ranked.found.documents)


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
    needed, speed, typical = median(needed_bytes(searcher, ask) for ask in asks), bandwidth(), median(taken)
    bound = needed / speed * 1_000
    print(f"{len(asks)} questions of kind {arguments.kind}: {typical:.3f} ms CPU each (median)")
    print(f"rows and result: {needed / 1e3:,.0f} kB (median); at {speed / 1e9:.1f} GB/s {bound:.3f} ms")
    print(f"the question takes {typical / bound:.0f} times that" if bound else "nothing was found")
    searcher.close()


if __name__ == "__main__":
    main()
