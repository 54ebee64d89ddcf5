"""What an engine answers. HTML, JSON and the terminal are all rendered from these values.

Text travels plain, with ranges beside it: half-open, in code points, sorted, not overlapping. Escaping and marking
up is the renderer's work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from index.article import Article
from search.query import Position, Query

Ranges = tuple[tuple[int, int], ...]

NoteKind = Literal["suggestion", "stand_in", "partial", "ignored", "expanded"]
"""suggestion: did you mean `query`? · stand_in: a word that occurs nowhere was replaced, by words that begin so or near
ones; `query` with match=all is the exact search · partial: few articles hold all words; `query` with match=all shows
only those · ignored: part of what was typed was not used · expanded: a prefix has more words than are looked at."""


@dataclass(frozen=True, slots=True)
class Note:
    """How the query was read, or what could be asked instead.

    The sentence can be translated: it stands whole, as a literal, where the note is made.

    Attributes:
        kind: see `NoteKind`.
        message: one plain English sentence for a reader, with names in braces (as for `str.format`).
        values: what stands in the place of each name.
        query: the query that the note's link asks, None for a note without link.
        match: the `match` of that link, None to keep the present one.
        span: where what it is about stands in what was typed (half-open, code points), None where that is no one place.
    """

    kind: NoteKind
    message: str
    values: Mapping[str, str | int]
    query: str | None = None
    match: Literal["all", "any"] | None = None
    span: tuple[int, int] | None = None

    @property
    def text(self) -> str:
        """The sentence in English, values in their places and thousands separated by commas."""
        values = {name: f"{value:,}" if isinstance(value, int) else value for name, value in self.values.items()}
        return self.message.format_map(values)


@dataclass(frozen=True, slots=True)
class Snippet:
    """The passage of the body that best shows why it matched."""

    text: str
    highlights: Ranges


class TimeBucket(NamedTuple):
    """How many matching articles are of one year, month, week or day.

    Attributes:
        value: "2021", "2021-03", "2021-W09" (ISO 8601 weeks, which begin on Monday) or "2021-03-04".
        first, last: its first and last day, UTC.
    """

    value: str
    first: date
    last: date
    count: int  # type: ignore[assignment]  # of tuples, which nobody counts in


@dataclass(frozen=True, slots=True)
class Timeline:
    """Matches over time: the times that have any, oldest first, and how many matches have no date."""

    buckets: tuple[TimeBucket, ...]
    undated: int


Operation = Literal["sum", "product", "quotient", "max", "power", "logarithm"]
"""sum, product, max: of all parts · quotient: the first part divided by the second · power: the first part to the power
of the second · logarithm: the natural one, of the only part."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One factor of a score, and what it is made of: a tree that adds up.

    Attributes:
        value: of this factor.
        text: one plain English sentence or name, which says what the value is.
        operation: how `value` comes of the values of `parts`; None for a number that is given.
        parts: in the order of the formula.
    """

    value: float
    text: str
    operation: Operation | None = None
    parts: tuple["Explanation", ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One article in its place.

    Attributes:
        rank: 1-based over all pages.
        score: 0.0 where nothing was ranked (no words, or sorted by date).
        full: whether the article holds all words of the query.
        article: with topics in their most frequent spelling.
        highlights: ranges by field: "title", "excerpt".
        snippet: None where the body did not match.
        explanation: of the score; None where it was not asked for.
    """

    rank: int
    score: float
    full: bool
    article: Article
    highlights: dict[str, Ranges]
    snippet: Snippet | None
    explanation: Explanation | None = None


class Bucket(NamedTuple):
    """One value of a facet and how many matching articles have it; `value` is None for those without any.

    The count of an `excluded` value says how many articles come back when this exclusion alone is taken back.
    """

    value: str | None
    count: int  # type: ignore[assignment]  # of tuples, which nobody counts in
    selected: bool = False
    excluded: bool = False


