"""Front matter read by its shape: the same values as PyYAML's wherever it is read, and what is read at all."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from index.plain import MAX_PLAIN_CHARS, plain_mapping, related_block

MACHINE_WRITTEN = """\
---
title: "A \\"bridge\\" opens\\u2014at last"
name: 'it''s'
type: article
length: 45 mins
url: https://example.org:8080/a?b=c#d
quality: 101
heat: -1
average: 4.5
date: 2021-03-04
publishedDateTime: 2021-03-25T16:28:53Z
published: false
removed: null

provider:
  name: Harbour Post
  images:
    - url: "https://example.org/a.jpg"
      width: 50
    - url: /b.jpg
topics:
  - Bridges & C#
  - 7
tags:
- a
- b
empty:
last:
"""


def test_what_machines_write_is_read() -> None:
    assert plain_mapping(MACHINE_WRITTEN) == {
        "title": 'A "bridge" opens\u2014at last',
        "name": "it's",
        "type": "article",
        "length": "45 mins",
        "url": "https://example.org:8080/a?b=c#d",
        "quality": 101,
        "heat": -1,
        "average": 4.5,
        "date": date(2021, 3, 4),
        "publishedDateTime": datetime(2021, 3, 25, 16, 28, 53, tzinfo=UTC),
        "published": False,
        "removed": None,
        "provider": {
            "name": "Harbour Post",
            "images": [{"url": "https://example.org/a.jpg", "width": 50}, {"url": "/b.jpg"}],
        },
        "topics": ["Bridges & C#", 7],
        "tags": ["a", "b"],
        "empty": None,
        "last": None,
    }
    assert plain_mapping(MACHINE_WRITTEN) == yaml.load(MACHINE_WRITTEN, yaml.CSafeLoader)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "# comment",
        "a: b # comment",
        "a: b: c",
        "a: b:",
        "a: &x b",
        "a: *x",
        "a: !!str 1",
        "a: |\n  text",
        "a: b\n  c",
        'a: "b\n  c"',
        "a: 'it's'",
        'a: "b" c',
        'a: "\\x41"',
        'a: "\\ud83d\\ude00"',
        "a: [b]",
        "a: {b: c}",
        "a: 010",
        "a: 0x1F",
        "a: 1_000",
        "a: 12:30",
        "a: 1e5",
        "a: .inf",
        "a: ~",
        "a: =",
        "a: 2021-02-30",
        "a: 2021-02-03T24:00:00Z",
        "a: 2021-02-03 04:05:06",
        "a: b ",
        "a:  b",
        "a:\tb",
        "\ta: b",
        " a: b",
        "- a",
        "a:\n  - - b",
        "a:\n  -",
        "a:\n    b: c\n  d: e",
        "a: null\n  b: c",
        "a:\n  b:\n c: d",
        "a:\n  - b\n  c: d",
        "a:\n  b: c\n  - d",
        "yes: b",
        "null: b",
        "1: b",
        "<<: b",
        '"a": b',
        "? a\n: b",
        "a: b\u2028c",
        "a: b\u0085",
        'a: "\ufeff"',
        "...",
        "--- a",
        "%TAG",
        "a:\n" + " " * 17 + "b: c",
    ],
)
def test_anything_else_is_left_to_the_parser(lines: str) -> None:
    assert plain_mapping(f"---\n{lines}\n") is None


def test_a_long_text_is_left_to_the_parser() -> None:
    assert plain_mapping("---\n" + "a: b\n" * (MAX_PLAIN_CHARS // 5)) is None


_WORD = st.one_of(
    st.text(alphabet="aeT019 .,:'\"#&*-?!%@[]{}|>=~_\\/+\u00e9\u2019\u2028\u0085\ufeff", max_size=8),
    st.sampled_from([
        "yes",
        "No",
        "TRUE",
        "null",
        "NULL",
        "~",
        "y",
        "on",
        "Off",
        "e5",
        "T",
        "45 mins",
        "1 2",
        "",
        "C#",
    ]),
    st.sampled_from(["2021-03-04", "2021-03-04T05:06:07Z", "2021-13-04", "0000-01-01", "2021-03-04T24:00:00Z"]),
    st.sampled_from(["0", "-0", "007", "1.50", "-1.5", "01.5", "1.", ".5", "1e3", "1.5e+3", "0x1", "1:2", "1_0", "+1"]),
    st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    st.sampled_from([
        '"a b"',
        '"\\u00e9\\n\\/"',
        '"\\x41"',
        '"\\ud83d"',
        "'a'",
        "'a''b'",
        "'\\'",
        '"',
        "http://a.b:1/c",
    ]),
)
_KEY = st.sampled_from(["a: ", "b: ", "c:", "title: ", "yes: ", "a-b_1: ", "https: ", "1: ", ""])
_ENTRY = st.builds(
    "{}{}{}{}\n".format, st.sampled_from(["", "", "  ", "    ", " "]), st.sampled_from(["", "", "- "]), _KEY, _WORD
)


@settings(max_examples=1_500, deadline=None)
@given(st.lists(_ENTRY, max_size=7).map("".join))
def test_what_is_read_equals_the_parser(lines: str) -> None:
    assert_equals_the_parser(f"---\n{lines}")


@settings(max_examples=1_000, deadline=None)
@given(_WORD, st.sampled_from(["a: {}\n", "a:\n  - {}\n", "a:\n- b: {}\n"]))
def test_a_value_equals_the_parser(word: str, line: str) -> None:
    assert_equals_the_parser("---\n" + line.replace("{}", word))


def assert_equals_the_parser(text: str) -> None:
    values = plain_mapping(text)
    if values is not None:
        expected = yaml.load(text, yaml.CSafeLoader)
        assert values == expected
        assert _types(values) == _types(expected)


def _types(value: Any) -> Any:
    """The types and the order within a value: 1 equals 1.0 and True, and mappings are equal in any order."""
    if isinstance(value, dict):
        return [(key, _types(item)) for key, item in value.items()]
    return [_types(item) for item in value] if isinstance(value, list) else (type(value), str(value))


BLOCK = b'  - title: "a"\n    webUrl: "https://e.org/1"\n  - url: "\xc3\xa9"\n    quality: 2\n'


@pytest.mark.parametrize(
    "rest", [b"", b"\nsecured: x\n", b"topics:\n  - a\n", b"---\n", b"  - [a]\n", b'  - a: "\xff"\n']
)
def test_a_block_ends_where_its_shape_ends(rest: bytes) -> None:
    assert related_block(b"related:\n" + BLOCK + rest, 9) == (["https://e.org/1", "é"], 9 + len(BLOCK))


def test_long_related_articles_are_read_but_not_remembered() -> None:
    long = b'  - excerpt: "%b"\n    url: "u"\n' % (b"x" * 10_000)
    assert related_block(long + BLOCK, 0) == (["u", "https://e.org/1", "é"], len(long) + len(BLOCK))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*re.findall(rb".*\n", BLOCK), b"\n", b"x\n", b"  - \xff\n"]), max_size=8).map(b"".join)
)
def test_a_block_is_read_alike_whatever_follows(rest: bytes) -> None:
    found, end = related_block(BLOCK + rest, 0)
    assert found[0] == "https://e.org/1"
    assert related_block((BLOCK + rest)[:end], 0) == (found, end)
