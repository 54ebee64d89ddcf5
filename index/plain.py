"""The YAML that machines write, read by its shape: front matter of plain lines, and the addresses under `related`.

PyYAML takes ten times as long. What is read here has the value that PyYAML gives it; anything of another shape is
left to `index.frontmatter`, which has PyYAML parse it. So a shape may be missing here, but none may be read wrongly.
"""

import json
import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

MAX_PLAIN_CHARS = 100_000  # of front matter; the parser counts the values of a longer one
MAX_REPEATED_CHARS = 60  # of a line that is remembered
MAX_REPEATED_BYTES = 4_000  # of a related article that is remembered, so that its copies cost next to nothing

_ODD = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"  # YAML forbids them, or takes them for line breaks
_ESCAPE = r'\\(?:["\\/nrt]|u(?:[0-9A-CEFa-cef][0-9A-Fa-f]{3}))'  # those that mean the same in JSON
_QUOTED = rf'"(?:[^"\\{_ODD}]++|{_ESCAPE})*+"'
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def _unquote(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    value: str = json.loads(text) if "\\" in text else text[1:-1]
    return value


# Front matter. A line is blank, or an item's dash, a key and a value, or some of these in this order. What is none of
# this, such as a comment or a text that goes on, makes the whole not plain.

_INTEGER = r"-?(?:0|[1-9][0-9]{0,17}+)"
_TIME = rf"{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_DECIMAL = r"-?[0-9]{1,17}\.[0-9]{1,17}"
_CHARS = r"""A-Za-z0-9.,"'&/()+%!_?=;@$~*\[\]{}|<>^`\\\u00a1-\u1fff\u2010-\u2027-"""
_WORDS = rf"(?:[0-9]++ )?[A-Za-z/\u00c0-\u1fff](?:[{_CHARS} ]++|:(?=[{_CHARS}])|(?<! )#)*+(?<! )"
_LINE = re.compile(
    r"( {0,16}+)(- )?(?:([A-Za-z][A-Za-z0-9_-]{0,40}+):(?: (?! )|\Z))?"
    rf"(?:({_QUOTED}|'(?:[^'{_ODD}]++|'')*+')|({_WORDS})|({_INTEGER})|({_DAY}|{_TIME}|{_DECIMAL}))?\Z"
)
_CONSTANTS: dict[str, bool | None] = {
    form: value
    for words, value in (("yes true on", True), ("no false off", False), ("null", None))
    for word in words.split()
    for form in (word, word.capitalize(), word.upper())
}


class _NotPlainError(ValueError):
    pass


def plain_mapping(text: str) -> dict[Any, Any] | None:
    """The mapping that YAML of plain lines holds; None where any line is not plain, or there is none.

    Args:
        text: with its opening line; ends with a newline.
    """
    if len(text) > MAX_PLAIN_CHARS:
        return None
    try:
        return _mapping(text.split("\n")[1:-1]) or None
    except ValueError:  # a line that is not plain or does not fit, or a day that is in no calendar
        return None


def _mapping(lines: list[str]) -> dict[Any, Any]:
    values: dict[Any, Any] = {}
    # The open collections, each with its place: twice the column of a mapping, one more for a list, since a list may
    # stand in the column of the mapping that holds it.
    opened: list[tuple[int, Any]] = [(0, values)]
    waiting = ""  # the key just read, if its value may begin on the next line
    for line in lines:
        if not line:
            continue
        place, key, value, given = _entry(line) if len(line) <= MAX_REPEATED_CHARS else _entry.__wrapped__(line)
        collection = opened[-1][1] if place == opened[-1][0] else _enter(opened, place, waiting)
        if not key:
            collection.append(value)
            waiting = ""
            continue
        if place % 2:
            collection.append({})
            collection = collection[-1]
            opened.append((place + 3, collection))  # its other keys stand where this one does
        collection[key] = value
        waiting = "" if given else key
    return values


@lru_cache(maxsize=4_096)  # most lines of an archive are the same in many files
def _entry(line: str) -> tuple[int, str, Any, bool]:
    """The entry on one line: its place, its key ("" in a list of values), its value, and whether that is given.

    Raises:
        ValueError: the line is not plain.
    """
    found = _LINE.match(line)
    if found is None:
        raise _NotPlainError
    indent, dash, key, quoted, words, integer, other = found.groups("")
    place = 2 * len(indent) + (1 if dash else 0)
    if not (dash or key) or key in _CONSTANTS:
        raise _NotPlainError
    if words:
        return place, key, _CONSTANTS.get(words, words), True
    if quoted or integer or other:
        return place, key, _value(quoted, integer, other), True
    if not key:
        raise _NotPlainError
    return place, key, None, False


def _enter(opened: list[tuple[int, Any]], place: int, waiting: str) -> Any:
    """The collection at `place`: a new one as the value of the key that waits for it, or one that is open."""
    top, collection = opened[-1]
    if place > top:
        if not waiting:
            raise _NotPlainError
        below: Any = [] if place % 2 else {}
        collection[waiting] = below
        opened.append((place, below))
        return below
    while place < opened[-1][0]:
        opened.pop()
    top, collection = opened[-1]
    if place != top:
        raise _NotPlainError
    return collection


def _value(quoted: str, integer: str, other: str) -> str | float | date:
    if quoted:
        return _unquote(quoted)
    if integer:
        return int(integer)
    if "T" in other:
        return datetime.fromisoformat(other)
    return float(other) if "." in other else date.fromisoformat(other)


# The block under `related`. Its lines have these shapes: two spaces and a dash for an article, four for its keys, six
# for a mapping or list below a key, eight for the rest of a list's mapping.

_PLAIN = r"[A-Za-z0-9/][A-Za-z0-9 .,'&/()+%!_\u00a1-\u1fff-]*+"
_KEY = r"[A-Za-z][A-Za-z0-9]{0,40}+"
_PAIR = rf"{_KEY}: (?:{_QUOTED}|{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z|{_PLAIN})\n"
_BELOW = rf"\n(?:(?:      {_PAIR})++|(?:      - {_PAIR}(?:        {_PAIR})*+)++)"
_ITEM_LINE = (
    rf"(?:originalUrl: ({_QUOTED})\n|webUrl: ({_QUOTED})\n|url: ({_QUOTED})\n"
    rf"|(?!(?:originalUrl|webUrl|url):)(?:{_PAIR}|{_KEY}:{_BELOW}))"
)
_ITEM_START = b"  - "
_ITEM = re.compile(rf"{_ITEM_LINE}(?:    {_ITEM_LINE})*+")


def related_block(data: bytes, start: int) -> tuple[list[str], int]:
    """The addresses of the related articles that follow each other in the plain shape, and where these end.

    Args:
        data: the file.
        start: where the first article's line begins.
    """
    found: list[str] = []
    if not data.startswith(_ITEM_START, start):
        return found, start
    *items, last = data[start + len(_ITEM_START) :].split(b"\n" + _ITEM_START)
    for item in (*items, last.partition(b"\n\n")[0]):  # no blank line stands in a plain block
        address, plain_bytes = _item(item) if len(item) <= MAX_REPEATED_BYTES else _item.__wrapped__(item)
        if address:
            found.append(address)
        if plain_bytes:
            start += len(_ITEM_START) + plain_bytes
        if plain_bytes <= len(item):
            break
    return found, start


@lru_cache(maxsize=8_192)  # an archive repeats the same related article in some forty files
def _item(item: bytes) -> tuple[str, int]:
    """The address in the plain lines that a related article begins with, and how many bytes these have.

    Args:
        item: the lines; the newline of the last one is left out, but counts.
    """
    try:
        lines = _ITEM.match(item.decode() + "\n")
    except UnicodeDecodeError:  # the file is refused anyway
        return "", 0
    if lines is None:
        return "", 0
    # The first line has its own three groups; a repeated key's last value counts, as in YAML.
    original, web, url, later_original, later_web, later_url = lines.groups()
    address = _trimmed(later_original or original) or _trimmed(later_web or web) or _trimmed(later_url or url)
    return address, len(lines[0].encode())


def _trimmed(quoted: str | None) -> str:
    return _unquote(quoted).strip() if quoted else ""
