"""SQLite FTS5 in the benchmark: a contentless table, optimised; facets by one join and GROUP BY.

Each article has its month and the number of its set of topics, so one scan of the matches counts both facets; a join
with a table of single topics and a second GROUP BY took twice as long, a temporary table of the matches half as long
again. Without a `prefix` index, which made the file half as large again for prefixes some 15 % faster.
"""

import sqlite3
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from bench.engine import WEIGHTS, Answer, Ask, Row, month_name, spread
from index.article import to_json

NAME = "articles.db"
CACHE_KB = 200_000
MAPPED_BYTES = 16_000_000_000
TABLES = """
    CREATE TABLE article(number INTEGER PRIMARY KEY, id TEXT, published INTEGER, month INTEGER, topics INTEGER);
    CREATE TABLE kept(number INTEGER PRIMARY KEY, article TEXT);
    CREATE TABLE topics(number INTEGER, topic TEXT, PRIMARY KEY(topic, number)) WITHOUT ROWID;
"""
JOIN = " JOIN article a ON a.number = found.rowid"
CONDITIONS = {
    "topic": " AND a.topics IN (SELECT number FROM topics WHERE topic = ?)",
    "date": " AND a.published >= ? AND a.published < ?",
}


class Fts5:
    """`stored`: keep the whole article, as Broadsheet does, besides its id."""

    def __init__(self, *, stored: bool = False) -> None:
        self.stored = stored

    def build(self, rows: Iterable[Row], fields: tuple[str, ...], folder: Path) -> None:
        base = sqlite3.connect(folder / NAME)
        base.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off;" + TABLES)
        base.execute(
            f"CREATE VIRTUAL TABLE found USING fts5({', '.join(fields)}, content='',"
            " tokenize='porter unicode61 remove_diacritics 2')"
        )
        columns = ", ".join("?" * (len(fields) + 1))
        add_text = partial(base.execute, f"INSERT INTO found(rowid, {', '.join(fields)}) VALUES ({columns})")
        add_article = partial(base.execute, "INSERT INTO article VALUES (?, ?, ?, ?, ?)")
        add_kept = partial(base.execute, "INSERT INTO kept VALUES (?, ?)")
        sets: dict[tuple[str, ...], int] = {}
        for number, row in enumerate(rows, start=1):
            add_text((number, *(row.texts[name] for name in fields)))
            add_article((number, row.id, row.published, row.month, sets.setdefault(row.topics, len(sets))))
            if self.stored:
                add_kept((number, to_json(row.article)))
        named = [(number, topic) for names, number in sets.items() for topic in names]
        base.executemany("INSERT INTO topics VALUES (?, ?)", named)
        weights = ", ".join(str(WEIGHTS[name]) for name in fields)
        base.execute("INSERT INTO found(found, rank) VALUES ('rank', ?)", (f"bm25({weights})",))
        base.execute("INSERT INTO found(found) VALUES ('optimize')")
        base.commit()
        base.execute("ANALYZE")
        base.commit()
        base.close()

    def open(self, folder: Path) -> "Fts5Searcher":
        return Fts5Searcher(folder / NAME)


class Fts5Searcher:
    def __init__(self, path: Path) -> None:
        self.base = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, cached_statements=256)
        self.base.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
        self.base.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        self.sets: dict[int, tuple[str, ...]] = {}
        for number, topic in self.base.execute("SELECT number, topic FROM topics"):
            self.sets[number] = (*self.sets.get(number, ()), topic)

    def prepare(self, ask: Ask) -> tuple[str, str, tuple[Any, ...]]:
        """The MATCH text, the condition's name, and its values."""
        quoted = [f'"{word}"' for word in ask.words]
        match ask.operator:
            case "all":
                text = " AND ".join(quoted)
            case "any":
                text = " OR ".join(quoted)
            case "phrase":
                text = f'"{" ".join(ask.words)}"'
            case "prefix":
                text = f"{quoted[0]}*"
        if ask.topic:
            return text, "topic", (ask.topic,)
        return (text, "date", ask.span) if ask.span else (text, "", ())

    def answer(self, question: tuple[str, str, tuple[Any, ...]], *, facets: bool, total: bool) -> Answer:
        text, name, values = question
        join, condition = (JOIN, CONDITIONS[name]) if name else ("", "")
        ask = self.base.execute
        best = ask(
            "SELECT a.id, f.rank FROM (SELECT found.rowid, rank FROM found"
            f"{join} WHERE found MATCH ?{condition} ORDER BY rank LIMIT 10) f"
            " JOIN article a ON a.number = f.rowid ORDER BY f.rank",
            (text, *values),
        ).fetchall()
        ids, scores = [row[0] for row in best], [-row[1] for row in best]
        if facets:
            rows = ask(
                f"SELECT a.topics, a.month, COUNT(*) FROM found{JOIN} WHERE found MATCH ?{condition}"
                " GROUP BY a.topics, a.month",
                (text, *values),
            )
            return self._counted(ids, scores, rows)
        if not total:
            return Answer(ids, scores, -1, {}, {})
        count = ask(f"SELECT COUNT(*) FROM found{join} WHERE found MATCH ?{condition}", (text, *values))
        return Answer(ids, scores, count.fetchone()[0], {}, {})

    def _counted(self, ids: list[str], scores: list[float], rows: Iterable[tuple[int, int | None, int]]) -> Answer:
        total = 0
        sets: dict[tuple[str, ...], int] = {}
        months: dict[str, int] = {}
        for number, month, count in rows:
            total += count
            names = self.sets.get(number, ())
            sets[names] = sets.get(names, 0) + count
            if month is not None:
                name = month_name(month)
                months[name] = months.get(name, 0) + count
        return Answer(ids, scores, total, spread(sets), months)

    def close(self) -> None:
        self.base.close()
