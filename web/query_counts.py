"""How often each query was asked and how often it found nothing: kept in one SQLite file of the index directory.

Kept are the text (folded), the day (UTC), two counts and the last total; nothing tells who asked, from where or when.
`web.searches` says what is counted, and only where the setting `count_queries` asks for it.

The file is not trusted: nothing but our one table may be in it, and one that is damaged, foreign or no regular file is
moved aside. Several processes write to it, each for a moment, every few seconds.
"""

import atexit
import logging
import os
import sqlite3
import stat
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from index.errors import UnusableError
from index.generation import DAMAGED_QUERIES as DAMAGED
from index.generation import QUERIES

FLUSH_S = 5.0
BUSY_S = 2.0
MAX_WAITING = 5_000
"""Texts that wait to be written; where the disk fails, further ones are not counted."""
MAX_ROWS = 100_000
KEPT_ROWS = 90_000
"""Of too many, so many are kept: those asked most, and of these the newest."""
KEPT_DAYS = 365
MAX_TEXT_CHARS = 200
"""What is longer counts as its beginning: with this the file takes some ten megabytes at most."""

_TABLE = """CREATE TABLE queries (
    text TEXT NOT NULL, day TEXT NOT NULL, asked INTEGER NOT NULL, without_results INTEGER NOT NULL,
    results INTEGER NOT NULL, PRIMARY KEY (text, day)) WITHOUT ROWID"""
_ADD = """INSERT INTO queries VALUES (?, ?, ?, ?, ?) ON CONFLICT (text, day) DO UPDATE SET
    asked = asked + excluded.asked, without_results = without_results + excluded.without_results,
    results = excluded.results"""
_SHED = """DELETE FROM queries WHERE (text, day) IN (
    SELECT text, day FROM queries ORDER BY asked, day LIMIT max(0, (SELECT count(*) FROM queries) - ?))"""
# The columns beside max() are those of the row that has it, as SQLite promises.
_READ = """SELECT text, sum(asked), sum(without_results), results, count(*), max(day) FROM queries WHERE day >= ?
    GROUP BY text HAVING sum(without_results) >= ? ORDER BY {} DESC, text LIMIT ?"""
