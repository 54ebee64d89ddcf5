"""`broadsheet reindex`: read archives, bring the index up to date, say what was done."""

import click

from index.archive import parse_spec
from index.article import Reject, Warn
from index.reindex import Report, reindex
from index.settings import load_settings
from web.commands.options import echo_json, index_option, json_option, printable
from web.commands.progress import reporter
from web.render import Json

WARNINGS_SHOWN = 20


@click.command()
@click.argument("archives", nargs=-1, metavar="[[NAME=]ARCHIVE]...")
@index_option
@click.option("--full", is_flag=True, help="Read and index everything anew.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")
@click.option("--forget", multiple=True, metavar="NAME", help="Take this archive out of the index.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    archives: tuple[str, ...],
    index: str | None,
    full: bool,
    dry_run: bool,
    forget: tuple[str, ...],
    as_json: bool,
) -> None:
    """Read archives and bring the index up to date.

    An ARCHIVE is a folder of Markdown or HTML files with front matter, or a .jsonl file; it joins the archives that
    the index already knows. Without any, those known are read again. Only what changed is read.
    """
    settings = load_settings(index=index)
    specs = [parse_spec(archive) for archive in archives]
    with reporter() as progress:
        report = reindex(specs, settings, full=full, dry_run=dry_run, forget=forget, progress=progress)
    for reject in report.rejects:
        click.echo(reject_line(reject), err=True)
    if as_json:
        echo_json(report_json(report))
    else:
        _echo_warnings(report)
        click.echo("\n".join(summary_lines(report, dry_run=dry_run)))
    ctx.exit(1 if report.rejects else 0)


def report_json(report: Report) -> Json:
    """The report as `--json` prints it."""
    return {
        "generation": report.generation,
        "articles": report.articles,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "renamed": report.renamed,
        "unchanged": report.unchanged,
        "hidden": report.hidden,
        "rejected": report.rejected,
        "warnings": len(report.warnings),
        "without_front_matter": report.without_front_matter,
        "unknown_keys": list(report.unknown_keys),
        "elapsed_s": round(report.elapsed_s, 3),
        "rejects": [reject_json(reject) for reject in report.rejects],
        "warning_details": [_warning_json(warning) for warning in report.warnings],
    }


def reject_json(reject: Reject) -> Json:
    return {"path": reject.path, "line": reject.line, "column": reject.column, "reason": reject.reason}


def _warning_json(warning: Warn) -> Json:
    return {"path": warning.path, "line": warning.line, "field": warning.field, "reason": warning.reason}


def reject_line(reject: Reject) -> str:
    """`path:line:column: reason`, without the numbers that are not known."""
    place = ":".join(str(part) for part in (reject.path, reject.line, reject.column) if part is not None)
    return printable(f"{place}: {reject.reason}")


def summary_lines(report: Report, *, dry_run: bool = False) -> list[str]:
    """What was done, in a few lines for a person."""
    done = [
        f"{report.added:,} added",
        f"{report.changed:,} changed",
        f"{report.removed:,} removed",
        f"{report.unchanged:,} unchanged",
        f"{report.hidden:,} hidden",
        f"{report.rejected:,} rejected",
    ]
    if report.renamed:
        done.insert(3, f"({report.renamed:,} of these renamed)")
    lines = [", ".join(done).replace(", (", " (")]
    if report.without_front_matter:
        files = "file" if report.without_front_matter == 1 else "files"
        lines.append(f"{report.without_front_matter:,} {files} without front matter left out")
    if report.unknown_keys:
        lines.append(printable(f"keys kept but not known: {', '.join(report.unknown_keys)}"))
    if dry_run:
        lines.append("nothing was written")
    elif report.generation:
        lines.append(f"generation {report.generation}")
    seen = report.articles + report.hidden
    speed = f", {seen / report.elapsed_s:,.0f} articles/s" if report.elapsed_s > 0 else ""
    lines.append(f"{report.articles:,} articles searchable; {report.elapsed_s:.2f} s{speed}")
    return lines


def _echo_warnings(report: Report) -> None:
    for warning in report.warnings[:WARNINGS_SHOWN]:
        line = f":{warning.line}" if warning.line is not None else ""
        click.echo(printable(f"{warning.path}{line}: warning: {warning.field}: {warning.reason}"), err=True)
    more = len(report.warnings) - WARNINGS_SHOWN
    if more > 0:
        click.echo(f"and {more:,} more warnings", err=True)
