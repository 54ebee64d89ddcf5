"""The command line: `broadsheet` and its commands, each in a module of `web.commands` that is loaded when it is called.

Exit codes: 0 done (also when nothing was found), 1 rejects or differences, 2 usage, 3 no usable archive or index,
4 another writer is at work, 5 the engine does not answer, 130 interrupted. An error is one line on standard error.
"""

import errno
import sys
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click

from index.errors import BroadsheetError, UnusableError

COMMANDS = {
    "reindex": "Read archives and bring the index up to date.",
    "serve": "Serve the page and the API.",
    "search": "Search from the terminal.",
    "suggest": "Complete what is being typed.",
    "similar": "List the articles most like one.",
    "export": "Export all matches to a file.",
    "mcp": "Give language models the search as tools.",
    "status": "Say what is indexed.",
    "check": "Compare the index with the archives.",
    "move": "Load a cluster from the index, and compare both.",
    "queries": "Say what people searched for.",
}
INTERRUPTED = 130


class Failure(click.ClickException):
    """An error as the command line tells it: one line and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code  # type: ignore[misc] # click reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"broadsheet: {self.format_message()}", file=file or sys.stderr)


class LazyGroup(click.Group):
    """Commands by name; a command's module, and all that it needs, is imported when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"web.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BroadsheetError as error:
            raise Failure(str(error), error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Failure("interrupted", INTERRUPTED) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has seen enough; click ends quietly
                raise
            raise Failure(str(error), UnusableError.exit_code) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            raise Failure(_bug(error), BroadsheetError.exit_code) from error


def _bug(error: Exception) -> str:
    """A fault of ours in one line, with the place that a report about it should name."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "somewhere"
    return f"unexpected {type(error).__name__} at {where}: {error}"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="broadsheet")
def cli() -> None:
    """Broadsheet makes an archive of articles searchable.

    \b
    broadsheet reindex ARCHIVE     read a folder of Markdown files
    broadsheet serve               search it in a browser
    """


def main() -> None:
    """The console script."""
    cli(prog_name="broadsheet")
