"""The links beside an article: what it names as related, and what names it.

Archives name related articles by address, so both directions are found by the normal form of addresses.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

from index.article import Article
from index.urls import address_hash, address_key, site_name
from search.results import RelatedLink

MOST_LINKING = 50  # links to an article that are shown: a page's worth, where a popular article has thousands
LOOKED_AT = 200  # of the articles that seem to link to one: an archive may hold any number of them


def related_links(
    article: Article, at: Callable[[str], Article | None], removed: Collection[str]
) -> Iterator[RelatedLink]:
    """Links to related articles: here where they are visible, else outward, never to removed ones or to itself.

    Args:
        article: whose links they are.
        at: the visible article with an address.
        removed: `address_hash` of every address that must not be linked.
    """
    seen = {article.id}
    for address in article.related:
        found = at(address)
        if found:
            if found.id not in seen:
                seen.add(found.id)
                yield RelatedLink(address, site_name(address), found.id, found.title)
        elif address_hash(address) not in removed and address not in seen:
            seen.add(address)
            yield RelatedLink(address, site_name(address))


def linking_articles(
    article: Article, known: Collection[str | None], likely: Iterable[Article]
) -> Iterator[RelatedLink]:
    """Links to the articles that name one of this article's addresses as related, newest first.

    Args:
        article: what they link to.
        known: ids of articles to leave out, its own among them.
        likely: articles that seem to name one, newest first; `LOOKED_AT` of them will do.
    """
    keys = set(filter(None, map(address_key, article.addresses)))
    shown = 0
    for found in likely:
        if found.id in known:
            continue
        if any(address_key(address) in keys for address in found.related):
            yield RelatedLink(found.address, site_name(found.address), found.id, found.title)
            shown += 1
        if shown == MOST_LINKING:
            return
