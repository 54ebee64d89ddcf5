"""The engine on a cluster beside the embedded one: loading, and what the same questions take.

    python -m bench.cluster ARCHIVE --hosts http://127.0.0.1:9200,… [--queries N] [--seconds S]

ARCHIVE is what `reindex` takes. Both engines are loaded by `reindex`, the cluster into 3 shards with a copy of each,
and asked the same questions in turn, each twice: the first time nothing is known of its words, the second time only the
answer is worked out anew. Times are wall time, of a call with hits, snippets and all facets; the cluster's nodes and
this program share the machine.
"""

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from bench.tables import percentile
from index.archive import parse_spec
from index.opensearch.connection import Cluster
from index.reindex import reindex, silent
from index.settings import Settings
from search.compare import compare, sample_queries
from search.engine import Engine, open_engine
from search.opensearch.engine import MAX_EXPANSION
from search.query import Query

INDEX = "broadsheet-bench"
SHARDS, REPLICAS = 3, 1
THREADS = (1, 2, 4, 8)


@dataclass
class Times:
    """Of one engine, in ms: of questions that are new, and of the same ones again."""

    new: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


class Requests:
    """Counts what is asked of a cluster while it is entered."""

    def __init__(self) -> None:
        self.count = 0
        self.waited_s = 0.0

    def __enter__(self) -> "Requests":
        self._ask = ask = Cluster.ask

        def counted(cluster: Cluster, *given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return ask(cluster, *given, **named)
            finally:
                self.count += 1
                self.waited_s += time.perf_counter() - started

        Cluster.ask = counted  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        Cluster.ask = self._ask  # type: ignore[method-assign]


def timed(work: Callable[[], object]) -> float:
    """In ms."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def ask_both(engines: Sequence[Engine], queries: Sequence[Query]) -> list[Times]:
    """Every question to each engine, then again; engines in turning order."""
    times = [Times() for _ in engines]
    for number, query in enumerate(queries):
        order = [0, 1] if number % 2 else [1, 0]
        for each in order:
            times[each].new.append(timed(lambda each=each, query=query: engines[each].search(query)))  # type: ignore[misc]
        for each in order:
            times[each].again.append(timed(lambda each=each, query=query: engines[each].search(query)))  # type: ignore[misc]
    return times


def at_once(engine: Engine, queries: Sequence[Query], threads: int, seconds: float) -> float:
    """Questions a second that several threads get answered."""
    end = time.monotonic() + seconds
    counts = [0] * threads

    def ask(number: int) -> None:
        for query in cycle(queries[number::threads]):
            if time.monotonic() >= end:
                return
            engine.search(query)
            counts[number] += 1

    running = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    return sum(counts) / seconds


def measure(archive: str, hosts: Sequence[str], queries: int, seconds: float) -> list[str]:
    """The lines of the report."""
    lines = []
    with TemporaryDirectory() as folder:
        base = Settings(
            index=str(Path(folder) / "index"),
            max_expansion=MAX_EXPANSION,
            opensearch_hosts=tuple(hosts),
            opensearch_index=INDEX,
            opensearch_shards=SHARDS,
            opensearch_replicas=REPLICAS,
        )
        settings = [base, replace(base, engine="opensearch", index=str(Path(folder) / "cache"))]
        for each in settings:
            report = reindex([parse_spec(archive)], each, full=True)
            speed = report.articles / report.elapsed_s
            lines.append(f"{each.engine}: {report.articles:,} articles in {report.elapsed_s:.1f} s, {speed:,.0f}/s")
        with closing(open_engine(settings[0])) as here, closing(open_engine(settings[1])) as there:
            sample = [replace(query, size=10) for query in sample_queries(here, queries, seed=1)]
            for engine in (here, there):  # compiled, connected, and files in memory
                for query in sample_queries(here, 40, seed=2):
                    engine.search(query)
            with Requests() as requests:
                times = ask_both([here, there], sample)
            asked = 2 * len(sample)
            wall_s = sum(times[1].new + times[1].again) / 1000
            for name, of in zip(("whoosh", "opensearch"), times, strict=True):
                figures = [f"{percentile(each, percent):.1f}" for each in (of.new, of.again) for percent in (50, 95)]
                lines.append(
                    f"{name}: new p50 {figures[0]} p95 {figures[1]} ms; again p50 {figures[2]} p95 {figures[3]}"
                )
            ratio = percentile(times[1].again, 50) / percentile(times[0].again, 50)
            lines.append(f"ratio at the median, again: {ratio:.1f}")
            lines.append(
                f"requests a question: {requests.count / asked:.2f}; waiting: {requests.waited_s / wall_s:.0%}"
            )
            lines.append(f"mean of all: {fmean(times[0].new + times[0].again):.1f}, {wall_s * 1000 / asked:.1f} ms")
            for threads in THREADS:
                speeds = [at_once(engine, sample, threads, seconds) for engine in (here, there)]
                lines.append(f"{threads} at once: {speeds[0]:.0f}/s and {speeds[1]:.0f}/s")
            compared = compare(here, there, sample, silent)
            wrong = [each for each in compared.differences if each.what != "first hits"]
            lines.append(
                f"{compared.queries} compared: {len(wrong)} with other counts, overlap {compared.overlap:.4f}, "
                f"tau {compared.tau:.4f}"
            )
    return lines


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("archive")
    parser.add_argument("--hosts", required=True)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    hosts = given.hosts.split(",")
    try:
        print("\n".join(measure(given.archive, hosts, given.queries, given.seconds)))
    finally:
        cluster = Cluster(Settings(opensearch_hosts=tuple(hosts)))
        for name in cluster.ask("GET", f"/{INDEX}*"):
            cluster.ask("DELETE", f"/{name}")


if __name__ == "__main__":
    main()
