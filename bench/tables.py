"""What was measured, as Markdown: percentiles by kind, and how many times as long the peers take."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.engine import Ask
from bench.engines import OURS
from bench.queries import KINDS, OWN
from bench.runner import Times

PERCENTILES = (50, 95, 99)
ALL = "all kinds"
Figures = dict[str, dict[str, dict[str, list[float]]]]
"""Percentiles in ms by mode, engine and kind; a ratio is made of the questions that both engines were asked."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear between ranks, as numpy's default."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def typical(times: Mapping[int, Sequence[int]]) -> dict[int, float]:
    """The median over the rounds of each question, in ms."""
    return {number: median(rounds) / 1e6 for number, rounds in times.items()}


def by_kind(taken: Mapping[int, float], asks: Sequence[Ask]) -> dict[str, list[float]]:
    """Times by kind and over all kinds but the corpus's own questions, which are other in number."""
    kinds: dict[str, list[float]] = {}
    for number, milliseconds in taken.items():
        kind = asks[number].kind
        kinds.setdefault(kind, []).append(milliseconds)
        if kind not in OWN:
            kinds.setdefault(ALL, []).append(milliseconds)
    return kinds


def figures(times: Mapping[str, Times], asks: Sequence[Ask]) -> Figures:
    found: Figures = {}
    for engine, modes in times.items():
        for mode, rounds in modes.items():
            kinds = by_kind(typical(rounds), asks)
            found.setdefault(mode, {})[engine] = {
                kind: [percentile(values, percent) for percent in PERCENTILES] for kind, values in kinds.items()
            }
    return found


def ratios(times: Mapping[str, Times], asks: Sequence[Ask]) -> Figures:
    """How many times as long as Broadsheet each engine takes, percentile by percentile, over the same questions."""
    found: Figures = {}
    for engine, modes in times.items():
        if engine == OURS or OURS not in times:
            continue
        for mode, rounds in modes.items():
            ours = typical({number: times[OURS][mode][number] for number in rounds})
            mine, other = by_kind(ours, asks), by_kind(typical(rounds), asks)
            found.setdefault(mode, {})[engine] = {
                kind: [percentile(values, percent) / percentile(mine[kind], percent) for percent in PERCENTILES]
                for kind, values in other.items()
            }
    return found


def times_table(mode: str, measured: Figures, compared: Figures) -> list[str]:
    """A row a kind: ms at p50 / p95 of every engine, and in brackets how many times Broadsheet's."""
    engines = list(measured[mode])
    lines = ["| kind | " + " | ".join(engines) + " |", "|---" * (len(engines) + 1) + "|"]
    for kind in (*KINDS, ALL):
        cells = []
        for engine in engines:
            values = measured[mode][engine].get(kind)
            if values is None:
                cells.append("–")
                continue
            cell = " / ".join(short(value) for value in values[:2])
            ratio = compared.get(mode, {}).get(engine, {}).get(kind)
            cells.append(f"{cell} (×{short(ratio[0])} / ×{short(ratio[1])})" if ratio else cell)
        if set(cells) != {"–"}:
            lines.append(f"| {KINDS.get(kind, f'**{kind}**')} | " + " | ".join(cells) + " |")
    return lines


def sizes_table(builds: Mapping[str, Mapping[str, float]], engines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Build rate, bytes, opening and memory by engine."""
    titles = ("engine", "articles per CPU s", "bytes an article", "first answer, s", "MB beyond files")
    lines = [f"| {' | '.join(titles)} | RSS | peak | peak of the build |", "|---" * 8 + "|"]
    for engine, built in builds.items():
        cells = [f"{built['articles'] / built['cpu_s']:,.0f}", f"{built['bytes'] / built['articles']:,.0f}"]
        asked = engines.get(engine)
        if asked:
            memory = asked["memory"]
            cells.append(f"{median(asked['open_s']):.2f}")
            cells += [f"{memory[name] / 1024:,.0f}" for name in ("anonymous", "rss", "peak")]
        else:
            cells += ["–"] * 4
        lines.append(f"| {engine} | " + " | ".join([*cells, f"{built['peak_kb'] / 1024:,.0f}"]) + " |")
    return lines


def short(value: float) -> str:
    """Three digits at most before the point, two that count after it."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
