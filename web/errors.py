"""What goes wrong, as answers: the only place where status codes stand.

Under `/api/` (and for `/healthz`) an error is a problem document (RFC 9457, `application/problem+json`), elsewhere a
page, save where the Host header cannot be one and no links can be made. Neither says more than a reader may know: paths
and reasons go to the log.
"""

from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import BadHost, HTTPException

from index.errors import BroadsheetError, EngineUnreachableError, NoIndexError
from web.params import ParameterError
from web.render import to_bytes
from web.texts import mark

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_TITLES = {
    HTTPStatus.NOT_FOUND: mark("Nothing here"),
    HTTPStatus.INTERNAL_SERVER_ERROR: mark("Something went wrong"),
    HTTPStatus.SERVICE_UNAVAILABLE: mark("Not ready"),
}
_DETAILS = {
    HTTPStatus.NOT_FOUND: mark("There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: mark("This address can only be read."),
    HTTPStatus.INTERNAL_SERVER_ERROR: mark("Something went wrong here. It was written to the log."),
}


class NoSuchArticle(LookupError):  # noqa: N818 - reads as what it says
    """No visible article has this id."""


def register_errors(app: Flask) -> None:
    """Answer every error of `app` in the shape that fits the address."""
    app.register_error_handler(ParameterError, _parameter)
    app.register_error_handler(NoSuchArticle, _no_such_article)
    app.register_error_handler(BroadsheetError, _unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _bug)


def _parameter(error: ParameterError) -> Response:
    return _answer(HTTPStatus.BAD_REQUEST, error.detail, parameter=error.parameter)


def _no_such_article(_error: NoSuchArticle) -> Response:
    return _answer(HTTPStatus.NOT_FOUND, mark("There is no article with this id, or none that may be shown."))


def _unavailable(error: BroadsheetError) -> Response:
    current_app.logger.warning("cannot answer: %s", error)
    response = _answer(HTTPStatus.SERVICE_UNAVAILABLE, _remedy(error))
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
    response = _answer(status, _DETAILS.get(status, status.description or status.phrase))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _bug(error: Exception) -> Response:
    current_app.logger.error("cannot answer %s", request.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(status, _DETAILS[status])


def _answer(status: HTTPStatus, detail: str, **more: Any) -> Response:
    no_page = isinstance(request.routing_exception, BadHost)
    if no_page or request.path.startswith("/api/") or request.path == "/healthz":
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **more}
        return Response(to_bytes(problem), status.value, content_type=PROBLEM_TYPE)
    page = render_template("error.html", title=_TITLES.get(status, status.phrase), detail=detail)
    return Response(page.encode("utf-8", "replace"), status.value, content_type="text/html; charset=utf-8")
