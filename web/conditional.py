"""Conditional answers: who has the present one is told so (304) and sent nothing (RFC 9110, 13).

An answer of the API depends on the generation that it was made from, on what was asked, and on the server: its settings
and its code. These make up its ETag, so that the engine need not search to find out that a client has the answer. It is
a weak one: the time that a search took stands in the body and is another each time.

What is not made from one generation (feeds, whose ETag must outlive it) is compared by its bytes.

Everything may be kept, but is never shown unasked: an article that was taken back is gone with the next look, and
asking costs little.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import ParamSpec

from flask import Flask, Response, current_app, request

from index.settings import Settings
from web.service import current_service

KEPT = "no-cache"
"""The Cache-Control of whatever has an ETag."""

_EXTENSION = "broadsheet.conditional"
_PACKAGES = ("index", "search", "web")

_P = ParamSpec("_P")


def register_conditional(app: Flask, settings: Settings) -> None:
    """Work out what the ETags of this server have in common."""
    # The address of a storage may hold a password, at which nobody shall guess by an ETag.
    server = f"{version('broadsheet')} {_code()} {replace(settings, rate_limit_storage='')}"
    app.extensions[_EXTENSION] = hashlib.sha256(server.encode()).hexdigest()


@cache
def _code() -> str:
    """Names what makes the answers: a server is also upgraded in place, without a new version."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((Path(__file__).parent.parent / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def conditional(view: Callable[_P, Response]) -> Callable[_P, Response]:
    """For views of the API whose answers depend on address and generation alone; between the route and the view.

    What the view marked `no-store`, such as the answer to a search that ran out of time, and what is no 200 stays as it
    is.
    """

    @wraps(view)
    def answer(*args: _P.args, **options: _P.kwargs) -> Response:
        generation = _generation()
        etag = _etag(generation)
        known = request.if_none_match
        if not known.star_tag and known.contains_weak(etag):
            return _not_modified(etag)
        response = view(*args, **options)
        if response.status_code != 200 or response.cache_control.no_store:
            return response
        if _generation() != generation:  # the answer may be of either one; the client asks once more
            response.headers["Cache-Control"] = KEPT
            return response
        # "*" is "if there is anything at all", which only the view knows.
        return _not_modified(etag) if known.star_tag else _with_etag(response, etag)

    return answer


def answer_unless_known(body: bytes, media_type: str, modified: datetime | None = None) -> Response:
    """The answer, or 304 without a body for a client that has these bytes.

    Args:
        body: nothing in it may depend on when it was made, or a client would never have it.
        media_type: what it is.
        modified: for clients that send a time and no ETag: when the index was made, not the newest article of the feed,
            whose time does not tell that an article was taken out.
    """
    response = Response(body, mimetype=media_type)
    response.set_etag(hashlib.sha256(body).hexdigest())
    if modified:  # Werkzeug would write the present time for None
        response.last_modified = modified
    response.headers["Cache-Control"] = KEPT
    response.make_conditional(request)
    return response


def _generation() -> str:
    return current_service().engine().status().generation


def _etag(generation: str) -> str:
    """Of the answer to the present request from this generation, whatever its method and the order of parameters."""
    # Whole addresses may stand in an answer, so the host belongs to what was asked.
    asked = (request.scheme, request.host, request.root_path, request.path, sorted(request.args.items(multi=True)))
    parts = (current_app.extensions[_EXTENSION], generation, *asked)
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _not_modified(etag: str) -> Response:
    # Of the type that the answer would have, by which other headers are chosen; it is not sent.
    return _with_etag(Response(status=304, content_type="application/json"), etag)


def _with_etag(response: Response, etag: str) -> Response:
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = KEPT
    return response
