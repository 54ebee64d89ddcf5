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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from index.reader import Documents, Flags, Floats, Snapshot
from search.query import Address, And, Everything, Keyword, Match, Node, Not, Or, Phrase, Prefix, Range, Word
from search.ranking import Ranking, Scored
from search.results import Note
from search.scratch import Scratch
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
        documents: those that match, ascending.
        scores: of each, priors included; None where the query has nothing to rank by.
        full: which of them hold every word; None where all do.
        match: what was asked of the words in the end.
        clauses: the clauses of words that were looked for, for highlighting.
        notes: stand-ins, partial matches, cut prefixes.
        words: each content word and how many articles hold it.
    """

    documents: Documents
    scores: Floats | None
    full: Flags | None
    match: Literal["all", "any", "partial"]
    clauses: tuple[TermClause, ...]
    notes: tuple[Note, ...]
    words: tuple[tuple[Word, int], ...]

    @property
    def holding_all(self) -> int:
        """How many articles hold every word."""
        return len(self.documents) if self.full is None else int(self.full.sum())


@dataclass(frozen=True, slots=True)
class Searchable:
    """One generation, opened for questions."""

    snapshot: Snapshot
    ranking: Ranking
    spelling: Spelling
    scratch: Scratch


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
        self._scratch = searchable.scratch
        self._clauses: list[TermClause] = []
        self._notes: list[Note] = []
        self._words: list[tuple[Word, int]] = []
        self._prefixes = 1
        self._lookups = MAX_LOOKUPS

    def run(self, tree: Node) -> Evaluated:
        self._prefixes = max(1, _count_prefixes(tree))
        clauses = tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)
        words, rest = self._divide(clauses)
        scored = self._neighbourly(clauses)
        must = [scored[i] for i in rest]
        loose = [scored[i] for i in words]
        every = self._all([*must, *loose])
        found, match = self._relax(must, every, [clauses[i] for i in words], loose)
        full = None
        if found is not every:
            full = np.zeros(len(found.documents), np.bool_)
            full[found.documents.searchsorted(every.documents)] = True
        ranked = bool(self._clauses)
        return Evaluated(
            documents=found.documents,
            scores=(_scores(found) if ranked else None),
            full=full,
            match=match,
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
        self, must: list[Scored], every: Scored, nodes: list[Node], loose: list[Scored]
    ) -> tuple[Scored, Literal["all", "any", "partial"]]:
        """Apply `match` to the words; `every` are the articles that hold them all."""
        if self._match == "any":
            return (self._all([*must, self._any(loose)]) if loose else every), "any"
        holding_all = len(every.documents)
        if self._match == "all" or len(loose) < 2 or holding_all >= FEW:
            return every, "all"
        distinct: dict[object, list[Scored]] = {}
        for node, scored in zip(nodes, loose, strict=True):
            distinct.setdefault(_same(node), []).append(scored)
        if len(distinct) < 2:
            return every, "all"
        enough = -(-len(distinct) // 2) if len(distinct) <= MANY else 2
        partial = self._all([*must, self._any(loose, [self._any(each) for each in distinct.values()], enough)])
        if len(partial.documents) == holding_all:
            return every, "all"
        holding = "Few articles hold" if holding_all else "No article holds"
        words = "both words" if len(distinct) == 2 else f"all {len(distinct)} words"
        least = {1: "one", 2: "two", 3: "three"}[enough]
        self._notes.append(
            Note("partial", f"{holding} {words}; those with at least {least} follow.", self._text, "all")
        )
        return partial, "partial"

    def _all(self, scored: Sequence[Scored]) -> Scored:
        """What all of them match, scores added; of nothing, everything."""
        if not scored:
            return self._everything()
        found, *others = sorted(scored, key=lambda each: len(each.documents))
        for each in others:
            found = self._both(found, each)
        return found

    def _both(self, few: Scored, many: Scored) -> Scored:
        """What both match, scores added; `few` is not the longer one."""
        if many.scores is None and len(many.documents) == self._snapshot.count:
            return few
        if len(many.documents) > 16 * len(few.documents):
            place = many.documents.searchsorted(few.documents)
            here = many.documents.take(place, mode="clip") == few.documents
            more = None if many.scores is None else many.scores.take(place[here])
        else:  # of like length: write the one into a table over all documents, look the other up there
            table = self._scratch.absent
            table[many.documents] = 0.0 if many.scores is None else many.scores
            found = table.take(few.documents)
            table[many.documents] = -1.0
            here = found >= 0.0
            more = None if many.scores is None else found[here]
        scores = None if few.scores is None else few.scores[here]
        return Scored(few.documents[here], more if scores is None else scores if more is None else scores + more)

    def _any(self, scored: Sequence[Scored], held: Sequence[Scored] = (), enough: int = 1) -> Scored:
        """What any of them matches, scores added.

        Args:
            scored: what to add up.
            held: the same by distinct words.
            enough: how many of `held` an article must be in.
        """
        if len(scored) == 1:
            return scored[0]
        documents = self._union(held if enough > 1 else scored, enough)
        ranked = [each for each in scored if each.scores is not None]
        if not ranked:
            return Scored(documents)
        table = self._scratch.zeros
        for each in ranked:
            table[each.documents] += each.scores
        scores = table.take(documents)
        for each in ranked:
            table[each.documents] = 0.0
        return Scored(documents, scores)

    def _union(self, scored: Sequence[Scored], enough: int) -> Documents:
        """Every document of at least `enough` of them."""
        rows = [each.documents for each in scored]
        if 16 * sum(map(len, rows)) < self._snapshot.size:
            together = np.concatenate(rows)
            together.sort()
            last = np.ones(len(together), np.bool_)
            np.not_equal(together[1:], together[:-1], out=last[:-1])
            places = np.flatnonzero(last)
            return together[places if enough == 1 else places[np.diff(places, prepend=-1) >= enough]]
        times = np.zeros(self._snapshot.size, np.uint8)  # a query has fewer words than its limit of characters
        for row in rows:
            times[row] += 1
        return np.flatnonzero(times >= enough).astype(np.int32)

    def _everything(self) -> Scored:
        return Scored(self._snapshot.all)

    def _neighbourly(self, clauses: tuple[Node, ...], *, negated: bool = False) -> list[Scored]:
        """Evaluate clauses that stand side by side; a word knows the words before and after it.

        A function word neither excludes nor ranks beside anything else.
        """
        found = []
        skip_function_words = not all(map(_is_function, clauses))
        for i, node in enumerate(clauses):
            if skip_function_words and _is_function(node):
                found.append(self._everything())
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
                return self._all(self._neighbourly(clauses, negated=negated))
            case Or(clauses):
                return self._any([self._node(clause, negated=negated) for clause in clauses])
            case Not(clause):
                return self._without(self._node(clause, negated=True).documents)
            case Keyword(field, text, prefix):
                return Scored(self._keyword(field, text, prefix=prefix))
            case Range():
                return Scored(published_between(self._snapshot, node))
            case Address(text):
                return Scored(self._address(text))
            case Everything():
                return self._everything()

    def _without(self, documents: Documents) -> Scored:
        left = np.ones(self._snapshot.size, np.bool_)
        left[documents] = False
        everything = self._snapshot.all
        return Scored(everything[left[everything]])

    def _terms(self, clause: TermClause, *, negated: bool) -> Scored:
        scored = self._ranking.score(clause)
        if not negated:
            self._clauses.append(clause)
        return scored

    def _word(self, word: Word, neighbours: tuple[Word, ...], *, negated: bool) -> Scored:
        clause = word_clause(word, neighbours, self._spelling)
        scored = self._terms(clause, negated=negated)
        count = len(scored.documents)
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
        return len(self._ranking.score(anywhere).documents) > 0

    def _prefix(self, prefix: Prefix, *, negated: bool) -> Scored:
        limit = MAX_EXPANSION // self._prefixes
        clause = prefix_clause(prefix, limit)
        if not any(note.kind == "expanded" for note in self._notes) and self._snapshot.count_terms(clause.beginning) > limit:
            text = f"More words begin with “{prefix.text}” than are looked at ({MAX_EXPANSION:,} a query)."
            self._notes.append(Note("expanded", text))
        return self._terms(clause, negated=negated)

    def _keyword(self, field: str, text: str, *, prefix: bool) -> Documents:
        column = self._snapshot.columns[field]
        values = [i for value, i in column.folded.items() if value == text or (prefix and value.startswith(text))]
        documents = self._snapshot.all
        return documents[column.having(values)[column.codes[documents]]]

    def _address(self, text: str) -> Documents:
        """Articles with this address; failing that, with this address but for its parameters."""
        for address in (text, text.partition("?")[0]):
            documents = self._snapshot.by_address(address)
            if documents:
                return np.array(documents, dtype=np.int32)
        return np.zeros(0, np.int32)


def published_between(snapshot: Snapshot, node: Range) -> Documents:
    """Articles published at or after `start` and before `end`; undated ones never."""
    documents = snapshot.all
    return documents[dated_between(snapshot, documents, node)]


def dated_between(snapshot: Snapshot, documents: Documents, node: Range) -> Flags:
    """Which of some documents were published at or after `start` and before `end`; undated ones never."""
    start = node.start and node.start.timestamp()
    end = node.end and node.end.timestamp()
    flags = np.zeros(len(documents), np.bool_)
    for first, last in snapshot.between(start, end):
        flags |= (documents >= first) & (documents < last)
    return flags


def _scores(found: Scored) -> Floats:
    """Scores of an answer that is ranked as a whole, although what was found in the end may not be."""
    return np.zeros(len(found.documents), np.float32) if found.scores is None else found.scores


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


def _either(words: list[str]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" or {quoted[-1]}"
