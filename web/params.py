"""URL parameters -> `search.query.Query`: read once here, so that nothing further in sees a request.

Each route's parameters are declared once, as a model: what is checked and what the API's description says of them both
come from it. There are two ways of reading: `parse` is strict and says which parameter is wrong (the API, the command
line); `read_query` takes what it can and ignores the rest (the page: whatever stands in the address gets an answer).
Addresses are built the other way round, from a `Query`, by `web.links`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from index.settings import Settings
from search.dates import period
from search.query import COUNTED, FACETS, SHOWN, Filters, Interval, Match, Query, Sort

Pairs = Iterable[tuple[str, str]]

EXCLUDE = {name: f"exclude_{name}" for name in FACETS}
"""By facet, the parameter that leaves out articles with a value of it."""
MAX_SIZE = 100
MAX_FACET_SIZE = 1_000
MAX_PAGE = 1_000_000
"""No list has more pages; how many can be asked for depends on the list and on the site."""
START = "*"
"""The cursor that begins a harvest."""

HIT_FIELDS = (
    "rank", "score", "full", "title", "excerpt", "url", "provider", "topics", "published", "type", "category",
    "quality", "heat", "image", "highlights", "snippet",
)  # fmt: skip
"""What a hit says unasked, besides its id."""
ARTICLE_FIELDS = (
    "archive", "path", "title", "excerpt", "url", "original_url", "web_url", "amp_url", "cdn_amp_url", "own_url",
    "provider", "authors", "topics", "published", "updated", "type", "category", "length", "levels", "quality", "heat",
    "image", "images", "text", "body", "body_format", "extra",
)  # fmt: skip
"""What can be said of an article, besides its id."""
FIELDS = tuple(dict.fromkeys((*HIT_FIELDS, *ARTICLE_FIELDS)))
EXPORT_FIELDS = (
    "title", "excerpt", "url", "provider", "authors", "topics", "published", "updated", "type", "category", "quality",
    "heat", "image",
)  # fmt: skip
"""What an export says of each article unasked, besides its id."""

_DEFAULTS = Settings()
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_P = TypeVar("_P", bound="Parameters")


class ParameterError(ValueError):
    """A parameter that cannot be read.

    Attributes:
        parameter: its name.
        detail: one plain sentence for whoever sent it.
        position: where in its value the fault stands (half-open, code points), where that is one place.
        problem: its name in `web.problems`.
    """

    def __init__(
        self,
        parameter: str,
        detail: str,
        position: tuple[int, int] | None = None,
        problem: str = "bad-parameter",
    ) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail
        self.position = position
        self.problem = problem


class _FaultError(ValueError):
    """A fault at one place of a value."""

    def __init__(self, detail: str, position: tuple[int, int]) -> None:
        super().__init__(detail)
        self.position = position


# How single values are read; each says what it is to the description of the API, too


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError(_EMPTY)
    return value.strip()


def _digits(value: str) -> int:
    # Longer than any bound: int() would refuse thousands of digits with a text of its own.
    if not re.fullmatch("[0-9]{1,9}", value):
        raise ValueError("no number")
    return int(value)


def _truth(value: str) -> bool:
    if value not in _TRUTHS:
        raise ValueError("This is neither true nor false.")
    return _TRUTHS[value]


def start_of(value: str) -> datetime:
    """The first moment of a day, month or year."""
    return _period(value)[0]


def end_of(value: str) -> datetime:
    """The first moment after the day, month or year; the end of time itself for the year 9999."""
    return _period(value)[1]


def _period(value: str) -> tuple[datetime, datetime]:
    found = period(value)
    if not found or value != value.strip():
        raise ValueError("This is not a date such as 2021-12-13, 2021-12 or 2021.")
    return found


def _items(value: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The items of a list with commas, each with its place."""
    start = 0
    for item in value.split(","):
        yield item, (start, start + len(item))
        start += len(item) + 1


