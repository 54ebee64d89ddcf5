"""`broadsheet check`: the index against the archives it was made from."""

import click

from index.check import CheckReport, check
from index.settings import load_settings
from web.commands.options import echo_json, index_option, json_option, printable
from web.commands.reindex import reject_json, reject_line
from web.render import Json


@click.command()
@index_option
@json_option
@click.pass_context
def command(ctx: click.Context, index: str | None, as_json: bool) -> None:
    """Compare the index with the archives.

    Reads every file of both, so it takes as long as a full reindex. The exit code is 1 where anything differs or
    was rejected.
    """
    report = check(load_settings(index=index))
    if as_json:
        echo_json(check_json(report), indent=True)
    else:
        for reject in report.rejects:
            click.echo(reject_line(reject), err=True)
        for difference in report.differences:
            click.echo(printable(f"{difference.kind}: {difference.what}: {difference.detail}"))
        click.echo(
            f"{report.articles:,} articles and {report.files:,} files compared: "
            f"{len(report.differences):,} differences, {len(report.rejects):,} rejected"
        )
    ctx.exit(1 if report.differences or report.rejects else 0)


def check_json(report: CheckReport) -> Json:
    """The report as `--json` prints it."""
    return {
        "articles": report.articles,
        "files": report.files,
        "differences": [
            {"kind": difference.kind, "what": difference.what, "detail": difference.detail}
            for difference in report.differences
        ],
        "rejects": [reject_json(reject) for reject in report.rejects],
    }
