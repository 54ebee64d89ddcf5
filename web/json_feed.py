"""A feed as JSON Feed, version 1.1 (https://www.jsonfeed.org/version/1.1/). What an article lacks is left out."""

from typing import Any

from web.feed import Entry, Feed
from web.render import Json, moment
from web.xml_text import legal

MEDIA_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"


def build_json_feed(feed: Feed) -> Json:
    """The document; its text is the same as in Atom, to the character."""
    about = _present(
        home_page_url=feed.page_url,
        feed_url=feed.url,
        next_url=feed.next_url,
        icon=feed.icon,
        favicon=feed.icon,
    )
    items = [_item(entry) for entry in feed.entries]
    return {"version": VERSION, "title": legal(feed.title), **about, "items": items}


def _item(entry: Entry) -> Json:
    summary = legal(entry.summary)
    about = _present(
        id=entry.id,
        url=entry.url,
        external_url=entry.original,
        title=legal(entry.title),
        summary=summary,
        image=entry.image,
        date_published=moment(entry.published),
        date_modified=moment(entry.updated),
        authors=[{"name": legal(author)} for author in entry.authors],
        tags=[legal(topic) for topic in entry.topics],
    )
    return {**about, "content_text": summary}  # one kind of content is required, be it empty


def _present(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value}
