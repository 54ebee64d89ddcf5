"""A query tree against one generation: which articles match, which of them hold every word, and their scores.

How many words must match (`match`), of the words typed side by side outside quotes, fields and parentheses:

- all: every one; function words ("the") never exclude.
- any: one.
- auto: every one; where fewer than `FEW` articles hold all of several words, those that hold at least half of them
  (rounded up) follow. This looks at the query alone, so that choosing a filter never changes the rule. A query of
  more than `MANY` words is a description rather than a list of demands, and few articles hold half of its words: there
  two are enough (nDCG@10 on judged collections, half of all against two: TIME .66 to .76, Cranfield .42 to .53,
  CACM .21 to .44; `bench/quality.py`).

Everything else in the query (phrases, fields, dates, NOT, OR) always has to hold. A word that occurs nowhere is stood
in for by its nearest words, except after NOT and with match=all.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from index.reader import UNDATED, Flags, Floats, Snapshot
from index.urls import address_key
from search.query import Address, And, Everything, Keyword, Match, Node, Not, Or, Phrase, Prefix, Range, Word
from search.ranking import Ranking, Scored
from search.results import Note
from search.spelling import Spelling
from search.terms import (
    TermClause,
    forms_of,
    is_function_word,
    phrase_clause,
    prefix_clause,
    stand_in_clause,
    word_clause,
)

FEW = 10
MANY = 6
MAX_EXPANSION = 2_000  # words that the prefixes of one query may stand for, in equal parts
MAX_LOOKUPS = 8  # words of one query for which near ones are looked for


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The answer before filters, sort and page.

    Attributes:
        matches: which documents match, by number.
        full: which of them hold every word.
        scores: by number, priors included; all 0 where the query has no words.
        match: what was asked of the words in the end.
        ranked: whether the query has anything to rank by.
        clauses: the clauses of words that were looked for, for highlighting.
        notes: stand-ins, partial matches, cut prefixes.
        words: each content word and how many articles hold it.
    """

    matches: Flags
    full: Flags
    scores: Floats
    match: Literal["all", "any", "partial"]
    ranked: bool
    clauses: tuple[TermClause, ...]
    notes: tuple[Note, ...]
    words: tuple[tuple[Word, int], ...]


@dataclass(frozen=True, slots=True)
class Searchable:
    """One generation, opened for questions."""

    snapshot: Snapshot
    ranking: Ranking
    spelling: Spelling


def evaluate(tree: Node, text: str, match: Match, searchable: Searchable) -> Evaluated:
    """Evaluate a query tree.

    Args:
        tree: from `search.parser.parse`.
        text: what was typed, for the links of notes.
        match: the reader's choice.
        searchable: the generation to ask.
    """
    return _Evaluation(text, match, searchable).run(tree)


