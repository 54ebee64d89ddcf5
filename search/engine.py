"""The contract of an engine, and the one place that opens one by name.

Engines take and return our own types only. Both methods and answers are described here; how they are computed is
each engine's own matter.
"""

from importlib import import_module
from typing import Protocol

from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Interval, Query
from search.results import Bucket, Found, Hit, Results, Scan, Status, Suggestion, Timeline


class Engine(Protocol):
    """Answers queries from one index; safe to share between threads; follows new generations by itself.

    An index that turns out damaged while it serves is answered for by the generation before, as `status` says; where
    none is whole, every method but `close` raises DamagedIndexError until the next reindex.
    """

    def search(self, query: Query) -> Results:
        """The page of hits asked for, with exact totals and facets over all matches. Never fails on query text.

        Raises:
            ExpiredPositionError: hits by relevance after a place in another generation are asked for.
            OutOfBudgetError: hits after a place are asked for, and there is no time to find all matches.
        """

    def scan(self, query: Query) -> Scan:
        """Every hit of a query in its order, from one generation, however long that takes; page and size do not matter.

        With `Query.after`, those that follow it. Highlights and snippets are empty. Articles are read as they are asked
        for, also beside a reindex and after `close`.

        Where time runs out, it is partial, after a place too.

        Raises:
            ExpiredPositionError: as `search`.
        """

    def values(self, query: Query, facet: str, prefix: str = "") -> tuple[Bucket, ...]:
        """Every bucket of one facet (of `FACETS`) over all matches, counted as in `Results.facets`.

        Most frequent first, equal counts by name; then chosen values that no match has; then excluded ones, most
        frequent first; missing last. Of the query, sort, page and what else to count do not matter.

        Args:
            query: whose matches are counted.
            facet: of `FACETS`.
            prefix: any text; where it is not blank, only values that go on so from one of their words on, upper and
                lower case and accents alike ("azure ar": "Azure Arc"), chosen and excluded ones too; and no missing.
                White space at its end says that its last word is whole. As much of it is used as of a query's text.

        Raises:
            OutOfBudgetError: there is no time to find all matches.
        """

    def timeline(self, query: Query, interval: Interval) -> Timeline:
        """All matches over time; the query's choice of dates applies, its sort and page do not.

        Raises:
            OutOfBudgetError: as `values`.
        """

    def suggest(self, text: str, limit: int = 8) -> tuple[Suggestion, ...]:
        """Completions of a text that is being typed: words, then topics, then titles; none for blank or overlong text.

        The last word is unfinished unless a space follows. Each count is that of `Results.total` for the words of a
        suggestion as a query, all of which some article holds, or of the articles with its topic; none is 0. Never
        fails on any text.

        Args:
            text: what was typed so far.
            limit: how many at most; up to three are titles, up to two topics, the others words.
        """

    def get(self, article_id: str) -> Found | None:
        """The visible article with this id, or None."""

    def lookup(self, url: str) -> tuple[Found, ...]:
        """The visible articles with this address among theirs, compared as `url:` in a query is.

        Returns:
            In order of id, the first hundred at most; () for any text that is no address.
        """

    def similar(self, article_id: str, limit: int = 6) -> tuple[Hit, ...]:
        """The visible articles most like the one with this id, best first; () where there is none.

        Not among them are the article itself and copies of it or of a better hit: those with the same address, or with
        the same title from the same provider. Highlights and snippets are empty.

        Args:
            article_id: as in `Article.id`.
            limit: how many hits at most.
        """

    def status(self) -> Status:
        """What is served at present."""

    def accelerate(self) -> bool:
        """Take seconds to answer faster from then on; may be called beside work. Whether there was a way to."""

    def close(self) -> None:
        """Release files and connections; a second call does nothing."""


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for.

    Raises:
        IndexUnusableError: there is no index, or none that can serve.
        UsageError: what the engine needs is not installed, or a setting of it makes no sense.
        EngineUnreachableError: the cluster that the settings name does not answer, or refuses.
    """
    if settings.engine == "opensearch":
        # Loaded by name, because it needs a library that is an extra.
        engine: Engine = import_module("search.opensearch.engine").OpenSearchEngine(settings)
        return engine
    return EmbeddedEngine(settings)
