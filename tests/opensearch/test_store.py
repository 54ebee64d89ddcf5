"""An index on a cluster: what a reindex makes of it, whatever happens on the way."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from clusters import ClusterSettings

from index.archive import ArchiveSpec
from index.article import Article
from index.check import check
from index.errors import (
    ArchiveError,
    BroadsheetError,
    DamagedIndexError,
    EngineUnreachableError,
    ForeignIndexError,
    IncompatibleIndexError,
    IndexUnusableError,
    LockedError,
    NoIndexError,
    UsageError,
)
from index.generation import Store
from index.opensearch import bulk, destination, pieces, spellings
from index.opensearch.connection import Cluster
from index.opensearch.holding import articles_of
from index.opensearch.lock import ClusterLock
from index.opensearch.mapping import document_id, document_of
from index.opensearch.store import indexes, load_published, read_published, state_of, write_published
from index.reader import Snapshot
from index.reindex import Report, reindex
from index.settings import Settings

Counts = tuple[int, int, int, int]


class Site:
    """An archive in a folder, its index on a cluster, and another one in a directory to compare with."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.archive = path / "site"
        self.settings = settings
        self.embedded = Settings(index=str(path / "embedded"))
        self.cluster = Cluster(settings)
        self.archive.mkdir()

    def write(self, name: str, text: str = "title: A word", body: str = "") -> Path:
        path = self.archive / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{text}\n---\n{body}", encoding="utf-8")
        return path

    def reindex(self, **options: Any) -> Report:
        return reindex([ArchiveSpec("site", self.archive)], self.settings, **options)

    def held(self) -> dict[str, str]:
        """Titles by id, of what searches see."""
        published = read_published(self.cluster)
        return {article.id: article.title for article in articles_of(self.cluster, published.index)}

    def raw(self) -> str:
        """Everything that can be read of the cluster's indexes of this name."""
        name = self.settings.opensearch_index
        self.cluster.ask("POST", f"/{name}-*/_refresh")
        found = self.cluster.ask("POST", f"/{name}-*/_search", {"size": 10_000})
        return json.dumps([hit["_source"] for hit in found["hits"]["hits"]], ensure_ascii=False)


@pytest.fixture
def site(tmp_path: Path, cluster_settings: ClusterSettings) -> Iterator[Site]:
    made = Site(tmp_path, cluster_settings(opensearch_shards=2))
    made.write("a.md", "title: Alpha")
    made.write("b.md", "title: Beta")
    made.write("deep/c.md", "title: Gamma")
    yield made
    made.cluster.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ARTICLES", 2)


def counts(report: Report) -> Counts:
    return report.added, report.changed, report.removed, report.unchanged


def test_a_second_run_finds_nothing_to_do(site: Site) -> None:
    first = site.reindex()
    assert counts(first) == (3, 0, 0, 0)
    assert site.held() == {"site/a": "Alpha", "site/b": "Beta", "site/deep/c": "Gamma"}
    second = site.reindex()
    assert counts(second) == (0, 0, 0, 3)
    assert (second.generation, second.files_read) == (first.generation, 0)
    assert not check(site.settings).differences


@pytest.mark.parametrize(
    ("change", "expected", "titles"),
    [
        (lambda site: site.write("a.md", "title: Other"), (0, 1, 0, 2), ["Beta", "Gamma", "Other"]),
        (lambda site: site.write("d.md", "title: Delta"), (1, 0, 0, 3), ["Alpha", "Beta", "Delta", "Gamma"]),
        (lambda site: (site.archive / "a.md").unlink(), (0, 0, 1, 2), ["Beta", "Gamma"]),
        (lambda site: (site.archive / "a.md").rename(site.archive / "z.md"), (1, 0, 1, 2), ["Alpha", "Beta", "Gamma"]),
        (lambda site: site.write("a.md", "title: Alpha\ndraft: true"), (0, 0, 1, 2), ["Beta", "Gamma"]),
        (lambda site: site.write("a.md", "title: ["), (0, 0, 1, 2), ["Beta", "Gamma"]),
        (lambda site: site.write("h.md", "title: No\ndraft: true"), (0, 0, 0, 3), ["Alpha", "Beta", "Gamma"]),
    ],
    ids=["edit", "add", "delete", "rename", "hide", "break", "add a hidden one"],
)
def test_one_change_goes_into_the_index_that_serves(
    site: Site, change: Callable[[Site], object], expected: Counts, titles: list[str]
) -> None:
    first = site.reindex()
    index = read_published(site.cluster).index
    change(site)
    assert counts(site.reindex(dry_run=True)) == expected
    assert read_published(site.cluster).manifest.generation == first.generation
    second = site.reindex()
    assert counts(second) == expected
    published = read_published(site.cluster)
    assert (published.index, published.complete) == (index, True)
    assert published.manifest.generation == second.generation != first.generation
    assert second.generation.startswith("000002-")
    assert sorted(site.held().values()) == titles
    assert counts(site.reindex())[:3] == (0, 0, 0)
    assert not check(site.settings).differences


