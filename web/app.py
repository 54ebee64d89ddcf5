"""The app factory. Routes are in `web.pages`, `web.api` and `web.sharing`, errors in `web.errors`."""

from flask import Flask

from index.errors import BroadsheetError
from index.settings import Settings
from web.api import blueprint as api
from web.errors import register_errors
from web.filters import FILTERS
from web.headers import register_headers
from web.pages import blueprint as pages
from web.service import EXTENSION, Service
from web.sharing import blueprint as sharing


def create_app(settings: Settings) -> Flask:
    """The WSGI app that answers from the index of `settings`.

    An index that cannot be opened yet stops nothing: every request says so (503) and tries again.
    """
    app = Flask(__name__)
    # An id may hold any characters, two slashes in a row among them.
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS)
    service = Service(settings)
    app.extensions[EXTENSION] = service
    app.register_blueprint(api)
    app.register_blueprint(pages)
    app.register_blueprint(sharing)
    register_errors(app)
    register_headers(app, settings)
    for note in _notes(service):
        app.logger.warning("%s", note)
    return app


def _notes(service: Service) -> tuple[str, ...]:
    """What the operator should know at the start; opens the engine."""
    try:
        return service.engine().status().notes
    except BroadsheetError as error:
        return (f"not ready: {error}",)
