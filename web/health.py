"""For load balancers and supervisors: does the process answer (`/healthz`), and should it be asked (`/readyz`)?

The first is 200 whatever the state of the index: a new process would not mend that. The second is 503 as long as no
index serves, and as soon as the process is told to end.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, Response, current_app

from index.errors import EngineUnreachableError
from web.service import current_service

EXTENSION = "broadsheet-ending"

blueprint = Blueprint("health", __name__)


def register_health(app: Flask) -> None:
    """Answer `/healthz` and `/readyz`."""
    app.register_blueprint(blueprint)


def note_ending(app: Flask, ending: Callable[[], bool]) -> None:
    """Let `app` ask whether its process was told to end; it is then no longer ready."""
    app.extensions[EXTENSION] = ending


@blueprint.get("/healthz")
def health() -> Response:
    return _line("ok")


@blueprint.get("/readyz")
def ready() -> Response:
    """An engine is open, and its index serves."""
    ending: Callable[[], bool] | None = current_app.extensions.get(EXTENSION)
    if ending and ending():
        raise EngineUnreachableError("the server is ending")
    current_service().engine().status()
    return _line("ready")


def _line(text: str) -> Response:
    return Response(f"{text}\n", content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
