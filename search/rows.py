"""Sets of articles of the embedded engine: whole arrays, worked out at once (`search.evaluate` says by which rules)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from index.reader import Documents, Flags, Floats, Snapshot
from search.evaluate import Evaluation, Outcome, evaluate
from search.evaluate import holding_all as rows_holding_all
from search.limits import NEVER, Deadline, Limits
from search.query import Keyword, Match, Node, Phrase, Prefix, Range, Word
from search.ranking import Ranking
from search.results import Note
from search.spelling import Spelling
from search.terms import Planner, TermClause
from search.values import Values
from search.vectors import Operations, Scored


@dataclass(frozen=True, slots=True)
class ClauseRow(Scored):
    """The row of one clause of words; every other row has scores of 0 or comes of such rows.

    Attributes:
        typed: what was typed.
        clause: what was looked for.
        stands_in: whether that is looked for in place of a word that occurs nowhere.
    """

    typed: Word | Phrase | Prefix
    clause: TermClause
    stands_in: bool


@dataclass(frozen=True, slots=True)
class CombinedRow(Scored):
    """A row of documents that are in some or all of `parts`, with the scores that they have there added up."""

    parts: tuple[Scored, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The answer before filters, sort and page.

    Attributes:
        documents: those that match, ascending.
        scores: of each, priors included; None where the query has nothing to rank by.
        full: which of them hold every word; None where all do.
        match: what was asked of the words in the end.
        clauses: the clauses of words that were looked for, for highlighting.
        notes: stand-ins, partial matches, cut prefixes, what was left out.
        words: each content word and how many articles hold it.
        origin: the row of `documents`; where it was asked for, with the rows that their scores come from.
        partial: whether time ran out, so that clauses were left out.
    """

    documents: Documents
    scores: Floats | None
    full: Flags | None
    match: Outcome
    clauses: tuple[TermClause, ...]
    notes: tuple[Note, ...]
    words: tuple[tuple[Word, int], ...]
    origin: Scored
    partial: bool

    @property
    def holding_all(self) -> int:
        """How many articles hold every word."""
        return len(self.documents) if self.full is None else int(np.count_nonzero(self.full))


@dataclass(frozen=True, slots=True)
class Searchable:
    """One generation, opened for questions."""

    snapshot: Snapshot
    ranking: Ranking
    spelling: Spelling
    planner: Planner
    values: Values
    operations: Operations
    everything: Scored
    limits: Limits


def open_searchable(snapshot: Snapshot, arithmetic: Callable[[int], Operations], limits: Limits) -> Searchable:
    """What is derived from a generation to search it."""
    spelling = Spelling(snapshot)
    everything = Scored(snapshot.all, np.zeros(len(snapshot.all), np.float32))
    return Searchable(
        snapshot=snapshot,
        ranking=Ranking(snapshot),
        spelling=spelling,
        planner=Planner(spelling),
        values=Values(snapshot),
        operations=arithmetic(snapshot.size),
        everything=everything,
        limits=limits,
    )


def find(
    tree: Node, text: str, match: Match, searchable: Searchable, deadline: Deadline = NEVER, *, traced: bool = False
) -> Evaluated:
    """Evaluate a query tree.

    Args:
        tree: from `search.parser.parse`.
        text: what was typed, for the links of notes.
        match: the reader's choice.
        searchable: the generation to ask.
        deadline: when time is out.
        traced: whether `origin` tells where scores come from.
    """
    evaluation = evaluate(tree, text, match, _ArrayRows(searchable, traced=traced), deadline)
    found = evaluation.found
    return Evaluated(
        documents=found.documents,
        scores=found.scores if evaluation.clauses else None,
        full=_flags(evaluation),
        match=evaluation.match,
        clauses=evaluation.clauses,
        notes=evaluation.notes,
        words=evaluation.words,
        origin=found,
        partial=evaluation.partial,
    )


def holding_all(tree: Node, searchable: Searchable, deadline: Deadline = NEVER) -> Documents:
    """The articles that `Results.full` counts with match=auto and no filters, ascending."""
    return rows_holding_all(tree, _ArrayRows(searchable), deadline).documents


