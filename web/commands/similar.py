"""`broadsheet similar`: the articles most like one."""

from typing import Any

import click

from web.commands.asking import asking, parameter_options, source_options, written
from web.commands.hits import open_console, print_hit
from web.commands.options import echo_json, json_option
from web.params import SimilarParameters


@click.command()
@click.argument("article_id", metavar="ID")
@source_options
@parameter_options(SimilarParameters)
@json_option
def command(article_id: str, index: str | None, url: str | None, as_json: bool, **options: Any) -> None:
    """List the articles most like one.

    ID is the last part of the line that `broadsheet search` prints under a title. Copies of the article, and of each
    other, are left out.
    """
    with asking(index, url) as client:
        answer = client.similar(article_id, written(options))
    if as_json:
        echo_json(answer)
        return
    console = open_console()
    if not answer["hits"]:
        console.print("No other article is like this one.")
    for rank, hit in enumerate(answer["hits"], start=1):
        print_hit(console, hit, rank)
