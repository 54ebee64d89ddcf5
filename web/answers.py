"""What the API answers: checked parameters, engine -> JSON values in the shapes of `web.shapes`.

The API's views and the clients of a local index (`web.local`) both ask here, so that they say the same. Addresses
begin with `root`, the path that the API's routes begin with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from index.errors import OutOfBudgetError
from index.settings import Settings
from search.engine import Engine
from search.query import Query
from search.results import Results
from web import shapes
from web.cursor import read_cursor
from web.export import FORMATS, export_fields
from web.links import Links
from web.params import (
    HIT_FIELDS,
    ExportParameters,
    Pairs,
    ParameterError,
    SearchParameters,
    SimilarParameters,
    SuggestParameters,
    ValuesParameters,
    clean,
)
from web.render import render_hit, render_results, render_suggestions, render_value

_KEPT = ("facets", "fields", "highlight", "explain")
"""Parameters that stay in every address of an answer."""


def search_query(asked: SearchParameters, settings: Settings) -> Query:
    """The query that a search asks for.

    Raises:
        ParameterError: see `SearchParameters.query`, and `read_cursor` for its cursor.
    """
    query = asked.query(settings)
    return replace(query, after=read_cursor(asked.cursor, query)) if asked.cursor else query


def search_links(root: str, query: Query, settings: Settings, pairs: Pairs) -> Links:
    """The addresses around a search, of which `pairs` are the parameters as they were written."""
    given = dict(pairs)
    kept = [(name, clean(given[name])) for name in _KEPT if name in given]
    return Links(f"{root}/search", query, settings.max_depth, kept)


def search_answer(asked: SearchParameters, query: Query, results: Results, links: Links) -> shapes.SearchAnswer:
    """What a search found.

    Raises:
        OutOfBudgetError: a walk by cursor begins with hits that are not all there are.
    """
    if asked.cursor and results.partial:
        raise OutOfBudgetError
    fields = HIT_FIELDS if asked.fields is None else [name for name in asked.fields if name != "id"]
    html, harvest = asked.highlight == "html", bool(asked.cursor)
    return render_results(results, query, links, fields, html=html, harvest=harvest)


def similar_answer(engine: Engine, asked: SimilarParameters, article_id: str) -> shapes.SimilarAnswer | None:
    """The articles most like one; None where that one is not there."""
    hits = engine.similar(article_id, asked.size)
    if not hits and engine.get(article_id) is None:
        return None
    return {"hits": [render_hit(hit) for hit in hits]}


def suggest_answer(engine: Engine, asked: SuggestParameters, root: str) -> shapes.SuggestAnswer:
    """Completions of what is being typed."""
    suggestions = engine.suggest(asked.q, asked.size)
    return render_suggestions(asked.q, suggestions, f"{root}/search", f"{root}/articles/")


def values_page(root: str, facet: str, pairs: Pairs, number: int) -> str:
    """The address of a page of the values of a facet, with parameters as they were written."""
    kept = [(clean(name), clean(value)) for name, value in pairs if name != "page"]
    return f"{root}/facets/{quote(facet)}?{urlencode([*kept, ('page', number)])}"


def values_answer(
    engine: Engine,
    settings: Settings,
    asked: ValuesParameters,
    facet: str,
    *,
    root: str,
    pairs: Sequence[tuple[str, str]],
) -> shapes.ValuesAnswer:
    """One page of the values of a facet (of `FACETS`); `pairs` are the parameters as they were written."""
    query = asked.query(settings)
    buckets = engine.values(query, facet, asked.prefix)
    links = Links(f"{root}/search", query, settings.max_depth)
    pages = -(-len(buckets) // asked.size)
    start = (asked.page - 1) * asked.size
    return {
        "facet": facet,
        "total": len(buckets),
        "values": [render_value(bucket, facet, links) for bucket in buckets[start : start + asked.size]],
        "page": {
            "number": asked.page,
            "size": asked.size,
            "total_pages": pages,
            "next_url": values_page(root, facet, pairs, asked.page + 1) if asked.page < pages else None,
            "previous_url": values_page(root, facet, pairs, min(asked.page - 1, pages))
            if asked.page > 1 and pages
            else None,
        },
    }


def export_pieces(engine: Engine, settings: Settings, asked: ExportParameters) -> Iterator[bytes]:
    """All matches in the format that is asked for, in pieces of UTF-8.

    Raises:
        ParameterError: they are more than may be exported. At once, not only when the pieces are asked for.
        OutOfBudgetError: there is no time to find them all; at once, too.
    """
    query = asked.query(settings)
    hits = engine.scan(query)
    if hits.partial:
        raise OutOfBudgetError
    if hits.total > settings.max_export_rows:
        detail = (
            f"This would be {hits.total:,} articles; an export holds {settings.max_export_rows:,} at most. "
            "Narrow it down, or walk through a search by `cursor`."
        )
        raise ParameterError("q", detail, problem="export-too-large")
    return FORMATS[asked.format].write(hits, export_fields(asked.fields), query)
