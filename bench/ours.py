"""Broadsheet in the benchmark: the one place that knows how it is built and asked."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.engine import Answer, Ask
from index.article import Article
from index.generation import Manifest, Store
from index.schema import fingerprint
from index.settings import Settings
from index.writer import ArrayWriter
from search.embedded import EmbeddedEngine
from search.query import SHOWN, Filters, Query


def build_broadsheet(articles: Iterable[Article], folder: Path) -> None:
    """Publish a first generation that holds the articles."""
    store = Store(folder)
    directory = store.begin(None)
    writer = ArrayWriter(directory)
    count = 0
    for article in articles:
        writer.add(article)
        count += 1
    writer.commit()
    store.publish(directory, Manifest("", "", fingerprint(), "hide", {"a": "/a"}, count, 0, 0, ()), None)


class Broadsheet:
    """Implements `bench.engine.Searcher`; with compiled arithmetic, as a server has it, unless `numpy`."""

    def __init__(self, folder: Path, *, numpy: bool = False) -> None:
        self.engine = EmbeddedEngine(Settings(index=str(folder)))
        self._numpy = numpy
        self._prepared = 0

    def prepare(self, ask: Ask) -> tuple[Query, Query]:
        """The question with and without facets."""
        self._prepared += 1
        if self._prepared == 2 and not self._numpy:  # a server does this beside its first answers
            self.engine.accelerate()
        match ask.operator:
            case "all" | "any":
                text = " ".join(ask.words)
            case "phrase":
                text = f'"{" ".join(ask.words)}"'
            case "prefix":
                text = f"{ask.words[0]}*"
        start, end = (datetime.fromtimestamp(second, UTC) for second in ask.span) if ask.span else (None, None)
        filters = Filters({"topic": (ask.topic,)} if ask.topic else {}, start=start, end=end)
        question = Query(
            text, "any" if ask.operator == "any" else "all", filters, facets={"topic": SHOWN, "date": SHOWN}
        )
        return question, replace(question, facets={})

    def answer(self, question: tuple[Query, Query], *, facets: bool, total: bool) -> Answer:  # noqa: ARG002 - exact
        found = self.engine.rank(question[0 if facets else 1])
        if not facets:
            return Answer(found.ids, found.scores, found.total, {}, {})
        topics, months = found.counts["topic"].by_value(), found.counts["date"].by_value()
        return Answer(found.ids, found.scores, found.total, topics, months)

    def close(self) -> None:
        self.engine.close()
