"""The app factory. Routes are in `web.pages`, `web.sharing`, `web.embed` and `web.api`, errors in `web.errors`."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from markupsafe import Markup, escape

from index.errors import BroadsheetError
from index.settings import Settings
from web.access import register_access
from web.api import blueprint as api
from web.assets import register_assets
from web.bounds import register_bounds
from web.compression import register_compression
from web.conditional import register_conditional
from web.cors import read_origins, register_cors
from web.embed import blueprint as embed
from web.errors import register_errors
from web.filters import FILTERS
from web.headers import register_headers
from web.health import register_health
from web.metrics import register_metrics
from web.mount import read_base_path, read_origin, register_mount
from web.negotiation import register_negotiation
from web.pages import blueprint as pages
from web.rate_limit import read_limiter, register_rate_limit
from web.searches import register_query_counts
from web.service import EXTENSION, Service
from web.sharing import blueprint as sharing
from web.texts import EXTENSION as TEXTS
from web.texts import Texts, load_texts


class AnyRequest(Request):
    """A request whose query may be any bytes: what is no UTF-8 is replaced, as where it is percent-encoded."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.query_string = self.query_string.decode("utf-8", "replace").encode()


class App(Flask):
    """Flask, with an answer to OPTIONS that has no body."""

    def make_default_options_response(self) -> Response:
        response = super().make_default_options_response()
        response.status_code = 204
        response.headers.remove("Content-Type")
        return response


def check_settings(settings: Settings) -> None:
    """Read the settings that are texts with a form of their own, so that a mistake is told before anything starts.

    Raises:
        UsageError: one of them makes no sense; it is named.
    """
    load_texts(settings.locale)
    read_base_path(settings.base_path)
    read_origins(settings.cors_origins)
    read_limiter(settings)
    if settings.origin:
        read_origin(settings.origin)


def create_app(settings: Settings, texts: Texts | None = None) -> Flask:
    """The WSGI app that answers from the index of `settings`.

    An index that cannot be opened yet stops nothing: every request says so (503) and tries again.

    Args:
        settings: what to serve and how.
        texts: the interface's language; by default that of the settings.

    Raises:
        UsageError: a setting makes no sense, see `check_settings`.
    """
    app = App(__name__)
    app.request_class = AnyRequest
    # An id may hold any characters, two slashes in a row among them.
    app.url_map.merge_slashes = False
    texts = texts or load_texts(settings.locale)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.filters.update(texts.filters())
    app.jinja_env.globals.update(_=texts.say, _html=_saying_markup(texts))
    service = Service(settings)
    app.extensions[EXTENSION] = service
    app.extensions[TEXTS] = texts
    for blueprint in (api, embed, pages, sharing):
        app.register_blueprint(blueprint)
    # What answers pass on their way out, in reverse: compressed last.
    register_compression(app)
    register_headers(app, settings)
    register_cors(app, settings)
    register_assets(app)
    # What requests pass on their way in, in this order.
    register_mount(app, settings)
    register_bounds(app)
    register_rate_limit(app, settings)
    register_negotiation(app)
    register_conditional(app, settings)
    register_errors(app)
    register_health(app)
    register_query_counts(app, settings)
    metrics = register_metrics(app, settings)
    # Around all of it, so that whatever is answered is logged and counted.
    register_access(app, settings, (metrics.observe_request,) if metrics else ())
    for note in _notes(service):
        app.logger.warning("%s", note)
    return app


def _saying_markup(texts: Texts) -> Callable[..., Markup]:
    """Says interface texts whose values may be markup; values that are not are escaped."""

    def say(message: str, **values: object) -> Markup:
        return Markup(escape(texts.say(message))).format(**values)  # noqa: S704 - escaped, and so are the values

    return say


def _notes(service: Service) -> tuple[str, ...]:
    """What the operator should know at the start; opens the engine."""
    try:
        return service.engine().status().notes
    except BroadsheetError as error:
        return (f"not ready: {error}",)
