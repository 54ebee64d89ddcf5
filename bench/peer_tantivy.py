"""tantivy in the benchmark: one segment, a boosted field for each searched text, facets by its own aggregations.

Topics are counted by a terms aggregation over a fast text field, months by one over a number: tantivy's date histogram
knows no calendar months, and its histogram of that number is slower. A prefix is a fuzzy term at distance 0, its
fastest way that loses no term (its phrase prefix looks at 50). `Tantivy(lean=True)` is what one could do beyond its
manual: all text in one field, each set of topics counted as one number, and ids in memory, found by a number that is a
fast field, as its compressed store of documents takes some 8 µs to give one.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tantivy import Document, FieldType, Index, Occur, Query, SchemaBuilder, TextAnalyzerBuilder, Tokenizer
from tantivy import Filter as TokenFilter

from bench.engine import WEIGHTS, Answer, Ask, Row, month_name, spread
from index.article import to_json

HEAP_BYTES = 4_000_000_000  # enough for a million articles in one segment: it has no call that merges
MAX_BUCKETS = 10_000
META = "bench.json"


class Tantivy:
    """`stored`: keep the whole article, as Broadsheet does, besides its id."""

    def __init__(self, *, lean: bool = False, stored: bool = False) -> None:
        self.lean = lean
        self.stored = stored

    def build(self, rows: Iterable[Row], fields: tuple[str, ...], folder: Path) -> None:
        searched = ("text",) if self.lean else fields
        builder = SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        for name in searched:
            builder.add_text_field(name, tokenizer_name="en_stem")
        builder.add_text_field("kept", stored=True, tokenizer_name="nothing", index_option="basic")
        builder.add_text_field("topic", fast=True, tokenizer_name="raw", index_option="basic")
        builder.add_unsigned_field("topics_set", fast=True)
        builder.add_unsigned_field("number", fast=True)
        builder.add_unsigned_field("month", fast=True)
        builder.add_date_field("published", fast=True)
        index = Index(builder.build(), str(folder))
        _register(index)
        writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
        sets: dict[tuple[str, ...], int] = {}
        ids: list[str] = []
        for row in rows:
            document = self._document(row, sets)
            if self.lean:
                document.add_unsigned("number", len(ids))
                ids.append(row.id)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        meta = {"fields": searched, "sets": [list(names) for names in sets], "ids": ids}
        (folder / META).write_text(json.dumps(meta), encoding="utf-8")

    def _document(self, row: Row, sets: dict[tuple[str, ...], int]) -> Document:
        document = Document()
        if self.lean:
            document.add_text("text", "\n".join(row.texts.values()))
            document.add_unsigned("topics_set", sets.setdefault(row.topics, len(sets)))
        else:
            document.add_text("id", row.id)
            for name, text in row.texts.items():
                document.add_text(name, text)
        for topic in row.topics:
            document.add_text("topic", topic)
        if self.stored:
            document.add_text("kept", to_json(row.article))
        if row.published is not None and row.month is not None:
            document.add_date("published", datetime.fromtimestamp(row.published, UTC))
            document.add_unsigned("month", row.month)
        return document

    def open(self, folder: Path) -> "TantivySearcher":
        return TantivySearcher(folder, self.lean)


def _register(index: Index) -> None:
    """A tokenizer for text that is only stored."""
    nothing = TextAnalyzerBuilder(Tokenizer.raw()).filter(TokenFilter.remove_long(1)).build()
    index.register_tokenizer("nothing", nothing)


class TantivySearcher:
    def __init__(self, folder: Path, lean: bool) -> None:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        self.fields: list[str] = meta["fields"]
        self.boosts = {name: WEIGHTS[name] for name in self.fields if name in WEIGHTS}
        self.sets = [tuple(names) for names in meta["sets"]]
        self.ids: list[str] = meta["ids"]
        self.lean = lean
        self.index = Index.open(str(folder))
        _register(self.index)
        self.searcher = self.index.searcher()
        if self.searcher.num_segments > 1:
            raise RuntimeError(f"tantivy wrote {self.searcher.num_segments} segments; raise HEAP_BYTES")
        topics = "topics_set" if lean else "topic"
        self.aggregations = {name: {"terms": {"field": name, "size": MAX_BUCKETS}} for name in (topics, "month")}

    def prepare(self, ask: Ask) -> tuple[str, Ask]:
        quoted = [word if word.isalnum() else f'"{word}"' for word in ask.words]
        match ask.operator:
            case "all":
                return " ".join(f"+{word}" for word in quoted), ask
            case "any":
                return " ".join(quoted), ask
            case "phrase":
                return f'"{" ".join(ask.words)}"', ask
            case "prefix":
                return ask.words[0], ask

    def _parse(self, text: str, ask: Ask) -> Query:
        schema = self.index.schema
        if ask.operator == "prefix":
            begins = [Query.fuzzy_term_query(schema, name, text, distance=0, prefix=True) for name in self.fields]
            return Query.boolean_query([(Occur.Should, query) for query in begins])
        query = self.index.parse_query(text, self.fields, field_boosts=self.boosts)
        if ask.topic:
            return _narrowed(query, Query.term_query(schema, "topic", ask.topic))
        if ask.span:
            start, end = (datetime.fromtimestamp(second, UTC) for second in ask.span)
            between = Query.range_query(schema, "published", FieldType.Date, start, end, include_upper=False)
            return _narrowed(query, between)
        return query

    def answer(self, question: tuple[str, Ask], *, facets: bool, total: bool) -> Answer:
        query = self._parse(*question)
        found = self.searcher.search(query, 10, count=total)
        scores = [score for score, _ in found.hits]
        addresses = [address for _, address in found.hits]
        if self.lean:
            ids = [self.ids[number] for number in self.searcher.fast_field_values("number", addresses)]
        else:
            ids = [self.searcher.doc(address)["id"][0] for address in addresses]
        topics, months = self._facets(query) if facets else ({}, {})
        return Answer(ids, scores, found.count if total else -1, topics, months)

    def _facets(self, query: Query) -> tuple[dict[str, int], dict[str, int]]:
        found: dict[str, Any] = self.searcher.aggregate(query, self.aggregations)
        months = {month_name(int(bucket["key"])): bucket["doc_count"] for bucket in found["month"]["buckets"]}
        if self.lean:
            buckets = found["topics_set"]["buckets"]
            return spread({self.sets[int(bucket["key"])]: bucket["doc_count"] for bucket in buckets}), months
        return {bucket["key"]: bucket["doc_count"] for bucket in found["topic"]["buckets"]}, months

    def close(self) -> None:
        del self.searcher, self.index


def _narrowed(query: Query, condition: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(condition, 0.0))])