def _flags(evaluation: Evaluation[Scored]) -> Flags | None:
    """Which of the documents hold every word; None where all do."""
    if evaluation.every is None:
        return None
    flags = np.zeros(len(evaluation.found.documents), np.bool_)
    flags[evaluation.found.documents.searchsorted(evaluation.every.documents)] = True
    return flags


class _ArrayRows:
    """Implements `search.evaluate.Rows`.

    Args:
        searchable: the generation to ask.
        traced: whether rows tell where scores come from.
    """

    def __init__(self, searchable: Searchable, *, traced: bool = False) -> None:
        self.limits = searchable.limits
        self.planner = searchable.planner
        self.spelling = searchable.spelling
        self.everything = searchable.everything
        self._snapshot = searchable.snapshot
        self._ranking = searchable.ranking
        self._operations = searchable.operations
        self._traced = traced

    def terms(self, clause: TermClause, check: Callable[[], None]) -> Scored:
        return self._ranking.score(clause, check)

    def tell(self, row: Scored, typed: Word | Phrase | Prefix, clause: TermClause, stands_in: bool) -> Scored:
        return ClauseRow(row.documents, row.scores, typed, clause, stands_in) if self._traced else row

    def keyword(self, node: Keyword) -> Scored:
        column = self._snapshot.columns[node.field]
        if node.prefix:
            values = [i for value, i in column.folded.items() if value.startswith(node.text)]
        else:
            values = [column.folded[node.text]] if node.text in column.folded else []
        documents = self._snapshot.all
        return _filter(documents[column.having(tuple(values)).take(column.codes.take(documents))])

    def published(self, node: Range) -> Scored:
        return _filter(published_between(self._snapshot, node))

    def at(self, address: str) -> Scored:
        return _filter(documents_at(address, self._snapshot))

    def nothing(self) -> Scored:
        return _filter(self.everything.documents[:0])

    def without(self, row: Scored) -> Scored:
        left = np.ones(self._snapshot.size, np.bool_)
        left[row.documents] = False
        everything = self._snapshot.all
        return _filter(everything[left[everything]])

    def all(self, rows: Sequence[Scored]) -> Scored:
        found, *others = sorted(rows, key=_length)
        for each in others:
            found = self._operations.both(found, each)
        return self._combined(found, rows)

    def any(self, rows: Sequence[Scored], enough: int = 1) -> Scored:
        found = self._operations.together(rows)
        if enough == 1:
            return self._combined(Scored(found.documents, found.scores), rows)
        kept = found.times >= enough
        return self._combined(Scored(found.documents[kept], found.scores[kept]), rows)

    def any_and_every(self, rows: Sequence[Scored]) -> tuple[Scored, Scored]:
        held = self._operations.together(rows)
        every = held.times == len(rows)
        some = self._combined(Scored(held.documents, held.scores), rows)
        return some, Scored(held.documents[every], held.scores[every])

    def count(self, row: Scored) -> int:
        return len(row.documents)

    def has_more_terms(self, beginning: str, limit: int) -> bool:
        return self._snapshot.has_more_terms(beginning, limit)

    def _combined(self, found: Scored, parts: Sequence[Scored]) -> Scored:
        return CombinedRow(found.documents, found.scores, tuple(parts)) if self._traced else found


def _filter(documents: Documents) -> Scored:
    return Scored(documents, np.zeros(len(documents), np.float32))


def _length(scored: Scored) -> int:
    return len(scored.documents)


def documents_at(address: str, snapshot: Snapshot) -> Documents:
    """Articles with this address; failing that, with this address but for its parameters."""
    found = snapshot.by_address(address) or snapshot.by_address(address.partition("?")[0])
    return np.array(found, dtype=np.int32)


def published_between(snapshot: Snapshot, node: Range) -> Documents:
    """Articles published at or after `start` and before `end`; undated ones never."""
    documents = snapshot.all
    return documents[dated_between(snapshot, documents, node)]


def dated_between(snapshot: Snapshot, documents: Documents, node: Range) -> Flags:
    """Which of some documents were published at or after `start` and before `end`; undated ones never."""
    start, end = (None if moment is None else moment.timestamp() for moment in (node.start, node.end))
    flags = np.zeros(len(documents), np.bool_)
    for first, last in snapshot.between(start, end):
        flags |= (documents >= first) & (documents < last)
    return flags
