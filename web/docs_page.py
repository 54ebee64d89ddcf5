"""The API's description as a page: what its template shows, worked out of the document that programs read.

Its examples are made of something that the site's own archive holds, so that each of them finds something, and are
answered as they would be if asked.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus

from flask import Response, current_app
from markupsafe import Markup

from index.errors import BroadsheetError
from index.settings import Settings
from search.engine import Engine
from search.query import Query
from web.bounds import MAX_ADDRESS_CHARS
from web.errors import PROBLEM_TYPE
from web.filters import code
from web.links import ROOT
from web.openapi import SCHEMAS, SHARED
from web.operations import OPERATIONS, Example, Operation
from web.params import MAX_FACET_SIZE, MAX_SIZE
from web.problems import PROBLEMS, Problem

_FIRST = Example("The first", "/search?q={word}&size=2&fields=title,url,highlights&facets=topic:2")
_RANGE = re.compile(r"\[\s+([0-9]+),\s+([0-9]+)\s+\]")
_WORD = re.compile(r"[^\W\d_]{4,}")
_LOOKED_AT = 20
_ITEMS, _CHARS, _LINES = 1, 90, 6
"""How much of an answer is shown: items of a list, characters of a text or line, lines of what is no JSON."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What examples are made of: something that the archive holds, or, where it is empty, that it might hold.

    Attributes:
        words, word: two words of a title, and one.
        start: how the word begins.
        topic, beginning: a topic, and how its name begins.
        id, url: of an article.
        year: in which the article was published.
    """

    words: str = "night ferry"
    word: str = "ferry"
    start: str = "fer"
    topic: str = "Harbours"
    beginning: str = "har"
    id: str = "articles/night-ferry"
    url: str = "https://example.org/night-ferry"
    year: str = "2023"

    def fill(self, address: str) -> str:
        """An example's address with something in the place of each name."""
        written = {name: quote_plus(value, safe="/:") for name, value in asdict(self).items()}
        return address.format_map(written | {"id": quote(self.id)})


@dataclass(frozen=True, slots=True)
class Answered:
    """An example with its answer.

    Attributes:
        title: what it shows.
        href: address, with the path that the site is below.
        answer: shortened; "" where there was none.
    """

    title: str
    href: str
    answer: str


@dataclass(frozen=True, slots=True)
class Term:
    """A parameter, or a field of an answer.

    Attributes:
        anchor: its place on the page, "" for none.
        kind: what it holds, in words with links.
        default: as it would be written, "" for none.
        required: whether it must be given; only parameters can be required.
        description: may hold words in `backticks`.
        examples: values.
    """

    anchor: str
    name: str
    kind: Markup
    default: str
    required: bool
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `shared` says whether it takes the parameters that several have, besides its `own`."""

    name: str
    path: str
    summary: str
    description: str
    own: tuple[Term, ...]
    shared: bool
    answers: tuple[tuple[str, Markup], ...]
    problems: tuple[Problem, ...]
    examples: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of answers."""

    name: str
    description: str
    fields: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class DocsPage:
    """What the page of the API shows.

    Attributes:
        host: scheme and host of the site.
        root: path that all routes begin with.
        paragraphs: what holds for all routes.
        first: the example that the page begins with.
        harvest: path of the first step of a harvest.
        limits: what is limited, and to what.
    """

    host: str
    root: str
    version: str
    problem_type: str
    paragraphs: tuple[str, ...]
    first: Answered
    harvest: str
    routes: tuple[Route, ...]
    shared: tuple[Term, ...]
    shapes: tuple[Shape, ...]
    problems: tuple[Problem, ...]
    limits: tuple[tuple[str, str], ...]


