"""Broadsheet in the benchmark: the one place that knows how it is built and asked."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.engine import Answer, Ask
from index.article import Article
from index.generation import Manifest, Store
from index.schema import fingerprint
from index.settings import Settings
from index.writer import WhooshWriter
from search.embedded import EmbeddedEngine
from search.query import Filters, Query


def build_broadsheet(articles: Iterable[Article], folder: Path) -> None:
    """Publish a first generation that holds the articles."""
    store = Store(folder)
    directory = store.begin(None)
    writer = WhooshWriter(directory)
    count = 0
    for article in articles:
        writer.add(article)
        count += 1
    writer.commit()
    store.publish(directory, Manifest("", "", fingerprint(), "hide", {"a": "/a"}, count, 0, 0, ()), None)


class Broadsheet:
    """Implements `bench.engine.Searcher`."""

    def __init__(self, folder: Path) -> None:
        self.engine = EmbeddedEngine(Settings(index=str(folder)))

    def prepare(self, ask: Ask) -> Query:
        match ask.operator:
            case "all" | "any":
                text = " ".join(ask.words)
            case "phrase":
                text = f'"{" ".join(ask.words)}"'
            case "prefix":
                text = f"{ask.words[0]}*"
        start, end = (datetime.fromtimestamp(second, UTC) for second in ask.span) if ask.span else (None, None)
        filters = Filters({"topic": (ask.topic,)} if ask.topic else {}, start=start, end=end)
        return Query(text, "any" if ask.operator == "any" else "all", filters, highlight=False)

    def answer(self, question: Query, *, facets: bool, total: bool) -> Answer:  # noqa: ARG002 - always exact
        found = self.engine.search(question)
        ids, scores = [hit.article.id for hit in found.hits], [hit.score for hit in found.hits]
        if not facets:
            return Answer(ids, scores, found.total, {}, {})
        topics = {bucket.value: bucket.count for bucket in found.facets["topic"] if bucket.value is not None}
        months = {bucket.value: bucket.count for year in found.dates for bucket in year.months if bucket.value}
        return Answer(ids, scores, found.total, topics, months)

    def close(self) -> None:
        self.engine.close()
