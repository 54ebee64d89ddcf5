"""The query API: what is asked over HTTP -> the answers of `web.answers` and `web.render`."""

from collections.abc import Mapping

from flask import Response, request

from search.query import FACETS
from web import shapes
from web.answers import (
    export_pieces,
    search_answer,
    search_links,
    search_query,
    similar_answer,
    suggest_answer,
    values_answer,
    values_page,
)
from web.conditional import answer_unless_known
from web.errors import NoSuchArticle, Refusal
from web.export import FORMATS
from web.links import ROOT
from web.negotiation import JSON
from web.openapi import build_document
from web.operations import Example, PathParameter, blueprint, operation
from web.params import (
    START,
    ExportParameters,
    LookupParameters,
    NoParameters,
    SearchParameters,
    SimilarParameters,
    SuggestParameters,
    TimelineParameters,
    ValuesParameters,
    clean,
)
from web.problems import NOT_FOUND
from web.render import Json, render_found, render_status, render_timeline, to_bytes
from web.searches import note_search
from web.service import current_service
from web.sharing import SUGGESTIONS_KEPT_S

__all__ = ["blueprint"]

MAX_LINK_CHARS = 2_000
"""Of a header: proxies commonly take 4 KB of headers in all, and give an error where there are more."""

_ID = PathParameter(
    "article_id",
    "The `id` of a hit, which begins with the name of its archive. Its slashes may stand as they are.",
    {"minLength": 1},
)
_FACET = PathParameter("facet", "Which facet.", {"enum": list(FACETS)})


@operation(
    "/search",
    parameters=SearchParameters,
    answers=shapes.SearchAnswer,
    headers=("Link",),
    problems=("no-such-cursor", "expired-cursor", "too-costly"),
    examples=(
        Example("Two words", "/search?q={words}"),
        Example("A topic, newest first", "/search?topic={topic}&sort=newest&size=5&facets=none"),
        Example("Totals and facets alone", "/search?q={word}&size=0&facets=topic:50,date"),
        Example(
            "A few fields, and found words as HTML", "/search?q={word}&fields=title,url&highlight=html&facets=none"
        ),
        Example("How a score came about", "/search?q={words}&size=1&fields=title,score&explain=true&facets=none"),
        Example("The beginning of a harvest", "/search?cursor=*&sort=id&size=100&facets=none&fields=title,url"),
    ),
)
def search(asked: SearchParameters) -> Response:
    """Search.

    Ranked hits with exact totals, and facets counted over all matches. Nothing in `q` is an error; `query.notes` tell
    how it was read. `page.next_url` leads to the next page and, where the first one was asked for with `cursor=*`,
    through every hit to the end.
    """
    service = current_service()
    query = search_query(asked, service.settings)
    results = service.engine().search(query)
    note_search(query, results)
    links = search_links(_root(), query, service.settings, request.args.items(multi=True))
    found = search_answer(asked, query, results, links)
    response = _json(found)
    if results.partial:  # with more time the next one may be whole
        response.headers["Cache-Control"] = "no-store"
    first = links.cursor(START) if asked.cursor else links.page(1)
    _link(response, {"first": first, "prev": found["page"]["previous_url"], "next": found["page"]["next_url"]})
    return response


@operation(
    "/articles/<path:article_id>",
    answers=shapes.Article,
    path=(_ID,),
    problems=("no-such-article",),
    examples=(Example("One article", "/articles/{id}"),),
)
def article(_asked: NoParameters, article_id: str) -> Response:
    """Get an article.

    All that the archive says of it, and its links in both directions.
    """
    found = current_service().engine().get(clean(article_id))
    if found is None:
        raise NoSuchArticle(article_id)
    return _json(render_found(found))


@operation(
    "/articles",
    parameters=LookupParameters,
    answers=shapes.ArticlesAnswer,
    examples=(
        Example("By an address", "/articles?url={url}"),
        Example("An address that no article has", "/articles?url=https://nowhere.example/nothing"),
    ),
)
def lookup(asked: LookupParameters) -> Response:
    """Find articles by address.

    Any address that an article is known under finds it, and several articles may share one. The list is empty where
    none has it.
    """
    return _json({"articles": [render_found(found) for found in current_service().engine().lookup(asked.url)]})


@operation(
    "/articles/<path:article_id>/similar",
    parameters=SimilarParameters,
    answers=shapes.SimilarAnswer,
    path=(_ID,),
    problems=("no-such-article",),
    examples=(Example("The three most like it", "/articles/{id}/similar?size=3"),),
)
def similar(asked: SimilarParameters, article_id: str) -> Response:
    """Find similar articles.

    The articles most like one, best first, without copies of it or of each other.
    """
    found = similar_answer(current_service().engine(), asked, clean(article_id))
    if found is None:
        raise NoSuchArticle(article_id)
    return _json(found)


