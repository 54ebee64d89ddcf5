"""What goes wrong, as answers; the kinds of problems, with their status codes, are in `web.problems`.

Under `/api/`, and for `/healthz`, `/readyz` and `/metrics`, an error is a problem document (RFC 9457,
`application/problem+json`), elsewhere a page, save where the Host header cannot be one and no links can be made.
Neither says more than a reader may know: paths and reasons go to the log. None is kept by a cache: the next answer may
be another.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import BadHost, HTTPException

from index.errors import BroadsheetError, EngineUnreachableError, ExpiredPositionError, NoIndexError, OutOfBudgetError
from web import problems
from web.params import ParameterError
from web.problems import Problem, docs_path
from web.render import to_bytes
from web.texts import mark

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_FOR_MACHINES = ("/api", "/healthz", "/readyz", "/metrics")

# The kinds of errors that Werkzeug raises; all others of the same status are raised here with their kind.
_KINDS = {
    kind.status: kind
    for kind in (
        problems.BAD_REQUEST,
        problems.NOT_FOUND,
        problems.METHOD_NOT_ALLOWED,
        problems.TOO_LARGE,
        problems.INTERNAL_ERROR,
    )
}
_DETAILS = {
    HTTPStatus.BAD_REQUEST: mark("The request cannot be read."),
    HTTPStatus.NOT_FOUND: mark("There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: mark("This address can only be read."),
    HTTPStatus.INTERNAL_SERVER_ERROR: mark("Something went wrong here. It was written to the log."),
}
_UNANSWERED = mark("This request cannot be answered.")


class NoSuchArticle(LookupError):  # noqa: N818 - reads as what it says
    """No visible article has this id."""


class Refusal(Exception):  # noqa: N818 - reads as what it says
    """A request that is not answered.

    Attributes:
        problem: which kind.
        detail: one plain sentence about this request; for pages it stands in the catalogue.
        headers: that the answer has besides.
    """

    def __init__(self, problem: Problem, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
        self.headers = headers or {}


def register_errors(app: Flask) -> None:
    """Answer every error of `app` in the shape that fits the address."""
    app.register_error_handler(Refusal, _refusal)
    app.register_error_handler(ParameterError, _parameter)
    app.register_error_handler(NoSuchArticle, _no_such_article)
    app.register_error_handler(ExpiredPositionError, _expired)
    app.register_error_handler(OutOfBudgetError, _too_costly)
    app.register_error_handler(BroadsheetError, _unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def is_for_machines(path: str) -> bool:
    """Whether what asks at this path (below the site's own) reads problem documents."""
    return path.startswith("/api/") or path in _FOR_MACHINES


def _refusal(error: Refusal) -> Response:
    response = _answer(error.problem, error.detail)
    response.headers.update(error.headers)
    return response


def _parameter(error: ParameterError) -> Response:
    where = {} if error.position is None else {"position": list(error.position)}
    return _answer(problems.BY_NAME[error.problem], error.detail, parameter=error.parameter, **where)


def _no_such_article(_error: NoSuchArticle) -> Response:
    return _answer(problems.NO_SUCH_ARTICLE, mark("There is no article with this id, or none that may be shown."))


def _expired(_error: ExpiredPositionError) -> Response:
    detail = mark("The articles were indexed anew since this cursor was given. Begin again with `cursor=*`.")
    return _answer(problems.EXPIRED_CURSOR, detail, parameter="cursor")


def _too_costly(_error: OutOfBudgetError) -> Response:
    detail = mark("There is no time to find all that this asks for; ask for less at once.")
    return _answer(problems.TOO_COSTLY, detail)


def _unavailable(error: BroadsheetError) -> Response:
    current_app.logger.warning("cannot answer: %s", error)
    response = _answer(problems.NOT_READY, _remedy(error))
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _remedy(error: BroadsheetError) -> str:
    """What to do about it, without the paths that the error's own text may hold."""
    if isinstance(error, NoIndexError):
        return mark(
            "Nothing has been indexed yet. Run `broadsheet reindex ARCHIVE` on the server, then load this again."
        )
    if isinstance(error, EngineUnreachableError):
        return mark("The search engine does not answer at the moment. Try again in a little while.")
    return mark("The index cannot be used at the moment; `broadsheet check` on the server says why.")


def _http(error: HTTPException) -> Response | HTTPException:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if code < HTTPStatus.BAD_REQUEST:
        return error  # a redirect
    status = HTTPStatus(code)
    response = _answer(_KINDS.get(status, status), _DETAILS.get(status, _UNANSWERED))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _bug(error: Exception) -> Response:
    current_app.logger.error("cannot answer %a", request.path, exc_info=error)
    return _answer(problems.INTERNAL_ERROR, _DETAILS[HTTPStatus.INTERNAL_SERVER_ERROR])


def _answer(kind: Problem | HTTPStatus, detail: str, **more: Any) -> Response:
    """The error as a document or page; a status alone is a kind that only HTTP itself describes."""
    if isinstance(kind, HTTPStatus):
        status, title, page_title, address = kind, kind.phrase, _UNANSWERED, "about:blank"
    else:
        status, title, page_title = kind.status, kind.title, kind.title
        address = request.root_path + docs_path(kind)
    if isinstance(request.routing_exception, BadHost) or is_for_machines(request.path):
        problem = {"type": address, "title": title, "status": status.value, "detail": detail, **more}
        response = Response(to_bytes(problem), status.value, content_type=PROBLEM_TYPE)
    else:
        page = render_template("error.html", title=page_title, detail=detail)
        response = Response(page.encode("utf-8", "replace"), status.value, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