def test_after_many_changes_both_engines_and_a_full_load_hold_the_same(
    site: Site, small_chunks: None, cluster_settings: ClusterSettings
) -> None:
    dice = random.Random(5)
    for round_ in range(6):
        for number in dice.sample(range(30), 12):
            path = f"{number}.md"
            kind = dice.randrange(5)
            if kind == 0:
                (site.archive / path).unlink(missing_ok=True)
            elif kind == 1:
                site.write(path, f"title: Hidden {number}\ndraft: true")
            elif kind == 2:
                site.write(path, "title: [")
            else:
                topic = dice.choice(["Azure", "azure", "AZURE", "Straße", "STRASSE"])
                site.write(path, f"title: Number {number} of {round_}\ntopics: [{topic}]", "word " * dice.randrange(9))
        report = site.reindex(full=round_ == 3)
        other = reindex([ArchiveSpec("site", site.archive)], site.embedded)
        assert counts(report) == counts(other)
        assert report.rejects == other.rejects
        generation = Store(site.embedded.index_path).open()
        snapshot = Snapshot(generation.path)
        embedded = {identity: snapshot.article(number).title for number, identity in snapshot.ids()}
        assert site.held() == embedded
        published = read_published(site.cluster)
        assert published.manifest.articles == len(embedded)
        values = snapshot.columns["topic"].values
        assert published.spellings["topic"].items() <= {value.casefold(): value for value in values}.items()
    full = cluster_settings()
    reindex([ArchiveSpec("site", site.archive)], full)
    fresh = read_published(Cluster(full))
    assert (fresh.spellings, fresh.most_spellings) == (published.spellings, published.most_spellings)
    documents = [documents_of(Cluster(full), fresh.index), documents_of(site.cluster, published.index)]
    assert documents[0] == documents[1]


def documents_of(cluster: Cluster, index: str) -> list[Any]:
    body = {"size": 1000, "docvalue_fields": ["id", "words", "topic", "topic_spelled", "length"], "sort": ["id"]}
    hits = cluster.ask("POST", f"/{index}/_search", body)["hits"]["hits"]
    return [(hit["_id"], hit["_source"], hit["fields"]) for hit in hits]


def test_the_most_frequent_spelling_is_found_over_many_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spellings, "PAGE", 2)
    rows = ["AI", "ai", "ai", "Zoo", "ZOO", "azure", "Azure", "aZure", "single", "a b", "A B"]
    for number, topic in enumerate(rows):
        site.write(f"t{number}.md", f"title: T\ntopics: [{topic}]")
    site.reindex()
    published = read_published(site.cluster)
    assert published.spellings["topic"] == {"ai": "ai", "zoo": "ZOO", "azure": "Azure", "a b": "A B"}
    assert published.most_spellings == 3
    generation = reindex([ArchiveSpec("site", site.archive)], site.embedded).generation
    snapshot = Snapshot(site.embedded.index_path / "generations" / generation)
    assert set(published.spellings["topic"].values()) <= set(snapshot.columns["topic"].values)


# What cannot be taken


