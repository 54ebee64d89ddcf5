"""What every page is built with: the settings, the language, and where the other pages are."""

from dataclasses import dataclass

from index.settings import Settings
from index.urls import safe_href
from search.query import Query
from web.links import address, address_of_value, path_of
from web.texts import Texts


@dataclass(frozen=True, slots=True)
class HeadLink:
    """One `<link>` in the head of a page."""

    rel: str
    type: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says of it to browsers and other programs.

    Attributes:
        canonical: the one address of this state.
        feeds: the same search for feed readers.
        robots: what crawlers are asked, "" for nothing. They may list the front page and find all articles by the
            pages of the newest, but shall not wander through the endless choices of words and filters.
    """

    canonical: str
    feeds: tuple[HeadLink, ...]
    robots: str


@dataclass(frozen=True, slots=True)
class Site:
    """One site as one request sees it.

    Attributes:
        home: path of the front page and of all searches.
        articles: what the path of an article begins with.
        values: what the path of a page with all values of a facet begins with.
        api: what the path of an article as JSON begins with.
    """

    settings: Settings
    texts: Texts
    home: str
    articles: str
    values: str
    api: str

    def article(self, article_id: str) -> str:
        """The path of an article's page."""
        return path_of(self.articles, article_id)

    def only(self, facet: str, value: str) -> str:
        """The search for all articles with this value."""
        return address_of_value(self.home, facet, value)

    def all_values(self, facet: str, query: Query) -> str:
        """The page with all values of a facet that the matches of a query have."""
        return address(self.values + facet, query)

    def shows(self, url: str) -> bool:
        """Whether a picture at this address may be shown."""
        return shown(url, self.settings)


def shown(url: str, settings: Settings) -> bool:
    """Whether a picture at this address may be shown; plain http would be refused by the page's own policy."""
    return settings.images and safe_href(url).startswith("https:")
