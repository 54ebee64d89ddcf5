"""The query API: parameters -> query, engine, JSON. What the JSON looks like is `web.render`'s work."""

from flask import Blueprint, Response, request, url_for

from web.errors import NoSuchArticle
from web.params import parse_query
from web.render import Json, render_found, render_results, render_status, to_bytes
from web.service import current_service

blueprint = Blueprint("api", __name__)


@blueprint.get("/api/v1/search")
def search() -> Response:
    query = parse_query(request.args.items(multi=True))
    results = current_service().engine().search(query)
    return _json(render_results(results, query, url_for("api.search")))


@blueprint.get("/api/v1/articles/<path:article_id>")
def article(article_id: str) -> Response:
    found = current_service().engine().get(article_id)
    if found is None:
        raise NoSuchArticle(article_id)
    return _json(render_found(found))


@blueprint.get("/api/v1/status")
def status() -> Response:
    return _json(render_status(current_service().engine().status()))


@blueprint.get("/healthz")
def health() -> Response:
    """For load balancers: an engine is there and says what it serves."""
    current_service().engine().status()
    return Response("ok\n", content_type="text/plain; charset=utf-8")


def _json(value: Json) -> Response:
    return Response(to_bytes(value), content_type="application/json")
