"""How the score of a hit came about: every factor of the formula in `search.ranking`, in words and numbers.

    score = prior * sum over clauses of  idf * (k1 + 1) * tf / (tf + length part)

The tree of an `Explanation` follows the formula, with the prior, which all clauses share, told once. The numbers are an
engine's (`Facts`); `search.origin` has them for the embedded one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

from index.schema import EXACT, HALF, TEXT_FIELDS
from search.query import Phrase, Prefix, Sort, Word
from search.ranking import (
    HEAT_FULL,
    HEAT_WEIGHT,
    K1,
    QUALITY_FULL,
    QUALITY_WEIGHT,
    RECENCY_HALF_LIFE_DAYS,
    RECENCY_WEIGHT,
    B,
    heat,
    idf,
    length_part,
    quality,
    recency,
)
from search.results import Explanation, Operation
from search.terms import ALL_FIELDS, Alternative, TermClause

Document_contra = TypeVar("Document_contra", contravariant=True)

Counts = dict[int, dict[Alternative, int]]
"""How often each alternative stands in a field, by the field's index in `TEXT_FIELDS`; those that stand there."""


class Told(Protocol):
    """A clause that counts in scores."""

    @property
    def typed(self) -> Word | Phrase | Prefix | None:
        """What was typed."""

    @property
    def clause(self) -> TermClause:
        """What was looked for."""

    @property
    def stands_in(self) -> bool:
        """Whether that is looked for in place of a word that occurs nowhere."""


class Facts(Protocol[Document_contra]):
    """What scores are made of."""

    @property
    def articles(self) -> int:
        """How many there are."""

    @property
    def average_length(self) -> float:
        """Of all articles, in halves."""

    def length(self, document: Document_contra) -> int:
        """Weighted tokens, in halves."""

    def holding(self, told: Told) -> int:
        """How many articles hold a clause."""

    def clauses(self, document: Document_contra) -> Sequence[tuple[Told, bool, bool]]:
        """The clauses of the query, whether the document holds each, and whether it counts in its score."""

    def occurrences(self, clause: TermClause, document: Document_contra) -> Counts:
        """Those of a clause in a document that holds it."""

    def signals(self, document: Document_contra) -> tuple[float, float, float]:
        """Days before the newest article, quality and heat; NaN where unknown."""


_UNRANKED: dict[Sort, str] = {
    "relevance": "Nothing is ranked: the query has no words to rank by.",
    "newest": "Nothing is ranked: the newest articles come first.",
    "oldest": "Nothing is ranked: the oldest articles come first.",
    "id": "Nothing is ranked: articles come in order of their ids.",
}


def unranked(sort: Sort) -> Explanation:
    """The score of every hit where none is ranked."""
    return Explanation(0.0, _UNRANKED[sort])


def explanation(document: Document_contra, facts: Facts[Document_contra]) -> Explanation:
    """The whole score of a document."""
    clauses = facts.clauses(document)
    parts = [_clause(told, document, facts) for told, _, counts in clauses if counts]
    missing = [_quoted(told) for told, holds, _ in clauses if not holds]
    idle = [_quoted(told) for told, holds, counts in clauses if holds and not counts]
    if missing:
        parts.append(Explanation(0.0, f"Not in this article, so adding nothing: {_listed(missing)}."))
    if idle:
        text = f"Adding nothing without the other words of their group: {_listed(idle)}."
        parts.append(Explanation(0.0, text))
    words = _node("sum", "What the words of the query that this article holds count, added up.", *parts)
    prior = _prior(*facts.signals(document))
    return _node("product", "The score: what the words count, times the prior.", words, prior)


def _clause(told: Told, document: Document_contra, facts: Facts[Document_contra]) -> Explanation:
    """What one clause counts in a document that holds it."""
    frequency = _frequency(facts.occurrences(told.clause, document))
    saturated = _node(
        "quotient",
        "The frequency as a share of itself and the length part: each further occurrence adds less.",
        frequency,
        _node(
            "sum",
            "The frequency plus the length part.",
            Explanation(frequency.value, "The same frequency."),
            _length_part(facts.length(document), facts.average_length),
        ),
    )
    return _node(
        "product",
        f"{_heading(told)}: how rare it is, times how much its frequency counts.",
        _idf(told, facts.holding(told), facts.articles),
        Explanation(K1 + 1, f"k1 + 1, where k1 = {K1:g}: the most that a frequency can count."),
        saturated,
    )


