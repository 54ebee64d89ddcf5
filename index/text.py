"""Text as an archive writes it -> text as it is shown: no tags, no entities, no invisible characters.

Folding for search (case, accents, curly quotes) is `index.analysis`'s work; rendering a body as markup is `web`'s.
Every step is linear in its input: an article is never worth a stalled reindex.
"""

import html
import re
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_MARKDOWN_CHARS = 200_000  # a longer body is stripped plainly: markdown-it takes up to 13 µs a character
MAX_MARKDOWN_BRACKETS = 10_000  # and so is one with more `[`, the most expensive character


_MISREAD_MARK = "ï»¿"  # a byte order mark read as Latin-1


def clean(text: str) -> str:
    """One line of plain text from a title, an excerpt or a name, which may hold HTML.

    Tags are stripped where they are really tags (`a < b` and `List<T>` stay), entities are decoded, doubled ones too,
    every run of white space is one space, and characters without a look are dropped.
    """
    if _MISREAD_MARK in text:
        text = text.replace(_MISREAD_MARK, "")
    if "<" in text:
        text = _strip_tags(text)
    if "&" in text:
        decoded = _decode(text)
        # Markup that was escaped as a whole, as feeds do it, shows itself by a closing tag or a line break.
        if decoded != text and _ESCAPED_MARKUP.search(decoded):
            decoded = _strip_tags(decoded)
        text = decoded
    return tidy(text)


def tidy(text: str) -> str:
    """`clean` for text that holds no markup: white space and invisible characters only."""
    if not text.isprintable():
        text = _join_surrogates(text) if _SURROGATE.search(text) else text
        text = _INVISIBLE.sub("", text)
        if "\u200c" in text or "\u200d" in text:
            text = _JOINER.sub(_keep_joiner, text)
    return " ".join(text.split())


def body_text(body: str, body_format: Literal["markdown", "html", "text"]) -> str:
    """A body as plain text, for indexing and quoting.

    Args:
        body: as written; Liquid tags such as `{% raw %}` are dropped.
        body_format: how it is written; Markdown may hold HTML.

    Returns:
        Paragraphs divided by one newline; "" where there is no text.
    """
    if not body.strip():
        return ""
    body = _drop_between(body, "{%", "%}", 2_000)
    if body_format == "html":
        lines = _html_text(body).split("\n")
    elif body_format == "markdown":
        lines = _markdown_lines(body)
    else:
        lines = _BLANK_LINE.split(body)
    return "\n".join(line for line in map(tidy, lines) if line)


_BLANK_LINE = re.compile(r"\n[ \t\r]*+\n")


# Characters

_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls, soft hyphen, zero-width space, directions, invisible operators, byte order marks, tags, noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0001\U000e0020-\U000e007f]"
)
_JOINER = re.compile("[\u200c\u200d]+")
# Scripts in which a joiner changes the word: Arabic and Syriac to Myanmar, Khmer, Mongolian, Arabic forms.
_JOINING = re.compile("[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc]")
_PICTURE = re.compile("[\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff]")


def _join_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _keep_joiner(match: re.Match[str]) -> str:
    """A joiner stays inside a word of a script that joins, and inside an emoji."""
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    if _JOINING.match(before) and (_JOINING.match(after) or not after.isalnum()):
        return match[0]
    if match[0] == "\u200d" and _PICTURE.match(before) and _PICTURE.match(after):
        return match[0]
    return ""


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _decode(text: str) -> str:
    """Entities decoded, up to three layers of them; only with a semicolon, so that `?a=1&copy=2` stays."""
    for _ in range(3):
        decoded = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
        if decoded == text:
            break
        text = decoded
    return text


# Tags


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BREAKING = _words(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption"
    " figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main menu nav ol optgroup option p pre"
    " section select summary table tbody td tfoot th thead tr ul"
)
_INLINE = _words(
    "a abbr acronym audio b bdi bdo big button canvas cite code col colgroup data del dfn em embed font i iframe"
    " img input ins kbd label link map mark meta meter noscript object output param picture progress q rp rt ruby"
    " s samp script slot small source span strike strong style sub sup svg template textarea time title tt u var"
    " video wbr o:p"
)
# Elements that are also words of programming languages: a tag only with attributes or where one is closed.
_TYPE_WORDS = _words("data map object output param select source time title var")
_DROPPED = frozenset(("script", "style", "template", "title"))
_CLOSING = {name: re.compile(rf"</{name}[^<>]*+>", re.IGNORECASE) for name in _DROPPED}
_BARE_ATTRIBUTES = _words("allowfullscreen async autoplay checked controls defer disabled hidden loop muted")

# `<` ends every scan, so a text of nothing but opening brackets is still read once.
_ATTRIBUTES = r"""(?:(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+(?=>)|[^<>]*+)"""
_CLOSED = re.compile(r"</([a-z]++)>")
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9:-]*+)(?:([\s/]{_ATTRIBUTES}))?+>|<[!?][^<>]*+>")
_ESCAPED_MARKUP = re.compile(r"</(?:p|b|i|a|em|strong|span|div|li|ul|ol|h[1-6]|code)>|<br ?/?>", re.IGNORECASE)


