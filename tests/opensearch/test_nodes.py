"""Nodes that die, a cluster that is away, an index that is replaced while everybody asks: nothing wrong or lost."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from clusters import ClusterSettings, OwnCluster, settings_on

from index.archive import ArchiveSpec
from index.errors import BroadsheetError
from index.opensearch import bulk, destination
from index.opensearch.connection import Cluster
from index.opensearch.store import read_published
from index.reindex import Report, reindex
from index.settings import Settings
from search.engine import open_engine
from search.query import Query
from search.results import Results
from web import create_app
from web.cli import cli
from web.service import EXTENSION

ARTICLES = 3_000
QUERIES = (
    Query("night ferry"),
    Query("tides", sort="newest", size=50),
    Query('"night ferry" OR harbour', match="any"),
    Query("har*", sort="id", page=3),
    Query("", facets={"topic": 5}),
    Query("nigth -tides"),
)
PATIENCE_S = 60


def write(path: Path, count: int, word: str = "tides") -> ArchiveSpec:
    """An archive of so many articles, each of which has a word."""
    rows = (
        {
            "id": f"{number:05}",
            "title": f"{word} of night ferry {number}" if number % 3 else f"Harbour {word} {number}",
            "excerpt": f"The {word} and what they bring, part {number % 17}",
            "topics": [f"Topic {number % 7}", word],
            "date": f"20{10 + number % 12}-0{1 + number % 9}-01",
        }
        for number in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ArchiveSpec("a", path)


@pytest.fixture
def settings(own_cluster: OwnCluster, tmp_path: Path) -> Iterator[Settings]:
    with settings_on(own_cluster.hosts, tmp_path) as make:
        yield make(opensearch_shards=3)
        own_cluster.mend()


def said(results: Results) -> tuple[object, ...]:
    """What an answer says but for when and how long."""
    hits = [(hit.rank, hit.article.id, round(hit.score, 4), hit.full) for hit in results.hits]
    return hits, results.total, results.full, results.facets, results.dates, results.generation, results.partial


@dataclass
class Storm:
    """Several threads that ask all the time; `check` says whether one, by number of its query, is right."""

    ask: Callable[[Query], Results]
    check: Callable[[int, Results], bool]
    answers: int = 0
    wrong: list[tuple[int, Results]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    slowest_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def _run(self, first: int) -> None:
        number = first
        while not self._over.is_set():
            number = (number + 1) % len(QUERIES)
            started = time.monotonic()
            try:
                results = self.ask(QUERIES[number])
            except Exception as error:
                self.errors.append(error)
                continue
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)
            self.answers += 1
            if not self.check(number, results):
                self.wrong.append((number, results))

    @contextmanager
    def raging(self, threads: int = 3) -> Iterator["Storm"]:
        running = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        for each in running:
            each.start()
        try:
            yield self
        finally:
            self._over.set()
            for each in running:
                each.join()

    def let_it(self, answers: int) -> None:
        """Wait for so many more answers."""
        wanted, end = self.answers + answers, time.monotonic() + PATIENCE_S
        while self.answers < wanted:
            assert time.monotonic() < end, self.errors[-3:]
            time.sleep(0.02)


def test_a_node_dies_in_a_storm_of_queries(own_cluster: OwnCluster, settings: Settings, tmp_path: Path) -> None:
    """One after the other; what is asked meanwhile is answered as before."""
    reindex([write(tmp_path / "a.jsonl", ARTICLES)], settings)
    own_cluster.wait_green()
    with closing(open_engine(settings)) as engine:
        right = [said(engine.search(query)) for query in QUERIES]
        storm = Storm(engine.search, lambda number, results: said(results) == right[number])
        with storm.raging():
            for node in (1, 2, 3):
                storm.let_it(30)
                own_cluster.kill(node)
                storm.let_it(60)
                own_cluster.start(node)
                own_cluster.wait_green()
        print(f"{storm.answers} answers, slowest {storm.slowest_s:.1f} s, {len(storm.errors)} errors")
        assert not storm.wrong
        assert not storm.errors
        identities = [hit.article.id for hit in engine.scan(Query(sort="id"))]
        assert identities == [f"a/{number:05}" for number in range(ARTICLES)]


def test_a_node_dies_while_all_is_read(own_cluster: OwnCluster, settings: Settings, tmp_path: Path) -> None:
    """A walk by cursor and one through all hits go on where they were."""
    reindex([write(tmp_path / "a.jsonl", ARTICLES)], settings)
    own_cluster.wait_green()
    with closing(open_engine(settings)) as engine:
        expected = [f"a/{number:05}" for number in range(ARTICLES)]
        scan = engine.scan(Query(sort="id"))
        scanned = [next(scan).article.id for _ in range(500)]
        results = engine.search(Query(sort="id", size=100))
        walked = [hit.article.id for hit in results.hits]
        own_cluster.kill(2)
        scanned += [hit.article.id for hit in scan]
        while results.next:
            results = engine.search(Query(sort="id", size=100, after=results.next))
            walked += [hit.article.id for hit in results.hits]
        assert scanned == expected
        assert walked == expected


def test_a_node_is_lost_during_a_load(
    own_cluster: OwnCluster, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of the new index, which has no copies yet, is lost with it: that is said, and what served goes on."""
    monkeypatch.setattr(bulk, "PAUSES_S", (0.5,))
    monkeypatch.setattr(destination, "COPIES_WAIT_S", 5.0)
    archive = write(tmp_path / "a.jsonl", 500)
    before = reindex([archive], settings)
    own_cluster.wait_green()
    write(archive.path, ARTICLES, "storm")
    with pytest.raises(BroadsheetError):
        reindex([archive], settings, full=True, progress=_killing(own_cluster, 1, after=1_500))
    with closing(open_engine(settings)) as engine:
        results = engine.search(Query("tides"))
        assert (results.total, results.generation) == (500, before.generation)
    own_cluster.mend()
    assert reindex([archive], settings).articles == ARTICLES
    with closing(open_engine(settings)) as engine:
        assert engine.search(Query("storm", match="all")).total == ARTICLES
        assert engine.search(Query("tides", match="all")).total == 0


