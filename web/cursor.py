"""Cursors: a place in the order of a query as one opaque word of an address, and back.

A cursor is nothing secret: it holds what its client was told anyway. What it says is checked as any other parameter is.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, replace
from typing import Any

from search.query import Position, Query
from web.links import parameters
from web.params import START, ParameterError

_KINDS: tuple[tuple[type, ...], ...] = ((int,), (bool,), (int, type(None)), (str,), (str,))
_LARGEST = 2**53


def write_cursor(position: Position, query: Query) -> str:
    """The cursor for what follows a hit of `query`."""
    if query.sort != "relevance":  # such a place outlives its generation
        position = replace(position, generation="")
    row = [_mark(query), *astuple(position)]
    return urlsafe_b64encode(json.dumps(row).encode("ascii")).decode("ascii").rstrip("=")


def read_cursor(cursor: str, query: Query) -> Position | None:
    """The place that a cursor of `query` names; None for the beginning.

    Raises:
        ParameterError: it is no cursor, or one of another query.
    """
    if cursor == START:
        return None
    try:
        mark, *values = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        position = _position(values)
    except (ValueError, TypeError, RecursionError):
        detail = f"This is not a cursor; `{START}` begins, and `page.next_url` of each answer has the next one."
        raise ParameterError("cursor", detail, problem="no-such-cursor") from None
    if mark != _mark(query):
        detail = "This cursor belongs to another query: words, filters and order must stay the same along the way."
        raise ParameterError("cursor", detail, problem="no-such-cursor")
    return position


def _position(values: list[Any]) -> Position:
    if len(values) != len(_KINDS):
        raise ValueError("another number of values")
    for value, kind in zip(values, _KINDS, strict=True):
        if type(value) not in kind:
            raise TypeError("another type")
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise ValueError("a number beyond those that are written")
    position = Position(*values)
    if position.rank < 1:
        raise ValueError("a place that no hit has")
    return position


def _mark(query: Query) -> str:
    """What tells queries of different matches or order apart; the number of hits may change along the way."""
    asked = Query(text=query.text, match=query.match, filters=query.filters, sort=query.sort)
    return hashlib.blake2b(repr(parameters(asked)).encode("utf-8", "replace"), digest_size=6).hexdigest()
