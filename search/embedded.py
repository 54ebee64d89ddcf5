"""The embedded engine: answers from a generation on the local disk."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from index.article import Article
from index.errors import BroadsheetError, DamagedIndexError, OutOfBudgetError
from index.generation import Generation, Manifest, Marker, Store
from index.reader import Snapshot
from index.settings import Settings
from search.accelerate import compiled
from search.correct import corrected
from search.evaluate import FEW
from search.facets import Choices, Counts
from search.hits import canonical, marked, scanned
from search.limits import Deadline, Limits, OutOfTimeError
from search.links import LOOKED_AT, linking_articles, related_links
from search.notes import suggestion_note
from search.order import Page, expect_known, in_order, page_of
from search.origin import explained
from search.parser import Parsed, parse, render
from search.query import Interval, Query
from search.results import Bucket, Found, Hit, Note, Results, Scan, Status, Suggestion, Timeline
from search.rows import Evaluated, Searchable, documents_at, find, open_searchable
from search.similar import similar_hits
from search.suggest import Completions
from search.timeline import timeline_of
from search.values import beginning_of
from search.vectors import Operations, Vectors
from search.watch import Watch

_log = logging.getLogger(__name__)

MOST_AT_ADDRESS = 100  # articles that `lookup` gives: an archive may hold any number of one address


@dataclass(frozen=True, slots=True)
class _Serving:
    """A generation in use.

    Attributes:
        marker: what told `CURRENT` from another when it was opened.
        damage: found since, with no other generation to serve: nothing is answered until `CURRENT` changes.
    """

    marker: Marker | None
    generation: Generation
    searchable: Searchable
    completions: Completions
    notes: tuple[str, ...]
    removed: frozenset[str]
    damage: DamagedIndexError | None = None

    @property
    def manifest(self) -> Manifest:
        return self.generation.manifest


@dataclass(frozen=True, slots=True)
class Ranked:
    """An answer before articles are fetched and buckets made of counts; see `Results`."""

    parsed: Parsed
    found: Evaluated
    page: Page
    notes: tuple[Note, ...]
    choices: Choices
    counts: dict[str, Counts]
    snapshot: Snapshot

    @property
    def total(self) -> int:
        return self.page.total

    @property
    def ids(self) -> list[str]:
        """The article ids of the page, in order."""
        return self.snapshot.ids_of(self.page.row.documents)

    @property
    def scores(self) -> list[float]:
        """The scores of the page; empty where nothing ranks."""
        return [] if self.page.row.scores is None else self.page.row.scores.tolist()


class EmbeddedEngine:
    """Implements `search.engine.Engine` over an index directory."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Open what the settings name.

        Args:
            settings: see `index.settings`.
            clock: seconds since any moment; tells when the time for a query is out.
        """
        self._settings = settings
        self._limits = Limits.of(settings)
        self._clock = clock
        self._store = Store(settings.index_path)
        self._lock = threading.Lock()
        self._watch = Watch(settings.index_path, self._fall_back)
        self._arithmetic: Callable[[int], Operations] = Vectors
        self._serving: _Serving | None = None
        serving = self._serving = self._open(self._store)
        self._watch.begin(serving.generation, serving.searchable.snapshot.check)

    def _open(self, store: Store, *, whole: bool = False, known: DamagedIndexError | None = None) -> _Serving:
        """Open what `store.open` finds, in haste unless `whole`."""
        marker = store.marker()
        generation = store.open(whole=whole, known=known)
        try:
            snapshot = Snapshot(generation.path)
            if not generation.unverified:
                snapshot.check()
            searchable = open_searchable(snapshot, self._arithmetic, self._limits)
        except DamagedIndexError as error:
            if known:
                raise
            known = None if generation.unverified else error  # what was not verified is looked at first
            return self._open(store, whole=True, known=known)
        notes, removed = self._notes(generation), frozenset(generation.manifest.removed)
        return _Serving(marker, generation, searchable, Completions(snapshot), notes, removed)

    def _notes(self, generation: Generation) -> tuple[str, ...]:
        built, wanted = generation.manifest.unpublished, self._settings.unpublished
        if built == wanted:
            return generation.notes
        note = f"The index was built with unpublished = {built}, this server's setting is {wanted}; run a reindex."
        return (*generation.notes, note)

    def _current(self) -> _Serving:
        """The newest generation; one that cannot be opened leaves the one before in place."""
        serving = self._serving
        if serving is None:
            raise RuntimeError("the engine is closed")
        marker = self._store.marker()
        # While one thread opens a new generation, the others answer from the old.
        if marker != serving.marker and marker is not None and self._lock.acquire(blocking=False):
            try:
                if self._serving is serving:
                    self._serving = self._reopened(serving, marker)
                    self._watch.begin(self._serving.generation, self._serving.searchable.snapshot.check)
                serving = self._serving or serving
            finally:
                self._lock.release()
        if serving.damage:
            raise DamagedIndexError(str(serving.damage), path=serving.damage.path)
        return serving

    def _reopened(self, serving: _Serving, marker: Marker) -> _Serving:
        try:
            return self._open(self._store)
        except (BroadsheetError, OSError) as error:
            return replace(serving, marker=marker, notes=(*serving.notes, str(error)))

    def _fall_back(self, store: Store, damaged: Generation, error: DamagedIndexError) -> None:
        """Serve the generation before the damaged one, or no more; called by the watch, in its thread."""
        try:
            spare = self._open(store, whole=True, known=error)
        except (BroadsheetError, OSError):
            spare = None
        with self._lock:
            serving = self._serving
            if serving is None or serving.generation is not damaged:  # closed, or a newer generation serves
                return
            self._serving = spare or replace(serving, damage=error)
        for note in spare.notes if spare else (str(error),):
            _log.warning("%s", note)

    def accelerate(self) -> bool:
        """Evaluate with compiled code from now on, where that can be had; takes seconds, and may run beside work."""
        make = compiled()
        if make is None:
            return False
        self._arithmetic = make
        with self._lock:
            if self._serving:
                searchable = self._serving.searchable
                faster = replace(searchable, operations=make(searchable.snapshot.size))
                self._serving = replace(self._serving, searchable=faster)
        return True

    def search(self, query: Query) -> Results:
        started = time.perf_counter()
        serving = self._current()
        ranked = self._rank(query, serving)
        hits = marked(scanned(ranked.page, ranked.snapshot), ranked.found.clauses if query.highlight else ())
        if query.explain:
            hits = explained(hits, query.sort, ranked.found, ranked.page.row, serving.searchable)
        return Results(
            hits=tuple(hits),
            total=ranked.page.total,
            full=ranked.page.full,
            match=ranked.found.match,
            understood=render(ranked.parsed.tree),
            notes=ranked.notes,
            facets={
                name: ranked.choices.facet(name, ranked.counts[name], limit)
                for name, limit in query.facets.items()
                if name != "date"
            },
            dates=ranked.choices.dates(ranked.counts["date"]) if "date" in query.facets else (),
            generation=serving.manifest.generation,
            took_ms=(time.perf_counter() - started) * 1000,
            partial=ranked.found.partial,
            next=None if ranked.found.partial else ranked.page.last_place(ranked.snapshot, serving.manifest.generation),
        )

    def scan(self, query: Query) -> Scan:
        serving = self._current()
        searchable, generation = serving.searchable, serving.manifest.generation
        expect_known(query, generation)
        parsed, found = self._found(query, searchable, self._deadline())
        choices = Choices(query.filters, found.documents, searchable)
        page = page_of(replace(query, page=1, size=len(found.documents)), found, choices.mask(), searchable)
        notes = (*parsed.notes, *found.notes)
        return Scan(scanned(page, searchable.snapshot), page.total, page.full, notes, found.partial, generation)

    def values(self, query: Query, facet: str, prefix: str = "") -> tuple[Bucket, ...]:
        choices = self._choices(query, self._current().searchable)
        counted = choices.count(facet)
        beginning = beginning_of(prefix[: self._settings.max_query_chars])
        return choices.beginning(facet, counted, beginning) if beginning else choices.facet(facet, counted, limit=None)

    def timeline(self, query: Query, interval: Interval) -> Timeline:
        searchable = self._current().searchable
        return timeline_of(self._choices(query, searchable).left(), searchable.snapshot.published, interval)

    def _choices(self, query: Query, searchable: Searchable) -> Choices:
        _, found = self._found(query, searchable, self._deadline())
        if found.partial:
            raise OutOfBudgetError
        return Choices(query.filters, found.documents, searchable)

    def suggest(self, text: str, limit: int = 8) -> tuple[Suggestion, ...]:
        serving = self._current()
        return serving.completions.suggest(text, limit, serving.searchable, self._deadline())

    def rank(self, query: Query) -> Ranked:
        """What `search` answers, before the articles of the page are fetched and marked."""
        return self._rank(query, self._current())

    def _rank(self, query: Query, serving: _Serving) -> Ranked:
        searchable, deadline = serving.searchable, self._deadline()
        expect_known(query, serving.manifest.generation)
        parsed, found = self._found(query, searchable, deadline)
        if query.after and found.partial:
            raise OutOfBudgetError
        choices = Choices(query.filters, found.documents, searchable)
        return Ranked(
            parsed=parsed,
            found=found,
            page=page_of(query, found, choices.mask(), searchable),
            notes=(*parsed.notes, *found.notes, *_suggestion(parsed.text, query, found, searchable, deadline)),
            choices=choices,
            counts={name: choices.count(name) for name in query.facets},
            snapshot=searchable.snapshot,
        )

    def _found(self, query: Query, searchable: Searchable, deadline: Deadline) -> tuple[Parsed, Evaluated]:
        """What the text of a query says, and what matches that; as much of both as limits and time allow."""
        parsed = parse(query.text, self._limits)
        found = find(parsed.tree, parsed.text, query.match, searchable, deadline, traced=query.explain)
        return parsed, found

    def _deadline(self) -> Deadline:
        """When a question that is asked now must be answered."""
        return Deadline(self._limits.budget_ms, self._clock)

    def get(self, article_id: str) -> Found | None:
        serving = self._current()
        number = serving.searchable.snapshot.number(article_id)
        return None if number is None else self._with_links(number, serving)

    def lookup(self, url: str) -> tuple[Found, ...]:
        serving = self._current()
        snapshot = serving.searchable.snapshot
        documents = documents_at(url, snapshot)
        by_id = sorted(zip(snapshot.ids_of(documents), documents.tolist(), strict=True))
        return tuple([self._with_links(number, serving) for _, number in by_id[:MOST_AT_ADDRESS]])

    def _with_links(self, number: int, serving: _Serving) -> Found:
        snapshot = serving.searchable.snapshot
        article = canonical(snapshot, number)

        def at(address: str) -> Article | None:
            documents = snapshot.by_address(address)
            return snapshot.article(documents[0]) if documents else None

        related = tuple(related_links(article, at, serving.removed))
        known = {article.id, *(link.id for link in related)}
        linking = snapshot.linking_to(article, LOOKED_AT)
        newest = linking[in_order(linking, None, "newest", LOOKED_AT, serving.searchable)]
        likely = map(snapshot.article, newest.tolist())
        return Found(article, related, tuple(linking_articles(article, known, likely)))

    def similar(self, article_id: str, limit: int = 6) -> tuple[Hit, ...]:
        searchable = self._current().searchable
        number = searchable.snapshot.number(article_id)
        return () if number is None else tuple(similar_hits(number, limit, searchable, self._deadline()))

    def status(self) -> Status:
        serving = self._current()
        manifest, newest = serving.manifest, serving.searchable.snapshot.newest
        return Status(
            engine="whoosh",
            generation=manifest.generation,
            created=manifest.created,
            articles=manifest.articles,
            hidden=manifest.hidden,
            rejected=manifest.rejected,
            newest=None if newest is None else f"{np.datetime64(newest, 's')}Z",
            unpublished=manifest.unpublished,
            archives=tuple(manifest.archives),
            notes=serving.notes,
        )

    def close(self) -> None:
        with self._lock:
            self._serving = None  # calls that are under way keep what they began with
        self._watch.close()


def _suggestion(
    text: str, query: Query, found: Evaluated, searchable: Searchable, deadline: Deadline
) -> Iterator[Note]:
    """Did you mean: a query with a rare word replaced, where that finds more and there is time to see it."""
    if found.holding_all >= FEW or found.partial:
        return
    try:
        text_of_it = corrected(text, found.words, searchable.spelling, searchable.limits, deadline)
    except OutOfTimeError:
        return
    if text_of_it != text:
        again = find(parse(text_of_it, searchable.limits).tree, text_of_it, query.match, searchable, deadline)
        if again.holding_all > found.holding_all and not again.partial:
            yield suggestion_note(text_of_it)
