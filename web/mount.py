"""Where the site stands in the world: behind which proxies, below which path, and under which name.

All of it is settled here, before Flask sees a request, so that every address that `url_for` makes is right:
`SCRIPT_NAME` is the path that the site lives below, `wsgi.url_scheme` and `HTTP_HOST` the name it goes by.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from index.errors import UsageError
from index.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
_ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535

_OUTSIDE = "broadsheet.outside"
_BARE = "broadsheet.bare"


def read_base_path(text: str) -> str:
    """The setting `base_path`: "" or a path that begins with a slash and ends without one.

    Raises:
        UsageError: it is none.
    """
    if text and not _PATH.fullmatch(text):
        message = f"{text!r} is not a path such as /search: it begins with a slash, ends without one, and has letters, "
        raise UsageError(f"setting 'base_path': {message}digits and . _ ~ - between slashes", setting="base_path")
    return text


def read_origin(text: str, setting: str = "origin") -> str:
    """An origin as browsers write it: scheme and host in small letters, a port only where it is not the usual one.

    Raises:
        UsageError: it is none; `setting` is named.
    """
    found = _ORIGIN.fullmatch(text.lower())
    scheme, host, port = found.groups() if found else ("", "", "")
    if not found or int(port or 0) > _MAX_PORT:
        message = f"setting {setting!r}: {text!r} is not scheme and host, such as https://example.org"
        raise UsageError(f"{message} (an international name as browsers send it, xn--…)", setting=setting)
    usual = not port or int(port) == _DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{int(port)}"


class Mount:
    """WSGI middleware: puts the site below a path and under an origin."""

    def __init__(self, app: "WSGIApplication", base_path: str, origin: str) -> None:
        self.app = app
        self.base_path = base_path
        self.origin = urlsplit(origin) if origin else None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # Set by a proxy's header, which a careless one passes on from a client.
        prefix = environ.get("SCRIPT_NAME", "").rstrip("/")
        if not _PATH.fullmatch(prefix):
            prefix = ""
        if environ["wsgi.url_scheme"] not in _DEFAULT_PORTS:
            environ["wsgi.url_scheme"] = "http"
        # A proxy that says that it took the path off has done so; all others pass it on.
        if self.base_path and not prefix.endswith(self.base_path):
            prefix += self.base_path
            path = environ.get("PATH_INFO", "")
            if path == self.base_path:
                environ[_BARE] = True
            if path == self.base_path or path.startswith(f"{self.base_path}/"):
                environ["PATH_INFO"] = path.removeprefix(self.base_path)
            else:
                environ[_OUTSIDE] = True
        environ["SCRIPT_NAME"] = prefix
        if self.origin:
            environ["wsgi.url_scheme"], environ["HTTP_HOST"] = self.origin.scheme, self.origin.netloc
        return self.app(environ, start_response)


def register_mount(app: Flask, settings: Settings) -> None:
    """Let `app` stand where the settings say.

    Outside its path there is nothing, not even a redirect: other sites may live there.

    Raises:
        UsageError: `base_path` or `origin` is none.
    """
    mounted = Mount(app.wsgi_app, read_base_path(settings.base_path), settings.origin and read_origin(settings.origin))
    app.wsgi_app = mounted  # type: ignore[method-assign] # Flask's documented way
    if settings.proxies:
        # Each proxy adds the address that it was asked from; the others are set by one of them and passed on. Without
        # the setting, none of these headers is looked at.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            mounted, x_for=settings.proxies, x_proto=1, x_host=1, x_port=1, x_prefix=1
        )

    @app.before_request
    def inside() -> ResponseReturnValue | None:
        if request.environ.get(_OUTSIDE):
            abort(404)
        if request.environ.get(_BARE):  # the front page has one address
            query = f"?{request.query_string.decode()}" if request.query_string else ""
            return redirect(url_for("pages.home") + query, 308)
        return None
