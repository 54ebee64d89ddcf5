"""`broadsheet queries`: what people searched for, where the setting `count_queries` has it counted."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.settings import load_settings
from search.dates import period
from web.commands.options import echo_json, index_option, json_option, printable
from web.query_counts import QueryCount, QueryStore
from web.render import Json

WIDE = 1_000
"""Columns of a table that nobody looks at: more than the longest query takes."""


@click.command()
@index_option
@click.option("--without-results", is_flag=True, help="Only those that found nothing at least once.")
@click.option("--since", metavar="DAY", help="Only from this day on: 2021-12-13, 2021-12 or 2021 (UTC).")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many queries.")
@click.option("--clear", is_flag=True, help="Forget all counts.")
@json_option
def command(
    index: str | None, without_results: bool, since: str | None, limit: int, clear: bool, as_json: bool
) -> None:
    """Say what people searched for.

    The queries asked most, or most often without results, come first. Only a server with the setting count_queries
    counts them: each first page of results, with its day and no trace of who asked, kept for a year.
    """
    settings = load_settings(index=index)
    store = QueryStore(settings.index_path)
    if clear:
        store.clear()
        return
    found = store.read(since=_day(since), without_results=without_results, limit=limit)
    if as_json:
        echo_json({"queries": [queries_json(query) for query in found]}, indent=True)
    elif found:
        _print(found)
    else:
        off = "" if settings.count_queries else " Nothing is counted; see the setting count_queries."
        click.echo(f"No queries.{off}", err=True)


def queries_json(query: QueryCount) -> Json:
    """One query as `--json` prints it."""
    return {
        "query": query.text,
        "asked": query.asked,
        "without_results": query.without_results,
        "results": query.results,
        "days": query.days,
        "last_day": query.last_day,
    }


def _day(since: str | None) -> str:
    """The first day of a period, ISO; "" for none."""
    if since is None:
        return ""
    found = period(since)
    if not found:
        raise click.BadParameter("it is not a date such as 2021-12-13, 2021-12 or 2021", param_hint="--since")
    return found[0].date().isoformat()


def _print(found: tuple[QueryCount, ...]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("asked", "without results", "results last time", "days", "last day"):
        table.add_column(name, justify="right")
    table.add_column("query", overflow="fold")
    for query in found:
        numbers = (query.asked, query.without_results, query.results, query.days)
        table.add_row(*(f"{number:,}" for number in numbers), printable(query.last_day), Text(printable(query.text)))
    console = Console(highlight=False)
    if not console.is_terminal:  # a line for each query, whatever its length: for grep and the like
        console.width = WIDE
    console.print(table)
