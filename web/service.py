"""The engine behind an app: opened once, and again with the next request as long as it cannot be opened.

So a server may start before the first reindex. Following new generations is the engine's own work. What makes it faster
but takes seconds to get ready is begun here, beside the first requests: commands that ask once do not wait for it.
"""

import logging
from threading import Lock, Thread

from flask import current_app

from index.settings import Settings
from search.engine import Engine, open_engine

_log = logging.getLogger(__name__)

EXTENSION = "broadsheet"


class Service:
    """Hands out the open engine; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = Lock()
        self._engine: Engine | None = None

    def engine(self) -> Engine:
        """The engine.

        Raises:
            BroadsheetError: it cannot be opened at present.
        """
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = open_engine(self.settings)
                    # A daemon: nothing waits for it, neither closing nor the end of the process.
                    Thread(target=self._accelerate, args=(self._engine,), name="accelerate", daemon=True).start()
        return self._engine

    def _accelerate(self, engine: Engine) -> None:
        try:
            engine.accelerate()
        except Exception:
            if self._engine is engine:  # one that was closed meanwhile cannot
                _log.exception("evaluation goes on without compiled code")

    def close(self) -> None:
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None


def current_service() -> Service:
    """The service of the app that is answering."""
    service: Service = current_app.extensions[EXTENSION]
    return service
