"""The API's description: OpenAPI 3.1, made of the declarations in `web.operations`, `web.params` and `web.shapes`.

It tells what this site allows: numbers in braces (`{max_depth}`) are those of its settings.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from pydantic import TypeAdapter

from index.settings import Settings
from search.query import FACETS
from web import shapes
from web.errors import PROBLEM_TYPE
from web.operations import OPERATIONS, Operation
from web.params import EXCLUDE, FilterParameters, Parameters, properties, with_numbers
from web.problems import PROBLEMS

SHARED = "#/components/parameters/"
SCHEMAS = "#/components/schemas/"
_HEADERS = "#/components/headers/"
_ALWAYS = (
    "bad-request", "bad-parameter", "not-acceptable", "too-large", "address-too-long", "too-many-requests",
    "internal-error", "not-ready",
)  # fmt: skip
"""Problems that any route may have."""
_TO_BE_ASKED_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

DESCRIPTION = """Read-only search over an archive of articles.

Every route is read with GET; HEAD gives the headers of that alone. Text is UTF-8, times are UTC; text, numbers and
times that are absent are null. An address in an answer holds all that was asked: follow it as it is.

A parameter that is unknown, repeated, empty or unreadable is refused by its name, in a problem document (RFC 9457);
only `q` takes any text. Later versions may add fields to an answer: pass over those that you do not know.

Ask again for an answer that has an `ETag` with that in `If-None-Match`: where nothing has changed, there is a 304 and
no body."""
"""What holds for all routes, in paragraphs."""

_RESPONSE_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "Names this answer, for `If-None-Match`.",
        "schema": {"type": "string", "pattern": '^(W/)?".*"$'},
    },
    "Link": {
        "description": "The addresses of the list's other parts (RFC 8288): `first`, and where there are such, `prev` "
        "and `next`.",
        "schema": {"type": "string"},
    },
    "Content-Disposition": {
        "description": "Proposes the name of a file.",
        "schema": {"type": "string", "pattern": "^attachment; filename="},
    },
    "Retry-After": {
        "description": "In how many seconds to ask again.",
        "schema": {"type": "integer", "minimum": 0},
    },
}


_UNCHANGED = {"description": "The answer that `If-None-Match` names is the present one."}


@lru_cache(maxsize=8)  # it takes longer to make than most answers, and a proxy may change the root
def build_document(settings: Settings, root: str) -> Mapping[str, Any]:
    """The description as JSON values, made once.

    Args:
        settings: of the site.
        root: path that the API's routes begin with, below whatever the site is below.
    """
    docs = f"{root}/docs"
    spec = APISpec(
        title=f"{settings.title}: query API",
        version=version("broadsheet"),
        openapi_version="3.1.0",
        info={"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": root}],
        externalDocs={"url": docs, "description": "The same to read, with examples"},
    )
    bodies, definitions = _schemas()
    for name, schema in definitions.items():
        spec.components.schema(name, schema)
    for parameter in _query_parameters(FilterParameters, settings):
        spec.components.parameter(parameter["name"], "query", parameter)
    for name, header in _RESPONSE_HEADERS.items():
        spec.components.header(name, header)
    for operation in OPERATIONS:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.rule)
        spec.path(path, operations={"get": _operation(operation, bodies, settings, docs)})
    document: dict[str, Any] = spec.to_dict()
    return document


@cache
def _schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schema of each body, by the name of its shape, and those that they refer to, by name."""
    bodies = {shape.__name__: shape for each in OPERATIONS for shape in each.answers.values() if _is_shape(shape)}
    bodies["Problem"] = shapes.Problem
    inputs = [(name, "serialization", TypeAdapter(shape)) for name, shape in bodies.items()]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=SCHEMAS + "{model}")  # type: ignore[arg-type]
    by_name = {name: _tidy(schema) for (name, _), schema in schemas.items()}
    return by_name, {name: _closed(_tidy(schema)) for name, schema in definitions["$defs"].items()}


