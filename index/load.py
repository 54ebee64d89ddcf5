"""What the keys of front matter mean: mapping and body -> `Article`, with a warning for each field that was dropped.

A field that cannot be read costs itself, never its article; only an article without any text is refused. The three
keys that hide an article (`removed`, `draft`, `published`) fail closed: what cannot be read hides.

Choices where archives differ:
- Times without a zone are UTC, a date alone is midnight UTC, a plain year is no date.
- A string of authors is divided at `;` only, since commas and "and" stand inside names; a string of topics (or tags,
  or categories) at commas only, since topics such as "Power Apps" hold spaces.
- `published` is a publication time where it is a date, else a matter of visibility.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote

from index.article import Article, Hidden, Image, Provider, Warn
from index.frontmatter import related_addresses
from index.text import body_text, clean, tidy
from index.urls import address_key

MAX_TITLE_CHARS = 2_000
MAX_EXCERPT_CHARS = 20_000
MAX_NAME_CHARS = 500  # of a topic, an author, a provider, a type
MAX_ADDRESS_CHARS = 8_000
MAX_ITEMS = 1_000  # topics, authors, images or related articles of one article
MAX_EXTRA_KEYS = 200
MAX_EXTRA_CHARS = 100_000  # text and structure of one unknown key
MAX_EXTRA_DEPTH = 20
MAX_WARNINGS = 100
MAX_INTEGER_BITS = 1_000  # of a number under an unknown key
MAX_DECIMAL_BITS = 10_000  # Python refuses to write out an integer of more than 4,300 digits

TITLE_KEYS = ("title", "name")
EXCERPT_KEYS = ("excerpt", "bio", "description", "summary")
_DATED_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})-")
VISIBILITY_KEYS = ("removed", "draft", "published")
PUBLISHED_KEYS = ("publishedDateTime", "date", "published", "startDateTime")
UPDATED_KEYS = ("updatedDateTime", "updated", "lastmod", "last_modified_at")
TOPIC_KEYS = ("topics", "tags", "categories")
KNOWN_KEYS = frozenset((
    *TITLE_KEYS,
    *EXCERPT_KEYS,
    *PUBLISHED_KEYS,
    *UPDATED_KEYS,
    *TOPIC_KEYS,
    *("category", "type", "length", "levels", "quality", "heat", "removed", "draft", "provider", "author", "authors"),
    *("originalUrl", "webUrl", "ampWebUrl", "cdnAmpWebUrl", "url", "image", "images", "related", "secured", "body"),
))


class LoadError(Exception):
    """Front matter and body that make no article; its text is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an article stands.

    Attributes:
        archive: name of the archive.
        path: path below the archive with suffix; for JSONL the id.
        id: see `index.article.Article`.
        shown: the file as reports name it.
        line_of: 1-based line of a key in that file.
        body_format: how the body is written.
    """

    archive: str
    path: str
    id: str
    shown: str
    line_of: Callable[[str], int | None]
    body_format: Literal["markdown", "html", "text"] = "markdown"


def load_article(
    origin: Origin, front: Mapping[Any, Any], body: str
) -> tuple[Article, tuple[Warn, ...], frozenset[str]]:
    """Read one article.

    Args:
        origin: where it stands.
        front: its front matter (or JSON object).
        body: the text after the front matter; a `body` key goes before it.

    Returns:
        The article, what was dropped of it, and the names of the keys Broadsheet does not know.

    Raises:
        LoadError: there is no text in title, excerpt and body.
    """
    unknown = [key for key in front if key not in KNOWN_KEYS]
    fields = _Fields(origin, _with_visibility(front, unknown))
    published = fields.time(PUBLISHED_KEYS) or _named_date(origin.path)
    body = _whole_body(fields, body)
    extra = fields.as_extra(unknown) if unknown else {}
    article = Article(
        id=origin.id,
        archive=origin.archive,
        path=origin.path,
        category=fields.text("category") or _top_folder(origin.path),
        type=fields.text("type"),
        title=fields.text(*TITLE_KEYS, max_chars=MAX_TITLE_CHARS),
        excerpt=fields.text(*EXCERPT_KEYS, max_chars=MAX_EXCERPT_CHARS),
        text=body_text(body, origin.body_format),
        body=body if body.strip() else "",
        body_format=origin.body_format,
        published=published,
        updated=fields.time(UPDATED_KEYS),
        original_url=fields.address("originalUrl"),
        web_url=fields.address("webUrl"),
        amp_url=fields.address("ampWebUrl"),
        cdn_amp_url=fields.address("cdnAmpWebUrl"),
        url=fields.address("url"),
        length=fields.text("length"),
        quality=fields.number("quality"),
        heat=fields.number("heat"),
        provider=fields.provider(),
        authors=fields.authors(),
        topics=fields.names(TOPIC_KEYS, ","),
        levels=fields.names(("levels",), ","),
        images=fields.images("", front),
        related=fields.related(),
        hidden=fields.hidden(),
        extra=extra,
    )
    if not (article.title or article.excerpt or article.text):
        raise LoadError("there is no text in title, excerpt or body")
    return article, tuple(fields.warnings), frozenset(map(_key_name, unknown))


def _named_date(path: str) -> datetime | None:
    """The date that a file is named by, `2021-03-04-title.md`, as Jekyll takes it where the article gives none."""
    found = _DATED_NAME.match(path.rpartition("/")[2])
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _with_visibility(front: Mapping[Any, Any], unknown: list[Any]) -> Mapping[Any, Any]:
    """`Draft: true` hides as `draft: true` does; a key that is given twice cannot be read."""
    if not any(str(key).lower() in VISIBILITY_KEYS for key in unknown):
        return front
    for key in VISIBILITY_KEYS:
        given = [value for name, value in front.items() if str(name).lower() == key and value is not None]
        if len(given) > 1 or (given and key not in front):
            front = {**front, key: given[0] if len(given) == 1 else given}
    return front


def _whole_body(fields: "_Fields", body: str) -> str:
    given = fields.front.get("body")
    if given is None:
        return _plain(body)
    if not isinstance(given, str):
        fields.warn("body", f"{_show(given)} is no text; it was dropped")
        return _plain(body)
    return _plain(f"{given}\n\n{body}" if body.strip() else given)


def _plain(text: str) -> str:
    """`text` without lone surrogates, which could not be written anywhere."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _top_folder(path: str) -> str:
    folder, divided, _ = path.partition("/")
    return tidy(folder.lstrip("_")) if divided else ""


