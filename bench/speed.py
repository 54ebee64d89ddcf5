"""How fast Broadsheet and other embedded engines build, open and answer, in one run with rounds taken in turns.

    python -m bench.speed --data SHARED --cache FOLDER [--archive ARCHIVE] [--json FILE] [--markdown FILE] CORPUS …

A corpus is `real` (the Markdown archive that --archive names), a collection of the shared data (`newsapi_50k`,
`newsapi_full`), a seeded sample (`sample_10k`, `sample_100k`) or `synthetic_1m`. Indexes are built in the cache, and
kept there: remove them, or give --rebuild, to measure building anew. Each engine runs in its own process, all on one
core; what counts is CPU time. How to read the tables is said in `bench/README.md`.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.agreement import REFERENCE, agreement_table, compare
from bench.corpora import Sources
from bench.engine import Ask
from bench.engines import ENGINES, OURS, asked, feasible, index_folder
from bench.queries import make_asks
from bench.runner import Contest, Plan, build, open_times
from bench.tables import figures, ratios, sizes_table, times_table

TITLES = {
    "facets": "Best ten, exact total, topics and months of all matches: CPU ms, p50 / p95",
    "plain": "Best ten and exact total: CPU ms, p50 / p95",
    "best": "Best ten alone: CPU ms, p50 / p95",
}
SHOWN = {"facets": None, "plain": None, "best": (OURS, "tantivy", "tantivy-lean")}


def measure(name: str, engines: list[str], sources: Sources, plan: Plan, each: int) -> dict[str, Any]:
    """All figures of one corpus."""
    corpus = sources.corpus(name)
    builds: dict[str, dict[str, Any]] = {}
    articles = 0
    for engine in engines:
        if not feasible(engine, articles):
            continue
        print(f"{name}: building {engine}", file=sys.stderr, flush=True)
        builds[engine] = build(engine, name, sources, plan.core)
        articles = builds[engine]["articles"]
    asks = _asks(sources, name, articles, each)
    contestants = asked(builds)
    opened = open_times(contestants, name, asks[0], sources, plan)
    contest = Contest.begin(contestants, name, asks, sources, plan.core)
    print(f"{name}: comparing totals and facets", file=sys.stderr, flush=True)
    tallies = compare(contest, asks)
    times = contest.run(plan)
    memory = contest.memory()
    contest.close()
    return {
        "corpus": corpus.name,
        "articles": articles,
        "questions": len(asks),
        "builds": builds,
        "engines": {
            engine: {"open_s": opened[engine], "memory": memory[engine], "memory_opened": contest.opened[engine]}
            for engine in contestants
        },
        "agreement": {
            engine: {kind: asdict(tally) for kind, tally in kinds.items()} for engine, kinds in tallies.items()
        },
        "rounds": {
            engine: {mode: len(next(iter(rounds.values()))) for mode, rounds in modes.items()}
            for engine, modes in times.items()
        },
        "ms": figures(times, asks),
        "ratios": ratios(times, asks),
    }


def _asks(sources: Sources, name: str, articles: int, each: int) -> list[Ask]:
    """The questions of a corpus; making them takes longer than asking them, so they are kept."""
    path = sources.cache / f"asks-{name}-{each}.json"
    if not path.exists():
        made = make_asks(sources.corpus(name), articles, each)
        path.write_text(json.dumps([asdict(ask) for ask in made]), encoding="utf-8")
    return [Ask(**{**ask, "words": tuple(ask["words"])}) for ask in json.loads(path.read_text(encoding="utf-8"))]


def report(measured: dict[str, Any]) -> str:
    """One corpus as Markdown."""
    lines = [f"### {measured['corpus']}: {measured['articles']:,} articles, {measured['questions']} questions", ""]
    for mode, title in TITLES.items():
        names = SHOWN[mode]
        shown = {mode: {name: kinds for name, kinds in measured["ms"][mode].items() if not names or name in names}}
        lines += [f"**{title}**", "", *times_table(mode, shown, measured["ratios"]), ""]
    lines += [*sizes_table(measured["builds"], measured["engines"]), ""]
    lines += [
        f"**Totals equal to {REFERENCE}'s (and facets as well)**",
        "",
        *agreement_table(measured["agreement"]),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of Broadsheet and of other embedded engines.")
    parser.add_argument("corpora", nargs="+", metavar="CORPUS")
    default = os.environ.get("BROADSHEET_TEST_DATA")
    parser.add_argument("--data", type=Path, default=default, help="shared data (default: BROADSHEET_TEST_DATA)")
    parser.add_argument("--archive", type=Path, help="unpacked Markdown archive, for the corpus real")
    parser.add_argument("--cache", type=Path, required=True, help="folder for corpora and indexes")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="ENGINE")
    parser.add_argument("--rebuild", action="store_true", help="build indexes anew that are there")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=60, help="CPU seconds an engine and mode, one round at least")
    parser.add_argument("--each", type=int, default=80, help="questions of each kind")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("--data or BROADSHEET_TEST_DATA must name the shared data")
    data, cache = arguments.data.absolute(), arguments.cache.absolute()
    sources = Sources(data, arguments.archive and arguments.archive.absolute(), cache)
    plan = Plan(arguments.core, arguments.rounds, arguments.budget, opens=5)
    found = []
    for name in arguments.corpora:
        if arguments.rebuild:
            for engine in arguments.engines:
                _forget(index_folder(cache, name, engine))
        found.append(measure(name, arguments.engines, sources, plan, arguments.each))
        print(report(found[-1]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
        if arguments.markdown:
            arguments.markdown.write_text("\n".join(map(report, found)), encoding="utf-8")


def _forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(folder.name + ".json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
