"""An article's body as written -> HTML that is safe to show.

Markdown is rendered by markdown-it, and everything, the Markdown's own HTML too, passes nh3's allow-list: no scripts,
styles, forms or frames, links only to http and https, pictures only where the setting allows them.
"""

import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from index.article import Article
from index.urls import safe_href

MAX_MARKUP_CHARS = 100_000
MAX_TAGS = 3_000
MAX_BRACKETS = 1_500
"""A body past one of these is shown as plain text: nested ones take quadratic time and would hold up the server."""

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# Landmarks are the page's own; pictures are let in by the setting.
_TAGS = nh3.ALLOWED_TAGS - {"area", "article", "aside", "footer", "header", "hgroup", "img", "map", "nav"}
_DROPPED = {"script", "style", "title", "template", "noscript", "textarea", "select", "option", "svg", "math", "object"}
_ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
_PICTURE = {"img": {"loading": "lazy", "referrerpolicy": "no-referrer"}}
# A whole tag as nh3 writes it, so that what stands in an attribute is never taken for one.
_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?: [^\s=>"]+="[^"]*")*)>""")
_DEEPEST = 6
# Jekyll's marks for "leave this alone", never shown on a site.
_RAW_MARKS = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")


def render_body(article: Article, *, images: bool) -> Markup:
    """The body as markup, "" where the article has none; `images` lets pictures be loaded from elsewhere."""
    body = _RAW_MARKS.sub("", article.body)
    if not body.strip():
        return _paragraphs(article.text)
    too_much = len(body) > MAX_MARKUP_CHARS or body.count("<") > MAX_TAGS or body.count("[") > MAX_BRACKETS
    if article.body_format == "text" or too_much:
        return _paragraphs(article.text or body)
    markup = _MARKDOWN.render(body) if article.body_format == "markdown" else body
    return Markup(_accessible(_clean(markup, images=images)))  # noqa: S704 - cleaned by the allow-list above


def _clean(markup: str, *, images: bool) -> str:
    return nh3.clean(
        markup.encode("utf-8", "replace").decode(),
        tags=_TAGS | {"img"} if images else _TAGS,
        clean_content_tags=_DROPPED,
        attributes=_ATTRIBUTES,
        attribute_filter=_safe_attribute,
        set_tag_attribute_values=_PICTURE if images else {},
        link_rel="nofollow noopener",
        url_schemes={"http", "https"},
    )


def _accessible(markup: str) -> str:
    """What nh3 wrote, as who listens to a page needs it.

    Headings are moved below the page's own title, h2 first and no level left out. A picture without a text is passed
    over, as one with an empty text is; otherwise its address would be read out.
    """
    above: list[int] = []  # the written levels of the headings that the present one belongs to
    opened: list[int] = []  # the new levels of the tags that are still open

    def mended(tag: re.Match[str]) -> str:
        closing, name, attributes = tag.groups()
        if name == "img" and ' alt="' not in attributes:
            return f'<img{attributes} alt="">'
        if len(name) != 2 or name[0] != "h" or not name[1].isdecimal():
            return tag[0]
        if closing:
            return f"</h{opened.pop()}>" if opened else tag[0]
        written = int(name[1])
        while above and above[-1] >= written:
            above.pop()
        above.append(written)
        opened.append(min(len(above) + 1, _DEEPEST))
        return f"<h{opened[-1]}{attributes}>"

    return _TAG.sub(mended, markup)


def _safe_attribute(_tag: str, name: str, value: str) -> str | None:
    """An address only if it leads to a site; a relative one would lead to a page of ours that is not there."""
    if name == "href":
        return safe_href(value) or None
    if name == "src":
        url = safe_href(value)
        return url if url.startswith("https:") else None
    return value


def _paragraphs(text: str) -> Markup:
    lines = (line.strip() for line in text.split("\n"))
    return Markup("\n").join(Markup("<p>{}</p>").format(escape(line)) for line in lines if line)
