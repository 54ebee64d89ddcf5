"""Around every request: its id, one line in the access log, and its place in the metrics.

This is the outermost layer of the app, so it also sees what others answer, and a streamed answer to its end. An id
comes from the request's `X-Request-ID` where that is sane, so that a proxy's log and ours can be brought together.
"""

import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from index.settings import Settings
from web.logs import ACCESS, REQUEST_ID

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
UNMATCHED = "none"
"""The route of a request that no rule matches."""

MAX_PATH_CHARS = 1_000
MAX_QUERY_CHARS = 2_000
MAX_AGENT_CHARS = 500
"""Of a line, at most, so that it has no more than 4,096 bytes: as many as a pipe takes at once from one of several."""

_KEY = "broadsheet.exchange"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")

_access = logging.getLogger(ACCESS)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """A request, and what became of its answer so far.

    Attributes:
        path: decoded, with the path that the site is served below.
        query: everything after the question mark, as sent.
        client: its address; that which trusted proxies name, once the app has seen the request.
        route: the rule that matched (`/article/<path:article_id>`), or `UNMATCHED`.
        status: 500 until the answer begins.
        sent_bytes: of the body.
    """

    request_id: str
    method: str
    path: str
    query: str
    agent: str
    client: str
    started: float
    route: str = UNMATCHED
    status: int = 500
    sent_bytes: int = 0

    @classmethod
    def begin(cls, environ: "WSGIEnvironment") -> "Exchange":
        given = environ.get("HTTP_X_REQUEST_ID", "")
        return cls(
            request_id=given if _SANE.fullmatch(given) else secrets.token_hex(16),
            method=environ["REQUEST_METHOD"],
            path=_decoded(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
            query=environ.get("QUERY_STRING", ""),
            agent=environ.get("HTTP_USER_AGENT", ""),
            client=environ.get("REMOTE_ADDR", ""),
            started=time.perf_counter(),
        )


Observer = Callable[[Exchange, float], None]
"""Told of every exchange at its end, with the seconds that it took."""


def register_access(app: Flask, settings: Settings, observers: Sequence[Observer] = ()) -> None:
    """Give every answer of `app` its id, log it as the settings say, and tell the observers.

    Called after all else is registered, so that this is the outermost layer.
    """
    if settings.access_log != "off":
        observers = (*observers, _log_full if settings.access_log == "full" else _log_path)
    app.wsgi_app = _Around(app.wsgi_app, observers)  # type: ignore[method-assign] # the way that Flask documents

    @app.after_request
    def note(response: Response) -> Response:
        exchange: Exchange | None = request.environ.get(_KEY)
        if exchange:
            exchange.route = request.url_rule.rule if request.url_rule else UNMATCHED
            exchange.client = request.remote_addr or ""
        return response


class _Around:
    """The layer itself, a WSGI middleware."""

    def __init__(self, app: "WSGIApplication", observers: Sequence[Observer]) -> None:
        self._app = app
        self._observers = observers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        exchange = environ[_KEY] = Exchange.begin(environ)
        REQUEST_ID.set(exchange.request_id)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            exchange.status = int(status[:3])
            headers = [(name, value) for name, value in headers if name.lower() != HEADER.lower()]
            return start_response(status, [*headers, (HEADER, exchange.request_id)], exc_info)

        try:
            body = self._app(environ, start)
        except Exception:
            _log.exception("cannot answer %a", exchange.path)
            self.end(exchange)
            raise
        return _Body(body, exchange, self.end)

    def end(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        for observe in self._observers:
            observe(exchange, seconds)
        REQUEST_ID.set("")


class _Body:
    """An answer's body on its way; calls `end` once, after the last piece or where the client gives up."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange, end: Callable[[Exchange], None]) -> None:
        self._body = body
        self._pieces = iter(body)
        self._exchange = exchange
        self._end: Callable[[Exchange], None] | None = end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._finish()
            raise
        except Exception:
            _log.exception("cannot go on answering %a", self._exchange.path)
            self._finish()
            raise
        self._exchange.sent_bytes += len(piece)
        return piece

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        finally:
            self._finish()

    def _finish(self) -> None:
        end, self._end = self._end, None
        if end:
            end(self._exchange)


def _log_path(exchange: Exchange, seconds: float) -> None:
    _write(exchange, seconds, {})


def _log_full(exchange: Exchange, seconds: float) -> None:
    query, agent = _cut(exchange.query, MAX_QUERY_CHARS), _cut(exchange.agent, MAX_AGENT_CHARS)
    _write(exchange, seconds, {"query": query, "user_agent": agent})


def _write(exchange: Exchange, seconds: float, more: dict[str, str]) -> None:
    fields = {
        "method": exchange.method,
        "path": _cut(exchange.path, MAX_PATH_CHARS),
        "status": exchange.status,
        "bytes": exchange.sent_bytes,
        "ms": round(seconds * 1000, 2),
        "client": exchange.client,
        **more,
    }
    # The message is for logs of other servers, which write it as it is.
    _access.info("%s %a %d", fields["method"], fields["path"], fields["status"], extra={"fields": fields})


def _cut(text: str, limit: int) -> str:
    """The beginning of `text` that takes no more than `limit` characters in a line, where one may become twelve."""
    text = text[:limit]
    while len(json.dumps(text)) > limit + 2:
        text = text[: len(text) * 3 // 4]
    return text


def _decoded(text: str) -> str:
    """What WSGI gives as if it were Latin-1."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
