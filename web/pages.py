"""The pages: address -> query, engine, template. What they show is worked out in `results_page`, `article_page`."""

from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from web.article_page import Bases, build_article_page
from web.errors import NoSuchArticle
from web.links import Links, path_of
from web.params import read_query
from web.results_page import build_results_page
from web.service import current_service

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> Response:
    query = read_query(request.args.items(multi=True))
    service = current_service()
    results = service.engine().search(query)
    page = build_results_page(results, Links(url_for("pages.home"), query), service.settings)
    return _html("results.html", page)


@blueprint.get("/article/<path:article_id>")
def article(article_id: str) -> Response:
    service = current_service()
    found = service.engine().get(article_id)
    if found is None:
        raise NoSuchArticle(article_id)
    bases = Bases(url_for("pages.home"), _article_base(), _base_of("api.article"))
    return _html("article.html", build_article_page(found, bases, service.settings))


@blueprint.app_context_processor
def shared() -> dict[str, Any]:
    """What every template reads, errors included."""
    return {"site_title": current_service().settings.title, "article_url": lambda key: path_of(_article_base(), key)}


def _article_base() -> str:
    return _base_of("pages.article")


def _base_of(endpoint: str) -> str:
    """The path that the ids of `endpoint` are appended to."""
    return url_for(endpoint, article_id="-").removesuffix("-")


def _html(template: str, page: object) -> Response:
    markup = render_template(template, page=page)
    # UTF-8 cannot hold lone surrogates, which YAML escapes can bring into an archive.
    return Response(markup.encode("utf-8", "replace"), content_type="text/html; charset=utf-8")