def test_a_node_comes_back_during_a_load(own_cluster: OwnCluster, settings: Settings, tmp_path: Path) -> None:
    """What it holds is on its disk, so it is waited for, and everything is there once."""
    archive = write(tmp_path / "a.jsonl", ARTICLES)
    killed = _killing(own_cluster, 2, after=1_500, again=True)
    assert reindex([archive], settings, progress=killed).articles == ARTICLES
    own_cluster.wait_green()
    with closing(open_engine(settings)) as engine:
        identities = [hit.article.id for hit in engine.scan(Query(sort="id"))]
        assert identities == [f"a/{number:05}" for number in range(ARTICLES)]


def test_a_node_dies_during_changes(own_cluster: OwnCluster, settings: Settings, tmp_path: Path) -> None:
    """Every part has a copy elsewhere, so the changes go on."""
    archive = write(tmp_path / "a.jsonl", ARTICLES)
    reindex([archive], settings)
    own_cluster.wait_green()
    write(archive.path, ARTICLES + 500, "storm")
    report = reindex([archive], settings, progress=_killing(own_cluster, 3, after=1_500))
    assert (report.changed, report.added) == (ARTICLES, 500)
    with closing(open_engine(settings)) as engine:
        assert engine.search(Query("storm", match="all")).total == ARTICLES + 500
        assert engine.search(Query("tides", match="all")).total == 0


def _killing(nodes: OwnCluster, node: int, after: int, *, again: bool = False) -> Callable[[str, int, int], None]:
    """Progress of a reindex that kills a node when so many articles were read; `again`: and starts it once more."""
    killed: list[int] = []

    def progress(phase: str, done: int, total: int) -> None:
        if done >= after and not killed:
            killed.append(node)
            nodes.kill(node)
            if again:
                nodes.start(node)

    return progress


