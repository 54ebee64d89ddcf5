"""What many readers at once see: mixed questions to `broadsheet serve`, alone and while reindexes run beside it.

    python -m bench.load ARCHIVE [--workers 1 4] [--seconds S] [--json FILE]

ARCHIVE is a folder of articles; it is copied, indexed, and served from the copy. The mix is what readers and programs
ask: half searches through the API (one to three words of titles, some by beginning, in quotes, narrowed down by topic
or year), and result pages, articles, similar ones, suggestions, facets and timelines. `wrk` asks it over 16
connections; every answer that is not a success, and every broken connection, counts as an error. For the second half
of each figure the copy is edited (a tenth of its files) and reindexed over and over meanwhile.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread
from urllib.parse import quote, urlencode

from bench.runner import ROOT
from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query

SEED = 20_211_213
QUESTIONS = 400
CONNECTIONS = 16
WARM_S = 5
SCRIPT = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() at = at + 1; return wrk.format("GET", paths[at %% #paths + 1]) end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nFIGURES {"requests": %%d, "errors": %%d, "p50_ms": %%f, "p99_ms": %%f, "per_s": %%f}\\n',
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests / (summary.duration / 1e6)))
end
"""


def mix(index: Path) -> list[str]:
    """Addresses to ask for, in random order."""
    random = Random(SEED)
    engine = EmbeddedEngine(Settings(index=str(index)))
    hits = [hit for page in range(1, 11) for hit in engine.search(Query(sort="newest", page=page, size=100)).hits]
    engine.close()
    found: list[str] = []
    while len(found) < QUESTIONS:
        article = random.choice(hits).article
        words = re.findall(r"[^\W_]{3,}", article.title)
        if not words:
            continue
        at = random.randrange(len(words))
        typed = " ".join(words[at : at + random.randint(1, 3)])
        pairs = {"q": random.choice((typed, typed, typed, f'"{typed}"', f"{typed[:4]}*"))}
        if article.topics and random.random() < 0.3:
            pairs["topic"] = article.topics[0]
        elif article.published and random.random() < 0.3:
            pairs["from"] = str(article.published.year)
        asked, article_path = urlencode(pairs), quote(article.id)
        found += [
            f"/api/v1/search?{asked}",
            f"/api/v1/search?{asked}&facets=none&size=5",
            random.choice((
                f"/?{asked}",
                f"/article/{article_path}",
                f"/api/v1/articles/{article_path}/similar",
                f"/api/v1/suggest?q={quote(typed[:5])}",
                f"/api/v1/facets/topic?{asked}",
                f"/api/v1/timeline?{asked}",
            )),
        ]
    random.shuffle(found)
    return found


@contextmanager
def serving(index: Path, workers: int) -> Iterator[str]:
    """A running server's address."""
    command = [
        sys.executable, "-c", "from web.cli import main; main()",
        "serve", "--index", str(index), "--port", "0", "--workers", str(workers),
    ]  # fmt: skip
    quiet = {**os.environ, "BROADSHEET_ACCESS_LOG": "off"}
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=quiet)
    try:
        assert process.stdout
        yield process.stdout.readline().strip().rstrip("/")
    finally:
        process.terminate()
        process.wait()


def load(address: str, paths: Sequence[str], seconds: float) -> dict[str, float]:
    """What `wrk` saw."""
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "paths.lua")
        listed.write_text("\n".join(paths), encoding="ascii")
        script.write_text(SCRIPT % listed, encoding="ascii")
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(script)]
        said = subprocess.run(["wrk", *options, address], check=True, capture_output=True, text=True).stdout  # noqa: S607
    figures: dict[str, float] = json.loads(said.partition("FIGURES ")[2].partition("\n")[0])
    return figures


@contextmanager
def reindexing(archive: Path, index: Path) -> Iterator[list[str]]:
    """Edits and reindexes one after another; gives the generations made so far."""
    stop, generations = Event(), list[str]()
    random = Random(SEED)
    files = sorted(archive.rglob("*.md"))

    def work() -> None:
        while not stop.is_set():
            for path in random.sample(files, max(1, len(files) // 10)):
                text = path.read_text(encoding="utf-8")
                path.write_text(f"{text.rstrip()}\n\nEdited {random.randrange(10**9)} times.\n", encoding="utf-8")
            # A process of its own, as an operator's would be.
            command = [sys.executable, "-c", "from web.cli import main; main()", "reindex", "--index", str(index)]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            generations.append((index / "CURRENT").read_text(encoding="ascii").split()[0])

    thread = Thread(target=work)
    thread.start()
    try:
        yield generations
    finally:
        stop.set()
        thread.join()


def measure(archive: Path, workers: Sequence[int], seconds: float) -> list[dict[str, float | str]]:
    rows: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory() as folder:
        copy, index = Path(folder, "archive"), Path(folder, "index")
        shutil.copytree(archive, copy)
        reindex([ArchiveSpec("archive", copy)], Settings(index=str(index)))
        paths = mix(index)
        for count in workers:
            with serving(index, count) as address:
                load(address, paths, WARM_S)
                rows.append({"workers": count, "beside": "nothing", **load(address, paths, seconds)})
                with reindexing(copy, index) as generations:
                    figures = load(address, paths, seconds)
                rows.append({"workers": count, "beside": f"{len(generations)} reindexes", **figures})
    return rows


def table(rows: Sequence[dict[str, float | str]]) -> str:
    lines = [
        "| workers | beside | requests per s | p50 ms | p99 ms | requests | errors |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = (
            f"{row['per_s']:,.0f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | {row['requests']:,} | {row['errors']}"
        )
        lines.append(f"| {row['workers']} | {row['beside']} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mixed questions of many readers, alone and beside reindexes.")
    parser.add_argument("archive", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = measure(arguments.archive, arguments.workers, arguments.seconds)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
