"""Parameters -> query: strict and lenient reading."""

import re
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.settings import Settings
from search.query import Filters, Query
from web.links import page_count
from web.params import LookupParameters, ParameterError, parse, parse_query, properties, read_query

NAMES = [
    "q", "match", "topic", "provider", "type", "category", "exclude_topic", "exclude_type", "missing", "from", "to",
    "sort", "page", "size", "x",
]  # fmt: skip


def test_every_parameter_has_its_place_in_the_query() -> None:
    query = parse_query([
        ("q", "power apps"),
        ("match", "any"),
        ("topic", "AI"),
        ("topic", "IT"),
        ("provider", "ZDNet"),
        ("type", "video"),
        ("category", "news"),
        ("exclude_topic", "Cloud"),
        ("exclude_topic", "Data"),
        ("exclude_topic", "Cloud"),
        ("exclude_provider", "Wired"),
        ("exclude_type", "course"),
        ("exclude_category", "learning"),
        ("missing", "date"),
        ("from", "2021-02-03"),
        ("to", "2021-02-04"),
        ("sort", "newest"),
        ("page", "3"),
        ("size", "20"),
    ])
    assert query == Query(
        text="power apps",
        match="any",
        filters=Filters(
            chosen={"topic": ("AI", "IT"), "provider": ("ZDNet",), "type": ("video",), "category": ("news",)},
            missing=frozenset({"date"}),
            start=datetime(2021, 2, 3, tzinfo=UTC),
            end=datetime(2021, 2, 5, tzinfo=UTC),
            excluded={
                "topic": ("Cloud", "Data"),
                "provider": ("Wired",),
                "type": ("course",),
                "category": ("learning",),
            },
        ),
        sort="newest",
        page=3,
        size=20,
    )


def test_nothing_given_is_the_usual_query() -> None:
    assert parse_query([]) == parse_query([("q", "")]) == read_query([]) == Query()


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2021-12-13", datetime(2021, 12, 13, tzinfo=UTC), datetime(2021, 12, 14, tzinfo=UTC)),
        ("2020-02", datetime(2020, 2, 1, tzinfo=UTC), datetime(2020, 3, 1, tzinfo=UTC)),
        ("2021-12", datetime(2021, 12, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)),
        ("2021", datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)),
        ("0001", datetime(1, 1, 1, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_dates_are_days_months_or_years_with_both_ends_included(value: str, start: datetime, end: datetime) -> None:
    filters = parse_query([("from", value), ("to", value)]).filters
    assert (filters.start, filters.end) == (start, end)


@pytest.mark.parametrize(
    ("pairs", "parameter", "detail"),
    [
        ([("colour", "red")], "colour", "There is no such parameter"),
        ([("q", "a"), ("q", "b")], "q", "once only"),
        ([("sort", "newest"), ("sort", "newest")], "sort", "once only"),
        ([("topic", " ")], "topic", "is empty"),
        ([("exclude_topic", "")], "exclude_topic", "is empty"),
        ([("exclude_date", "2021")], "exclude_date", "There is no such parameter"),
        ([("page", "")], "page", "is empty"),
        ([("match", "some")], "match", "not one of auto, all, any"),
        ([("sort", "heat")], "sort", "not one of relevance, newest, oldest"),
        ([("missing", "title")], "missing", "not one of topic, provider, type, category, date"),
        ([("size", "101")], "size", "whole number from 0 to 100"),
        ([("size", "-1")], "size", "whole number from 0 to 100"),
        ([("page", "0")], "page", "whole number from 1 to 1000000"),
        ([("page", "1001")], "page", "whole number from 1 to 1000"),
        ([("page", "101"), ("size", "100")], "page", "1 to 100: pages of 100 reach 10,000 hits deep, and a `cursor`"),
        ([("page", "9" * 5000)], "page", "whole number"),
        ([("page", "٣")], "page", "whole number"),
        ([("from", "2021-02-30")], "from", "not a date"),
        ([("from", "2021-13")], "from", "not a date"),
        ([("to", "yesterday")], "to", "not a date"),
        ([("to", "0000")], "to", "not a date"),
        ([("from", "2022"), ("to", "2021")], "from", "later than the one in 'to'"),
    ],
)
def test_the_strict_reading_names_the_parameter(pairs: list[tuple[str, str]], parameter: str, detail: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_query(pairs)
    assert caught.value.parameter == parameter
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("facets", "date,topic:1001", "1001"),
        ("facets", "topic:x,date", "x"),
        ("facets", "topic:,date", ""),
        ("facets", "topic, date", " date"),
        ("fields", "title,titel", "titel"),
    ],
)
def test_the_place_of_a_fault_in_a_list_is_what_the_message_quotes(name: str, value: str, fault: str) -> None:
    with pytest.raises(ParameterError, match=f"“{fault}” is not") as caught:
        parse_query([(name, value)])
    assert caught.value.position is not None
    start, end = caught.value.position
    assert value[start:end] == fault


def test_nobody_is_told_to_leave_out_what_is_required() -> None:
    for pairs, detail in (([("url", " ")], "is empty, and nothing"), ([], "is missing")):
        with pytest.raises(ParameterError, match=detail) as caught:
            parse(LookupParameters, pairs)
        assert "leave it out" not in caught.value.detail


def test_a_value_both_chosen_and_excluded_is_read_as_excluded() -> None:
    query = parse_query([("topic", "ai"), ("topic", "IT"), ("type", "video"), ("exclude_topic", "AI")])
    assert query.filters == Filters({"topic": ("IT",), "type": ("video",)}, excluded={"topic": ("AI",)})


def test_the_lenient_reading_ignores_what_it_cannot_read() -> None:
    pairs = [
        ("utm_source", "mail"),
        ("topic", ""),
        ("sort", "heat"),
        ("sort", "oldest"),
        ("page", "0"),
        ("size", "500"),
    ]
    assert read_query([("q", "a"), ("q", "b"), ("from", "soon"), *pairs]) == Query(text="a", sort="oldest")


def test_the_deepest_page_ends_at_the_depth_that_is_served() -> None:
    assert parse_query([("size", "100"), ("page", "100")]).page * 100 == Settings().max_depth


def test_the_first_page_is_served_however_little_the_depth() -> None:
    shallow = Settings(max_depth=7)
    assert parse_query([("size", "100")], shallow).size == 100
    assert parse_query([("size", "100"), ("cursor", "*")], shallow).size == 100
    assert read_query([("page", "2")], shallow).page == read_query([], shallow).page == 1
    with pytest.raises(ParameterError, match="from 1 to 1:"):
        parse_query([("page", "2")], shallow)
    assert page_count(25, 10, shallow.max_depth) == 1


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(st.characters(codec=None)))))
def test_any_text_is_read_or_refused_by_name(pairs: list[tuple[str, str]]) -> None:
    read_query(pairs)
    try:
        query = parse_query(pairs)
    except ParameterError as error:
        refused = error.parameter
    else:
        query.text.encode()
        refused = "\0" if "\0" in query.text else "q"
    assert refused in NAMES


def test_the_schema_of_a_value_takes_for_blank_what_is_refused_as_empty() -> None:
    pattern = properties(LookupParameters)["url"]["pattern"]
    assert all(bool(re.search(pattern, chr(code))) == bool(chr(code).strip()) for code in range(sys.maxunicode + 1))
