"""The shape of every JSON answer, declared once.

Type checks hold `web.render` to it, and the API's description is made of it.

Absent text, numbers and dates are null. Addresses that a client is meant to follow (`url`, `image`) are http or https
or null; other addresses of an article are data, given as the archive has them. Times are ISO 8601 in UTC.
"""

from typing import Annotated, Any, Literal, NotRequired, Required, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict  # not that of typing, which pydantic cannot read on Python 3.11

from search.query import Interval
from search.results import NoteKind, Operation, SuggestionKind

Moment: TypeAlias = Annotated[str, Field(examples=["2021-12-13T05:54:00Z"], json_schema_extra={"format": "date-time"})]
Day: TypeAlias = Annotated[str, Field(examples=["2021-12-13"], json_schema_extra={"format": "date"})]
Range: TypeAlias = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]
Ranges: TypeAlias = Annotated[
    list[Range], Field(description="Half-open ranges of code points, in order, not overlapping.")
]
Count: TypeAlias = Annotated[int, Field(ge=0)]


def _complete(schema: dict[str, Any]) -> None:
    """Say that an object always has all its fields, though the shape it is made from leaves that open."""
    schema["required"] = list(schema["properties"])


class Note(TypedDict):
    """How the query was read, or what could be asked instead."""

    kind: Annotated[
        NoteKind,
        Field(
            description="`suggestion`: did you mean · `stand_in`: a word that occurs nowhere was replaced · `partial`: "
            "articles with half of the words follow · `ignored`: part of the query was not used · `expanded`: a prefix "
            "has more words than are looked at."
        ),
    ]
    text: Annotated[str, Field(description="One English sentence.")]
    url: Annotated[str | None, Field(description="The search that it offers instead; null where it offers none.")]
    position: Annotated[
        Range | None,
        Field(
            description="Where in `q` that stands which it is about: a half-open range of code points; null where that "
            "is no one place."
        ),
    ]


class Understood(TypedDict):
    """The query as it was asked and read."""

    q: Annotated[str, Field(description="As it was asked.")]
    match: Annotated[
        Literal["all", "any", "partial"],
        Field(description="What was asked of the words in the end; `partial`: some hits hold only some of them."),
    ]
    understood: Annotated[str, Field(description="As it was read, in the query language itself.")]
    notes: list[Note]


class Total(TypedDict):
    """How many articles match."""

    value: Annotated[Count, Field(description="All matches, on all pages.")]
    relation: Annotated[
        Literal["exact", "approximate"],
        Field(description="`approximate` only where time ran out before the whole query was looked at."),
    ]
    full: Annotated[Count, Field(description="Those of them that hold all words.")]


class Provider(TypedDict):
    """Who published an article."""

    name: str | None
    domain: str | None
    image: NotRequired[Annotated[str | None, Field(description="The address of its picture; hits leave it out.")]]


class Image(TypedDict):
    """A picture of an article; its size in pixels."""

    url: str
    width: int | None
    height: int | None
    title: str | None


class Highlights(TypedDict):
    """What to mark in title and excerpt."""

    title: Ranges
    excerpt: Ranges


class Snippet(TypedDict):
    """The passage of the body that best shows why it matched."""

    text: str
    highlights: Ranges


class Marked(TypedDict):
    """Text as HTML: escaped, with what was found in `<mark>`."""

    title: str
    excerpt: str
    snippet: str | None


class Explanation(TypedDict):
    """One factor of a score, and what it is made of."""

    value: float
    text: Annotated[str, Field(description="What the value is.")]
    operation: Annotated[
        Operation | None,
        Field(description="How `value` comes of the values of `parts`; null for a number that is given."),
    ]
    parts: Annotated[list["Explanation"], Field(description="In the order of the formula.")]


