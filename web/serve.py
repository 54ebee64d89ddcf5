"""Serving the app with gunicorn: worker processes with threads, one listening socket made here.

The socket is ours so that the address is known, and a port that is taken is told, before anything else starts.
"""

import socket
import struct
import sys
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http import message

from index.errors import UsageError
from index.settings import Settings
from search.engine import open_engine
from web.app import check_settings, create_app
from web.health import note_ending
from web.logs import GunicornLogger, configure_logging
from web.workers import SharedFiles

THREADS = 4
GRACE_S = 10
STALLED_S = 30
"""After which a client that neither sends the rest of its request nor takes more of its answer is given up."""

MAX_REQUEST_LINE_BYTES = 65_536
"""Room for the longest query in any script, percent-encoded (12 bytes a character), and many filters."""


def serve(settings: Settings) -> None:
    """Serve until told to stop (SIGTERM, SIGINT).

    Raises:
        IndexUnusableError: there is nothing to serve yet; nothing was bound.
        UsageError: a setting makes no sense, the address cannot be listened on, or there is no place to count in.
    """
    check_settings(settings)
    open_engine(settings).close()
    listener = _listen(settings)
    address = _address(listener, settings.base_path)
    files = SharedFiles(settings.workers) if settings.metrics != "off" else None
    configure_logging()
    try:
        # Gunicorn closes the descriptor that it is given, so it must be the only owner.
        _Server(settings, listener.detach(), address, files).run()
    finally:
        if files:
            files.remove()


def _listen(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {error}", setting="host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit these. Without them, a few clients that stop in the middle take all threads for ever.
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", STALLED_S, 0))
        listener.bind(address)
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {error}", setting="port") from error
    return listener


def _address(listener: socket.socket, base_path: str) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound: every address of the machine, so also this one
        host = "localhost"
    return f"http://[{host}]:{port}{base_path}/" if ":" in host else f"http://{host}:{port}{base_path}/"


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn is untyped
    """Gunicorn with our app and no configuration from elsewhere."""

    def __init__(self, settings: Settings, descriptor: int, address: str, files: SharedFiles | None = None) -> None:
        self.settings = settings
        self.files = files
        self.descriptor = descriptor
        self.address = address
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self.descriptor}",
            "workers": self.settings.workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "preload_app": False,
            "graceful_timeout": GRACE_S,
            "loglevel": "warning",
            "logger_class": GunicornLogger,
            "when_ready": self._announce,
            "post_worker_init": self._accompany,
            "control_socket_disable": True,
            # Gunicorn itself believes a proxy on the same machine; `web.mount` believes those that the settings count.
            "forwarded_allow_ips": "",
        }
        if self.files:
            options |= {"pre_fork": self.files.number, "post_fork": self.files.enter, "child_exit": self.files.leave}
        for name, value in options.items():
            if name in self.cfg.settings:  # the control socket is younger than the oldest gunicorn we run on
                self.cfg.set(name, value)
        # The setting itself ends at 8,190 or has no bound at all.
        message.MAX_REQUEST_LINE = MAX_REQUEST_LINE_BYTES
        self.cfg.set("limit_request_line", MAX_REQUEST_LINE_BYTES)

    def load(self) -> Flask:
        return create_app(self.settings)

    def _accompany(self, worker: Any) -> None:
        note_ending(worker.wsgi, lambda: not worker.alive)

    def _announce(self, _server: object) -> None:
        click.echo(self.address)
        sys.stdout.flush()
