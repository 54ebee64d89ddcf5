"""`broadsheet status`: what is indexed."""

import click

from index.settings import load_settings
from search.engine import open_engine
from search.results import Status
from web.commands.options import echo_json, index_option, json_option, printable
from web.render import render_status


@click.command()
@index_option
@json_option
def command(index: str | None, as_json: bool) -> None:
    """Say what is indexed."""
    engine = open_engine(load_settings(index=index))
    try:
        status = engine.status()
    finally:
        engine.close()
    if as_json:
        echo_json({**render_status(status), "hidden": status.hidden, "notes": list(status.notes)}, indent=True)
    else:
        click.echo("\n".join(status_lines(status)))


def status_lines(status: Status) -> list[str]:
    """The status in a few lines for a person."""
    rows = [
        ("articles", f"{status.articles:,}"),
        ("hidden", f"{status.hidden:,}"),
        ("rejected", f"{status.rejected:,}"),
        ("newest", status.newest or "none has a date"),
        ("archives", ", ".join(status.archives)),
        ("unpublished", status.unpublished),
        ("generation", status.generation),
        ("created", status.created),
        ("engine", status.engine),
    ]
    return [printable(f"{name:12} {value}") for name, value in rows] + [printable(note) for note in status.notes]
