"""What one file of an archive says: the `Article`, and what goes into reports about files.

Reading files is `index.archive`'s work, turning front matter into these values is `index.load`'s.
Values here are frozen, hold no file handles and know nothing of the index.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

import orjson

Hidden = Literal["", "removed", "draft", "unclear", "unpublished"]


@dataclass(frozen=True, slots=True)
class Provider:
    """Who published an article; an empty string where the archive does not say."""

    name: str = ""
    domain: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article; `width` and `height` in pixels, None where unknown."""

    url: str
    width: int | None = None
    height: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One article as the archive gives it.

    All text is clean for display: entities decoded, tags stripped (except in `body`), soft hyphens and
    zero-width characters dropped, white space single. Missing text is "", missing numbers and dates None.

    Attributes:
        id: `archive/path/below/it` without the suffix; for JSONL `archive/id`.
        archive: name of the archive.
        path: path below the archive with suffix, `/` between parts; for JSONL the id.
        text: the body as plain text, paragraphs divided by one newline; what is indexed and quoted.
        body: the body as written (Markdown or HTML), for display only.
        body_format: how `body` is written.
        published: publication time in UTC (tz-aware).
        updated: time of the last change in UTC (tz-aware).
        original_url, web_url, amp_url, cdn_amp_url, url: the addresses under these keys.
        quality, heat: the archive's own signals; heat really runs from -1 to thousands.
        related: addresses of related articles, in the archive's order, no repeats.
        hidden: why the article must not be shown, "" for a visible one; "unclear" where `published` cannot be read.
        extra: front matter keys Broadsheet does not know, as JSON values.
    """

    id: str
    archive: str
    path: str
    category: str = ""
    type: str = ""
    title: str = ""
    excerpt: str = ""
    text: str = ""
    body: str = ""
    body_format: Literal["markdown", "html", "text"] = "markdown"
    published: datetime | None = None
    updated: datetime | None = None
    original_url: str = ""
    web_url: str = ""
    amp_url: str = ""
    cdn_amp_url: str = ""
    url: str = ""
    length: str = ""
    quality: float | None = None
    heat: float | None = None
    provider: Provider = Provider()
    authors: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    related: tuple[str, ...] = ()
    hidden: Hidden = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address to show and link: originalUrl, else webUrl, else url."""
        return self.original_url or self.web_url or self.url

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address under which a reader may know this article, best first, no repeats."""
        known = (self.original_url, self.web_url, self.url, self.amp_url, self.cdn_amp_url)
        return tuple(dict.fromkeys(address for address in known if address))


def as_set(article: Article, unpublished: str) -> Article:
    """The article under the setting `unpublished`, "hide" or "show"."""
    if article.hidden == "unpublished" and unpublished == "show":
        return replace(article, hidden="")
    return article


def pack(article: Article) -> bytes:
    """All that is kept of an article, as canonical JSON: equal articles give equal bytes.

    It is the list of its fields' values, in which a provider and an image are such lists too, a time is ISO 8601.
    """
    row = list(_values_of(article))
    for at in _TIMES:
        row[at] = row[at] and row[at].isoformat()
    row[_PROVIDER] = _provider_values_of(article.provider)
    row[_IMAGES] = [_image_values_of(image) for image in article.images]
    try:
        # Copied, because what orjson gives holds on to kilobytes of room to grow.
        return bytes(memoryview(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)))
    except TypeError:  # half a pair of surrogates, or a number of more than 64 bits
        return _ENCODER.encode(row).encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> Article:
    """The article that `pack` was given.

    Raises:
        ValueError, TypeError, LookupError: when `packed` is nothing that `pack` gave.
    """
    try:
        row = orjson.loads(packed)
    except ValueError:
        row = json.loads(packed.decode("utf-8", "surrogatepass"))
    for at in _TIMES:
        row[at] = row[at] and datetime.fromisoformat(row[at])
    for at in _TUPLES:
        row[at] = tuple(row[at])
    row[_PROVIDER] = Provider(*row[_PROVIDER])
    row[_IMAGES] = tuple([Image(*values) for values in row[_IMAGES]])
    return Article(*row)


def to_json(article: Article) -> str:
    """What `pack` gives, as text."""
    return pack(article).decode("utf-8", "surrogatepass")


def _places(*names: str) -> list[int]:
    order = [each.name for each in fields(Article)]
    return [order.index(name) for name in names]


_TIMES = _places("published", "updated")
_TUPLES = _places("authors", "topics", "levels", "related")
_PROVIDER, _IMAGES = _places("provider", "images")
_values_of = attrgetter(*(each.name for each in fields(Article)))
_provider_values_of = attrgetter(*(each.name for each in fields(Provider)))
_image_values_of = attrgetter(*(each.name for each in fields(Image)))
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def packed_hash(packed: bytes) -> str:
    """SHA-256 (hex) of what `pack` gave; a reindex skips articles where it is unchanged."""
    return hashlib.sha256(packed).hexdigest()


def kept_hash(article: Article) -> str:
    """SHA-256 (hex) of all that is kept of an article."""
    return packed_hash(pack(article))


@dataclass(frozen=True, slots=True)
class Reject:
    """A file (or JSONL line) that could not become an article.

    Attributes:
        path: the file as a person would type it, e.g. `site/_news/a.md`.
        line: 1-based line in that file, None where unknown.
        column: 1-based column, None where unknown.
        reason: one plain sentence without the path.
    """

    path: str
    line: int | None
    column: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Warn:
    """An optional field that was dropped (or that hid its article); `line` is 1-based, None where unknown."""

    path: str
    line: int | None
    field: str
    reason: str
