"""Exports: hits as lines of JSON, rows of a table, or text to read, written one at a time."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from index.urls import safe_href
from search.query import Query
from search.results import Hit
from web.filters import label
from web.params import EXPORT_FIELDS
from web.render import render_hit, to_bytes

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # the wide forms count as well
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_LIST_MARK = re.compile(r"^(\s*)([-+=]|[0-9]+[.)])")


def export_fields(asked: Sequence[str] | None) -> tuple[str, ...]:
    """The fields to export, `id` first."""
    return ("id", *(name for name in (EXPORT_FIELDS if asked is None else asked) if name != "id"))


@dataclass(frozen=True, slots=True)
class Format:
    """How an export is written.

    Attributes:
        description: what it looks like, for readers of the API's description.
        write: hits, names of fields and the query -> pieces of UTF-8.
    """

    media_type: str
    suffix: str
    description: str
    write: Callable[[Iterator[Hit], Sequence[str], Query], Iterator[bytes]]


def _write_jsonl(hits: Iterator[Hit], fields: Sequence[str], _query: Query) -> Iterator[bytes]:
    for hit in hits:
        yield to_bytes(render_hit(hit, fields[1:])) + b"\n"


def _write_csv(hits: Iterator[Hit], fields: Sequence[str], _query: Query) -> Iterator[bytes]:
    """RFC 4180, with a row of names; lists are divided by "; ", other JSON values written as JSON."""
    names = [
        name for field in fields for name in (("provider", "provider_domain") if field == "provider" else (field,))
    ]
    yield _row(names)
    for hit in hits:
        rendered: dict[str, Any] = dict(render_hit(hit, fields[1:]))
        provider = rendered.get("provider")
        if provider:
            rendered |= {"provider": provider["name"], "provider_domain": provider["domain"]}
        yield _row([_cell(rendered[name]) for name in names])


def _row(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "; ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # A spreadsheet would run it, and what it says comes from elsewhere.
    return "'" + text if _FORMULA.match(text) else text


def _write_markdown(hits: Iterator[Hit], _fields: Sequence[str], query: Query) -> Iterator[bytes]:
    """Each article as a heading with its link, a line of facts and its excerpt."""
    yield f"# {_plain(query.text.strip()) or 'Articles'}\n".encode("utf-8", "replace")
    for hit in hits:
        article = hit.article
        title = _plain(article.title or label(article))
        url = safe_href(article.address)
        heading = f"[{title}](<{quote(url, safe=_URL_SAFE)}>)" if url else title
        facts = [
            article.provider.name or article.provider.domain,
            article.published.date().isoformat() if article.published else "",
            ", ".join(article.topics),
        ]
        parts = [f"\n## {heading}\n", _plain(" · ".join(filter(None, facts))), _plain(article.excerpt)]
        yield "\n".join(f"{part}\n" if i else part for i, part in enumerate(parts) if part).encode("utf-8", "replace")


_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return _LIST_MARK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", " ".join(text.split())))


FORMATS = {
    "jsonl": Format(
        "application/x-ndjson",
        "jsonl",
        "An object on each line, which has the `id` and the fields that were asked for in the shape `Hit`.",
        _write_jsonl,
    ),
    "csv": Format(
        "text/csv",
        "csv",
        "A table (RFC 4180) with a row of names; `provider` has two columns, `provider` and `provider_domain`. Items "
        "of a list are divided by `; `, other objects and lists are JSON, and what is absent is empty. Text that a "
        "spreadsheet would take for a formula begins with an apostrophe.",
        _write_csv,
    ),
    "markdown": Format(
        "text/markdown",
        "md",
        "CommonMark: of each article a heading that links to it, a line with provider, day and topics, and its "
        "excerpt.",
        _write_markdown,
    ),
}
