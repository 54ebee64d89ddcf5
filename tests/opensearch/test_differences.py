"""What the engine on a cluster does otherwise than the embedded one: all of it, as docs/ARCHITECTURE.md tells it."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clusters import ClusterSettings

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.engine import Engine, open_engine
from search.opensearch.engine import MAX_EXPANSION, OpenSearchEngine
from search.query import Query

Rows = Sequence[Mapping[str, Any]]


@contextmanager
def both_over(rows: Rows, settings: Settings, folder: Path) -> Iterator[tuple[Engine, Engine]]:
    """The embedded engine and the one on a cluster over the same articles."""
    archive = folder / "a.jsonl"
    archive.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    here = replace(settings, engine="whoosh", index=str(folder / "here"))
    for each in (here, settings):
        reindex([ArchiveSpec("a", archive)], each)
    with closing(open_engine(here)) as embedded, closing(open_engine(settings)) as cluster:
        yield embedded, cluster


def test_a_prefix_stands_for_fewer_words(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    words = [f"quay{number:04}" for number in range(MAX_EXPANSION + 1)]
    rows = [{"id": word, "title": word} for word in words]
    with both_over(rows, cluster_settings(), tmp_path) as (embedded, cluster):
        assert embedded.search(Query("quay*")).total == MAX_EXPANSION + 1
        results = cluster.search(Query("quay*"))
        assert results.total == MAX_EXPANSION
        assert [(note.kind, note.values["limit"]) for note in results.notes] == [("expanded", MAX_EXPANSION)]
        shorter = Query("quay00*")
        assert cluster.search(shorter).total == embedded.search(shorter).total == 100


def test_of_a_query_with_very_many_spellings_less_is_used(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """OpenSearch takes a limited number of parts; a hyphenated word has 24 of them."""
    text = " ".join(f"left{number}-right{number}" for number in range(60))
    rows = [{"id": "1", "title": text, "body": text.replace("-", "")}, {"id": "2", "title": "left0-right0"}]
    with both_over(rows, cluster_settings(), tmp_path) as (embedded, cluster):
        assert not embedded.search(Query(text)).notes
        results = cluster.search(Query(text))
        assert [note.kind for note in results.notes] == ["ignored"]
        assert results.notes[0].values["limit"] in {16, 32}
        assert results.hits[0].article.id == "a/1"


def test_words_that_go_on_are_in_another_order(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """By articles in which the two stand side by side, not by how often they do."""
    rows = [
        {"id": "1", "title": "night ferry night ferry night ferry"},
        {"id": "2", "title": "night fever"},
        {"id": "3", "title": "night fever again"},
    ]
    with both_over(rows, cluster_settings(), tmp_path) as (embedded, cluster):
        here, there = ([each for each in of.suggest("night fe") if each.kind == "words"] for of in (embedded, cluster))
        assert [each.text for each in here] == ["night ferry", "night fever"]
        assert [each.text for each in there] == ["night fever", "night ferry"]
        assert sorted((each.text, each.count) for each in here) == sorted((each.text, each.count) for each in there)


def test_another_generation_is_looked_for_once_a_second(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    archive, settings, seconds = tmp_path / "a.jsonl", cluster_settings(), [1000.0]
    archive.write_text('{"id": "1", "title": "One"}\n')
    reindex([ArchiveSpec("a", archive)], settings)
    with closing(OpenSearchEngine(settings, clock=lambda: seconds[0])) as engine:
        before = engine.search(Query())
        archive.write_text('{"id": "1", "title": "One"}\n{"id": "2", "title": "Two"}\n')
        reindex([ArchiveSpec("a", archive)], settings)
        assert engine.search(Query()).generation == before.generation
        seconds[0] += 1.1
        results = engine.search(Query())
        assert results.generation != before.generation
        assert (before.total, results.total) == (1, 2)


def test_out_of_time_an_answer_is_of_a_part_of_the_articles(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """Where time runs out in the cluster and not between two clauses; either way it says so."""
    rows = [{"id": str(number), "title": f"night ferry {number}"} for number in range(50)]
    with both_over(rows, cluster_settings(budget_ms=1), tmp_path) as (_, cluster):
        started = time.monotonic()
        answers = [cluster.search(Query("night ferry", facets={})) for _ in range(5)]
        assert time.monotonic() - started < 60
        for results in answers:
            assert results.total == 50 or (
                results.partial and any("Time ran out" in note.text for note in results.notes)
            )
            assert not (results.partial and results.next)


def test_scores_are_alike_to_six_digits(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """So two articles that score alike may change places; what scores the same comes by date and id in both."""
    rows = [
        {
            "id": f"{number:02}",
            "title": "night ferry",
            "body": "ferry " * (number % 7),
            "date": f"20{10 + number % 5}-01-01",
        }
        for number in range(40)
    ]
    with both_over(rows, cluster_settings(), tmp_path) as (embedded, cluster):
        query = Query("night ferry", size=100)
        here, there = embedded.search(query).hits, cluster.search(query).hits
        scores = {hit.article.id: hit.score for hit in there}
        assert {hit.article.id: hit.score for hit in here} == pytest.approx(scores, rel=1e-5)
        level = [(round(hit.score, 3), hit.article.id) for hit in there]
        assert level == [(round(hit.score, 3), hit.article.id) for hit in here]


def test_of_several_articles_with_one_address_a_link_leads_to_the_newest(
    cluster_settings: ClusterSettings, tmp_path: Path
) -> None:
    """The embedded engine takes the newest of one segment."""
    address = "https://harbour.example/same"
    rows: Rows = [
        {"id": "old", "title": "Old", "url": address, "date": "2020-01-01"},
        {"id": "new", "title": "New", "url": address, "date": "2021-01-01"},
        {"id": "link", "title": "Link", "related": [address]},
    ]
    with both_over(rows, cluster_settings(), tmp_path) as (_, cluster):
        found = cluster.get("a/link")
        assert found
        assert [link.id for link in found.related] == ["a/new"]
