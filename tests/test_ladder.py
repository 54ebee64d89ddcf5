"""What is offered where nothing is found: every step finds what it says, in the order of the rungs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.ladder import next_steps
from search.query import FACETS, Filters, Match, Query
from search.results import Bucket, Results, Step, StepKind

MOST_QUESTIONS = 24
RUNGS: Sequence[str] = get_args(StepKind)


class Counting(EmbeddedEngine):
    """Counts what it is asked, and the values of the longest answer."""

    asked = 0
    most_values = 0

    def search(self, query: Query) -> Results:
        self.asked += 1
        return super().search(query)

    def values(self, query: Query, facet: str, prefix: str = "") -> tuple[Bucket, ...]:
        self.asked += 1
        found = super().values(query, facet, prefix)
        self.most_values = max(self.most_values, len(found))
        return found


def assert_true(query: Query, steps: Sequence[Step], engine: EmbeddedEngine) -> None:
    """Each step keeps its word, asked anew."""
    assert [step.kind for step in steps] == sorted((step.kind for step in steps), key=RUNGS.index)
    for place, step in enumerate(steps):
        assert step.count == engine.search(step.query).total > 0, step
        assert step.query.page == 1
        assert step.query != query
        assert all(step.query != other.query for other in steps[:place])
    several = {"without_filter": 4, "topic": 3, "fewer_words": 2}
    for kind in RUNGS:
        assert sum(step.kind == kind for step in steps) <= several.get(kind, 1)
    left_out = [step.count for step in steps if step.kind == "without_filter"]
    assert left_out == sorted(left_out, reverse=True)


# Any query


@pytest.fixture(scope="module")
def engine(example_index: Path) -> Iterator[Counting]:
    with closing(Counting(Settings(index=str(example_index)))) as opened:
        yield opened


@pytest.fixture(scope="module")
def queries(engine: Counting) -> st.SearchStrategy[Query]:
    """Random words of the archive, misspelt ones and signs, under random filters."""
    everything = engine.search(Query(size=100))
    said = sorted({word for hit in everything.hits for word in hit.article.title.split()})
    words = st.sampled_from([
        *said,
        "xyzzy",
        "harbuor",
        "ferrry",
        "the",
        "OR",
        "AND",
        "-tide",
        '"ferry tide"',
        '-"ferry tide"',
        '("OR tide," OR type:ferry)',
        "title:ferry",
    ])
    values = {name: [b.value for b in engine.values(Query(), name) if b.value] + ["nowhere"] for name in FACETS}
    choices = st.fixed_dictionaries(
        {}, optional={name: st.lists(st.sampled_from(values[name]), max_size=2).map(tuple) for name in FACETS}
    )
    moments = st.sampled_from([None, None, datetime(2021, 1, 1, tzinfo=UTC), datetime(1990, 1, 1, tzinfo=UTC)])
    missing = st.frozensets(st.sampled_from([*FACETS, "date"]), max_size=1)
    filters = st.builds(Filters, choices, missing, moments, moments, choices)
    matches: st.SearchStrategy[Match] = st.sampled_from(["auto", "all", "any"])
    texts = st.lists(words, max_size=9).map(" ".join)
    return st.builds(Query, texts, matches, filters, st.just("newest"), st.integers(1, 3))


@given(data=st.data())
def test_every_step_finds_what_it_says(
    engine: Counting, queries: st.SearchStrategy[Query], data: st.DataObject
) -> None:
    query = data.draw(queries)
    results = engine.search(query)
    engine.asked = 0
    steps = next_steps(query, results, engine)
    assert engine.asked <= MOST_QUESTIONS
    if results.total:
        assert (steps, engine.asked) == ((), 0)
    assert_true(query, steps, engine)


def test_many_words_and_filters_ask_no_more(engine: Counting) -> None:
    filters = Filters({"type": ("nowhere",)}, excluded={"topic": tuple(f"t{n}" for n in range(50))})
    query = Query(" ".join(f"harbuor{n} ferry" for n in range(40)), "all", filters)
    results = engine.search(query)
    engine.asked = 0
    assert_true(query, next_steps(query, results, engine), engine)
    assert engine.asked <= MOST_QUESTIONS


# Particular queries

Open = Callable[[Sequence[Mapping[str, Any]]], EmbeddedEngine]

ROWS: Sequence[Mapping[str, Any]] = [
    *({"id": f"s{n}", "title": "Harbour lights", "topics": ["Shipping"], "type": "article"} for n in range(5)),
    *(
        {"id": f"t{n}", "title": "Tide tables", "topics": ["Tides"], "type": "video", "date": "2021-05-01"}
        for n in range(3)
    ),
    {"id": "both", "title": "Harbour crane", "topics": ["Harbours", "Tides"], "type": "video", "date": "2020-05-01"},
    {"id": "plain", "title": "Nothing else"},
]


@pytest.fixture
def open_over(tmp_path: Path) -> Iterator[Open]:
    opened: list[EmbeddedEngine] = []

    def open_(rows: Sequence[Mapping[str, Any]]) -> EmbeddedEngine:
        archive = tmp_path / "a.jsonl"
        archive.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        settings = Settings(index=str(tmp_path / "index"))
        reindex([ArchiveSpec("a", archive)], settings)
        opened.append(EmbeddedEngine(settings))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def climb(open_over: Open) -> Callable[[Query], list[tuple[str, str, str, str, int]]]:
    """Kind, subject, facet, text and count of each step."""
    engine = open_over(ROWS)

    def climb_(query: Query) -> list[tuple[str, str, str, str, int]]:
        steps = next_steps(query, engine.search(query), engine)
        assert_true(query, steps, engine)
        return [(each.kind, each.subject, each.facet, each.query.text, each.count) for each in steps]

    return climb_


Climb = Callable[[Query], list[tuple[str, str, str, str, int]]]


def test_there_are_no_steps_where_something_was_found(climb: Climb) -> None:
    assert climb(Query("harbour")) == []


def test_a_better_spelling_comes_first(climb: Climb) -> None:
    assert climb(Query("harbuor", "all"))[0] == ("spelling", "harbour", "", "harbour", 6)
    videos = Filters({"type": ("video",)})
    assert climb(Query("tidde", "all", videos))[0] == ("spelling", "tide", "", "tide", 4)
    assert climb(Query("lihgts", filters=videos))[0] == ("spelling", "lights", "", "lights", 5)  # filters set aside


def test_the_clause_that_says_least_is_left_out(climb: Climb) -> None:
    steps = climb(Query("the lights crane tables", "all"))
    assert steps[0] == ("any_word", "", "", "the lights crane tables", 9)
    steps = climb(Query("lights tables", "all"))
    assert steps[0] == ("fewer_words", "tables", "", "lights", 5)
    assert steps[1] == ("fewer_words", "lights", "", "tables", 3)
    assert steps[2] == ("any_word", "", "", "lights tables", 8)
    assert climb(Query("title:lights AND crane"))[1] == ("fewer_words", "title:lights", "", "crane", 1)
    assert climb(Query("harbour xyzzy qwerty", "all"))[0][0] == "any_word"


def test_the_clause_that_leaves_most_is_left_out_first(climb: Climb) -> None:
    steps = climb(Query("harbour AND banana"))
    assert steps[0] == ("fewer_words", "banana", "", "harbour", 6)
    steps = climb(Query("harbour AND tables"))
    assert steps[:2] == [("fewer_words", "tables", "", "harbour", 6), ("fewer_words", "harbour", "", "tables", 3)]


@pytest.mark.parametrize(
    ("text", "plain", "count"),
    [
        ('"lights harbour"', "lights harbour", 5),
        ('"tables, tide" -"nothing else"', 'tables tide -"nothing else"', 3),
        ("topic:crane", "crane", 1),
        ("author:light*", "light*", 5),
        ('type:"harbour crane" OR "tables tide"', "(harbour crane) OR (tables tide)", 4),
    ],
)
def test_words_are_looked_for_without_quotes_and_fields(climb: Climb, text: str, plain: str, count: int) -> None:
    assert climb(Query(text, "all"))[0] == ("words", "", "", plain, count)


def test_any_of_the_words_takes_two(climb: Climb) -> None:
    for text in ("the xyzzy", "title:tables lights", '"tables lights"', "tables AND lights"):
        assert "any_word" not in [kind for kind, *_ in climb(Query(text, "all"))], text


def test_any_word_is_not_offered_where_it_finds_no_more(climb: Climb) -> None:
    kinds = [kind for kind, *_ in climb(Query("harbour xyzzy", "all"))]
    assert kinds[0] == "fewer_words"
    assert "any_word" not in kinds


def test_filters_are_dropped_one_by_one_and_all(climb: Climb) -> None:
    filters = Filters({"topic": ("Shipping",), "type": ("video",)}, start=datetime(2030, 1, 1, tzinfo=UTC))
    assert climb(Query("harbour", filters=filters))[0] == ("without_filters", "", "", "harbour", 6)
    filters = Filters({"topic": ("Shipping",), "type": ("video",)})
    assert climb(Query("harbour", filters=filters)) == [
        ("without_filter", "video", "type", "harbour", 5),
        ("without_filter", "Shipping", "topic", "harbour", 1),
        ("without_filters", "", "", "harbour", 6),
        ("topic", "Harbours", "topic", "", 1),
    ]


@pytest.mark.parametrize(
    ("filters", "step"),
    [
        (Filters(start=datetime(2030, 1, 1, tzinfo=UTC)), ("without_filter", "", "date", "tide", 4)),
        (Filters(missing=frozenset({"date"})), ("without_filter", "", "date", "tide", 4)),
        (Filters(missing=frozenset({"topic"})), ("without_filter", "", "topic", "tide", 4)),
        (Filters(excluded={"topic": ("Tides",)}), ("without_filter", "Tides", "topic", "tide", 4)),
        (Filters({"topic": ("Shipping", "Nowhere")}), ("without_filters", "", "", "tide", 4)),
    ],
)
def test_each_kind_of_filter_can_be_dropped(
    climb: Climb, filters: Filters, step: tuple[str, str, str, str, int]
) -> None:
    found = [each for each in climb(Query("tide", filters=filters)) if each[0] != "fewer_words"]
    assert found == [step, ("topic", "Tides", "topic", "", 4)]


def test_without_its_only_word_a_query_is_its_filters(climb: Climb) -> None:
    assert climb(Query("zzqqxxyy", filters=Filters({"topic": ("Tides",)})))[0] == ("fewer_words", "zzqqxxyy", "", "", 4)
    assert climb(Query("zzqqxxyy")) == []


def test_topics_nearby(climb: Climb) -> None:
    assert climb(Query("harbours shipping -tides nowhere", "all"))[-2:] == [
        ("topic", "Shipping", "topic", "", 5),
        ("topic", "Harbours", "topic", "", 1),
    ]
    assert climb(Query("lights", filters=Filters({"type": ("video",)})))[-1] == ("topic", "Shipping", "topic", "", 5)
    assert climb(Query("xyzzy")) == []


@pytest.mark.parametrize(
    ("text", "topics"), [("ASP.NET xyzzy", ["ASP.NET"]), ("GPUs", ["GPU"]), ('"tide tables"', ["C# Tides"])]
)
def test_of_many_topics_few_are_looked_through(open_over: Open, tmp_path: Path, text: str, topics: list[str]) -> None:
    names = [*(f"Isle {n}" for n in range(200)), "ASP.NET", "GPU", "C# Tides"]
    open_over([{"id": name, "title": "Text", "topics": [name]} for name in names])
    query = Query(text, "all", Filters({"type": ("nowhere",)}))
    with closing(Counting(Settings(index=str(tmp_path / "index")))) as engine:
        steps = next_steps(query, engine.search(query), engine)
        assert [step.subject for step in steps if step.kind == "topic"] == topics
        assert engine.most_values == 1
