"""`broadsheet search`: the API's answer in a terminal, or as it is with `--json`."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from rich.console import Console
from rich.text import Text

from index.errors import UsageError
from search.query import COUNTED
from web import shapes
from web.client import Client, Written
from web.commands.asking import asking, parameter_options, source_options, written
from web.commands.hits import open_console, print_hit
from web.commands.options import echo_json, json_option, printable
from web.params import MAX_SIZE, START, SearchParameters

BUCKETS_SHOWN = 6


@click.command()
@click.argument("words", nargs=-1, metavar="[QUERY]")
@source_options
@parameter_options(SearchParameters)
@click.option("--all", "everything", is_flag=True, help="Print every hit, to the end; with --json one object a line.")
@json_option
def command(
    words: tuple[str, ...], index: str | None, url: str | None, everything: bool, as_json: bool, **options: Any
) -> None:
    """Search from the terminal.

    QUERY is what one would type into the page's search box; without it, the newest articles are listed. Write `--`
    before a query that begins with a dash. The options are the API's parameters.

    \b
    broadsheet search night ferry --topic Harbours --from 2023
    broadsheet search ferry --url https://example.org --json
    broadsheet search --all --sort id --fields title,url --json
    """
    parameters = written(options, words)
    with asking(index, url) as client:
        answers = _walk(client, parameters) if everything else iter((client.search(parameters),))
        if not as_json:
            _print(answers, fields=options["fields"] is not None, listed=everything)
        elif everything:
            for answer in answers:
                for hit in answer["hits"]:
                    echo_json(hit)
        else:
            echo_json(next(answers))


def _walk(client: Client, parameters: Written) -> Iterator[shapes.SearchAnswer]:
    """All answers from the first hit to the last."""
    given = {name for name, _ in parameters}
    if given & {"page", "cursor"}:
        raise UsageError("--all begins at the first hit: --page and --cursor cannot be given beside it")
    usual = {"size": str(MAX_SIZE), "facets": "none"}
    asked = [*parameters, *((name, value) for name, value in usual.items() if name not in given)]
    cursor: str | None = START
    while cursor:
        answer = client.search([*asked, ("cursor", cursor)])
        yield answer
        # Of the address only this is used, and a site that gives nothing but cursors leads nowhere.
        following = parse_qs(urlsplit(answer["page"]["next_url"] or "").query).get("cursor", [None])[0]
        cursor = following if answer["hits"] and following != cursor else None


def _print(answers: Iterator[shapes.SearchAnswer], *, fields: bool, listed: bool) -> None:
    """Print the answers of one search, of which each goes on where the last one ended."""
    console = open_console()
    first, rank, divided = None, 0, False
    for answer in answers:
        if first is None:
            first = answer
            _print_head(console, answer, listed=listed)
        for hit in answer["hits"]:
            rank = hit.get("rank", rank + 1)
            if answer["query"]["match"] == "partial" and hit.get("full") is False and not divided:
                divided = True
                console.print("\n-- with some of the words --")
            print_hit(console, hit, rank, fields=fields)
    console.print()
    for line in _facet_lines(first["facets"] if first else {}):
        console.print(line)


def _print_head(console: Console, answer: shapes.SearchAnswer, *, listed: bool) -> None:
    total, page = answer["total"], answer["page"]
    number, pages = page["number"], page["total_pages"]
    where = f", page {number} of {pages}" if not listed and number and pages and pages > 1 else ""
    few = f", {total['full']:,} of them with all words" if answer["query"]["match"] == "partial" else ""
    least = "about " if total["relation"] == "approximate" else ""
    console.print(
        f"{least}{total['value']:,} {'article' if total['value'] == 1 else 'articles'}{few}{where}", style="bold"
    )
    for note in answer["query"]["notes"]:
        console.print(Text(printable(note["text"]), "italic"))


def _facet_lines(facets: shapes.Facets) -> Iterator[Text]:
    """The most frequent values of each facet that divides the hits."""
    for name in COUNTED:
        values: list[shapes.Value] = facets.get(name, [])  # type: ignore[assignment] # a literal name of each
        buckets = [(value["value"], value["count"]) for value in values if not value["excluded"]]
        if len(buckets) > 1:
            shown = [f"{value or 'none'} {count:,}" for value, count in buckets[:BUCKETS_SHOWN]]
            more = ", …" if len(buckets) > BUCKETS_SHOWN else ""
            yield Text(printable(f"{name:9} {', '.join(shown)}{more}"), "dim")
