"""What several commands share: options, and how an answer becomes JSON on standard output."""

import json

import click

from index.settings import Settings
from web.render import Json, to_bytes

DEFAULTS = Settings()

index_option = click.option("--index", metavar="DIR", help=f"Directory of the index.  [default: {DEFAULTS.index}]")
json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object on standard output.")


def echo_json(value: Json, *, indent: bool = False) -> None:
    """Write one object; `indent` for those that people read too."""
    if indent:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        click.echo(text.encode("utf-8", "replace"))
    else:
        click.echo(to_bytes(value))


def printable(text: str) -> str:
    """`text` for a terminal: in one line, without control characters, which an archive could bring in."""
    return "".join(char if char.isprintable() else " " for char in text)
