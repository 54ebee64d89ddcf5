"""Values -> what a reader sees: marks, passages, names and bodies."""

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from index.article import Article
from search.snippets import merge
from web.body import MAX_MARKUP_CHARS, render_body
from web.filters import EXCERPT_CHARS, bdi, headline, label, marked, passage, plain, short, signal

ARTICLE = Article(id="site/a", archive="site", path="a.md")


def test_marks_stand_around_the_ranges_and_everything_is_escaped() -> None:
    assert marked("<b>AT&T</b> rings", ((3, 7), (12, 17))) == (
        "&lt;b&gt;<mark>AT&amp;T</mark>&lt;/b&gt; <mark>rings</mark>"
    )


@pytest.mark.parametrize("ranges", [((3, 2),), ((-1, 2),), ((2, 99),), ((1, 1),)])
def test_a_range_that_cannot_be_is_left_out(ranges: tuple[tuple[int, int], ...]) -> None:
    assert marked("a<b", ranges) == "a&lt;b"


@given(st.text(), st.lists(st.tuples(st.integers(-2, 30), st.integers(-2, 30))))
def test_marks_never_change_the_text(text: str, ranges: list[tuple[int, int]]) -> None:
    shown = str(marked(text, tuple(ranges)))
    assert shown.replace("<mark>", "").replace("</mark>", "") == str(escape(text))


@given(st.text(), st.lists(st.tuples(st.integers(0, 900), st.integers(1, 30))), st.integers(100, 500))
def test_a_passage_is_a_marked_part_of_the_text(text: str, marks: list[tuple[int, int]], limit: int) -> None:
    text *= 20
    ranges = merge([(start, start + length) for start, length in marks if start + length <= len(text)])
    shown = passage(text, ranges, limit)
    bare = unescape(str(shown).replace("<mark>", "").replace("</mark>", ""))
    assert len(bare) <= limit + len("…  …")
    assert bare == text if len(text) <= limit else bare.removeprefix("… ").removesuffix(" …") in text


def test_a_long_text_is_cut_to_where_its_first_mark_is() -> None:
    text = "word " * 200 + "needle " + "word " * 200
    at = text.index("needle")
    shown = passage(text, ((at, at + 6),))
    assert "<mark>needle</mark>" in shown
    assert shown.startswith("… word ")
    assert shown.endswith("word …")
    assert len(passage("x" * 10_000)) <= EXCERPT_CHARS + 2


def test_names_are_short_and_keep_their_direction_to_themselves() -> None:
    assert short("a" * 80) == "a" * 80
    assert short("a" * 81) == "a" * 80 + "…"
    assert bdi("<a>") == "<bdi>&lt;a&gt;</bdi>"
    assert headline("\u202eevil\u2066") == "evil"


def test_numbers_are_as_short_as_they_go() -> None:
    assert (signal(87.0), signal(-1.0), signal(3.5), signal(float("nan"))) == ("87", "-1", "3.5", "")


def test_an_article_without_title_is_called_by_its_text_address_or_id() -> None:
    assert label(replace(ARTICLE, title="Title", excerpt="Excerpt")) == "Title"
    assert label(replace(ARTICLE, excerpt="Excerpt")) == "Excerpt"
    assert label(replace(ARTICLE, excerpt="word " * 50)).endswith("word …")
    assert label(replace(ARTICLE, web_url="https://example.com/a")) == "https://example.com/a"
    assert label(ARTICLE) == "site/a"


def test_unknown_values_are_shown_as_text() -> None:
    assert plain("Free") == "Free"
    assert plain(["a", "b"]) == "a, b"
    assert plain({"count": 3, "average": None}) == "count: 3, average: "
    assert plain({"deep": [3]}) == '{\n "deep": [\n  3\n ]\n}'


