"""What the page of one article shows, worked out from what the engine found."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from markupsafe import Markup

from index.article import Article, Image
from index.urls import safe_href, site_name
from search.query import Query
from search.results import Found, Hit, RelatedLink
from web.body import render_body
from web.links import address, path_of
from web.params import read_query
from web.site import Site
from web.texts import mark

ADDRESS_LABELS = (
    ("original_url", mark("Original")),
    ("web_url", mark("Web")),
    ("url", mark("Own address")),
    ("amp_url", mark("AMP")),
    ("cdn_amp_url", mark("AMP, from a cache")),
)
SIMILAR_SHOWN = 6
RELATED_SHOWN = 12
"""Related articles that stand open; the others unfold."""


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
        canonical, picture: absolute addresses of this page and, "" where there is none to show, of its first picture.
        body: safe markup, "" where there is none.
        original: where to read it, None where the archive has no address that can be linked.
        addresses: label and link of each address.
        topics, provider, category, type: links to the search that lists the like.
        related: links to related articles, here or elsewhere; first those that the article names, then those here that
            name it. `more_related` are those that unfold.
        similar: articles of like words, without the related ones.
        pictures: images that may be shown; none where the setting forbids them.
        icon: address of the provider's picture, "" where there is none to show.
        came_from: the search one came from, None where one came from elsewhere.
        api_url: the same article as JSON.
    """

    article: Article
    canonical: str
    picture: str
    body: Markup
    original: Link | None
    addresses: tuple[tuple[str, Link], ...]
    topics: tuple[Link, ...]
    provider: Link | None
    category: Link | None
    type: Link | None
    related: tuple[Link, ...]
    more_related: tuple[Link, ...]
    similar: tuple[Hit, ...]
    pictures: tuple[Image, ...]
    icon: str
    came_from: Link | None
    api_url: str


def build_article_page(found: Found, similar: tuple[Hit, ...], root: str, referrer: str, site: Site) -> ArticlePage:
    """The page of `found`.

    Args:
        found: the article with its links.
        similar: articles like it.
        root: what absolute addresses here begin with, `https://host`.
        referrer: the address that led here, "" where the browser does not say.
        site: what all pages have.
    """
    article = found.article
    original = safe_href(article.address)
    provider = article.provider.name or article.provider.domain
    pictures = tuple(image for image in article.images if site.shows(image.url))
    related = [_related(link, site) for link in (*found.related, *found.linked_from)]
    links = tuple(link for link in related if link)
    beside = {link.id for link in (*found.related, *found.linked_from)}

    def like(facet: str, value: str) -> Link:
        return Link(value, site.only(facet, value))

    return ArticlePage(
        article=article,
        canonical=root + site.article(article.id),
        picture=safe_href(pictures[0].url) if pictures else "",
        body=render_body(article, images=site.settings.images),
        original=Link(site_name(original) or original, original, outward=True) if original else None,
        addresses=_addresses(article, site),
        topics=tuple(like("topic", topic) for topic in article.topics),
        provider=like("provider", provider) if provider else None,
        category=like("category", article.category) if article.category else None,
        type=like("type", article.type) if article.type else None,
        related=links[:RELATED_SHOWN],
        more_related=links[RELATED_SHOWN:],
        similar=tuple(hit for hit in similar if hit.article.id not in beside)[:SIMILAR_SHOWN],
        pictures=pictures,
        icon=safe_href(article.provider.image) if site.shows(article.provider.image) else "",
        came_from=_came_from(root, referrer, site),
        api_url=path_of(site.api, article.id),
    )


def _came_from(root: str, referrer: str, site: Site) -> Link | None:
    """The search that led to the article; its address is written anew, nothing of the referrer's text is kept."""
    try:
        parts = urlsplit(referrer)
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" != root or parts.path != site.home or not parts.query:
        return None
    query = read_query(parse_qsl(parts.query))
    text = query.text.strip()
    if query == Query():
        return None
    say = site.texts.say
    label = say("Back to the results for “{query}”", query=text) if text else say("Back to the results")
    return Link(label, address(site.home, query))


def _addresses(article: Article, site: Site) -> tuple[tuple[str, Link], ...]:
    """Label and link of each address; one that stands under several keys once, with all their labels."""
    labels: dict[str, list[str]] = {}
    for name, label in ADDRESS_LABELS:
        labels.setdefault(getattr(article, name), []).append(site.texts.say(label))
    return tuple((", ".join(of), Link(url, safe_href(url), outward=True)) for url, of in labels.items() if url)


def _related(link: RelatedLink, site: Site) -> Link | None:
    if link.id is not None:
        return Link(link.title or link.id, site.article(link.id))
    if safe_href(link.url):
        return Link(link.title or link.site or link.url, safe_href(link.url), outward=True)
    return None