def _idf(told: Told, holding: int, articles: int) -> Explanation:
    where = _where(told.clause)
    times = _node(
        "quotient",
        "All articles as a multiple of those that hold it.",
        Explanation(articles + 1.0, f"All articles: {articles:,}, plus 1."),
        Explanation(holding + 0.5, f"Articles that hold it{where}: {holding:,}, plus 0.5."),
    )
    text = f"Its rarity (idf), as a logarithm: held by {holding:,} of {articles:,} articles{where}."
    return Explanation(idf(holding, articles), text, "logarithm", (times,))


def _length_part(length: int, average: float) -> Explanation:
    relative = _node(
        "quotient",
        "The length of this article, relative to the average.",
        Explanation(length / HALF, "Its length in words, each with the weight of its field."),
        Explanation(average / HALF, "The average length of all articles."),
    )
    counted = _node(
        "sum",
        "The relative length, as far as it counts: 1 for an average article.",
        Explanation(1 - B, f"1 − b, where b = {B:g}."),
        _node("product", "b times the relative length.", Explanation(B, "b: how much length counts."), relative),
    )
    return Explanation(
        float(length_part(np.array([length]), average)[0]),
        "The length part: a long article is expected to hold any word more often.",
        "product",
        (Explanation(K1, "k1: how much further occurrences still add."), counted),
    )


# Clauses in words


def _heading(told: Told) -> str:
    """A clause, to begin a sentence with."""
    where = _where(told.clause)
    match told.typed:
        case Word() if told.stands_in:
            return f"{_looked_for(told.clause)}{where}, in place of {_quoted(told)}, which occurs nowhere"
        case Word():
            return f"The word {_quoted(told)}{where}"
        case Phrase():
            return f"The phrase {_quoted(told)}{where}"
        case _:
            return f"{_looked_for(told.clause)}{where}"


def _where(clause: TermClause) -> str:
    """The field that a clause is looked for in, if that is one."""
    return "" if clause.fields == ALL_FIELDS else f" in the {' or '.join(clause.fields)}"


def _looked_for(clause: TermClause) -> str:
    """The words of a clause, to begin a sentence with."""
    if clause.beginning:
        return f"Words that begin with “{clause.beginning}”"
    exact = [f"“{alternative.terms[0]}”" for alternative in clause.alternatives if alternative.stream == EXACT]
    return f"The words {_listed(exact)}" if len(exact) > 1 else f"The word {_listed(exact)}"


def _quoted(told: Told) -> str:
    assert told.typed
    return f"“{told.typed.text}*”" if isinstance(told.typed, Prefix) else f"“{told.typed.text}”"


def _listed(names: Sequence[str]) -> str:
    """Each name once."""
    return ", ".join(dict.fromkeys(names))


# Frequencies


def _frequency(counts: Counts) -> Explanation:
    """The frequency of a clause in a document."""
    fields = []
    for number, in_field in sorted(counts.items()):
        name, weight = TEXT_FIELDS[number].name, TEXT_FIELDS[number].weight
        parts = Explanation(weight, f"The weight of the {name}."), _occurrences(in_field)
        fields.append(_node("product", f"In the {name}.", *parts))
    return _node("sum", "Its frequency (tf): occurrences, each with the weight of its field.", *fields)


def _occurrences(counts: Mapping[Alternative, int]) -> Explanation:
    """The occurrences in one field, of several spellings those of the one that counts most."""
    spellings: dict[int, list[Alternative]] = {}
    for alternative in counts:
        spellings.setdefault(alternative.spelling, []).append(alternative)
    found = [_spelling(alternatives, counts) for alternatives in spellings.values()]
    return found[0] if len(found) == 1 else _node("max", "Of several spellings, the one that counts most.", *found)


