"""The app factory. Routes are in `web.pages`, `web.sharing` and `web.api`, errors in `web.errors`."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from markupsafe import Markup, escape

from index.errors import BroadsheetError
from index.settings import Settings
from web.api import blueprint as api
from web.assets import register_assets
from web.errors import register_errors
from web.filters import FILTERS
from web.headers import register_headers
from web.pages import blueprint as pages
from web.service import EXTENSION, Service
from web.sharing import blueprint as sharing
from web.texts import EXTENSION as TEXTS
from web.texts import Texts, load_texts


class AnyRequest(Request):
    """A request whose query may be any bytes: what is no UTF-8 is replaced, as where it is percent-encoded."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.query_string = self.query_string.decode("utf-8", "replace").encode()


def create_app(settings: Settings, texts: Texts | None = None) -> Flask:
    """The WSGI app that answers from the index of `settings`.

    An index that cannot be opened yet stops nothing: every request says so (503) and tries again.

    Args:
        settings: what to serve and how.
        texts: the interface's language; by default that of the settings.

    Raises:
        UsageError: the setting `locale` names no language.
    """
    app = Flask(__name__)
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
    for blueprint in (api, pages, sharing):
        app.register_blueprint(blueprint)
    register_assets(app)
    register_errors(app)
    register_headers(app, settings)
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
