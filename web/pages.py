"""The pages: address -> query, engine, template. What they show is worked out in the `…_page` modules."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from index.errors import BroadsheetError
from search.engine import Engine
from search.ladder import next_steps
from search.limits import Limits
from search.query import FACETS, Query, cut_text
from web.article_page import build_article_page
from web.docs_page import build_docs_page
from web.errors import NoSuchArticle
from web.links import ROOT, Links
from web.negotiation import gives
from web.openapi import build_document
from web.params import clean, read_query
from web.results_page import build_front_page, build_results_page
from web.searches import note_search
from web.service import current_service
from web.sharing import feed_links
from web.site import Head, Site
from web.texts import current_texts
from web.values_page import View, build_values_page

blueprint = Blueprint("pages", __name__)

SIMILAR = 20
"""Asked for; those that are related anyway are not shown twice."""


@blueprint.get("/")
def home() -> Response:
    """The front page; with anything asked for, the results."""
    settings = current_service().settings
    typed = read_query(request.args.items(multi=True), settings)
    site, engine = current_site(), current_service().engine()
    results = engine.search(typed)
    note_search(typed, results)
    query = _cut(typed)
    links = Links(site.home, query, settings.max_depth)
    if query == Query():
        return _html("front.html", build_front_page(results, engine.status(), links, _head(query, links.here()), site))
    steps = next_steps(query, results, engine, Limits.of(current_service().settings))
    return _html("results.html", build_results_page(results, steps, links, _head(query, links.here()), site))


@blueprint.get("/values/<facet>")
def values(facet: str) -> Response:
    """All values of a facet, over the matches of a query."""
    if facet not in FACETS:
        abort(404)
    settings = current_service().settings
    query = replace(_cut(read_query(request.args.items(multi=True), settings)), page=1)
    site = current_site()
    links = Links(site.home, query, settings.max_depth)
    buckets = current_service().engine().values(query, facet)
    head = _head(query, site.all_values(facet, query))
    return _html("values.html", build_values_page(facet, buckets, _view(), links, head, site))


@blueprint.get("/help")
def how_to_search() -> Response:
    """The query language."""
    return _html("help.html", None)


@blueprint.get(f"{ROOT}/docs")
@gives("text/html")
def docs() -> Response:
    """The API's documentation; it is there, without answers to its examples, before anything is indexed."""
    service = current_service()
    try:
        engine: Engine | None = service.engine()
    except BroadsheetError:
        engine = None
    document = build_document(service.settings, request.root_path + ROOT)
    return _html("docs.html", build_docs_page(document, service.settings, engine, _root()))


@blueprint.get("/article/<path:article_id>")
def article(article_id: str) -> Response:
    """One article with all that is known of it."""
    engine = current_service().engine()
    found = engine.get(article_id)
    if found is None:
        raise NoSuchArticle(article_id)
    similar = engine.similar(article_id, SIMILAR)
    return _html("article.html", build_article_page(found, similar, _root(), request.referrer or "", current_site()))


@blueprint.app_context_processor
def shared() -> dict[str, Any]:
    """What every template reads, errors included."""
    return {"site": current_site()}


def current_site() -> Site:
    """The site of the app that is answering."""
    return Site(
        settings=current_service().settings,
        texts=current_texts(),
        home=url_for("pages.home"),
        # What an argument is appended to.
        articles=url_for("pages.article", article_id="-").removesuffix("-"),
        values=url_for("pages.values", facet="-").removesuffix("-"),
        api=url_for("api.article", article_id="-").removesuffix("-"),
    )


def _head(query: Query, path: str) -> Head:
    """What the page of `query` at `path` says of itself."""
    listing = query == Query(sort=query.sort, page=query.page)
    robots = "" if query == Query() else "noindex" if listing else "noindex, nofollow"
    return Head(_root() + path, feed_links(query), robots)


def _root() -> str:
    """`https://host`, an international name in ASCII as browsers send it, which Flask's `host_url` is not."""
    return url_for("pages.home", _external=True).removesuffix(url_for("pages.home"))


def _cut(query: Query) -> Query:
    """The query with as much of its text as is used: the rest would stand in every link of a page."""
    return replace(query, text=cut_text(query.text, current_service().settings.max_query_chars))


def _view() -> View:
    """How the values of a facet are looked at; what cannot be read is as good as absent."""
    order = "name" if request.args.get("by") == "name" else "count"
    part = request.args.get("part", "")
    return View(
        order=order,
        letter=clean(request.args.get("letter", ""))[:1].upper() if order == "name" else "",
        find=clean(request.args.get("find", "")).strip(),
        part=int(part) if part.isascii() and part.isdecimal() and 0 < len(part) < 7 and int(part) else 1,
    )


def _html(template: str, page: object) -> Response:
    markup = render_template(template, page=page)
    # UTF-8 cannot hold lone surrogates, which YAML escapes can bring into an archive.
    return Response(markup.encode("utf-8", "replace"), content_type="text/html; charset=utf-8")
