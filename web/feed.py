"""A feed: any query as something to subscribe to, worked out once for both formats (`web.atom`, `web.json_feed`).

Its parameters are the page's, read as leniently, but other things go without saying: newest first, 20 entries, and only
articles that hold every word. The page fills up a short list with articles that hold some of the words, and stands in
for a word that occurs nowhere; in a feed such articles would come and go with how many others there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID, uuid5

from index.article import Article
from index.settings import Settings
from index.urls import safe_href
from search.query import Query
from search.results import Results
from web.filters import label
from web.links import Links, address, page_count, parameters, path_of
from web.narrowing import chips
from web.params import read_query
from web.site import shown
from web.texts import Texts

USUAL = Query(match="all", sort="newest", size=20, facets={}, highlight=False)
"""What a feed's address leaves out."""
_DEFAULTS = Settings()

# Fixed for ever: with other ones every subscriber would get every article once more.
_FEEDS = UUID("51a3a3b9-fe81-4cc3-b787-4e2e150a24df")
_ARTICLES = UUID("d476f6b3-794a-4447-92e2-1f52af481d26")


@dataclass(frozen=True, slots=True)
class Entry:
    """One article in a feed; text is plain, and absent text "".

    Attributes:
        id: made of the article's id alone, so it stays the same on every host and after every reindex.
        url: the article's page here.
        original: where it can be read elsewhere.
        image: address of a picture that may be shown.
    """

    id: str
    url: str
    title: str
    summary: str
    published: datetime | None
    updated: datetime | None
    authors: tuple[str, ...]
    topics: tuple[str, ...]
    original: str
    image: str


@dataclass(frozen=True, slots=True)
class Feed:
    """One page of a feed. Nothing in it says when, or from which generation, it was made: equal articles, equal feed.

    Attributes:
        id: made of the query alone; all pages of a feed, and both formats, have the same.
        title: what was asked for, and where.
        site: the name of the site.
        url: the feed's own address; `page_url` is that of the same list as a page.
        next_url, previous_url: pages of the feed, None at its ends.
        icon: address of the site's picture.
    """

    id: str
    title: str
    site: str
    url: str
    page_url: str
    next_url: str | None
    previous_url: str | None
    icon: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class FeedBases:
    """Absolute addresses: those that parameters or ids are appended to, and the icon's."""

    feed: str
    search: str
    article: str
    icon: str


def read_feed_query(pairs: Iterable[tuple[str, str]], settings: Settings = _DEFAULTS) -> Query:
    """The query that can be made of a feed's parameters; what cannot be read is as usual."""
    # Of several values the first that can be read is taken.
    query = read_query([*pairs, *parameters(USUAL)], settings)
    return replace(query, facets=USUAL.facets, highlight=USUAL.highlight)


def feed_query(query: Query) -> Query:
    """The feed to offer on the page of `query`: the same words and filters, from the start."""
    match = USUAL.match if query.match == Query().match else query.match
    return replace(USUAL, text=query.text, filters=query.filters, match=match)


def feed_address(base: str, query: Query) -> str:
    """The address of a feed, which `read_feed_query` reads back."""
    return address(base, query, USUAL)


def feed_title(query: Query, site: str, texts: Texts) -> str:
    """What tells one subscription from another: words and filters, then the site."""
    shown = replace(query, match=Query().match) if query.match == USUAL.match else query
    asked = [query.text.strip(), *[chip.text for chip in chips(Links("", shown), texts)]]
    return " · ".join(filter(None, [", ".join(filter(None, asked)), site]))


def build_feed(results: Results, query: Query, bases: FeedBases, settings: Settings, texts: Texts) -> Feed:
    """The feed that shows `results`."""
    last = page_count(results.total, query.size, settings.max_depth)
    before = min(query.page - 1, last)

    def page(number: int) -> str:
        return feed_address(bases.feed, replace(query, page=number))

    return Feed(
        id=_urn(_FEEDS, urlencode(parameters(replace(query, page=1), USUAL), errors="replace")),
        title=feed_title(query, settings.title, texts),
        site=settings.title,
        url=page(query.page),
        page_url=_page_address(bases.search, query),
        next_url=page(query.page + 1) if query.page < last else None,
        previous_url=page(before) if before > 0 else None,
        icon=bases.icon,
        entries=tuple(_entry(hit.article, bases.article, settings) for hit in results.hits),
    )


def _page_address(base: str, query: Query) -> str:
    """The same list as a page, which without words is newest first, too."""
    if not query.text.strip() and query.sort == USUAL.sort:
        return address(base, Query(filters=query.filters))
    return address(base, Query(text=query.text, match=query.match, filters=query.filters, sort=query.sort))


def _entry(article: Article, base: str, settings: Settings) -> Entry:
    # Where no author is named, the provider; the site itself wrote none of it.
    provider = article.provider.name or article.provider.domain
    pictures = (safe_href(image.url) for image in article.images if shown(image.url, settings))
    return Entry(
        id=_urn(_ARTICLES, article.id),
        url=path_of(base, article.id),
        title=label(article),
        summary=article.excerpt,
        published=article.published,
        updated=article.updated,
        authors=article.authors or ((provider,) if provider else ()),
        topics=article.topics,
        original=safe_href(article.address),
        image=next(pictures, ""),
    )


def _urn(namespace: UUID, name: str) -> str:
    # Names of files that are no UTF-8 hold lone surrogates; escaped, they still differ.
    return uuid5(namespace, name.encode("utf-8", "backslashreplace").decode()).urn
