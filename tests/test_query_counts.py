"""Counts of queries: what is counted, what never is, and a file that several processes write and anybody may spoil."""

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from conftest import EXAMPLES, ROOT
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from serving import served, wait_for

from index.archive import ArchiveSpec
from index.check import check
from index.errors import UnusableError
from index.generation import DAMAGED_QUERIES, QUERIES
from index.reindex import reindex
from index.settings import Settings
from web import create_app, query_counts
from web.cli import cli
from web.query_counts import MAX_TEXT_CHARS, QueryCounts, QueryStore, folded
from web.searches import EXTENSION
from web.service import EXTENSION as SERVICE

TODAY = date(2024, 5, 6)


@pytest.fixture
def index(example_index: Path, tmp_path: Path) -> Path:
    """An index directory of its own."""
    path = tmp_path / "index"
    shutil.copytree(example_index, path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> QueryStore:
    return QueryStore(tmp_path)


@pytest.fixture
def app(index: Path) -> Iterator[Flask]:
    app = create_app(Settings(index=str(index), count_queries=True, max_query_chars=40))
    yield app
    app.extensions[EXTENSION].close()
    app.extensions[SERVICE].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def asked(client: FlaskClient) -> dict[str, int]:
    """How often each query was asked of the app of `client`."""
    client.application.extensions[EXTENSION].flush()
    settings = client.application.extensions[SERVICE].settings
    return {query.text: query.asked for query in QueryStore(settings.index_path).read()}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


# What is counted


def test_searches_of_the_page_and_the_api_are_counted(client: FlaskClient) -> None:
    for url in ("/?q=Night+Ferry", "/api/v1/search?q=++night++FERRY+", "/?q=xyzzyqwert", "/api/v1/search?q=xyzzyqwert"):
        assert client.get(url).status_code == 200
    client.application.extensions[EXTENSION].flush()
    store = QueryStore(client.application.extensions[SERVICE].settings.index_path)
    nothing, ferry = sorted(store.read(), key=lambda query: query.results)
    assert (ferry.text, ferry.asked, ferry.without_results, ferry.days) == ("night ferry", 2, 0, 1)
    assert ferry.results == json.loads(client.get("/api/v1/search?q=night+ferry").data)["total"]["value"]
    assert (nothing.text, nothing.asked, nothing.without_results, nothing.results) == ("xyzzyqwert", 2, 2, 0)


@pytest.mark.parametrize(
    "url",
    [
        "/", "/?q=", "/?q=+%20", "/?topic=Harbours", "/api/v1/search", "/suggest?q=ferry", "/?q=ferry&page=2",
        "/api/v1/search?q=ferry&page=2", "/values/topic?q=ferry", "/feed.atom?q=ferry", "/feed.json?q=ferry",
        "/api/v1/search?q=ferry&size=no", "/help",
    ],
)  # fmt: skip
def test_what_is_no_search_is_not_counted(client: FlaskClient, url: str) -> None:
    client.get(url)
    client.head("/?q=ferry")
    assert asked(client) == {}


def test_a_query_is_counted_as_far_as_it_is_used(client: FlaskClient) -> None:
    client.get("/?q=" + quote("ferry harbour night boat island storm lighthouse"))
    assert asked(client) == {"ferry harbour night boat island storm": 1}


def test_nothing_is_counted_unless_asked_for(index: Path) -> None:
    app = create_app(Settings(index=str(index)))
    app.test_client().get("/?q=ferry")
    assert EXTENSION not in app.extensions
    app.extensions[SERVICE].close()
    assert not (index / QUERIES).exists()


@given(text=st.text())
def test_folding_settles(text: str) -> None:
    once = folded(text)
    assert len(once) <= MAX_TEXT_CHARS
    assert once == once.strip()
    once.encode()
    assert folded(" " + text.upper().lower() + "\n") == folded(text.upper().lower())


def test_the_file_tells_nothing_else(client: FlaskClient, index: Path) -> None:
    client.get("/?q=ferry", headers={"User-Agent": "somebody"}, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    asked(client)
    data = (index / QUERIES).read_bytes()
    assert b"ferry" in data
    assert b"somebody" not in data
    assert b"203.0.113.9" not in data
    assert (index / QUERIES).stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(index / QUERIES)) as connection:
        ((text, day, *counts),) = connection.execute("SELECT * FROM queries")
    assert (text, len(day)) == ("ferry", len("2024-05-06"))
    assert counts[:2] == [1, 0]


# The file


def test_counts_add_up_over_days(store: QueryStore) -> None:
    store.add([("a", "2024-05-05", 3, 1, 7), ("b", "2024-05-05", 1, 0, 2)], TODAY)
    store.add([("a", "2024-05-05", 1, 0, 8), ("a", "2024-05-06", 2, 1, 9)], TODAY)
    a, b = store.read()
    assert (a.text, a.asked, a.without_results, a.results, a.days, a.last_day) == ("a", 6, 2, 9, 2, "2024-05-06")
    assert (b.text, b.asked, b.days) == ("b", 1, 1)
    assert [query.asked for query in store.read(since="2024-05-06")] == [2]
    assert [query.text for query in store.read(without_results=True)] == ["a"]
    assert [query.text for query in store.read(limit=1)] == ["a"]


def test_text_is_never_sql(store: QueryStore) -> None:
    text = "'; DROP TABLE queries; --"
    store.add([(text, "2024-05-06", 1, 0, 0)], TODAY)
    store.add([(text, "2024-05-06", 1, 0, 0)], TODAY)
    assert [(query.text, query.asked) for query in store.read()] == [(text, 2)]


def test_what_is_older_than_a_year_is_dropped(store: QueryStore) -> None:
    store.add([("old", "2023-05-06", 9, 0, 1), ("kept", "2023-05-07", 1, 0, 1)], date(2023, 6, 1))
    store.add([("new", "2024-05-06", 1, 0, 1)], TODAY)
    assert {query.text for query in store.read()} == {"kept", "new"}


def test_of_too_many_the_rare_and_old_are_dropped(store: QueryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_counts, "MAX_ROWS", 100)
    monkeypatch.setattr(query_counts, "KEPT_ROWS", 90)
    rows = [(f"q{n}", f"2024-05-{n % 6 + 1:02}", n % 7 + 1, 0, 0) for n in range(101)]
    store.add(rows[:100], TODAY)
    assert len(store.read(limit=1000)) == 100
    store.add(rows[100:], TODAY)
    kept = sorted((query.asked, query.last_day) for query in store.read(limit=1000))
    assert kept == sorted((row[2], row[1]) for row in rows)[11:]


def test_counts_of_several_processes_add_up(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from web.query_counts import QueryCounts\n"
        "counts = QueryCounts(Path(sys.argv[1]))\n"
        "for n in range(300):\n"
        "    counts.add(f'q{n % 7}', n % 2)\n"
        "    if n % 10 == 0: counts.flush()\n"
    )  # what is left is written at exit
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    expected = Counter(f"q{n % 7}" for n in range(300) for _ in range(4))
    assert {query.text: query.asked for query in QueryStore(tmp_path).read()} == expected
    assert sum(query.without_results for query in QueryStore(tmp_path).read()) == 600


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (a)")
        connection.commit()


def with_a_trigger(path: Path) -> None:
    QueryStore(path.parent).add([("a", "2024-05-06", 1, 0, 0)], TODAY)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON queries BEGIN DELETE FROM queries; END")
        connection.commit()


def with_broken_pages(path: Path) -> None:
    rows = [(f"query {number}", "2024-05-06", 1, 0, 0) for number in range(5_000)]
    QueryStore(path.parent).add(rows, TODAY)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def leading_elsewhere(path: Path) -> None:
    target = path.parent / "elsewhere"
    target.write_bytes(b"")
    path.symlink_to(target)


SPOILT: list[Callable[[Path], object]] = [
    lambda path: path.write_bytes(b"no database at all " * 1000),
    lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000),
    os.mkfifo,
    Path.mkdir,
    foreign,
    with_a_trigger,
    with_broken_pages,
    leading_elsewhere,
]


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.usefixtures("nothing_waits")
def test_a_spoilt_file_is_moved_aside_and_counting_goes_on(
    tmp_path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / QUERIES
    spoil(path)
    with pytest.raises(UnusableError, match=QUERIES):
        QueryStore(tmp_path).read()
    counts = QueryCounts(tmp_path)
    counts.add("ferry", 3)
    counts.flush()
    (record,) = caplog.records
    assert "cannot be used" in record.getMessage()
    assert (tmp_path / DAMAGED_QUERIES).is_symlink() or (tmp_path / DAMAGED_QUERIES).exists()
    counts.close()
    assert [(query.text, query.asked) for query in QueryStore(tmp_path).read()] == [("ferry", 1)]
    assert len(caplog.records) == 1
    if spoil is leading_elsewhere:
        assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_disk_that_fails_costs_one_warning_and_no_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts = QueryCounts(tmp_path / "index")  # is not there
    for _ in range(5):
        counts.add("ferry", 3)
        counts.flush()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    (tmp_path / "index").mkdir()
    counts.close()
    assert [(query.text, query.asked) for query in QueryStore(tmp_path / "index").read()] == [("ferry", 5)]


def test_memory_is_bounded_while_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_counts, "MAX_WAITING", 10)
    counts = QueryCounts(tmp_path / "index")
    for number in range(100):
        counts.add(f"q{number}", 1)
        counts.flush()
    (tmp_path / "index").mkdir()
    counts.close()
    assert len(QueryStore(tmp_path / "index").read()) == 10


