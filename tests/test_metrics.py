"""/metrics: what is counted, who may read it, and that several workers count as one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from conftest import BuildApp
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from serving import served, wait_for

from index.settings import Settings
from web import create_app
from web.metrics import CONTENT_TYPE, EXTENSION, Metrics, is_local
from web.service import EXTENSION as SERVICE

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

REQUESTS = "broadsheet_http_requests_total"


def parsed(text: str) -> Samples:
    """The value of each sample by name and labels; none stands there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def scrape(client: FlaskClient) -> Samples:
    response = client.get("/metrics")
    assert (response.status_code, response.content_type) == (200, CONTENT_TYPE)
    return parsed(response.text)


@contextmanager
def fresh(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions[SERVICE].close()


@pytest.fixture
def counting(example_settings: Settings) -> Iterator[FlaskClient]:
    """A client of an app that has counted nothing yet."""
    with fresh(example_settings) as client:
        yield client


def ask(client: FlaskClient, *urls: str) -> None:
    for url in urls:
        with client.get(url) as response:
            response.get_data()


def test_requests_are_counted_by_rule_method_and_status(counting: FlaskClient) -> None:
    ask(counting, "/article/none/a", "/article/none/b", "/article/none/c", "/nothing/1", "/nothing/2", "/help")
    for method in ("BREW", "X" * 1000, "PROPFIND"):
        counting.open("/help", method=method).get_data()
    counting.head("/help").get_data()
    samples = scrape(counting)
    article = "/article/<path:article_id>"
    assert value(samples, REQUESTS, route=article, method="GET", status="404") == 3
    assert value(samples, REQUESTS, route="none", method="GET", status="404") == 2
    assert value(samples, REQUESTS, route="none", method="other", status="405") == 3
    assert value(samples, REQUESTS, route="/help", method="HEAD", status="200") == 1
    assert value(samples, "broadsheet_http_request_duration_seconds_count", route="/help") == 2
    assert value(samples, "broadsheet_http_request_duration_seconds_bucket", route="/help", le="+Inf") == 2
    assert value(samples, "broadsheet_http_request_duration_seconds_sum", route=article) > 0


def test_searches_are_counted(counting: FlaskClient) -> None:
    ask(counting, "/?q=ferry", "/api/v1/search?q=ferry&page=2", "/api/v1/search?q=xyzzyqwert", "/suggest?q=fe")
    samples = scrape(counting)
    assert value(samples, "broadsheet_search_duration_seconds_count") == 3
    assert 0 < value(samples, "broadsheet_search_duration_seconds_sum") < 30
    assert value(samples, "broadsheet_searches_without_results_total") == 1
    assert value(samples, "broadsheet_searches_partial_total") == 0


def test_the_index_is_described_without_what_is_hidden(build_app: BuildApp) -> None:
    files = {"a.md": "---\ntitle: A\n---\n", "b.md": "---\ntitle: B\nremoved: true\n---\n", "c.md": "---\nt: [\n---\n"}
    response = build_app(files).test_client().get("/metrics")
    samples = parsed(response.text)
    assert value(samples, "broadsheet_ready") == 1
    assert value(samples, "broadsheet_index_articles") == 1
    assert value(samples, "broadsheet_index_rejects") == 1
    assert 0 <= value(samples, "broadsheet_index_age_seconds") < 600
    assert "hidden" not in response.text


def test_without_an_index_there_are_metrics_all_the_same(tmp_path: Path) -> None:
    with fresh(Settings(index=str(tmp_path / "none"))) as client:
        samples = scrape(client)
    assert value(samples, "broadsheet_ready") == 0
    assert not any(name.startswith("broadsheet_index") for name, _ in samples)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_the_process_is_described(counting: FlaskClient) -> None:
    samples = scrape(counting)
    assert value(samples, "process_resident_memory_bytes", worker="1") > 1_000_000
    assert value(samples, "process_cpu_seconds_total", worker="1") > 0


@pytest.mark.parametrize(
    ("address", "headers", "proxies", "local"),
    [
        ("127.0.0.1", {}, 0, True),
        ("127.8.9.1", {}, 0, True),
        ("::1", {}, 0, True),
        ("::ffff:127.0.0.1", {}, 0, True),
        ("::ffff:10.0.0.1", {}, 0, False),
        ("10.0.0.1", {}, 0, False),
        ("", {}, 0, False),
        ("unknown", {}, 0, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 0, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 0, False),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 0, False),
        ("127.0.0.1", {"Via": "1.1 somebody"}, 0, False),
        # With proxies, the address is already that which they say.
        ("127.0.0.1", {}, 1, True),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 1, True),
        ("203.0.113.9", {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, 1, False),
        # Fewer were passed than there should be: the address is a proxy's.
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 2, False),
        ("127.0.0.1", {"X-Forwarded-For": ""}, 1, False),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.9"}, 1, False),
    ],
)
def test_who_is_on_this_machine(address: str, headers: dict[str, str], proxies: int, local: bool) -> None:
    with Flask(__name__).test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": address}) as context:
        assert is_local(context.request, proxies) == local


