"""Request ids and the log: one JSON object a line, whatever a client sends."""

import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from serving import served

from index.settings import Settings
from web.access import register_access
from web.logs import ACCESS, REQUEST_ID, JsonFormatter, _is_news, _LineHandler, _without_queries

NEW_ID = re.compile(r"[0-9a-f]{32}")


def written(record: logging.LogRecord) -> Any:
    """What the log holds of a record: one line of printable ASCII."""
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def message(text: str) -> logging.LogRecord:
    return logging.LogRecord("a.log", logging.WARNING, "", 0, "%s", (text,), None)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, ACCESS)
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[Any]:
    return [written(record) for record in log.records if record.name == ACCESS]


def small_app(settings: Settings) -> Flask:
    """An app whose answers come in pieces, and break off."""
    app = Flask(__name__)

    @app.get("/stream/<int:size>")
    def stream(size: int) -> Response:
        return Response(iter([b"ab"] * size))

    @app.get("/breaks")
    def breaks() -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("secret detail")

        return Response(pieces())

    register_access(app, settings)
    return app


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_a_sane_request_id_is_kept(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers.getlist("X-Request-ID") == [given]


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "a,b", 'a"b', "ä", "a/b"])
def test_any_other_is_replaced(client: FlaskClient, given: str) -> None:
    (answered,) = client.get("/healthz", headers={"X-Request-ID": given}).headers.getlist("X-Request-ID")
    assert NEW_ID.fullmatch(answered)


def test_every_answer_has_its_own_id(client: FlaskClient) -> None:
    urls = ("/", "/api/v1/search?size=x", "/nothing", "/healthz", "/static/icon.svg", "/metrics", "/feed.atom")
    found = set()
    for url in urls:
        with client.get(url) as response:
            found.add(response.headers["X-Request-ID"])
    assert len(found) == len(urls)
    assert all(map(NEW_ID.fullmatch, found))


def test_a_line_says_what_was_answered_and_not_what_was_searched(
    client: FlaskClient, log: pytest.LogCaptureFixture
) -> None:
    response = client.get("/api/v1/search?q=ferry", headers={"X-Request-ID": "abc", "User-Agent": "somebody"})
    size = len(response.data)
    (line,) = lines(log)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert 0 < line.pop("ms") < 60_000
    assert line == {
        "level": "info", "log": ACCESS, "method": "GET", "path": "/api/v1/search", "status": 200,
        "bytes": size, "client": "127.0.0.1",
    }  # fmt: skip
    assert "ferry" not in log.text
    assert "somebody" not in log.text


def test_the_full_log_has_parameters_and_browser(log: pytest.LogCaptureFixture) -> None:
    client = small_app(Settings(access_log="full")).test_client()
    client.get("/stream/3?q=a%0Ab&x", headers={"User-Agent": "some\x1bbody"}).get_data()
    (line,) = lines(log)
    assert (line["query"], line["user_agent"], line["bytes"]) == ("q=a%0Ab&x", "some\x1bbody", 6)


def test_without_the_log_nothing_is_written(log: pytest.LogCaptureFixture) -> None:
    client = small_app(Settings(access_log="off")).test_client()
    assert client.get("/stream/3").headers["X-Request-ID"]
    assert not log.records


def test_a_streamed_answer_is_logged_at_its_end(log: pytest.LogCaptureFixture) -> None:
    client = small_app(Settings()).test_client()
    with client.get("/stream/1000") as whole:
        assert not lines(log)
        assert len(whole.data) == 2000
        assert [line["bytes"] for line in lines(log)] == [2000]
    with client.get("/stream/1000") as left:
        next(left.iter_encoded())
    assert [line["bytes"] for line in lines(log)] == [2000, 2]


def test_an_answer_that_breaks_off_is_logged_with_its_fault(log: pytest.LogCaptureFixture) -> None:
    client = small_app(Settings()).test_client()
    with client.get("/breaks", headers={"X-Request-ID": "abc"}) as response, pytest.raises(RuntimeError):
        response.get_data()
    assert [line["bytes"] for line in lines(log)] == [3]
    assert "secret detail" in log.text
    assert REQUEST_ID.get() == ""


