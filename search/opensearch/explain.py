"""What the scores of hits on a cluster are made of, for `search.explain`.

Occurrences are counted in the articles themselves, as they are analyzed for the index, so that the numbers explain what
OpenSearch answered instead of repeating it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from index.analysis import tokens
from index.article import Article
from index.document import address_hashes, facet_values, published_seconds, searched_text
from index.opensearch.mapping import address_term, weighted_length
from index.schema import EXACT, TEXT_FIELDS, UNDATED
from search.explain import Counts, Told, explanation, unranked
from search.opensearch.known import Known
from search.opensearch.pages import Asked
from search.opensearch.tree import (
    AddressRow,
    AllRow,
    AnyRow,
    EverythingRow,
    IdRow,
    KeywordRow,
    QuietRow,
    RangeRow,
    Row,
    TermsRow,
    WithoutRow,
)
from search.query import Range
from search.results import Hit
from search.terms import Alternative, TermClause

_DAY = 24 * 60 * 60

_Places = dict[str, list[set[tuple[int, str]]]]
"""By stream, for each value of a field, which term stands at which position."""


def explained(hits: Iterable[Hit], asked: Asked) -> Iterator[Hit]:
    """Hits, each with how its score came about."""
    if not asked.ranked:
        yield from (replace(hit, explanation=unranked(asked.query.sort)) for hit in hits)
        return
    facts = _ArticleFacts(asked.evaluation.found, asked.known)
    for hit in hits:
        yield replace(hit, explanation=explanation(hit.article, facts))


class _ArticleFacts:
    """Implements `search.explain.Facts` for articles.

    Args:
        found: the row of all matches.
        known: the view that they are of.
    """

    def __init__(self, found: Row, known: Known) -> None:
        self._found = found
        self._known = known
        self._analyzed: tuple[str, dict[str, _Places]] = ("", {})

    @property
    def articles(self) -> int:
        return self._known.totals.articles

    @property
    def average_length(self) -> float:
        return self._known.totals.average_length

    def length(self, document: Article) -> int:
        return weighted_length(document)

    def holding(self, told: Told) -> int:
        return self._known.holding(told.clause)

    def clauses(self, document: Article) -> Sequence[tuple[Told, bool, bool]]:
        return list(self._clauses(self._found, document, counts=True))

    def _clauses(self, row: Row, article: Article, *, counts: bool) -> Iterator[tuple[Told, bool, bool]]:
        match row:
            case TermsRow() if row.typed:
                holds = self._holds(row, article)
                yield row, holds, counts and holds
            case AllRow(parts) | AnyRow(parts):
                counts = counts and self._holds(row, article)
                for part in parts:
                    yield from self._clauses(part, article, counts=counts)

    def _holds(self, row: Row, article: Article) -> bool:
        """Whether a row has an article."""
        match row:
            case TermsRow(clause):
                return bool(self.occurrences(clause, article))
            case AllRow(parts):
                return all(self._holds(part, article) for part in parts)
            case AnyRow(parts, enough):
                return sum(self._holds(part, article) for part in parts) >= enough
            case WithoutRow(inner):
                return not self._holds(inner, article)
            case QuietRow(inner):
                return self._holds(inner, article)
            case _:
                return _is_of(row, article)

    def occurrences(self, clause: TermClause, document: Article) -> Counts:
        found: Counts = {}
        fields = self._fields(document)
        for alternative in self._known.alternatives(clause):
            for number, field in enumerate(TEXT_FIELDS):
                if field.name in clause.fields:
                    count = sum(_standing(alternative, value) for value in fields[field.name][alternative.stream])
                    if count:
                        found.setdefault(number, {})[alternative] = count
        return found

    def signals(self, document: Article) -> tuple[float, float, float]:
        published, newest = published_seconds(document), self._known.totals.newest
        age = math.nan if published == UNDATED or newest is None else (newest - published) / _DAY
        return age, _known_or_nan(document.quality), _known_or_nan(document.heat)

    def _fields(self, article: Article) -> dict[str, _Places]:
        """The analyzed fields of an article; those of the last one are kept."""
        if self._analyzed[0] != article.id:
            self._analyzed = article.id, {name: _places(texts) for name, texts in searched_text(article).items()}
        return self._analyzed[1]


def _is_of(row: Row, article: Article) -> bool:
    """Whether a row that is told by an article's other values has it."""
    match row:
        case EverythingRow():
            return True
        case KeywordRow(node):
            values = [value.casefold() for value in facet_values(article)[node.field]]
            return any(value.startswith(node.text) if node.prefix else value == node.text for value in values)
        case RangeRow(node):
            return _is_within(article, node)
        case AddressRow(term):
            return term in map(address_term, address_hashes(article))
        case IdRow(identity):
            return article.id == identity
        case _:
            return False


def _is_within(article: Article, node: Range) -> bool:
    published = article.published
    return (
        published is not None
        and (node.start is None or published >= node.start)
        and (node.end is None or published < node.end)
    )


def _known_or_nan(signal: float | None) -> float:
    return math.nan if signal is None else signal


def _places(texts: Iterable[str]) -> _Places:
    analyzed = [tokens(text) for text in texts]
    return {
        stream: [
            {(token.position, token.exact if stream == EXACT else token.stem) for token in value} for value in analyzed
        ]
        for stream in ("exact", "stem")
    }


def _standing(alternative: Alternative, value: set[tuple[int, str]]) -> int:
    """How often the terms of an alternative stand side by side in a value."""
    if len(alternative.terms) == 1:
        return Counter(term for _, term in value)[alternative.terms[0]]
    first = alternative.terms[0]
    starts = [position for position, term in value if term == first]
    pairs = list(zip(alternative.offsets, alternative.terms, strict=True))
    return sum(all((start + offset, term) in value for offset, term in pairs) for start in starts)
