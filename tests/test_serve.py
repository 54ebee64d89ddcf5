"""A server that really listens: what only shows on the wire."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT

from index.settings import Settings
from web.bounds import MAX_BODY_BYTES
from web.cli import cli
from web.serve import _listen


@pytest.fixture(scope="module")
def port(example_index: Path) -> Iterator[int]:
    """That of a server below /x/y."""
    arguments = ["serve", "--index", str(example_index), "--port", "0", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BROADSHEET_BASE_PATH": "/x/y", "FORWARDED_ALLOW_IPS": "*"}
    with subprocess.Popen(
        [sys.executable, "-c", "from web.cli import main; main()", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        address = re.fullmatch(r"http://127\.0\.0\.1:([0-9]+)/x/y/\n", process.stdout.readline())
        assert address
        yield int(address[1])
        process.kill()


def test_no_forwarded_header_is_believed_even_from_this_machine(port: int) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "SCRIPT_NAME": "/x",
    }
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/x/y/?q=ferry", headers=headers)
        response = connection.getresponse()
        page = response.read().decode()
    assert response.status == 200
    assert f'<link rel="canonical" href="http://127.0.0.1:{port}/x/y/?q=ferry">' in page
    assert "evil" not in page


@pytest.mark.parametrize("size", [1, 1_000, MAX_BODY_BYTES])
@pytest.mark.parametrize("chunked", [True, False])
def test_small_bodies_are_passed_over_and_the_connection_goes_on(port: int, size: int, *, chunked: bool) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        ask_with_body(connection, size, chunked=chunked)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["engine"]) == (200, "whoosh")
        connection.request("GET", "/x/y/api/v1/status")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 999_999])
@pytest.mark.parametrize("chunked", [True, False])
def test_large_bodies_are_refused_before_they_are_read(port: int, size: int, *, chunked: bool) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection, suppress(ConnectionError):
        ask_with_body(connection, size, chunked=chunked)  # the server may have hung up before all was sent
        assert connection.getresponse().status == 413


def ask_with_body(connection: HTTPConnection, size: int, *, chunked: bool) -> None:
    pieces = [b"x" * min(1_000, size - at) for at in range(0, size, 1_000)]
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    body = iter(pieces) if chunked else b"".join(pieces)
    connection.request("GET", "/x/y/api/v1/status", body, headers, encode_chunked=chunked)


def test_head_and_304_have_no_body_on_the_wire(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        path = "/x/y/api/v1/search?q=ferry"
        connection.request("HEAD", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        assert response.read() == b""
        assert response.headers["Content-Encoding"] == "gzip"
        connection.request("GET", path, headers={"If-None-Match": response.headers["ETag"]})
        known = connection.getresponse()
        assert (known.status, known.read()) == (304, b"")
        connection.request("OPTIONS", path)
        assert connection.getresponse().status == 204


def test_a_client_that_stops_in_the_middle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.serve.STALLED_S", 1)
    with closing(_listen(Settings(port=0))) as listener, socket.create_connection(listener.getsockname()) as client:
        client.send(b"GET / HTTP/1.1\r\n")
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100)
            with pytest.raises(BlockingIOError):
                connection.recv(100)
            with pytest.raises(BlockingIOError):
                connection.sendall(bytes(50_000_000))


def test_an_address_of_any_length_is_refused_with_a_reason(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/x/y/api/v1/search?q=" + "a" * 50_000)
        response = connection.getresponse()
        assert response.status == 414
        assert b"problem-address-too-long" in response.read()


@pytest.mark.parametrize("name", ["base_path", "origin", "cors_origins", "rate_limit", "rate_limit_storage", "locale"])
def test_a_setting_that_makes_no_sense_is_told_before_anything_starts(
    name: str, example_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "rate_limit_storage":
        monkeypatch.setenv("BROADSHEET_RATE_LIMIT", "1/minute")
    monkeypatch.setenv(f"BROADSHEET_{name.upper()}", "no sense/")
    result = CliRunner().invoke(cli, ["serve", "--index", str(example_index), "--port", "0"], standalone_mode=False)
    assert result.exit_code == 1
    assert f"setting {name!r}" in str(result.exception)
