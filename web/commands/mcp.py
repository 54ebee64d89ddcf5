"""`broadsheet mcp`: the search as tools for language models (Model Context Protocol)."""

from importlib import import_module
from types import ModuleType

import click

from index.errors import UsageError
from web.commands.asking import asking, source_options

_PACKAGES = {"mcp", "mcp_types", "anyio"}


@click.command()
@source_options
def command(index: str | None, url: str | None) -> None:
    """Give language models the search as tools.

    A server of the Model Context Protocol over standard input and output, which programs with a language model start:
    its tools search, read articles, and list similar ones and topics. It only reads, and ends with its input.

    \b
    {"mcpServers": {"articles": {"command": "broadsheet", "args": ["mcp", "--index", "/srv/index"]}}}
    """
    server = _load_server()
    with asking(index, url) as client:
        client.make_ready()
        server.serve(client)


def _load_server() -> ModuleType:
    try:
        return import_module("web.mcp_server")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise UsageError("this command needs the package mcp: pip install 'broadsheet[mcp]'") from error