def test_others_find_nothing_at_this_address(counting: FlaskClient) -> None:
    there = counting.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.1"})
    nowhere = counting.get("/api/v1/metrics", environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
    assert there.status_code == 404


def test_the_setting_opens_and_closes_it(example_index: Path) -> None:
    with fresh(Settings(index=str(example_index), metrics="all")) as client:
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.1"}).status_code == 200
    with fresh(Settings(index=str(example_index), metrics="off")) as client:
        ask(client, "/?q=ferry")
        assert client.get("/metrics").status_code == 404
        assert EXTENSION not in client.application.extensions


def test_two_apps_of_one_process_count_apart(example_settings: Settings) -> None:
    with fresh(example_settings) as one, fresh(example_settings) as other:
        ask(one, "/help")
        assert value(scrape(one), REQUESTS, route="/help", method="GET", status="200") == 1
        assert value(scrape(other), REQUESTS, route="/help", method="GET", status="200") == 0
        assert isinstance(one.application.extensions[EXTENSION], Metrics)


def fetch(url: str, **headers: str) -> str:
    # A connection of its own each time, so that workers take turns.
    with urlopen(Request(url, headers={"Connection": "close", **headers}), timeout=30) as response:
        return str(response.read().decode())


def test_workers_count_as_one_and_a_new_one_goes_on_for_the_dead(example_index: Path, tmp_path: Path) -> None:
    with served(example_index, tmp_path / "run") as server:
        (directory,) = (tmp_path / "run" / "tmp").glob("broadsheet-*")

        def workers() -> dict[str, int]:
            return {path.name: int(path.read_text() or 0) for path in directory.glob("*.pid")}

        def counted() -> float:
            samples = parsed(fetch(f"{server.address}/metrics"))
            return value(samples, REQUESTS, route="/help", method="GET", status="200")

        wait_for(lambda: len(workers()) == 2)
        for _ in range(40):
            fetch(f"{server.address}/help")
        wait_for(lambda: counted() == 40)  # an answer is counted when it is sent, so after it was read
        assert {counted() for _ in range(10)} == {40}  # whichever worker is asked
        before = workers()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(workers()) == 2 and not set(workers().values()) & set(before.values()))
        for _ in range(20):
            fetch(f"{server.address}/help")
        wait_for(lambda: counted() == 60)
        samples = parsed(fetch(f"{server.address}/metrics"))
        seen = {dict(labels)["worker"] for name, labels in samples if name == "process_cpu_seconds_total"}
        assert seen <= {"1", "2"}
        assert {path.name for path in directory.glob("*.db")} == {
            f"{kind}_{number}.db" for kind in ("counter", "histogram") for number in (1, 2)
        }
        with pytest.raises(HTTPError) as refused:
            fetch(f"{server.address}/metrics", **{"X-Forwarded-For": "127.0.0.1"})
        with refused.value as answer:
            assert answer.code == 404
        server.end()
        assert not list((tmp_path / "run" / "tmp").iterdir())


def test_without_metrics_a_server_makes_no_files(example_index: Path, tmp_path: Path) -> None:
    with served(example_index, tmp_path / "run", metrics="off") as server:
        fetch(f"{server.address}/help")
        assert not list((tmp_path / "run" / "tmp").glob("broadsheet-*"))
        server.end()