class ArticleFields(TypedDict, total=False):
    """What can be said of an article."""

    archive: Annotated[str, Field(description="The name of the archive that it stands in.")]
    path: Annotated[str, Field(description="Its file, below the archive.")]
    title: Annotated[str, Field(description="Empty where it has none.")]
    excerpt: Annotated[str, Field(description="A short text about it; empty where it has none.")]
    url: Annotated[str | None, Field(description="Where to read it: its original address, else another of its own.")]
    original_url: Annotated[str | None, Field(description="Addresses are given as the archive has them.")]
    web_url: str | None
    amp_url: str | None
    cdn_amp_url: str | None
    own_url: Annotated[str | None, Field(description="The one that the archive calls simply `url`.")]
    provider: Provider
    authors: list[str]
    topics: list[str]
    published: Moment | None
    updated: Moment | None
    type: str | None
    category: str | None
    length: Annotated[str | None, Field(description="How long it takes to read, see or hear: ISO 8601 as a rule.")]
    levels: Annotated[list[str], Field(description="For whom it is, such as `Beginner`.")]
    quality: float | None
    heat: float | None
    image: Annotated[str | None, Field(description="The first of its pictures that has a web address.")]
    images: list[Image]
    text: Annotated[str, Field(description="The body as plain text.")]
    body: Annotated[str, Field(description="The body as written. It is not safe to show as HTML.")]
    body_format: Literal["markdown", "html", "text"]
    extra: Annotated[dict[str, JsonValue], Field(description="What else its front matter says.")]


class Hit(ArticleFields, total=False):
    """One article in its place; which fields it has besides its id is the choice of the parameter `fields`."""

    id: Required[Annotated[str, Field(description="Of the article; it stays as long as its file keeps its place.")]]
    rank: Annotated[int, Field(ge=1, description="Its place over all pages, from 1.")]
    score: Annotated[float, Field(description="0 where nothing was ranked: without words, or in another order.")]
    full: Annotated[bool, Field(description="Whether the article holds all words of the query.")]
    highlights: Highlights
    snippet: Annotated[Snippet | None, Field(description="Null where the body did not match.")]
    marked: Annotated[Marked, Field(description="Only with `highlight=html`.")]
    explanation: Annotated[Explanation, Field(description="Only with `explain=true`.")]


class Related(TypedDict):
    """A link beside an article."""

    url: str | None
    site: Annotated[str, Field(description="The host of the address.")]
    id: Annotated[str | None, Field(description="Of the article here that it leads to; null where that is outside.")]
    title: str | None


@with_config(ConfigDict(json_schema_extra=_complete))
class Article(ArticleFields):
    """One article with all that is known of it."""

    id: Annotated[str, Field(description="It stays as long as the article's file keeps its place.")]
    related: Annotated[list[Related], Field(description="What it names as related.")]
    linked_from: Annotated[list[Related], Field(description="Articles here that name it, newest first.")]


class Value(TypedDict):
    """One value of a facet."""

    value: Annotated[str | None, Field(description="Null stands for articles without a value.")]
    count: Annotated[
        Count,
        Field(description="Articles with it; of an excluded value, how many come back when that is taken back."),
    ]
    selected: Annotated[bool, Field(description="Whether it is chosen.")]
    excluded: Annotated[bool, Field(description="Whether its articles are left out.")]
    toggle_url: Annotated[str, Field(description="The same search with this value chosen, or no longer chosen.")]
    exclude_url: Annotated[
        str | None, Field(description="The same with this value excluded, or no longer; null where it cannot be.")
    ]


class Year(Value):
    """A year, such as `2021`, with its months, such as `2021-03`; null for undated articles."""

    months: list[Value]


class Facets(TypedDict, total=False):
    """The facets that were asked for, counted over all matches."""

    topic: list[Value]
    provider: list[Value]
    type: list[Value]
    category: list[Value]
    date: Annotated[list[Year], Field(description="Newest year first.")]


