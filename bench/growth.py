"""How times grow with the archive: p50 and p95 over corpora of rising size, a table, a plot and the exponents.

    python -m bench.growth RESULTS.json [--plot bench/growth.png] [--markdown FILE]

RESULTS is what `python -m bench.speed --json RESULTS.json sample_10k newsapi_50k sample_100k newsapi_full synthetic_1m`
wrote. The exponent is the slope of a line through the logarithms: 1 where ten times the articles take ten times as
long, 0 where they take no longer.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import use
from matplotlib.figure import Figure

from bench.engines import OURS
from bench.tables import ALL, PERCENTILES, short

ENGINES = (OURS, "tantivy", "fts5")
MODE = "facets"
SHOWN = (50, 95)
STYLES = {50: "o-", 95: "s--"}

Points = list[tuple[int, float]]
"""Articles and ms, rising."""


def points(corpora: Sequence[dict[str, Any]], engine: str, percent: int) -> Points:
    place = PERCENTILES.index(percent)
    found = [
        (corpus["articles"], corpus["ms"][MODE][engine][ALL][place])
        for corpus in corpora
        if engine in corpus["ms"][MODE]
    ]
    return sorted(found)


def exponent(measured: Points) -> float:
    """Slope of the least-squares line through (log articles, log ms)."""
    pairs = [(math.log(articles), math.log(milliseconds)) for articles, milliseconds in measured]
    mean_x, mean_y = sum(x for x, _ in pairs) / len(pairs), sum(y for _, y in pairs) / len(pairs)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return rise / sum((x - mean_x) ** 2 for x, _ in pairs)


def table(corpora: Sequence[dict[str, Any]]) -> list[str]:
    """A row a size: p50 / p95 in ms, and a last row with the exponents."""
    sizes = sorted(corpus["articles"] for corpus in corpora)
    columns = {engine: [dict(points(corpora, engine, percent)) for percent in SHOWN] for engine in ENGINES}
    columns = {engine: column for engine, column in columns.items() if column[0]}
    lines = ["| articles | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for size in sizes:
        cells = [
            " / ".join(short(at[size]) for at in column) if size in column[0] else "–" for column in columns.values()
        ]
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    slopes = [
        " / ".join(f"{exponent(points(corpora, engine, percent)):.2f}" for percent in SHOWN) for engine in columns
    ]
    return [*lines, "| exponent | " + " | ".join(slopes) + " |"]


def plot(corpora: Sequence[dict[str, Any]], path: Path) -> None:
    use("Agg")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, engine in enumerate(ENGINES):
        for percent in SHOWN:
            measured = points(corpora, engine, percent)
            if len(measured) > 1:
                label = f"{engine} p{percent} (n^{exponent(measured):.2f})"
                axes.plot(*zip(*measured, strict=True), STYLES[percent], color=f"C{number}", label=label)
    axes.set(xscale="log", yscale="log", xlabel="articles", ylabel="CPU ms a question, topics and months counted")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Growth of the times that bench.speed measured.")
    parser.add_argument("results", type=Path)
    parser.add_argument("--plot", type=Path, default=Path(__file__).with_name("growth.png"))
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    corpora = json.loads(arguments.results.read_text(encoding="utf-8"))
    corpora = [corpus for corpus in corpora if corpus["corpus"] != "real"]  # other articles, with bodies
    text = "\n".join(table(corpora))
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n", encoding="utf-8")
    plot(corpora, arguments.plot)


if __name__ == "__main__":
    main()
