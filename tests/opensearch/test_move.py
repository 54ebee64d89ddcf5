"""Moving an index to a cluster: the same articles and the same state, without reading the archives."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from clusters import ClusterSettings

from index.archive import ArchiveSpec
from index.article import Article
from index.check import check
from index.errors import DamagedIndexError, NoIndexError
from index.generation import Store
from index.move import move
from index.opensearch import bulk
from index.opensearch.connection import Cluster
from index.opensearch.holding import articles_of
from index.opensearch.mapping import document_of
from index.opensearch.pieces import load_state
from index.opensearch.store import indexes, read_published
from index.reindex import reindex
from index.settings import Settings
from index.state import State
from web.cli import cli

ROWS = [f"title: Number {number}\ntopics: [{'Azure' if number % 3 else 'AZURE'}]" for number in range(12)]


@pytest.fixture
def archives(tmp_path: Path) -> list[ArchiveSpec]:
    """A folder with hidden and broken files, and lines."""
    site, lines = tmp_path / "site", tmp_path / "lines.jsonl"
    site.mkdir()
    for number, row in enumerate([*ROWS, "title: Secret\nremoved: true\nurl: https://x.example/", "title: ["]):
        (site / f"{number}.md").write_text(f"---\n{row}\n---\nSome text.\n")
    lines.write_text('{"id": "1", "title": "One"}\n{"id": "1", "title": "Again"}\n{"id": "2", "title": "Two"}\n')
    return [ArchiveSpec("site", site), ArchiveSpec("lines", lines)]


@pytest.fixture
def settings(cluster_settings: ClusterSettings, archives: list[ArchiveSpec]) -> Settings:
    """Of a directory with an index of the archives, and a cluster without one."""
    made = cluster_settings()
    reindex(archives, replace(made, engine="whoosh"))
    return made


def held(settings: Settings) -> dict[str, Article]:
    cluster = Cluster(settings)
    return {article.id: article for article in articles_of(cluster, read_published(cluster).index)}


def test_what_was_moved_is_what_a_reindex_makes(
    settings: Settings, archives: list[ArchiveSpec], cluster_settings: ClusterSettings
) -> None:
    moved = move(settings)
    assert (moved.articles, moved.rejects) == (14, ())
    other = cluster_settings()
    reindex(archives, other)
    assert held(settings) == held(other)
    published, of_other = read_published(Cluster(settings)), read_published(Cluster(other))
    assert published.spellings == of_other.spellings
    for name in ("archives", "articles", "hidden", "rejected", "removed", "fingerprint", "unpublished"):
        assert getattr(published.manifest, name) == getattr(of_other.manifest, name)
    state = load_state(Cluster(settings), published.index, published.manifest.generation)
    assert state == State.load(Store(settings.index_path).open().path)
    assert not check(settings).differences


def test_after_a_move_only_what_changed_is_read(settings: Settings, archives: list[ArchiveSpec]) -> None:
    moved = move(settings)
    report = reindex([], settings)
    assert (report.generation, report.unchanged, report.added) == (moved.generation, 14, 0)
    (archives[0].path / "0.md").write_text("---\ntitle: Changed\n---\n")
    report = reindex([], settings)
    assert (report.changed, report.unchanged) == (1, 13)
    assert held(settings)["site/0"].title == "Changed"
    assert Store(settings.index_path).open().manifest.articles == 14  # the directory still holds what it held


def test_the_archives_need_not_be_there(settings: Settings, archives: list[ArchiveSpec]) -> None:
    shutil.rmtree(archives[0].path)
    assert move(settings).articles == 14


def test_what_the_cluster_cannot_take_is_told_and_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def immense(article: Article, packed: bytes) -> dict[str, Any]:
        return document_of(article, packed) | ({"topic": ["x" * 40_000]} if article.title == "Number 3" else {})

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "document_of", immense)
        moved = move(settings)
    assert moved.articles == 13
    assert [reject.path for reject in moved.rejects] == ["site/3.md"]
    report = reindex([], settings)
    assert (report.added, report.articles) == (1, 14)


def test_an_index_that_cannot_serve_is_not_moved(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NoIndexError):
        move(replace(settings, index=str(tmp_path / "none")))
    for path in Store(settings.index_path).open().path.iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DamagedIndexError):
        move(settings)
    assert indexes(Cluster(settings)) == {}


def test_interrupted_nothing_is_left(settings: Settings) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(settings, stop)
    assert indexes(Cluster(settings)) == {}


def run(settings: Settings, *words: str) -> Result:
    names = ("opensearch_index", "opensearch_shards")
    environment = {f"BROADSHEET_{name.upper()}": str(asdict(settings)[name]) for name in names}
    environment["BROADSHEET_OPENSEARCH_HOSTS"] = ",".join(settings.opensearch_hosts)
    arguments = ["move", "--to", "opensearch", "--index", settings.index, *words]
    return CliRunner().invoke(cli, arguments, env=environment)


def test_the_command_says_what_was_moved(settings: Settings) -> None:
    result = run(settings, "--sample", "0")
    assert result.exit_code == 0
    generation = read_published(Cluster(settings)).manifest.generation
    assert result.stdout.splitlines() == [
        f"14 articles moved, 0 rejected; generation {generation}",
        'to serve from there: engine = "opensearch"',
    ]


def test_the_command_compares_both(settings: Settings) -> None:
    pytest.importorskip("search.opensearch.engine")
    result = run(settings, "--json")
    answer = json.loads(result.stdout)
    assert (answer["queries"], answer["differences"], answer["overlap"]) == (50, [], 1.0)
    assert result.exit_code == 0
