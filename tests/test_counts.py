"""What an engine counts besides the page of hits, against plain Python: facets of any size, values by the beginning of
a word, matches over time; and articles by address.

The archives are those of `test_oracle`, with hidden articles among them whose values, dates and addresses nobody has
else.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle, over_time, plain_letters, time_of, word_begins
from test_oracle import ADDRESSES, ROUNDS, Archive, Typist, archive, json_line, publish, settled

from index.analysis import beginnings
from index.archive import ArchiveSpec, SourceFile, load_lines, scan
from index.article import Article
from index.codec import ArrayIndex
from index.generation import Store
from index.reindex import reindex
from index.schema import UNDATED
from index.settings import Settings
from search.embedded import MOST_AT_ADDRESS, EmbeddedEngine
from search.query import COUNTED, FACETS, Filters, Interval, Query
from search.results import Found, TimeBucket
from search.timeline import timeline_of
from search.values import beginning_of, begins

INTERVALS: tuple[Interval, ...] = get_args(Interval)
QUERIES = 7  # after each change
SIZES = (0, 0, 1, 2, 3, 7, 20, 1000)

STATES: list[dict[str, object]] = [{"removed": True}, {"draft": True}, {"published": False}, {"removed": "who knows"}]
HIDDEN = [
    {
        "id": f"hidden-{i}",
        "title": f"Zebra {i}",
        "topics": [f"Zebra {i}", "azure"],
        "provider": "Zebra",
        "type": "zebra",
    }
    | {"date": f"17{i:02}-01-01", "url": f"https://zebra.example/{i}", "related": ["https://harbour.example/a"]}
    | state
    for i, state in enumerate(STATES * 3)
]


def reindexed(folder: Path, seed: int) -> Iterator[tuple[Archive, EmbeddedEngine, Oracle]]:
    """A random archive on disk after each of its changes, hidden articles between the others."""
    made = archive(seed)
    spec, settings = ArchiveSpec("a", folder / "a.jsonl"), Settings(index=str(folder / "index"))
    for added, updated, deleted in ((50, 0, 0), (12, 2, 1), (6, 1, 1)):  # so few deletions that nothing is merged
        made.apply(made.change(added, updated, deleted))
        lines = [*map(json_line, made.articles.values()), *(f"{json.dumps(row)}\n" for row in HIDDEN)]
        made.random.shuffle(lines)
        spec.path.write_text("".join(lines), encoding="utf-8")
        report = reindex([spec], settings)
        assert (report.articles, report.hidden) == (len(made.articles), len(HIDDEN))
        sources = [source for source in scan(spec, settings) if isinstance(source, SourceFile)]
        loaded = [each.article for source in sources for each in load_lines(spec, source, settings)]
        oracle = Oracle([article for article in loaded if article and article.id in made.articles])
        assert len(oracle.articles) == len(made.articles)
        with closing(EmbeddedEngine(settings)) as engine:
            yield made, engine, oracle
    assert_several_segments(Store(folder / "index"))


def assert_several_segments(store: Store) -> None:
    with closing(ArrayIndex(store.open().path)) as stock, closing(stock.reader()) as reader:
        assert len(reader.leaf_readers()) > 1
        assert reader.has_deletions()


def typed_prefix(made: Archive, random: Random) -> str:
    """The beginning of a word of some value, or near it."""
    article = random.choice([*made.articles.values()])
    values = [*article.topics, article.provider.name, article.provider.domain, article.type, article.category]
    value = random.choice([value for value in values if value] or ["nothing"])
    words = value.split()
    at = random.randrange(len(words))
    text = " ".join(words[at:])[: random.randint(1, 12)]
    if random.random() < 0.1:
        text = value[random.randrange(len(value)) :]
    text = random.choice([text, text, text.upper(), text.lower(), f" {text} ", text.replace("e", "é")])
    return random.choice([text] * 9 + ["", "zeb", "t"])


@pytest.mark.parametrize("seed", range(700, 700 + 4 * ROUNDS))
def test_counts_agree_with_brute_force(tmp_path: Path, seed: int) -> None:
    for made, engine, oracle in reindexed(tmp_path, seed):
        typist, random = Typist(made, made.random), made.random
        for _ in range(QUERIES):
            asked = random.sample(COUNTED, random.randint(0, len(COUNTED)))
            query = replace(typist.query(), facets={name: random.choice(SIZES) for name in asked})
            prefix = typed_prefix(made, random)
            try:
                assert_counts(engine, oracle, query, prefix)
            except AssertionError as error:
                raise AssertionError(f"{query} {prefix!r}\n{error}") from error
        for _ in range(4 * QUERIES):
            url = random.choice([address for article in oracle.articles for address in article.addresses])
            hidden = f"https://zebra.example/{random.randrange(len(HIDDEN))}"
            for address in (url, f"{url}?page=2", url.upper(), f" {url}#top", hidden, typist.text()):
                assert_at_address(engine, oracle, address)


def assert_counts(engine: EmbeddedEngine, oracle: Oracle, query: Query, prefix: str) -> None:
    results, expected = engine.search(query), oracle.answer(query)
    assert results.facets.keys() == expected.facets.keys()
    for facet in results.facets:
        assert settled(results.facets[facet]) == settled(expected.facets[facet])
    assert results.dates == expected.dates
    for facet in FACETS:
        assert settled(engine.values(query, facet, prefix)) == settled(oracle.values(query, facet, prefix))
    for interval in INTERVALS:
        assert engine.timeline(query, interval) == oracle.timeline(query, interval)


def assert_at_address(engine: EmbeddedEngine, oracle: Oracle, address: str) -> None:
    found = engine.lookup(address)
    assert [each.article.id for each in found] == oracle.at_address(address), address
    assert found == tuple(filter(None, (engine.get(each.article.id) for each in found)))
    assert "zebra" not in repr(found).casefold()


# Facets


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """1,100 topics, of which the even ones stand on two articles."""
    folder = tmp_path_factory.mktemp("many")
    rows = [{"id": f"{n}-{i}", "title": "x", "topics": [f"T {n:04}"]} for n in range(1100) for i in range(2 - n % 2)]
    (folder / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, {"id": "bare", "title": "x"}]))
    settings = Settings(index=str(folder / "index"))
    reindex([ArchiveSpec("a", folder / "a.jsonl")], settings)
    with closing(EmbeddedEngine(settings)) as engine:
        yield engine


@pytest.mark.parametrize("size", [0, 1, 2, 19, 20, 21, 549, 550, 551, 999, 1000])
def test_as_many_values_as_were_asked_for(many: EmbeddedEngine, size: int) -> None:
    order = [f"T {n:04}" for n in [*range(0, 1100, 2), *range(1, 1100, 2)]]
    buckets = many.search(Query(facets={"topic": size})).facets["topic"]
    assert [bucket.value for bucket in buckets] == [*order[:size], None]
    filters = Filters({"topic": ("t 0000", "t 1099", "none")}, frozenset({"topic"}), excluded={"topic": ("T 0002",)})
    buckets = many.search(Query(filters=filters, facets={"topic": size})).facets["topic"]
    left = [value for value in order if value != "T 0002"]
    shown = [value for place, value in enumerate(left) if place < size or value in {"T 0000", "T 1099"}]
    assert [bucket.value for bucket in buckets] == [*shown, "none", "T 0002", None]
    assert [bucket.value for bucket in buckets if bucket.selected] == ["T 0000", "T 1099", "none", None]


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_an_empty_archive_has_no_values(tmp_path: Path, size: int) -> None:
    publish(Store(tmp_path), {}, [])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        results = engine.search(Query(facets=dict.fromkeys(COUNTED, size)))
        assert (results.facets, results.dates) == (dict.fromkeys(FACETS, ()), ())
        for interval in INTERVALS:
            assert engine.timeline(Query(), interval).buckets == ()
        assert engine.values(Query(), "topic", "a") == ()
        assert engine.lookup("https://x.example/") == ()


# Values by the beginning of a word

LETTERS = "aAeéÉçzZßﬁŁøİ 　\t_-.,(#'’&/1½東京のทहि한´\u0301\n\ud800"
TEXT = st.text(st.sampled_from(LETTERS), max_size=12)


@given(TEXT, TEXT)
def test_a_value_begins_as_its_letters_say(value: str, prefix: str) -> None:
    beginning = beginning_of(prefix)
    assert bool(beginning) == bool(plain_letters(prefix).strip())
    if beginning:
        assert begins(value, beginning) == word_begins(value, prefix)


@given(TEXT, st.data())
def test_a_value_is_found_by_the_beginning_of_any_of_its_words(value: str, data: st.DataObject) -> None:
    words = value.split()
    at = data.draw(st.integers(0, len(words)))
    text = " ".join(words[at:])
    beginning = beginning_of(text[: data.draw(st.integers(0, len(text)))])
    assert begins(value, beginning)  # also where nothing is typed


@given(st.text(), st.text())
def test_any_text_may_be_typed(value: str, prefix: str) -> None:
    begins(value, beginning_of(prefix))
    assert begins(value, beginning_of(value)) or not beginnings(value)


@given(st.text(max_size=300))
def test_an_engine_takes_any_text(many: EmbeddedEngine, text: str) -> None:
    everything = many.values(Query(), "topic")
    found = many.values(Query(), "topic", text)
    assert found == everything or set(found) < set(everything)
    many.lookup(text)


def test_a_long_prefix_is_no_beginning(many: EmbeddedEngine) -> None:
    assert many.values(Query(), "topic", "T 0001" + "x" * 1_000_000) == ()
    assert many.values(Query(), "topic", "t\u0301" * 100_000) == ()


# Matches over time

MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))
NEW_YEAR = st.integers(2, 9999).flatmap(
    lambda year: st.integers(-8 * 86_400, 8 * 86_400).map(
        lambda seconds: min(
            datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), datetime.max.replace(tzinfo=UTC)
        )
    )
)
ENDS = st.sampled_from([
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2020, 2, 29, 23, 59, 59, tzinfo=timezone(timedelta(hours=-11))),
])


@given(st.lists(MOMENT | NEW_YEAR | ENDS, max_size=40), st.sampled_from(INTERVALS))
def test_times_are_counted(moments: list[datetime | None], interval: Interval) -> None:
    seconds = [
        UNDATED if each is None else (each - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        for each in moments
    ]
    found = timeline_of(np.arange(len(moments), dtype=np.int32), np.array(seconds, np.int64), interval)
    assert found == over_time(moments, interval)
    assert sum(bucket.count for bucket in found.buckets) + found.undated == len(moments)


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(1, 1, 1), TimeBucket("0001-W01", date(1, 1, 1), date(1, 1, 7), 1)),
        (date(2020, 12, 31), TimeBucket("2020-W53", date(2020, 12, 28), date(2021, 1, 3), 1)),
        (date(2021, 1, 3), TimeBucket("2020-W53", date(2020, 12, 28), date(2021, 1, 3), 1)),
        (date(2021, 1, 4), TimeBucket("2021-W01", date(2021, 1, 4), date(2021, 1, 10), 1)),
        (date(2018, 12, 31), TimeBucket("2019-W01", date(2018, 12, 31), date(2019, 1, 6), 1)),
        (date(1969, 12, 31), TimeBucket("1970-W01", date(1969, 12, 29), date(1970, 1, 4), 1)),
        (date(9999, 12, 31), TimeBucket("9999-W52", date(9999, 12, 27), date(9999, 12, 31), 1)),
    ],
)
def test_weeks_are_those_of_iso_8601(day: date, week: TimeBucket) -> None:
    seconds = np.array([(day - date(1970, 1, 1)).days * 86_400 + 86_399], np.int64)
    assert timeline_of(np.zeros(1, np.int32), seconds, "week").buckets == (week,)
    assert time_of(day, "week") == (week.first, week.last, week.value)


def test_times_of_several_segments_with_deletions(tmp_path: Path) -> None:
    """Dates of all times, in an order of their own in each segment."""
    store, random = Store(tmp_path), Random(1)
    ends = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    turns = [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2021, 1, 3, 23, 59, tzinfo=UTC)]
    dates = [None, *ends, *turns, *turns]
    held: dict[str, Article] = {}
    for added, deleted in ((60, 0), (14, 3), (5, 2)):
        changes: list[tuple[str, Article | None]] = [
            (identity, None) for identity in random.sample(sorted(held), deleted)
        ]
        articles = [Article(f"a/{n}", "a", str(n), title="tide") for n in random.sample(range(10_000), added)]
        changes += [(each.id, replace(each, published=random.choice(dates))) for each in articles]
        publish(store, held, changes)
        held = {**held, **dict(changes)}  # type: ignore[arg-type]
        held = {identity: article for identity, article in held.items() if article}
        oracle = Oracle(list(held.values()))
        with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
            for interval in INTERVALS:
                for filters in (
                    Filters(),
                    Filters(missing=frozenset({"date"})),
                    Filters(start=datetime(1969, 1, 1, tzinfo=UTC)),
                    Filters(missing=frozenset({"date"}), end=datetime(1970, 1, 1, tzinfo=UTC)),
                ):
                    query = Query("tide", filters=filters, sort="oldest", page=7, size=0)
                    assert engine.timeline(query, interval) == oracle.timeline(query, interval)
                    assert engine.timeline(query, interval).undated or not filters.missing
    assert_several_segments(store)


# By address


def test_of_very_many_articles_at_one_address_the_first_are_told(tmp_path: Path) -> None:
    ids = [f"a/{n:03}" for n in range(MOST_AT_ADDRESS + 5)]
    changes = [(each, Article(each, "a", each[2:], title="x", original_url="https://x.example/")) for each in ids]
    Random(1).shuffle(changes)
    publish(Store(tmp_path), {}, changes)
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        assert [each.article.id for each in engine.lookup("http://www.x.example")] == ids[:MOST_AT_ADDRESS]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_deleted_article_is_at_no_address(tmp_path: Path, address: str) -> None:
    store = Store(tmp_path)
    one = Article("a/1", "a", "1", title="x", web_url=address, topics=("AI",))
    other = Article("a/2", "a", "2", title="x", original_url=address, topics=("Azure",))
    rest = [(f"a/r{n}", Article(f"a/r{n}", "a", f"r{n}", title="x")) for n in range(9)]
    publish(store, {}, [(one.id, one), (other.id, other), *rest])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        assert engine.lookup(address) == (Found(one, (), ()), Found(other, (), ()))
        publish(store, {one.id: one, other.id: other, **dict(rest)}, [(one.id, None)])
        assert engine.lookup(address) == (engine.get(other.id),)
        assert not engine.values(Query(), "topic", "ai")  # of the deleted article alone
