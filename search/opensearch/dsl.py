"""Rows as queries of OpenSearch: which articles they are, and what each of them scores.

Scores are the formula of `search.ranking` to the last factor. The cluster is asked for the weighted frequency of a
clause in an article (`index.opensearch.mapping`), and a script makes of it what BM25F does, with rarity and average
length counted over all articles of the view beforehand; the statistics of its own that differ from shard to shard have
no part in it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from index.opensearch.connection import Json
from index.opensearch.mapping import DIVIDER, HOLE, document_id, sendable, stream_field
from index.schema import HALF, TEXT_FIELDS
from search.opensearch.tree import (
    AddressRow,
    AllRow,
    AnyRow,
    EverythingRow,
    IdRow,
    KeywordRow,
    NothingRow,
    QuietRow,
    RangeRow,
    Row,
    TermsRow,
    WithoutRow,
)
from search.opensearch.view import Totals
from search.query import Range
from search.ranking import (
    HEAT_FULL,
    HEAT_WEIGHT,
    K1,
    QUALITY_FULL,
    QUALITY_WEIGHT,
    RECENCY_HALF_LIFE_DAYS,
    RECENCY_WEIGHT,
    B,
    idf,
)
from search.terms import ALL_FIELDS, Alternative, TermClause

_WEIGHTS = {field.name: field.weight for field in TEXT_FIELDS}
_DAY = 24 * 60 * 60  # seconds

# All numbers that depend on the archive or the query are parameters, so that each script is compiled once.

_SATURATED = "params.most * _score / (_score + params.base + params.slope * doc['length'].value)"
"""Of a weighted frequency, what it counts."""

_WITH_PRIOR = """
double recency = 0.5;
double quality = 0.5;
double heat = 0.5;
if (doc['published'].size() != 0) {
  recency = Math.pow(2, (doc['published'].value - params.newest) / params.half_life);
}
if (doc['quality'].size() != 0) {
  quality = Math.max(0.0, Math.min(params.quality_full, doc['quality'].value)) / params.quality_full;
}
if (doc['heat'].size() != 0 && doc['heat'].value >= 0) {
  heat = Math.log(1 + Math.min(params.heat_full, doc['heat'].value)) / Math.log(1 + params.heat_full);
}
return _score * (1 + params.recency_weight * (2 * recency - 1)
  + params.quality_weight * (2 * quality - 1) + params.heat_weight * (2 * heat - 1));