@operation(
    "/suggest",
    parameters=SuggestParameters,
    answers=shapes.SuggestAnswer,
    examples=(Example("While a word is typed", "/suggest?q={start}"),),
    kept=False,
)
def suggest(asked: SuggestParameters) -> Response:
    """Complete what is being typed.

    Words, topics and titles for a search box, each with the number of articles that choosing it finds.
    """
    response = _json(suggest_answer(current_service().engine(), asked, _root()))
    # Private: what someone types is kept by nobody between here and the browser.
    response.headers["Cache-Control"] = f"private, max-age={SUGGESTIONS_KEPT_S}"
    return response


@operation(
    "/facets/<facet>",
    parameters=ValuesParameters,
    answers=shapes.ValuesAnswer,
    headers=("Link",),
    path=(_FACET,),
    problems=("not-found", "too-costly"),
    examples=(
        Example("All topics", "/facets/topic"),
        Example("Topics by the beginning of a word", "/facets/topic?prefix={beginning}"),
        Example("Providers of what matches, two a page", "/facets/provider?q={word}&size=2"),
    ),
)
def values(asked: ValuesParameters, facet: str) -> Response:
    """List the values of a facet.

    All values that the matches of a query have, or those of which a word begins with `prefix`, counted as in a search.
    """
    if facet not in FACETS:
        detail = f"Values are listed of {', '.join(FACETS)} only; `/timeline` counts matches by date."
        raise Refusal(NOT_FOUND, detail)
    service = current_service()
    pairs = list(request.args.items(multi=True))
    found = values_answer(service.engine(), service.settings, asked, facet, root=_root(), pairs=pairs)
    response = _json(found)
    first, page = values_page(_root(), facet, pairs, 1), found["page"]
    _link(response, {"first": first, "prev": page["previous_url"], "next": page["next_url"]})
    return response


@operation(
    "/timeline",
    parameters=TimelineParameters,
    answers=shapes.TimelineAnswer,
    problems=("too-costly",),
    examples=(
        Example("By month", "/timeline?q={word}"),
        Example("By week, from a year on", "/timeline?interval=week&from={year}"),
    ),
)
def timeline(asked: TimelineParameters) -> Response:
    """Count matches over time.

    Years, months, weeks or days with the number of matches in each; those without a match are left out.
    """
    service = current_service()
    found = service.engine().timeline(asked.query(service.settings), asked.interval)
    return _json(render_timeline(found, asked.interval))


@operation(
    "/export",
    parameters=ExportParameters,
    answers={form.media_type: form.description for form in FORMATS.values()},
    headers=("Content-Disposition",),
    problems=("export-too-large", "too-costly"),
    examples=(
        Example("A JSON object on each line", "/export?q={word}&fields=title,published,url"),
        Example("A table", "/export?q={word}&format=csv&fields=title,published,url"),
        Example("Text to read", "/export?topic={topic}&format=markdown&sort=newest"),
    ),
    kept=False,
)
def export(asked: ExportParameters) -> Response:
    """Export all matches.

    As a file that is streamed from one state of the index. It is never cut short: an export of more than
    {max_export_rows} articles is refused at once.
    """
    service = current_service()
    form = FORMATS[asked.format]
    response = Response(export_pieces(service.engine(), service.settings, asked), mimetype=form.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename=articles.{form.suffix}"
    response.headers["Cache-Control"] = "no-store"
    return response


@operation("/status", answers=shapes.StatusAnswer, examples=(Example("Status", "/status"),))
def status(_asked: NoParameters) -> Response:
    """Say what is served.

    How many articles there are, how fresh they are, and what serves them.
    """
    return _json(render_status(current_service().engine().status()))


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description of all this."""
    document = build_document(current_service().settings, _root())
    return answer_unless_known(to_bytes(document), JSON)


def _json(value: Json) -> Response:
    return Response(to_bytes(value), content_type=JSON)


def _root() -> str:
    """The path that the API's routes begin with, below whatever the site is below."""
    return request.root_path + ROOT


def _link(response: Response, addresses: Mapping[str, str | None]) -> None:
    """Say where the rest of a list is (RFC 8288), where there is room for that; the answer itself says it anyway."""
    links = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in addresses.items() if url)
    if len(links) <= MAX_LINK_CHARS:
        response.headers["Link"] = links
