"""What one query may ask, and what becomes of it when its time is out. No test depends on real time."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_oracle import Typist, commits

from index.archive import ArchiveSpec
from index.errors import OutOfBudgetError
from index.generation import Store
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.ladder import next_steps
from search.limits import Deadline, Limits, OutOfTimeError
from search.parser import parse
from search.query import And, Everything, Filters, Node, Not, Or, Query, Word
from search.results import Note, Results

OUT_OF_TIME = "Time ran out: only a part of the query was used, and the numbers are those of it."


class Clock:
    """Seconds that go by only when somebody looks: `step` of them each time."""

    def __init__(self) -> None:
        self.now = self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


# Clauses


def clauses(tree: Node) -> int:
    match tree:
        case And(inner) | Or(inner):
            return sum(map(clauses, inner))
        case Not(inner_clause):
            return clauses(inner_clause)
        case Everything():
            return 0
        case _:
            return 1


def ignored_from(notes: tuple[Note, ...]) -> list[int]:
    """Where the rest begins that was too much."""
    return [note.span[0] for note in notes if note.span and note.message.startswith("Only the first {limit} words")]


@pytest.mark.parametrize(
    ("typed", "used", "rest"),
    [
        ("one two three", "one two three", None),
        ("one two three four", "one two three", "four"),
        ("one two three four five", "one two three", "four five"),
        ('one "two three" four* five', 'one "two three" four*', "five"),
        ('one two three title:"four five" six', "one two three", 'title:"four five" six'),
        ("one -two -three -four", "one -two -three", "four"),
        ("one (two OR three OR four) five", "one (two OR three)", "four) five"),
        ("one two (three four) five", "one two three", "four) five"),
        ("((one two three)) AND (four)", "one two three", "four)"),
        ("a/b/c/d/e f", "a b c", "d/e f"),
        ("one two three a/b", "one two three", "a/b"),
        ("one two date:2021 before:2020", "one two date:2021-01-01..2021-12-31", "before:2020"),
        ("one date:never two three", "one two three", None),
        (":: one :: two * three ::", "one two three", None),
        ("type:video topic:ai url:a.example/x provider:x*", "type:video topic:ai url:a.example/x", "provider:x*"),
        ("one two three OR", "one two three", None),
    ],
)
def test_of_many_clauses_the_first_are_used(typed: str, used: str, rest: str | None) -> None:
    parsed = parse(typed, Limits(max_clauses=3))
    assert parsed.tree == parse(used).tree
    assert [typed[start:] for start in ignored_from(parsed.notes)] == ([] if rest is None else [rest])
    for note in parsed.notes:
        if note.span and ignored_from((note,)):
            assert (note.kind, note.span[1]) == ("ignored", len(typed))
            assert note.text == "Only the first 3 words, phrases and fields of the query were used."


TYPED = """ferry tide "night ferry" ( ) - OR AND NOT title: tid* date:2021 date:never a/b/c , * url:x.example"""
FRAGMENTS = TYPED.split(" ")


@given(pieces=st.lists(st.sampled_from(FRAGMENTS), max_size=14), most=st.integers(1, 5))
def test_never_more_clauses_than_there_may_be(pieces: list[str], most: int) -> None:
    typed = " ".join(["ferry", *pieces])
    whole, parsed = parse(typed), parse(typed, Limits(max_clauses=most))
    assert clauses(parsed.tree) <= most
    cut = ignored_from(parsed.notes)
    assert len(cut) <= 1
    assert bool(cut) == (clauses(whole.tree) > most)
    if not cut:
        assert parsed == whole


def test_what_a_note_of_the_parser_is_about() -> None:
    def spans(typed: str, limits: Limits = Limits()) -> list[str]:  # noqa: B008 - frozen
        return [typed[slice(*note.span)] for note in parse(typed, limits).notes if note.span]

    assert spans("ferry date:never tide") == ["date:never"]
    assert spans('ferry DATE:"never" tide') == ['DATE:"never"']
    assert spans("ferry before:(2021 never) tide") == ["never"]
    assert spans("  :: ,, ") == [":: ,,"]
    assert spans("one two three", Limits(max_query_chars=9)) == [" three"]
    deep = "one " + "(" * 20 + "(((two))) (((three)))" + ")" * 20
    (note,) = parse(deep).notes
    assert note.span == (24, 25)
    assert note.text == "Parentheses deeper than 20 were not used."


# Limits of the engine

SAID = "ferry ferries harbour harbours tide tides lamp lamps clock clocks boat boats"
WORDS = SAID.split()
ROWS = [
    {"id": str(number), "title": f"{word} {WORDS[(number * 5 + 3) % len(WORDS)]} night", "topics": ["Sea", word]}
    for number, word in enumerate(WORDS * 3)
] + [{"id": "odd", "title": "A ferry, a harbour and a tide in the night: lamp clock boat"}]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    reindex([ArchiveSpec("a", folder / "a.jsonl")], Settings(index=str(folder / "index")))
    return folder / "index"


@pytest.fixture
def open_with(index: Path) -> Iterator[Callable[..., EmbeddedEngine]]:
    opened: list[EmbeddedEngine] = []

    def open_(**limits: int) -> EmbeddedEngine:
        opened.append(EmbeddedEngine(Settings(index=str(index), **limits)))  # type: ignore[arg-type]  # all are numbers
        return opened[-1]

    yield open_
    for engine in opened:
        engine.close()


def test_the_engine_keeps_the_limits_of_its_settings(open_with: Callable[..., EmbeddedEngine]) -> None:
    usual, narrow = open_with(), open_with(max_clauses=2, max_expansion=2, max_lookups=1)
    cut = narrow.search(Query("ferry night harbour"))
    assert cut.understood == "ferry night"
    assert cut.total == usual.search(Query("ferry night")).total
    assert ignored_from(cut.notes) == [12]
    assert narrow.values(Query("ferry night harbour"), "topic") == usual.values(Query("ferry night"), "topic")
    assert narrow.scan(Query("ferry night harbour")).total == cut.total
    shortest = narrow.search(Query("l*"))  # lamp, lamps: all there are
    assert not shortest.notes
    assert shortest.total == usual.search(Query("l*")).total
    both = narrow.search(Query("l* OR t*", "all"))  # of the two words, each prefix has one: the shortest
    assert (
        both.total == usual.search(Query("lamp OR tide", "all")).total
        or both.total < usual.search(Query("l* OR t*", "all")).total
    )
    assert [note.text for note in both.notes] == ["More words begin with “l” than are looked at (2 a query)."]
    typos = narrow.search(Query("harbpur lampq"))
    assert [note.kind for note in typos.notes if note.kind in {"stand_in", "ignored"}] == ["stand_in", "ignored"]
    assert [note.span for note in typos.notes if note.kind in {"stand_in", "ignored"}] == [(0, 7), (8, 13)]
    assert not {note.kind for note in open_with(max_lookups=0).search(Query("harbpur lampq")).notes}


def test_suggestions_and_similar_articles_keep_the_limits(open_with: Callable[..., EmbeddedEngine]) -> None:
    usual, narrow = open_with(), open_with(max_clauses=2)
    assert usual.suggest("ferry night harb")
    assert narrow.suggest("ferry harb") == usual.suggest("ferry harb")
    assert narrow.suggest("ferry night harb") == ()
    by_one_term = open_with(max_clauses=1).similar("a/odd")
    assert by_one_term
    assert all(hit.full for hit in by_one_term)
    assert not all(hit.full for hit in usual.similar("a/odd"))


def test_the_ladder_keeps_the_limits(open_with: Callable[..., EmbeddedEngine]) -> None:
    engine = open_with()
    query = Query("ferry nowhere", "all", Filters({"topic": ("sea",)}))
    results = engine.search(query)
    assert not results.total
    assert next_steps(query, results, engine)
    assert next_steps(query, results, engine, Limits(budget_ms=0)) == ()
    assert next_steps(query, replace(results, partial=True), engine) == ()


def test_the_ladder_ends_where_the_time_of_a_question_does(index: Path) -> None:
    query = Query("ferry nowhere lamp", "all", Filters({"topic": ("sea",)}))
    steps = set()
    for looks in range(40):
        clock = Clock()
        with closing(engine_with(index, clock)) as engine:
            results = engine.search(query)
            clock.step = 1 / (looks + 0.5)
            steps.add(len(next_steps(query, results, engine)))
    assert len(steps) > 2


# Time


def test_a_deadline_is_a_moment_of_its_clock() -> None:
    clock = Clock()
    deadline = Deadline(1500, clock)
    clock.now = 1.4
    deadline.check()
    clock.now = 1.5
    assert deadline.passed
    with pytest.raises(OutOfTimeError):
        deadline.check()


def engine_with(index: Path, clock: Clock) -> EmbeddedEngine:
    return EmbeddedEngine(Settings(index=str(index), budget_ms=1_000), clock)


def all_in_part(index: Path, query: Query, most: int = 400) -> Iterator[Results]:
    """What a new engine says to a query for which there is time to look at the clock never, once and so on."""
    for looks in range(most):
        clock = Clock()
        with closing(engine_with(index, clock)) as engine:
            clock.step = 1 / (looks + 0.5)
            results = engine.search(query)
            yield results
            if not results.partial:
                return
    raise AssertionError(f"there was never time for {query}")


def test_clauses_for_which_there_is_no_time_are_left_out(index: Path) -> None:
    whole = {}
    with closing(EmbeddedEngine(Settings(index=str(index)))) as engine:
        for text in ("", "ferry", "ferry night", "ferry night -harbour"):
            whole[text] = engine.search(Query(text, "all")).total
    whole[""] = 0  # nothing was looked at, so nothing is found
    totals = [results.total for results in all_in_part(index, Query("ferry night -harbour", "all"))]
    assert list(dict.fromkeys(totals)) == list(dict.fromkeys(whole.values()))
    *parts, last = all_in_part(index, Query("ferry night -harbour", "all"))
    assert last.notes == ()
    for results in parts:
        assert [(note.kind, note.text) for note in results.notes] == [("ignored", OUT_OF_TIME)]
        assert results.total == sum(bucket.count for bucket in results.dates)
        assert len(results.hits) == min(10, results.total)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ferry OR lamp OR clock", ["ferry", "ferry OR lamp"]),
        ("-ferry -lamp", ["-ferry"]),
        ("(ferry lamp) OR (clock -boat)", ["ferry", "ferry lamp", "(ferry lamp) OR clock"]),
        ('the "ferry boats" night', ['"ferry boats"']),
        ("ferry boat* lamp*", ["ferry", "ferry boat*"]),
        ("topic:sea type:none", ["topic:sea"]),
        ("the harbpur", []),
    ],
)
def test_what_is_left_of_a_query(index: Path, text: str, parts: list[str]) -> None:
    with closing(EmbeddedEngine(Settings(index=str(index)))) as engine:
        possible = [[], *[[hit.article.id for hit in engine.scan(Query(part, "all", sort="id"))] for part in parts]]
        *found, last = all_in_part(index, Query(text, "all", sort="id", size=100))
        assert last.hits == engine.search(Query(text, "all", sort="id", size=100)).hits
    answers = [[hit.article.id for hit in results.hits] for results in found]
    assert [ids for i, ids in enumerate(answers) if not i or ids != answers[i - 1]] == [
        ids for i, ids in enumerate(possible) if not i or ids != possible[i - 1]
    ]


@pytest.mark.parametrize("text", ["harbpur", "harb", "title:harb", "title:harbpur"])
def test_no_note_tells_of_words_that_were_not_looked_for(index: Path, text: str) -> None:
    limits = Settings(index=str(index), budget_ms=1_000, max_expansion=1)
    clock = Clock()
    with closing(EmbeddedEngine(limits, clock)) as engine:
        assert "stand_in" in [note.kind for note in engine.search(Query(text)).notes]
    for looks in range(12):
        with closing(EmbeddedEngine(limits, clock)) as engine:
            clock.step = 1 / (looks + 0.5)
            results = engine.search(Query(text))
            if results.partial:
                assert (results.total, [note.text for note in results.notes]) == (0, [OUT_OF_TIME])
    assert not results.partial


def test_what_follows_is_not_told_in_part(index: Path) -> None:
    query = Query("ferry OR lamp", sort="id", size=2, facets={})
    clock = Clock()
    with closing(engine_with(index, clock)) as engine:
        first = engine.search(query)
        assert first.next
        clock.step = 0.6
        partial = engine.search(query)
        assert (partial.partial, partial.next) == (True, None)
        assert partial.total > len(partial.hits)
        after = replace(query, after=first.next)
        with pytest.raises(OutOfBudgetError, match=r"^There is no time to find all that this asks for; ask for less"):
            engine.search(after)
        assert engine.scan(after).partial
        clock.step = 0
        assert [hit.rank for hit in engine.search(after).hits] == [3, 4]


TEXTS = (
    "ferry harbour tide lamp clock",
    "ferri* harb* t* nothere",
    '"ferry harbour" "a tide" OR "lamp clock" title:ferry* -title:"in the night"',
    "harbpur fery tidez klock nowhere",
    "night-ferry-harbour ferry/boats ferryboats",
    "topic:s* topic:ferry type:x* url:a.example/x date:2021",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("match", ["auto", "all", "any"])
def test_nothing_is_kept_of_what_was_given_up(index: Path, text: str, match: str) -> None:
    query = Query(text, "any" if match == "any" else "all" if match == "all" else "auto", size=100)
    clock = Clock()
    with closing(EmbeddedEngine(Settings(index=str(index)))) as fresh, closing(engine_with(index, clock)) as engine:
        whole, suggested = fresh.search(query), fresh.suggest(text)
        partial = 0
        for looks in chain(range(1, 60), range(60, 400, 20)):
            clock.step = 1 / (looks + 0.5)
            engine.suggest(text)
            partial += engine.search(query).partial
            engine.similar("a/odd")
        assert partial
        clock.step = 0
        assert settled(engine.search(query)) == settled(whole)
        assert engine.suggest(text) == suggested
        assert engine.similar("a/odd") == fresh.similar("a/odd")


def settled(results: Results) -> Results:
    return replace(results, took_ms=0)


def test_random_queries_run_out_of_time_anywhere(tmp_path: Path) -> None:
    store = Store(tmp_path / "index")
    *_, made = commits(store, 21)
    typist = Typist(made, made.random)
    clock = Clock()
    with (
        closing(EmbeddedEngine(Settings(index=str(store.path)))) as fresh,
        closing(engine_with(store.path, clock)) as engine,
    ):
        for _ in range(150):
            query = typist.query()
            clock.step = 1 / made.random.choice([1.5, 2.5, 3.5, 5.5, 9.5, 30.5])
            results = engine.search(query)
            assert results.partial == (OUT_OF_TIME in [note.text for note in results.notes])
            assert len(results.hits) == min(100, results.total)
            if not results.partial:
                assert without_suggestion(results) == without_suggestion(fresh.search(query))
            scan = engine.scan(query)
            assert len(list(scan)) == scan.total
            clock.step = 0
            assert settled(engine.search(query)) == settled(fresh.search(query))


def without_suggestion(results: Results) -> Results:
    """There may be time for an answer and none for a better spelling."""
    return replace(settled(results), notes=tuple(note for note in results.notes if note.kind != "suggestion"))


@pytest.mark.parametrize("text", ["fer", "ferry n", "ferry -l", "night harbour l", "t"])
def test_suggestions_for_which_there_is_no_time_are_left_out(index: Path, text: str) -> None:
    with closing(EmbeddedEngine(Settings(index=str(index)))) as fresh:
        whole = fresh.suggest(text)
        seen = []
        for looks in range(1, 80):
            clock = Clock()
            with closing(engine_with(index, clock)) as engine:
                clock.step = 1 / (looks + 0.5)
                found = engine.suggest(text)
                seen.append(found)
                for each in found:
                    if each.kind == "words":
                        assert each.count == fresh.search(Query(each.text)).total
        assert seen[-1] == whole
        assert len(seen[0]) < len(whole)


def test_similar_articles_are_found_by_what_there_is_time_for(index: Path) -> None:
    clock = Clock()
    with closing(engine_with(index, clock)) as engine:
        clock.step = 1
        assert engine.similar("a/odd") == ()
        clock.step = 0.3
        assert engine.similar("a/odd")


def test_a_scan_says_that_it_is_partial(index: Path) -> None:
    clock = Clock()
    with closing(engine_with(index, clock)) as engine:
        clock.step = 0.6
        scan = engine.scan(Query("ferry harbour", "all"))
        assert scan.partial
        assert [note.text for note in scan.notes] == [OUT_OF_TIME]
        clock.step = 100  # that time is for finding alone
        assert len(list(scan)) == scan.total > 0


def test_limits_are_the_settings_of_their_names() -> None:
    values: Mapping[str, int] = {"max_query_chars": 1, "max_clauses": 2, "max_expansion": 3, "max_lookups": 4}
    settings = Settings(**values, budget_ms=5)  # type: ignore[arg-type]  # all are numbers
    assert Limits.of(settings) == Limits(1, 2, 3, 4, 5)
    assert Limits.of(Settings()) == Limits()


def test_words_keep_their_places_beside_a_limit() -> None:
    tree = parse("one two three", Limits(max_clauses=2)).tree
    assert isinstance(tree, And)
    assert [each.span for each in tree.clauses if isinstance(each, Word)] == [(0, 3), (4, 7)]
