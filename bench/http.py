"""What a JSON answer costs over HTTP, beside a bare Flask route on the same server.

    python -m bench.http INDEX QUERIES.jsonl [--rounds N] [--seconds S] [--json FILE]

INDEX is an index directory (`bench.speed` leaves one in its cache), QUERIES lines with a `text` (those of
`newsapi_50k`). `broadsheet serve` and a bare route, which answers any question with one JSON body of the same size,
run on the same gunicorn settings, pinned to one core; the load comes from another, by `wrk` or, without it, by threads
of this program. CPU is what the worker processes used, from /proc; the engine's own call is timed apart on the same
questions. So what an answer costs beyond both is what HTTP, highlights and JSON add.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import mean, median
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

from flask import Flask, Response

from bench.runner import ROOT
from bench.tables import percentile
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query
from web.serve import _address, _listen, _Server

CONNECTIONS = 8
WARM_S = 3.0
TICKS = os.sysconf("SC_CLK_TCK")
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}
SCRIPT = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() at = at + 1; return wrk.format("GET", paths[at %% #paths + 1]) end
"""


class BareServer(_Server):
    """Gunicorn as `broadsheet serve` runs it, over an app that always gives the same JSON."""

    body = b"{}"

    def load(self) -> Flask:
        app = Flask(__name__)
        body = self.body

        @app.get("/api/v1/search")
        def search() -> Response:
            return Response(body, content_type="application/json")

        return app


def serve_bare(size: int) -> None:
    settings = Settings(port=0)
    listener = _listen(settings)
    address = _address(listener, settings.base_path)
    BareServer.body = json.dumps({"body": "x" * max(0, size - 12)}).encode("ascii")
    BareServer(settings, listener.detach(), address).run()


@contextmanager
def serving(command: Sequence[str], core: int) -> Iterator[tuple[str, list[int]]]:
    """A running server: its address and the ids of its workers."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0", "BROADSHEET_ACCESS_LOG": "off"},
    )
    try:
        os.sched_setaffinity(process.pid, {core})
        assert process.stdout
        address = process.stdout.readline().strip().rstrip("/")
        urlopen(f"{address}/api/v1/search?q=news").read()  # noqa: S310 - our own server
        workers = _workers(process.pid)
        for worker in workers:
            for task in Path(f"/proc/{worker}/task").iterdir():
                os.sched_setaffinity(int(task.name), {core})
        yield address, workers
    finally:
        process.terminate()
        process.wait()


def _workers(master: int) -> list[int]:
    """The worker processes, once all are there: the first may answer before the last is started."""
    listed = Path(f"/proc/{master}/task/{master}/children")
    while len(children := listed.read_text(encoding="ascii").split()) < Settings().workers:
        time.sleep(0.1)
    return [int(child) for child in children]


def cpu_s(processes: Sequence[int]) -> float:
    """User and system time of processes, in steps of a clock tick."""
    stats = (Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2] for process in processes)
    return sum(int(field) for stat in stats for field in stat.split()[11:13]) / TICKS


@dataclass(frozen=True, slots=True)
class Load:
    """What a load tool saw."""

    requests: int
    per_s: float
    p99_ms: float


def load(address: str, paths: Sequence[str], seconds: float) -> Load:
    return _wrk(address, paths, seconds) if shutil.which("wrk") else _threads(address, paths, seconds)


def _wrk(address: str, paths: Sequence[str], seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "paths.lua")
        listed.write_text("\n".join(paths), encoding="ascii")
        script.write_text(SCRIPT % listed, encoding="ascii")
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script)]
        said = subprocess.run(["wrk", *options, address], check=True, capture_output=True, text=True).stdout  # noqa: S607
    if "Non-2xx" in said:
        raise RuntimeError(f"the server did not answer every question:\n{said}")
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    requests, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert slow
    assert requests
    assert rate
    return Load(int(requests[1]), float(rate[1]), float(slow[1]) * UNITS_MS[slow[2]])


def _threads(address: str, paths: Sequence[str], seconds: float) -> Load:
    """The same by threads of our own: slower at asking, so the server waits more."""
    taken: list[float] = []
    numbers, stop = count(), time.perf_counter() + seconds

    def client() -> None:
        connection = HTTPConnection(urlsplit(address).netloc)
        while time.perf_counter() < stop:
            started = time.perf_counter()
            connection.request("GET", paths[next(numbers) % len(paths)])
            connection.getresponse().read()
            taken.append((time.perf_counter() - started) * 1_000)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(len(taken), len(taken) / seconds, percentile(taken, 99))


@dataclass(frozen=True, slots=True)
class Cost:
    """One round of one server."""

    cpu_ms: float
    per_s: float
    p99_ms: float


def cost(address: str, workers: Sequence[int], paths: Sequence[str], seconds: float) -> Cost:
    before = cpu_s(workers)
    seen = load(address, paths, seconds)
    return Cost((cpu_s(workers) - before) / seen.requests * 1_000, seen.per_s, seen.p99_ms)


def engine_ms(index: Path, texts: Sequence[str]) -> float:
    """Mean CPU of the engine's call, which counts all facets; the first time over all questions warms it."""
    engine = EmbeddedEngine(Settings(index=str(index)))
    engine.accelerate()  # as the server does
    questions = [Query(text) for text in texts]
    for _ in range(2):
        before = time.process_time()
        for question in questions:
            found = engine.rank(question)
            assert len(found.ids) == len(found.scores)
        spent = time.process_time() - before
    engine.close()
    return spent / len(questions) * 1_000