def _spelling(alternatives: Sequence[Alternative], counts: Mapping[Alternative, int]) -> Explanation:
    """What the alternatives of one spelling count together."""
    found = [
        _node(
            "product",
            _described(alternative),
            Explanation(float(counts[alternative]), "How often that stands there."),
            Explanation(alternative.weight, "How much each time counts."),
        )
        for alternative in alternatives
    ]
    if len(found) == 1:
        return found[0]
    exact = [" ".join(alternative.terms) for alternative in alternatives if alternative.stream == EXACT]
    text = f"“{exact[0]}” in any form, added up." if len(exact) == 1 else "All words that count for it, added up."
    return _node("sum", text, *found)


def _described(alternative: Alternative) -> str:
    """What counts as an occurrence."""
    terms, several = " ".join(alternative.terms), len(alternative.terms) > 1
    if alternative.stream == EXACT:
        return f"Exactly “{terms}”, side by side." if several else f"Exactly “{terms}”."
    return f"Any forms of the stems “{terms}”, side by side." if several else f"Any form of the stem “{terms}”."


# Priors


def _prior(age_days: float, given_quality: float, given_heat: float) -> Explanation:
    newness, good, hot = (
        float(share(np.array([given]))[0])
        for share, given in ((recency, age_days), (quality, given_quality), (heat, given_heat))
    )
    return _node(
        "sum",
        "The prior of this article, whatever the query: recency, quality and heat move it a little.",
        Explanation(1.0, "Where every article begins."),
        _recency(age_days, newness),
        _quality(given_quality, good),
        _heat(given_heat, hot),
    )


def _recency(age_days: float, share: float) -> Explanation:
    if math.isnan(age_days):
        return Explanation(0.0, "Recency: the article has no date, which changes nothing.")
    half_lives = _node(
        "quotient",
        "Its age in half-lives.",
        Explanation(age_days, "Days before the newest article."),
        Explanation(RECENCY_HALF_LIFE_DAYS, "Days in which recency halves."),
    )
    halved = Explanation(share, "How new it is, from 0 to 1.", "power", (Explanation(0.5, "One half."), half_lives))
    return _part(f"Recency: published {age_days:,.0f} days before the newest article.", RECENCY_WEIGHT, halved)


def _quality(given: float, share: float) -> Explanation:
    if math.isnan(given):
        return Explanation(0.0, "Quality: unknown, which changes nothing.")
    counted = Explanation(min(max(given, 0.0), QUALITY_FULL), f"Its quality, counted from 0 to {QUALITY_FULL:g}.")
    full = Explanation(QUALITY_FULL, "Full quality.")
    return _part(
        f"Quality: given as {given:g}.",
        QUALITY_WEIGHT,
        Explanation(share, "Its share of full quality, from 0 to 1.", "quotient", (counted, full)),
    )


def _heat(given: float, share: float) -> Explanation:
    if math.isnan(given) or given < 0:
        return Explanation(0.0, "Heat: unknown, which changes nothing.")
    counted = Explanation(1 + min(given, HEAT_FULL), f"1 plus its heat, of which at most {HEAT_FULL:g} counts.")
    full = Explanation(1 + HEAT_FULL, "1 plus full heat.")
    logarithms = (
        _node("logarithm", "The logarithm of its heat.", counted),
        _node("logarithm", "The logarithm of full heat.", full),
    )
    share_of_full = Explanation(share, "Its share of full heat, from 0 to 1.", "quotient", logarithms)
    return _part(f"Heat: given as {given:g}.", HEAT_WEIGHT, share_of_full)


def _part(text: str, weight: float, share: Explanation) -> Explanation:
    """What one of the three adds to a prior or takes away."""
    twice = _node("product", "Twice the number from 0 to 1.", Explanation(2.0, "Two."), share)
    centred = _node("sum", "The same from −1 to 1, where 0 changes nothing.", twice, Explanation(-1.0, "Minus one."))
    return _node("product", text, Explanation(weight, "The most that it can add or take away."), centred)


# Nodes


def _node(operation: Operation, text: str, *parts: Explanation) -> Explanation:
    """A node whose value is worked out from its parts."""
    values = [part.value for part in parts]
    match operation:
        case "sum":
            value = math.fsum(values)
        case "product":
            value = math.prod(values)
        case "quotient":
            value = values[0] / values[1]
        case "max":
            value = max(values)
        case "power":
            value = values[0] ** values[1]
        case "logarithm":
            value = math.log(values[0])
    return Explanation(value, text, operation, parts)
