"""A served site as a client: its API over HTTP.

What comes back is not trusted: it has bounds of size and time, is followed no further than the same site, and is held
to its shape before anyone sees it. Whatever is wrong with it is one sentence.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn, cast
from urllib.parse import quote, urlencode, urljoin
from urllib.request import getproxies, proxy_bypass

import urllib3
from pydantic import TypeAdapter, ValidationError
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProxySchemeUnknown,
    SSLError,
    TimeoutError,  # noqa: A004 - the root of theirs
)
from urllib3.util import Timeout, Url, parse_url

from index.errors import EngineUnreachableError, ExpiredPositionError, OutOfBudgetError, UsageError
from web import shapes
from web.client import Written, no_such_article
from web.export import FORMATS
from web.links import ROOT
from web.params import ParameterError

CONNECT_S = 10
READ_S = 30
"""For the head of an answer, and for each next part of its body."""
ANSWER_S = 60
"""For a whole JSON answer; an export takes as long as it goes on."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_PROBLEM_BYTES = 64 * 1024
MAX_REDIRECTS = 5
_PIECE_BYTES = 64 * 1024
_DETAIL_CHARS = 300
_PROBLEM = "application/problem+json"
_JSON = "application/json"
_PORTS = {"http": 80, "https": 443}
_GONE = 410
_TOO_LONG = 414
_TOO_COSTLY = "#problem-too-costly"  # as in `web.problems`, which would load Flask