def _facets(value: str) -> Mapping[str, int]:
    """`topic:50,date`: how many values of each facet."""
    if value == "none":
        return {}
    found = {}
    for item, place in _items(value):
        name, colon, number = item.partition(":")
        if name not in COUNTED:
            raise _FaultError(f"“{name}” is not one of {', '.join(COUNTED)}; `none` asks for no facets.", place)
        if colon and not re.fullmatch(_FACET_SIZE, number):
            where = (place[0] + len(name) + len(colon), place[1])
            raise _FaultError(f"“{number}” is not a whole number from 0 to {MAX_FACET_SIZE}.", where)
        found[name] = int(number) if colon else SHOWN
    return found


def _fields(value: str) -> tuple[str, ...]:
    found = []
    for item, place in _items(value):
        if item not in (*FIELDS, "id"):
            raise _FaultError(f"“{item}” is not one of id, {', '.join(FIELDS)}.", place)
        found.append(item)
    return tuple(dict.fromkeys(found))


def _list_pattern(item: str) -> str:
    return f"^{item}(,{item})*$"


def _names(fields: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in fields)


_ORDER = (
    "The order of the hits. Articles that hold all words stand before others in any order; by date, undated articles "
    "come last."
)
_EMPTY = "This parameter is empty; leave it out instead."
_NEEDED = "This parameter is empty, and nothing can be answered without it."
# A character that str.strip leaves; what JSON Schema calls white space is not quite the same.
_NOT_BLANK = r"[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_TRUTHS = {"true": True, "false": False}
_YEAR = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_DATE_SCHEMA = {
    "type": "string",
    "anyOf": [{"format": "date"}, {"pattern": f"^{_YEAR}-(0[1-9]|1[0-2])$"}, {"pattern": f"^{_YEAR}$"}],
}
_FACET_SIZE = f"{MAX_FACET_SIZE}|[0-9]{{1,3}}"
_FACET_ITEM = f"({'|'.join(COUNTED)})(:({_FACET_SIZE}))?"
_FACETS_SCHEMA = {"type": "string", "anyOf": [{"const": "none"}, {"pattern": _list_pattern(_FACET_ITEM)}]}
_FIELDS_SCHEMA = {"type": "string", "pattern": _list_pattern(f"({'|'.join(('id', *FIELDS))})")}

Value = Annotated[str, AfterValidator(_text), Field(min_length=1, json_schema_extra={"pattern": _NOT_BLANK})]
Start = Annotated[datetime | None, PlainValidator(start_of), WithJsonSchema(_DATE_SCHEMA)]
End = Annotated[datetime | None, PlainValidator(end_of), WithJsonSchema(_DATE_SCHEMA)]
_DIGITS = BeforeValidator(_digits)
Truth = Annotated[bool, BeforeValidator(_truth)]
FacetSizes = Annotated[Mapping[str, int] | None, PlainValidator(_facets), WithJsonSchema(_FACETS_SCHEMA)]
FieldNames = Annotated[tuple[str, ...] | None, PlainValidator(_fields), WithJsonSchema(_FIELDS_SCHEMA)]
Missing = Literal["topic", "provider", "type", "category", "date"]
assert get_args(Missing) == (*FACETS, "date")


