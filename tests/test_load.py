"""What keys mean: dialects, dropped fields with their warnings, and visibility that fails closed."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.article import Article, Image, Provider, Warn, pack, unpack
from index.load import KNOWN_KEYS, LoadError, Origin, load_article

LINES = {"quality": 4, "provider": 9}


def load(
    front: dict[Any, Any], body: str = "", path: str = "_news/a.md"
) -> tuple[Article, tuple[Warn, ...], frozenset[str]]:
    stem = path.rpartition(".")[0] or path
    origin = Origin("site", path, f"site/{stem}", f"site/{path}", lambda key: LINES.get(key.partition(".")[0]))
    return load_article(origin, {"title": "T"} | front, body)


def article(**front: Any) -> Article:
    """The article of these keys, which must all be readable."""
    found, warnings, _ = load(front)
    assert warnings == ()
    return found


def dropped(**front: Any) -> tuple[Article, str, str]:
    """The article, and the field and reason of its one warning."""
    found, warnings, _ = load(front)
    assert len(warnings) == 1
    assert warnings[0].path == "site/_news/a.md"
    return found, warnings[0].field, warnings[0].reason


def test_every_known_key_has_its_place() -> None:
    front = {
        "category": "news",
        "title": " A&nbsp;bridge ",
        "excerpt": "It <b>opens</b>.",
        "publishedDateTime": datetime(2021, 12, 13, 5, 54, tzinfo=UTC),
        "updatedDateTime": "2021-12-14T01:00:00+02:00",
        "originalUrl": " https://e.org/original ",
        "webUrl": "https://e.org/a b",
        "ampWebUrl": "https://e.org/amp",
        "cdnAmpWebUrl": "https://cdn.e.org/amp",
        "url": "/a",
        "type": "article",
        "length": "PT5M",
        "quality": 52,
        "heat": -1,
        "published": True,
        "removed": False,
        "draft": None,
        "provider": {
            "name": "Harbour Post",
            "domain": "Harbour.example",
            "images": [{"url": "/logo.png", "width": 50}],
            "authors": [{"name": "Ann Lee"}, {"name": "B. Ode"}],
        },
        "authors": ["ann lee", "C. Dee"],
        "topics": ["Bridges", "bridges", "Steel"],
        "images": [
            {"url": "https://e.org/1.jpg", "width": 1200, "height": "600", "title": "It"},
            "https://e.org/2.jpg",
        ],
        "related": [{"webUrl": "https://e.org/r1"}, "https://e.org/r2", {"webUrl": "https://e.org/r1"}, {}],
        "levels": ["Beginner"],
        "secured": "x",
    }
    found, warnings, unknown = load(front, "# Head\n\nText", "_learning/courses/a.b.md")
    assert (warnings, unknown) == ((), frozenset())
    assert found == Article(
        id="site/_learning/courses/a.b",
        archive="site",
        path="_learning/courses/a.b.md",
        category="news",
        type="article",
        title="A bridge",
        excerpt="It opens.",
        text="Head\nText",
        body="# Head\n\nText",
        published=datetime(2021, 12, 13, 5, 54, tzinfo=UTC),
        updated=datetime(2021, 12, 13, 23, 0, tzinfo=UTC),
        original_url="https://e.org/original",
        web_url="https://e.org/a b",
        amp_url="https://e.org/amp",
        cdn_amp_url="https://cdn.e.org/amp",
        url="/a",
        length="PT5M",
        quality=52,
        heat=-1,
        provider=Provider("Harbour Post", "harbour.example", "/logo.png"),
        authors=("ann lee", "C. Dee", "B. Ode"),
        topics=("Bridges", "Steel"),
        levels=("Beginner",),
        images=(Image("https://e.org/1.jpg", 1200, 600, "It"), Image("https://e.org/2.jpg")),
        related=("https://e.org/r1", "https://e.org/r2"),
    )
    assert unpack(pack(found)) == found


@pytest.mark.parametrize(
    ("front", "title", "excerpt"),
    [
        ({"title": "", "name": "N", "bio": "B"}, "N", "B"),
        ({"title": None, "name": "N", "excerpt": " ", "description": "D", "summary": "S"}, "N", "D"),
        ({"title": 2021, "excerpt": "NA"}, "2021", "NA"),
        ({"title": date(2021, 3, 1), "excerpt": 1.5}, "2021-03-01", "1.5"),
    ],
)
def test_text_is_the_first_key_that_holds_some(front: dict[str, Any], title: str, excerpt: str) -> None:
    found = article(**front)
    assert (found.title, found.excerpt) == (title, excerpt)


@pytest.mark.parametrize(
    ("path", "front", "category"),
    [
        ("_learning/courses/x.md", {}, "learning"),
        ("posts/x.md", {"category": None}, "posts"),
        ("x.md", {}, ""),
        ("_news/x.md", {"category": "Sport"}, "Sport"),
    ],
)
def test_category_is_by_default_the_top_folder(path: str, front: dict[str, Any], category: str) -> None:
    assert load(front, path=path)[0].category == category


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2020, 6, 24, 9, 0, 15), datetime(2020, 6, 24, 9, 0, 15, tzinfo=UTC)),  # noqa: DTZ001 - as YAML gives
        (date(2020, 6, 24), datetime(2020, 6, 24, tzinfo=UTC)),
        ("2020-06-24", datetime(2020, 6, 24, tzinfo=UTC)),
        ("2020-06-24T09:00:15-07:00", datetime(2020, 6, 24, 16, 0, 15, tzinfo=UTC)),
        ("2020-06-24T09:00:15.25Z", datetime(2020, 6, 24, 9, 0, 15, 250_000, tzinfo=UTC)),
        ("2023-04-26 18:15:40 +0000", datetime(2023, 4, 26, 18, 15, 40, tzinfo=UTC)),
        ("2023-04-26 18:15:40 +0530", datetime(2023, 4, 26, 12, 45, 40, tzinfo=UTC)),
        (" 2023-4-6 8:15 UTC ", datetime(2023, 4, 6, 8, 15, tzinfo=UTC)),
        (date(1905, 9, 26), datetime(1905, 9, 26, tzinfo=UTC)),
        ("1605-01-16T12:00:00Z", datetime(1605, 1, 16, 12, tzinfo=UTC)),
    ],
)
def test_times_become_utc(value: Any, expected: datetime) -> None:
    found = article(date=value, updated=value)
    assert (found.published, found.updated) == (expected, expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2021-13-45", "'2021-13-45' is no date; it was dropped"),
        ("2021-02-30T10:00:00Z", "'2021-02-30T10:00:00Z' is no date; it was dropped"),
        ("0001-01-01T00:00:00Z", "'0001-01-01T00:00:00Z' is no date; it was dropped"),
        ("9999-12-31T23:59:59-10:00", "'9999-12-31T23:59:59-10:00' is no date; it was dropped"),
        ("2020-01-01T10:00:00+99:00", "'2020-01-01T10:00:00+99:00' is no date; it was dropped"),
        (2021, "'2021' is no date; it was dropped"),
        ("2021", "'2021' is no date; it was dropped"),
        (True, "true is no date; it was dropped"),
        ([2021], "a list is no date; it was dropped"),
        ("next week", "'next week' is no date; it was dropped"),
    ],
)
def test_what_is_no_date_is_dropped(value: Any, reason: str) -> None:
    found, field, told = dropped(publishedDateTime=value, startDateTime="2020-01-02")
    assert (field, told) == ("publishedDateTime", reason)
    assert found.published == datetime(2020, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "number"), [(52, 52), (0.5, 0.5), ("-1", -1), (" 3.5e2 ", 350), (None, None), (0, 0)]
)
def test_numbers(value: Any, number: float | None) -> None:
    assert article(quality=value, heat=value).quality == number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("high", "'high'"),
        (True, "true"),
        (float("nan"), "'nan'"),
        (float("-inf"), "'-inf'"),
        ("nan", "'nan'"),
        ("1_000", "'1_000'"),
        (10**400, "'1" + "0" * 59 + "…'"),
        ("9" * 5_000, "'" + "9" * 60 + "…'"),
        ([1], "a list"),
        ({}, "a mapping"),
        (b"x", "binary data"),
    ],
)
def test_what_is_no_number_is_dropped_with_its_line(value: Any, shown: str) -> None:
    found, warnings, _ = load({"quality": value})
    assert found.quality is None
    assert warnings == (Warn("site/_news/a.md", 4, "quality", f"{shown} is no number; it was dropped"),)


@pytest.mark.parametrize(
    ("front", "hidden"),
    [
        ({}, ""),
        ({"removed": False, "draft": "no", "published": "yes"}, ""),
        ({"removed": None, "draft": None, "published": None}, ""),
        ({"published": True, "draft": 0, "removed": "0"}, ""),
        ({"published": 1}, ""),
        ({"published": "On"}, ""),
        ({"published": False}, "unpublished"),
        ({"published": " FALSE "}, "unpublished"),
        ({"published": 0}, "unpublished"),
        ({"published": "off"}, "unpublished"),
        ({"draft": True}, "draft"),
        ({"draft": "true", "published": False}, "draft"),
        ({"removed": "yes", "draft": True, "published": False}, "removed"),
        ({"removed": 1}, "removed"),
        ({"published": date(2021, 5, 1)}, ""),
        ({"published": "2021-05-01 10:00"}, ""),
        ({"published": date(2021, 5, 1), "draft": True}, "draft"),
    ],
)
def test_visibility(front: dict[str, Any], hidden: str) -> None:
    assert article(**front).hidden == hidden


@pytest.mark.parametrize("value", ["maybe", "", 7, -1, 1.0, [1], {}, "2021", b"true", [True]])
def test_what_cannot_be_read_hides(value: Any) -> None:
    for key, hidden in (("removed", "removed"), ("draft", "draft"), ("published", "unclear")):
        found, field, reason = dropped(**{key: value})
        assert (found.hidden, field) == (hidden, key)
        assert reason.endswith(" is neither true nor false; the article is hidden")


@pytest.mark.parametrize("value", [date(2021, 5, 1), "2021-05-01"])
def test_published_may_be_a_date(value: Any) -> None:
    assert article(published=value).published == datetime(2021, 5, 1, tzinfo=UTC)
    assert article(published=value, date="2020-01-01").published == datetime(2020, 1, 1, tzinfo=UTC)


def test_an_impossible_date_of_publication_hides() -> None:
    found, field, reason = dropped(published="2021-13-45")
    assert (found.hidden, found.published, field) == ("unclear", None, "published")
    assert reason == "'2021-13-45' is neither true or false nor a date; the article is hidden"


@pytest.mark.parametrize(
    ("front", "authors"),
    [
        ({"author": "Perlis, A. J.; Samelson, K."}, ("Perlis, A. J.", "Samelson, K.")),
        ({"author": "Johnson and Johnson"}, ("Johnson and Johnson",)),
        ({"authors": [{"name": "A"}, "B", None, " "]}, ("A", "B")),
        ({"author": {"name": "A"}, "authors": "a; B"}, ("A", "B")),
        ({"provider": {"name": "P", "authors": [{"name": "A"}]}, "author": "Z"}, ("Z", "A")),
    ],
)
def test_authors(front: dict[str, Any], authors: tuple[str, ...]) -> None:
    assert article(**front).authors == authors


@pytest.mark.parametrize(
    ("front", "topics"),
    [
        ({"topics": "Power Apps"}, ("Power Apps",)),
        ({"topics": "Power Apps, Azure,"}, ("Power Apps", "Azure")),
        ({"topics": ["Rock, Paper"], "tags": "a b", "categories": ["ROCK, paper", 5]}, ("Rock, Paper", "a b", "5")),
        ({"tags": {"name": "N"}}, ("N",)),
    ],
)
def test_topics(front: dict[str, Any], topics: tuple[str, ...]) -> None:
    assert article(**front).topics == topics


@pytest.mark.parametrize(
    ("value", "provider"),
    [
        ("CERN", Provider("CERN")),
        ({"name": "Morningstar%2c Inc."}, Provider("Morningstar, Inc.")),
        ({"domain": "e.org", "image": "/a.png"}, Provider("", "e.org", "/a.png")),
        ({"name": "X", "images": {"url": "/a.png"}}, Provider("X", "", "/a.png")),
        (None, Provider()),
    ],
)
def test_provider_as_mapping_or_name(value: Any, provider: Provider) -> None:
    assert article(provider=value).provider == provider


@pytest.mark.parametrize(
    ("front", "field", "reason"),
    [
        ({"excerpt": ["a"]}, "excerpt", "a list is no text; it was dropped"),
        ({"type": True}, "type", "true was read as a truth value and taken as text; put it in quotes"),
        ({"webUrl": 12}, "webUrl", "'12' is no address; it was dropped"),
        ({"url": "https://e.org/" + "a" * 9_000}, "url", "the address has more than 8,000 characters; it was dropped"),
        ({"provider": ["x"]}, "provider", "a list is no text; it was dropped"),
        ({"provider": {"name": {}}}, "provider.name", "a mapping is no text; it was dropped"),
        ({"topics": [[1]]}, "topics", "a list is no text; it was dropped"),
        ({"topics": [{"x": 1}]}, "topics", "an item has no name; it was dropped"),
        ({"images": [7]}, "images", "'7' is no address; it was dropped"),
        ({"image": 7}, "image", "'7' is no address; it was dropped"),
        ({"image": {"url": "u", "height": "tall"}}, "image", "'tall' is no number; it was dropped"),
        ({"provider": {"image": 7}}, "provider.image", "'7' is no address; it was dropped"),
        ({"provider": {"images": [7]}}, "provider.images", "'7' is no address; it was dropped"),
        ({"related": ["/news/a"]}, "related", "'/news/a' is no web address; it was dropped"),
        ({"related": "//e.co/" + "a" * 9_000}, "related", "the address has more than 8,000 characters; it was dropped"),
        ({"images": [{"url": "u", "width": "wide"}]}, "images", "'wide' is no number; it was dropped"),
        ({"related": 7}, "related", "'7' is no list of articles; it was dropped"),
        ({"body": 7}, "body", "'7' is no text; it was dropped"),
        ({"excerpt": "a" * 30_000}, "excerpt", "the text has more than 20,000 characters; the rest was cut"),
        ({"topics": [str(n) for n in range(1_001)]}, "topics", "there are more than 1,000 items; the rest was dropped"),
        ({"rating": float("inf")}, "rating", "the number is not finite; it was dropped"),
        ({"blob": b"x"}, "blob", "the value is no text, number, date, list or mapping; it was dropped"),
        ({"long": "x" * 200_000}, "long", "the value has more than 100,000 characters; it was dropped"),
    ],
)  # fmt: skip
def test_a_bad_optional_field_is_dropped_with_a_warning(front: dict[str, Any], field: str, reason: str) -> None:
    assert dropped(**front)[1:] == (field, reason)


def test_related_articles_are_one_for_each_address() -> None:
    found, warnings, _ = load({
        "related": [
            "https://e.com/z?utm_source=a",
            {"webUrl": "https://e.com/z"},
            "e.com/z",
            "https://e.com/Z",
            "http://www.e.com/z/#top",
            "mailto:a@e.com",
            "https://e.com/PR Newswire/ä",
            "https://e.com/PR%20Newswire/%c3%a4",
        ]
    })
    assert found.related == ("https://e.com/z?utm_source=a", "https://e.com/Z", "https://e.com/PR Newswire/ä")
    assert [(warning.field, warning.reason) for warning in warnings] == [
        ("related", "'mailto:a@e.com' is no web address; it was dropped")
    ]


def test_images_keep_their_order_and_the_first_of_each_address() -> None:
    images = [{"url": "/a", "width": 1}, "/b", {"url": "/a", "width": 2}]
    assert article(images=images, image="/c").images == (Image("/a", 1), Image("/b"), Image("/c"))


def test_a_number_beyond_decimal_digits_is_shown_in_hexadecimal() -> None:
    huge = int("f" * 19_000, 16)  # TOML may hold it, and Python refuses to write it out
    assert article(category=0x1F).category == "31"
    found, warnings, _ = load({"title": huge, "quality": huge, "webUrl": huge, "other": huge})
    assert found.title == "0x" + "f" * 1_998
    assert sorted((warning.field, warning.reason[:14]) for warning in warnings) == [
        ("other", "the number is "),
        ("quality", f"'0x{'f' * 11}"),
        ("title", "the text has m"),
        ("webUrl", f"'0x{'f' * 11}"),
    ]


@pytest.mark.parametrize("unit", ["x", "é ", "<map>", "<b>x", "&amp;", "&lt;p&gt;", "<!--", "<script>", "\u200d"])
def test_long_text_is_read_in_linear_time(unit: str) -> None:
    """A quarter of an hour where any step looks at the whole text for each of its parts."""
    text = (unit * 2_000_000)[:2_000_000]
    found, _, _ = load({"title": text, "excerpt": f"End. {text}"})
    assert found.excerpt.startswith("End.")
    assert (len(found.title) <= 2_000, len(found.excerpt) <= 20_000) == (True, True)


def test_warnings_are_bounded() -> None:
    warnings = load({"topics": [[] for _ in range(900)]})[1]
    assert len(warnings) == 101
    assert warnings[-1].reason == "the article has more faults; they are not listed"


def test_unknown_keys_are_kept_as_json() -> None:
    front = {"price": "Free", "when": date(2021, 1, 2), 7: {"a": [None, 1.5, True]}, "set": {"b", "a"}, "s": "\ud800"}
    found, warnings, unknown = load(front)
    assert found.extra == {
        "price": "Free",
        "when": "2021-01-02",
        "7": {"a": [None, 1.5, True]},
        "set": ["a", "b"],
        "s": "\ufffd",
    }
    assert (warnings, unknown) == ((), frozenset(["price", "when", "7", "set", "s"]))


def test_deep_unknown_values_are_dropped() -> None:
    value: Any = 1
    for _ in range(500):
        value = [value]
    assert dropped(deep=value)[2] == "the value is nested more than 20 levels deep; it was dropped"


@pytest.mark.parametrize("front", [{"title": ""}, {"title": "\u200b", "excerpt": " &nbsp; "}, {"title": None}])
def test_no_text_at_all_is_refused(front: dict[str, Any]) -> None:
    with pytest.raises(LoadError, match=r"^there is no text in title, excerpt or body$"):
        load(front, "<!-- nothing -->")


def test_text_in_the_body_is_enough() -> None:
    found = load({"title": None, "body": "One."}, "Two.")[0]
    assert (found.title, found.body, found.text) == ("", "One.\n\nTwo.", "One.\nTwo.")


_VALUE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(), st.datetimes(),
        st.binary(max_size=5), st.sampled_from(["https://e.org/a", "2021-01-01", "true", "\ud800"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["name", "url", "authors", "images", "domain", "webUrl"]), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip
_KEYS = st.sampled_from(sorted(KNOWN_KEYS | {"other"}))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_KEYS, _VALUE, max_size=8))
def test_any_front_matter_gives_an_article_that_can_be_stored(front: dict[str, Any]) -> None:
    found, warnings, _ = load(front, "Text.")
    assert unpack(pack(found)) == found
    pack(found).decode()
    assert all(warning.reason and "\n" not in warning.reason for warning in warnings)


@pytest.mark.parametrize("front", [{"Draft": True}, {"REMOVED": "yes"}])
def test_other_spellings_of_visibility_hide_too(front: dict[str, Any]) -> None:
    assert article(**front).hidden


def test_two_spellings_of_one_visibility_hide() -> None:
    found, field, _ = dropped(draft=False, Draft=True)
    assert (found.hidden, field) == ("draft", "draft")