def _strip_tags(text: str) -> str:
    text = _drop_between(text, "<!--", "-->")
    closed = frozenset(_CLOSED.findall(text.lower()))
    parts = []
    start = 0
    while (tag := _TAG.search(text, start)) is not None:
        name = (tag[2] or "").lower()
        if not _is_tag(tag, closed):
            parts.append(text[start : tag.end()])
            start = tag.end()
            continue
        parts.append(text[start : tag.start()])
        start = tag.end()
        if name in _BREAKING:
            parts.append(" ")
        elif name in {"script", "style"} and not tag[1]:
            closing = _CLOSING[name].search(text, start)
            start = closing.end() if closing else len(text)
    parts.append(text[start:])
    return "".join(parts)


def _is_tag(tag: re.Match[str], closed: frozenset[str]) -> bool:
    if tag[2] is None:
        return tag[0][:9].lower() in {"<!doctype", "<![cdata["} or tag[0].startswith("<?xml")
    name = tag[2].lower()
    if name not in _BREAKING and name not in _INLINE:
        return False
    attributes = (tag[3] or "").strip().strip("/").strip()
    if attributes:
        return "=" in attributes or attributes.lower() in _BARE_ATTRIBUTES
    generic = tag[2] in {"A", "B", "I", "P", "Q", "S", "U"} and tag.string[tag.start() - 1 : tag.start()].isalnum()
    return bool(tag[1]) or not (generic or name in _TYPE_WORDS) or name in closed


def _drop_between(text: str, opening: str, closing: str, max_chars: int | None = None) -> str:
    """`text` without what stands from `opening` to the next `closing`, at most `max_chars` on; the rest stays."""
    parts = []
    start = 0
    begin = text.find(opening)
    while begin >= 0:
        end = text.find(closing, begin + len(opening))
        if end < 0:
            break
        if max_chars is not None and end - begin > max_chars:
            begin = text.find(opening, end - max_chars)
            continue
        parts.append(text[start:begin])
        start = end + len(closing)
        begin = text.find(opening, start)
    parts.append(text[start:])
    return "".join(parts)


def _html_text(markup: str) -> str:
    """The text of HTML, not yet tidy, with a newline wherever a block begins or ends."""
    markup = " ".join(_drop_between(markup, "<!--", "-->").splitlines())
    parts = []
    start = 0
    while (tag := _TAG.search(markup, start)) is not None:
        parts.append(markup[start : tag.start()])
        start = tag.end()
        name = (tag[2] or "").lower()
        if name in _DROPPED and not tag[1]:
            closing = _CLOSING[name].search(markup, start)
            start = closing.end() if closing else len(markup)
        elif name in _BREAKING:
            parts.append("\n")
    parts.append(markup[start:])
    # Decoded piece by piece, so that no entity makes a tag; a decoded line end is white space.
    return "".join(part if part == "\n" else _decode(part).replace("\n", " ") for part in parts)


# Markdown

_MARKDOWN = MarkdownIt("commonmark", {"html": True, "maxNesting": 20}).enable(["table", "strikethrough"])


def _markdown_lines(body: str) -> list[str]:
    if len(body) > MAX_MARKDOWN_CHARS or body.count("[") > MAX_MARKDOWN_BRACKETS:
        return _plain_markdown(body)
    try:
        tokens = _MARKDOWN.parse(body)
    except Exception:  # a parser's bug or a RecursionError must not cost the article its text
        return _plain_markdown(body)
    lines: list[str] = []
    for token in tokens:
        if token.type == "inline":
            lines += _inline_text(token.children or []).split("\n")
        elif token.type == "html_block":
            lines += _html_text(token.content).split("\n")
        elif token.content:  # code
            lines.append(token.content)
    return lines


def _inline_text(tokens: list[Token]) -> str:
    parts = []
    dropped = ""  # the element whose content is being skipped
    for token in tokens:
        if token.type == "html_inline":
            tag = _TAG.match(token.content)
            name = (tag[2] or "").lower() if tag else ""
            if dropped:
                dropped = "" if name == dropped and tag and tag[1] else dropped
            elif name in _DROPPED and tag and not tag[1]:
                dropped = name
            elif name in _BREAKING:
                parts.append("\n")
        elif dropped:
            continue
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append("\n" if token.type == "hardbreak" else " ")
        elif token.type == "code_inline":
            parts.append(token.content)
        else:
            parts.append(_decode(token.content).replace("\n", " "))
    return "".join(parts)


_LINK = re.compile(r"!?\[([^\[\]\n]*+)\]\([^()\s]*+\)")
_LINE_MARKS = re.compile(r"^[ \t]*+(?:[>#*+=~`-]++[ \t]*+)++", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![A-Za-z0-9*_`])[*_`]++(?=\S)|(?<=[^\s*_`])[*_`]++(?![A-Za-z0-9])")


def _plain_markdown(body: str) -> list[str]:
    """Markdown without a parser: less exact, but linear whatever stands there."""
    paragraphs = _BLANK_LINE.split(_drop_between(body, "<!--", "-->"))
    lines = []
    for paragraph in paragraphs:
        text = _LINK.sub(r"\1", _LINE_MARKS.sub("", paragraph))
        lines += _html_text(_EMPHASIS.sub("", text)).split("\n")
    return lines
