"""Whether the engines find the same: totals and facet counts, question by question, before anything is timed.

tantivy is what the others are compared with. Where semantics agree, counts agree up to the tokenizers (accents, dots,
apostrophes, hyphens, numbers) and, in families that the sample of the vocabulary did not hold, the stemmers. Phrases
and prefixes are words as written for Broadsheet, stems for the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.engine import Ask
from bench.queries import OWN
from bench.runner import Contest

REFERENCE = "tantivy"
NEAR_SHARE, NEAR_COUNT = 0.05, 3
LEAST_NEAR = 0.9
FEW_APART = 3  # of the few questions that a slow engine is asked, so many may fall to other stemmers
"""Of the questions of a kind, this share must have totals that differ by no more than a twentieth, or by three."""
LOOSE = {"phrase", "prefix", *OWN}
"""Kinds whose meaning differs a little: reported, and never a reason to stop."""


class DisagreementError(Exception):
    """Engines answer different questions; timing them would say nothing."""


@dataclass(slots=True)
class Tally:
    """How one engine compares with the reference over the questions of one kind."""

    asked: int = 0
    exact: int = 0
    near: int = 0
    same_facets: int = 0

    def note(self, ask: Ask, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        difference = abs(ours["total"] - theirs["total"])
        self.asked += 1
        self.near += difference <= max(NEAR_COUNT, NEAR_SHARE * theirs["total"])
        if not difference:
            self.exact += 1
            self.same_facets += all(
                _facet(ours, name, ask) == _facet(theirs, name, ask) for name in ("topics", "months")
            )


def _facet(answer: Mapping[str, Any], name: str, ask: Ask) -> dict[str, int]:
    """Counts by value; the facet a filter is set on is left out: Broadsheet counts it as if the filter were not."""
    if (name == "topics" and ask.topic) or (name == "months" and ask.span):
        return {}
    counts: dict[str, int] = {}
    for value, count in answer[name].items():
        counts[value.casefold()] = counts.get(value.casefold(), 0) + count
    return counts


def compare(contest: Contest, asks: list[Ask]) -> dict[str, dict[str, Tally]]:
    """Tallies by engine and kind.

    Raises:
        DisagreementError: an engine's counts are clearly others.
    """
    answers = {engine: _answers(contest, engine) for engine in contest.workers}
    tallies: dict[str, dict[str, Tally]] = {}
    for engine, found in answers.items():
        if engine == REFERENCE:
            continue
        kinds = tallies.setdefault(engine, {})
        for number, answer in found.items():
            if number in answers[REFERENCE]:
                ask = asks[number]
                kinds.setdefault(ask.kind, Tally()).note(ask, answer, answers[REFERENCE][number])
    for engine, kinds in tallies.items():
        for kind, tally in kinds.items():
            if kind not in LOOSE and tally.asked - tally.near > max(FEW_APART, (1 - LEAST_NEAR) * tally.asked):
                raise DisagreementError(
                    f"{engine} and {REFERENCE} agree on {tally.near} of {tally.asked} questions of kind {kind}"
                )
    return tallies


def _answers(contest: Contest, engine: str) -> dict[int, dict[str, Any]]:
    numbers = contest.numbers[engine]
    found = contest.workers[engine].do("answers", numbers=numbers, facets=True, total=True)
    return dict(zip(numbers, found, strict=True))


def agreement_table(tallies: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[str]:
    """Questions whose total, and of these those whose facets, are those of the reference."""
    kinds = list(dict.fromkeys(kind for found in tallies.values() for kind in found))
    lines = ["| engine | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for engine, found in tallies.items():
        cells = [
            f"{found[kind]['exact']} of {found[kind]['asked']} ({found[kind]['same_facets']})" if kind in found else "–"
            for kind in kinds
        ]
        lines.append(f"| {engine} | " + " | ".join(cells) + " |")
    return lines