"""

_PRIOR_NUMBERS = {
    "half_life": RECENCY_HALF_LIFE_DAYS * _DAY,
    "recency_weight": RECENCY_WEIGHT,
    "quality_weight": QUALITY_WEIGHT,
    "quality_full": QUALITY_FULL,
    "heat_weight": HEAT_WEIGHT,
    "heat_full": HEAT_FULL,
}


class Facts(Protocol):
    """What of a view a query depends on."""

    @property
    def totals(self) -> Totals:
        """Of all articles."""

    def holding(self, clause: TermClause) -> int:
        """How many articles hold a clause."""

    def alternatives(self, clause: TermClause) -> Sequence[Alternative]:
        """Those of a clause that occur; of a beginning, the words that it is taken for."""


# Which articles


def matching(row: Row, facts: Facts) -> Json:
    """The query for the articles of a row."""
    match row:
        case EverythingRow():
            return {"match_all": {}}
        case NothingRow():
            return {"match_none": {}}
        case TermsRow(clause):
            return standing(facts.alternatives(clause), clause.fields)
        case KeywordRow(node):
            return {"prefix" if node.prefix else "term": {node.field: sendable(node.text)}}
        case RangeRow(node):
            return published_between(node)
        case AddressRow(term):
            return {"term": {"url": term}}
        case IdRow(identity):
            return {"ids": {"values": [document_id(identity)]}}
        case AllRow(parts):
            return both([matching(part, facts) for part in parts])
        case AnyRow(parts, enough):
            return _any([matching(part, facts) for part in parts], enough)
        case WithoutRow(inner):
            return neither([matching(inner, facts)])
        case QuietRow(inner):
            return matching(inner, facts)


def both(queries: Sequence[Json]) -> Json:
    """What all of some queries find, nothing ranked; everything for none."""
    return {"bool": {"filter": list(queries)}} if queries else {"match_all": {}}


def neither(queries: Sequence[Json]) -> Json:
    """What none of some queries finds."""
    return {"bool": {"must_not": list(queries)}}


def _any(queries: Sequence[Json], enough: int = 1) -> Json:
    return {"bool": {"should": list(queries), "minimum_should_match": enough}}


def published_between(node: Range) -> Json:
    """Articles published at or after `start` and before `end`; undated ones never."""
    if node.start is None and node.end is None:
        return {"exists": {"field": "published"}}
    bounds = {"gte": node.start, "lt": node.end}
    return {"range": {"published": {name: moment.timestamp() for name, moment in bounds.items() if moment}}}


def standing(alternatives: Sequence[Alternative], fields: tuple[str, ...]) -> Json:
    """The query for articles in which any of some alternatives stands, in one of these fields."""
    queries: list[Json] = []
    for stream in dict.fromkeys(each.stream for each in alternatives):
        found = [each for each in alternatives if each.stream == stream]
        placed = [stream_field(name, stream) for name in fields]
        single = [each.terms[0] for each in found if len(each.terms) == 1]
        if single:
            queries += [{"terms": {field: single}} for field in ([stream] if fields == ALL_FIELDS else placed)]
        queries += [_phrase(field, each) for each in found if len(each.terms) > 1 for field in placed]
    return _any(queries) if queries else {"match_none": {}}


def _phrase(field: str, alternative: Alternative, weight: float = 1.0) -> Json:
    """Terms side by side; each place where they stand so counts the weight once."""
    lines = [HOLE] * (alternative.offsets[-1] + 1)
    for term, offset in zip(alternative.terms, alternative.offsets, strict=True):
        lines[offset] = term
    boost = weight / len(alternative.terms)  # the similarity is asked, and its answers added, once for each term
    return {"match_phrase": {field: {"query": DIVIDER.join(lines), "boost": boost}}}


# Scores


def ranked(row: Row, facts: Facts) -> Json:
    """The query for the articles of a row with their scores."""
    prior = _PRIOR_NUMBERS | {"newest": facts.totals.newest or 0}
    return _scripted(_scored(row, facts), _WITH_PRIOR, prior)


def _scored(row: Row, facts: Facts) -> Json:
    """With what the words of the query count, which the prior is not yet part of."""
    match row:
        case TermsRow(clause, typed) if typed:
            return _saturated(clause, facts)
        case AllRow(parts):
            scoring = [_scored(part, facts) for part in parts if _scores(part)]
            return {"bool": {"must": scoring, "filter": [matching(part, facts) for part in parts if not _scores(part)]}}
        case AnyRow(parts, enough):
            return _any([_scored(part, facts) for part in parts], enough)
        case _:
            return both([matching(row, facts)])


def _scores(row: Row) -> bool:
    """Whether a row adds to scores."""
    match row:
        case TermsRow(typed=typed):
            return typed is not None
        case AllRow(parts) | AnyRow(parts):
            return any(map(_scores, parts))
        case _:
            return False


def _saturated(clause: TermClause, facts: Facts) -> Json:
    totals = facts.totals
    numbers = {
        "most": idf(facts.holding(clause), totals.articles) * (K1 + 1),
        "base": K1 * (1 - B),
        "slope": K1 * B / totals.average_length,
    }
    return _scripted(_frequency(clause, facts), _SATURATED, numbers)


def _scripted(query: Json, source: str, numbers: dict[str, float]) -> Json:
    return {"script_score": {"query": query, "script": {"source": source, "params": numbers}}}


def _frequency(clause: TermClause, facts: Facts) -> Json:
    """A query whose score is the weighted frequency of a clause (`tf` in `search.ranking`)."""
    alternatives = facts.alternatives(clause)
    if not alternatives:
        return {"match_none": {}}
    if _is_plain(clause, alternatives):
        return _any([_term(each.stream, each.terms[0], each.weight / HALF) for each in alternatives])
    fields = (_frequency_in(name, alternatives) for name in clause.fields)
    return _any([query for queries in fields for query in queries])


def _is_plain(clause: TermClause, alternatives: Sequence[Alternative]) -> bool:
    """Whether what all fields together hold of each term says all."""
    one_spelling = len({each.spelling for each in alternatives}) <= 1
    return clause.fields == ALL_FIELDS and one_spelling and all(len(each.terms) == 1 for each in alternatives)


def _frequency_in(name: str, alternatives: Iterable[Alternative]) -> list[Json]:
    """In one field: of several spellings, the one that counts most."""
    spellings: dict[int, list[Json]] = {}
    for each in alternatives:
        field, weight = stream_field(name, each.stream), each.weight * _WEIGHTS[name]
        query = _term(field, each.terms[0], weight) if len(each.terms) == 1 else _phrase(field, each, weight)
        spellings.setdefault(each.spelling, []).append(query)
    if len(spellings) == 1:
        return next(iter(spellings.values()))
    return [{"dis_max": {"queries": [_any(queries) for queries in spellings.values()]}}]


def _term(field: str, term: str, weight: float) -> Json:
    return {"term": {field: {"value": term, "boost": weight}}}


def most_leaves(row: Row, facts: Facts) -> int:
    """How many queries OpenSearch counts in a row, of which it takes a limited number."""
    match row:
        case TermsRow(clause):
            alternatives = facts.alternatives(clause)
            return max(1, len(alternatives) * (1 if _is_plain(clause, alternatives) else len(clause.fields)))
        case AllRow(parts) | AnyRow(parts):
            return sum(most_leaves(part, facts) for part in parts)
        case WithoutRow(inner) | QuietRow(inner):
            return most_leaves(inner, facts)
        case _:
            return 1
