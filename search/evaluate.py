"""A query tree against one generation: which articles match, and which of them hold every word.

These are the rules, the same for every engine. What an engine knows of its articles it tells through `Rows`: sets of
articles, each with what is added to the score of each article in it. An engine may work them out at once or only say
how they are to be had, until they are counted.

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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from search.limits import NEVER, Deadline, Limits, OutOfTimeError
from search.notes import partial_note, stand_in_note, unfinished_note
from search.query import Address, And, Keyword, Match, Node, Not, Or, Phrase, Prefix, Range, Word
from search.results import Note
from search.terms import (
    Planner,
    TermClause,
    forms_of,
    is_function_word,
    stand_in_clause,
)

Outcome = Literal["all", "any", "partial"]

FEW = 10
MANY = 6

Row = TypeVar("Row")


class Words(Protocol):
    """The archive's own words."""

    def occurs(self, term: str) -> bool:
        """Whether a visible article has this exact term in any field."""

    def count(self, term: str) -> int:
        """In how many articles this exact term stands, in the field where it does most."""

    def beginning(self, word: str, between: Callable[[], None]) -> str:
        """The typed word as an exact term, where terms begin so; else "". See `search.spelling.Spelling`."""

    def nearest(self, word: str, limit: int, between: Callable[[], None]) -> list[str]:
        """The words fewest edits away, most frequent first. See `search.spelling.Spelling`."""


class Rows(Protocol[Row]):
    """Sets of articles of one generation."""

    @property
    def limits(self) -> Limits:
        """How much a query may ask."""

    @property
    def planner(self) -> Planner:
        """Makes clauses of words, phrases and prefixes."""

    @property
    def spelling(self) -> Words:
        """What the archive's words are."""

    @property
    def everything(self) -> Row:
        """All articles, nothing added to their scores; the same object each time."""

    def terms(self, clause: TermClause, check: Callable[[], None]) -> Row:
        """Articles that hold a clause of words, with their scores; `check` is called between steps that take long."""

    def tell(self, row: Row, typed: Word | Phrase | Prefix, clause: TermClause, stands_in: bool) -> Row:
        """A row of `terms` that counts in the scores of the query: what was typed for it."""

    def keyword(self, node: Keyword) -> Row:
        """Articles with a value of a keyword field."""

    def published(self, node: Range) -> Row:
        """Articles of a time."""

    def at(self, address: str) -> Row:
        """Articles with an address; failing that, with this address but for its parameters."""

    def nothing(self) -> Row:
        """No article."""

    def without(self, row: Row) -> Row:
        """All other articles."""

    def all(self, rows: Sequence[Row]) -> Row:
        """What all of two or more rows have, scores added."""

    def any(self, rows: Sequence[Row], enough: int = 1) -> Row:
        """What at least so many of two or more rows have, scores added."""

    def any_and_every(self, rows: Sequence[Row]) -> tuple[Row, Row]:
        """What any of the rows has, scores added; and those that all have."""

    def count(self, row: Row) -> int:
        """How many articles there are in a row."""

    def has_more_terms(self, beginning: str, limit: int) -> bool:
        """Whether more than `limit` words begin so."""


@dataclass(frozen=True, slots=True)
class Evaluation(Generic[Row]):
    """The answer before filters, sort and page.

    Attributes:
        found: what matches.
        every: of that, what holds every word; None where all does.
        match: what was asked of the words in the end.
        clauses: the clauses of words that were looked for, for highlighting and scores; none where nothing ranks.
        notes: stand-ins, partial matches, cut prefixes, what was left out.
        words: each content word and how many articles hold it.
        partial: whether time ran out, so that clauses were left out.
    """

    found: Row
    every: Row | None
    match: Outcome
    clauses: tuple[TermClause, ...]
    notes: tuple[Note, ...]
    words: tuple[tuple[Word, int], ...]
    partial: bool


def evaluate(tree: Node, text: str, match: Match, rows: Rows[Row], deadline: Deadline = NEVER) -> Evaluation[Row]:
    """Evaluate a query tree.

    Args:
        tree: from `search.parser.parse`.
        text: what was typed, for the links of notes.
        match: the reader's choice.
        rows: the generation to ask.
        deadline: when time is out.
    """
    return _Evaluation(text, match, rows, deadline).run(tree)


