"""Values -> what a reader sees: marked text, dates, lengths, numbers. Pure functions, used as Jinja filters.

Text from an archive becomes markup only here and in `web.body`; everything else is escaped by the templates.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from index.article import Article
from index.urls import safe_href, site_name
from search.results import Ranges
from web.render import moment, number

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

LABEL_CHARS = 90
_ISO_LENGTH = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.ASCII
)
_UNITS = (
    ("year", "years"), ("month", "months"), ("week", "weeks"), ("day", "days"), ("h", "h"), ("min", "min"), ("s", "s"),
)  # fmt: skip


def marked(text: str, ranges: Ranges = ()) -> Markup:
    """`text` escaped, with `<mark>` around the ranges; a range outside the text or over another one is left out."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(ranges):
        if done <= start < end <= len(text):
            parts += (escape(text[done:start]), Markup("<mark>"), escape(text[start:end]), Markup("</mark>"))
            done = end
    parts.append(escape(text[done:]))
    return Markup("").join(parts)


def day(when: datetime) -> str:
    """`13 December 2021`, in UTC."""
    when = when.astimezone(UTC)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def day_time(when: datetime) -> str:
    """`13 December 2021, 05:54 UTC`; midnight sharp is a date without a time."""
    when = when.astimezone(UTC)
    return (
        f"{day(when)}, {when:%H:%M} UTC" if (when.hour, when.minute, when.second) != (0, 0, 0) else f"{day(when)} UTC"
    )


def iso(when: datetime) -> str:
    """For machines: `2021-12-13T05:54:00Z`."""
    return moment(when) or ""


def month(value: str) -> str:
    """`2021-03` -> `March`."""
    return MONTHS[int(value[5:7]) - 1]


def duration(text: str) -> str:
    """`PT1H30M` -> `1 h 30 min`; what is no ISO 8601 length stays as it is."""
    found = _ISO_LENGTH.fullmatch(text)
    if not found or not any(found.groups()):
        return text
    sizes = [int(size or 0) for size in found.groups()]
    words = " ".join(f"{size} {unit[size > 1]}" for size, unit in zip(sizes, _UNITS, strict=True) if size)
    return words or text


def thousands(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def signal(value: float) -> str:
    """Quality or heat as short as it goes: `87`, `3.5`."""
    shown = number(value)
    return "" if shown is None else str(shown)


def label(article: Article) -> str:
    """What to call an article: its title, else how its text begins, else its address or id."""
    text = article.title or article.excerpt or article.text
    if not text:
        return article.address or article.id
    if article.title or len(text) <= LABEL_CHARS:
        return text
    return text[:LABEL_CHARS].rsplit(" ", 1)[0].rstrip(" ,.;:") + " …"


def href(url: str) -> str:
    """`url` where it may be linked (http or https), else ""."""
    return safe_href(url)


def site(url: str) -> str:
    """The name of the site that `url` leads to."""
    return site_name(url)


def plain(value: Any) -> str:
    """A value of unknown shape as text: words as they are, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, indent=1)


FILTERS = {
    function.__name__: function
    for function in (marked, day, day_time, iso, month, duration, thousands, signal, label, href, site, plain)
}
"""By the names that the templates use."""
