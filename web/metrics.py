"""What Prometheus reads at `/metrics`: requests, searches, the index that serves, and the processes.

Labels have few values: a route is the rule that matched, never an address, and nothing tells what was searched or that
articles are hidden. With several workers each counts in files of its own (`web.workers`), and whichever is asked adds
them up.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version
from ipaddress import IPv6Address, ip_address

from flask import Blueprint, Flask, Request, Response, abort, current_app, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from index.errors import BroadsheetError
from index.settings import Settings
from search.results import Results
from web.access import Exchange
from web.service import EXTENSION as SERVICE
from web.service import Service, current_service
from web.workers import shared_directory, worker_processes

EXTENSION = "broadsheet-metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SEARCH_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via")
"""Headers by which a proxy gives itself away."""

blueprint = Blueprint("metrics", __name__)


class Metrics:
    """What is counted as it happens; safe to share between threads."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        # Shared counts are read from the files, where this process's own are, too.
        own = None if shared_directory() else self._registry
        self._requests = Counter(
            "broadsheet_http_requests", "Answered requests.", ("route", "method", "status"), registry=own
        )
        self._request_seconds = Histogram(
            "broadsheet_http_request_duration_seconds",
            "From a request to the last byte of its answer.",
            ("route",),
            buckets=REQUEST_BUCKETS_S,
            registry=own,
        )
        self._search_seconds = Histogram(
            "broadsheet_search_duration_seconds",
            "Time in the engine of each search, on the page or in the API.",
            buckets=SEARCH_BUCKETS_S,
            registry=own,
        )
        self._without_results = Counter(
            "broadsheet_searches_without_results", "Searches that found nothing.", registry=own
        )
        self._partial = Counter(
            "broadsheet_searches_partial", "Searches whose time ran out before all was looked at.", registry=own
        )
        if not own:
            multiprocess.MultiProcessCollector(self._registry, shared_directory())  # type: ignore[no-untyped-call]
        self._registry.register(_Index(service))
        self._registry.register(_Processes())

    def observe_request(self, exchange: Exchange, seconds: float) -> None:
        """Count a request that was answered."""
        method = exchange.method if exchange.method in METHODS else "other"
        self._requests.labels(exchange.route, method, str(exchange.status)).inc()
        self._request_seconds.labels(exchange.route).observe(seconds)

    def observe_search(self, results: Results) -> None:
        """Count a search that was answered."""
        self._search_seconds.observe(results.took_ms / 1000)
        if not results.total:
            self._without_results.inc()
        if results.partial:
            self._partial.inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format, 0.0.4."""
        return generate_latest(self._registry)


def register_metrics(app: Flask, settings: Settings) -> Metrics | None:
    """Count what `app` does and answer `/metrics`; None, and nothing at that address, where the settings say "off"."""
    if settings.metrics == "off":
        return None
    metrics = app.extensions[EXTENSION] = Metrics(app.extensions[SERVICE])
    app.register_blueprint(blueprint)
    return metrics


def current_metrics() -> Metrics | None:
    """Those of the app that is answering; None where it counts nothing."""
    return current_app.extensions.get(EXTENSION)


@blueprint.get("/metrics")
def show() -> Response:
    settings = current_service().settings
    metrics = current_metrics()
    if metrics is None or (settings.metrics == "local" and not is_local(request, settings.proxies)):
        abort(404)
    return Response(metrics.text(), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def is_local(asking: Request, proxies: int) -> bool:
    """Whether a request comes from this machine and not through a proxy on it that we do not know.

    Args:
        asking: its `remote_addr` is what `proxies` trusted proxies say it is.
        proxies: where a request passed fewer of them, its address is that of one of them.
    """
    passed = len(list(filter(None, asking.headers.get("X-Forwarded-For", "").split(","))))
    forwarded = any(name in asking.headers for name in FORWARDED)
    if forwarded and (not proxies or passed < proxies):
        return False
    try:
        address = ip_address(asking.remote_addr or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


class _Index(Collector):
    """The index as it is when somebody asks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("broadsheet", "The version that runs.", {"version": version("broadsheet")})
        try:
            status = self._service.engine().status()
        except BroadsheetError:
            yield GaugeMetricFamily("broadsheet_ready", "Whether an index serves.", 0)
            return
        yield GaugeMetricFamily("broadsheet_ready", "Whether an index serves.", 1)
        yield GaugeMetricFamily("broadsheet_index_articles", "Articles that can be found.", status.articles)
        yield GaugeMetricFamily("broadsheet_index_rejects", "Files that could not be read.", status.rejected)
        with suppress(ValueError):  # a time that cannot be read
            age = time.time() - datetime.fromisoformat(status.created).timestamp()
            yield GaugeMetricFamily("broadsheet_index_age_seconds", "Since the index was last changed.", age)


class _Processes(Collector):
    """Memory, time and files of each worker process, on systems that have `/proc`."""

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        workers: Mapping[int, int] = worker_processes() or {1: os.getpid()}
        for number, pid in workers.items():
            with suppress(Exception):  # it ended meanwhile
                for found in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                    family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                    for sample in found.samples:
                        family.add_sample(sample.name, {"worker": str(number)}, sample.value)
        yield from families.values()
