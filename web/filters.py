"""Values -> what a reader sees: marked passages, names, short forms. Pure functions, used as Jinja filters.

Text from an archive becomes markup only here and in `web.body`; everything else is escaped by the templates. Dates,
numbers and interface texts are told by `web.texts`.
"""

import json
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from index.article import Article
from index.urls import safe_href, site_name
from search.results import Ranges
from web.render import moment, number

LABEL_CHARS = 90
TITLE_CHARS = 240
EXCERPT_CHARS = 420
NAME_CHARS = 80
"""Longer titles, excerpts and names are cut on pages that list them; the article's own page shows them whole."""
_LEAD_CHARS = 80  # of a cut text before its first mark
_BIDI_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])


def marked(text: str, ranges: Ranges = ()) -> Markup:
    """`text` escaped, with `<mark>` around the ranges; a range outside the text or over another one is left out."""
    if not ranges:
        return escape(text)
    parts: list[str] = []
    done = 0
    for start, end in sorted(ranges):
        if done <= start < end <= len(text):
            parts += (escape(text[done:start]), "<mark>", escape(text[start:end]), "</mark>")
            done = end
    parts.append(escape(text[done:]))
    return Markup("".join(parts))  # noqa: S704 - every part of the text was escaped


def passage(text: str, ranges: Ranges = (), limit: int = EXCERPT_CHARS) -> Markup:
    """`text` marked; of one longer than `limit` characters the part with the first mark, "…" for what is cut."""
    if len(text) <= limit:
        return marked(text, ranges)
    start = max(0, ranges[0][0] - _LEAD_CHARS) if ranges and ranges[0][0] > limit - _LEAD_CHARS else 0
    if start:
        start = text.find(" ", start, ranges[0][0]) + 1 or start
    end = min(len(text), start + limit)
    if end < len(text):
        space = text.rfind(" ", end - _LEAD_CHARS, end)
        end = space if space > start else end
    inside = tuple((first - start, last - start) for first, last in ranges if start <= first and last <= end)
    before, after = "… " if start else "", " …" if end < len(text) else ""
    return Markup("{}{}{}").format(before, marked(text[start:end], inside), after)


def short(text: str, limit: int = NAME_CHARS) -> str:
    """`text` with "…" for what is beyond `limit` characters."""
    return text if len(text) <= limit else text[:limit].rstrip() + "…"


def bdi(text: str) -> Markup:
    """`text` apart from the direction of what stands around it."""
    return Markup("<bdi>{}</bdi>").format(text)


def code(text: str) -> Markup:
    """A text of ours as HTML: what stands in `backticks` is code."""
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else Markup.escape(part)
        for number, part in enumerate(text.split("`"))
    )


def headline(text: str) -> str:
    """`text` for a browser's title bar and for other sites: short, and without signs that turn its direction."""
    return short(text.translate(_BIDI_CONTROLS), TITLE_CHARS)


def iso(when: datetime) -> str:
    """For machines: `2021-12-13T05:54:00Z`."""
    return moment(when) or ""


def signal(value: float) -> str:
    """Quality or heat as short as it goes: `87`, `3.5`."""
    shown = number(value)
    return "" if shown is None else str(shown)


def label(article: Article) -> str:
    """What to call an article: its title, else how its text begins, else its address or id."""
    if article.title:
        return article.title
    text = article.excerpt or article.text
    return beginning(text) if text else article.address or article.id


def beginning(text: str) -> str:
    """How a text begins, in whole words."""
    if len(text) <= LABEL_CHARS:
        return text
    return text[:LABEL_CHARS].rsplit(" ", 1)[0].rstrip(" ,.;:") + " …"


def href(url: str) -> str:
    """`url` where it may be linked (http or https), else ""."""
    return safe_href(url)


def site(url: str) -> str:
    """The name of the site that `url` leads to."""
    return site_name(url)


def plain(value: Any) -> str:
    """A value of unknown shape as text: words as they are, simple lists and mappings in a row, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list) and all(map(_is_simple, value)):
        return "\n".join(map(plain, value))
    if _is_simple(value):
        return ", ".join(f"{key}: {'' if item is None else item}" for key, item in value.items())
    return json.dumps(value, ensure_ascii=False, indent=1)


def _is_simple(value: Any) -> bool:
    """Whether a value is a mapping without further ones in it."""
    return isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values())


FILTERS = {
    function.__name__: function
    for function in (passage, short, bdi, code, headline, iso, signal, label, href, site, plain)
}
"""By the names that the templates use."""