class RemoteClient:
    """See `web.client.Client`; connections are kept between requests."""

    def __init__(self, url: str) -> None:
        """A client of the site whose front page is at `url`.

        Raises:
            UsageError: the address cannot be one.
        """
        self._site = _read_url(url)
        self._base = self._site.url.rstrip("/")
        self._pool = _pool(self._site)

    def make_ready(self) -> None:
        """A site is there or not whenever it is asked."""

    def search(self, parameters: Written) -> shapes.SearchAnswer:
        return cast("shapes.SearchAnswer", self._json("/search", parameters, shapes.SearchAnswer))

    def article(self, article_id: str) -> shapes.Article:
        answer = self._json(_article_path(article_id), (), shapes.Article, no_such_article(article_id))
        return cast("shapes.Article", answer)

    def similar(self, article_id: str, parameters: Written) -> shapes.SimilarAnswer:
        path, missing = f"{_article_path(article_id)}/similar", no_such_article(article_id)
        return cast("shapes.SimilarAnswer", self._json(path, parameters, shapes.SimilarAnswer, missing))

    def suggest(self, parameters: Written) -> shapes.SuggestAnswer:
        return cast("shapes.SuggestAnswer", self._json("/suggest", parameters, shapes.SuggestAnswer))

    def values(self, facet: str, parameters: Written) -> shapes.ValuesAnswer:
        return cast("shapes.ValuesAnswer", self._json(f"/facets/{quote(facet)}", parameters, shapes.ValuesAnswer))

    def export(self, parameters: Written) -> Iterator[bytes]:
        name = dict(parameters).get("format", "jsonl").strip()
        media_type = FORMATS[name].media_type if name in FORMATS else "*/*"  # the site says what is wrong with it
        response = self._get("/export", parameters, media_type)
        if "content-length" not in response.headers and not response.chunked:
            response.close()
            self._fail("does not say where its answer ends, so that an export could be cut short unnoticed")
        return self._pieces(response)

    def close(self) -> None:
        self._pool.clear()

    def _json(self, path: str, parameters: Written, shape: Any, missing: str = "") -> Any:
        response = self._get(path, parameters, _JSON, missing)
        try:
            answer = json.loads(self._body(response, MAX_ANSWER_BYTES), parse_constant=_refuse_constant)
            _adapter(shape).validate_python(answer, strict=True)
        except (ValidationError, ValueError, RecursionError):
            self._fail("answers something that is not in the shape of this version's API")
        return answer

    def _get(self, path: str, parameters: Written, media_type: str, missing: str = "") -> urllib3.BaseHTTPResponse:
        """The head of a successful answer of a media type, whose body is still to be read.

        Raises:
            UsageError: there is no such article, where `missing` says so.
            ParameterError: as the site says.
            EngineUnreachableError: no answer, or another.
        """
        query = urlencode(parameters, errors="replace")
        url = f"{self._base}{ROOT}{path}" + (f"?{query}" if query else "")
        for _ in range(MAX_REDIRECTS + 1):
            with self._translated():
                response = self._pool.request(
                    "GET", url, headers=_headers(media_type), redirect=False, retries=False, preload_content=False
                )
            location = response.get_redirect_location()
            if not location:
                break
            response.close()
            url = self._redirected(url, location)
        else:
            self._fail("redirects in circles")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status != 200 or kind != media_type:
            with response:
                self._refuse(response, kind, missing)
        return response

    def _redirected(self, url: str, location: str) -> str:
        try:
            target = urljoin(url, location)
            same = _origin(parse_url(target)) == _origin(self._site)
        except (LocationParseError, ValueError):
            same = False
        if not same:
            self._fail("redirects elsewhere; give the address that it redirects to")
        return target

    def _refuse(self, response: urllib3.BaseHTTPResponse, kind: str, missing: str) -> NoReturn:
        """Raise what an answer without success says."""
        problem = self._problem(response) if kind == _PROBLEM else {}
        detail, parameter = problem.get("detail"), problem.get("parameter")
        if not isinstance(detail, str):
            self._fail(f"does not answer as Broadsheet does (status {response.status}, {_told(kind) or 'no type'})")
        detail = _told(detail)
        if response.status == _GONE:
            raise ExpiredPositionError(detail)
        if str(problem.get("type")).endswith(_TOO_COSTLY):
            raise OutOfBudgetError
        if isinstance(parameter, str):
            raise ParameterError(_told(parameter), detail)
        if response.status == 404 and missing:
            raise UsageError(missing)
        if response.status == _TOO_LONG:
            raise UsageError(detail)
        self._fail(f"refuses: {detail} (status {response.status})")

    def _problem(self, response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        try:
            problem = json.loads(self._body(response, MAX_PROBLEM_BYTES))
        except (ValueError, RecursionError):
            return {}
        return problem if isinstance(problem, dict) else {}

    def _body(self, response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
        """The whole body of an answer."""
        body, end = bytearray(), time.monotonic() + ANSWER_S
        for piece in self._pieces(response):
            body += piece
            if len(body) > limit:
                self._fail(f"answers more than {limit // 1024:,} kB; ask for fewer hits or fields")
            if time.monotonic() > end:
                self._fail(f"takes longer than {ANSWER_S} s to answer")
        return bytes(body)

    def _pieces(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it comes in; its connection is closed where that ends early."""
        with response:
            while True:
                with self._translated():
                    piece = response.read1(_PIECE_BYTES, decode_content=True)
                if not piece:
                    return
                yield piece

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What goes wrong on the way, as our errors."""
        try:
            yield
        except NameResolutionError as error:
            self._fail("has a name that cannot be resolved", error)
        except NewConnectionError as error:
            self._fail("cannot be reached", error)
        except TimeoutError as error:  # after the two above, which are kinds of it
            self._fail("does not answer in time", error)
        except SSLError as error:
            self._fail(f"cannot be trusted: {_told(str(error))}", error)
        except (HTTPError, OSError, ValueError) as error:
            self._fail("broke off or answered what cannot be read", error)

    def _fail(self, what: str, cause: BaseException | None = None) -> NoReturn:
        raise EngineUnreachableError(f"{self._base} {what}") from cause


def _read_url(url: str) -> Url:
    try:
        read = parse_url(url.strip())
    except LocationParseError as error:
        raise UsageError(f"“{_told(url)}” is not an address such as https://example.org/search") from error
    if read.scheme not in _PORTS or not read.host or read.auth or read.query or read.fragment:
        raise UsageError(f"“{_told(url)}” is not the address of a site, such as https://example.org/search")
    return read


def _pool(site: Url) -> urllib3.PoolManager:
    """Connections to a site, through the proxy that the environment names for it."""
    options: dict[str, Any] = {"timeout": Timeout(connect=CONNECT_S, read=READ_S), "maxsize": 4}
    proxy = getproxies().get(site.scheme or "")
    if not proxy or proxy_bypass(site.host or ""):
        return urllib3.PoolManager(**options)
    try:
        return urllib3.ProxyManager(proxy, **options)
    except (ProxySchemeUnknown, LocationParseError) as error:
        raise UsageError(f"the proxy that the environment names cannot be used: {_told(str(error))}") from error


def _headers(media_type: str) -> Mapping[str, str]:
    agent = f"broadsheet/{version('broadsheet')}"
    return {"Accept": f"{media_type}, {_PROBLEM}", "Accept-Encoding": "gzip", "User-Agent": agent}


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme or "")


def _article_path(article_id: str) -> str:
    """The path of an article below that of the API.

    Raises:
        UsageError: an address cannot hold the id: with steps up it would be that of something else on the same host.
    """
    if not {".", ".."}.isdisjoint(article_id.split("/")):
        raise UsageError(no_such_article(article_id))
    return f"/articles/{quote(article_id, safe='/', errors='replace')}"


def _told(text: str) -> str:
    """A text from elsewhere inside a sentence of ours: one short line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _DETAIL_CHARS else line[:_DETAIL_CHARS] + "…"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
