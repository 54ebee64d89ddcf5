"""`broadsheet serve`: the page and the API. How they are served is `web.serve`'s work."""

import click

from index.settings import load_settings
from web.commands.options import DEFAULTS, index_option
from web.serve import serve


@click.command()
@index_option
@click.option("--host", metavar="ADDRESS", help=f"Address to listen on.  [default: {DEFAULTS.host}]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help=f"Port to listen on; 0 picks a free one.  [default: {DEFAULTS.port}]"
)
@click.option("--workers", type=click.IntRange(1), help=f"Worker processes.  [default: {DEFAULTS.workers}]")
def command(index: str | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the page and the API.

    The first line printed is the address. A new index is taken up without a restart.
    """
    serve(load_settings(index=index, host=host, port=port, workers=workers))