@pytest.fixture
def immense(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives articles called "Bad" a longer topic than OpenSearch takes, which `index.load` would have cut."""

    def made(article: Article, packed: bytes) -> dict[str, Any]:
        return document_of(article, packed) | ({"topic": ["x" * 40_000]} if article.title == "Bad" else {})

    monkeypatch.setattr(bulk, "document_of", made)


def test_an_article_that_opensearch_cannot_take_is_a_reject_until_it_can(
    site: Site, small_chunks: None, immense: None
) -> None:
    bad = site.write("bad.md", "title: Bad")
    for round_ in range(2):
        report = site.reindex()
        assert counts(report) == ((3, 0, 0, 0), (0, 0, 0, 3))[round_]
        assert [(reject.path, reject.line) for reject in report.rejects] == [("site/bad.md", None)]
        assert "OpenSearch cannot take it: Document contains at least one immense term" in report.rejects[0].reason
        assert len(report.rejects[0].reason) < 320
        assert read_published(site.cluster).manifest.rejected == 1
    bad.write_text("---\ntitle: Good\n---\n")
    assert counts(site.reindex()) == (1, 0, 0, 3)
    assert site.held()["site/bad"] == "Good"
    site.write("bad.md", "title: Bad")
    assert counts(site.reindex()) == (0, 0, 1, 3)
    assert "site/bad" not in site.held()


def test_a_line_that_opensearch_cannot_take_is_read_again(site: Site, tmp_path: Path, immense: None) -> None:
    lines = tmp_path / "n.jsonl"
    lines.write_text('{"id": "1", "title": "Bad"}\n{"id": "2", "title": "Two"}\n')
    for _ in range(2):
        report = reindex([ArchiveSpec("n", lines)], site.settings)
        assert [(reject.path, reject.line) for reject in report.rejects] == [("n/n.jsonl", None)]
        assert report.files_read == 2


def test_what_is_rejected_because_the_cluster_is_busy_is_sent_again(
    site: Site, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        site.write(f"{number}.md", f"title: Number {number}")
    monkeypatch.setattr(bulk, "PAUSES_S", (0.01,) * 20)
    dice, answer = random.Random(3), Cluster.ask

    def busy(self: Cluster, method: str, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        found = answer(self, method, path, *args, **options)
        if path.endswith("/_bulk"):
            for item in found["items"]:
                if dice.random() < 0.5:
                    item["index"] = {"status": 429, "error": {"type": "rejected_execution_exception", "reason": "full"}}
        return found

    monkeypatch.setattr(Cluster, "ask", busy)
    assert site.reindex().articles == 23
    monkeypatch.undo()
    assert len(site.held()) == 23


# Interruption


def test_interrupted_anywhere_what_served_still_serves_and_nothing_is_left(
    site: Site, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.reindex().generation
    served = site.held()
    answer = Cluster.ask
    asked = 0
    stop_at = 0

    def interrupted(self: Cluster, method: str, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        nonlocal asked
        if threading.current_thread() is threading.main_thread() and "lock" not in path:
            asked += 1
            if asked == stop_at:
                raise KeyboardInterrupt
        return answer(self, method, path, *args, **options)

    ended = False
    while not ended:
        stop_at += 1
        asked = 0
        site.write("a.md", f"title: Alpha {stop_at}")
        with monkeypatch.context() as patched:
            patched.setattr(Cluster, "ask", interrupted)
            try:
                site.reindex(full=True)
                ended = True
            except KeyboardInterrupt:
                pass
        found = indexes(site.cluster)
        assert sum(found.values()) == 2
        generation = read_published(site.cluster).manifest.generation
        if generation == first:
            assert site.held() == served
        else:  # interrupted after both aliases were moved
            assert site.held()["site/a"] == f"Alpha {stop_at}"
            first, served = generation, site.held()
    assert stop_at > 15
    site.reindex()
    assert len(indexes(site.cluster)) == 4
    assert not check(site.settings).differences


def test_interrupted_within_the_serving_index_it_is_made_anew(
    site: Site, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        site.write(f"{number}.md", f"title: Number {number}")
    site.reindex()
    answer = Cluster.ask
    asked = stop_at = marked = 0

    def interrupted(self: Cluster, method: str, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        nonlocal asked
        if threading.current_thread() is threading.main_thread() and "lock" not in path:
            asked += 1
            if asked == stop_at:
                raise KeyboardInterrupt
        return answer(self, method, path, *args, **options)

    ended = False
    while not ended:
        stop_at += 1
        asked = 0
        before = read_published(site.cluster)
        for number in range(9):
            site.write(f"{number}.md", f"title: Number {number} of {stop_at}")
        with monkeypatch.context() as patched:
            patched.setattr(Cluster, "ask", interrupted)
            try:
                site.reindex()
                ended = True
            except KeyboardInterrupt:
                pass
        published = read_published(site.cluster)
        if published.manifest.generation == before.manifest.generation:
            assert published.index == before.index
            marked += not published.complete
        if not published.complete:
            assert {difference.kind for difference in check(site.settings).differences} >= {"index"}
            report = site.reindex()
            assert report.articles == 12
            assert read_published(site.cluster).index != published.index
        assert read_published(site.cluster).complete or ended
    assert marked > 3
    assert not check(site.settings).differences
    assert set(site.held().values()) >= {f"Number {number} of {stop_at}" for number in range(9)}


_WRITE = """
import sys
from pathlib import Path
from index.archive import ArchiveSpec
from index.article import Article
from index.opensearch import bulk
from index.reindex import reindex
from index.settings import Settings
bulk.CHUNK_ARTICLES = 5
settings = Settings(index=sys.argv[2], engine="opensearch", opensearch_hosts=sys.argv[3].split(","),
                    opensearch_index=sys.argv[4])
print("ready", flush=True)
reindex([ArchiveSpec("site", Path(sys.argv[1]))], settings, full=len(sys.argv) > 5)
"""


@pytest.mark.parametrize("full", [True, False], ids=["full", "changes"])
def test_killed_at_any_moment_the_next_run_makes_it_right(
    site: Site, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "ClusterLock", quick_lock)
    for number in range(60):
        site.write(f"{number}.md", f"title: Number {number}", "word " * 50)
    site.reindex()
    dice, killed = random.Random(7), 0
    hosts, name = ",".join(site.settings.opensearch_hosts), site.settings.opensearch_index
    command = [sys.executable, "-c", _WRITE, str(site.archive), site.settings.index, hosts, name, *["full"] * full]
    for round_ in range(4):
        for number in range(60):
            site.write(f"{number}.md", f"title: Number {number} of {round_}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(dice.uniform(0.1, 1.2))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        assert len(site.held()) == 63
        site.reindex()
        assert set(site.held().values()) >= {f"Number {number} of {round_}" for number in range(60)}
        assert len(indexes(site.cluster)) <= 4
        assert not check(site.settings).differences
    assert killed


def quick_lock(cluster: Cluster) -> ClusterLock:
    return ClusterLock(cluster, renew_s=0.2, dead_s=1.0)


def test_an_archive_that_is_missing_changes_nothing(site: Site) -> None:
    site.reindex()
    hidden = site.archive.rename(site.archive.with_name("away"))
    with pytest.raises(ArchiveError):
        reindex([], site.settings)
    published = read_published(site.cluster)
    assert published.complete
    hidden.rename(site.archive)
    assert counts(reindex([], site.settings)) == (0, 0, 0, 3)


# What serves, and what is kept


def test_the_index_before_is_kept_and_older_ones_are_removed(site: Site) -> None:
    names = []
    for _ in range(4):
        site.reindex(full=True)
        names.append(read_published(site.cluster).index)
        kept = {name for index in names[-2:] for name in (index, state_of(index))}
        assert set(indexes(site.cluster)) == kept
        assert {index for index, served in indexes(site.cluster).items() if served} == {names[-1], state_of(names[-1])}
    older = names[-2]
    actions = [
        {"remove": {"index": names[-1], "alias": site.cluster.index}},
        {"remove": {"index": state_of(names[-1]), "alias": state_of(site.cluster.index)}},
        {"add": {"index": older, "alias": site.cluster.index}},
        {"add": {"index": state_of(older), "alias": state_of(site.cluster.index)}},
    ]
    site.cluster.ask("POST", "/_aliases", {"actions": actions})
    assert read_published(site.cluster).index == older
    assert not check(site.settings).differences
    site.write("new.md", "title: New")
    assert counts(site.reindex()) == (1, 0, 0, 3)
    assert read_published(site.cluster).index == older


def test_copies_are_made_after_loading_and_only_refreshes_of_ours_show_anything(site: Site) -> None:
    site.reindex()
    index = read_published(site.cluster).index
    found = site.cluster.ask("GET", f"/{index}/_settings")[index]["settings"]["index"]
    assert (found["number_of_replicas"], found["refresh_interval"], found["number_of_shards"]) == ("1", "-1", "2")
    assert site.cluster.ask("GET", f"/_cluster/health/{index}")["status"] == "green"


def test_a_wrong_count_is_an_error_and_nothing_is_served(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site.reindex().generation
    served = site.held()
    answer = Cluster.ask

    def loses_one(self: Cluster, method: str, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        if path.endswith("/_bulk"):
            lines = args[0].splitlines(keepends=True)
            found = answer(self, method, path, b"".join(lines[2:]), *args[1:], **options)
            return {"items": [{"index": {"status": 201}}, *found["items"]]}
        return answer(self, method, path, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Cluster, "ask", loses_one)
        with pytest.raises(
            DamagedIndexError, match="holds 2 articles where 3 were written; what served before still does"
        ):
            site.reindex(full=True)
    assert read_published(site.cluster).manifest.generation == first
    assert site.held() == served
    assert len(indexes(site.cluster)) == 2


def test_another_setting_or_version_makes_it_anew(site: Site) -> None:
    site.write("u.md", "title: Later\npublished: false")
    site.reindex()
    index = read_published(site.cluster).index
    shown = Settings(**{**asdict(site.settings), "unpublished": "show"})
    assert reindex([], shown).articles == 4
    second = read_published(site.cluster)
    assert second.index != index
    write_published(site.cluster, replace(second, manifest=replace(second.manifest, fingerprint="older")))
    with pytest.raises(IncompatibleIndexError, match="was built by another version; run: broadsheet reindex"):
        read_published(site.cluster)
    report = reindex([], site.settings)  # archives are known all the same
    assert report.articles == 3
    assert read_published(site.cluster).index != second.index


def test_hidden_articles_are_nowhere(site: Site) -> None:
    site.write("r.md", "title: Secretone\nremoved: true\ntopics: [Secrettopic]\nprovider: Secretprovider")
    site.write("d.md", "title: Secrettwo\ndraft: true", "secretbody")
    site.write("u.md", "title: Secretthree\npublished: false")
    site.write("x.md", "title: Secretfour\nremoved: perhaps")
    site.write("a.md", "title: Secretfive")
    report = site.reindex()
    assert (report.articles, report.hidden) == (3, 4)
    assert site.raw().casefold().count("secret") == 1
    site.write("a.md", "title: Secretfive\ndraft: true")
    site.reindex()
    assert "secret" not in site.raw().casefold()
    index = read_published(site.cluster).index
    for field in ("exact", "title_exact", "body_exact", "topic"):
        query = {"query": {"prefix": {field: {"value": "secret"}}}}
        assert site.cluster.ask("POST", f"/{index}/_search", query)["hits"]["total"]["value"] == 0
    assert site.cluster.ask("GET", f"/{index}/_source/{document_id('site/b')}")


def test_the_local_directory_is_only_a_cache(site: Site, tmp_path: Path) -> None:
    first = site.reindex()
    elsewhere = Settings(**{**asdict(site.settings), "index": str(tmp_path / "elsewhere")})
    report = reindex([], elsewhere)
    assert (report.generation, counts(report)) == (first.generation, (0, 0, 0, 3))
    assert {path.name for path in elsewhere.index_path.iterdir()} <= {"fingerprints.json"}


# The lock


def test_one_writer_at_a_time(site: Site) -> None:
    with ClusterLock(site.cluster, renew_s=0.1), pytest.raises(LockedError, match=rf"process {os.getpid()}\) is writ"):
        ClusterLock(Cluster(site.settings), dead_s=3.0).__enter__()
    with ClusterLock(site.cluster) as lock:
        lock.check()


def test_the_lock_of_a_dead_writer_is_taken_over_and_the_dead_one_notices(site: Site) -> None:
    dead = ClusterLock(site.cluster, renew_s=1_000.0, dead_s=0.5)
    dead.__enter__()
    started = time.monotonic()
    with ClusterLock(Cluster(site.settings), renew_s=0.1, dead_s=1.0) as living:
        assert time.monotonic() - started >= 1.0
        with pytest.raises(LockedError):
            dead.check()
        living.check()
        dead.__exit__(None, None, None)
        living._renew()  # what a dead one gives back does not take it away


def test_of_many_that_wait_for_a_dead_one_only_one_gets_the_lock(site: Site) -> None:
    ClusterLock(site.cluster, renew_s=1_000.0).__enter__()
    outcomes: list[str] = []
    done = threading.Barrier(4)

    def take() -> None:
        lock = ClusterLock(Cluster(site.settings), renew_s=0.1, dead_s=1.0)
        try:
            lock.__enter__()
            outcomes.append("held")
        except LockedError:
            outcomes.append("refused")
        done.wait(30)
        if lock._thread.is_alive():
            lock.__exit__(None, None, None)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]


# What others left, or forged


def test_without_an_index_it_is_said_what_makes_one(site: Site) -> None:
    with pytest.raises(NoIndexError, match="make one with: broadsheet reindex ARCHIVE"):
        read_published(site.cluster)


def test_a_lock_of_someone_else_is_not_touched(site: Site) -> None:
    name = f"{site.cluster.index}.lock"
    site.cluster.ask("PUT", f"/{name}")
    with pytest.raises(ForeignIndexError, match=r"'.*\.lock' on OpenSearch is an index that Broadsheet did not make"):
        site.reindex()
    assert list(site.cluster.ask("GET", f"/{site.cluster.index}*")) == [name]


@pytest.mark.parametrize("suffix", ["", ".state"])
def test_an_index_of_someone_else_is_not_touched(site: Site, suffix: str) -> None:
    name = f"{site.cluster.index}{suffix}"
    site.cluster.ask("PUT", f"/{name}", {"mappings": {"properties": {"theirs": {"type": "keyword"}}}})
    for use in (site.reindex, lambda: read_published(site.cluster), lambda: check(site.settings)):
        with pytest.raises(ForeignIndexError, match="is an index that Broadsheet did not make; choose another name"):
            use()
    assert site.cluster.ask("GET", f"/{name}")[name]["mappings"]["properties"] == {"theirs": {"type": "keyword"}}


def test_an_alias_of_someone_else_is_not_touched(site: Site) -> None:
    name = f"{site.cluster.index}-theirs"
    site.cluster.ask("PUT", f"/{name}", {"aliases": {site.cluster.index: {}}})
    for use in (site.reindex, lambda: read_published(site.cluster)):
        with pytest.raises(ForeignIndexError, match="is an alias of"):
            use()
    assert list(site.cluster.ask("GET", f"/{site.cluster.index}")) == [name]


FORGED: list[Any] = [
    None,
    "",
    "x",
    "{}",
    "[]",
    "[" * 100_000,
    '{"manifest": {}, "index": "x", "spellings": {}, "most_spellings": 1, "complete": true}',
    "1e999",
    7,
    {"deep": {"deeper": []}},
    ["a"],
]


def test_a_forged_manifest_is_damage_and_mended(site: Site) -> None:
    site.reindex()
    for text in FORGED:
        site.cluster.ask("PUT", f"/{state_of(site.cluster.index)}/_doc/manifest", {"manifest": text})
        with pytest.raises(DamagedIndexError, match="its manifest is malformed"):
            read_published(site.cluster)
    assert counts(site.reindex()) == (3, 0, 0, 0)
    assert not check(site.settings).differences


def test_no_value_of_a_manifest_is_believed(site: Site) -> None:
    site.reindex()
    packed = read_published(site.cluster).pack()
    dice = random.Random(11)
    others: list[Any] = [None, "", "x", -1, 1e300, 1 << 70, [], {}, [[]], {"a": {"b": []}}, True, "../_all"]
    for _ in range(150):
        values = json.loads(json.dumps(packed))
        of = values["manifest"] if dice.random() < 0.6 else values
        name = dice.choice(list(of))
        if dice.random() < 0.2:
            del of[name]
        else:
            of[name] = dice.choice(others)
        site.cluster.ask("PUT", f"/{state_of(site.cluster.index)}/_doc/manifest", {"manifest": json.dumps(values)})
        try:
            published = load_published(site.cluster)
        except DamagedIndexError:
            continue
        assert isinstance(published.manifest.generation, str)
        assert all(isinstance(path, str) for path in published.manifest.archives.values())


def forged_pieces(piece: dict[str, Any]) -> Iterator[Any]:
    yield from (None, {}, "text")
    yield from (piece | {"of": number} for number in (2, 0, True, 1 << 40))
    yield piece | {"generation": "000001-00000000"}
    yield from (piece | {"data": data} for data in ("%", 5, "", piece["data"][:40]))
    yield piece | {"data": base64.b64encode(b"no zstandard").decode()}
    for text in (
        b"[" * 100_000,
        b"{}{}",
        b'{"site": ["/x", "", {"a.md": ["raw", 1, 5, [], 7, 8, 9]}]}',
        b" " * 200_000_000,
    ):
        yield piece | {"data": packed(text)}


def test_a_forged_state_is_damage_and_mended(site: Site) -> None:
    site.reindex()
    path = f"/{state_of(site.cluster.index)}/_doc/state-0"
    published = read_published(site.cluster)
    for piece in forged_pieces(site.cluster.ask("GET", path)["_source"]["piece"]):
        site.cluster.ask("PUT", path, {"piece": piece})
        with pytest.raises(DamagedIndexError, match=r"its state is malformed|part of its state is missing"):
            pieces.load_state(site.cluster, published.index, published.manifest.generation)
    assert counts(site.reindex()) == (3, 0, 0, 0)
    assert not check(site.settings).differences


def packed(text: bytes) -> str:
    return base64.b64encode(zstandard.compress(text)).decode()


def test_a_state_of_several_pieces_is_read_back_and_shrinks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 500)
    for number in range(40):
        site.write(f"{number}.md", f"title: Number {number}")
    site.reindex()
    index = read_published(site.cluster).index
    assert int(site.cluster.ask("POST", f"/{state_of(index)}/_refresh")["_shards"]["failed"]) == 0
    many = site.cluster.ask("GET", f"/{state_of(index)}/_count")["count"]
    assert counts(site.reindex()) == (0, 0, 0, 43)
    for number in range(40):
        (site.archive / f"{number}.md").unlink()
    site.reindex()
    site.cluster.ask("POST", f"/{state_of(index)}/_refresh")
    assert site.cluster.ask("GET", f"/{state_of(index)}/_count")["count"] < many / 2
    assert counts(site.reindex()) == (0, 0, 0, 3)


def test_a_document_that_was_changed_behind_our_back_is_told(site: Site) -> None:
    site.reindex()
    index = read_published(site.cluster).index
    site.cluster.ask("PUT", f"/{index}/_doc/{document_id('site/a')}", {"id": "site/a", "article": "[]"})
    site.cluster.ask("POST", f"/{index}/_refresh")
    with pytest.raises(DamagedIndexError, match="cannot be read; run: broadsheet reindex --full"):
        check(site.settings)


# Refusals


@pytest.mark.parametrize(
    ("chosen", "error", "said"),
    [
        (
            {"opensearch_hosts": ("http://127.0.0.1:9",)},
            EngineUnreachableError,
            "cannot be reached at http://127.0.0.1:9",
        ),
        ({"opensearch_index": "News"}, UsageError, "'News' cannot be the name of an index"),
        ({"opensearch_index": "*"}, UsageError, "cannot be the name of an index"),
        ({"opensearch_index": "_all"}, UsageError, "cannot be the name of an index"),
        ({"opensearch_index": "a,b"}, UsageError, "cannot be the name of an index"),
    ],
    ids=["nobody there", "capitals", "pattern", "all", "list"],
)
def test_a_wrong_setting_is_said_plainly(
    site: Site, chosen: dict[str, Any], error: type[BroadsheetError], said: str
) -> None:
    settings = Settings(**{**asdict(site.settings), **chosen})
    with pytest.raises(error, match=said):
        reindex([ArchiveSpec("site", site.archive)], settings)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("read_only_allow_delete", "because the disk of a node is nearly full; make room there"),
        ("write", "lets nothing be written; lift the block"),
    ],
)
def test_a_block_is_said_plainly_and_the_next_run_goes_on(site: Site, block: str, said: str) -> None:
    site.reindex()
    index = read_published(site.cluster).index
    site.cluster.ask("PUT", f"/{index}/_settings", {f"index.blocks.{block}": True})
    site.write("new.md", "title: New")
    with pytest.raises(EngineUnreachableError, match=said) as caught:
        site.reindex()
    assert caught.value.exit_code == 5
    assert len(site.held()) == 3
    site.cluster.ask("PUT", f"/{index}/_settings", {f"index.blocks.{block}": None})
    assert site.reindex().articles == 4
    assert not check(site.settings).differences


def test_an_index_that_was_removed_is_made_anew(site: Site) -> None:
    site.reindex()
    site.cluster.ask("DELETE", f"/{read_published(site.cluster).index}")
    with pytest.raises((EngineUnreachableError, IndexUnusableError)):
        check(site.settings)
    assert site.reindex().articles == 3
    assert not check(site.settings).differences
