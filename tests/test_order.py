"""Places in an order: what follows them, whatever happens to the index meanwhile; against sorted lists."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle
from test_oracle import Archive, Typist, archive, commits, harvested

from index.article import Article
from index.errors import ExpiredPositionError
from index.generation import Store
from index.reader import Snapshot
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.hits import canonical
from search.parser import parse
from search.query import Filters, Position, Query, Sort
from search.results import Hit
from search.vectors import Held, Scored, Vectors

LASTING: tuple[Sort, ...] = ("newest", "oldest", "id")
Key = tuple[bool, bool, int, str]


def opened(store: Store) -> EmbeddedEngine:
    return EmbeddedEngine(Settings(index=str(store.path)))


def key(sort: Sort, published: int | None, identity: str, below: bool = False) -> Key:
    """What an order compares."""
    if sort == "id":
        return below, False, 0, identity
    return below, published is None, (published or 0) * (1 if sort == "oldest" else -1), identity


def key_of(sort: Sort, article: Article, below: bool = False) -> Key:
    return key(sort, None if article.published is None else int(article.published.timestamp()), article.id, below)


def keys(made: Archive, query: Query) -> dict[str, Key]:
    """The matching articles of an archive by id, and what their order compares."""
    answer = Oracle(list(made.articles.values())).answer(query)
    below = set(answer.ids) - answer.full if answer.match == "partial" else set()
    return {each: key_of(query.sort, made.articles[each], each in below) for each in answer.ids}


@pytest.mark.parametrize("match", ["auto", "any"])
@pytest.mark.parametrize("sort", LASTING)
@pytest.mark.parametrize("seed", range(3))
def test_what_stays_comes_exactly_once_however_often_the_index_changes(
    tmp_path: Path, sort: Sort, match: str, seed: int
) -> None:
    random, store = Random(seed), Store(tmp_path / "index")
    made = archive(seed=900 + seed)
    made.commit(store, added=70)
    text = "" if seed == 0 else " ".join(random.sample(made.words, 2))
    query = Query(text, "any" if match == "any" else "auto", sort=sort, size=random.randint(2, 6), facets={})
    steady: set[tuple[str, Key]] | None = None
    seen: list[tuple[str, Key]] = []
    with closing(opened(store)) as engine:
        while True:
            now = keys(made, query)
            steady = set(now.items()) if steady is None else steady & set(now.items())
            results = engine.search(query)
            seen += [(hit.article.id, now[hit.article.id]) for hit in results.hits]
            assert [hit.rank for hit in results.hits] == list(range(len(seen) - len(results.hits) + 1, len(seen) + 1))
            if results.next is None:
                break
            query = replace(query, after=results.next)
            if random.random() < 0.6:
                removed = [(results.next.id, None)] if random.random() < 0.5 else []
                made.commit(store, added=random.randint(0, 4), updated=random.randint(0, 3), deleted=1)
                if removed and removed[0][0] in made.articles:
                    made.commit_these(store, removed)
    assert all(one[1] < other[1] for one, other in pairwise(seen))
    assert len(set(seen)) == len(seen)
    assert steady <= set(seen)


@pytest.mark.parametrize("sort", ["relevance", *LASTING])
def test_the_last_page_has_nothing_next(tmp_path: Path, sort: Sort) -> None:
    store = Store(tmp_path / "index")
    archive(seed=3).commit(store, added=30)
    with closing(opened(store)) as engine:
        query = Query(sort=sort, size=10)
        pages = [engine.search(replace(query, page=page)) for page in (1, 2, 3, 4)]
        assert [page.next is None for page in pages] == [False, False, True, True]
        second = engine.search(replace(query, after=pages[0].next, page=99))
        assert (second.hits, second.next, second.total) == (pages[1].hits, pages[1].next, 30)
        assert second.facets == pages[0].facets
        for size in (0, 30, 100):
            assert engine.search(replace(query, size=size)).next is None
        place = pages[1].next
        assert place
        last = pages[1].hits[-1]
        seconds = None if last.article.published is None else int(last.article.published.timestamp())
        assert place == Position(20, True, seconds, last.article.id, pages[0].generation)


def test_a_place_by_relevance_expires_with_its_generation(tmp_path: Path) -> None:
    store = Store(tmp_path / "index")
    made = archive(seed=4)
    made.commit(store, added=30)
    with closing(opened(store)) as engine:
        first = engine.search(Query(size=5))
        assert engine.search(Query(size=5, after=first.next)).hits
        made.commit(store, added=1)
        assert engine.search(Query(sort="newest", size=5, after=first.next)).hits
        for ask in (engine.search, engine.scan, engine.rank):
            with pytest.raises(ExpiredPositionError, match=r"no longer known: the index was brought up to date"):
                ask(Query(size=5, after=first.next))


# Any place at all

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
POSITIONS = st.builds(
    Position,
    rank=st.integers(),
    full=st.booleans(),
    published=st.none() | st.integers() | st.integers(-(2**64), 2**64) | st.sampled_from([-(1 << 63), (1 << 63) - 1]),
    id=ANY_TEXT | ANY_TEXT.map("a/".__add__),
    generation=st.text(max_size=3),
)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedEngine, Archive]]:
    """An engine over several segments with deletions, and what they hold."""
    store = Store(tmp_path_factory.mktemp("several") / "index")
    *_, made = commits(store, 12)
    with closing(opened(store)) as engine:
        yield engine, made


@given(place=POSITIONS, sort=st.sampled_from(LASTING), size=st.integers(1, 100))
def test_any_place_is_answered(several: tuple[EmbeddedEngine, Archive], place: Position, sort: Sort, size: int) -> None:
    engine, made = several
    hits = engine.search(Query(sort=sort, size=size, after=place)).hits
    here = key(sort, place.published, place.id, not place.full)
    expected = sorted(each for each in (key_of(sort, one) for one in made.articles.values()) if each > here)
    assert [hit.article.id for hit in hits] == [identity for *_, identity in expected[:size]]
    assert [hit.rank for hit in hits] == list(range(place.rank + 1, place.rank + 1 + len(hits)))


@given(place=POSITIONS, number=st.integers(0, 10), text=st.sampled_from(["", "cloud ai", "data azure the cloud"]))
def test_any_place_by_relevance_is_answered(
    several: tuple[EmbeddedEngine, Archive], place: Position, number: int, text: str
) -> None:
    engine, made = several
    identity = sorted(made.articles)[number % len(made.articles)]
    for forged in (place, replace(place, id=identity)):
        generation = engine.status().generation
        answer = engine.search(Query(text, "any", after=replace(forged, generation=generation), size=100))
        assert len(answer.hits) <= answer.total
        with pytest.raises(ExpiredPositionError):
            engine.search(Query(text, after=replace(forged, generation="x")))


# One request is answered by numpy, the next by compiled code


def kernels() -> type:
    found: type = pytest.importorskip("search.kernels", reason="numba is not installed").Kernels
    return found


@given(data=st.data(), size=st.sampled_from([12, 400]), count=st.integers(2, 12), seed=st.integers(0, 1 << 32))
def test_numpy_and_compiled_code_add_up_to_the_same_bits(data: st.DataObject, size: int, count: int, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        documents = np.flatnonzero(numbers.random(size) < data.draw(st.sampled_from([0.02, 0.3, 0.95]))).astype(
            np.int32
        )
        rows.append(Scored(documents, (numbers.random(len(documents)) ** 7 * 40).astype(np.float32)))
    few, many = sorted(rows[:2], key=lambda row: len(row.documents))
    one, other = Vectors(size), kernels()(size)
    assert bits(one.together(rows)) == bits(other.together(rows))
    assert bits(one.both(few, many)) == bits(other.both(few, many))


def bits(found: Scored | Held) -> tuple[bytes, bytes]:
    return found.documents.tobytes(), found.scores.tobytes()


@pytest.mark.parametrize("seed", range(5))
def test_pages_by_relevance_fit_together_whoever_answers(tmp_path: Path, seed: int) -> None:
    kernels()
    store = Store(tmp_path / "index")
    *_, made = commits(store, 700 + seed)
    typist = Typist(made, made.random)
    with closing(opened(store)) as one, closing(opened(store)) as other:
        assert other.accelerate()
        for number in range(40):
            text = "" if number == 0 else typist.text()
            query = Query(text, made.random.choice(["auto", "any"]), size=100, facets={}, highlight=False)
            whole = one.search(query).hits
            assert other.search(query).hits == whole
            assert taken_in_turns([one, other], replace(query, size=3)) == list(whole)


def taken_in_turns(engines: Sequence[EmbeddedEngine], query: Query) -> list[Hit]:
    hits: list[Hit] = []
    for engine in cycle(engines):
        results = engine.search(query)
        hits += results.hits
        if results.next is None:
            return hits
        query = replace(query, after=results.next)
    raise AssertionError


def test_equal_scores_are_paged_through(tmp_path: Path) -> None:
    """Hundreds of articles that nothing tells apart but their ids, in several segments."""
    store, made = Store(tmp_path / "index"), archive(seed=5)
    twin = made.article("a/0")
    for start in range(0, 240, 80):
        made.commit_these(
            store, [(f"a/{n}", replace(twin, id=f"a/{n}", path=str(n))) for n in range(start, start + 80)]
        )
    with closing(opened(store)) as engine:
        for sort in ("relevance", *LASTING):
            hits = harvested(engine, Query(parse(twin.title).text, "any", sort=sort, facets={}, highlight=False), 7)
            assert [hit.article.id for hit in hits] == sorted(made.articles)


# Scans


def test_a_scan_keeps_the_generation_that_it_began_with(tmp_path: Path) -> None:
    store, made = Store(tmp_path / "index"), archive(seed=6)
    made.commit(store, added=60)
    before = dict(made.articles)
    engine = opened(store)
    query = Query(sort="id", filters=Filters())
    expected = [replace(hit, highlights={}, snippet=None) for hit in engine.search(replace(query, size=100)).hits]
    files = sorted((tmp_path / "index" / "generations").rglob("*.segment"))
    scan = engine.scan(query)
    found = [next(scan)]
    for _ in range(3):  # every article is another one, and the first generation's files are gone
        made.commit(store, added=5, updated=len(made.articles))
        engine.search(Query())
    assert not any(path.exists() for path in files)
    found += [next(scan) for _ in range(10)]
    engine.close()
    found += scan
    assert found == expected
    assert [hit.article.title for hit in found] == [before[identity].title for identity in sorted(before)]
    assert (scan.total, scan.partial, scan.notes) == (60, False, ())
    assert list(scan) == []


def test_a_scan_reads_articles_as_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, made = Store(tmp_path / "index"), archive(seed=6)
    made.commit(store, added=60)
    read: list[int] = []

    def counted(snapshot: Snapshot, number: int) -> Article:
        read.append(number)
        return canonical(snapshot, number)

    monkeypatch.setattr("search.hits.canonical", counted)
    with closing(opened(store)) as engine:
        scan = engine.scan(Query())
        assert not read
        next(scan)
        assert len(read) == 1


def test_a_scan_goes_on_after_a_place(tmp_path: Path) -> None:
    store, made = Store(tmp_path / "index"), archive(seed=6)
    made.commit(store, added=30)
    with closing(opened(store)) as engine:
        for sort in ("relevance", *LASTING):
            whole = list(engine.scan(Query(sort=sort)))
            place = engine.search(Query(sort=sort, size=12)).next
            assert list(engine.scan(Query(sort=sort, after=place))) == whole[12:]
