"""The rate limit: who is counted, what every answer says of it, and a storage that fails."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse_many
from limits.storage import MemoryStorage
from test_api import assert_problem

from index.errors import UsageError
from index.settings import Settings
from web import create_app
from web.rate_limit import Limiter, Memory, client_of, read_limiter
from web.service import EXTENSION

URL = "/api/v1/status"

Limited = Callable[..., Flask]


@pytest.fixture
def limited(example_settings: Settings) -> Iterator[Limited]:
    apps: list[Flask] = []

    def make(rate_limit: str, **more: Any) -> Flask:
        apps.append(create_app(Settings(index=example_settings.index, rate_limit=rate_limit, **more)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions[EXTENSION].close()


def get(client: FlaskClient, url: str = URL, address: str = "192.0.2.1", **headers: str) -> Any:
    return client.get(url, headers=headers, environ_overrides={"REMOTE_ADDR": address})


def test_without_the_setting_nothing_is_counted(client: FlaskClient) -> None:
    response = get(client)
    assert not {"RateLimit", "RateLimit-Policy", "Retry-After"} & {*response.headers.keys()}


def test_one_request_too_many_is_refused_and_told_when_to_come_back(limited: Limited) -> None:
    client = limited("3/hour").test_client()
    for remaining in (2, 1, 0):
        response = get(client)
        assert response.status_code == 200
        assert response.headers["RateLimit-Policy"] == '"hour";q=3;w=3600'
        assert response.headers["RateLimit"].startswith(f'"hour";r={remaining};t=')
        assert "Retry-After" not in response.headers
    response = get(client)
    assert_problem(response, 429)
    assert 3590 <= int(response.headers["Retry-After"]) <= 3600
    assert response.headers["RateLimit"] == f'"hour";r=0;t={response.headers["Retry-After"]}'
    assert get(client, address="192.0.2.2").status_code == 200


def test_after_the_window_there_is_room_again(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    client = limited("1/minute").test_client()
    assert [get(client).status_code for _ in range(2)] == [200, 429]
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert get(client).status_code == 200


def test_of_several_limits_each_holds(limited: Limited) -> None:
    client = limited("2/minute; 3 per 2 hours").test_client()
    assert [get(client).status_code for _ in range(3)] == [200, 200, 429]
    response = get(client)
    assert response.headers["RateLimit-Policy"] == '"minute";q=2;w=60, "2 hour";q=3;w=7200'
    assert int(response.headers["Retry-After"]) > 60  # by now the other one, too


def test_everything_of_the_api_counts_and_nothing_else(limited: Limited) -> None:
    client = limited("2/minute").test_client()
    for url in ("/", "/healthz", "/feed.atom", "/static/icon.svg", "/suggest?q=f"):
        with get(client, url) as response:
            assert response.status_code == 200
            assert "RateLimit" not in response.headers
    assert client.options(URL, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 204
    assert get(client, "/api/none").status_code == 404
    assert get(client, "/api/v1/search?size=x").status_code == 400
    assert get(client).status_code == 429
    assert get(client, "/").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("unknown", "192.0.2.1", False),
        ("", "192.0.2.1", False),
    ],
)
def test_a_client_is_an_address_or_a_household(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


@pytest.mark.parametrize(("proxies", "refused"), [(0, True), (1, False)])
def test_behind_a_proxy_clients_are_told_apart(limited: Limited, proxies: int, refused: bool) -> None:
    client = limited("1/minute", proxies=proxies).test_client()
    seen = [get(client, **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in (1, 2)]
    assert seen == [200, 429 if refused else 200]


class Fragile(MemoryStorage):
    """A storage that works while it is told to."""

    STORAGE_SCHEME = ["fragile"]  # noqa: RUF012 - as the library has it
    works = False
    asked = 0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        Fragile.asked += 1
        if not Fragile.works:
            raise ConnectionError("nobody there")
        return super().incr(key, expiry, amount)


def test_a_storage_that_fails_stops_nothing(
    limited: Limited, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = limited("3/hour", rate_limit_storage="fragile://").test_client()
    monkeypatch.setattr("web.rate_limit.ASIDE_S", 1e9)
    with caplog.at_level(logging.WARNING):
        assert [get(client).status_code for _ in range(4)] == [200, 200, 200, 429]  # counted in memory
    assert Fragile.asked == 1  # and then left alone
    assert caplog.text.count("nobody there") == 1
    client = limited("3/hour", rate_limit_storage="fragile://").test_client()
    monkeypatch.setattr("web.rate_limit.ASIDE_S", 0.0)
    assert get(client).status_code == 200
    monkeypatch.setattr(Fragile, "works", True)
    assert get(client).headers["RateLimit"].startswith('"hour";r=2')  # counted there again
    assert get(client).headers["RateLimit"].startswith('"hour";r=1')


def test_no_thread_is_begun_for_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", None)  # the library's own storage begins one each time
    limiter = read_limiter(Settings(rate_limit="5/second"))
    assert limiter
    assert [left.remaining for left in (*limiter.take("a"), *limiter.take("b"), *limiter.take("a"))] == [4, 4, 3]


def test_clients_are_forgotten_when_their_windows_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, now = Memory(), time.time()
    monkeypatch.setattr("web.rate_limit.time.time", lambda: now)
    for number in range(1_000):
        assert memory.incr(str(number), 5 if number else 500) == 1
    now += 100
    assert [memory.get(key) for key in ("0", "1")] == [1, 0]
    assert memory.incr("1", 5) == 1
    assert memory.reset() == 2  # "0" and "1"


def test_requests_at_once_are_all_counted() -> None:
    limiter = Limiter(parse_many("1000/hour"), Memory())
    with ThreadPoolExecutor(8) as pool:
        taken = [left for found in pool.map(limiter.take, ["a"] * 1_200) for left in found]
    assert sum(left.exceeded for left in taken) == 200


@pytest.mark.parametrize("text", ["x", "100", "100/fortnight", "0/minute", "-1/minute", "1.5/minute"])
def test_what_is_no_limit_is_told_at_the_start(limited: Limited, text: str) -> None:
    with pytest.raises(UsageError, match="setting 'rate_limit'") as raised:
        limited(text)
    assert raised.value.setting == "rate_limit"


@pytest.mark.parametrize("address", ["x", "nothing://", "async+memory://", "nothing://user:secret@host"])
def test_what_is_no_storage_is_told_at_the_start(limited: Limited, address: str) -> None:
    with pytest.raises(UsageError, match="setting 'rate_limit_storage'") as raised:
        limited("1/minute", rate_limit_storage=address)
    assert raised.value.setting == "rate_limit_storage"
    assert "secret" not in str(raised.value)