def _show(value: Any) -> str:
    """A value as a report quotes it: its text in one line, not too long."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    if isinstance(value, bytes):
        return "binary data"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        value = _digits(value)
    text = tidy(value.isoformat() if isinstance(value, date | time) else str(value)[:200])
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _digits(number: float) -> str:
    """A number as text; TOML may hold a hexadecimal one that is too large for decimal digits."""
    return hex(number) if isinstance(number, int) and number.bit_length() > MAX_DECIMAL_BITS else str(number)


def _items(value: Any) -> list[Any]:
    """The items of a list, one for a single value; empty ones are left out."""
    items = value if isinstance(value, list | tuple | set) else [value]
    return [item for item in items if item is not None]


@lru_cache(maxsize=8_192)  # an archive repeats the same related article in some forty files
def _related(written: str) -> tuple[str, str]:
    """The key of an address, "" where it is none, and its text."""
    address = _plain(written.strip())
    return address_key(address), address


def _key_name(key: Any) -> str:
    return tidy(str(key)[:100])


class _Fields:
    """One article's front matter, read key by key; collects warnings on the way."""

    def __init__(self, origin: Origin, front: Mapping[Any, Any]) -> None:
        self.origin = origin
        self.front = front
        self.warnings: list[Warn] = []

    def warn(self, key: str, reason: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(Warn(self.origin.shown, self.origin.line_of(key), key, reason))
        elif len(self.warnings) == MAX_WARNINGS:
            self.warnings.append(Warn(self.origin.shown, None, key, "the article has more faults; they are not listed"))

    # Text

    def text(self, *keys: str, max_chars: int = MAX_NAME_CHARS) -> str:
        """The first of these keys that holds text."""
        for key in keys:
            text = self.as_text(key, self.front.get(key), max_chars)
            if text:
                return text
        return ""

    def as_text(self, key: str, value: Any, max_chars: int = MAX_NAME_CHARS) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            if isinstance(value, bool):
                self.warn(key, f"{_show(value)} was read as a truth value and taken as text; put it in quotes")
                return str(value)
            if isinstance(value, int | float):
                value = _digits(value)
            elif isinstance(value, date | time):
                value = value.isoformat()
            else:
                self.warn(key, f"{_show(value)} is no text; it was dropped")
                return ""
        text = clean(value)
        if len(text) > max_chars:
            self.warn(key, f"the text has more than {max_chars:,} characters; the rest was cut")
            text = text[:max_chars].rstrip()
        return text

    def address(self, key: str) -> str:
        return self.as_address(key, self.front.get(key))

    def as_address(self, key: str, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self.warn(key, f"{_show(value)} is no address; it was dropped")
            return ""
        address = _plain(value.strip())
        if len(address) > MAX_ADDRESS_CHARS:
            self.warn(key, f"the address has more than {MAX_ADDRESS_CHARS:,} characters; it was dropped")
            return ""
        return address

    # Lists

    def names(self, keys: tuple[str, ...], divider: str) -> tuple[str, ...]:
        """The names under these keys, without repeats, in order."""
        return self.distinct(keys[0], [(key, self.front.get(key)) for key in keys], divider)

    def distinct(self, field: str, given: list[tuple[str, Any]], divider: str) -> tuple[str, ...]:
        """The names in these values, each with its key, without repeats (case aside), in order."""
        found: dict[str, str] = {}
        for key, value in given:
            if value is not None:
                for name in self.as_names(key, value, divider):
                    found.setdefault(name.casefold(), name)
        return tuple(self.bounded(field, list(found.values())))

    def as_names(self, key: str, value: Any, divider: str) -> list[str]:
        items = value.split(divider) if isinstance(value, str) else value
        if not isinstance(items, list | tuple | set):
            items = [items]
        names = []
        for item in self.bounded(key, list(items)):
            name = item.get("name", item.get("title")) if isinstance(item, dict) else item
            if isinstance(item, dict) and name is None:
                self.warn(key, "an item has no name; it was dropped")
            names.append(self.as_text(key, name))
        return [name for name in names if name]

    def bounded(self, key: str, items: list[Any]) -> list[Any]:
        if len(items) > MAX_ITEMS:
            self.warn(key, f"there are more than {MAX_ITEMS:,} items; the rest was dropped")
        return items[:MAX_ITEMS]

    def authors(self) -> tuple[str, ...]:
        given = self.front.get("provider")
        inner = given.get("authors", given.get("author")) if isinstance(given, dict) else None
        outer = [(key, self.front.get(key)) for key in ("author", "authors")]
        return self.distinct("authors", [*outer, ("provider.authors", inner)], ";")

    def related(self) -> tuple[str, ...]:
        value = self.front.get("related")
        if value is None:
            return ()
        if not isinstance(value, list):
            if not isinstance(value, str | dict):
                self.warn("related", f"{_show(value)} is no list of articles; it was dropped")
                return ()
            value = [value]
        found: dict[str, str] = {}
        for written in self.bounded("related", list(dict.fromkeys(related_addresses(value)))):
            key, address = _related(written) if len(written) <= MAX_ADDRESS_CHARS else ("", "")
            if not key:
                address = self.as_address("related", written)
                key = address_key(address)
            if key:
                found.setdefault(key, address)
            elif address:
                self.warn("related", f"{_show(address)} is no web address; it was dropped")
        return tuple(found.values())

    def images(self, prefix: str, given: Mapping[Any, Any]) -> tuple[Image, ...]:
        """The images under `images` and `image`, the first of each address, in order.

        Args:
            prefix: of the keys in warnings.
            given: the front matter, or a mapping in it.
        """
        found: dict[str, Image] = {}
        for name in ("images", "image"):
            if given.get(name) is None:
                continue
            key = f"{prefix}{name}"
            for value in _items(given[name]):
                row = value if isinstance(value, dict) else {"url": value}
                url = self.as_address(key, row.get("url", row.get("src")))
                if url and url not in found:
                    title = self.as_text(key, row.get("title", row.get("alt")))
                    found[url] = Image(url, self.pixels(key, row, "width"), self.pixels(key, row, "height"), title)
        return tuple(self.bounded(f"{prefix}images", list(found.values())))

    def pixels(self, key: str, row: Mapping[Any, Any], name: str) -> int | None:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
            return value
        number = self.as_number(key, value)
        return int(number) if number is not None and 0 < number < 100_000 else None

    # Provider

    def provider(self) -> Provider:
        value = self.front.get("provider")
        if value is None:
            return Provider()
        if not isinstance(value, dict):
            return Provider(_provider_name(self.as_text("provider", value)))
        images = self.images("provider.", value)
        return Provider(
            name=_provider_name(self.as_text("provider.name", value.get("name"))),
            domain=self.as_text("provider.domain", value.get("domain")).lower(),
            image=images[0].url if images else "",
        )

    # Numbers

    def number(self, key: str) -> float | None:
        return self.as_number(key, self.front.get(key))

    def as_number(self, key: str, value: Any) -> float | None:
        if value is None:
            return None
        number = _number(value)
        if number is None:
            self.warn(key, f"{_show(value)} is no number; it was dropped")
        return number

    # Times

    def time(self, keys: Iterable[str]) -> datetime | None:
        """The first of these keys that holds a time."""
        for key in keys:
            value = self.front.get(key)
            if value is None or (key == "published" and not _is_date_like(value)):
                continue
            if isinstance(value, str) and not value.strip():
                continue
            try:
                return _time(value)
            except (ValueError, OverflowError):
                if key != "published":  # `hidden` warns about that one
                    self.warn(key, f"{_show(value)} is no date; it was dropped")
        return None

    # Visibility

    def hidden(self) -> Hidden:
        """Why the article must not be shown: the first reason of removed, draft, unclear, unpublished."""
        if self.truth("removed", if_unread=True):
            return "removed"
        if self.truth("draft", if_unread=True):
            return "draft"
        published = self.front.get("published")
        if published is not None and _is_date_like(published):
            try:
                _time(published)
            except (ValueError, OverflowError):
                self.warn("published", f"{_show(published)} is neither true or false nor a date; the article is hidden")
                return "unclear"
            return ""
        visible = self.truth("published", if_unread=None, if_absent=True)
        if visible is None:
            return "unclear"
        return "" if visible else "unpublished"

    def truth(self, key: str, *, if_unread: bool | None, if_absent: bool = False) -> bool | None:
        value = self.front.get(key)
        if value is None:
            return if_absent
        found = _TRUTH.get(value.strip().lower() if isinstance(value, str) else value) if _is_plain(value) else None
        if found is None:
            self.warn(key, f"{_show(value)} is neither true nor false; the article is hidden")
            return if_unread
        return found

    # The rest

    def as_extra(self, unknown: list[Any]) -> dict[str, Any]:
        """The unknown keys as JSON values; what JSON cannot hold is dropped with a warning."""
        kept: dict[str, Any] = {}
        for key in unknown:
            name = _key_name(key)
            if len(kept) == MAX_EXTRA_KEYS:
                self.warn(name, f"there are more than {MAX_EXTRA_KEYS} unknown keys; the rest was dropped")
                break
            try:
                kept[name] = _Json().value(self.front[key], 0)
            except ValueError as error:
                self.warn(name, f"{error}; it was dropped")
        return kept


def _provider_name(name: str) -> str:
    """Some archives write punctuation in names percent-encoded, such as `Morningstar%2c Inc.`."""
    return tidy(_ENCODED.sub(lambda match: unquote(match[0]), name))


_ENCODED = re.compile("%2[0-9A-Fa-f]")
_TRUTH: dict[Any, bool] = {True: True, False: False} | {
    word: truth
    for truth, words in ((True, ("true", "yes", "on", "1")), (False, ("false", "no", "off", "0")))
    for word in words
}


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | str) or (isinstance(value, int) and value in {0, 1})


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and (len(value) > 100 or not _NUMBER.fullmatch(value.strip())):
        return None
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_ISO = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"[ \t]*(?:[Zz]|UTC|GMT|([+-])([0-9]{1,2}):?([0-9]{2})?)?)?"
)
_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)  # before it are the zero dates of programs, such as 0001-01-01