class Page(TypedDict):
    """Which part of the hits this is; along a cursor there are no numbers and no way back."""

    number: Annotated[int, Field(ge=1)] | None
    size: Annotated[Count, Field(description="How many hits a page has.")]
    total_pages: Annotated[Count | None, Field(description="How many pages can be asked for.")]
    next_url: Annotated[str | None, Field(description="What follows; null at the end.")]
    previous_url: str | None


class SearchAnswer(TypedDict):
    """Ranked hits, exact totals and facets."""

    query: Understood
    total: Total
    partial: Annotated[
        bool,
        Field(description="Whether time ran out before the whole query was looked at; a note says what was left out."),
    ]
    took_ms: Annotated[float, Field(ge=0, description="Time in the engine, in milliseconds.")]
    generation: Annotated[str, Field(description="Of the index; another after each reindex that changed something.")]
    hits: list[Hit]
    facets: Facets
    page: Page


class ArticlesAnswer(TypedDict):
    """The articles that have an address, in order of id."""

    articles: list[Article]


class SimilarAnswer(TypedDict):
    """The articles most like one, best first."""

    hits: list[Hit]


class Suggestion(TypedDict):
    """One completion of what is being typed."""

    kind: Annotated[
        SuggestionKind,
        Field(description="What `text` is: a query (`words`), a topic's name, or the title of the article `id`."),
    ]
    text: str
    count: Annotated[int, Field(ge=1, description="How many articles choosing it finds.")]
    id: Annotated[str | None, Field(description="Of the article, for a title.")]
    url: Annotated[str, Field(description="What it leads to, as JSON: its search, or the article.")]


class SuggestAnswer(TypedDict):
    """Completions: words, then topics, then titles."""

    q: str
    suggestions: list[Suggestion]


class ValuesPage(TypedDict):
    """Which part of the values this is."""

    number: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1, description="How many values a page has.")]
    total_pages: Count
    next_url: Annotated[str | None, Field(description="What follows; null at the end.")]
    previous_url: str | None


class ValuesAnswer(TypedDict):
    """The values of a facet, most frequent first."""

    facet: str
    total: Annotated[Count, Field(description="How many values there are, with the null of articles without one.")]
    values: list[Value]
    page: ValuesPage


class Time(TypedDict):
    """A year, month, week or day that has matches."""

    value: Annotated[str, Field(examples=["2021", "2021-03", "2021-W09", "2021-03-04"])]
    first: Annotated[Day, Field(description="Its first day.")]
    last: Annotated[Day, Field(description="Its last day.")]
    count: Annotated[int, Field(ge=1)]


class TimelineAnswer(TypedDict):
    """Matches over time, oldest first; times without any are left out."""

    interval: Interval
    undated: Annotated[Count, Field(description="Matches without a date, which are in no time.")]
    times: list[Time]


class StatusAnswer(TypedDict):
    """What is served."""

    engine: Annotated[str, Field(description="Its name.")]
    generation: Annotated[str, Field(description="Of the index; another after each reindex that changed something.")]
    created: Annotated[Moment, Field(description="When this generation was indexed.")]
    articles: Annotated[Count, Field(description="How many can be found.")]
    rejected: Annotated[Count, Field(description="Files of the archives that could not be read.")]
    newest: Annotated[Moment | None, Field(description="When the newest article was published.")]
    unpublished: Annotated[Literal["hide", "show"], Field(description="What `published: false` does to an article.")]
    archives: Annotated[list[str], Field(description="Their names.")]
    versions: Annotated[dict[str, str], Field(description="Of the software, by name; `api` is that of this API.")]


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it."""

    type: Annotated[str, Field(description="The address of what the documentation says of this kind of problem.")]
    title: Annotated[str, Field(description="The name of this kind of problem.")]
    status: Annotated[int, Field(ge=400, le=599, description="As the answer's own.")]
    detail: Annotated[str, Field(description="What is wrong here, in one plain sentence.")]
    parameter: NotRequired[Annotated[str, Field(description="The parameter at fault.")]]
    position: NotRequired[
        Annotated[Range, Field(description="Where in the parameter's value: a half-open range of code points.")]
    ]
