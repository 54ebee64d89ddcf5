"""The routes of the API, each declared once: what it takes, what it gives, what may go wrong, and examples.

A view gets its parameters read and checked; the API's description (`web.openapi`) and its page are made of the same
declarations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import getdoc
from typing import Any

from flask import Blueprint, Response, request

from web.conditional import conditional
from web.links import ROOT
from web.negotiation import JSON, gives
from web.params import NoParameters, Parameters, parse

blueprint = Blueprint("api", __name__, url_prefix=ROOT)


@dataclass(frozen=True, slots=True)
class Example:
    """A request to try.

    Attributes:
        title: what it shows.
        address: what follows `ROOT`; names in braces stand for something of the archive (`web.docs_page.Sample`).
    """

    title: str
    address: str


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of the path; `schema` says what it can be, as JSON Schema does."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes:
        name: of the view, and of the operation in the description.
        rule: Flask's, below `ROOT`.
        parameters: what it takes in the query string.
        answers: by media type the shape of its JSON; what is not one JSON value is told in words.
        headers: of an answer.
        path: the parts of its path that vary.
        problems: of `web.problems`, besides those that any route may give.
        examples: requests that succeed on any archive that is not empty.
        view: the parts of the path -> the answer to the present request.
        summary, description: from the view's docstring.
    """

    name: str
    rule: str
    parameters: type[Parameters]
    answers: dict[str, Any]
    headers: tuple[str, ...]
    path: tuple[PathParameter, ...]
    problems: tuple[str, ...]
    examples: tuple[Example, ...]
    view: Callable[..., Response]
    summary: str
    description: str


OPERATIONS: list[Operation] = []


def operation(
    rule: str,
    *,
    answers: Any,
    parameters: type[Parameters] = NoParameters,
    headers: tuple[str, ...] = (),
    path: tuple[PathParameter, ...] = (),
    problems: tuple[str, ...] = (),
    examples: tuple[Example, ...],
    kept: bool = True,
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Declare a view of the API as one of its routes.

    Args:
        rule: see `Operation`, as for the other arguments.
        answers: the shape alone, where it gives JSON and nothing else.
        parameters: what it takes.
        headers: what its answers carry besides.
        path: the parts of its path.
        problems: what may go wrong, besides the usual.
        examples: requests that succeed.
        kept: whether clients may keep the answer and ask whether it still holds (`web.conditional`).
    """
    given = answers if isinstance(answers, dict) else {JSON: answers}

    def declare(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def answer(**parts: str) -> Response:
            return view(parse(parameters, request.args.items(multi=True)), **parts)

        summary, _, description = (getdoc(view) or "").partition("\n\n")
        OPERATIONS.append(
            Operation(
                name=view.__name__,
                rule=rule,
                parameters=parameters,
                answers=given,
                headers=("ETag", *headers) if kept else headers,
                path=path,
                problems=problems,
                examples=examples,
                view=answer,
                summary=summary.rstrip("."),
                description=" ".join(description.split()),
            )
        )
        answered = gives(*given)(conditional(answer) if kept else answer)
        blueprint.add_url_rule(rule, view.__name__, answered, methods=["GET"])
        return answer

    return declare
