"""A cluster answers as brute force does on random archives, and as the embedded engine does on a real one."""

import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from clusters import ClusterSettings, settings_on
from oracle import Oracle
from test_oracle import Archive, Typist, archive, assert_answers, assert_beside, json_line
from test_real_data import data

from index.archive import ArchiveSpec, SourceFile, load_lines, scan
from index.article import Article
from index.generation import Store
from index.move import move
from index.reader import Snapshot
from index.reindex import reindex, silent
from index.schema import EXACT
from search.compare import compare
from search.engine import Engine, open_engine
from search.opensearch import choices
from search.opensearch.engine import MAX_EXPANSION
from search.query import FACETS, Interval, Query
from search.results import Explanation, Hit, Results

SEEDS = range(40, 43)
QUERIES = 40
REAL_QUERIES = 520
WHOLE = 300
"""Up to so many hits all of a query are compared."""
ALIKE = 1e-5
"""Scores are compared to so much of themselves: the engines add up the same numbers in another order."""


@pytest.mark.parametrize("seed", SEEDS)
def test_random_archives_agree_with_brute_force(seed: int, cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """Loaded once, then changed in place."""
    made = archive(seed)
    spec, settings = ArchiveSpec("a", tmp_path / "a.jsonl"), cluster_settings(max_expansion=MAX_EXPANSION)
    for added, updated, deleted in ((40, 0, 0), (12, 4, 3), (6, 5, 2)):
        made.apply(made.change(added, updated, deleted))
        spec.path.write_text("".join(map(json_line, made.articles.values())), encoding="utf-8")
        report = reindex([spec], settings)
        sources = [source for source in scan(spec, settings) if isinstance(source, SourceFile)]
        loaded = [each.article for source in sources for each in load_lines(spec, source, settings)]
        oracle = Oracle([article for article in loaded if article])
        assert len(oracle.articles) == report.articles
        typist = Typist(made, made.random)
        with closing(open_engine(settings)) as engine:
            for number in range(QUERIES):
                assert_answers(engine, oracle, typist.query(), size=7 if number % 8 == 0 else 0)
            for article in made.random.sample(oracle.articles, 5):
                assert_beside(engine, oracle, article)


@dataclass(frozen=True)
class Both:
    """The real archive in both engines."""

    embedded: Engine
    cluster: Engine
    articles: dict[str, Article]
    words: list[str]


@pytest.fixture(scope="module")
def both(cluster: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, path = tmp_path_factory.mktemp("azure"), tmp_path_factory.mktemp("index")
    with tarfile.open(data("archives/azure.tar.xz")) as packed:
        packed.extractall(folder, filter="data")
    with settings_on(cluster, path) as make:
        settings = make(unpublished="show", max_expansion=MAX_EXPANSION)
        reindex([ArchiveSpec("azure", folder)], replace(settings, engine="whoosh"))
        move(settings)
        snapshot = Snapshot(Store(settings.index_path).open().path)
        terms = snapshot.terms()
        counts = [len(snapshot.postings(EXACT, term).documents) for term in terms]
        words = Random(1).choices(terms, weights=counts, k=400) + Random(2).sample(terms, 100)
        articles = {identity: snapshot.article(number) for number, identity in snapshot.ids()}
        with (
            closing(open_engine(replace(settings, engine="whoosh"))) as embedded,
            closing(open_engine(settings)) as engine,
        ):
            yield Both(embedded, engine, articles, words)


@pytest.fixture(scope="module")
def queries(both: Both) -> list[Query]:
    random = Random(7)
    typist = Typist(Archive(random, both.words, both.articles), random)
    return [replace(typist.query(), size=10) for _ in range(REAL_QUERIES)]


def test_the_real_archive_is_searched_alike(both: Both, queries: list[Query]) -> None:
    for number, query in enumerate(queries):
        here, there = both.embedded.search(query), both.cluster.search(query)
        assert counted(here) == counted(there), query
        assert [note.text for note in here.notes] == [note.text for note in there.notes], query
        if here.total <= WHOLE or number % 50 == 0:
            whole = replace(query, sort="id")
            assert [*map(told, both.embedded.scan(whole))] == [*map(told, both.cluster.scan(whole))], query
        scores = {hit.article.id: hit.score for hit in there.hits}
        for hit in here.hits:
            assert scores.get(hit.article.id, hit.score) == pytest.approx(hit.score, rel=ALIKE, abs=0), query


def test_the_first_hits_come_in_the_same_order(both: Both, queries: list[Query]) -> None:
    """But for articles that score alike to six digits, of which either may come first."""
    compared = compare(both.embedded, both.cluster, queries, silent)
    assert not [each for each in compared.differences if each.what != "first hits"]
    assert compared.overlap > 0.995
    assert compared.tau > 0.995


def test_real_articles_have_the_same_beside_them(both: Both) -> None:
    for identity in Random(3).sample(sorted(both.articles), 40):
        assert both.embedded.get(identity) == both.cluster.get(identity)
        address = both.articles[identity].address
        assert both.embedded.lookup(address) == both.cluster.lookup(address)
        here, there = both.embedded.similar(identity), both.cluster.similar(identity)
        assert [*map(told, here)] == [*map(told, there)]


def test_real_facets_and_times_are_counted_alike(both: Both, queries: list[Query]) -> None:
    for query in queries[::20]:
        for facet in FACETS:
            assert both.embedded.values(query, facet) == both.cluster.values(query, facet)
            assert both.embedded.values(query, facet, "ma") == both.cluster.values(query, facet, "ma")
        for interval in get_args(Interval):
            assert both.embedded.timeline(query, interval) == both.cluster.timeline(query, interval)


@pytest.mark.parametrize(("asked", "per_shard"), [(2, 3), (4, 40), (1, 1_000)])
def test_lists_of_the_most_frequent_values_are_right_however_little_is_asked_for(
    both: Both, queries: list[Query], asked: int, per_shard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "_ASKED", asked)
    monkeypatch.setattr(choices, "_PER_SHARD", per_shard)
    for number, query in enumerate(queries[::8]):
        few = replace(query, size=0, facets=dict.fromkeys(FACETS, number % 5))
        assert both.embedded.search(few).facets == both.cluster.search(few).facets, few


def test_real_scores_are_explained_alike(both: Both, queries: list[Query]) -> None:
    for query in queries[::10]:
        asked = replace(query, explain=True, size=5)
        here, there = both.embedded.search(asked), both.cluster.search(asked)
        explained = {hit.article.id: hit.explanation for hit in there.hits}
        for hit in here.hits:
            if hit.article.id in explained:
                assert_same(hit.explanation, explained[hit.article.id])


def counted(results: Results) -> tuple[object, ...]:
    counts = results.total, results.full, results.facets, results.dates
    return *counts, results.match, results.understood, results.partial


def told(hit: Hit) -> tuple[str, int, bool]:
    return hit.article.id, hit.rank, hit.full


def assert_same(one: Explanation | None, other: Explanation | None) -> None:
    assert one
    assert other
    assert (one.text, one.operation, len(one.parts)) == (other.text, other.operation, len(other.parts))
    assert one.value == pytest.approx(other.value, rel=ALIKE)
    for here, there in zip(one.parts, other.parts, strict=True):
        assert_same(here, there)
