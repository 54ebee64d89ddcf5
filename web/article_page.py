"""What the page of one article shows, worked out from what the engine found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from index.article import Article, Image
from index.settings import Settings
from index.urls import safe_href, site_name
from search.query import Filters, Query
from search.results import Found
from web.body import render_body
from web.links import address, path_of

ADDRESS_LABELS = (
    ("original_url", "Original"),
    ("web_url", "Web"),
    ("url", "Own address"),
    ("amp_url", "AMP"),
    ("cdn_amp_url", "AMP, from a cache"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A text and where it leads; `url` is "" for what must not be a link."""

    text: str
    url: str
    outward: bool = False


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Everything `article.html` reads.

    Attributes:
        article: as the archive gives it.
        body: safe markup, "" where there is none.
        original: where to read it, None where the archive has no address that can be linked.
        addresses: label and link of each address.
        topics, provider, category, type: links to the search that lists the like.
        related: links to related articles, here or elsewhere.
        pictures: images that may be shown; none where the setting forbids them.
        icon: address of the provider's picture, "" where there is none to show.
        search_url: the page that lists everything.
        api_url: the same article as JSON.
    """

    article: Article
    body: Markup
    original: Link | None
    addresses: tuple[tuple[str, Link], ...]
    topics: tuple[Link, ...]
    provider: Link | None
    category: Link | None
    type: Link | None
    related: tuple[Link, ...]
    pictures: tuple[Image, ...]
    icon: str
    search_url: str
    api_url: str


@dataclass(frozen=True, slots=True)
class Bases:
    """Base paths of the addresses on the page."""

    search: str
    article: str
    api: str


def build_article_page(found: Found, bases: Bases, settings: Settings) -> ArticlePage:
    """The page of `found`."""
    article = found.article
    like = _liking(bases.search)
    original = safe_href(article.address)
    provider = article.provider
    return ArticlePage(
        article=article,
        body=render_body(article, images=settings.images),
        original=Link(site_name(original) or original, original, outward=True) if original else None,
        addresses=_addresses(article),
        topics=tuple(like("topic", topic) for topic in article.topics),
        provider=like("provider", provider.name or provider.domain) if provider.name or provider.domain else None,
        category=like("category", article.category) if article.category else None,
        type=like("type", article.type) if article.type else None,
        related=_related(found, bases.article),
        pictures=tuple(image for image in article.images if shown(image.url, settings)),
        icon=provider.image if shown(provider.image, settings) else "",
        search_url=bases.search,
        api_url=path_of(bases.api, article.id),
    )


def shown(url: str, settings: Settings) -> bool:
    """Whether a picture at this address may be shown; plain http would be refused by the page's own policy."""
    return settings.images and safe_href(url).startswith("https:")


def _liking(base: str) -> Callable[[str, str], Link]:
    def like(facet: str, value: str) -> Link:
        return Link(value, address(base, Query(filters=Filters(chosen={facet: (value,)}))))

    return like


def _addresses(article: Article) -> tuple[tuple[str, Link], ...]:
    values: list[tuple[str, Any]] = [(label, getattr(article, name)) for name, label in ADDRESS_LABELS]
    return tuple((label, Link(url, safe_href(url), outward=True)) for label, url in values if url)


def _related(found: Found, base: str) -> tuple[Link, ...]:
    links = []
    for related in found.related:
        if related.id is not None:
            links.append(Link(related.title or related.id, path_of(base, related.id)))
        elif safe_href(related.url):
            links.append(Link(related.title or related.site or related.url, safe_href(related.url), outward=True))
    return tuple(links)