def test_lines_of_one_request_have_its_id(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    found = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(written(record))

    def fail(*_: object) -> None:
        raise RuntimeError("secret\ndetail")

    monkeypatch.setattr("web.api.render_status", fail)
    handler = Keep()
    logging.getLogger().addHandler(handler)
    try:
        with client.get("/api/v1/status", headers={"X-Request-ID": "abc"}) as response:
            assert response.status_code == 500
    finally:
        logging.getLogger().removeHandler(handler)
    error, access = found
    assert (error["request_id"], error["level"], error["message"]) == ("abc", "error", "cannot answer '/api/v1/status'")
    assert "secret\ndetail" in error["traceback"]
    assert (access["request_id"], access["status"]) == ("abc", 500)


@given(text=st.text())
def test_no_text_ends_or_forges_a_line(text: str) -> None:
    assert written(message(text))["message"] == text


any_path = st.text(st.characters(codec="utf-8"), max_size=2_000)


@given(path=any_path, agent=st.text(st.characters(codec="latin-1"), max_size=2_000))
def test_no_request_takes_more_than_a_pipe_takes_at_once(path: str, agent: str) -> None:
    found = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(JsonFormatter().format(record))

    app = small_app(Settings(access_log="full"))
    logger, handler = logging.getLogger(ACCESS), Keep()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        environ = {"HTTP_USER_AGENT": agent, "QUERY_STRING": quote(path)[:3_000], "REQUEST_METHOD": "GET"}
        environ |= {"PATH_INFO": "/" + path.encode().decode("latin-1"), "REMOTE_ADDR": "::1", "wsgi.url_scheme": "http"}
        environ["SERVER_NAME"], environ["SERVER_PORT"] = "localhost", "80"
        list(app(environ, lambda *_: print))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    (line,) = found
    assert len(line) < 4_096
    assert line.isascii()
    assert line.isprintable()
    assert ("/" + path).startswith(json.loads(line)["path"])


def test_other_logs_get_no_line_ends_either(client: FlaskClient, log: pytest.LogCaptureFixture) -> None:
    client.get("/a%0Ab%1B%C2%9B").get_data()
    (record,) = [record for record in log.records if record.name == ACCESS]
    assert record.getMessage().isprintable()


def test_what_cannot_be_written_is_lost_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler = _LineHandler(writing)
    handler.handle(message("to nobody"))  # a broken pipe
    os.close(writing)
    handler.handle(message("to nothing"))  # a closed descriptor


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Error handling request GET /search?q=secret", "Error handling request GET /search…"),
        (
            "Invalid request from ip=1.2.3.4: Invalid HTTP Version: 'secret HTTP/1.1'",
            "Invalid request from ip=1.2.3.4: Invalid HTTP Version: …",
        ),
        ("Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",) * 2,
    ],
)
def test_gunicorn_does_not_say_what_was_searched(said: str, kept: str) -> None:
    record = message(said)
    assert _without_queries(record)
    assert record.getMessage() == kept


def raw(address: str, request: bytes) -> bytes:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


def test_a_server_logs_lines_and_nothing_else(example_index: Path, tmp_path: Path) -> None:
    with served(example_index, tmp_path / "run") as server:
        asked = Request(f"{server.address}/api/v1/search?q=secretive", headers={"X-Request-ID": "from-a-proxy"})
        with urlopen(asked, timeout=30) as response:
            body = response.read()
            assert response.headers["X-Request-ID"] == "from-a-proxy"
        raw(server.address, b"GET /?q=secretive words HTTP/1.1\r\n\r\n")
        raw(server.address, b"GET /forged%0A%7B%22a%22:1%7D HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        server.end()
        text = server.log.read_text()
    found = [json.loads(line) for line in text.splitlines()]
    assert "secretive" not in text
    access = [line for line in found if line["log"] == ACCESS]
    assert [line["path"] for line in access] == ["/api/v1/search", '/forged\n{"a":1}']
    assert (access[0]["request_id"], access[0]["bytes"]) == ("from-a-proxy", len(body))
    (refused,) = [line for line in found if line["log"] == "gunicorn.error"]
    assert refused["message"] == "Invalid request from ip=127.0.0.1: Invalid HTTP Version: …"


def test_a_server_answers_after_its_log_is_gone(example_index: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with served(example_index, tmp_path / "run", errors=writing) as server:
        os.close(writing)
        os.close(reading)
        for _ in range(4):
            with urlopen(f"{server.address}/api/v1/search?q=ferry", timeout=30) as response:
                assert response.status == 200
        server.end()


def test_a_client_that_was_given_up_is_no_news() -> None:
    record = message("Socket error processing request.")
    assert _is_news(record)
    record.exc_info = (BlockingIOError, BlockingIOError("timed out"), None)
    assert not _is_news(record)