def measure(index: Path, texts: Sequence[str], rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Medians over the rounds by server; the servers take turns."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    paths = [f"/api/v1/search?q={quote(text)}" for text in texts]
    ours = ["-c", "from web.cli import main; main()", "serve", "--index", str(index), "--port", "0"]
    found: dict[str, list[Cost]] = {"broadsheet": [], "bare": []}
    with serving(ours, cores[-1]) as (address, workers):
        size = round(mean(len(urlopen(address + path).read()) for path in paths[:100]))  # noqa: S310
        with serving(["-m", "bench.http", "--bare", str(size)], cores[-1]) as (bare_address, bare_workers):
            servers = {"broadsheet": (address, workers), "bare": (bare_address, bare_workers)}
            for where, _ in servers.values():
                load(where, paths, WARM_S)
            for _ in range(rounds):
                for name, (where, processes) in servers.items():
                    found[name].append(cost(where, processes, paths, seconds))
    medians = {
        name: {key: median(asdict(one)[key] for one in costs) for key in ("cpu_ms", "per_s", "p99_ms")}
        for name, costs in found.items()
    }
    called = engine_ms(index, texts)
    beyond = medians["broadsheet"]["cpu_ms"] - medians["bare"]["cpu_ms"] - called
    return {**medians, "engine": {"cpu_ms": called}, "beyond both": {"cpu_ms": beyond}, "body": {"bytes": size}}


def table(measured: dict[str, dict[str, float]]) -> str:
    lines = ["| | server CPU ms an answer | answers per s | p99 ms under load |", "|---|---|---|---|"]
    for name, figures in measured.items():
        if "cpu_ms" in figures:
            rest = [f"{figures[key]:,.1f}" if key in figures else "–" for key in ("per_s", "p99_ms")]
            lines.append(f"| {name} | {figures['cpu_ms']:.3f} | " + " | ".join(rest) + " |")
    return "\n".join([*lines, "", f"{CONNECTIONS} connections; a body has {measured['body']['bytes']:,} bytes."])


def main() -> None:
    parser = argparse.ArgumentParser(description="JSON answers over HTTP beside a bare Flask route.")
    parser.add_argument("index", type=Path, nargs="?")
    parser.add_argument("queries", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare is not None:
        serve_bare(arguments.bare)
        return
    if not arguments.queries:
        parser.error("an index and a file of queries are needed")
    lines = arguments.queries.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    measured = measure(arguments.index.absolute(), texts, arguments.rounds, arguments.seconds)
    print(table(measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
