"""`broadsheet suggest`: completions of what is being typed."""

from typing import Any

import click

from web.commands.asking import asking, parameter_options, source_options, written
from web.commands.options import echo_json, json_option, printable
from web.params import SuggestParameters


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="TEXT")
@source_options
@parameter_options(SuggestParameters)
@json_option
def command(words: tuple[str, ...], index: str | None, url: str | None, as_json: bool, **options: Any) -> None:
    """Complete what is being typed.

    The last word of TEXT is taken as unfinished. Each line says how many articles choosing it finds, and what it is:
    words to search for, a topic, or the title of an article with its id.
    """
    with asking(index, url) as client:
        answer = client.suggest(written(options, words))
    if as_json:
        echo_json(answer)
        return
    for each in answer["suggestions"]:
        article = f" · {each['id']}" if each["id"] else ""
        click.echo(printable(f"{each['count']:>8,}  {each['kind']:5}  {each['text']}{article}"))
