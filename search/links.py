"""The links beside an article: what it names as related, and what names it.

Archives name related articles by address, so both directions are found by the normal form of addresses.
"""

from collections.abc import Collection, Iterator

from index.article import Article
from index.reader import Snapshot
from index.urls import address_hash, address_key, site_name
from search.evaluate import Searchable
from search.order import in_order
from search.results import RelatedLink

MOST_LINKING = 50  # links to an article that are shown: a page's worth, where a popular article has thousands
_LOOKED_AT = 200  # of the articles that seem to link to one: an archive may hold any number of them


def related_links(article: Article, snapshot: Snapshot, removed: Collection[str]) -> Iterator[RelatedLink]:
    """Links to related articles: here where they are visible, else outward, never to removed ones or to itself.

    Args:
        article: whose links they are.
        snapshot: where they are looked for.
        removed: `address_hash` of every address that must not be linked.
    """
    seen = {article.id}
    for address in article.related:
        documents = snapshot.by_address(address)
        if documents:
            found = snapshot.article(documents[0])
            if found.id not in seen:
                seen.add(found.id)
                yield RelatedLink(address, site_name(address), found.id, found.title)
        elif address_hash(address) not in removed and address not in seen:
            seen.add(address)
            yield RelatedLink(address, site_name(address))


def linking_articles(article: Article, known: Collection[str | None], searchable: Searchable) -> Iterator[RelatedLink]:
    """Links to the articles that name one of this article's addresses as related, newest first.

    Args:
        article: what they link to.
        known: ids of articles to leave out, its own among them.
        searchable: where they are looked for.
    """
    snapshot = searchable.snapshot
    keys = set(filter(None, map(address_key, article.addresses)))
    documents = snapshot.linking_to(article, _LOOKED_AT)
    newest = documents[in_order(documents, None, "newest", _LOOKED_AT, searchable)]
    shown = 0
    for number, identity in zip(newest.tolist(), snapshot.ids_of(newest), strict=True):
        if identity in known:
            continue
        found = snapshot.article(number)
        if any(address_key(address) in keys for address in found.related):
            yield RelatedLink(found.address, site_name(found.address), found.id, found.title)
            shown += 1
        if shown == MOST_LINKING:
            return