def test_markdown_is_rendered() -> None:
    body = "## Head\n\nA *word* and a [link](https://example.com/x).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    shown = render_body(replace(ARTICLE, body=body), images=False)
    assert "<h2>Head</h2>" in shown
    assert "<em>word</em>" in shown
    assert '<a href="https://example.com/x" rel="nofollow noopener">link</a>' in shown
    assert "<table>" in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("# A\n\n## B\n\n# C", "2A 3B 2C"),
        ("### A\n\n### B\n\n## C\n\n#### D", "2A 2B 2C 3D"),
        ("<h1>A<h6>B</h6></h1><h4>C<div><h2>D</h2></div></h4>", "2A 3B 3C 3D"),
        ("# A\n" + "\n".join(f"{'#' * level} {level}\n" for level in range(2, 7)), "2A 32 43 54 65 66"),
        ('<h3 title="<h2>&quot;</h1>">A</h3></h2>\n\nB<hr><h2>C', "2A 2C"),
    ],
)
def test_headings_stand_below_the_title_and_leave_no_level_out(written: str, shown: str) -> None:
    markup = render_body(replace(ARTICLE, body=written), images=False)
    assert " ".join("".join(found) for found in re.findall(r"<h([1-6])[^>]*>(\w+)", markup)) == shown
    assert sorted(re.findall(r"<h([1-6])", markup)) == sorted(re.findall(r"</h([1-6])", markup))


def test_a_picture_without_a_text_is_passed_over() -> None:
    body = '<img src="https://pictures.example/a.png"><img src="https://pictures.example/b.png" alt="B">'
    assert re.findall(r' alt="[^"]*"', render_body(replace(ARTICLE, body=body), images=True)) == [' alt=""', ' alt="B"']


HOSTILE = """
<script>alert(1)</script><style>body{display:none}</style><p onclick="x()" style="color:red" class="c" id="i">safe</p>
<a href="javascript:alert(1)">a</a><a href="data:text/html,x">b</a><a href="/relative">c</a>
<a href=" JaVaScRiPt:x">d</a>
<iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input name="q"></form>
<svg onload="x()"><a href="https://x.example">in svg</a></svg><object data="https://x.example"></object>
<img src="https://pictures.example/a.png" onerror="x()" alt="A"><img src="http://plain.example/b.png">
<img src="data:image/png;base64,AAAA"><base href="https://evil.example/"><meta http-equiv="refresh" content="0">
"""


@pytest.mark.parametrize("body_format", ["html", "markdown"])
@pytest.mark.parametrize("images", [True, False])
def test_hostile_markup_is_cleaned(body_format: str, images: bool) -> None:
    article = replace(ARTICLE, body=HOSTILE, body_format=body_format)  # type: ignore[arg-type]
    shown = render_body(article, images=images)
    for forbidden in (
        "script",
        "alert(1)",
        "style",
        "onclick",
        "javascript",
        "data:",
        "iframe",
        "form",
        "svg",
        "object",
    ):
        assert forbidden not in shown.lower()
    for forbidden in ("evil.example", "plain.example", "/relative", "onerror", "base", "meta", "class=", "id="):
        assert forbidden not in shown.lower()
    assert "safe" in shown
    assert ("https://pictures.example/a.png" in shown) is images
    if images:
        assert 'referrerpolicy="no-referrer"' in shown
        assert 'loading="lazy"' in shown


def test_plain_text_becomes_paragraphs() -> None:
    article = replace(ARTICLE, body="1 < 2\n\nand", text="1 < 2\nand", body_format="text")
    assert render_body(article, images=True) == "<p>1 &lt; 2</p>\n<p>and</p>"


def test_a_body_too_long_to_render_is_shown_as_text() -> None:
    article = replace(ARTICLE, body="*a* " * MAX_MARKUP_CHARS, text="a a a", body_format="markdown")
    assert render_body(article, images=True) == "<p>a a a</p>"


def test_jekylls_raw_marks_are_not_shown() -> None:
    article = replace(ARTICLE, body="{% raw %}<p>Letter</p>{%- endraw -%}", body_format="html")
    assert render_body(article, images=True) == "<p>Letter</p>"


@given(st.text(st.characters(codec=None)), st.sampled_from(["html", "markdown", "text"]))
def test_any_body_can_be_shown(body: str, body_format: str) -> None:
    article = replace(ARTICLE, body=body, text=body, body_format=body_format)  # type: ignore[arg-type]
    assert "<script" not in render_body(article, images=True).lower()


@pytest.mark.parametrize("body", ["<ul><li>" * 20_000, "![" * 60_000, "<div>" * 40_000])
def test_a_body_that_takes_quadratic_time_is_shown_as_text(body: str) -> None:
    article = Article(id="a/b", archive="a", path="b", title="T", text="plain", body=body, body_format="html")
    assert str(render_body(article, images=True)) == "<p>plain</p>"
