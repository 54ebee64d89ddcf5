"""Typed text -> tree: every text is a query."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.parser import parse, render


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("", "*"),
        ("*", "*"),
        ("azure  arc", "azure arc"),
        ('"power apps" low-code', '"power apps" low-code'),
        ("“curly quotes”", '"curly quotes"'),
        ('"never closed', '"never closed"'),
        ("a OR b", "a OR b"),
        ("a b OR c d", "a (b OR c) d"),
        ("a AND b OR c", "(a AND b) OR c"),
        ("a AND (b OR c)", "a AND (b OR c)"),
        ("azure -aws NOT gcp", "azure -aws -gcp"),
        ("-(a OR b)", "-(a OR b)"),
        ("NOT NOT a", "a"),
        ("clou*", "clou*"),
        ("multi-clo*", "multi- AND clo*"),
        ("title:azure", "title:azure"),
        ('TITLE:"azure arc"', 'title:"azure arc"'),
        ("title:(a b)", "title:a title:b"),
        ("-topic:ai", "-topic:ai"),
        ("type:Video", "type:video"),
        ('category:"Case Study"', 'category:"case study"'),
        ("after:2020 before:2021-03", "date:2021-01-01.. before:2021-03-01"),
        ("date:2021-12", "date:2021-12-01..2021-12-31"),
        ("date:2021-03..2021-06", "date:2021-03-01..2021-06-30"),
        ("date:..2021", "before:2022-01-01"),
        ("https://a.example/x?y=1", "url:https://a.example/x?y=1"),
        ("url:a.example/x", "url:a.example/x"),
        ("C# OR F#", "C# OR F#"),
        ("what is this (for all of us)", "what is this for all of us"),
        ("THE ALLIES AND THE GOVERNMENT OR NOT", "THE ALLIES AND THE GOVERNMENT OR NOT"),
        ("OR a AND", "a"),
        (") a (", "a"),
        ("unknown:word", "unknown:word"),
        ("title:", "title:"),
        ("a & b", "a b"),
        ("a,b; c/d 1,000", "a b c d 1,000"),
        ("not a OR b and c", "not (a OR b) and c"),
    ],
)
def test_how_it_is_understood(typed: str, understood: str) -> None:
    assert render(parse(typed).tree) == understood


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("date:yesterday ai", "“date:yesterday” was not used: dates are written 2021, 2021-03 or 2021-03-09."),
        ("before:2021-13", "“before:2021-13” was not used: dates are written 2021, 2021-03 or 2021-03-09."),
        (
            "date:2021-06..2021-03",
            "“date:2021-06..2021-03” was not used: dates are written 2021, 2021-03 or 2021-03-09.",
        ),
        ("date:..", "“date:..” was not used: dates are written 2021, 2021-03 or 2021-03-09."),
        ("???", "There is nothing to search for in “???”."),
        ("(" * 30 + "a", "Parentheses deeper than 20 were not used."),
    ],
)
def test_what_is_not_used_is_said(typed: str, text: str) -> None:
    assert [(note.kind, note.text) for note in parse(typed).notes] == [("ignored", text)]


@pytest.mark.parametrize(
    "typed", ["(" * 5000, "-" * 5000, "NOT " * 3000, "title:" * 3000, "((((a) b) c) " * 900, "a OR " * 5000]
)
def test_long_nesting_is_survived(typed: str) -> None:
    render(parse(typed).tree)


_PIECES = st.sampled_from([
    "azure",
    "IT",
    "C#",
    "(",
    ")",
    '"',
    "“",
    "-",
    "NOT",
    "AND",
    "OR",
    "title:",
    "type:",
    "date:",
    "2021-03",
    "..",
    "*",
    "url:",
])


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=25).map(" ".join), st.lists(_PIECES).map("".join)))
def test_no_text_is_an_error(typed: str) -> None:
    render(parse(render(parse(typed).tree)).tree)


_WORDS = st.sampled_from([
    "azure",
    "IT",
    "C#",
    "(",
    ")",
    "-",
    "NOT",
    "AND",
    "OR",
    "title:arc",
    "type:video",
    "date:2021-03",
])


@settings(max_examples=500)
@given(st.lists(_WORDS, max_size=25).map(" ".join))
def test_what_was_understood_reads_the_same_again(typed: str) -> None:
    understood = render(parse(typed).tree)
    assert render(parse(understood).tree) == understood