class Parameters(BaseModel):
    """The parameters of a route; fields are read by name or, where the name is Python's, by alias."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Parameters):
    """A route that has none."""


class FilterParameters(Parameters):
    """What to look for."""

    q: str = Field(
        "",
        description="What to look for, in the query language that the site's help explains. Any text is a query; none "
        "at all, or an empty one, finds everything.",
        examples=["night ferry"],
    )
    match: Match = Field(
        "auto",
        description="How many of the words an article must hold: `all`, or `any` of them. With `auto` it is all, and "
        "where few articles hold all of them, those with half of them follow.",
    )
    topic: tuple[Value, ...] = Field((), description="Only articles with this topic; repeated, with any of these.")
    provider: tuple[Value, ...] = Field((), description="Only articles of this provider; repeated, of any of these.")
    type: tuple[Value, ...] = Field((), description="Only articles of this type; repeated, of any of these.")
    category: tuple[Value, ...] = Field((), description="Only articles in this category; repeated, in any of these.")
    exclude_topic: tuple[Value, ...] = Field((), description="No articles with this topic; repeatable.")
    exclude_provider: tuple[Value, ...] = Field((), description="No articles of this provider; repeatable.")
    exclude_type: tuple[Value, ...] = Field((), description="No articles of this type; repeatable.")
    exclude_category: tuple[Value, ...] = Field((), description="No articles in this category; repeatable.")
    missing: tuple[Missing, ...] = Field(
        (),
        description="Only articles that have no value of this. Beside values of the same facet: these, or none at all. "
        "Repeatable.",
    )
    from_: Start = Field(
        None, alias="from", description="Published on this day, month or year (UTC), or later.", examples=["2021-02"]
    )
    to: End = Field(
        None,
        description="Published on this day, month or year (UTC), or earlier. All of it counts: 2023 ends with its "
        "last day.",
        examples=["2023"],
    )

    def query(self, settings: Settings, **more: Any) -> Query:
        """The query that is asked for.

        Args:
            settings: what the site allows.
            more: further attributes of the query.

        Raises:
            ParameterError: more values, or a deeper page, than the settings allow; dates the wrong way round; what
                does not go together.
        """
        given = 0
        for name in (*FACETS, *EXCLUDE.values()):
            given += len(getattr(self, name))
            if given > settings.max_values:
                raise ParameterError(
                    name, f"No more than {settings.max_values} values can be chosen and left out at once."
                )
        if self.from_ and self.to and self.from_ >= self.to:
            raise ParameterError("from", "This date is later than the one in 'to'.")
        return Query(text=self.q, match=self.match, filters=self._filters(), **more)

    def _filters(self) -> Filters:
        return Filters(
            chosen={name: _distinct(values) for name in FACETS if (values := getattr(self, name))},
            missing=frozenset(self.missing),
            start=self.from_,
            end=self.to,
            excluded={name: _distinct(values) for name in FACETS if (values := getattr(self, EXCLUDE[name]))},
        )


class PageParameters(FilterParameters):
    """What to look for, in which order, and which part of it."""

    sort: Sort = Field("relevance", description=_ORDER)
    page: Annotated[int, Field(ge=1, le=MAX_PAGE), _DIGITS] = Field(
        1, description="Which page, from 1. Pages reach {max_depth} hits deep; a `cursor` reaches all."
    )
    size: Annotated[int, Field(ge=0, le=MAX_SIZE), _DIGITS] = Field(
        10, description="How many hits a page has; 0 for totals and facets alone."
    )

    def query(self, settings: Settings, **more: Any) -> Query:
        deepest = deepest_page(settings.max_depth, self.size)
        if self.page > deepest:
            detail = (
                f"This is not a whole number from 1 to {deepest}: pages of {self.size} reach {settings.max_depth:,} "
                "hits deep, and a `cursor` reaches all."
            )
            raise ParameterError("page", detail)
        return super().query(settings, sort=self.sort, page=self.page, size=self.size, **more)


class SearchParameters(PageParameters):
    """What to look for, and what to say of it."""

    cursor: Value = Field(
        "",
        description="In place of `page`, to walk through all hits: `*` begins, and `page.next_url` of each answer "
        "holds the next one. A cursor goes with its own query and order only.",
        examples=[START],
    )
    facets: FacetSizes = Field(
        None,
        description=f"Which facets to count ({', '.join(COUNTED)}), and how many values of each: `topic:50,date`. Up "
        f"to {MAX_FACET_SIZE:,}, and {SHOWN} where no number is given; `date` always gives all years and months. "
        "`none` for no facets. Unasked, all are counted.",
        examples=["topic:50,date", "none"],
    )
    fields: FieldNames = Field(
        None,
        description=f"What to say of each hit besides its `id`, divided by commas. Unasked: {_names(HIT_FIELDS)}. "
        f"Besides: {_names(name for name in ARTICLE_FIELDS if name not in HIT_FIELDS)}.",
        examples=["title,url,published"],
    )
    highlight: Literal["ranges", "html", "none"] = Field(
        "ranges",
        description="How found words are marked: as `ranges` of code points; as these and besides, in `marked`, as "
        "`html` with `<mark>`; or not at all, which is faster and leaves out the snippet.",
    )
    explain: Truth = Field(False, description="Whether each hit says, in `explanation`, how its score came about.")

    def query(self, settings: Settings, **more: Any) -> Query:
        if self.cursor and "page" in self.model_fields_set:
            raise ParameterError("page", "This parameter cannot be given beside `cursor`, which takes its place.")
        if self.facets is not None:
            more["facets"] = self.facets
        return super().query(settings, highlight=self._highlight(), explain=self.explain, **more)

    def _highlight(self) -> bool:
        if self.highlight == "ranges" and self.fields is not None:
            return not _MARKED.isdisjoint(self.fields)
        return self.highlight != "none"


class ExportParameters(FilterParameters):
    """What to export, and how."""

    sort: Sort = Field("relevance", description=_ORDER)
    format: Literal["jsonl", "csv", "markdown"] = Field(
        "jsonl",
        description="How it is written: `jsonl`, a JSON object on each line; `csv`, a table; `markdown`, text to read.",
    )
    fields: FieldNames = Field(
        None,
        description="What `jsonl` and `csv` say of each article besides its `id`, divided by commas; the same names as "
        f"in a search, but nothing is marked here. Unasked: {_names(EXPORT_FIELDS)}.",
        examples=["title,url"],
    )

    def query(self, settings: Settings, **more: Any) -> Query:
        return super().query(settings, sort=self.sort, facets={}, highlight=False, **more)


class LookupParameters(Parameters):
    """An address of an article."""

    url: Value = Field(
        description="Any address of the article: that of its page, its AMP page or its original, with or without "
        "`https://`, `www.` and tracking parameters.",
        examples=["https://library.portansley.example/events/old-sea-charts"],
    )


class SimilarParameters(Parameters):
    """How many similar articles are wanted."""

    size: Annotated[int, Field(ge=1, le=MAX_SIZE), _DIGITS] = Field(6, description="How many hits at most.")


class SuggestParameters(Parameters):
    """What was typed so far."""

    q: str = Field(
        "",
        description="What was typed so far; its last word is unfinished unless a space follows.",
        examples=["nig"],
    )
    size: Annotated[int, Field(ge=1, le=20), _DIGITS] = Field(8, description="How many suggestions at most.")


class ValuesParameters(FilterParameters):
    """Which values of a facet, over the matches of which query."""

    prefix: Value = Field(
        "",
        description="Only values of which a word begins so; upper and lower case and accents are alike.",
        examples=["har"],
    )
    page: Annotated[int, Field(ge=1, le=MAX_PAGE), _DIGITS] = Field(1, description="Which page of values, from 1.")
    size: Annotated[int, Field(ge=1, le=MAX_FACET_SIZE), _DIGITS] = Field(
        100, description="How many values a page has."
    )


class TimelineParameters(FilterParameters):
    """Which matches to count over time, and how finely."""

    interval: Interval = Field("month", description="How long each time is. Weeks are those of ISO 8601, from Monday.")


_MARKED = frozenset({"highlights", "snippet"})


def parse(model: type[_P], pairs: Pairs) -> _P:
    """The parameters of a route, every one of them checked.

    Raises:
        ParameterError: unknown, repeated, missing, empty or unreadable; it names the parameter.
    """
    known, given = repeatable(model), _gathered(pairs)
    for name, values in given.items():
        if name not in known:
            raise ParameterError(name, f"There is no such parameter; there are {', '.join(known) or 'none'}.")
        if len(values) > 1 and not known[name]:
            raise ParameterError(name, "This parameter can be given once only.")
        if name != "q" and not all(value.strip() for value in values):
            raise ParameterError(name, _NEEDED if name in _required(model) else _EMPTY)
    try:
        return model.model_validate(_as_fields(given, known))
    except ValidationError as error:
        raise _parameter_error(model, error) from error


def parse_query(pairs: Pairs, settings: Settings = _DEFAULTS) -> Query:
    """The query that the parameters of the API's search ask for, every one of them checked.

    Raises:
        ParameterError: as for `parse`.
    """
    return parse(SearchParameters, pairs).query(settings)


def read_query(pairs: Pairs, settings: Settings = _DEFAULTS) -> Query:
    """The query that can be made of a page's parameters; what cannot be read is as good as absent."""
    known = repeatable(PageParameters)
    given = {name: values for name, values in _gathered(pairs).items() if name in known}
    asked = _read(given, known)
    left = settings.max_values
    fitting: dict[str, Any] = {}
    for name in (*FACETS, *EXCLUDE.values()):
        fitting[name] = getattr(asked, name)[:left]
        left -= len(fitting[name])
    if asked.from_ and asked.to and asked.from_ >= asked.to:  # meant the other way round
        fitting |= {"from_": start_of(given["to"][0]), "to": end_of(given["from"][0])}
    if asked.page > deepest_page(settings.max_depth, asked.size):
        fitting["page"] = 1
    return asked.model_copy(update=fitting).query(settings)


