"""`broadsheet search`: the API's answer in a terminal, or as it is with `--json`."""

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from index.errors import UsageError
from index.settings import load_settings
from index.urls import safe_href
from search.engine import open_engine
from search.query import FACETS, Query
from search.results import Hit, Ranges, Results
from web.commands.options import echo_json, index_option, json_option, printable
from web.filters import label
from web.links import page_count
from web.params import ParameterError, parse_query
from web.render import render_results

BUCKETS_SHOWN = 6


@click.command()
@click.argument("words", nargs=-1, metavar="QUERY")
@index_option
@click.option("--match", help="auto, all or any of the words.  [default: auto]")
@click.option("--topic", multiple=True, help="Only this topic; may be repeated, as may the next three.")
@click.option("--provider", multiple=True, help="Only this provider.")
@click.option("--type", multiple=True, help="Only this type.")
@click.option("--category", multiple=True, help="Only this category.")
@click.option("--exclude-topic", multiple=True, help="Not this topic; may be repeated, as may the next three.")
@click.option("--exclude-provider", multiple=True, help="Not this provider.")
@click.option("--exclude-type", multiple=True, help="Not this type.")
@click.option("--exclude-category", multiple=True, help="Not this category.")
@click.option("--missing", multiple=True, help="Only articles without: topic, provider, type, category or date.")
@click.option("--from", help="Published on this day or later: 2021-12-13, 2021-12 or 2021.")
@click.option("--to", help="Published on this day or earlier.")
@click.option("--sort", help="relevance, newest or oldest.  [default: relevance]")
@click.option("--page", help="Page of the results.  [default: 1]")
@click.option("--size", help="Hits a page, at most 100.  [default: 10]")
@json_option
def command(words: tuple[str, ...], index: str | None, as_json: bool, **options: Any) -> None:
    """Search from the terminal.

    QUERY is what one would type into the page's search box; without it, the newest articles are listed. Write `--`
    before a query that begins with a dash.
    """
    query = _query(" ".join(words), options)
    engine = open_engine(load_settings(index=index))
    try:
        results = engine.search(query)
    finally:
        engine.close()
    if as_json:
        echo_json(render_results(results, query))
    else:
        _print(results, query)


def _query(text: str, options: dict[str, Any]) -> Query:
    """The options are the API's parameters and are read as those are."""
    pairs = [("q", text)]
    for name, value in options.items():
        pairs += [(name, item) for item in (value if isinstance(value, tuple) else (value,)) if item is not None]
    try:
        return parse_query(pairs)
    except ParameterError as error:
        raise UsageError(f"--{error.parameter.replace('_', '-')}: {error.detail}") from error


def _print(results: Results, query: Query) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(_count(results, query), style="bold")
    for note in results.notes:
        console.print(Text(printable(note.text), "italic"))
    divided = False
    for hit in results.hits:
        if results.match == "partial" and not hit.full and not divided:
            divided = True
            console.print("\n-- with some of the words --")
        console.print()
        for line in _hit_lines(hit):
            console.print(line)
    console.print()
    for line in _facet_lines(results):
        console.print(line)


def _count(results: Results, query: Query) -> str:
    pages = page_count(results.total, query.size)
    where = f", page {query.page} of {pages}" if pages > 1 else ""
    few = f", {results.full:,} of them with all words" if results.match == "partial" else ""
    return f"{results.total:,} {'article' if results.total == 1 else 'articles'}{few}{where}"


def _hit_lines(hit: Hit) -> list[Text]:
    article = hit.article
    title = (
        _marked(article.title, hit.highlights.get("title", ())) if article.title else Text(printable(label(article)))
    )
    facts = [
        article.provider.name or article.provider.domain,
        article.published.date().isoformat() if article.published else "undated",
    ]
    lines = [
        Text.assemble(f"{hit.rank:>3}. ", title),
        Text("     " + printable(" · ".join(filter(None, (*facts, article.type, article.id)))), "dim"),
    ]
    if hit.snippet:
        lines.append(Text.assemble("     ", _marked(hit.snippet.text, hit.snippet.highlights)))
    elif article.excerpt and article.title:
        lines.append(Text.assemble("     ", _marked(article.excerpt, hit.highlights.get("excerpt", ()))))
    url = safe_href(article.address)
    if url:
        lines.append(Text(f"     {url}"))
    return lines


def _marked(text: str, ranges: Ranges) -> Text:
    """Words found are bold on a terminal and plain elsewhere; `printable` keeps every character in its place."""
    line = Text(printable(text))
    for start, end in ranges:
        line.stylize("bold", start, end)
    return line


def _facet_lines(results: Results) -> list[Text]:
    """The most frequent values of each facet that divides the hits."""
    facets = [
        (name, [(bucket.value, bucket.count) for bucket in results.facets.get(name, ()) if not bucket.excluded])
        for name in FACETS
    ]
    facets.append(("date", [(year.value, year.count) for year in results.dates]))
    lines = []
    for name, buckets in facets:
        if len(buckets) > 1:
            shown = [f"{value or 'none'} {count:,}" for value, count in buckets[:BUCKETS_SHOWN]]
            more = ", …" if len(buckets) > BUCKETS_SHOWN else ""
            lines.append(Text(printable(f"{name:9} {', '.join(shown)}{more}"), "dim"))
    return lines