def build_docs_page(document: Mapping[str, Any], settings: Settings, engine: Engine | None, host: str) -> DocsPage:
    """The page of `document` (`web.openapi.build_document`).

    Args:
        document: what is described.
        settings: of the site.
        engine: answers the examples; without one they have no answers.
        host: scheme and host of the site.
    """
    components = document["components"]
    root = document["servers"][0]["url"]
    sample = _sample(engine) if engine else Sample()

    def answered(operation: Operation, example: Example) -> Answered:
        address = sample.fill(example.address)
        answer = _ask(operation, address, host + root.removesuffix(ROOT)) if engine else ""
        return Answered(example.title, root + address, answer)

    described = {item["get"]["operationId"]: (path, item["get"]) for path, item in document["paths"].items()}
    operations = {each.name: each for each in OPERATIONS}
    routes = tuple(
        _route(each, *described[each.name], tuple(answered(each, example) for example in each.examples))
        for each in OPERATIONS
    )
    return DocsPage(
        host=host,
        root=root,
        version=document["info"]["version"],
        problem_type=PROBLEM_TYPE,
        paragraphs=tuple(document["info"]["description"].split("\n\n")),
        first=answered(operations["search"], _FIRST),
        harvest=f"{root}/search?cursor=*&sort=id&size={MAX_SIZE}&facets=none&fields=title,url",
        routes=routes,
        shared=tuple(_parameter(each, "parameter") for each in components["parameters"].values()),
        shapes=tuple(_shape(name, each) for name, each in components["schemas"].items() if "properties" in each),
        problems=PROBLEMS,
        limits=_limits(settings),
    )


# Examples


def _sample(engine: Engine) -> Sample:
    """Something of the newest articles; the longest words, which tell more than short ones."""
    found = engine.search(Query(sort="newest", size=_LOOKED_AT, highlight=False))
    usual = Sample()
    topics = [bucket.value for bucket in found.facets["topic"] if bucket.value]
    topic = topics[0] if topics else usual.topic
    for hit in found.hits:
        article = hit.article
        words = sorted(dict.fromkeys(word.lower() for word in _WORD.findall(article.title)), key=len)[-2:]
        if len(words) == 2 and article.address:
            return Sample(
                words=" ".join(words),
                word=words[-1],
                start=words[-1][:3],
                topic=topic,
                beginning=topic[:3].lower(),
                id=article.id,
                url=article.address,
                year=str(article.published.year) if article.published else usual.year,
            )
    return Sample(topic=topic, beginning=topic[:3].lower())


def _ask(operation: Operation, address: str, base: str) -> str:
    """The answer to an example, shortened; without what a request from outside passes, so it is not counted as one."""
    with current_app.test_request_context(ROOT + address, base_url=base) as context:
        assert context.request.view_args is not None
        try:
            return _shortened(operation.view(**context.request.view_args))
        except (BroadsheetError, LookupError, ValueError):  # what goes wrong is for who asks to see
            return ""


def _shortened(response: Response) -> str:
    """As much of an answer as shows what it is like; of one that is streamed, no more is made."""
    with response:
        text = b"".join(islice(response.iter_encoded(), _LINES + 1)).decode()
    if response.is_json:
        shown = json.dumps(_cut(json.loads(text)), ensure_ascii=False, indent=2).replace('"…"', "…")
        return _RANGE.sub(r"[\1, \2]", shown)
    lines = text.splitlines()
    cut = [line if len(line) <= _CHARS else line[:_CHARS] + "…" for line in lines[:_LINES]]
    return "\n".join([*cut, "…"] if len(lines) > _LINES else cut)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list) and not all(isinstance(item, int) for item in value):  # a range stays whole
        cut = [_cut(item) for item in value[:_ITEMS]]
        return [*cut, "…"] if len(value) > _ITEMS else cut
    return value[:_CHARS] + "…" if isinstance(value, str) and len(value) > _CHARS else value


# What the document says, in words