def _is_shape(answer: Any) -> bool:
    """Whether an answer is JSON of one shape; others are told of in words."""
    return not isinstance(answer, str)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A shape says all that an object holds."""
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


def _tidy(schema: Any) -> Any:
    """A schema without titles made of names and defaults that stand for absence; null is one more type where it can be.

    What an object calls its properties is kept, "title" and "default" among it.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    told: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            told[key] = {name: _tidy(each) for name, each in value.items()}
        elif key != "title" and not (key == "default" and value in (None, "", [])):
            told[key] = _tidy(value)
    match told.get("anyOf"):
        case [{"type": str(kind)} as present, {"type": "null"}] if "enum" not in present:
            del told["anyOf"]
            told |= {**present, "type": [kind, "null"]}
    return told


def _operation(operation: Operation, bodies: dict[str, Any], settings: Settings, docs: str) -> dict[str, Any]:
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": with_numbers(operation.description, settings),
        "externalDocs": {"url": f"{docs}#route-{operation.name}"},
        "parameters": [*_path_parameters(operation), *_own_and_shared(operation.parameters, settings)],
        "responses": {
            "200": _answer(operation, bodies),
            **({"304": _UNCHANGED} if "ETag" in operation.headers else {}),
            **_problems(operation, bodies),
        },
    }


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": part.name,
            "in": "path",
            "required": True,
            "description": part.description,
            "schema": {"type": "string", **part.schema},
        }
        for part in operation.path
    ]


def _own_and_shared(model: type[Parameters], settings: Settings) -> list[dict[str, Any] | str]:
    """The parameters of a route; those of `FilterParameters`, which several have, by name, to be referred to."""
    shared = properties(FilterParameters) if issubclass(model, FilterParameters) else {}
    own = [each for each in _query_parameters(model, settings) if each["name"] not in shared]
    return [*shared, *own]


def _query_parameters(model: type[Parameters], settings: Settings) -> list[dict[str, Any]]:
    return [_query_parameter(name, schema, model, settings) for name, schema in properties(model).items()]


def _query_parameter(name: str, schema: dict[str, Any], model: type[Parameters], settings: Settings) -> dict[str, Any]:
    schema = _tidy(schema)
    if name in {*FACETS, *EXCLUDE.values()}:
        schema["maxItems"] = settings.max_values
    description, examples = schema.pop("description"), schema.pop("examples", [])
    found = {
        "name": name,
        "in": "query",
        "required": name in model.model_fields and model.model_fields[name].is_required(),
        "description": with_numbers(description, settings),
        "schema": schema,
    }
    if examples:
        found["examples"] = {f"example{number}": {"value": each} for number, each in enumerate(examples, start=1)}
    return found


def _answer(operation: Operation, bodies: dict[str, Any]) -> dict[str, Any]:
    content = {
        media_type: {"schema": bodies[body.__name__] if _is_shape(body) else {"type": "string", "description": body}}
        for media_type, body in operation.answers.items()
    }
    return {
        "description": operation.summary,
        "headers": {name: {"$ref": _HEADERS + name} for name in operation.headers},
        "content": content,
    }


def _problems(operation: Operation, bodies: dict[str, Any]) -> dict[str, Any]:
    """By status, what may go wrong."""
    names = {*_ALWAYS, *operation.problems}
    by_status: dict[HTTPStatus, list[str]] = {}
    for problem in PROBLEMS:
        if problem.name in names:
            by_status.setdefault(problem.status, []).append(f"`{problem.name}`: {problem.text}")
    return {
        str(status.value): {
            "description": "\n\n".join(texts),
            "headers": {"Retry-After": {"$ref": f"{_HEADERS}Retry-After"}} if status in _TO_BE_ASKED_AGAIN else {},
            "content": {PROBLEM_TYPE: {"schema": bodies["Problem"]}},
        }
        for status, texts in sorted(by_status.items())
    }
