"""The embedded engine: answers from a generation on the local disk."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from index.article import Article
from index.document import searched_text
from index.errors import BroadsheetError
from index.generation import Generation, Manifest, Store
from index.reader import UNDATED, Documents, Snapshot
from index.settings import Settings
from index.urls import address_hash, address_key, site_name
from search.evaluate import FEW, MAX_LOOKUPS, Evaluated, Searchable, evaluate
from search.facets import Choices
from search.parser import parse, render
from search.query import FACETS, Query
from search.ranking import Ranking, best
from search.results import Found, Hit, Note, RelatedLink, Results, Status
from search.snippets import Highlighter
from search.spelling import Spelling

_SUGGESTION_RARE = 3  # a word in more articles than these is hardly misspelt
_SUGGESTION_GAIN = 30  # a suggested word is at least this many times as frequent


@dataclass(frozen=True, slots=True)
class _Serving:
    """A generation in use; `marker` is what `CURRENT` said when it was opened."""

    marker: str
    manifest: Manifest
    searchable: Searchable
    notes: tuple[str, ...]
    removed: frozenset[str]


class EmbeddedEngine:
    """Implements `search.engine.Engine` over an index directory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.index_path)
        self._lock = threading.Lock()
        self._serving: _Serving | None = self._open()

    def _open(self) -> _Serving:
        marker = self._store.current_name()
        generation = self._store.open()
        snapshot = Snapshot(generation.path)
        searchable = Searchable(snapshot, Ranking(snapshot), Spelling(snapshot))
        manifest = generation.manifest
        return _Serving(marker, manifest, searchable, self._notes(generation), frozenset(manifest.removed))

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
        marker = self._store.current_name()
        if marker in {serving.marker, ""} or not self._lock.acquire(blocking=False):
            return serving  # while one thread opens the new generation, the others answer from the old
        try:
            if self._serving is serving:
                self._serving = self._reopened(serving, marker)
            return self._serving or serving
        finally:
            self._lock.release()

    def _reopened(self, serving: _Serving, marker: str) -> _Serving:
        try:
            return self._open()
        except (BroadsheetError, OSError) as error:
            return replace(serving, marker=marker, notes=(*serving.notes, str(error)))

    def search(self, query: Query) -> Results:
        started = time.perf_counter()
        serving = self._current()
        snapshot = serving.searchable.snapshot
        text, cut = _cut(query.text, self._settings.max_query_chars)
        parsed = parse(text)
        found = evaluate(parsed.tree, text, query.match, serving.searchable)
        choices = Choices(query.filters, snapshot)
        matches = choices.apply(found.matches)
        return Results(
            hits=tuple(self._hits(query, found, matches, serving)),
            total=int(matches.sum()),
            full=int((matches & found.full).sum()),
            match=found.match,
            understood=render(parsed.tree),
            notes=(*cut, *parsed.notes, *found.notes, *self._suggestion(text, query, found, serving)),
            facets={name: choices.facet(name, found.matches) for name in FACETS},
            dates=choices.dates(found.matches),
            generation=serving.manifest.generation,
            took_ms=(time.perf_counter() - started) * 1000,
        )

    def _hits(self, query: Query, found: Evaluated, matches: np.ndarray, serving: _Serving) -> Iterator[Hit]:
        offset = (query.page - 1) * query.size
        page = _order(query, found, matches, serving.searchable, offset + query.size)[offset:]
        highlighter = Highlighter(found.clauses if query.highlight else ())
        for rank, number in enumerate(page.tolist(), start=offset + 1):
            article = _canonical(serving.searchable.snapshot, number)
            yield Hit(
                rank=rank,
                score=float(found.scores[number]) if _by_score(query, found) else 0.0,
                full=bool(found.full[number]),
                article=article,
                highlights={
                    "title": highlighter.ranges(article.title, "title"),
                    "excerpt": highlighter.ranges(article.excerpt, "excerpt"),
                },
                snippet=highlighter.snippet(searched_text(article)["body"][0]) if article.text else None,
            )

    def _suggestion(self, text: str, query: Query, found: Evaluated, serving: _Serving) -> Iterator[Note]:
        """Did you mean: a query with a rare word replaced, where that finds more."""
        if int(found.full.sum()) >= FEW:
            return
        spelling = serving.searchable.spelling
        corrected = text
        rare = [pair for pair in found.words if pair[1] <= _SUGGESTION_RARE][:MAX_LOOKUPS]
        for word, count in sorted(rare, key=lambda pair: pair[0].span, reverse=True):
            if not count and spelling.occurs(word.text.casefold()):  # it is there, only not in capitals
                continue
            nearest = spelling.nearest(word.text, limit=1)
            if nearest and spelling.count(nearest[0]) >= max(1, count * _SUGGESTION_GAIN):
                start, end = word.span
                corrected = corrected[:start] + nearest[0] + corrected[end:]
        if corrected == text:
            return
        again = evaluate(parse(corrected).tree, corrected, query.match, serving.searchable)
        if int(again.full.sum()) > int(found.full.sum()):
            yield Note("suggestion", f"Did you mean “{corrected}”?", corrected)

    def get(self, article_id: str) -> Found | None:
        serving = self._current()
        snapshot = serving.searchable.snapshot
        number = snapshot.number(article_id)
        if number is None:
            return None
        article = _canonical(snapshot, number)
        return Found(article, tuple(_related(article, serving)))

    def status(self) -> Status:
        serving = self._current()
        manifest, snapshot = serving.manifest, serving.searchable.snapshot
        dated = snapshot.published[snapshot.live & (snapshot.published != UNDATED)]
        newest = np.datetime64(int(dated.max()), "s") if len(dated) else None
        return Status(
            engine="whoosh",
            generation=manifest.generation,
            created=manifest.created,
            articles=manifest.articles,
            hidden=manifest.hidden,
            rejected=manifest.rejected,
            newest=f"{newest}Z" if newest is not None else None,
            unpublished=manifest.unpublished,
            archives=tuple(manifest.archives),
            notes=serving.notes,
        )

    def close(self) -> None:
        with self._lock:
            serving, self._serving = self._serving, None
        if serving:
            serving.searchable.snapshot.close()


