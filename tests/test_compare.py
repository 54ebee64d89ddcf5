"""Comparing two engines: alike where they hold the same, and every difference told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import permutations
from pathlib import Path

import pytest

from index.archive import ArchiveSpec
from index.reindex import reindex, silent
from index.settings import Settings
from search.compare import Comparison, Difference, compare, kendall_tau, sample_queries
from search.embedded import EmbeddedEngine
from search.query import Filters, Query

Rows = list[str]
Open = Callable[[Rows], EmbeddedEngine]

TOPICS = ("Tide", "Harbour")
ROWS = [
    f"title: Ferry number {number} leaves\ntopics: [{TOPICS[number % 2]}]\ndate: 2021-0{number % 9 + 1}-03"
    for number in range(30)
]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Makes engines over archives of such front matter."""
    with ExitStack() as engines:
        count = 0

        def make(rows: Rows) -> EmbeddedEngine:
            nonlocal count
            count += 1
            archive = tmp_path / str(count) / "site"
            archive.mkdir(parents=True)
            for number, row in enumerate(rows):
                (archive / f"{number:03}.md").write_text(f"---\n{row}\n---\nA word about boats.\n")
            (archive / "none.md").write_text("---\ntitle: Nothing\ndraft: true\n---\n")
            settings = Settings(index=str(tmp_path / str(count) / "index"))
            reindex([ArchiveSpec("site", archive)], settings)
            return engines.enter_context(closing(EmbeddedEngine(settings)))

        yield make


def compared(one: EmbeddedEngine, other: EmbeddedEngine, *queries: Query) -> Comparison:
    return compare(one, other, queries, silent)


def whats(found: Comparison) -> list[str]:
    return sorted(difference.what for difference in found.differences)


def test_engines_over_the_same_articles_do_not_differ(opened: Open) -> None:
    one, other = opened(ROWS), opened(ROWS)
    queries = sample_queries(one, 60, seed=4)
    assert compared(one, other, *queries) == Comparison(60, (), 1.0, 1.0)


def test_a_sample_is_the_same_for_the_same_seed_and_finds_something(opened: Open) -> None:
    engine = opened(ROWS)
    queries = sample_queries(engine, 40, seed=1)
    assert queries == sample_queries(engine, 40, seed=1) != sample_queries(engine, 40, seed=2)
    without_exclusion = [query for query in queries if not query.filters.excluded]
    assert all(engine.search(query).total for query in without_exclusion)
    kinds = {(bool(query.text), bool(query.filters.chosen), query.filters.start is not None) for query in queries}
    assert len(kinds) == 5
    assert any(query.text.startswith('"') for query in queries)
    assert any(query.text.endswith("*") for query in queries)


def test_an_empty_index_gives_no_queries(opened: Open) -> None:
    engine = opened([])
    assert sample_queries(engine, 10, seed=1) == []
    assert compared(engine, engine) == Comparison(0, (), 1.0, 1.0)


def test_an_article_without_words_or_date_gives_queries_too(opened: Open) -> None:
    engine = opened(["type: x"])
    assert compared(engine, engine, *sample_queries(engine, 30, seed=1)).queries == 30


def test_every_difference_is_told(opened: Open) -> None:
    one, other = opened(ROWS), opened([*ROWS[:-1], "title: Tram\ntopics: [Rails]\ndate: 2022-01-01"])
    query = Query("ferry", facets={"topic": 10, "date": 10})
    found = compared(one, other, query)
    assert whats(found) == ["date", "full", "topic", "total"]
    assert Difference(query, "total", "30", "29") in found.differences
    assert Difference(query, "topic", "Harbour 15", "Tide 15") in found.differences
    missing = Query("", filters=Filters(chosen={"topic": ("Rails",)}), facets={"topic": 10})
    found = compared(one, other, missing)
    assert whats(found) == ["first hits", "full", "topic", "total"]
    assert found.overlap == 0.0
    assert Difference(missing, "first hits", "nothing", "site/029") in found.differences


def test_another_order_is_measured_and_no_difference(opened: Open) -> None:
    rows = [f"title: Boat\nquality: {number}" for number in range(8)]
    one, other = opened(rows), opened(rows[::-1])
    found = compared(one, other, Query("boat", facets={}))
    assert (found.differences, found.overlap, found.tau) == ((), 1.0, -1.0)


def test_tau_is_that_of_its_definition() -> None:
    for other in permutations("abcd"):
        pairs = [("abcd".index(y) - "abcd".index(x)) for at, x in enumerate(other) for y in other[at + 1 :]]
        assert kendall_tau("abcd", other) == sum(1 if pair > 0 else -1 for pair in pairs) / 6
    assert kendall_tau(["a", "x"], ["y", "a"]) == 1.0
    assert kendall_tau([], []) == 1.0
