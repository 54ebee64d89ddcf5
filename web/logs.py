"""The server's log: one JSON object a line on standard error, each with the id of the request that it is about.

A line is printable ASCII: whatever a client sent, no byte of it can end a line, forge one or steer a terminal. Which
requests are logged is `web.access`'s work; `serve` sets the log up, other servers keep theirs.
"""

import json
import logging
import os
import re
import sys
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from gunicorn.glogging import Logger

ACCESS = "broadsheet.access"
"""The logger of requests. Its records carry `fields`, which stand in the line instead of a message."""

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that this thread is answering."""


class JsonFormatter(logging.Formatter):
    """A record as one line: time (UTC), level, log (the logger's name), request_id, message or fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
        }
        request_id = REQUEST_ID.get()
        if request_id:
            line["request_id"] = request_id
        fields = getattr(record, "fields", None)
        line |= fields if fields is not None else {"message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # Not orjson, which leaves DEL, C1 controls and line separators as they are.
        return json.dumps(line, ensure_ascii=True, default=str)


class _LineHandler(logging.Handler):
    """Writes a record by one call, so that lines of several processes do not mix; what cannot be written is lost."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # a closed pipe or a full disk costs the line, never the answer
            os.write(self._descriptor, self.format(record).encode("ascii") + b"\n")


def configure_logging() -> None:
    """Write everything that this process and those forked from it log as lines on standard error."""
    handler: logging.Handler = logging.NullHandler()
    if sys.stderr is not None:  # it is None where the process was started with it closed
        handler = _LineHandler(sys.stderr.fileno())
        handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(ACCESS).setLevel(logging.INFO)


class GunicornLogger(Logger):  # type: ignore[misc] # gunicorn is untyped
    """Gunicorn's own messages in our log, without what was asked: it quotes requests that it cannot read."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.filters = [_is_news, _without_queries]


_QUOTED = re.compile(r"\?\S+|(?<= )b?['\"].*", re.DOTALL)


def _is_news(record: logging.LogRecord) -> bool:
    """A client that was given up (`web.serve.STALLED_S`) is none; any number of them may come."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


def _without_queries(record: logging.LogRecord) -> bool:
    """Take parameters, and what stands in quotes, out of a message."""
    record.msg, record.args = _QUOTED.sub("…", record.getMessage()), ()
    return True