def test_a_cluster_that_was_away_is_asked_again(own_cluster: OwnCluster, settings: Settings, tmp_path: Path) -> None:
    reindex([write(tmp_path / "a.jsonl", ARTICLES)], settings)
    own_cluster.wait_green()
    app = create_app(settings)
    with closing(app.extensions[EXTENSION]):
        client = app.test_client()
        before = client.get("/api/v1/search?q=tides").json
        own_cluster.stop_all()
        for address in ("/api/v1/search?q=tides", "/readyz", "/?q=tides"):
            answer = client.get(address)
            assert (answer.status_code, b"Traceback" in answer.data) == (503, False)
        result = CliRunner().invoke(cli, ["search", "tides"], env=_environment(settings))
        assert (result.exit_code, len(result.stderr.splitlines())) == (5, 1)
        assert isinstance(result.exception, SystemExit)
        own_cluster.start_all()
        own_cluster.wait_green()
        after = client.get("/api/v1/search?q=tides").json
        assert before
        assert after
        assert (after["hits"], after["total"]) == (before["hits"], before["total"])
        assert client.get("/readyz").status_code == 200


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "BROADSHEET_ENGINE": "opensearch",
        "BROADSHEET_INDEX": settings.index,
        "BROADSHEET_OPENSEARCH_HOSTS": ",".join(settings.opensearch_hosts),
        "BROADSHEET_OPENSEARCH_INDEX": settings.opensearch_index,
    }


def test_an_index_that_is_replaced_is_seen_whole(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    """Made anew and changed in place, in turn: each answer is of one state, which its generation tells."""
    settings, path = cluster_settings(opensearch_replicas=0), tmp_path / "a.jsonl"
    states: dict[str, int] = {}
    reports: list[Report] = []

    def turn(number: int) -> None:
        reports.append(reindex([write(path, 200 + number, f"word{number}")], settings, full=number % 2 == 0))
        states[reports[-1].generation] = number

    turn(0)

    def is_of_one_state(number: int, results: Results) -> bool:
        end = time.monotonic() + PATIENCE_S  # the generation may be seen before `reindex` has told its name
        while results.generation not in states and time.monotonic() < end:
            time.sleep(0.01)
        count = 200 + states[results.generation]
        word = f"word{states[results.generation]}"
        counted = {
            bucket.value for bucket in results.facets["topic"] if bucket.value and bucket.value.startswith("word")
        }
        titles = all(word in hit.article.title for hit in results.hits)
        return results.total == count and counted == {word} and titles and sum(y.count for y in results.dates) == count

    with closing(open_engine(settings)) as engine:
        storm = Storm(
            lambda query: engine.search(replace(query, text="", page=1, facets=Query().facets)), is_of_one_state
        )
        with storm.raging():
            for number in range(1, 7):
                storm.let_it(5)
                turn(number)
            end = time.monotonic() + PATIENCE_S
            while engine.search(Query()).generation != reports[-1].generation:
                assert time.monotonic() < end
                time.sleep(0.05)
        print(f"{storm.answers} answers, slowest {storm.slowest_s:.1f} s")
        assert not storm.wrong
        assert not storm.errors


def test_an_index_that_is_gone_is_said_plainly(cluster_settings: ClusterSettings, tmp_path: Path) -> None:
    settings = cluster_settings(opensearch_replicas=0)
    archive = write(tmp_path / "a.jsonl", 50)
    reindex([archive], settings)
    cluster = Cluster(settings)
    with closing(cluster), closing(open_engine(settings)) as engine:
        assert engine.search(Query()).total == 50
        published = read_published(cluster)
        cluster.ask("DELETE", f"/{published.index},{published.index}.state")
        with pytest.raises(BroadsheetError):
            engine.search(Query())
        reindex([archive], settings)
        assert engine.search(Query()).total == 50
