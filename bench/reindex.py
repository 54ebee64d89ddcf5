"""A whole reindex of a Markdown archive beside what it cannot do without: reading the files and parsing their front
matter, cut before `related`.

    python -m bench.reindex ARCHIVE [--rounds 5]

Both run in turns on one core, from warm file caches; what counts is CPU time, and wall time besides.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import yaml

from index.archive import parse_spec, scan
from index.article import Reject
from index.reindex import reindex
from index.settings import Settings

RELATED = b"\nrelated:"
END = b"\n---"


def least(paths: list[Path]) -> None:
    """Read the files and parse what comes before `related`."""
    for path in paths:
        data = path.read_bytes()
        front = data[4 : data.find(END, 3) + 1]
        cut = front.find(RELATED)
        yaml.load(front[: cut + 1] if cut >= 0 else front, yaml.CSafeLoader)


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description="A whole reindex beside reading and parsing alone.")
    parser.add_argument("archive", help="[NAME=]FOLDER")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    spec, settings = parse_spec(arguments.archive), Settings(unpublished="show")
    paths = [source.path for source in scan(spec, settings) if not isinstance(source, Reject)]
    paths = [path for path in paths if path.read_bytes().startswith(b"---\n")]
    with tempfile.TemporaryDirectory() as folder:
        whole = replace(settings, index=folder)
        found = [
            (spent(lambda: least(paths)), spent(lambda: reindex([spec], whole, full=True)))
            for _ in range(arguments.rounds)
        ]
    alone, together = ([median(each) for each in zip(*side, strict=True)] for side in zip(*found, strict=True))
    print(f"{len(paths):,} files")
    print(f"reading and parsing: {alone[0]:.2f} s CPU, {alone[1]:.2f} s wall")
    print(f"reindex --full:      {together[0]:.2f} s CPU, {together[1]:.2f} s wall")
    print(f"times as long:       {together[0] / alone[0]:.2f} (CPU), {together[1] / alone[1]:.2f} (wall)")


if __name__ == "__main__":
    main()
