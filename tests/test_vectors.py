"""The arithmetic of evaluation, in numpy and compiled, against plain Python."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle
from test_oracle import QUERIES, Typist, assert_answers, commits

from index.generation import Store
from index.reader import Column
from index.settings import Settings
from index.writer import ArrayWriter
from search.embedded import EmbeddedEngine
from search.vectors import Operations, Scored, Vectors

SIZES = (10, 300)
VALUES = ("a", "b", "c", "d")


def _operations() -> list[type]:
    kernels = pytest.importorskip("search.kernels", reason="numba is not installed")
    return [Vectors, kernels.Kernels]


@pytest.fixture(params=["numpy", "compiled"], scope="module")
def make(request: pytest.FixtureRequest) -> type:
    return _operations()[0 if request.param == "numpy" else 1]


def row(documents: Sequence[int], random: Random) -> Scored:
    scores = [random.randrange(1000) / 4 for _ in documents]
    return Scored(np.array(sorted(documents), np.int32), np.array(scores, np.float32))


@st.composite
def rows(draw: st.DrawFn, least: int = 1) -> tuple[int, list[Scored]]:
    """The number of documents, and rows of some of them; scores are quarters, so that sums are exact."""
    size = draw(st.sampled_from(SIZES))
    documents = st.sets(st.integers(0, size - 1), max_size=draw(st.sampled_from((3, size))))
    random = draw(st.randoms(use_true_random=False))
    return size, [row(sorted(each), random) for each in draw(st.lists(documents, min_size=least, max_size=12))]


def held(scored: Scored) -> dict[int, float]:
    return dict(zip(scored.documents.tolist(), scored.scores.tolist(), strict=True))


def test_what_failed_half_way_leaves_nothing_behind(make: type) -> None:
    operations: Operations = make(10)
    whole, broken = row([1, 2, 3], Random(0)), Scored(np.array([2, 4], np.int32), None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)none|cast"):
        operations.together([whole, broken])
    found = operations.together([whole, whole])
    assert (found.documents.tolist(), found.scores.tolist()) == ([1, 2, 3], (2 * whole.scores).tolist())


@given(drawn=rows(least=2))
def test_both_is_what_both_have(make: type, drawn: tuple[int, list[Scored]]) -> None:
    size, (one, other, *_) = drawn
    few, many = sorted((one, other), key=lambda each: len(each.documents))
    operations: Operations = make(size)
    for _ in range(2):  # tables are clean again
        found = operations.both(few, many)
        assert found.documents.tolist() == sorted(held(one).keys() & held(other).keys())
        assert held(found) == {number: held(one)[number] + held(other)[number] for number in held(found)}


@given(drawn=rows())
def test_together_is_what_any_has_and_how_often(make: type, drawn: tuple[int, list[Scored]]) -> None:
    size, given_rows = drawn
    operations: Operations = make(size)
    for _ in range(2):
        found = operations.together(given_rows)
        times = Counter(number for each in given_rows for number in each.documents.tolist())
        assert found.documents.tolist() == sorted(times)
        assert found.times.tolist() == [times[number] for number in sorted(times)]
        sums = [sum(held(each).get(number, 0.0) for each in given_rows) for number in sorted(times)]
        assert found.scores.tolist() == sums


def test_more_rows_than_a_byte_can_count(make: type) -> None:
    single = Scored(np.array([3], np.int32), np.array([0.5], np.float32))
    found = make(10).together([single] * 300)
    assert (found.documents.tolist(), found.scores.tolist(), found.times.tolist()) == ([3], [150.0], [300])


@given(scores=st.lists(st.integers(0, 9), max_size=2000), count=st.sampled_from([1, 2, 10, 64, 65, 500]))
def test_first_by_is_a_stable_sort(make: type, scores: list[int], count: int) -> None:
    wanted = sorted(range(len(scores)), key=lambda place: -scores[place])[:count]
    assert make(10).first_by(np.array(scores, np.float32), count).tolist() == wanted


@given(
    sets=st.lists(st.sets(st.integers(0, len(VALUES) - 1), min_size=1), max_size=40),
    random=st.randoms(use_true_random=False),
    count=st.sampled_from([0, 1, 5, 300]),
)
def test_values_are_counted_by_their_sets(make: type, sets: list[set[int]], random: Random, count: int) -> None:
    all_sets: list[set[int]] = [set(), *sets]
    codes = [random.randrange(len(all_sets)) for _ in range(300)]
    pairs = [(number, member) for number, each in enumerate(all_sets) for member in sorted(each)]
    column = Column(
        VALUES,
        {value: i for i, value in enumerate(VALUES)},
        np.array(codes, np.uint8),
        np.array([number for number, _ in pairs], np.int64),
        np.array([member for _, member in pairs], np.int64),
        np.cumsum([len(each) for each in all_sets]),
    )
    documents = sorted(random.sample(range(300), count))
    counts, none = make(300).count_values(column, np.array(documents, np.int32))
    wanted = Counter(member for document in documents for member in all_sets[codes[document]])
    assert counts.tolist() == [wanted[member] for member in range(len(VALUES))]
    assert none == sum(codes[document] == 0 for document in documents)


@given(starts=st.lists(st.integers(0, 50), min_size=1), documents=st.sets(st.integers(0, 50)))
def test_slices_are_counted(make: type, starts: list[int], documents: set[int]) -> None:
    bounds = sorted(starts)
    counts = make(51).count_slices(np.array(bounds, np.int32), np.array(sorted(documents), np.int32))
    wanted = [sum(first <= number < last for number in documents) for first, last in pairwise(bounds)]
    inside = [number for number in documents if bounds[0] <= number < bounds[-1]]
    if len(inside) == len(documents):  # as the product asks: nothing lies outside
        assert counts.tolist() == wanted


@pytest.mark.parametrize("seed", [100, 101])
def test_the_compiled_engine_agrees_with_brute_force(tmp_path: Path, seed: int) -> None:
    _operations()
    store = Store(tmp_path / "index")
    for made in commits(store, seed):
        oracle, typist = Oracle(list(made.articles.values())), Typist(made, made.random)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            assert engine.accelerate()
            for number in range(QUERIES):
                assert_answers(engine, oracle, typist.query(), size=number % 10)


def test_an_archive_written_in_many_runs_answers_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.writer.RUN_ARTICLES", 7)
    store = Store(tmp_path / "index")
    for made in commits(store, 102):
        oracle, typist = Oracle(list(made.articles.values())), Typist(made, made.random)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            for _ in range(QUERIES):
                assert_answers(engine, oracle, typist.query())


def test_a_first_build_is_one_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.writer.RUN_ARTICLES", 7)
    made = next(iter(commits(Store(tmp_path / "index"), 103)))
    writer = ArrayWriter(tmp_path)
    for article in made.articles.values():
        writer.add(article)
    writer.commit()
    assert len(list(tmp_path.glob("*.segment"))) == 1
