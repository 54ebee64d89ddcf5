"""`broadsheet move`: from the index in a directory to a cluster, with a comparison of both."""

from dataclasses import replace

import click

from index.move import Move, move
from index.settings import Settings, load_settings
from search.compare import Comparison, Difference, compare, sample_queries
from search.engine import open_engine
from web.commands.options import echo_json, index_option, json_option, printable
from web.commands.progress import Reporter, reporter
from web.commands.reindex import reject_json, reject_line
from web.render import Json

SAMPLE = 50


@click.command()
@index_option
@click.option("--to", type=click.Choice(["opensearch"]), required=True, help="Where to.")
@click.option(
    "--sample", type=click.IntRange(min=0), default=SAMPLE, show_default=True, help="Queries to compare both with."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which queries these are.")
@json_option
@click.pass_context
def command(ctx: click.Context, index: str | None, to: str, sample: int, seed: int, as_json: bool) -> None:
    """Load a cluster from the index, and compare both.

    The cluster and the name of the index there are those of the settings (opensearch_hosts, opensearch_index …). The
    archives are not read. The exit code is 1 where articles were rejected or the two engines answer differently.
    """
    settings = load_settings(index=index)
    with reporter() as progress:
        moved = move(settings, progress)
        comparison = _compare(settings, to, sample, seed, progress)
    for reject in moved.rejects:
        click.echo(reject_line(reject), err=True)
    if as_json:
        echo_json(move_json(moved, comparison))
    else:
        click.echo("\n".join(summary_lines(moved, comparison)))
    ctx.exit(1 if moved.rejects or comparison.differences else 0)


def _compare(settings: Settings, to: str, sample: int, seed: int, progress: Reporter) -> Comparison:
    if not sample:
        return Comparison(0, (), 1.0, 1.0)
    one, other = open_engine(replace(settings, engine="whoosh")), open_engine(replace(settings, engine=to))
    try:
        return compare(one, other, sample_queries(one, sample, seed), progress)
    finally:
        one.close()
        other.close()


def move_json(moved: Move, comparison: Comparison) -> Json:
    """What was done as `--json` prints it."""
    return {
        "generation": moved.generation,
        "articles": moved.articles,
        "rejects": [reject_json(reject) for reject in moved.rejects],
        "queries": comparison.queries,
        "overlap": round(comparison.overlap, 4),
        "tau": round(comparison.tau, 4),
        "differences": [
            {"query": asked(each), "what": each.what, "here": each.one, "there": each.other}
            for each in comparison.differences
        ],
    }


def asked(difference: Difference) -> str:
    """The query of a difference in one line."""
    filters = difference.query.filters
    parts = [difference.query.text or "*"]
    parts += [f"{name}={value}" for name, values in filters.chosen.items() for value in values]
    parts += [f"exclude_{name}={value}" for name, values in filters.excluded.items() for value in values]
    parts += [f"missing={name}" for name in sorted(filters.missing)]
    parts += [f"from={filters.start:%Y-%m-%d}"] if filters.start else []
    parts += [f"to={filters.end:%Y-%m-%d}"] if filters.end else []
    return " ".join(parts)


def summary_lines(moved: Move, comparison: Comparison) -> list[str]:
    """What was done, for a person."""
    lines = [
        printable(f"{asked(each)}: {each.what}: {each.one} here, {each.other} there") for each in comparison.differences
    ]
    lines.append(f"{moved.articles:,} articles moved, {len(moved.rejects):,} rejected; generation {moved.generation}")
    if comparison.queries:
        lines.append(
            f"{comparison.queries:,} queries compared: {len(comparison.differences):,} differences, "
            f"{comparison.overlap:.1%} of the first hits in common, order alike by {comparison.tau:.3f}"
        )
    return [*lines, 'to serve from there: engine = "opensearch"']
