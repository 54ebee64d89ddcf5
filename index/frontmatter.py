"""The head of an article file: bytes -> front matter, body, and where each key stands.

What the keys mean is `index.load`'s work; which files are read is `index.archive`'s. Nothing here trusts its input:
depth, size and aliases are checked before libyaml builds anything, because it dies of deep nesting.

In a real archive 95 % of all bytes are the `related:` block and 1.6 % the `secured:` line. Both are cut out before
YAML sees the text, and only addresses are read from `related`, by a scan that accepts nothing but the plain shape
a machine writes. Wherever anything is unusual the whole text is parsed, so the result is the same either way.
"""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

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
MAX_REPEATED_CHARS = 4_000  # of a related article that is remembered, so that its copies cost next to nothing
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
        head: the front matter as written, with its opening line and without its closing one.
    """

    values: dict[Any, Any]
    body: str
    head: str

    @property
    def body_line(self) -> int:
        """1-based line of the file on which the body starts."""
        return self.head.count("\n") + 2

    def line_of(self, key: str) -> int | None:
        """1-based line of a top-level key (of the last one where it is repeated); `a.b` is looked up as `a`."""
        starts = self._places(key.partition(".")[0])
        return self.head.count("\n", 0, starts[-1]) + 1 if starts else None

    def is_repeated(self, key: str) -> bool:
        """Whether a top-level key is given more than once."""
        return len(self._places(key)) > 1

    def _places(self, key: str) -> list[int]:
        name = re.escape(key)
        pattern = rf"""^(?:(["']?){name}\1[ \t]*[:=.]|\[+{name}[\].])"""
        return [match.start() for match in re.finditer(pattern, self.head, re.MULTILINE)]


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
    text = _decode(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    mark = opening[1].decode("ascii")
    head, body = _split(text, mark)
    values = _parse_yaml(head) if mark == "---" else _parse_toml(head)
    return FrontMatter(values, body, head)


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


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        line, column = _place(before, len(before))
        raise FrontMatterError("the file is not UTF-8", line, column) from error


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


_CLOSINGS = {
    "---": (re.compile(r"\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)"), ("\n---", "\n...")),
    "+++": (re.compile(r"\n\+\+\+[ \t]*(?:\n|\Z)"), ("\n+++",)),
}


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
    values = _parse_cut(head)
    if values is None:
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


# The scan of `related`. A block is taken only if all its lines have these shapes: two spaces and a dash for an
# article, four for its keys, six for a mapping or list below a key, eight for the rest of a list's mapping.

_CHARS = (
    r'(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]++|\\(?:["\\/nrt]|u(?:[0-9A-CEFa-cef][0-9A-Fa-f]{3})))*+'
)
_PLAIN = r"[A-Za-z0-9/][A-Za-z0-9 .,'&/()+%!_\u00a1-\u1fff-]*+"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_KEY = r"[A-Za-z][A-Za-z0-9]{0,40}+"
_PAIR = rf'{_KEY}: (?:"{_CHARS}"|{_TIME}|{_PLAIN})\n'
_BELOW = rf"\n(?:(?:      {_PAIR})++|(?:      - {_PAIR}(?:        {_PAIR})*+)++)"
_LINE = (
    rf'(?:originalUrl: ("{_CHARS}")\n|webUrl: ("{_CHARS}")\n|url: ("{_CHARS}")\n'
    rf"|(?!(?:originalUrl|webUrl|url):)(?:{_PAIR}|{_KEY}:{_BELOW}))"
)
_ITEM_START = "  - "
_ITEM = re.compile(rf"{_ITEM_START}{_LINE}(?:    {_LINE})*+")
_SECURED_START = '\nsecured: "'
_SECURED = re.compile(rf'{_SECURED_START}[A-Za-z0-9+/=;]*+"(?=\n)')
_RELATED_START = "\nrelated:\n"
_CUT = "broadsheet-cut-this-out"


def _parse_cut(head: str) -> dict[Any, Any] | None:
    """The values of `head` without paying for `related` and `secured`; None where the whole must be parsed.

    In place of what was cut stands a marker. Only where the parser then finds the marker as the value of that
    top-level key was it really that key and not, say, a line of a longer text; a later key of the same name,
    a continued value, and every YAML error show as a missing marker. Merge keys and aliases could carry a marker
    elsewhere, so texts that may hold them are parsed whole.
    """
    start = head.find(_RELATED_START) + len(_RELATED_START)
    addresses, end = _scan_related(head, start) if start >= len(_RELATED_START) else ([], start)
    has_related = end > start
    # Looked for behind the block, where machines write it, else before: there is no need to read the block again.
    at = head.find(_SECURED_START, end - 1 if has_related else 0)
    if at < 0 and has_related:
        at = head.find(_SECURED_START, 0, start)
    secured = _SECURED.match(head, at) if at >= 0 else None
    cuts = [(start - 1, end, f" {_CUT}\n")] if has_related else []
    if secured is not None:
        cuts.append((secured.start(), secured.end(), f"\nsecured: {_CUT}"))
    cut = head
    for begin, until, marker in sorted(cuts, reverse=True):
        cut = cut[:begin] + marker + cut[until:]
    if not cuts or _may_alias(cut) or "<<" in cut or cut.count(_CUT) != len(cuts):
        return None
    try:
        values = _load_yaml(cut)
    except FrontMatterError:
        return None
    expected = (["related"] if has_related else []) + (["secured"] if secured is not None else [])
    if not isinstance(values, dict) or any(values.get(key) != _CUT for key in expected):
        return None
    if has_related:
        values["related"] = addresses
    return values


def _scan_related(head: str, start: int) -> tuple[list[str], int]:
    """The addresses of the related articles that follow each other in the plain shape, and where these end."""
    found = []
    while head.startswith(_ITEM_START, start):
        end = head.find(f"\n{_ITEM_START}", start) + 1
        address = _item_address(head[start:end]) if start < end <= start + MAX_REPEATED_CHARS else None
        if address is None:  # the last one, or one that is not plain
            item = _ITEM.match(head, start)
            if item is None:
                break
            address, end = _address_of(item), item.end()
        if address:
            found.append(address)
        start = end
    return found, start


@lru_cache(maxsize=8_192)  # an archive repeats the same related article in some forty files
def _item_address(text: str) -> str | None:
    """The address in the text of one related article, None where the shape is not plain."""
    item = _ITEM.fullmatch(text)
    return None if item is None else _address_of(item)


def _address_of(item: re.Match[str]) -> str:
    # The first line has its own three groups; a repeated key's last value counts, as in YAML.
    original, web, url, later_original, later_web, later_url = item.groups()
    return _unquote(later_original or original) or _unquote(later_web or web) or _unquote(later_url or url)


def _unquote(text: str | None) -> str:
    """The trimmed value of a double-quoted scalar; the escapes that the scan lets through mean the same in JSON."""
    if text is None:
        return ""
    if "\\" not in text:
        return text[1:-1].strip()
    value: str = json.loads(text)
    return value.strip()


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