def _is_date_like(value: Any) -> bool:
    return isinstance(value, date) or (isinstance(value, str) and _ISO.fullmatch(value.strip()) is not None)


def _time(value: Any) -> datetime:
    """A date or time in UTC.

    Raises:
        ValueError, OverflowError: when it is none, or none that can be.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC)
    elif isinstance(value, str):
        moment = _parse_time(value.strip())
    else:
        raise ValueError("no date")
    moment = moment.astimezone(UTC)
    if moment < _EARLIEST:
        raise ValueError("out of range")
    return moment


def _parse_time(text: str) -> datetime:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("no date")
    year, month, day, hour, minute, second = (int(match[number] or 0) for number in range(1, 7))
    zone: tzinfo = UTC
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10] or 0))
        zone = timezone(-offset if match[8] == "-" else offset)
    fraction = int((match[7] or "0")[:6].ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, fraction, zone)


class _Json:
    """One value as JSON can hold it, within bounds.

    Raises ValueError, with a plain sentence, where it cannot.
    """

    def __init__(self) -> None:
        self.chars = 0

    def value(self, value: Any, depth: int) -> Any:
        self.spend(8)
        if depth > MAX_EXTRA_DEPTH:
            raise ValueError(f"the value is nested more than {MAX_EXTRA_DEPTH} levels deep")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            if value.bit_length() > MAX_INTEGER_BITS:
                raise ValueError("the number is too large")
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError("the number is not finite")
            return value
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, dict):
            return {self.key(key): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, set | frozenset):
            return sorted(self.text(str(item)) for item in value)
        if isinstance(value, list | tuple):
            return [self.value(item, depth + 1) for item in value]
        raise ValueError("the value is no text, number, date, list or mapping")

    def key(self, key: Any) -> str:
        return self.text(key if isinstance(key, str) else str(key)[:100])

    def text(self, text: str) -> str:
        self.spend(len(text))
        return _plain(text)

    def spend(self, chars: int) -> None:
        self.chars += chars
        if self.chars > MAX_EXTRA_CHARS:
            raise ValueError(f"the value has more than {MAX_EXTRA_CHARS:,} characters")