class _Evaluation:
    def __init__(self, text: str, match: Match, searchable: Searchable) -> None:
        self._text = text
        self._match = match
        self._snapshot = searchable.snapshot
        self._ranking = searchable.ranking
        self._spelling = searchable.spelling
        self._clauses: list[TermClause] = []
        self._notes: list[Note] = []
        self._words: list[tuple[Word, int]] = []
        self._ranked = False
        self._prefixes = 1
        self._lookups = MAX_LOOKUPS

    def run(self, tree: Node) -> Evaluated:
        self._prefixes = max(1, _count_prefixes(tree))
        clauses = tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)
        words, rest = self._divide(clauses)
        scored = self._neighbourly(clauses)
        must = [scored[i] for i in rest]
        loose = [scored[i] for i in words]
        fixed = self._all([each.matches for each in must])
        every = fixed & self._all([each.matches for each in loose])
        matches, match = self._relax(fixed, every, [clauses[i] for i in words], loose)
        scores = sum((each.scores for each in (*must, *loose)), np.zeros(self._snapshot.size))
        return Evaluated(
            matches=matches & self._snapshot.live,
            full=every & self._snapshot.live,
            scores=scores * self._ranking.prior,
            match=match,
            ranked=self._ranked,
            clauses=tuple(self._clauses),
            notes=tuple(self._notes),
            words=tuple(self._words),
        )

    def _divide(self, clauses: tuple[Node, ...]) -> tuple[list[int], list[int]]:
        """Which clauses are words that may be relaxed, and which are all the rest (function words among them)."""
        words = [
            i
            for i, node in enumerate(clauses)
            if (isinstance(node, Word) and not is_function_word(node)) or isinstance(node, Prefix)
            if not node.field
        ]
        return words, [i for i in range(len(clauses)) if i not in words]

    def _relax(
        self, fixed: Flags, every: Flags, nodes: list[Node], loose: list[Scored]
    ) -> tuple[Flags, Literal["all", "any", "partial"]]:
        """Apply `match` to the words; `every` are the articles that hold them all."""
        distinct: dict[object, Flags] = {}
        for node, scored in zip(nodes, loose, strict=True):
            same = _same(node)
            distinct[same] = distinct[same] | scored.matches if same in distinct else scored.matches
        if self._match == "any" and distinct:
            return fixed & np.logical_or.reduce(list(distinct.values())), "any"
        if self._match == "any":
            return every, "any"
        holding_all = int((every & self._snapshot.live).sum())
        if self._match == "all" or len(distinct) < 2 or holding_all >= FEW:
            return every, "all"
        enough = -(-len(distinct) // 2) if len(distinct) <= MANY else 2
        held = np.sum(list(distinct.values()), axis=0, dtype=np.int64)
        partial = fixed & (held >= enough) & self._snapshot.live
        if int(partial.sum()) == holding_all:
            return every, "all"
        holding = "Few articles hold" if holding_all else "No article holds"
        words = "both words" if len(distinct) == 2 else f"all {len(distinct)} words"
        least = {1: "one", 2: "two", 3: "three"}[enough]
        self._notes.append(
            Note("partial", f"{holding} {words}; those with at least {least} follow.", self._text, "all")
        )
        return partial, "partial"

    def _all(self, flags: list[Flags]) -> Flags:
        together: Flags = np.logical_and.reduce([np.ones(self._snapshot.size, np.bool_), *flags])
        return together

    def _neighbourly(self, clauses: tuple[Node, ...], *, negated: bool = False) -> list[Scored]:
        """Evaluate clauses that stand side by side; a word knows the words before and after it.

        A function word neither excludes nor ranks beside anything else.
        """
        found = []
        skip_function_words = not all(map(_is_function, clauses))
        for i, node in enumerate(clauses):
            if skip_function_words and _is_function(node):
                found.append(self._filter(np.ones(self._snapshot.size, np.bool_)))
                continue
            around = (clauses[i - 1] if i else None, clauses[i + 1] if i + 1 < len(clauses) else None)
            neighbours = tuple(each for each in around if isinstance(each, Word))
            found.append(self._node(node, neighbours, negated=negated))
        return found

    def _node(self, node: Node, neighbours: tuple[Word, ...] = (), *, negated: bool = False) -> Scored:
        match node:
            case Word():
                return self._word(node, neighbours, negated=negated)
            case Phrase():
                return self._terms(phrase_clause(node), negated=negated)
            case Prefix():
                return self._prefix(node, negated=negated)
            case And(clauses):
                scored = self._neighbourly(clauses, negated=negated)
                matches = self._all([each.matches for each in scored])
                return Scored(matches, np.where(matches, _total(scored), 0.0))
            case Or(clauses):
                scored = [self._node(clause, negated=negated) for clause in clauses]
                return Scored(np.logical_or.reduce([each.matches for each in scored]), _total(scored))
            case Not(clause):
                return self._filter(~self._node(clause, negated=True).matches)
            case Keyword(field, text, prefix):
                return self._filter(self._keyword(field, text, prefix=prefix))
            case Range():
                return self._filter(self._range(node))
            case Address(text):
                return self._filter(self._address(text))
            case Everything():
                return self._filter(np.ones(self._snapshot.size, np.bool_))

    def _filter(self, matches: Flags) -> Scored:
        return Scored(matches, np.zeros(self._snapshot.size))

    def _terms(self, clause: TermClause, *, negated: bool) -> Scored:
        scored = self._ranking.score(clause)
        if not negated:
            self._clauses.append(clause)
            self._ranked = True
        return scored

    def _word(self, word: Word, neighbours: tuple[Word, ...], *, negated: bool) -> Scored:
        clause = word_clause(word, neighbours, self._spelling)
        scored = self._terms(clause, negated=negated)
        count = int(scored.matches.sum())
        if negated or is_function_word(word):
            return scored
        self._words.append((word, count))
        if count or self._match == "all" or self._occurs(word):
            return scored
        self._lookups -= 1
        if self._lookups == -1:
            self._notes.append(Note("ignored", "Near words were looked for only for the first unknown words."))
        nearest = self._spelling.nearest(word.text, limit=3) if self._lookups >= 0 else []
        if not nearest:
            return scored
        text = f"“{word.text}” occurs nowhere; searched for {_either(nearest)} instead."
        self._notes.append(Note("stand_in", text, self._text, "all"))
        return self._terms(stand_in_clause(nearest, clause.fields), negated=False)

    def _occurs(self, word: Word) -> bool:
        """Whether a word that found nothing occurs all the same: in another field, or in small letters."""
        anywhere = word_clause(replace(word, field="", capitals=False), (), self._spelling)
        return bool(self._ranking.score(anywhere).matches.any())

    def _prefix(self, prefix: Prefix, *, negated: bool) -> Scored:
        clause = prefix_clause(prefix, self._spelling, MAX_EXPANSION // self._prefixes)
        if clause.cut and not any(note.kind == "expanded" for note in self._notes):
            text = f"More words begin with “{prefix.text}” than are looked at ({MAX_EXPANSION:,} a query)."
            self._notes.append(Note("expanded", text))
        return self._terms(clause, negated=negated)

    def _keyword(self, field: str, text: str, *, prefix: bool) -> Flags:
        terms = self._snapshot.terms(field, text) if prefix else [text]
        flags = np.zeros(self._snapshot.size, np.bool_)
        for term in terms:
            flags[self._snapshot.postings(field, term).documents] = True
        return flags

    def _range(self, node: Range) -> Flags:
        return published_between(self._snapshot, node)

    def _address(self, text: str) -> Flags:
        """Articles with this address; failing that, with this address but for its parameters."""
        flags = np.zeros(self._snapshot.size, np.bool_)
        for key in (address_key(text), address_key(text.partition("?")[0])):
            documents = self._snapshot.postings("url", key).documents
            if key and len(documents):
                flags[documents] = True
                break
        return flags


def published_between(snapshot: Snapshot, node: Range) -> Flags:
    """Articles published at or after `start` and before `end`; undated ones never."""
    flags: Flags = snapshot.published != UNDATED
    if node.start is not None:
        flags = flags & (snapshot.published >= node.start.timestamp())
    if node.end is not None:
        flags = flags & (snapshot.published < node.end.timestamp())
    return flags


def _is_function(node: Node) -> bool:
    return isinstance(node, Word) and is_function_word(node)


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


def _same(node: Node) -> object:
    """What makes two typed words one."""
    return forms_of(node) if isinstance(node, Word) else node


def _total(scored: list[Scored]) -> Floats:
    total: Floats = np.sum([each.scores for each in scored], axis=0)
    return total


def _either(words: list[str]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" or {quoted[-1]}"
