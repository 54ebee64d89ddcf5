"""What other programs take from the site: feeds for readers, and the search for a browser's address bar.

A view is address -> query, engine, document, as on the pages. Feed readers ask every hour whether there is news, so
answers are conditional: who has the present one is told so (304) and sent nothing.
"""

from datetime import datetime

from flask import Blueprint, Response, request, url_for

from search.query import Query
from web.atom import MEDIA_TYPE as ATOM
from web.atom import build_atom
from web.conditional import answer_unless_known
from web.feed import Feed, FeedBases, build_feed, feed_address, feed_query, feed_title, read_feed_query
from web.json_feed import MEDIA_TYPE as JSON_FEED
from web.json_feed import build_json_feed
from web.opensearch import MEDIA_TYPE as OPENSEARCH
from web.opensearch import Offer, build_description
from web.params import read_query
from web.render import to_bytes
from web.service import current_service
from web.site import HeadLink
from web.suggestions import MEDIA_TYPE as SUGGESTIONS
from web.suggestions import SuggestionBases, build_suggestions
from web.texts import current_texts

blueprint = Blueprint("sharing", __name__)

SUGGESTIONS_KEPT_S = 60
"""How long a browser may show the same suggestions for the same letters, which it asks for with every key."""


def feed_links(query: Query) -> tuple[HeadLink, ...]:
    """What the page of `query` offers to feed readers: the query as a feed in both formats."""
    feed = feed_query(query)
    title = feed_title(feed, current_service().settings.title, current_texts())
    return (
        HeadLink("alternate", ATOM, title, feed_address(url_for("sharing.atom"), feed)),
        HeadLink("alternate", JSON_FEED, title, feed_address(url_for("sharing.json_feed"), feed)),
    )


@blueprint.get("/feed.atom")
def atom() -> Response:
    feed, created = _feed("sharing.atom")
    return answer_unless_known(build_atom(feed), ATOM, created)


@blueprint.get("/feed.json")
def json_feed() -> Response:
    feed, created = _feed("sharing.json_feed")
    return answer_unless_known(to_bytes(build_json_feed(feed)), JSON_FEED, created)


@blueprint.get("/opensearch.xml")
def opensearch() -> Response:
    title = current_service().settings.title
    offer = Offer(
        title=title,
        description=_absolute("sharing.opensearch"),
        search=_absolute("pages.home"),
        suggest=_absolute("sharing.suggest"),
        feed=_absolute("sharing.atom"),
        icon=_icon(),
    )
    return answer_unless_known(
        build_description(offer, current_texts().say("Search the articles of {site}", site=title)), OPENSEARCH
    )


@blueprint.get("/suggest")
def suggest() -> Response:
    text = read_query(request.args.items(multi=True)).text
    suggestions = current_service().engine().suggest(text)
    bases = SuggestionBases(_absolute("pages.home"), _article_base())
    found = build_suggestions(text, suggestions, bases, current_texts())
    response = Response(to_bytes(found), mimetype=SUGGESTIONS)
    # Private: what someone types is kept by nobody between here and the browser.
    response.headers["Cache-Control"] = f"private, max-age={SUGGESTIONS_KEPT_S}"
    return response


def _feed(endpoint: str) -> tuple[Feed, datetime]:
    """The feed that is asked for, and when what it is made from was indexed."""
    service = current_service()
    query = read_feed_query(request.args.items(multi=True), service.settings)
    engine = service.engine()
    # Before the search: where a reindex comes between the two, the time is too old, and the client asks once more.
    created = datetime.fromisoformat(engine.status().created)
    results = engine.search(query)
    bases = FeedBases(_absolute(endpoint), _absolute("pages.home"), _article_base(), _icon())
    return build_feed(results, query, bases, service.settings, current_texts()), created


def _absolute(endpoint: str, **values: str) -> str:
    """The whole address of `endpoint`, by the host that this request was sent to: it leaves the site."""
    return url_for(endpoint, _external=True, **values)


def _article_base() -> str:
    """What ids are appended to."""
    return _absolute("pages.article", article_id="-").removesuffix("-")


def _icon() -> str:
    return _absolute("static", filename="icon.svg")
