"""Cross-origin requests: which other sites' pages may ask the API, by the CORS protocol of the Fetch standard.

Off unless the setting names origins. What may be asked holds no secrets and needs no cookies, so credentials are never
allowed, and a preflight's answer is always the same.
"""

from collections.abc import Iterable

from flask import Flask, Response, request

from index.settings import Settings
from web.mount import read_origin

ANY = "*"
ALLOW_METHODS = "GET, HEAD, OPTIONS"
ALLOW_HEADERS = "Accept, Content-Type, If-Modified-Since, If-None-Match, X-Request-ID"
EXPOSE_HEADERS = "Content-Disposition, ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
MAX_AGE_S = 7_200
"""For which a browser need not ask again whether it may ask; none keeps it longer."""


def read_origins(items: Iterable[str]) -> frozenset[str]:
    """The setting `cors_origins`.

    Raises:
        UsageError: one of them is neither an origin nor `*`.
    """
    return frozenset(item if item == ANY else read_origin(item, "cors_origins") for item in items)


def register_cors(app: Flask, settings: Settings) -> None:
    """Let pages of the allowed origins read the API and the search box's script.

    Raises:
        UsageError: the setting makes no sense.
    """
    allowed = read_origins(settings.cors_origins)
    if not allowed:
        return

    @app.after_request
    def add(response: Response) -> Response:
        if not (request.path.startswith("/api/") or request.path == "/embed.js"):
            return response
        if ANY in allowed:
            response.headers["Access-Control-Allow-Origin"] = ANY
        else:
            response.vary.add("Origin")
            origin = request.headers.get("Origin", "")
            if origin not in allowed:  # compared as text: browsers write an origin in one way
                return response
            response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = ALLOW_METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOW_HEADERS
            response.headers["Access-Control-Max-Age"] = str(MAX_AGE_S)
        else:
            response.headers["Access-Control-Expose-Headers"] = EXPOSE_HEADERS
        return response
