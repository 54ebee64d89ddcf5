"""The site's search as a browser's address bar takes it in: an OpenSearch 1.1 description.

What the bar then asks for while someone types is answered by `web.suggestions`.
"""

from dataclasses import dataclass

from search.query import cut_text
from web.atom import MEDIA_TYPE as ATOM
from web.suggestions import MEDIA_TYPE as SUGGESTIONS
from web.xml_text import add, legal, root_of, to_xml

MEDIA_TYPE = "application/opensearchdescription+xml"

# The specification's limits, in characters.
SHORT_NAME_CHARS = 16
LONG_NAME_CHARS = 48

_NAMESPACES = {
    "xmlns": "http://a9.com/-/spec/opensearch/1.1/",
    "xmlns:suggestions": "http://www.opensearch.org/specifications/opensearch/extensions/suggestions/1.1",
}
_NAMELESS = "Search"


@dataclass(frozen=True, slots=True)
class Offer:
    """The site's name and the absolute addresses of what it offers; those of searches without parameters."""

    title: str
    description: str
    search: str
    suggest: str
    feed: str
    icon: str


def build_description(site: Offer, description: str) -> bytes:
    """The document, UTF-8; `description` is a sentence about it."""
    title = " ".join(legal(site.title).split()) or _NAMELESS
    root = root_of("OpenSearchDescription", _NAMESPACES)
    add(root, "ShortName", cut_text(title, SHORT_NAME_CHARS))
    add(root, "LongName", cut_text(title, LONG_NAME_CHARS))
    add(root, "Description", description)
    add(root, "InputEncoding", "UTF-8")
    add(root, "OutputEncoding", "UTF-8")
    add(root, "Image", site.icon, type="image/svg+xml", width="16", height="16")  # the size that browsers look for
    add(root, "Url", type="text/html", rel="results", template=_template(site.search))
    add(root, "Url", type=ATOM, rel="results", template=_template(site.feed))
    add(root, "Url", type=SUGGESTIONS, rel="suggestions", template=_template(site.suggest))
    add(root, "Url", type=MEDIA_TYPE, rel="self", template=site.description)  # browsers look there for changes
    return to_xml(root)


def _template(base: str) -> str:
    return f"{base}?q={{searchTerms}}"
