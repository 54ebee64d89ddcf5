"""The head of an article file: bytes -> front matter, body, and where each key stands.

What the keys mean is `index.load`'s work; which files are read is `index.archive`'s. Nothing here trusts its input:
depth, size and aliases are checked before libyaml builds anything, because it dies of deep nesting.

In a real archive 95 % of all bytes are the `related:` block and 1.6 % the `secured:` line. Both are cut out before
YAML sees the text, the block even before it is decoded. What has the plain shape that machines write is read by
`index.plain`. Wherever anything is unusual PyYAML parses the whole text, so the result is the same either way.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from index.plain import plain_mapping, related_block

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml: the same values, some eight times slower
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

MAX_DEPTH = 100  # levels of nesting; libyaml crashes at tens of thousands, articles have four
MAX_NODES = 100_000  # values after aliases are written out; the largest real article has 4,000
MAX_NUMBER_CHARS = 100  # a longer number stays text: converting digits costs quadratic time
MAX_INTEGER_KEYS = 1_000  # of one mapping; integers can be chosen so that their hashes collide, each with all others
MAX_TOML_CHARS = 200_000  # tomllib is slow: up to 5 µs a character
MAX_TOML_DOTS = 1_000  # in one line; a dotted key stands in one, and its parts cost quadratic time
ADDRESS_KEYS = ("originalUrl", "webUrl", "url")  # best first


class FrontMatterError(Exception):
    """Front matter that cannot be read.

    Attributes:
        reason: one plain sentence.
        line: 1-based line in the file, None where unknown.
        column: 1-based column in characters, None where unknown.
    """

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """One file taken apart.

    Attributes:
        values: the mapping, without `secured`; a list under `related` holds addresses only.
        body: what follows, with `\\n` line ends.
        outline: the front matter as written, with its opening line and without its closing one; perhaps without the
            lines below `related:`.
        data: the file, with `\\n` line ends.
    """

    values: dict[Any, Any]
    body: str
    outline: str
    data: bytes

    @property
    def head(self) -> str:
        """The outline with the lines below `related:`."""
        return _split(_decode(self.data, self.data), self.outline[:3])[0]

    def line_of(self, key: str) -> int | None:
        """1-based line of a top-level key (of the last one where it is repeated); `a.b` is looked up as `a`."""
        head = self.head
        starts = _places(key.partition(".")[0], head)
        return head.count("\n", 0, starts[-1]) + 1 if starts else None

    def is_repeated(self, key: str) -> bool:
        """Whether a top-level key is given more than once."""
        return self.outline.count(key) > 1 and len(_places(key, self.outline)) > 1


def _places(key: str, head: str) -> list[int]:
    name = re.escape(key)
    pattern = rf"""^(?:(["']?){name}\1[ \t]*[:=.]|\[+{name}[\].])"""
    return [match.start() for match in re.finditer(pattern, head, re.MULTILINE)]


def parse_front_matter(data: bytes) -> FrontMatter | None:
    """Take one file apart.

    Args:
        data: the whole file; `index.archive` limits its size.

    Returns:
        None where the file has no front matter: it is no article.

    Raises:
        FrontMatterError: front matter that is unclosed, broken, no mapping, not UTF-8, too large or too deep.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise FrontMatterError("the file is not UTF-8 (it looks like UTF-16)", 1, 1)
    opening = _OPENING.match(data)
    if opening is None:
        return None
    mark = opening[1].decode("ascii")
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    cut, related = _without_related(lines) if mark == "---" else (lines, None)
    outline, body = _split(_decode(cut, lines), mark)
    values = _parse_cut(outline, related) if mark == "---" else _parse_toml(outline)
    if values is None:
        if related is not None:
            outline, body = _split(_decode(lines, lines), mark)
        values = _parse_yaml(outline)
    return FrontMatter(values, body, outline, lines)


def related_addresses(items: list[Any]) -> list[str]:
    """One address for each related article that has one, in order; items may be mappings or plain addresses."""
    found = []
    for item in items:
        if isinstance(item, str):
            address = item.strip()
        elif isinstance(item, dict):
            address = _first_address([item.get(key) for key in ADDRESS_KEYS])
        else:
            continue
        if address:
            found.append(address)
    return found


def _first_address(values: list[Any]) -> str:
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")


_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?(---|\+\+\+)[ \t]*(?:[\r\n]|\Z)")


def _decode(part: bytes, data: bytes) -> str:
    """The text of `part`, which is the file `data`, or what is left of it without some lines of UTF-8."""
    try:
        return part.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if part is not data:
            return _decode(data, data)
        before = error.object[: error.start].decode("utf-8", "replace")
        line, column = _place(before, len(before))
        raise FrontMatterError("the file is not UTF-8", line, column) from error


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


_CLOSINGS = {
    "---": (re.compile(r"\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)"), ("\n---", "\n...")),
    "+++": (re.compile(r"\n\+\+\+[ \t]*(?:\n|\Z)"), ("\n+++",)),
}
_CLOSING_BYTES = re.compile(rb"\n(?:---|\.\.\.)[ \t]*\n")


def _split(text: str, mark: str) -> tuple[str, str]:
    """Head (opening line and front matter, no closing line) and body."""
    pattern, starts = _CLOSINGS[mark]
    # Finding a plain string is ten times faster than searching a pattern, and most of a file is front matter.
    first = len(text)
    for start in starts:
        at = text.find(start, 0, first)
        first = at if at >= 0 else first
    closing = pattern.search(text, first)
    if closing is None:
        raise FrontMatterError(f"the front matter is not closed by a line {mark}", 1, 1)
    # The opening line stays in the head: YAML takes it as the document's start, and every line number is the file's.
    return text[: closing.start() + 1], text[closing.end() :]


# YAML


class _Loader(_BaseLoader):
    """PyYAML's safe loader, but a date or number that cannot be is the text that was written.

    PyYAML raises ValueError on `2021-13-45`; such a value must cost its field, not its article. Mappings with many
    integers as keys are refused.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):  # `!!map x` is none; PyYAML refuses it
            self.flatten_mapping(node)  # merged keys count too
            if sum(key.tag == _INTEGER_TAG for key, _ in node.value) > MAX_INTEGER_KEYS:
                reason = f"a mapping has more than {MAX_INTEGER_KEYS:,} whole numbers as keys"
                raise FrontMatterError(reason, *_mark_place(node.start_mark))
        return super().construct_mapping(node, deep)


_INTEGER_TAG = "tag:yaml.org,2002:int"


def _lenient(
    construct: Callable[[Any, yaml.ScalarNode], Any], max_chars: int
) -> Callable[[_Loader, yaml.ScalarNode], Any]:
    def constructor(loader: _Loader, node: yaml.ScalarNode) -> Any:
        if len(node.value) > max_chars:
            return node.value
        try:
            return construct(loader, node)
        except (ValueError, OverflowError):
            return node.value

    return constructor


for _tag, _construct in (
    ("int", _BaseLoader.construct_yaml_int),
    ("float", _BaseLoader.construct_yaml_float),
    ("timestamp", _BaseLoader.construct_yaml_timestamp),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _lenient(_construct, MAX_NUMBER_CHARS))


def _parse_yaml(head: str) -> dict[Any, Any]:
    values = _load_yaml(head)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise FrontMatterError("the front matter is not a mapping of keys to values", 2, 1)
    if isinstance(values.get("related"), list):
        values["related"] = related_addresses(values["related"])
    values.pop("secured", None)
    return values


def _mark_place(mark: Any) -> tuple[int | None, int | None]:
    return (None, None) if mark is None else (mark.line + 1, mark.column + 1)


def _load_yaml(text: str) -> Any:
    values = plain_mapping(text)
    if values is not None:
        return values
    try:
        _check_shape(text)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        problem = " ".join(part for part in (error.context, error.problem) if part)
        place = _mark_place(error.problem_mark or error.context_mark)
        raise FrontMatterError(f"broken YAML: {_one_line(problem)}", *place) from error
    except yaml.YAMLError as error:  # the reader's error: a character that YAML forbids
        bad = _FORBIDDEN.search(text)
        if bad is None:
            raise FrontMatterError("broken YAML: a character that may not stand there") from error
        line, column = _place(text, bad.start())
        raise FrontMatterError(f"broken YAML: control character U+{ord(bad[0]):04X}", line, column) from error
    except (ValueError, OverflowError, TypeError, AttributeError, KeyError, IndexError) as error:
        # What PyYAML's own constructors let through on explicit tags, such as `!!int x` or `!!float ""`.
        raise FrontMatterError("broken YAML: a value does not fit its tag") from error
    except RecursionError as error:
        raise FrontMatterError(_TOO_DEEP) from error


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TOO_DEEP = f"the front matter is nested more than {MAX_DEPTH} levels deep"
_INDENTED = re.compile(r"\n[ \t?:-]{24}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _may_alias(text: str) -> bool:
    return "*" in text and "&" in text


def _check_shape(text: str) -> None:
    """Refuse what would crash or exhaust the parser.

    A block collection starts at a column, two can start at the same one, and only indicators can stand before it:
    lines that begin with fewer than 24 of these nest at most 50 levels, so such a text with few brackets and no
    aliases is safe without looking closer. Any other is walked event by event, which libyaml does without recursion.
    """
    brackets = text.count("[") + text.count("{")
    if len(text) > MAX_NODES or brackets > MAX_DEPTH // 2 or _may_alias(text) or _INDENTED.search(text):
        _walk(text)


def _walk(text: str) -> None:
    total = 0
    opened: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_BaseLoader):
        place = _mark_place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                raise FrontMatterError("a YAML alias stands inside what it repeats", *place)
            total += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        if len(opened) > MAX_DEPTH:
            raise FrontMatterError(_TOO_DEEP, *place)
        if total > MAX_NODES:
            raise FrontMatterError(f"the front matter holds more than {MAX_NODES:,} values", *place)


_SECURED_START = '\nsecured: "'
_SECURED = re.compile(rf'{_SECURED_START}[A-Za-z0-9+/=;]*+"(?=\n)')
_RELATED_START = b"\nrelated:\n"
_CUT = "broadsheet-cut-this-out"


def _without_related(data: bytes) -> tuple[bytes, list[str] | None]:
    """The file with a marker in place of the plain block under `related`, and the addresses in the block.

    A line that closes front matter cannot stand in such a block; where one stands before it, it is no front matter.
    """
    start = data.find(_RELATED_START)
    if start < 0 or _CLOSING_BYTES.search(data, 0, start + 1):
        return data, None
    addresses, end = related_block(data, start + len(_RELATED_START))
    if end == start + len(_RELATED_START):
        return data, None
    return b"%b\nrelated: %b\n%b" % (data[:start], _CUT.encode(), data[end:]), addresses


def _parse_cut(cut: str, related: list[str] | None) -> dict[Any, Any] | None:
    """The values of front matter without paying for `related` and `secured`; None where the whole must be parsed.

    In place of what was cut stands a marker. Only where the parser then finds the marker as the value of that
    top-level key was it really that key and not, say, a line of a longer text; a later key of the same name,
    a continued value, and every YAML error show as a missing marker. Merge keys and aliases could carry a marker
    elsewhere, so texts that may hold them are parsed whole.

    Args:
        cut: the front matter, where `related` is given without its block.
        related: the addresses that were read from the block.
    """
    secured = cut.find(_SECURED_START)
    found = _SECURED.match(cut, secured) if secured >= 0 else None
    if found is not None:
        cut = f"{cut[: found.start()]}\nsecured: {_CUT}{cut[found.end() :]}"
    keys = (["related"] if related is not None else []) + (["secured"] if found is not None else [])
    if not keys or _may_alias(cut) or "<<" in cut or cut.count(_CUT) != len(keys):
        return None
    try:
        values = _load_yaml(cut)
    except FrontMatterError:
        return None
    if not isinstance(values, dict) or any(values.get(key) != _CUT for key in keys):
        return None
    if related is not None:
        values["related"] = related
    values.pop("secured", None)
    return values


# TOML

_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _parse_toml(head: str) -> dict[Any, Any]:
    if len(head) > MAX_TOML_CHARS:
        raise FrontMatterError(f"the front matter has more than {MAX_TOML_CHARS:,} characters of TOML")
    for number, line in enumerate(head.split("\n"), 1):
        if line.count(".") > MAX_TOML_DOTS:
            raise FrontMatterError(f"the TOML has more than {MAX_TOML_DOTS:,} dots in one line", number)
    try:
        values: dict[Any, Any] = tomllib.loads(head[head.index("\n") + 1 :])
    except RecursionError as error:
        raise FrontMatterError(_TOO_DEEP) from error
    except ValueError as error:  # a TOMLDecodeError, or a number too long for int()
        message = str(error)
        place = _TOML_PLACE.search(message)
        if place is None:
            raise FrontMatterError(f"broken TOML: {_one_line(message)}") from error
        where = (int(place[1]) + 1, int(place[2])) if place[1] else (head.count("\n") + 1, 1)
        raise FrontMatterError(f"broken TOML: {_one_line(message[: place.start()])}", *where) from error
    if isinstance(values.get("related"), list):
        values["related"] = related_addresses(values["related"])
    values.pop("secured", None)
    return values
