"""How much of a request is read: one beyond is refused before anything else looks at it.

The server's own limits (`web.serve`) lie beyond these, so that what is refused is told why.
"""

from flask import Flask, Request, request

from web.errors import Refusal
from web.problems import ADDRESS_TOO_LONG, TOO_LARGE
from web.texts import mark

MAX_ADDRESS_CHARS = 16_000
"""Path and query as they are sent: room for the longest query in any script (12 characters each) and many filters."""

MAX_BODY_BYTES = 64 * 1024
"""Nothing takes a body; a small one, which some clients send with every request, is passed over."""


def register_bounds(app: Flask) -> None:
    """Refuse requests that are too long or too large."""

    @app.before_request
    def refuse() -> None:
        if _address_chars(request) > MAX_ADDRESS_CHARS:
            raise Refusal(ADDRESS_TOO_LONG, mark("This address is longer than anything that can be asked for here."))
        if _is_too_large(request):
            raise Refusal(TOO_LARGE, mark("This request has a body, and a larger one than is read past."))


def _address_chars(asked: Request) -> int:
    sent = asked.environ.get("RAW_URI")  # as Gunicorn and Werkzeug leave it; others decode the path
    return len(sent) if sent else len(asked.environ.get("PATH_INFO", "")) + len(asked.query_string) + 1


def _is_too_large(asked: Request) -> bool:
    """Reads a small body: of one in chunks the size is not told, and one left unread may cost the client its answer."""
    if (asked.content_length or 0) > MAX_BODY_BYTES:
        return True
    if not asked.content_length and "Transfer-Encoding" not in asked.headers:
        return False
    asked.max_content_length = MAX_BODY_BYTES + 1  # Werkzeug reads so much and no more
    return len(asked.get_data(cache=False)) > MAX_BODY_BYTES