def test_a_file_in_use_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_counts, "BUSY_S", 0.05)
    store = QueryStore(tmp_path)
    counts = QueryCounts(tmp_path)
    counts.add("a", 1)
    counts.flush()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        counts.add("ferry", 1)
        counts.flush()
        other.execute("ROLLBACK")
    counts.close()
    assert {query.text for query in store.read()} == {"a", "ferry"}


def test_reindex_and_check_leave_the_counts_alone(tmp_path: Path) -> None:
    settings = Settings(index=str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    store = QueryStore(tmp_path / "index")
    store.add([("ferry", "2024-05-06", 1, 0, 0)], TODAY)  # before there is an index
    reindex([ArchiveSpec("articles", EXAMPLES)], settings)
    reindex([], settings, full=True)
    assert not check(settings).differences
    assert [query.text for query in store.read()] == ["ferry"]


# The command


@pytest.fixture
def counted(tmp_path: Path) -> str:
    rows = [
        ("ferry", "2024-05-05", 3, 0, 7),
        ("bell\x1b]0;a\a", "2024-05-06", 1, 1, 0),
        ("tram", "2024-05-06", 2, 2, 0),
    ]
    QueryStore(tmp_path).add(rows, TODAY)
    return str(tmp_path)


def test_the_command_prints_a_table(counted: str) -> None:
    result = run("queries", "--index", counted)
    assert result.exit_code == 0, result.stderr
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["asked", "without", "results", "results", "last", "time", "days", "last", "day", "query"]
    assert [row.split()[-1] for row in rows] == ["ferry", "tram", "]0;a"]
    assert not {"\x1b", "\a"} & set(result.stdout)


def test_the_command_gives_each_query_a_line_where_nobody_looks(tmp_path: Path) -> None:
    long = "ferry " * 32 + "ferry"
    QueryStore(tmp_path).add([(long, "2024-05-05", 3, 0, 7)], TODAY)
    _head, row = run("queries", "--index", str(tmp_path)).stdout.splitlines()
    assert row.endswith(f"  {long}")


def test_the_command_prints_json(counted: str) -> None:
    result = run("queries", "--index", counted, "--without-results", "--since", "2024-05-06", "--limit", "1", "--json")
    assert json.loads(result.stdout)["queries"] == [
        {"query": "tram", "asked": 2, "without_results": 2, "results": 0, "days": 1, "last_day": "2024-05-06"}
    ]
    assert json.loads(run("queries", "--index", counted, "--since", "2025", "--json").stdout) == {"queries": []}


def test_the_command_forgets(counted: str) -> None:
    (Path(counted) / DAMAGED_QUERIES).write_bytes(b"ferry")
    assert run("queries", "--index", counted, "--clear").exit_code == 0
    assert b"ferry" not in b"".join(path.read_bytes() for path in Path(counted).iterdir())
    result = run("queries", "--index", counted)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "count_queries" in result.stderr


def test_the_command_refuses_what_it_cannot_read(counted: str) -> None:
    assert run("queries", "--index", counted, "--since", "soon").exit_code == 2
    (Path(counted) / QUERIES).write_bytes(b"no database at all " * 1000)
    result = run("queries", "--index", counted)
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1


# A server


def test_workers_write_what_they_counted_when_they_end(index: Path, tmp_path: Path) -> None:
    with served(index, tmp_path / "run", count_queries="true") as server:
        for number in range(20):
            with urlopen(f"{server.address}/api/v1/search?q=ferry+{number % 2}", timeout=30) as response:
                assert response.status == 200
        server.end()
        assert "Traceback" not in server.log.read_text()
    found = {query.text: query.asked for query in QueryStore(index).read()}
    assert found == {"ferry 0": 10, "ferry 1": 10}


def test_workers_write_every_few_seconds(index: Path, tmp_path: Path) -> None:
    with served(index, tmp_path / "run", count_queries="true") as server:
        with urlopen(f"{server.address}/?q=ferry", timeout=30) as response:
            assert response.status == 200
        wait_for(lambda: [query.text for query in QueryStore(index).read()] == ["ferry"])
        server.end()