def _read(given: dict[str, list[str]], known: Mapping[str, bool]) -> PageParameters:
    """The parameters with what cannot be read taken out of `given`, until the rest can."""
    while True:
        try:
            return PageParameters.model_validate(_as_fields(given, known))
        except ValidationError as error:
            for name, *place in reversed([fault["loc"] for fault in error.errors(include_url=False)]):
                del given[str(name)][int(place[0]) if place else 0]
                if not given[str(name)]:
                    del given[str(name)]


def deepest_page(depth: int, size: int) -> int:
    """The last page that may be asked for; the first one always may, though it be larger than the depth.

    Args:
        depth: in hits, how far pages reach.
        size: of a page, in hits.
    """
    return max(1, depth // max(size, 1))


def clean(text: str) -> str:
    """`text` without the two things that no later step can write out: NUL and lone surrogates."""
    return _UNREADABLE.sub("\ufffd", text)


def _gathered(pairs: Pairs) -> dict[str, list[str]]:
    """Every value by name, in order."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(clean(name), []).append(clean(value))
    return given


@cache
def repeatable(model: type[Parameters]) -> dict[str, bool]:
    """The names of a route's parameters, and whether each may be repeated."""
    return {field.alias or name: get_origin(field.annotation) is tuple for name, field in model.model_fields.items()}


@cache
def _required(model: type[Parameters]) -> frozenset[str]:
    """The names of the parameters that a route cannot do without."""
    return frozenset(field.alias or name for name, field in model.model_fields.items() if field.is_required())


def _as_fields(given: Mapping[str, list[str]], known: Mapping[str, bool]) -> dict[str, Any]:
    return {name: values if known[name] else values[0] for name, values in given.items()}


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def with_numbers(text: str, settings: Settings) -> str:
    """A description with the site's own limits in the place of their names in braces (`{max_depth}`)."""
    return re.sub(r"\{(\w+)\}", lambda match: f"{getattr(settings, match[1]):,}", text)


@cache
def properties(model: type[Parameters]) -> dict[str, Any]:
    """The JSON schema of each parameter of a route, by name."""
    found: dict[str, Any] = model.model_json_schema()["properties"]
    return found


def _parameter_error(model: type[Parameters], error: ValidationError) -> ParameterError:
    """The first fault, in words for whoever sent it."""
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][0])
    if fault["type"] == "missing":
        return ParameterError(name, "This parameter is missing.")
    schema = properties(model)[name]
    schema = schema.get("items", schema)
    if "enum" in schema:
        return ParameterError(name, f"This is not one of {', '.join(schema['enum'])}.")
    if schema.get("type") == "integer":
        return ParameterError(name, f"This is not a whole number from {schema['minimum']} to {schema['maximum']}.")
    cause = fault["ctx"]["error"]
    return ParameterError(name, str(cause), getattr(cause, "position", None))
