"""The engine on a cluster: asks OpenSearch what the embedded engine works out itself, by the same rules.

Which generation serves is looked at about once a second. Each is held still as a view, which the cluster may lose with
a node; then the question is begun anew with another view, so that no answer is made of two.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from index.errors import BroadsheetError, EngineUnreachableError, OutOfBudgetError
from index.opensearch.connection import Cluster
from index.opensearch.store import Published, read_published
from index.settings import Settings
from search.correct import corrected
from search.evaluate import FEW, evaluate
from search.hits import marked
from search.limits import Deadline, Limits, OutOfTimeError
from search.notes import cut_note, suggestion_note
from search.opensearch.articles import article_with, articles_at, similar_hits, with_links
from search.opensearch.choices import Choices
from search.opensearch.dsl import both, most_leaves
from search.opensearch.explain import explained
from search.opensearch.known import Known
from search.opensearch.pages import Asked, Page, page_of, scanned
from search.opensearch.rows import ClusterRows
from search.opensearch.suggest import suggestions
from search.opensearch.view import LostViewError, View, total_of
from search.order import expect_known
from search.parser import Parsed, parse, render
from search.query import Interval, Query
from search.results import Bucket, Found, Hit, Note, Results, Scan, Status, Suggestion, Timeline
from search.timeline import timeline_of_days
from search.values import beginning_of

MAX_EXPANSION = 800
"""Words that the prefixes of one query may stand for, whatever the settings say: OpenSearch takes no more at once."""

_MOST_LEAVES = 1_000  # OpenSearch takes 1,024 unless it is told otherwise
_PATIENCE_S = 5.0  # with a node that accepts a question and says nothing
_LOOK_EVERY_S = 1.0  # for another generation
_TRIES = 5  # views for one question
_WAIT_S = 0.2  # before the next one, doubled each time

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Serving:
    """A generation in use.

    Attributes:
        notes: what an operator should know about it.
        trouble: why it could not be seen when last looked whether it is the newest; "" where it could.
    """

    known: Known
    notes: tuple[str, ...]
    trouble: str = ""

    @property
    def published(self) -> Published:
        return self.known.view.published


class OpenSearchEngine:
    """Implements `search.engine.Engine` over an index on a cluster."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Open what the settings name.

        Args:
            settings: see `index.settings`.
            clock: seconds since any moment; tells when the time for a query is out, and when to look for a generation.

        Raises:
            IndexUnusableError: there is no index there, or none that can serve.
            EngineUnreachableError: the cluster does not answer, or refuses to.
        """
        self._settings = settings
        limits = Limits.of(settings)
        self._limits = replace(limits, max_expansion=min(limits.max_expansion, MAX_EXPANSION))
        self._clock = clock
        self._cluster = Cluster(settings, timeout_s=_PATIENCE_S)
        self._lock = threading.Lock()
        self._closed = False
        self._cluster.expect_version()
        self._serving = self._open(read_published(self._cluster))
        self._looked_at = clock()

    # Generations

    def _open(self, published: Published) -> _Serving:
        notes = []
        built, wanted = published.manifest.unpublished, self._settings.unpublished
        if built != wanted:
            notes.append(f"The index was built with unpublished = {built}, this server's setting is {wanted}; reindex.")
        if not published.complete:
            notes.append("The index is being brought up to date, or that was broken off; a reindex mends it.")
        return _Serving(Known(View(self._cluster, published)), tuple(notes))

    def _current(self) -> _Serving:
        """The newest generation, looked for about once a second; one that cannot be opened leaves the one before."""
        if self._closed:
            raise RuntimeError("the engine is closed")
        if self._clock() - self._looked_at >= _LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._looked_at = self._clock()
                self._look()
            finally:
                self._lock.release()
        return self._serving

    def _look(self) -> None:
        try:
            published = read_published(self._cluster)
            if published.complete and published.manifest.generation != self._serving.published.manifest.generation:
                self._serving = self._open(published)
            trouble = ""
        except (BroadsheetError, LostViewError) as error:
            trouble = str(error)
        if self._serving.trouble != trouble:
            self._serving = replace(self._serving, trouble=trouble)

    def _answer(self, work: Callable[[_Serving], Answer]) -> Answer:
        """Do something with one view; where the cluster loses that, anew with another."""
        wait = _WAIT_S
        for _ in range(_TRIES):
            serving = self._current()
            try:
                return work(serving)
            except LostViewError as error:
                lost = error
            time.sleep(wait)
            wait *= 2
            with self._lock:
                if self._serving is serving:
                    try:
                        self._serving = self._open(read_published(self._cluster))
                    except LostViewError as error:
                        lost = error
        raise EngineUnreachableError(f"OpenSearch at {self._cluster.name} lost a part of the index: {lost}")

    def accelerate(self) -> bool:
        return False

    # Queries

    def search(self, query: Query) -> Results:
        started = time.perf_counter()
        return self._answer(lambda serving: self._search(query, serving, started))

    def _search(self, query: Query, serving: _Serving, started: float) -> Results:
        generation = serving.published.manifest.generation
        expect_known(query, generation)
        deadline = self._deadline()
        parsed, asked = self._asked(query, serving.known, deadline)
        if query.after and asked.evaluation.partial:
            raise OutOfBudgetError
        page = self._page(asked)
        counts = {
            name: asked.choices.counts(name, limit, page.counted, asked.matches) for name, limit in query.facets.items()
        }
        notes = [*parsed.notes, *asked.evaluation.notes, *self._suggestion(parsed.text, asked)]
        hits: Iterator[Hit] = marked(page.hits, asked.evaluation.clauses if query.highlight else ())
        if query.explain:
            hits = explained(hits, asked)
        cut = page.timed_out or asked.choices.cut
        if cut:
            notes.append(cut_note())
        partial = asked.evaluation.partial or cut
        return Results(
            hits=tuple(hits),
            total=page.total,
            full=page.full,
            match=asked.evaluation.match,
            understood=render(parsed.tree),
            notes=tuple(notes),
            facets={
                name: asked.choices.facet(name, counts[name], limit)
                for name, limit in query.facets.items()
                if name != "date"
            },
            dates=asked.choices.dates(counts["date"]) if "date" in counts else (),
            generation=generation,
            took_ms=(time.perf_counter() - started) * 1000,
            partial=partial,
            next=None if partial else page.last_place(generation),
        )

    def _page(self, asked: Asked) -> Page:
        try:
            return page_of(asked)
        except OutOfTimeError as error:  # only what stands deep in an order is asked for so that it can
            raise OutOfBudgetError from error

    def scan(self, query: Query) -> Scan:
        return self._answer(lambda serving: self._scan(query, serving))

    def _scan(self, query: Query, serving: _Serving) -> Scan:
        published = serving.published
        expect_known(query, published.manifest.generation)

        def reopened() -> View:
            latest = read_published(self._cluster)
            if not latest.complete or latest.manifest.generation != published.manifest.generation:
                raise EngineUnreachableError("the index was brought up to date, and its old state is lost; begin anew")
            return View(self._cluster, latest)

        view = View(self._cluster, published)  # its own: it may outlive the engine
        parsed, asked = self._asked(replace(query, facets={}), Known(view), self._deadline())
        summary = view.ask(asked.summary)
        total = total_of(summary)
        full = summary["aggregations"]["full"]["doc_count"] if "aggregations" in summary else total
        notes = (*parsed.notes, *asked.evaluation.notes)
        hits = scanned(asked, reopened)
        return Scan(hits, total, full, notes, asked.evaluation.partial, published.manifest.generation)

    def _asked(self, query: Query, known: Known, deadline: Deadline) -> tuple[Parsed, Asked]:
        """What the text of a query says, and what matches that; as much of both as limits and time allow."""
        limits = self._limits
        while True:
            parsed = parse(query.text, limits)
            rows = ClusterRows(known, limits, deadline)
            rows.prepare([parsed.tree])
            evaluation = evaluate(parsed.tree, parsed.text, query.match, rows, deadline)
            if most_leaves(evaluation.found, known) <= _MOST_LEAVES or limits.max_clauses == 1:
                break
            limits = replace(limits, max_clauses=limits.max_clauses // 2)
        if rows.out_of_time:
            evaluation = replace(evaluation, partial=True)
        return parsed, Asked(query, evaluation, Choices(query.filters, known, deadline), known, deadline)

    def _suggestion(self, text: str, asked: Asked) -> Iterator[Note]:
        """Did you mean: a query with a rare word replaced, where that finds more and there is time to see it."""
        evaluation, known, deadline = asked.evaluation, asked.known, asked.deadline
        rows = ClusterRows(known, self._limits, deadline)
        holding_all = rows.count(evaluation.found if evaluation.every is None else evaluation.every)
        if holding_all >= FEW or evaluation.partial or rows.out_of_time:
            return
        try:
            text_of_it = corrected(text, evaluation.words, rows.spelling, self._limits, deadline)
        except OutOfTimeError:
            return
        if text_of_it == text:
            return
        tree = parse(text_of_it, self._limits).tree
        rows.prepare([tree])
        again = evaluate(tree, text_of_it, asked.query.match, rows, deadline)
        found = rows.count(again.found if again.every is None else again.every)
        if found > holding_all and not again.partial and not rows.out_of_time:
            yield suggestion_note(text_of_it)

    def values(self, query: Query, facet: str, prefix: str = "") -> tuple[Bucket, ...]:
        beginning = beginning_of(prefix[: self._settings.max_query_chars])

        def work(asked: Asked) -> tuple[Bucket, ...]:
            answer = asked.known.view.ask(asked.summary, asked.deadline)["aggregations"]
            counted = asked.choices.counts(facet, None, answer, asked.matches)
            if beginning:
                return asked.choices.beginning(facet, counted, beginning)
            return asked.choices.facet(facet, counted, None)

        return self._counted(replace(query, facets={facet: 0}), work)

    def timeline(self, query: Query, interval: Interval) -> Timeline:
        def work(asked: Asked) -> Timeline:
            left = both([asked.matches, *asked.choices.left()])
            days = list(asked.known.view.walk("day", left, asked.deadline))
            total = total_of(asked.known.view.ask({"size": 0, "query": left}, asked.deadline))
            numbers = np.array([day for day, _ in days], np.int64).astype("datetime64[D]")
            counts = np.array([count for _, count in days], np.int64)
            return timeline_of_days(numbers, counts, total - int(counts.sum()), interval)

        return self._counted(replace(query, facets={}), work)

    def _counted(self, query: Query, work: Callable[[Asked], Answer]) -> Answer:
        """What can be counted over all matches, or nothing."""

        def answer(serving: _Serving) -> Answer:
            _, asked = self._asked(query, serving.known, self._deadline())
            if asked.evaluation.partial:
                raise OutOfBudgetError
            try:
                return work(asked)
            except OutOfTimeError as error:
                raise OutOfBudgetError from error

        return self._answer(answer)

    def suggest(self, text: str, limit: int = 8) -> tuple[Suggestion, ...]:
        return self._answer(lambda serving: suggestions(text, limit, serving.known, self._limits, self._deadline()))

    def _deadline(self) -> Deadline:
        """When a question that is asked now must be answered."""
        return Deadline(self._limits.budget_ms, self._clock)

    # Articles

    def get(self, article_id: str) -> Found | None:
        def work(serving: _Serving) -> Found | None:
            article = article_with(article_id, serving.known)
            return None if article is None else with_links(article, serving.known)

        return self._answer(work)

    def lookup(self, url: str) -> tuple[Found, ...]:
        def work(serving: _Serving) -> tuple[Found, ...]:
            row = ClusterRows(serving.known, self._limits, self._deadline()).at(url)
            return tuple([with_links(article, serving.known) for article in articles_at(row, serving.known)])

        return self._answer(work)

    def similar(self, article_id: str, limit: int = 6) -> tuple[Hit, ...]:
        def work(serving: _Serving) -> tuple[Hit, ...]:
            article = article_with(article_id, serving.known)
            if article is None:
                return ()
            try:
                return tuple(similar_hits(article, limit, serving.known, self._limits, self._deadline()))
            except OutOfTimeError:
                return ()

        return self._answer(work)

    def status(self) -> Status:
        return self._answer(self._status)

    def _status(self, serving: _Serving) -> Status:
        serving.known.view.ask({"size": 0})  # what does not answer is not served
        manifest, newest = serving.published.manifest, serving.known.totals.newest
        return Status(
            engine="opensearch",
            generation=manifest.generation,
            created=manifest.created,
            articles=manifest.articles,
            hidden=manifest.hidden,
            rejected=manifest.rejected,
            newest=None if newest is None else f"{np.datetime64(newest, 's')}Z",
            unpublished=manifest.unpublished,
            archives=tuple(manifest.archives),
            notes=(*serving.notes, serving.trouble) if serving.trouble else serving.notes,
        )

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._serving.known.view.close()
