"""Whether an answer of the API is one that the client takes: its Accept header may rule it out (406).

The API never chooses by that header what to give: formats are parameters. So only a client that would not understand
the answer is refused.
"""

import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, request

from web.errors import PROBLEM_TYPE, Refusal
from web.problems import NOT_ACCEPTABLE

JSON = "application/json"

_ATTRIBUTE = "broadsheet_gives"
_RANGE = re.compile(r"\*|\*/\*|[\w!#$&^.+-]+/(\*|[\w!#$&^.+-]+)", re.ASCII)
_WEIGHT = re.compile(r"q=([01]|[01]?\.[0-9]{1,9}|[01]\.)", re.ASCII)
_ONE = _WEIGHT.fullmatch("q=1")

_P = ParamSpec("_P")
_R = TypeVar("_R")


def gives(*media_types: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Marks a view of the API that gives something other than JSON, or one of several types; below the route."""

    def marked(view: Callable[_P, _R]) -> Callable[_P, _R]:
        setattr(view, _ATTRIBUTE, media_types)
        return view

    return marked


def register_negotiation(app: Flask) -> None:
    """Refuse what no answer of the view that was asked for would satisfy."""

    @app.before_request
    def refuse() -> None:
        if request.endpoint and request.path.startswith("/api/") and request.method in {"GET", "HEAD"}:
            view = current_app.view_functions[request.endpoint]
            require_acceptable(*getattr(view, _ATTRIBUTE, (JSON,)))


def require_acceptable(*media_types: str) -> None:
    """Refuse the present request if it takes none of these types.

    Raises:
        Refusal: it does not.
    """
    accepted = read_accept(request.headers.get("Accept", ""))
    if not any(quality(media_type, accepted) for media_type in media_types):
        detail = f"This address gives {' or '.join(media_types)}, which the Accept header rules out."
        raise Refusal(NOT_ACCEPTABLE, detail, {"Vary": "Accept"})


def read_accept(header: str) -> dict[str, float]:
    """Qualities by media range, of which other parameters are left out; what is no range is as good as absent.

    Werkzeug's reading drops what old Java clients send (`*; q=.2`) and takes a parameter for another type. Who asks for
    problem documents only will not mean that errors alone are welcome.
    """
    ranges: dict[str, float] = {}
    for entry in header.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((_WEIGHT.fullmatch(part) for part in parameters if part.startswith("q=")), _ONE)
        if weight and _RANGE.fullmatch(name):
            name = "*/*" if name == "*" else JSON if name == PROBLEM_TYPE else name
            ranges[name] = max(float(weight[1]), ranges.get(name, 0.0))
    return ranges or {"*/*": 1.0}


def quality(media_type: str, accepted: dict[str, float]) -> float:
    """How welcome a type is, 0.0 for not at all: the most specific range that holds it tells."""
    family = media_type.partition("/")[0]
    return next((accepted[name] for name in (media_type, f"{family}/*", "*/*") if name in accepted), 0.0)
