"""What is noted of each search that a view answers: its time for the metrics, its text for the counts of queries."""

from flask import Flask, current_app, request

from index.settings import Settings
from search.query import Query, cut_text
from search.results import Results
from web.metrics import current_metrics
from web.query_counts import QueryCounts
from web.service import current_service

EXTENSION = "broadsheet-queries"


def register_query_counts(app: Flask, settings: Settings) -> None:
    """Count the queries of `app` where the settings ask for that."""
    if settings.count_queries:
        app.extensions[EXTENSION] = QueryCounts(settings.index_path)


def note_search(query: Query, results: Results) -> None:
    """Note a search that the present request asked for and that was answered; never fails and never waits.

    A query is counted with its first page: turning pages does not ask it again. Suggestions are no searches.
    """
    metrics = current_metrics()
    if metrics:
        metrics.observe_search(results)
    counts: QueryCounts | None = current_app.extensions.get(EXTENSION)
    if counts and request.method == "GET" and query.page == 1 and query.after is None:
        counts.add(cut_text(query.text, current_service().settings.max_query_chars), results.total)