def _route(operation: Operation, path: str, described: Mapping[str, Any], examples: tuple[Answered, ...]) -> Route:
    parameters = described["parameters"]
    problems = [problem for problem in PROBLEMS if problem.name in operation.problems]
    return Route(
        name=operation.name,
        path=path,
        summary=described["summary"],
        description=described["description"],
        own=tuple(_parameter(each, operation.name) for each in parameters if "$ref" not in each),
        shared=any(each.get("$ref", "").startswith(SHARED) for each in parameters),
        answers=tuple(
            (media_type, _body(content["schema"]))
            for media_type, content in described["responses"]["200"]["content"].items()
        ),
        problems=tuple(problems),
        examples=examples,
    )


def _body(schema: Mapping[str, Any]) -> Markup:
    return code(schema["description"]) if "description" in schema else _kind(schema)


def _parameter(parameter: Mapping[str, Any], prefix: str) -> Term:
    schema = parameter["schema"]
    examples = parameter.get("examples", {}).values()
    return Term(
        anchor=f"{prefix}-{parameter['name']}",
        name=parameter["name"],
        kind=_kind(schema),
        default=_written(schema["default"]) if "default" in schema else "",
        required=parameter["required"],
        description=parameter["description"],
        examples=tuple(_written(each["value"]) for each in examples),
    )


def _shape(name: str, schema: Mapping[str, Any]) -> Shape:
    fields = tuple(
        Term("", field, _kind(each), "", False, each.get("description", ""), tuple(each.get("examples", ())))
        for field, each in schema["properties"].items()
    )
    return Shape(name, schema["description"], fields)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kind(schema: Mapping[str, Any]) -> Markup:
    """What a schema allows, in words; shapes are links."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.removeprefix(SCHEMAS)
            if name == "JsonValue":
                return Markup("any JSON")
            return Markup('<a href="#shape-{0}"><code>{0}</code></a>').format(name)
        case {"enum": words}:
            return _or(Markup("<code>{}</code>").format(word) for word in words)
        case {"anyOf": _, "type": "string"}:  # several ways to write one thing
            return Markup("date") if {"format": "date"} in schema["anyOf"] else Markup("text")
        case {"anyOf": kinds}:
            return _or(_kind(kind) for kind in kinds)
        case {"type": [str(kind), "null"]}:
            return _or([_kind({**schema, "type": kind}), Markup("null")])
        case {"type": "array", "minItems": 2, "maxItems": 2}:
            return Markup("pair of whole numbers")
        case {"type": "array", "items": items}:
            return Markup("list of {}").format(_kind(items))
        case {"type": "integer", "minimum": least, "maximum": most}:
            return Markup("whole number, {:,} to {:,}").format(least, most)
        case {"type": "string", "format": "date-time"}:
            return Markup("time")
        case {"type": "string", "format": "date"}:
            return Markup("day")
    return Markup(_KINDS[schema["type"]])  # noqa: S704 - our own words


_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}


def _or(kinds: Iterable[Markup]) -> Markup:
    return Markup(" or ").join(kinds)


def _limits(settings: Settings) -> tuple[tuple[str, str], ...]:
    """What the site allows, of what a client can come to feel."""
    counted = (
        ("Hits on a page", MAX_SIZE),
        ("Hits that pages reach; a cursor reaches all", settings.max_depth),
        ("Articles in an export", settings.max_export_rows),
        ("Values of a facet in one answer", MAX_FACET_SIZE),
        ("Values that are chosen and excluded at once", settings.max_values),
        ("Characters of an address, as it is sent", MAX_ADDRESS_CHARS),
        ("Characters of a query; a note tells what was cut", settings.max_query_chars),
        ("Words, phrases and the like in a query; a note tells what was not used", settings.max_clauses),
        ("Words that the prefixes of a query stand for", settings.max_expansion),
        ("Unknown words of a query for which near ones are looked for", settings.max_lookups),
        ("Milliseconds for finding what a query asks", settings.budget_ms),
    )
    rate = settings.rate_limit or "as many as you like"
    return (*((text, f"{number:,}") for text, number in counted), ("Requests of one client", rate))