class YearBucket(NamedTuple):
    """One year ("2021") with its months ("2021-03"); value None and no months for undated articles."""

    value: str | None
    count: int  # type: ignore[assignment]  # of tuples, which nobody counts in
    selected: bool = False
    months: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to one `Query`.

    Attributes:
        total: how many articles match; exact.
        full: how many of them hold all words.
        match: "all" where every word had to match, "any", or "partial" where articles with half of the words follow.
        understood: the query as it was read, in the query language itself.
        facets: by facet name, of those that were asked for: the most frequent values and every chosen one, most
            frequent first; then every excluded one, most frequent first, equal counts by name; missing last.
        dates: newest year first, undated last; empty where they were not asked for.
        took_ms: wall time inside the engine.
        partial: whether time ran out before the whole query was looked at: a note says so, and `total` and all counts
            are those of the part that was.
        next: where the last hit stands, for `Query.after`; None where no hits follow, and where the answer is partial:
            what would follow then is not what follows in the whole answer.
    """

    hits: tuple[Hit, ...]
    total: int
    full: int
    match: Literal["all", "any", "partial"]
    understood: str
    notes: tuple[Note, ...]
    facets: dict[str, tuple[Bucket, ...]]
    dates: tuple[YearBucket, ...]
    generation: str
    took_ms: float
    partial: bool = False
    next: Position | None = None


@dataclass(frozen=True, slots=True)
class Scan(Iterator[Hit]):
    """Every hit of a query in order, once: each article is read when it is asked for.

    Attributes:
        total, full, partial: as in `Results`.
        notes: as there, but for better spellings, which are not looked for.
        generation: that all hits are of.
    """

    hits: Iterator[Hit]
    total: int
    full: int
    notes: tuple[Note, ...]
    partial: bool
    generation: str

    def __next__(self) -> Hit:
        return next(self.hits)


SuggestionKind = Literal["words", "topic", "title"]
"""words: `text` is a query · topic: `text` is a topic's name · title: `text` is an article's title, `id` its id."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion of what is being typed.

    Attributes:
        kind: see `SuggestionKind`.
        text: what it says.
        count: how many articles choosing it finds, partial matches included; exact; 1 for a title.
        id: of the article with this title, else "".
    """

    kind: SuggestionKind
    text: str
    count: int
    id: str = ""


StepKind = Literal["spelling", "words", "fewer_words", "any_word", "without_filter", "without_filters", "topic"]
"""spelling: other words were probably meant · words: the same words without quotes and names of fields ·
fewer_words: one clause left out · any_word: any of the words will do · without_filter, without_filters: one of several,
or all filters dropped · topic: all articles of a topic nearby."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to ask instead, and how many articles that finds.

    Attributes:
        kind: see `StepKind`.
        subject: what it is about: the corrected query, the words left out, the filter's value ("" for dates, and for
            the choice of articles without a value), the topic; "" for words, any_word and without_filters.
        facet: of a filter or topic ("date" for dates), else "".
        query: what to ask, page 1.
        count: its exact total, more than 0.
    """

    kind: StepKind
    subject: str
    facet: str
    query: Query
    count: int


@dataclass(frozen=True, slots=True)
class RelatedLink:
    """A link beside an article: to another here (`id` set) or to an address outside under its site's name."""

    url: str
    site: str
    id: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One article by id, with the links it shows.

    Attributes:
        related: to the articles that it names as related.
        linked_from: to articles here that name it, newest first, without those in `related`.
    """

    article: Article
    related: tuple[RelatedLink, ...]
    linked_from: tuple[RelatedLink, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What is being served. `notes` say what an operator should know (an older generation serves, other settings)."""

    engine: str
    generation: str
    created: str
    articles: int
    hidden: int
    rejected: int
    newest: str | None
    unpublished: str
    archives: tuple[str, ...]
    notes: tuple[str, ...] = ()
