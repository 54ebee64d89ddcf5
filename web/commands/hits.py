"""Hits of an answer as lines for a terminal. Text from elsewhere gets there through `printable` only."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from web import shapes
from web.commands.options import printable
from web.filters import beginning

_INDENT = "     "
_SHOWN = {
    "id", "rank", "score", "full", "title", "excerpt", "url", "provider", "published", "type", "highlights", "snippet",
    "marked", "explanation",
}  # fmt: skip
"""What a hit's usual lines say; and its score, which says nothing to a reader."""
_DEEPEST = 20


def open_console() -> Console:
    """Standard output, its lines as long as they are."""
    return Console(highlight=False, soft_wrap=True)


def print_hit(console: Console, hit: shapes.Hit, rank: int, *, fields: bool = False) -> None:
    """Print one hit.

    Args:
        console: where to.
        hit: as the API gives it.
        rank: its number.
        fields: whether every field that it has is wanted.
    """
    console.print()
    for line in _hit_lines(hit, rank):
        console.print(line)
    for name, value in hit.items() if fields else ():
        if name not in _SHOWN and value not in (None, "", []):
            console.print(Text(printable(f"{_INDENT}{name}: {_plain(value)}")))
    if "explanation" in hit:
        for text in _explained(hit["explanation"]):
            console.print(Text(printable(text), "dim"))


def _hit_lines(hit: shapes.Hit, rank: int) -> Iterator[Text]:
    highlights = hit.get("highlights") or {"title": [], "excerpt": []}
    title, excerpt, snippet, url = hit.get("title"), hit.get("excerpt"), hit.get("snippet"), hit.get("url")
    label = title or beginning(excerpt or "") or url
    yield Text.assemble(f"{rank:>3}. ", _marked(label or hit["id"], highlights["title"] if title else ()))
    facts = [*_facts(hit), hit["id"] if label else ""]
    if any(facts):
        yield Text(_INDENT + printable(" · ".join(filter(None, facts))), "dim")
    if snippet:
        yield Text.assemble(_INDENT, _marked(snippet["text"], snippet["highlights"]))
    elif excerpt and title:
        yield Text.assemble(_INDENT, _marked(excerpt, highlights["excerpt"]))
    if url:
        yield Text(printable(f"{_INDENT}{url}"))


def _facts(hit: shapes.Hit) -> Iterator[str | None]:
    provider = hit.get("provider")
    if provider:
        yield provider["name"] or provider["domain"]
    if "published" in hit:
        yield (hit["published"] or "undated")[:10]
    yield hit.get("type")


def _marked(text: str, ranges: Sequence[Sequence[int]]) -> Text:
    """Words found are bold on a terminal and plain elsewhere; `printable` keeps every character in its place."""
    line = Text(printable(text))
    for start, end in ranges:
        line.stylize("bold", start, end)
    return line


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _explained(part: shapes.Explanation, depth: int = 0) -> Iterator[str]:
    """A score as a tree: each factor under the one that it is a part of."""
    made = f" ({part['operation']} of)" if part["operation"] else ""
    yield f"{_INDENT}{'  ' * depth}{part['value']:.4f}  {part['text']}{made}"
    if depth < _DEEPEST:
        for each in part["parts"]:
            yield from _explained(each, depth + 1)
