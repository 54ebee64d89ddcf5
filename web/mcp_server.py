"""The tools of `web.mcp_tools` as a server of the Model Context Protocol, over standard input and output.

The only module that imports the package `mcp`, which the extra of that name brings.
"""

import logging
import sys
from importlib.metadata import version

import anyio
from anyio.to_thread import run_sync
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from index.errors import BroadsheetError
from web.client import Client
from web.mcp_tools import INSTRUCTIONS, TOOLS, Answer, Tool

_log = logging.getLogger(__name__)


def serve(client: Client) -> None:
    """Answer until standard input ends. Standard output is the protocol's alone; the log goes to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="broadsheet mcp: %(message)s")
    anyio.run(_serve, client)


async def _serve(client: Client) -> None:
    server = build_server(client)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def build_server(client: Client) -> Server:
    """The server, its tools answered by `client`."""
    tools = {tool.name: tool for tool in TOOLS}
    listed = types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def list_tools(_context: object, _asked: object) -> types.ListToolsResult:
        return listed

    async def call_tool(_context: object, asked: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(asked.name)
        if tool is None:
            return _refused(f"There is no tool “{asked.name[:50]}”; there are {', '.join(tools)}.")
        try:
            answer = await run_sync(tool.call, client, asked.arguments or {}, abandon_on_cancel=True)
        except BroadsheetError as error:
            return _refused(str(error))
        except Exception:
            _log.exception("%s failed", tool.name)
            return _refused("Something went wrong here. It was written to the log.")
        return _given(answer)

    return Server(
        "broadsheet",
        title="Broadsheet",
        version=version("broadsheet"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema(),
        output_schema=tool.output_schema(),
        annotations=types.ToolAnnotations(
            title=tool.title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def _given(answer: Answer) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=answer.text)], structured_content=answer.value
    )


def _refused(sentence: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=sentence)], is_error=True)
