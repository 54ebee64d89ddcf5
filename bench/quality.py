"""Ranking quality on judged collections, through the engine as a reader's search would go.

    python -m bench.quality [--runs DIR] COLLECTION …

A collection is a folder with `docs.jsonl` (articles, `id` names each), `queries.jsonl` (`id`, `text`) and `qrels.tsv`
(query, document, grade; or TREC's four columns). Each is indexed in a temporary index; every query is asked with the
default `match` and with `match=any`; the runs are written in TREC's format where `--runs` says, and scored:

nDCG@10 (linear gain, log2 discount, as trec_eval), AP, P@10 and R@100, each averaged over the queries that have a
relevant document; a query without answer scores 0.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.engine import Engine, open_engine
from search.query import Match, Query

DEPTH = 100
MEASURES = ("nDCG@10", "AP", "P@10", "R@100")

Qrels = dict[str, dict[str, int]]
Run = dict[str, list[str]]


def load_qrels(path: Path) -> Qrels:
    """Grades by query and document, only queries with a relevant document."""
    qrels: Qrels = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        columns = line.split()
        if len(columns) >= 3:
            qrels.setdefault(columns[0], {})[columns[-2]] = int(columns[-1])
    return {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}


def load_queries(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        query = json.loads(line)
        yield query["id"], query["text"]


def answer(engine: Engine, queries: Path, match: Match) -> Run:
    """The ids of the best documents of each query, best first."""
    run: Run = {}
    for identity, text in load_queries(queries):
        results = engine.search(Query(text=text, match=match, size=DEPTH, highlight=False))
        run[identity] = [hit.article.id.partition("/")[2] for hit in results.hits]
    return run


def score(ranked: list[str], grades: dict[str, int]) -> tuple[float, ...]:
    """The measures of one query, in the order of `MEASURES`."""
    gains = [max(grades.get(document, 0), 0) for document in ranked]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    found, precision = 0, 0.0
    for rank, gain in enumerate(gains, start=1):
        if gain > 0:
            found += 1
            precision += found / rank
    return (
        _dcg(gains) / _dcg(ideal),
        precision / len(ideal),
        sum(gain > 0 for gain in gains[:10]) / 10,
        sum(gain > 0 for gain in gains[:100]) / len(ideal),
    )


def _dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains[:10], start=1))


def mean(run: Run, qrels: Qrels) -> dict[str, float]:
    rows = [score(run.get(query, []), grades) for query, grades in qrels.items()]
    return {name: sum(column) / len(rows) for name, column in zip(MEASURES, zip(*rows, strict=True), strict=True)}


def write_run(run: Run, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for query, ranked in run.items():
            for rank, document in enumerate(ranked, start=1):
                file.write(f"{query} Q0 {document} {rank} {DEPTH - rank + 1} broadsheet\n")


def measure(collection: Path, runs: Path | None = None) -> dict[str, dict[str, float]]:
    """The measures of one collection by `match`: "auto", the default, and "any"."""
    qrels = load_qrels(collection / "qrels.tsv")
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(index=directory, max_query_chars=10_000)
        reindex([ArchiveSpec(collection.name, (collection / "docs.jsonl").resolve())], settings)
        engine = open_engine(settings)
        modes: tuple[Match, ...] = ("auto", "any")
        for match in modes:
            run = answer(engine, collection / "queries.jsonl", match)
            found[match] = mean(run, qrels)
            if runs:
                write_run(run, runs / f"{collection.name}-{match}.run")
        engine.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Ranking quality on judged collections.")
    parser.add_argument("collections", nargs="+", type=Path, metavar="COLLECTION")
    parser.add_argument("--runs", type=Path, help="folder for the runs in TREC's format")
    arguments = parser.parse_args()
    if arguments.runs:
        arguments.runs.mkdir(parents=True, exist_ok=True)
    print(f"{'collection':<14}{'match':<8}" + "".join(f"{name:>9}" for name in MEASURES))
    for collection in arguments.collections:
        for match, measures in measure(collection, arguments.runs).items():
            figures = "".join(f"{measures[name]:>9.4f}" for name in MEASURES)
            print(f"{collection.name:<14}{match:<8}{figures}")


if __name__ == "__main__":
    main()