def _cut(text: str, limit: int) -> tuple[str, tuple[Note, ...]]:
    if len(text) <= limit:
        return text, ()
    whole_words = text[: limit + 1].rpartition(" ")[0] or text[:limit]
    return whole_words, (Note("ignored", f"Only the first {limit:,} characters of the query were used."),)


def _by_score(query: Query, found: Evaluated) -> bool:
    return query.sort == "relevance" and found.ranked


def _order(query: Query, found: Evaluated, matches: np.ndarray, searchable: Searchable, count: int) -> Documents:
    """The first `count` matches in order: full matches before partial ones, then as the sort says."""
    ranking = searchable.ranking
    tie = ranking.date_rank_oldest if query.sort == "oldest" else ranking.date_rank
    scores = found.scores if _by_score(query, found) else np.zeros(len(found.scores))
    if found.match != "partial":
        return best(np.flatnonzero(matches), scores, tie, count)
    full = best(np.flatnonzero(matches & found.full), scores, tie, count)
    rest = best(np.flatnonzero(matches & ~found.full), scores, tie, count - len(full))
    return np.concatenate((full, rest))


def _canonical(snapshot: Snapshot, number: int) -> Article:
    """The article with its topics, type and category in the spelling that the archive uses most."""
    article = snapshot.article(number)

    def spelled(name: str, value: str) -> str:
        column = snapshot.columns[name]
        return column.values[column.folded[value.casefold()]] if value else ""

    return replace(
        article,
        topics=tuple(spelled("topic", topic) for topic in article.topics),
        type=spelled("type", article.type),
        category=spelled("category", article.category),
    )


def _related(article: Article, serving: _Serving) -> Iterator[RelatedLink]:
    """Links to related articles: here where they are visible, else outward, never to removed ones or to itself."""
    snapshot = serving.searchable.snapshot
    seen = {article.id}
    for address in article.related:
        documents = snapshot.postings("url", address_key(address)).documents
        if len(documents):
            identity = snapshot.ids[int(documents[0])]
            if identity not in seen:
                seen.add(identity)
                title = snapshot.article(int(documents[0])).title
                yield RelatedLink(address, site_name(address), identity, title)
        elif address_hash(address) not in serving.removed and address not in seen:
            seen.add(address)
            yield RelatedLink(address, site_name(address))
