"""Every kind of refusal and failure, in one table: what problem documents name (RFC 9457), and their page explains.

Which of them a request meets is decided elsewhere, mostly in `web.errors`, which also writes them down.
"""

from dataclasses import dataclass
from http import HTTPStatus

from web.texts import mark


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem.

    Attributes:
        name: stands in the address of its explanation, see `docs_path`; never changes.
        title: short and the same each time; English, and in the catalogue, because pages show it as well.
        text: when it comes up and what to do, in one plain English sentence or two.
    """

    name: str
    status: HTTPStatus
    title: str
    text: str


BAD_REQUEST = Problem(
    "bad-request",
    HTTPStatus.BAD_REQUEST,
    mark("Bad request"),
    "The request cannot be read as HTTP, for example because its `Host` header names no host.",
)
BAD_PARAMETER = Problem(
    "bad-parameter",
    HTTPStatus.BAD_REQUEST,
    mark("Bad parameter"),
    "A parameter is unknown, missing, repeated, empty or has a value that it cannot have. `parameter` names it, and "
    "`position` tells where in its value the fault stands, where that is one place.",
)
EXPORT_TOO_LARGE = Problem(
    "export-too-large",
    HTTPStatus.BAD_REQUEST,
    mark("Export too large"),
    "More articles match than an export may hold; narrow the query down, or walk through a search by `cursor`.",
)
TOO_COSTLY = Problem(
    "too-costly",
    HTTPStatus.BAD_REQUEST,
    mark("Query too costly"),
    "The time that a query may take is not enough to find all of a count, of an export, or of what a cursor leads "
    "through, and none is cut short. Ask for less: fewer words, and no prefixes of one or two letters.",
)
NOT_FOUND = Problem(
    "not-found", HTTPStatus.NOT_FOUND, mark("Nothing here"), "There is nothing at this address, whatever its method."
)
NO_SUCH_ARTICLE = Problem(
    "no-such-article",
    HTTPStatus.NOT_FOUND,
    mark("No such article"),
    "No article has this id or address, or none that may be shown; it may have been taken back.",
)
NO_SUCH_CURSOR = Problem(
    "no-such-cursor",
    HTTPStatus.NOT_FOUND,
    mark("No such cursor"),
    "No answer to this query gave this cursor. Words, filters and order must stay the same along the way; `cursor=*` "
    "begins anew.",
)
METHOD_NOT_ALLOWED = Problem(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    mark("Method not allowed"),
    "This address can only be read; the header `Allow` says how.",
)
NOT_ACCEPTABLE = Problem(
    "not-acceptable",
    HTTPStatus.NOT_ACCEPTABLE,
    mark("Not acceptable"),
    "The request's `Accept` header rules out what this address gives; leave it out or name `application/json`.",
)
EXPIRED_CURSOR = Problem(
    "expired-cursor",
    HTTPStatus.GONE,
    mark("Expired cursor"),
    "The articles were indexed anew since this cursor was given, and their order by relevance is another; "
    "begin without it, or sort by date or id, whose cursors do not expire.",
)
TOO_LARGE = Problem(
    "too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    mark("Request too large"),
    "The request has a body of more than 64 KB; nothing here takes one.",
)
ADDRESS_TOO_LONG = Problem(
    "address-too-long",
    HTTPStatus.REQUEST_URI_TOO_LONG,
    mark("Address too long"),
    "Path and parameters have more than 16,000 characters, percent-encoded as they were sent.",
)
TOO_MANY_REQUESTS = Problem(
    "too-many-requests",
    HTTPStatus.TOO_MANY_REQUESTS,
    mark("Too many requests"),
    "This client has asked more often than the header `RateLimit-Policy` allows; `Retry-After` says for how many "
    "seconds to wait.",
)
INTERNAL_ERROR = Problem(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    mark("Something went wrong"),
    "Something went wrong on the server, which wrote it to its log.",
)
NOT_READY = Problem(
    "not-ready",
    HTTPStatus.SERVICE_UNAVAILABLE,
    mark("Not ready"),
    "There is no index that can be searched at the moment; `Retry-After` says when to try again.",
)

PROBLEMS = (
    BAD_REQUEST,
    BAD_PARAMETER,
    EXPORT_TOO_LARGE,
    TOO_COSTLY,
    NOT_FOUND,
    NO_SUCH_ARTICLE,
    NO_SUCH_CURSOR,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    EXPIRED_CURSOR,
    TOO_LARGE,
    ADDRESS_TOO_LONG,
    TOO_MANY_REQUESTS,
    INTERNAL_ERROR,
    NOT_READY,
)
"""In the order of their statuses."""
BY_NAME = {problem.name: problem for problem in PROBLEMS}

DOCS_PATH = "/api/v1/docs"


def anchor(problem: Problem) -> str:
    """The id of the explanation on the page at `DOCS_PATH`."""
    return f"problem-{problem.name}"


def docs_path(problem: Problem) -> str:
    """Where the problem is explained, below the path that the site lives at."""
    return f"{DOCS_PATH}#{anchor(problem)}"
