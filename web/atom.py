"""A feed as Atom (RFC 4287), its pages linked as RFC 5005 has it."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from web.feed import Entry, Feed
from web.filters import iso
from web.xml_text import add, root_of, to_xml

MEDIA_TYPE = "application/atom+xml"

# Atom wants a time of every entry and feed. The epoch is plainly none, sorts last, and never changes: the time of
# answering would make an old article new with every visit.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)

_NAMESPACES = {"xmlns": "http://www.w3.org/2005/Atom", "xmlns:media": "http://search.yahoo.com/mrss/"}


def build_atom(feed: Feed) -> bytes:
    """The document, UTF-8; all text of articles in it is of type `text`, never markup."""
    root = root_of("feed", _NAMESPACES)
    add(root, "id", feed.id)
    add(root, "title", feed.title)
    add(root, "updated", iso(max(map(_updated, feed.entries), default=UNDATED)))
    add(add(root, "author"), "name", feed.site)  # for the entries that name none, of which Atom wants one
    add(root, "icon", feed.icon)
    add(root, "link", rel="alternate", type="text/html", href=feed.page_url)
    for rel, url in (("self", feed.url), ("next", feed.next_url), ("previous", feed.previous_url)):
        if url:
            add(root, "link", rel=rel, type=MEDIA_TYPE, href=url)
    for entry in feed.entries:
        _add_entry(root, entry)
    return to_xml(root)


def _add_entry(root: Element, entry: Entry) -> None:
    element = add(root, "entry")
    add(element, "id", entry.id)
    add(element, "title", entry.title)
    add(element, "updated", iso(_updated(entry)))
    if entry.published:
        add(element, "published", iso(entry.published))
    add(element, "link", rel="alternate", type="text/html", href=entry.url)
    if entry.original:
        add(element, "link", rel="related", href=entry.original)
    for author in entry.authors:
        add(add(element, "author"), "name", author)
    for topic in entry.topics:
        add(element, "category", term=topic)
    if entry.summary:
        add(element, "summary", entry.summary)
    if entry.image:
        add(element, "media:thumbnail", url=entry.image)


def _updated(entry: Entry) -> datetime:
    return entry.updated or entry.published or UNDATED
