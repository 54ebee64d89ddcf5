"""Compressed answers: every coding comes back as it was, and headers say what is sent."""

import zlib
from collections.abc import Callable, Iterator
from typing import cast

import brotli
import pytest
import zstandard
from conftest import BuildApp
from flask import Flask, Response
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header
from werkzeug.test import TestResponse

from index.settings import Settings
from web import create_app
from web.compression import CODINGS, LEAST_BYTES, choose
from web.service import EXTENSION


def gunzip(data: bytes) -> bytes:
    return zlib.decompress(data, zlib.MAX_WBITS + 16)


def unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


DECODERS: dict[str, Callable[[bytes], bytes]] = {"zstd": unzstd, "br": brotli.decompress, "gzip": gunzip}
TEXTS = (
    "/",
    "/?q=ferry",
    "/static/style.css",
    "/static/search.js",
    "/static/icon.svg",
    "/feed.atom",
    "/feed.json",
    "/opensearch.xml",
    "/api/v1/articles/articles/posts/tide-clock",
)


def get(client: FlaskClient, url: str, coding: str, method: str = "GET") -> TestResponse:
    response = client.open(url, method=method, headers={"Accept-Encoding": coding} if coding else {})
    response.get_data()  # of a file, which the test client has open
    response.close()
    return response


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("url", TEXTS)
def test_what_is_compressed_comes_back_whole(client: FlaskClient, url: str, coding: str) -> None:
    plain, coded = get(client, url, ""), get(client, url, coding)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in coded.headers["Vary"]
    if len(plain.data) < LEAST_BYTES:
        assert "Content-Encoding" not in coded.headers
        return
    assert coded.headers["Content-Encoding"] == coding
    assert DECODERS[coding](coded.data) == plain.data
    assert coded.content_length == len(coded.data) < len(plain.data)
    assert coded.content_type == plain.content_type
    head = get(client, url, coding, "HEAD")
    assert head.data == b""
    for headers in (head.headers, coded.headers):
        headers.pop("Date", None)
        headers.pop("X-Request-ID")
    assert head.headers == coded.headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("deflate", None),
        ("GZip", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0", None),
        ("gzip; q=0, *", "zstd"),
        ("zstd;q=0, br;q=0, *;q=0.5", "gzip"),
        ("gzip;q=1.0, br;q=0.8", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("*;q=0", None),
        ("identity;q=0", None),
        ("identity;q=0, gzip", "gzip"),
        ("gzip;q=much", None),
        (";;,=", None),
    ],
)
def test_the_client_chooses(client: FlaskClient, accepted: str | None, coding: str | None) -> None:
    response = get(client, "/?q=ferry", accepted or "")
    assert response.headers.get("Content-Encoding") == coding


@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_breaks_the_choice(header: str) -> None:
    assert choose(parse_accept_header(header, Accept)) in {None, *CODINGS}


def test_small_answers_are_compressed_only_where_nothing_else_is_taken(client: FlaskClient) -> None:
    assert "Content-Encoding" not in get(client, "/healthz", "gzip").headers
    response = get(client, "/healthz", "identity;q=0, gzip")
    assert gunzip(response.data) == b"ok\n"


@pytest.mark.parametrize("url", ["/feed.atom", "/static/style.css", "/api/v1/search?q=ferry"])
@pytest.mark.parametrize("coding", ["", *CODINGS])
def test_an_etag_is_known_again_whatever_the_coding(client: FlaskClient, url: str, coding: str) -> None:
    etag = get(client, url, coding).headers["ETag"]
    assert etag.startswith("W/") == (bool(coding) or url.startswith("/api/"))
    for other in ("", *CODINGS):
        with client.get(url, headers={"Accept-Encoding": other, "If-None-Match": etag}) as response:
            assert (response.status_code, response.data) == (304, b"")
            assert "Accept-Encoding" in response.headers["Vary"]
            assert "Content-Encoding" not in response.headers


def test_parts_of_a_file_are_not_compressed(client: FlaskClient) -> None:
    with client.get("/static/style.css", headers={"Range": "bytes=0-999", "Accept-Encoding": "gzip"}) as response:
        assert (response.status_code, len(response.data)) == (206, 1000)
        assert "Content-Encoding" not in response.headers


def test_error_pages_are_compressed(client: FlaskClient) -> None:
    response = get(client, "/nothing-here", "br")
    assert response.status_code == 404
    assert brotli.decompress(response.data).startswith(b"<!doctype html>")


class Rows:
    """A body that counts how far it was read and whether it was closed."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for number in range(20_000):
            self.given += 1
            yield b'{"row": %d, "text": "the night ferry"}\n' % number

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def streaming(build_app: BuildApp) -> tuple[Flask, Rows]:
    app, rows = build_app({"a.md": "---\ntitle: A\n---\n"}), Rows()
    app.add_url_rule("/api/rows", view_func=lambda: Response(rows, content_type="application/x-ndjson"))
    return app, rows


@pytest.mark.parametrize("coding", CODINGS)
def test_a_stream_is_compressed_as_it_goes(streaming: tuple[Flask, Rows], coding: str) -> None:
    app, rows = streaming
    response = app.test_client().get("/api/rows", headers={"Accept-Encoding": coding}, buffered=False)
    assert "Content-Length" not in response.headers
    pieces = cast("Iterator[bytes]", iter(response.response))
    first = next(pieces)
    assert rows.given < 15_000  # a coder gives something long before the end
    body = first + b"".join(pieces)
    response.close()
    assert rows.closed == 1
    assert DECODERS[coding](body) == b"".join(Rows())


def test_a_stream_that_nobody_reads_is_closed(streaming: tuple[Flask, Rows]) -> None:
    app, rows = streaming
    with app.test_client().head("/api/rows", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
    assert (rows.given, rows.closed) == (0, 1)


def test_problem_documents_are_compressed_too(example_settings: Settings) -> None:
    app = create_app(example_settings)
    response = get(app.test_client(), "/api/v1/search?" + "x" * 600 + "=1", "gzip")
    app.extensions[EXTENSION].close()
    assert response.status_code == 400
    assert b'"bad-parameter' not in response.data
    assert b"problem-bad-parameter" in gunzip(response.data)
