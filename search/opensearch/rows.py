"""Queries on a cluster: of a tree, the rules of `search.evaluate` make another one, of `search.opensearch.tree`.

Nothing is asked until a rule wants to know how many articles a row has. To spare round trips, what the rules are going
to ask is found out beforehand, by letting them run over rows that are never counted (`ClusterRows.prepare`).
"""

from collections.abc import Callable, Iterable, Sequence

from index.document import key_hash
from index.opensearch.mapping import address_term
from index.urls import address_key
from search.evaluate import holding_all
from search.limits import Deadline, Limits, OutOfTimeError
from search.opensearch.known import Known, KnownWords
from search.opensearch.tree import (
    EVERYTHING,
    NOTHING,
    AddressRow,
    AllRow,
    AnyRow,
    KeywordRow,
    RangeRow,
    Row,
    TermsRow,
    WithoutRow,
)
from search.query import Keyword, Node, Phrase, Prefix, Range, Word
from search.terms import Planner, TermClause


class _LazyRows:
    """What of `search.evaluate.Rows` needs no answer of the cluster.

    Args:
        known: the view that is asked.
        planner: makes clauses.
        limits: how much a query may ask.
        deadline: when time is out.
    """

    def __init__(self, known: Known, planner: Planner, limits: Limits, deadline: Deadline) -> None:
        self.limits = limits
        self.planner = planner
        self.spelling = KnownWords(known, deadline)
        self.everything: Row = EVERYTHING
        self._known = known
        self._deadline = deadline

    def terms(self, clause: TermClause, check: Callable[[], None]) -> Row:
        check()
        return TermsRow(clause)

    def tell(self, row: Row, typed: Word | Phrase | Prefix, clause: TermClause, stands_in: bool) -> Row:
        assert row == TermsRow(clause)
        return TermsRow(clause, typed, stands_in)

    def keyword(self, node: Keyword) -> Row:
        return KeywordRow(node)

    def published(self, node: Range) -> Row:
        return RangeRow(node)

    def at(self, address: str) -> Row:
        key = address_key(address)
        return AddressRow(address_term(key_hash(key))) if key else NOTHING

    def nothing(self) -> Row:
        return NOTHING

    def without(self, row: Row) -> Row:
        return WithoutRow(row)

    def all(self, rows: Sequence[Row]) -> Row:
        return AllRow(tuple(rows))

    def any(self, rows: Sequence[Row], enough: int = 1) -> Row:
        return AnyRow(tuple(rows), enough)

    def any_and_every(self, rows: Sequence[Row]) -> tuple[Row, Row]:
        return self.any(rows), self.all(rows)


class _Rehearsal(_LazyRows):
    """Rows that are never counted: which clauses the rules ask for is written down."""

    def __init__(self, known: Known, planner: Planner, limits: Limits, deadline: Deadline) -> None:
        super().__init__(known, planner, limits, deadline)
        self.clauses: dict[TermClause, None] = {}

    def terms(self, clause: TermClause, check: Callable[[], None]) -> Row:
        self.clauses[clause] = None
        return super().terms(clause, check)

    def count(self, row: Row) -> int:  # noqa: ARG002 - every row has one, so that nothing stands in for a word
        return 1

    def has_more_terms(self, beginning: str, limit: int) -> bool:  # noqa: ARG002 - that is asked later
        return False


class _Asked:
    """A vocabulary that has every word, and writes down of which it was asked."""

    def __init__(self) -> None:
        self.terms: dict[str, None] = {}

    def occurs(self, term: str) -> bool:
        self.terms[term] = None
        return True


class ClusterRows(_LazyRows):
    """Implements `search.evaluate.Rows`."""

    def __init__(self, known: Known, limits: Limits, deadline: Deadline) -> None:
        super().__init__(known, known.planner, limits, deadline)
        self.out_of_time = False
        """Whether a row could not be counted any more; what depends on that is not to be believed."""

    def prepare(self, trees: Iterable[Node]) -> None:
        """Ask at once for what evaluating some trees will want to know, as far as there is time."""
        trees = list(trees)
        asked = _Asked()
        first = _Rehearsal(self._known, Planner(asked), self.limits, self._deadline)
        second = _Rehearsal(self._known, self.planner, self.limits, self._deadline)
        try:
            for tree in trees:
                holding_all(tree, first, self._deadline)
            self._known.learn_words(asked.terms, self._deadline)
            every = [holding_all(tree, second, self._deadline) for tree in trees]
            self._known.learn_clauses(second.clauses, self._deadline)
            self._known.count([*map(TermsRow, second.clauses), *every], self._deadline)
        except OutOfTimeError:
            return  # the rules see it themselves, clause by clause

    def terms(self, clause: TermClause, check: Callable[[], None]) -> Row:
        row = super().terms(clause, check)
        self._known.learn_clauses([clause], self._deadline)
        self._known.count([row], self._deadline)  # which its scores depend on
        return row

    def at(self, address: str) -> Row:
        row = super().at(address)
        return row if self.count(row) else super().at(address.partition("?")[0])

    def count(self, row: Row) -> int:
        try:
            return self._known.count([row], self._deadline)[0]
        except OutOfTimeError:
            self.out_of_time = True
            return 1

    def has_more_terms(self, beginning: str, limit: int) -> bool:
        return self._known.has_more_terms(beginning, limit, self._deadline)
