"""Stock Whoosh in the benchmark: its own schema and searcher, one segment, facets by sorted columns.

Months are a sortable number counted by `FieldFacet`, which took a hundredth of its `DateRangeFacet`. Topics are a
KEYWORD field counted with `allow_overlap`, its documented way; `StockWhoosh(lean=True)` counts a sortable column that
holds each article's set of topics as one value.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whoosh.analysis import StemmingAnalyzer
from whoosh.fields import ID, KEYWORD, NUMERIC, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.qparser import MultifieldParser
from whoosh.query import NumericRange, Term
from whoosh.sorting import Count, FieldFacet

from bench.engine import WEIGHTS, Answer, Ask, Row, month_name, spread

META = "bench.json"
BUFFER_MB = 512
BETWEEN = "\x1f"  # topics of a set


class StockWhoosh:
    def __init__(self, *, lean: bool = False) -> None:
        self.lean = lean

    def build(self, rows: Iterable[Row], fields: tuple[str, ...], folder: Path) -> None:
        schema = Schema(
            id=ID(stored=True),
            topic=KEYWORD(commas=True),
            topic_set=ID(sortable=True),
            month=NUMERIC(sortable=True, default=0),
            time=NUMERIC(bits=64, signed=True),
        )
        for name in fields:
            analyzer = StemmingAnalyzer(r"[^\W_]+", stoplist=None, minsize=1, cachesize=200_000)
            schema.add(name, TEXT(analyzer, field_boost=WEIGHTS[name]))
        index = FileStorage(str(folder)).create_index(schema)
        writer = index.writer(limitmb=BUFFER_MB)
        for row in rows:
            topics = [topic.replace(",", " ") for topic in row.topics]
            dated = {} if row.published is None else {"time": row.published, "month": row.month}
            writer.add_document(id=row.id, topic=",".join(topics), topic_set=BETWEEN.join(topics), **row.texts, **dated)
        writer.commit(optimize=True)
        index.close()
        (folder / META).write_text(json.dumps(fields), encoding="utf-8")

    def open(self, folder: Path) -> "WhooshSearcher":
        return WhooshSearcher(folder, self.lean)


class WhooshSearcher:
    def __init__(self, folder: Path, lean: bool) -> None:
        fields = json.loads((folder / META).read_text(encoding="utf-8"))
        self.lean = lean
        index = FileStorage(str(folder)).open_index()
        self.searcher = index.searcher()
        self.parser = MultifieldParser(fields, index.schema)
        topic = FieldFacet("topic_set", maptype=Count)
        if not lean:
            topic = FieldFacet("topic", allow_overlap=True, maptype=Count)
        self.groups = {"topic": topic, "month": FieldFacet("month", maptype=Count)}

    def prepare(self, ask: Ask) -> tuple[str, Any]:
        match ask.operator:
            case "all":
                text = " AND ".join(ask.words)
            case "any":
                text = " OR ".join(ask.words)
            case "phrase":
                text = f'"{" ".join(ask.words)}"'
            case "prefix":
                text = f"{ask.words[0]}*"
        if ask.topic:
            return text, Term("topic", ask.topic.replace(",", " "))
        if ask.span:
            return text, NumericRange("time", *ask.span, endexcl=True)
        return text, None

    def answer(self, question: tuple[str, Any], *, facets: bool, total: bool) -> Answer:
        text, condition = question
        query = self.parser.parse(text)
        groups = {"groupedby": self.groups} if facets else {}
        found = self.searcher.search(query, limit=10, filter=condition, **groups)
        best = [found[rank] for rank in range(min(10, found.scored_length()))]
        ids, scores = [hit["id"] for hit in best], [hit.score for hit in best]
        count = len(found) if total or facets else -1
        if not facets:
            return Answer(ids, scores, count, {}, {})
        topics: dict[str, int] = found.groups("topic")
        if self.lean:
            sets = {tuple(filter(None, names.split(BETWEEN))): number for names, number in topics.items()}
            topics = spread(sets)
        topics.pop(None, None)  # type: ignore[call-overload] # articles without a topic
        months = {month_name(month): number for month, number in found.groups("month").items() if month}
        return Answer(ids, scores, count, topics, months)

    def close(self) -> None:
        self.searcher.close()
