"""What the scores of the embedded engine are made of, for `search.explain`.

Which clauses count was decided by `search.evaluate`, and is read from the rows that were made; occurrences are counted
again, field by field, in the documents of one page alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from index.reader import Documents, Floats, Snapshot
from index.schema import TEXT_FIELDS
from search.explain import Counts, Told, explanation, unranked
from search.order import Row
from search.query import Sort
from search.ranking import ages_in_days
from search.results import Hit
from search.rows import ClauseRow, CombinedRow, Evaluated, Searchable
from search.terms import TermClause
from search.vectors import Scored


def explained(hits: Iterable[Hit], sort: Sort, found: Evaluated, row: Row, searchable: Searchable) -> Iterator[Hit]:
    """The hits of a page, each with how its score came about.

    Args:
        hits: of the page, in order.
        sort: the order that was asked for.
        found: what the query matched.
        row: its documents.
        searchable: whose documents they are.
    """
    if row.scores is None:
        yield from (replace(hit, explanation=unranked(sort)) for hit in hits)
        return
    facts = _ArrayFacts(found.origin, row.documents, searchable)
    for hit, document in zip(hits, row.documents.tolist(), strict=True):
        yield replace(hit, explanation=explanation(document, facts))


class _ArrayFacts:
    """Implements `search.explain.Facts` for some documents, which are told by their numbers.

    Args:
        origin: the row of all matches.
        documents: those that are asked about, in any order.
        searchable: whose documents they are.
    """

    def __init__(self, origin: Scored, documents: Documents, searchable: Searchable) -> None:
        self._origin = origin
        self._snapshot = searchable.snapshot
        self._ranking = searchable.ranking
        self._among = np.unique(documents)
        self._counts: dict[TermClause, dict[int, Counts]] = {}
        self._holding: dict[TermClause, int] = {}
        ages = ages_in_days(self._snapshot.published[self._among], self._snapshot.newest)
        qualities, heats = (_signal(name, self._among, self._snapshot) for name in ("quality", "heat"))
        rows = zip(ages.tolist(), qualities.tolist(), heats.tolist(), strict=True)
        self._signals: dict[int, tuple[float, float, float]] = dict(zip(self._among.tolist(), rows, strict=True))

    @property
    def articles(self) -> int:
        return self._snapshot.count

    @property
    def average_length(self) -> float:
        return self._ranking.average_length

    def length(self, document: int) -> int:
        return int(self._snapshot.lengths[document])

    def holding(self, told: Told) -> int:
        return self._holding[told.clause]

    def clauses(self, document: int) -> Sequence[tuple[Told, bool, bool]]:
        found = []
        for row, counts in _clause_rows(self._origin, document):
            self._holding[row.clause] = len(row.documents)
            found.append((row, _holds(row, document), counts))
        return found

    def occurrences(self, clause: TermClause, document: int) -> Counts:
        if clause not in self._counts:
            self._counts[clause] = self._count(clause)
        return self._counts[clause][document]

    def signals(self, document: int) -> tuple[float, float, float]:
        return self._signals[document]

    def _count(self, clause: TermClause) -> dict[int, Counts]:
        """The occurrences of a clause by document."""
        found: dict[int, Counts] = {}
        for alternative in self._ranking.alternatives(clause):
            places = self._ranking.places(alternative, self._among)
            fields = self._snapshot.field_numbers(places)
            times = Counter(zip(places.documents.tolist(), fields.tolist(), strict=True))
            for (document, field), count in times.items():
                if TEXT_FIELDS[field].name in clause.fields:
                    found.setdefault(document, {}).setdefault(field, {})[alternative] = count
        return found


def _clause_rows(row: Scored, document: int, *, counts: bool = True) -> Iterator[tuple[ClauseRow, bool]]:
    """The clauses that a row comes of, and whether each counts in the score that a document has there."""
    match row:
        case ClauseRow():
            yield row, counts and _holds(row, document)
        case CombinedRow(parts=parts):
            counts = counts and _holds(row, document)
            for part in parts:
                yield from _clause_rows(part, document, counts=counts)


def _holds(row: Scored, document: int) -> bool:
    place = int(row.documents.searchsorted(document))
    return place < len(row.documents) and bool(row.documents[place] == document)


def _signal(name: str, documents: Documents, snapshot: Snapshot) -> Floats:
    """`quality` or `heat` of some documents, NaN where unknown."""
    known = snapshot.signal(name)
    return np.full(len(documents), np.nan, np.float32) if known is None else known[documents]