# Errors that pass: the file is in use, the disk full or read-only. All others say something about the file.
_PASSING = (sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.InterfaceError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueryCount:
    """One text over the days that were asked for.

    Attributes:
        asked: how often; `without_results` of these found nothing.
        results: how many articles the last one found.
        days: on how many days; `last_day` is the latest (ISO, UTC).
    """

    text: str
    asked: int
    without_results: int
    results: int
    days: int
    last_day: str


def folded(text: str) -> str:
    """One text for all queries that count as the same: case, compatibility forms and white space do not matter."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(text.encode("utf-8", "replace").decode().split())[:MAX_TEXT_CHARS].rstrip()


class QueryStore:
    """The file. Every call opens and closes it, so that it may be taken away at any time."""

    def __init__(self, index: Path) -> None:
        self.path = index / QUERIES

    def add(self, rows: list[tuple[str, str, int, int, int]], today: date) -> None:
        """Add counts, and shed old and rare ones.

        Args:
            rows: text, day, asked, without results, last total.
            today: what is old is reckoned from.

        Raises:
            sqlite3.Error, OSError: nothing was added.
        """
        self._make()
        with self._open() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_ADD, rows)
            oldest = (today - timedelta(days=KEPT_DAYS)).isoformat()
            connection.execute("DELETE FROM queries WHERE day < ?", (oldest,))
            if connection.execute("SELECT count(*) FROM queries").fetchone()[0] > MAX_ROWS:
                connection.execute(_SHED, (KEPT_ROWS,))

    def read(self, *, since: str = "", without_results: bool = False, limit: int = 100) -> tuple[QueryCount, ...]:
        """The queries asked most, or found nothing most often; () where nothing was counted.

        Args:
            since: ISO day, the first that matters.
            without_results: only those that found nothing at least once.
            limit: how many at most.

        Raises:
            UnusableError: the file cannot be read.
        """
        if not self.path.exists():
            return ()
        order = "sum(without_results)" if without_results else "sum(asked)"
        try:
            with self._open() as connection:
                rows = connection.execute(_READ.format(order), (since, int(without_results), limit)).fetchall()
            return tuple(map(_count, rows))
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            raise UnusableError(f"cannot read {self.path}: {error}", path=self.path) from error

    def clear(self) -> None:
        """Forget all counts, also those that were moved aside.

        Raises:
            UnusableError: the file cannot be written.
        """
        try:
            (self.path.parent / DAMAGED).unlink(missing_ok=True)
            if self.path.exists():
                with self._open() as connection:
                    connection.execute("DELETE FROM queries")
                    connection.execute("VACUUM")
        except (sqlite3.Error, OSError) as error:
            raise UnusableError(f"cannot clear {self.path}: {error}", path=self.path) from error

    def move_aside(self) -> None:
        """Make room for a new file; the damaged one stays beside it, instead of any before."""
        for suffix in ("-wal", "-shm"):  # what they hold belongs to the damaged file
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # another process was faster
            self.path.replace(self.path.parent / DAMAGED)

    def _make(self) -> None:
        """Make the file if there is none: for its owner only, since what people search is nobody else's business."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection with our table and nothing else in its file."""
        if not stat.S_ISREG(self.path.lstat().st_mode):
            raise sqlite3.DatabaseError("it is not a regular file")
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as connection:
            for setting in ("trusted_schema = OFF", "cell_size_check = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if not _schema(connection):
                connection.execute("BEGIN IMMEDIATE")
                if not _schema(connection):  # another process may have been faster
                    connection.execute(_TABLE)
                connection.execute("COMMIT")
            if _schema(connection) != [(_TABLE,)]:
                raise sqlite3.DatabaseError("it is not a file of query counts")
            yield connection


def _count(row: tuple[Any, ...]) -> QueryCount:
    """A row as it should be; SQLite lets any kind of value stand in any column."""
    text, asked, without, results, days, last = row
    return QueryCount(str(text), int(asked), int(without), int(results), int(days), str(last))


def _schema(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute("SELECT sql FROM sqlite_master").fetchall()


class QueryCounts:
    """Counts in memory, written by a thread of its own; safe to share between threads. No call waits for the disk."""

    def __init__(self, index: Path) -> None:
        self._store = QueryStore(index)
        self._lock = threading.Lock()  # of what waits
        self._writing = threading.Lock()
        self._waiting: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._failures = 0  # in a row

    def add(self, text: str, total: int) -> None:
        """Count a query, as typed, that found `total` articles; a blank one is not counted."""
        key = (folded(text), datetime.now(UTC).date().isoformat())
        if not key[0]:
            return
        with self._lock:
            if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
                return
            asked, without, _ = self._waiting.get(key, (0, 0, 0))
            self._waiting[key] = (asked + 1, without + (not total), total)
            if self._thread is None:  # not before: it would be lost where the process forks
                self._thread = threading.Thread(target=self._run, name="query-counts", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def flush(self) -> None:
        """Write what waits; where that fails, it goes on waiting, and one line is logged."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            if not waiting:
                return
            try:
                self._store.add([(*key, *counts) for key, counts in waiting.items()], datetime.now(UTC).date())
                self._failures = 0
            except (sqlite3.Error, OSError) as error:
                self._put_back(waiting)
                self._fail(error)

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closed.set()
        self.flush()
        atexit.unregister(self.close)

    def _run(self) -> None:
        while not self._closed.wait(FLUSH_S):
            self.flush()

    def _put_back(self, failed: dict[tuple[str, str], tuple[int, int, int]]) -> None:
        with self._lock:
            for key, (asked, without, total) in failed.items():
                later = self._waiting.get(key)
                if later:
                    self._waiting[key] = (asked + later[0], without + later[1], later[2])
                elif len(self._waiting) < MAX_WAITING:
                    self._waiting[key] = (asked, without, total)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _PASSING):
            with suppress(OSError):
                self._store.move_aside()
                _log.warning("%s cannot be used (%s); it is now %s", self._store.path, error, DAMAGED)
                return
        self._failures += 1
        if self._failures == 2:  # once may be another process at work
            _log.warning("queries are not counted at present: %s", error)
