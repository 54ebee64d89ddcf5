"""`broadsheet export`: all matches, as lines of JSON, a table or text, to a file or to standard output."""

import os
import signal
import stat
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from index.errors import UsageError
from web.client import Client, Written
from web.commands.asking import asking, parameter_options, source_options, written
from web.commands.progress import reporter
from web.params import ExportParameters

Write = Callable[[bytes], object]

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ") | {ord("\n"): "\n"}
_LINE_OF_ARTICLE = {"jsonl": b"\n", "csv": b"\r\n", "markdown": b"\n## "}
"""By format, what stands once for each article (in a table also in cells of several lines)."""


@click.command()
@click.argument("words", nargs=-1, metavar="[QUERY]")
@source_options
@parameter_options(ExportParameters)
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to; - is standard output.  [default: -]")
def command(words: tuple[str, ...], index: str | None, url: str | None, output: str, **options: Any) -> None:
    """Export all matches to a file.

    Without QUERY and filters: everything. A FILE is there when it is whole: it is written beside its place and then
    renamed. How far it is stands on standard error.

    \b
    broadsheet export -o articles.jsonl
    broadsheet export ferry --from 2023 --format csv --fields title,url,published -o ferries.csv
    broadsheet export --url https://example.org --format markdown --topic Harbours
    """
    parameters = written(options, words)
    with asking(index, url) as client:
        if output == "-":
            write = _standard_output()
            for piece in client.export(parameters):
                write(piece)
            return
        total = _count(client, parameters)
        pieces = client.export(parameters)
        form = (options["format"] or "jsonl").strip()
        with _new_file(Path(output)) as write:
            size = _write(pieces, write, form, total)
    click.echo(f"{output}: {total:,} {'article' if total == 1 else 'articles'}, {size:,} bytes", err=True)


def _count(client: Client, parameters: Written) -> int:
    """How many articles there will be."""
    filters = [pair for pair in parameters if pair[0] not in {"format", "fields"}]
    return client.search([*filters, ("size", "0"), ("facets", "none")])["total"]["value"]


def _write(pieces: Iterator[bytes], write: Write, form: str, total: int) -> int:
    """Write the pieces as they come, and tell how far it is; the number of bytes."""
    size = done = 0
    with reporter() as progress:
        for piece in pieces:
            write(piece)
            size += len(piece)
            # No more than a measure: a mark that lies in two pieces is missed.
            done = min(done + piece.count(_LINE_OF_ARTICLE[form]), total)
            progress("exporting", done, total)
    return size


def _standard_output() -> Write:
    """Standard output; what reaches a terminal cannot steer it."""
    binary = sys.stdout.buffer
    if not _is_terminal():
        return binary.write
    decoder = getincrementaldecoder("utf-8")("replace")
    return lambda piece: binary.write(decoder.decode(piece).translate(_CONTROLS).encode())


def _is_terminal() -> bool:
    return sys.stdout.isatty()


@contextmanager
def _new_file(path: Path) -> Iterator[Write]:
    """Writes a file that takes its place when it is whole; where that fails or is interrupted, nothing is left.

    What is no regular file, such as a pipe, is written to at once.

    Raises:
        UsageError: there is no folder for it.
    """
    path = path.resolve()  # of a link, what it leads to is replaced
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    try:
        special = not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        special = False
    if special:
        with path.open("wb") as file:
            yield file.write
        return
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    ended = signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to stop is like being interrupted
    try:
        with part.open("xb") as file:
            yield file.write
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, ended)
