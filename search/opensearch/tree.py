"""Sets of articles on a cluster, as a tree that says how they are to be had; `search.opensearch.dsl` asks for them."""

from dataclasses import dataclass

from search.query import Keyword, Phrase, Prefix, Range, Word
from search.terms import TermClause


@dataclass(frozen=True, slots=True)
class EverythingRow:
    """All articles."""


@dataclass(frozen=True, slots=True)
class NothingRow:
    """No article."""


@dataclass(frozen=True, slots=True)
class TermsRow:
    """Articles that hold a clause of words; `typed` is what was typed for it, None where it adds to no score."""

    clause: TermClause
    typed: Word | Phrase | Prefix | None = None
    stands_in: bool = False


@dataclass(frozen=True, slots=True)
class KeywordRow:
    """Articles with a value of a keyword field."""

    node: Keyword


@dataclass(frozen=True, slots=True)
class RangeRow:
    """Articles of a time."""

    node: Range


@dataclass(frozen=True, slots=True)
class AddressRow:
    """Articles with an address, as `index.opensearch.mapping.address_term` writes its hash."""

    term: str


@dataclass(frozen=True, slots=True)
class IdRow:
    """The article with this id."""

    id: str


@dataclass(frozen=True, slots=True)
class QuietRow:
    """The articles of a row, nothing added to their scores."""

    row: "Row"


@dataclass(frozen=True, slots=True)
class AllRow:
    """What all parts have, scores added."""

    parts: tuple["Row", ...]


@dataclass(frozen=True, slots=True)
class AnyRow:
    """What at least `enough` of the parts have, scores added."""

    parts: tuple["Row", ...]
    enough: int = 1


@dataclass(frozen=True, slots=True)
class WithoutRow:
    """All other articles."""

    row: "Row"


Row = (
    QuietRow
    | EverythingRow
    | NothingRow
    | TermsRow
    | KeywordRow
    | RangeRow
    | AddressRow
    | IdRow
    | AllRow
    | AnyRow
    | WithoutRow
)

EVERYTHING, NOTHING = EverythingRow(), NothingRow()