def holding_all(tree: Node, rows: Rows[Row], deadline: Deadline = NEVER) -> Row:
    """The articles that `Results.full` counts with match=auto and no filters."""
    return _Evaluation("", "auto", rows, deadline).full(tree)


class _Evaluation(Generic[Row]):
    def __init__(self, text: str, match: Match, rows: Rows[Row], deadline: Deadline) -> None:
        self._text = text
        self._match = match
        self._rows = rows
        self._deadline = deadline
        self._limits = rows.limits
        self._planner = rows.planner
        self._everything = rows.everything
        self._clauses: list[TermClause] = []
        self._notes: list[Note] = []
        self._words: list[tuple[Word, int]] = []
        self._prefixes = 1
        self._lookups = self._limits.max_lookups
        self._partial = False

    def full(self, tree: Node) -> Row:
        """What every clause matches."""
        self._prefixes = _count_prefixes(tree)
        return self._every([row for _, row in self._neighbourly(_side_by_side(tree))])

    def run(self, tree: Node) -> Evaluation[Row]:
        self._prefixes = _count_prefixes(tree)
        clauses = self._neighbourly(_side_by_side(tree))
        rows = [row for _, row in clauses]
        words = [(node, row) for node, row in clauses if _is_loose(node)]
        if (
            self._match == "any" and len(words) == len(clauses) > 1
        ):  # nothing but words: who holds all is told by the way
            some, every = self._rows.any_and_every(rows)
            return self._evaluation(some, every, "any")
        every = self._every(rows)
        if not words or self._match == "all":
            return self._evaluation(every, None, "any" if self._match == "any" else "all")
        must = [row for node, row in clauses if not _is_loose(node)]
        found, match = self._relax(must, every, words)
        return self._evaluation(found, None if found is every else every, match)

    def _evaluation(self, found: Row, every: Row | None, match: Outcome) -> Evaluation[Row]:
        if self._partial:
            self._notes.append(
                Note("ignored", "Time ran out: only a part of the query was used, and the numbers are those of it.", {})
            )
        return Evaluation(
            found=found,
            every=every,
            match=match,
            clauses=tuple(self._clauses),
            notes=tuple(self._notes),
            words=tuple(self._words),
            partial=self._partial,
        )

    def _every(self, rows: Sequence[Row]) -> Row:
        """What all clauses of the query match; nothing where none that says something was looked at."""
        if self._partial and all(row is self._everything for row in rows):
            return self._rows.nothing()
        return self._all(rows)

    def _relax(self, must: list[Row], every: Row, words: list[tuple[Node, Row]]) -> tuple[Row, Outcome]:
        """Apply `match` to the words; `every` are the articles that hold them all."""
        loose = [row for _, row in words]
        if self._match == "any":
            return self._all([*must, self._any(loose)]), "any"
        if len(loose) < 2:
            return every, "all"
        holding_all = self._rows.count(every)
        if holding_all >= FEW:
            return every, "all"
        distinct: dict[object, list[Row]] = {}
        for node, row in words:
            distinct.setdefault(_same(node), []).append(row)
        if len(distinct) < 2:
            return every, "all"
        enough = -(-len(distinct) // 2) if len(distinct) <= MANY else 2
        partial = self._all([*must, self._any([self._any(each) for each in distinct.values()], enough)])
        if self._rows.count(partial) == holding_all:
            return every, "all"
        self._notes.append(partial_note(self._text, len(distinct), enough, some=holding_all > 0))
        return partial, "partial"

    def _all(self, rows: Sequence[Row]) -> Row:
        """What all of them match, scores added; of nothing, everything."""
        telling = [row for row in rows if row is not self._everything]
        if not telling:
            return self._everything
        return telling[0] if len(telling) == 1 else self._rows.all(telling)

    def _any(self, rows: Sequence[Row], enough: int = 1) -> Row:
        """What at least `enough` of them match, scores added."""
        return rows[0] if len(rows) == 1 else self._rows.any(rows, enough)

    def _neighbourly(self, clauses: tuple[Node, ...], *, negated: bool = False) -> list[tuple[Node, Row]]:
        """Evaluate clauses that stand side by side, for which there is time; a word knows those before and after it.

        A function word neither excludes nor ranks beside anything else.
        """
        functions = [isinstance(node, Word) and is_function_word(node) for node in clauses]
        skip = not all(functions)
        found = []
        for i, (node, neighbours) in enumerate(_beside(clauses)):
            if skip and functions[i]:
                found.append((node, self._everything))
                continue
            row = self._clause(node, neighbours, negated=negated)
            if row is not None:
                found.append((node, row))
        return found

    def _clause(self, node: Node, neighbours: tuple[Word, ...] = (), *, negated: bool = False) -> Row | None:
        """What a clause matches; None where time ran out."""
        match node:
            case And(clauses):
                found = [row for _, row in self._neighbourly(clauses, negated=negated)]
                return self._all(found) if found else None
            case Or(clauses):
                either = [self._clause(clause, negated=negated) for clause in clauses]
                found = [row for row in either if row is not None]
                return self._any(found) if found else None
            case Not(clause):
                without = self._clause(clause, negated=True)
                return None if without is None else self._rows.without(without)
        noted = len(self._notes)
        try:
            self._deadline.check()
            return self._leaf(node, neighbours, negated=negated)
        except OutOfTimeError:
            self._partial = True
            del self._notes[noted:]  # they tell what was looked for instead, and it was not
            return None

    def _leaf(self, node: Node, neighbours: tuple[Word, ...], *, negated: bool) -> Row:
        match node:
            case Word():
                return self._word(node, neighbours, is_function_word(node), negated=negated)
            case Phrase():
                return self._terms(self._planner.phrase(node), node, negated=negated)
            case Prefix():
                return self._prefix(node, negated=negated)
            case Keyword():
                return self._rows.keyword(node)
            case Range():
                return self._rows.published(node)
            case Address(text):
                return self._rows.at(text)
            case _:
                return self._everything

    def _terms(
        self,
        clause: TermClause,
        typed: Word | Phrase | Prefix,
        *,
        negated: bool = False,
        stands_in: bool = False,
    ) -> Row:
        row = self._rows.terms(clause, self._deadline.check)
        if negated:
            return row
        self._clauses.append(clause)
        return self._rows.tell(row, typed, clause, stands_in)

    def _word(self, word: Word, neighbours: tuple[Word, ...], function: bool, *, negated: bool) -> Row:
        clause = self._planner.word(word, neighbours)
        row = self._terms(clause, word, negated=negated)
        if negated or function:
            return row
        count = self._rows.count(row)
        self._words.append((word, count))
        if count or self._match == "all" or self._occurs(word):
            return row
        self._lookups -= 1
        if self._lookups == -1 and self._limits.max_lookups:
            self._notes.append(
                Note("ignored", "Near words were looked for only for the first unknown words.", {}, span=_span(word))
            )
        if self._lookups < 0:
            return row
        beginning = self._rows.spelling.beginning(word.text, self._deadline.check)
        if beginning:
            self._notes.append(replace(unfinished_note(self._text, word.text), span=_span(word)))
            return self._prefix(Prefix(beginning, word.field), stands_in=word)
        nearest = self._rows.spelling.nearest(word.text, 3, self._deadline.check)
        if not nearest:
            return row
        self._notes.append(replace(stand_in_note(self._text, word.text, nearest), span=_span(word)))
        return self._terms(stand_in_clause(nearest, clause.fields), word, stands_in=True)

    def _occurs(self, word: Word) -> bool:
        """Whether a word that found nothing occurs all the same: in another field, or in small letters."""
        anywhere = self._planner.word(replace(word, field="", capitals=False), ())
        return self._rows.count(self._rows.terms(anywhere, self._deadline.check)) > 0

    def _prefix(self, prefix: Prefix, *, negated: bool = False, stands_in: Word | None = None) -> Row:
        limit = max(1, self._limits.max_expansion // max(1, self._prefixes))
        clause = self._planner.prefix(prefix, limit)
        if not any(note.kind == "expanded" for note in self._notes) and self._rows.has_more_terms(
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


def _side_by_side(tree: Node) -> tuple[Node, ...]:
    return tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)


def _is_loose(node: Node) -> bool:
    """Whether `match` decides if a clause must hold: of words outside fields that say something."""
    return (
        isinstance(node, Word | Prefix) and not node.field and not (isinstance(node, Word) and is_function_word(node))
    )


def _beside(clauses: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Word, ...]]]:
    """Clauses that stand side by side, each with the words right before and after it."""
    last = len(clauses) - 1
    for i, node in enumerate(clauses):
        around = (*clauses[i - 1 : i], *clauses[i + 1 : i + 2]) if last else ()
        yield node, tuple([each for each in around if isinstance(each, Word)])


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
