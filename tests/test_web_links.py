"""Addresses: they keep the state, come in one order and are read back as the query they were made from."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from index.settings import Settings
from search.query import Filters, Query
from search.results import Bucket, Note, YearBucket
from web.links import Links, address, page_count, path_of
from web.params import parse_query

BUSY = Query(
    text="low code",
    match="any",
    filters=Filters(
        chosen={"topic": ("IT", "AI"), "provider": ("AT&T",)},
        missing=frozenset({"type"}),
        start=datetime(2021, 1, 1, tzinfo=UTC),
        end=datetime(2022, 1, 1, tzinfo=UTC),
        excluded={"topic": ("R&D",), "category": ("news", "events")},
    ),
    sort="oldest",
    page=4,
    size=20,
)


def read(url: str | None) -> Query:
    assert url is not None
    return parse_query(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def test_parameters_come_in_one_order() -> None:
    assert address("/", BUSY) == (
        "/?q=low+code&match=any&topic=AI&topic=IT&provider=AT%26T"
        "&exclude_topic=R%26D&exclude_category=events&exclude_category=news&missing=type"
        "&from=2021-01-01&to=2021-12-31&sort=oldest&size=20&page=4"
    )


def test_the_same_builder_serves_page_and_api() -> None:
    page, api = Links("/", BUSY).here(), Links("/api/v1/search", BUSY).here()
    assert api == "/api/v1/search" + page.removeprefix("/")


def test_what_is_as_usual_is_left_out() -> None:
    assert address("/", Query()) == "/"
    assert address("/", Query(text="a b")) == "/?q=a+b"


def test_choosing_a_value_keeps_everything_else_and_goes_to_page_one() -> None:
    query = read(Links("/", BUSY).toggle("topic", Bucket("C#", 3)))
    assert query.page == 1
    assert query.filters.chosen == {"topic": ("AI", "C#", "IT"), "provider": ("AT&T",)}
    assert (query.text, query.match, query.sort, query.size) == ("low code", "any", "oldest", 20)
    assert replace(query.filters, chosen={}, excluded={}) == replace(BUSY.filters, chosen={}, excluded={})
    assert query.filters.excluded == {"topic": ("R&D",), "category": ("events", "news")}


def test_choosing_a_chosen_value_takes_it_back_whatever_its_case() -> None:
    links = Links("/", Query(filters=Filters(chosen={"topic": ("ai",)})))
    assert links.toggle("topic", Bucket("AI", 3, selected=True)) == "/"


def test_excluding_a_value_keeps_everything_else_and_goes_to_page_one() -> None:
    query = read(Links("/", BUSY).toggle_excluded("topic", Bucket("C#", 3)))
    assert (query.text, query.sort, query.page) == ("low code", "oldest", 1)
    assert query.filters.chosen == {"topic": ("AI", "IT"), "provider": ("AT&T",)}
    assert query.filters.excluded == {"topic": ("C#", "R&D"), "category": ("events", "news")}


def test_a_value_is_either_chosen_or_excluded_whatever_its_case() -> None:
    chosen = Links("/", Query(filters=Filters({"topic": ("ai", "IT")})))
    assert chosen.toggle_excluded("topic", Bucket("AI", 3, selected=True)) == "/?topic=IT&exclude_topic=AI"
    excluded = Links("/", Query(filters=Filters({"topic": ("IT",)}, excluded={"topic": ("ai",)})))
    assert excluded.toggle("topic", Bucket("AI", 3, excluded=True)) == "/?topic=AI&topic=IT"
    assert excluded.toggle_excluded("topic", Bucket("AI", 3, excluded=True)) == "/?topic=IT"


def test_articles_without_a_value_cannot_be_excluded() -> None:
    assert Links("/", BUSY).toggle_excluded("topic", Bucket(None, 3)) is None


def test_a_chosen_value_without_hits_can_be_taken_back() -> None:
    links = Links("/", BUSY)
    assert read(links.toggle("provider", Bucket("AT&T", 0, selected=True))).filters.chosen == {"topic": ("AI", "IT")}


def test_the_bucket_without_a_value_toggles_missing() -> None:
    links = Links("/", BUSY)
    assert read(links.toggle("topic", Bucket(None, 2))).filters.missing == {"topic", "type"}
    assert read(links.toggle("type", Bucket(None, 2, selected=True))).filters.missing == set()
    assert read(links.toggle_date(YearBucket(None, 2))).filters.missing == {"date", "type"}


def test_years_and_months_are_chosen_alone_and_taken_back() -> None:
    month = read(Links("/", BUSY).toggle_date(Bucket("2020-02", 1)))
    assert month.filters.start == datetime(2020, 2, 1, tzinfo=UTC)
    assert month.filters.end == datetime(2020, 3, 1, tzinfo=UTC)
    taken_back = read(Links("/", BUSY).toggle_date(YearBucket("2021", 1, selected=True)))
    assert (taken_back.filters.start, taken_back.filters.end) == (None, None)
    assert taken_back.filters.chosen == {"topic": ("AI", "IT"), "provider": ("AT&T",)}


def test_a_year_is_addressed_by_its_first_and_last_day() -> None:
    assert Links("/", Query()).toggle_date(YearBucket("2021", 1)) == "/?from=2021-01-01&to=2021-12-31"
    assert Links("/", Query()).toggle_date(Bucket("2021-02", 1)) == "/?from=2021-02-01&to=2021-02-28"


def test_a_note_asks_its_own_query_from_the_first_page() -> None:
    links = Links("/", BUSY)
    assert links.note(Note("ignored", "…", {})) is None
    changed = read(links.note(Note("stand_in", "…", {}, "low kode", "all")))
    assert (changed.text, changed.match, changed.page) == ("low kode", "all", 1)
    assert changed.filters.chosen == {"topic": ("AI", "IT"), "provider": ("AT&T",)}
    assert read(links.note(Note("suggestion", "…", {}, "low code"))).match == "any"


def test_paging_stops_at_both_ends_and_at_the_depth() -> None:
    first, last = Links("/", Query(page=1)), Links("/", Query(page=3))
    assert first.previous(25) is None
    assert first.next(25) == "/?page=2"
    assert last.next(25) is None
    assert last.previous(25) == "/?page=2"
    assert Links("/", Query(page=9)).previous(25) == "/?page=3"
    deepest = Settings().max_depth // 10
    assert page_count(10**9, 10) == deepest
    assert Links("/", Query(page=deepest)).next(10**9) is None
    assert page_count(5, 0) == 0


def test_an_id_is_addressed_with_its_slashes_and_nothing_else_raw() -> None:
    assert path_of("/article/", 'a/b c/50%?#"é') == "/article/a/b%20c/50%25%3F%23%22%C3%A9"
    assert path_of("/article/", "a\ud800") == "/article/a%3F"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).map(str.strip)
values = st.lists(texts.filter(bool), max_size=3, unique=True).map(lambda items: tuple(sorted(items)))
moments = st.none() | st.dates().map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC))
by_facet = st.fixed_dictionaries({}, optional={name: values.filter(bool) for name in ("topic", "provider", "type")})
queries = st.builds(
    Query,
    text=texts,
    match=st.sampled_from(["auto", "all", "any"]),
    filters=st.builds(
        Filters,
        chosen=by_facet,
        missing=st.frozensets(st.sampled_from(["topic", "provider", "type", "category", "date"])),
        start=moments,
        excluded=by_facet,
    ),
    sort=st.sampled_from(["relevance", "newest", "oldest"]),
    page=st.integers(1, 100),
    size=st.integers(0, 100),
)


@given(queries)
def test_an_address_is_read_back_as_its_query(query: Query) -> None:
    assert read(address("/", query)) == query


@given(queries, texts.filter(bool))
def test_toggling_twice_leads_back(query: Query, value: str) -> None:
    there = read(Links("/", query).toggle("topic", Bucket(value, 1)))
    selected = value in there.filters.chosen.get("topic", ())
    back = read(Links("/", there).toggle("topic", Bucket(value, 1, selected=selected)))
    filters = query.filters
    present = (*filters.chosen.get("topic", ()), *filters.excluded.get("topic", ()))
    if value.casefold() not in {text.casefold() for text in present}:
        assert Links("/", back).here() == Links("/", read(Links("/", query).page(1))).here()


def others(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(each for each in values if each.casefold() != value.casefold())


@given(queries, texts.filter(bool), st.sampled_from(["topic", "provider", "category"]))
def test_choosing_and_excluding_are_read_back(query: Query, new: str, facet: str) -> None:
    links = Links("/", query)
    chosen, excluded = query.filters.chosen.get(facet, ()), query.filters.excluded.get(facet, ())
    for value in (new, *chosen, *excluded):
        other_chosen, other_excluded = others(chosen, value), others(excluded, value)
        filters = read(links.toggle(facet, Bucket(value, 1))).filters
        there = () if len(other_chosen) < len(chosen) else (value,)
        assert filters.chosen.get(facet, ()) == tuple(sorted((*other_chosen, *there)))
        assert filters.excluded.get(facet, ()) == other_excluded
        filters = read(links.toggle_excluded(facet, Bucket(value, 1))).filters
        there = () if len(other_excluded) < len(excluded) else (value,)
        assert filters.chosen.get(facet, ()) == other_chosen
        assert filters.excluded.get(facet, ()) == tuple(sorted((*other_excluded, *there)))


@given(queries, texts.filter(bool), st.sampled_from(["topic", "provider", "category"]))
def test_a_toggled_address_is_that_of_the_changed_query(query: Query, value: str, facet: str) -> None:
    links, filters = Links("/", query), query.filters
    chosen, excluded = filters.chosen.get(facet, ()), filters.excluded.get(facet, ())
    if value.casefold() not in {text.casefold() for text in (*chosen, *excluded)}:
        changed = replace(filters, chosen={**filters.chosen, facet: (*chosen, value)})
        assert links.toggle(facet, Bucket(value, 1)) == address("/", replace(query, filters=changed, page=1))
        changed = replace(filters, excluded={**filters.excluded, facet: (*excluded, value)})
        assert links.toggle_excluded(facet, Bucket(value, 1)) == address("/", replace(query, filters=changed, page=1))
    changed = replace(filters, missing=filters.missing ^ {facet})
    assert links.toggle_missing(facet) == address("/", replace(query, filters=changed, page=1))
    changed = replace(filters, start=datetime(1999, 12, 1, tzinfo=UTC), end=datetime(2000, 1, 1, tzinfo=UTC))
    assert links.toggle_date(Bucket("1999-12", 1)) == address("/", replace(query, filters=changed, page=1))
    changed = replace(filters, start=None, end=None)
    assert links.without_dates() == address("/", replace(query, filters=changed, page=1))
