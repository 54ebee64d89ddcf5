"""The three faces: page, API and command line. `create_app` is the way in for a WSGI server.

It is loaded when asked for: the command line shares this package and should not wait for Flask.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from web.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        return import_module("web.app").create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
