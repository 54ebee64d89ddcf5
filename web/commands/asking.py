"""What commands that ask an index or a site share: where to ask, the API's parameters as options, errors about them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from index.errors import UsageError
from web.client import Client, open_client
from web.commands.options import DEFAULTS, index_option
from web.params import ParameterError, Parameters, properties, repeatable, with_numbers

URL_VARIABLE = "BROADSHEET_URL"

_METAVARS = {"from": "DATE", "to": "DATE", "page": "N", "size": "N", "facets": "LIST", "fields": "LIST"}
_Command = TypeVar("_Command", bound=Callable[..., Any])

url_option = click.option(
    "--url",
    metavar="URL",
    help=f"Ask the site with this address instead of an index; also as {URL_VARIABLE} in the environment.",
)


def parameter_options(model: type[Parameters]) -> Callable[[_Command], _Command]:
    """An option for each parameter of a route of the API but `q`, which is the command's argument.

    Values are handed on as they are written: the API's own reading of them checks them, here or at the site.
    """

    def decorate(command: _Command) -> _Command:
        for name, schema in reversed(properties(model).items()):
            if name != "q":
                command = _option(name, schema, repeated=repeatable(model)[name])(command)
        return command

    return decorate


def _option(name: str, schema: dict[str, Any], *, repeated: bool) -> Callable[[_Command], _Command]:
    described = with_numbers(schema["description"], DEFAULTS).replace("`", "")
    default = schema.get("default")
    value = schema.get("items", schema)
    if value.get("type") == "boolean":
        return click.option(_flag(name), name, flag_value="true", default=None, help=described)
    shown = f"  [default: {default}]" if default and not repeated else ""
    metavar = "|".join(value["enum"]) if "enum" in value else _METAVARS.get(name, name.rpartition("_")[2].upper())
    return click.option(_flag(name), name, multiple=repeated, metavar=metavar, help=described + shown)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def written(options: dict[str, Any], words: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    """The options that were given, and the words as `q`, as parameters of the API."""
    pairs = [] if words is None else [("q", " ".join(words))]
    for name, value in options.items():
        pairs += [(name, item) for item in (value if isinstance(value, tuple) else (value,)) if item is not None]
    return pairs


@contextmanager
def asking(index: str | None, url: str | None) -> Iterator[Client]:
    """The client of the index or site that the options name.

    A site that the environment names is asked where neither is given. What is wrong with a parameter is told as that
    of an option.

    Raises:
        UsageError: both are given, or a parameter is wrong.
    """
    if index and url:
        raise UsageError("--index and --url cannot be given at once")
    if not index:
        url = url or os.environ.get(URL_VARIABLE)
    client = open_client(index, url)
    try:
        yield client
    except ParameterError as error:
        option = "QUERY" if error.parameter == "q" else _flag(error.parameter)
        raise UsageError(f"{option}: {error.detail}") from error
    finally:
        client.close()


def source_options(command: _Command) -> _Command:
    """`--index` and `--url`."""
    return index_option(url_option(command))
