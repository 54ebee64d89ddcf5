"""The bars of a timeline against the buckets that they are made of."""

from collections import Counter

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from search.query import Filters, Query
from search.results import Bucket, YearBucket
from web.links import Links
from web.params import end_of, parse_query, start_of
from web.texts import Texts
from web.timeline import HEIGHT, WIDTH, Timeline, build_timeline

TEXTS = Texts(Locale.parse("en_GB"))


def buckets(counts: dict[str, int]) -> tuple[YearBucket, ...]:
    """As an engine gives them: newest first, undated last."""
    years: list[YearBucket] = []
    for year in sorted({name[:4] for name in counts}, reverse=True):
        months = tuple(Bucket(name, counts[name]) for name in sorted(counts, reverse=True) if name[:4] == year)
        years.append(YearBucket(year, sum(month.count for month in months), months=months))
    return (*years, YearBucket(None, 7))


def timeline(counts: dict[str, int], first: str = "", last: str = "") -> Timeline | None:
    filters = Filters(start=start_of(first) if first else None, end=end_of(last) if last else None)
    return build_timeline(buckets(counts), Links("/", Query(filters=filters)), TEXTS)


MONTH = st.builds("{:04}-{:02}".format, st.integers(1, 9999), st.integers(1, 12))


@given(st.dictionaries(MONTH, st.integers(1, 10**9), min_size=1, max_size=60))
def test_every_article_stands_in_one_bar_whose_address_finds_it(counts: dict[str, int]) -> None:
    found = timeline(counts)
    if found is None:
        return
    assert sum(bar.count for bar in found.bars) == sum(counts.values())
    assert len(found.bars) <= 24
    assert found.width == WIDTH * len(found.bars)
    assert max(bar.height for bar in found.bars) == HEIGHT
    ends: list[object] = []
    for bar in found.bars:
        assert (bar.url is None) == (bar.count == 0) == (bar.height == 0)
        if bar.url:
            _, _, parameters = bar.url.partition("?")
            filters = parse_query(part.split("=") for part in parameters.split("&")).filters  # type: ignore[misc]
            assert filters.start
            assert filters.end
            inside = [n for month, n in counts.items() if filters.start <= start_of(month) < filters.end]
            assert sum(inside) == bar.count, bar
            ends += [filters.start, filters.end]
    assert ends == sorted(ends)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("last", "first_bar", "bars"),
    [
        ("2020-06", "January 2020", 6),
        ("2021-12", "January 2020", 24),
        ("2022-01", "Q1 2020", 9),
        ("2025-12", "Q1 2020", 24),
        ("2026-01", "2020", 7),
        ("2056-01", "2020–2029", 4),
    ],
)
def test_the_bars_are_as_short_as_there_is_room(last: str, first_bar: str, bars: int) -> None:
    first, end = (12 * int(name[:4]) + int(name[5:]) - 1 for name in ("2020-01", last))
    counts = {f"{month // 12}-{month % 12 + 1:02}": 1 for month in range(first, end + 1)}
    found = timeline(counts)
    assert found
    assert (found.bars[0].text, len(found.bars)) == (first_bar, bars)


def test_short_gaps_are_shown_and_long_ones_are_one_mark() -> None:
    found = timeline({"1970-01": 1, "2019-01": 2, "2019-05": 4})
    assert found
    assert [(bar.text, bar.count) for bar in found.bars] == [
        ("January 1970", 1),
        ("February 1970–December 2018", 0),
        ("January 2019", 2),
        ("February 2019", 0),
        ("March 2019", 0),
        ("April 2019", 0),
        ("May 2019", 4),
    ]


def test_a_gap_of_twelve_months_says_which() -> None:
    found = timeline({"2020-02": 1, "2021-03": 1, "2021-04": 1})
    assert found
    assert [bar.text for bar in found.bars] == ["February 2020", "March 2020–February 2021", "March 2021", "April 2021"]


def test_a_chosen_year_shows_its_twelve_months() -> None:
    counts = {"2020-05": 1, "2021-02": 5, "2021-03": 10}
    found = timeline(counts, "2021-02", "2021-02")
    assert found
    assert [bar.count for bar in found.bars] == [0, 5, 10, *[0] * 9]
    assert [bar.text for bar in found.bars if bar.chosen] == ["February 2021"]
    assert [bar.text for bar in found.bars if bar.taken] == ["February 2021"]
    assert found.bars[1].url == "/"
    assert found.bars[2].url == "/?from=2021-03-01&to=2021-03-31"
    assert found.wider_url == "/"
    assert [bar.height for bar in found.bars[:3]] == [0, HEIGHT // 2, HEIGHT]


def test_chosen_dates_mark_the_bars_they_touch() -> None:
    counts = Counter({f"{year}-{month:02}": 1 for year in range(2000, 2020) for month in (1, 7)})
    found = timeline(dict(counts), "2004-03-09", "2006")
    assert found
    assert [bar.text for bar in found.bars if bar.chosen] == ["2004", "2005", "2006"]


def test_two_bars_are_no_timeline() -> None:
    assert timeline({}) is None
    assert timeline({"2021-03": 5, "2021-04": 5}) is None
    assert timeline({"2020-03": 5}, "2021-03", "2021-03") is None


def test_articles_without_a_date_have_no_timeline() -> None:
    counts = {f"2021-{month:02}": 5 for month in range(1, 13)}
    filters = Filters(missing=frozenset({"date"}))
    assert build_timeline(buckets(counts), Links("/", Query(filters=filters)), TEXTS) is None
