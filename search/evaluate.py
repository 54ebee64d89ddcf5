"""A query tree against one generation: which articles match, which of them hold every word, and their scores.

How many words must match (`match`), of the words typed side by side outside quotes, fields and parentheses:

- all: every one; function words ("the") never exclude.
- any: one.
- auto: every one; where fewer than `FEW` articles hold all of several words, those that hold at least half of them
  (rounded up) follow. This looks at the query alone, so that choosing a filter never changes the rule. A query of
  more than `MANY` words is a description rather than a list of demands, and few articles hold half of its words: there
  two are enough (nDCG@10 on judged collections, half of all against two: TIME .66 to .76, Cranfield .42 to .53,
  CACM .21 to .44; `bench/quality.py`).

Everything else in the query (phrases, fields, dates, NOT, OR) always has to hold. A word that occurs nowhere is
unfinished where words begin with it, and those stand in for it; else it is misspelt, and its nearest words do. Nothing
stands in after NOT and with match=all.

Time may run out (`search.limits.Deadline`), which is looked at before each clause and inside those that may take long.
A clause that was not looked at to its end is left out, as if it had not been typed: AND asks for the others, OR offers
the others, and NOT of it excludes nothing. Of a query of which nothing but function words was looked at nothing is
found. A note says so, and nothing that is kept for the next query comes of what was given up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from index.reader import Documents, Flags, Floats, Snapshot
from search.limits import NEVER, Deadline, Limits, OutOfTimeError
from search.notes import partial_note, stand_in_note, unfinished_note
from search.query import Address, And, Keyword, Match, Node, Not, Or, Phrase, Prefix, Range, Word
from search.ranking import Ranking
from search.results import Note
from search.spelling import Spelling
from search.terms import (
    Planner,
    TermClause,
    forms_of,
    is_function_word,
    stand_in_clause,
)
from search.values import Values
from search.vectors import Operations, Scored

Outcome = Literal["all", "any", "partial"]

FEW = 10
MANY = 6


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


def evaluate(
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
    return _Evaluation(text, match, searchable, deadline, traced=traced).run(tree)


def holding_all(tree: Node, searchable: Searchable, deadline: Deadline = NEVER) -> Documents:
    """The articles that `Results.full` counts with match=auto and no filters, ascending."""
    return _Evaluation("", "auto", searchable, deadline).full(tree).documents


class _Evaluation:
    def __init__(
        self, text: str, match: Match, searchable: Searchable, deadline: Deadline, *, traced: bool = False
    ) -> None:
        self._text = text
        self._match = match
        self._traced = traced
        self._deadline = deadline
        self._limits = searchable.limits
        self._snapshot = searchable.snapshot
        self._ranking = searchable.ranking
        self._spelling = searchable.spelling
        self._planner = searchable.planner
        self._operations = searchable.operations
        self._everything = searchable.everything
        self._clauses: list[TermClause] = []
        self._notes: list[Note] = []
        self._words: list[tuple[Word, int]] = []
        self._prefixes = 1
        self._lookups = self._limits.max_lookups
        self._partial = False

    def full(self, tree: Node) -> Scored:
        """What every clause matches."""
        self._prefixes = _count_prefixes(tree)
        return self._every([scored for _, scored in self._neighbourly(_side_by_side(tree))])

    def run(self, tree: Node) -> Evaluated:
        self._prefixes = _count_prefixes(tree)
        clauses = self._neighbourly(_side_by_side(tree))
        scored = [each for _, each in clauses]
        words = [(node, each) for node, each in clauses if _is_loose(node)]
        if (
            self._match == "any" and len(words) == len(clauses) > 1
        ):  # nothing but words: who holds all is told by the way
            held = self._operations.together(scored)
            some = Scored(held.documents, held.scores)
            return self._evaluated(self._combined(some, scored), held.times == len(scored), "any")
        every = self._every(scored)
        if not words or self._match == "all":
            return self._evaluated(every, None, "any" if self._match == "any" else "all")
        must = [each for node, each in clauses if not _is_loose(node)]
        found, match = self._relax(must, every, words)
        if found is every:
            return self._evaluated(every, None, match)
        full = np.zeros(len(found.documents), np.bool_)
        full[found.documents.searchsorted(every.documents)] = True
        return self._evaluated(found, full, match)

    def _evaluated(self, found: Scored, full: Flags | None, match: Outcome) -> Evaluated:
        if self._partial:
            self._notes.append(
                Note("ignored", "Time ran out: only a part of the query was used, and the numbers are those of it.", {})
            )
        return Evaluated(
            documents=found.documents,
            scores=found.scores if self._clauses else None,
            full=full,
            match=match,
            clauses=tuple(self._clauses),
            notes=tuple(self._notes),
            words=tuple(self._words),
            origin=found,
            partial=self._partial,
        )

    def _every(self, scored: Sequence[Scored]) -> Scored:
        """What all clauses of the query match; nothing where none that says something was looked at."""
        if self._partial and all(each is self._everything for each in scored):
            return self._filter(self._everything.documents[:0])
        return self._all(scored)

    def _relax(self, must: list[Scored], every: Scored, words: list[tuple[Node, Scored]]) -> tuple[Scored, Outcome]:
        """Apply `match` to the words; `every` are the articles that hold them all."""
        loose = [scored for _, scored in words]
        if self._match == "any":
            return self._all([*must, self._any(loose)]), "any"
        holding_all = len(every.documents)
        if len(loose) < 2 or holding_all >= FEW:
            return every, "all"
        distinct: dict[object, list[Scored]] = {}
        for node, scored in words:
            distinct.setdefault(_same(node), []).append(scored)
        if len(distinct) < 2:
            return every, "all"
        enough = -(-len(distinct) // 2) if len(distinct) <= MANY else 2
        partial = self._all([*must, self._any([self._any(each) for each in distinct.values()], enough)])
        if len(partial.documents) == holding_all:
            return every, "all"
        self._notes.append(partial_note(self._text, len(distinct), enough, some=holding_all > 0))
        return partial, "partial"

    def _all(self, scored: Sequence[Scored]) -> Scored:
        """What all of them match, scores added; of nothing, everything."""
        rows = [each for each in scored if each is not self._everything]
        if not rows:
            return self._everything
        if len(rows) == 1:
            return rows[0]
        shortest, *others = sorted(rows, key=_length)
        found = shortest
        for each in others:
            found = self._operations.both(found, each)
        return self._combined(found, rows)

    def _any(self, scored: Sequence[Scored], enough: int = 1) -> Scored:
        """What at least `enough` of them match, scores added."""
        if len(scored) == 1:
            return scored[0]
        found = self._operations.together(scored)
        if enough == 1:
            return self._combined(Scored(found.documents, found.scores), scored)
        kept = found.times >= enough
        return self._combined(Scored(found.documents[kept], found.scores[kept]), scored)

    def _combined(self, found: Scored, parts: Sequence[Scored]) -> Scored:
        return CombinedRow(found.documents, found.scores, tuple(parts)) if self._traced else found

    def _filter(self, documents: Documents) -> Scored:
        return Scored(documents, np.zeros(len(documents), np.float32))

    def _neighbourly(self, clauses: tuple[Node, ...], *, negated: bool = False) -> list[tuple[Node, Scored]]:
        """Evaluate clauses that stand side by side, for which there is time; a word knows those before and after it.

        A function word neither excludes nor ranks beside anything else.
        """
        functions = [isinstance(node, Word) and is_function_word(node) for node in clauses]
        skip = not all(functions)
        found = []
        last = len(clauses) - 1
        for i, node in enumerate(clauses):
            if skip and functions[i]:
                found.append((node, self._everything))
                continue
            around = (*clauses[i - 1 : i], *clauses[i + 1 : i + 2]) if last else ()
            neighbours = tuple([each for each in around if isinstance(each, Word)])
            scored = self._clause(node, neighbours, negated=negated)
            if scored is not None:
                found.append((node, scored))
        return found

    def _clause(self, node: Node, neighbours: tuple[Word, ...] = (), *, negated: bool = False) -> Scored | None:
        """What a clause matches; None where time ran out."""
        match node:
            case And(clauses):
                found = [scored for _, scored in self._neighbourly(clauses, negated=negated)]
                return self._all(found) if found else None
            case Or(clauses):
                either = [self._clause(clause, negated=negated) for clause in clauses]
                found = [scored for scored in either if scored is not None]
                return self._any(found) if found else None
            case Not(clause):
                without = self._clause(clause, negated=True)
                return None if without is None else self._without(without.documents)
        noted = len(self._notes)
        try:
            self._deadline.check()
            return self._leaf(node, neighbours, negated=negated)
        except OutOfTimeError:
            self._partial = True
            del self._notes[noted:]  # they tell what was looked for instead, and it was not
            return None

    def _leaf(self, node: Node, neighbours: tuple[Word, ...], *, negated: bool) -> Scored:
        match node:
            case Word():
                return self._word(node, neighbours, is_function_word(node), negated=negated)
            case Phrase():
                return self._terms(self._planner.phrase(node), node, negated=negated)
            case Prefix():
                return self._prefix(node, negated=negated)
            case Keyword(field, text, prefix):
                return self._filter(self._keyword(field, text, prefix=prefix))
            case Range():
                return self._filter(published_between(self._snapshot, node))
            case Address(text):
                return self._filter(documents_at(text, self._snapshot))
            case _:
                return self._everything

    def _without(self, documents: Documents) -> Scored:
        left = np.ones(self._snapshot.size, np.bool_)
        left[documents] = False
        everything = self._snapshot.all
        return self._filter(everything[left[everything]])

    def _terms(
        self,
        clause: TermClause,
        typed: Word | Phrase | Prefix,
        *,
        negated: bool = False,
        stands_in: bool = False,
    ) -> Scored:
        scored = self._ranking.score(clause, self._deadline.check)
        if negated:
            return scored
        self._clauses.append(clause)
        if not self._traced:
            return scored
        return ClauseRow(scored.documents, scored.scores, typed, clause, stands_in)

    def _word(self, word: Word, neighbours: tuple[Word, ...], function: bool, *, negated: bool) -> Scored:
        clause = self._planner.word(word, neighbours)
        scored = self._terms(clause, word, negated=negated)
        count = len(scored.documents)
        if negated or function:
            return scored
        self._words.append((word, count))
        if count or self._match == "all" or self._occurs(word):
            return scored
        self._lookups -= 1
        if self._lookups == -1 and self._limits.max_lookups:
            self._notes.append(
                Note("ignored", "Near words were looked for only for the first unknown words.", {}, span=_span(word))
            )
        if self._lookups < 0:
            return scored
        beginning = self._spelling.beginning(word.text, self._deadline.check)
        if beginning:
            self._notes.append(replace(unfinished_note(self._text, word.text), span=_span(word)))
            return self._prefix(Prefix(beginning, word.field), stands_in=word)
        nearest = self._spelling.nearest(word.text, 3, self._deadline.check)
        if not nearest:
            return scored
        self._notes.append(replace(stand_in_note(self._text, word.text, nearest), span=_span(word)))
        return self._terms(stand_in_clause(nearest, clause.fields), word, stands_in=True)

    def _occurs(self, word: Word) -> bool:
        """Whether a word that found nothing occurs all the same: in another field, or in small letters."""
        anywhere = self._planner.word(replace(word, field="", capitals=False), ())
        return len(self._ranking.score(anywhere, self._deadline.check).documents) > 0

    def _prefix(self, prefix: Prefix, *, negated: bool = False, stands_in: Word | None = None) -> Scored:
        limit = max(1, self._limits.max_expansion // max(1, self._prefixes))
        clause = self._planner.prefix(prefix, limit)
        if not any(note.kind == "expanded" for note in self._notes) and self._snapshot.has_more_terms(
            clause.beginning, limit
        ):
            self._notes.append(
                Note(
                    "expanded",
                    "More words begin with “{beginning}” than are looked at ({limit} a query).",
                    {"beginning": prefix.text, "limit": self._limits.max_expansion},
                )
            )
        return self._terms(clause, stands_in or prefix, negated=negated, stands_in=stands_in is not None)

    def _keyword(self, field: str, text: str, *, prefix: bool) -> Documents:
        column = self._snapshot.columns[field]
        if prefix:
            values = [i for value, i in column.folded.items() if value.startswith(text)]
        else:
            values = [column.folded[text]] if text in column.folded else []
        documents = self._snapshot.all
        return documents[column.having(tuple(values)).take(column.codes.take(documents))]


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


def _side_by_side(tree: Node) -> tuple[Node, ...]:
    return tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)


def _is_loose(node: Node) -> bool:
    """Whether `match` decides if a clause must hold: of words outside fields that say something."""
    return (
        isinstance(node, Word | Prefix) and not node.field and not (isinstance(node, Word) and is_function_word(node))
    )


def _length(scored: Scored) -> int:
    return len(scored.documents)


def _count_prefixes(node: Node) -> int:
    match node:
        case Prefix():
            return 1
        case And(clauses) | Or(clauses):
            return sum(map(_count_prefixes, clauses))
        case Not(clause):
            return _count_prefixes(clause)
        case _:
            return 0


def _span(word: Word) -> tuple[int, int] | None:
    return word.span if word.span[1] else None


def _same(node: Node) -> object:
    """What makes two typed words one."""
    return forms_of(node) if isinstance(node, Word) else node
