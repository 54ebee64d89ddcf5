"""Hostile requests, as bytes to a real server: each is answered in time and in words, and memory stays bounded."""

import json
import os
import random
import re
import socket
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import ROOT

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings

BUDGET_S = 1.0
GRACE_S = 6.0
"""Beyond the budget: what it takes to write an answer on a machine that has other work."""
MEMORY_MB = 300
"""How much a worker may grow while all this is asked."""

SEARCH = "/api/v1/search?q="
WORDS = 60_000


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    took_s: float

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The port of a server with one worker over an archive of many different words, and the worker's process id."""
    folder = tmp_path_factory.mktemp("hostile")
    archive = folder / "site"
    archive.mkdir()
    chance = random.Random(7)
    vocabulary = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9))) for _ in range(WORDS)]
    for i in range(300):
        body = " ".join([*chance.choices(vocabulary, k=600), *["common words side by side"] * 200])
        (archive / f"{i}.md").write_text(f"---\ntitle: {vocabulary[i]}\ntopics: [t{i}, all]\n---\n{body}\n")
    reindex([ArchiveSpec("site", archive)], Settings(index=str(folder / "index")))
    command = [
        sys.executable, "-c", "from web.cli import main; main()",
        "serve", "--index", str(folder / "index"), "--port", "0", "--workers", "1",
    ]  # fmt: skip
    settings = {"BROADSHEET_BUDGET_MS": str(int(BUDGET_S * 1000)), "BROADSHEET_ACCESS_LOG": "off"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BROADSHEET_")}
    with (folder / "log").open("w") as log:
        environment = {**clean, **settings}
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert process.stdout
        port = int(process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        ask(port, "/api/v1/status")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        worker = int(children.read_text().split()[0]) if children.exists() else 0
        yield port, worker
        process.terminate()
        rest, _ = process.communicate(timeout=30)
        assert rest == ""
    assert "Traceback" not in (folder / "log").read_text()


def send(port: int, request: bytes) -> Answer | None:
    """What is answered to these bytes; None where the connection is closed without an answer."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=BUDGET_S + GRACE_S) as connection:
        connection.sendall(request)
        try:
            connection.shutdown(socket.SHUT_WR)
            raw = b"".join(iter(lambda: connection.recv(65_536), b""))
        except ConnectionError:
            return None
    if not raw:
        return None
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Answer(int(lines[0].split()[1]), headers, body, time.monotonic() - started)


def _unchunked(data: bytes) -> bytes:
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        out += data[:length]
        data = data[length + 2 :]
    return out


def ask(port: int, target: str | bytes, method: str = "GET", headers: str = "") -> Answer | None:
    raw = target if isinstance(target, bytes) else target.encode("latin-1")
    head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n".encode("latin-1")
    return send(port, method.encode() + b" " + raw + head)


def q(text: str) -> str:
    return SEARCH + quote(text)


LETTERS = string.ascii_lowercase

# What is strange is in `q` alone: answered, with notes where not all of it was used.
QUERIES = {
    "a long query": "word " * 190,
    "longer than is read": "x" * 3_000,
    "one endless word": "a" * 999,
    "every prefix": " ".join(f"{letter}*" for letter in LETTERS),
    "prefixes of two letters": " ".join(f"{a}{b}*" for a in LETTERS[:14] for b in LETTERS[:14])[:999],
    "prefixes in every field": " ".join(f"title:{a}* body:{a}* excerpt:{a}*" for a in LETTERS)[:999],
    "not a prefix": " ".join(f"-{letter}*" for letter in LETTERS),
    "a star": "*",
    "stars": "* " * 300,
    "parentheses": "(" * 400 + "a" + ")" * 400,
    "parentheses left open": "(((a OR (b AND (" * 50,
    "nothing but operators": "AND OR NOT AND AND OR NOT " * 30,
    "negations": "-" * 500 + "a",
    "not not not": "NOT " * 200 + "common",
    "quotes": '"' * 777,
    "a long phrase": '"' + "common words side by side " * 39 + '"',
    "many phrases": '"common words" "side by side" "by side" ' * 20,
    "unknown words": " ".join(f"zq{a}{b}xj" for a in LETTERS for b in LETTERS)[:999],
    "near words": " ".join(f"comon{a} wrods{a}" for a in LETTERS),
    "many words with OR": " OR ".join(f"w{a}{b}" for a in LETTERS for b in LETTERS)[:999],
    "colons": ":" * 500,
    "unknown fields": "nothing:x " * 90,
    "fields of fields": "title:title:title:title:x",
    "dates that are none": "before:9999-99-99 after:0000 date:2021..1999 date:x..y",
    "dates without end": "date:0001..9999 " * 60,
    "an address": "http://" + "a" * 900,
    "a relative address": "../../etc/passwd",
    "a script": "<script>alert(1)</script>",
    "a format": "%s%n%x {0} {} {self.__class__} ${jndi:ldap://x}",
    "sql": "'; DROP TABLE articles; --",
    "a regular expression": "(a+)+$ [a-z]{1000} .*.*.*",
    "nul": "a\0b",
    "control characters": "".join(map(chr, range(1, 32))),
    "directions": "\u202e\u2066\u200f reversed \u2069",
    "combining marks": "e" + "\u0301" * 900,
    "unpaired quotes and dashes": "\u201c\u00bb\u2014\u2013 - -- ---",
    "every plane": "\U0001f600\U0010ffff\ufffe\ud7ff\u3400",
    "ligatures that grow": "\ufdfa" * 300,
    "digits of every script": "\u0663\uff13\u096d\U0001d7d8",
    "white space": "\u3000\u2003\u00a0\t\n\r " * 50,
}

# What `q` says is no UTF-8, or no percent-encoding.
RAW_QUERIES = {
    "escaped bytes": SEARCH.encode() + b"%ff%fe%c0%af",
    "half a character": SEARCH.encode() + b"%e2%82",
    "a surrogate": SEARCH.encode() + b"%ed%a0%80",
    "an escaped nul": SEARCH.encode() + b"a%00b",
    "broken escapes": SEARCH.encode() + b"%zz%%%2",
}

# A parameter that cannot be read, or an address where nothing is.
REFUSED: dict[str, tuple[str, int]] = {
    "a huge page": ("/api/v1/search?page=999999999", 400),
    "a page beyond numbers": ("/api/v1/search?page=" + "9" * 4_000, 400),
    "a negative page": ("/api/v1/search?page=-1", 400),
    "a page of words": ("/api/v1/search?page=two", 400),
    "a fraction": ("/api/v1/search?size=1e1", 400),
    "infinite size": ("/api/v1/search?size=Infinity", 400),
    "a list of sizes": ("/api/v1/search?size[]=5", 400),
    "an object": ("/api/v1/search?q[$ne]=1", 400),
    "twice": ("/api/v1/search?sort=id&sort=newest", 400),
    "an unknown parameter": ("/api/v1/search?__proto__=1", 400),
    "thousands of parameters": ("/api/v1/search?" + "&".join(f"p{i}=1" for i in range(1_500)), 400),
    "too many values": ("/api/v1/search?" + "&".join(f"topic=t{i}" for i in range(1_000)), 400),
    "a facet that is none": ("/api/v1/search?facets=topic:99999", 400),
    "thousands of facets": ("/api/v1/search?facets=" + "topic," * 1_500 + "x", 400),
    "fields that are none": ("/api/v1/search?fields=__class__,hidden,secured", 400),
    "a forged cursor": ("/api/v1/search?cursor=" + "A" * 2_000, 404),
    "a nested cursor": ("/api/v1/search?cursor=" + "W1tb" * 3_000, 404),
    "a date beyond dates": ("/api/v1/search?from=99999-01-01", 400),
    "an empty parameter": ("/api/v1/search?topic=", 400),
    "an interval of none": ("/api/v1/timeline?interval=second", 400),
    "a format of none": ("/api/v1/export?format=pickle", 400),
    "a facet by another name": ("/api/v1/facets/__dict__", 404),
    "no address": ("/api/v1/articles", 400),
    "parents": ("/api/v1/articles/../../../etc/passwd", 404),
    "escaped parents": ("/api/v1/articles/%2e%2e/%2e%2e/etc/passwd", 404),
    "twice escaped parents": ("/api/v1/articles/%252e%252e%252fetc", 404),
    "backslashes": ("/api/v1/articles/..\\..\\windows", 404),
    "a nul in a path": ("/api/v1/articles/a%00.md", 404),
    "slashes": ("/api/v1/articles/" + "/" * 500, 404),
    "a file of ours": ("/static/../app.py", 404),
    "an escaped file of ours": ("/static/%2e%2e/app.py", 404),
    "the index": ("/static/../../index/CURRENT", 404),
    "a long path": ("/api/v1/" + "a/" * 5_000, 404),
    "a long address": ("/api/v1/search?q=" + "a" * 40_000, 414),
    "another version": ("/api/v999/search", 404),
}

METHODS = {"POST": 405, "PUT": 405, "DELETE": 405, "PATCH": 405, "PROPFIND": 405, "TRACE": 405}

# Headers beside a good request: what they say is not believed, or refused.
HEADERS: dict[str, tuple[str, set[int]]] = {
    "a host of elsewhere": ("X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: javascript\r\n", {200}),
    "a prefix from elsewhere": ("X-Forwarded-Prefix: //evil.example\r\nX-Script-Name: /x\r\n", {200}),
    "another address": ("X-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n", {200}),
    "many languages": ("Accept-Language: " + ",".join(f"x{i};q=0.{i}" for i in range(400)) + "\r\n", {200}),
    "many types": ("Accept: " + ",".join(f"a/b{i}" for i in range(400)) + ",*/*;q=0.1\r\n", {200}),
    "broken types": ("Accept: ;;;,,,/;q=x\r\n", {200, 406}),
    "many etags": ("If-None-Match: " + ", ".join(f'"{i}"' for i in range(500)) + "\r\n", {200}),
    "an etag left open": ('If-None-Match: W/"\r\n', {200}),
    "dates of none": ("If-Modified-Since: Thu, 99 Foo 99999\r\n", {200}),
    "ranges": ("Range: bytes=0-,1-,2-,3-,-999999999999\r\n", {200, 206, 416}),
    "encodings": ("Accept-Encoding: gzip;q=nan, br;q=-1, *;q=99\r\n", {200}),
    "cookies": ("Cookie: " + "a=b; " * 1_000 + "\r\n", {200}),
    "a request id": ("X-Request-ID: " + "<script>" * 100 + "\r\n", {200}),
    "an origin": ("Origin: null\r\nAccess-Control-Request-Method: DELETE\r\n", {200}),
    "a body": ("Content-Length: 5\r\n", {200, 400}),
}

# Malformed HTTP: the server may refuse it as it likes, or close the connection, as long as it goes on.
MALFORMED: dict[str, bytes] = {
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunks": (
        b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    ),
    "a smuggled request": b"GET / HTTP/1.1\r\nHost: x\r\nX: y\nGET /admin HTTP/1.1\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "a nul in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
    "two hosts": b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /api/v1/status HTTP/1.1\r\n\r\n",
    "an odd host": b"GET /api/v1/status HTTP/1.1\r\nHost: a b<script>\r\n\r\n",
    "bytes in an address": b"GET " + SEARCH.encode() + b"\xff\xfe\xfa HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a header without end": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000,
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(5_000)) + b"\r\n",
    "an address of elsewhere": b"GET http://evil.example/api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a request": b"GET /api/v1/sea",
    "a chunk without end": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
}


def assert_in_time(answer: Answer | None) -> Answer:
    assert answer is not None
    assert answer.took_s < BUDGET_S + GRACE_S
    assert b"Traceback" not in answer.body
    return answer


def assert_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer.body[:300]
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert "#problem-" in problem["type"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_strange_query_is_answered_with_notes(server: tuple[int, int], name: str) -> None:
    text = QUERIES[name]
    answer = assert_in_time(ask(server[0], q(text)))
    assert answer.status == 200
    found = answer.json()
    assert found["took_ms"] < (BUDGET_S + GRACE_S) * 1_000
    assert len(answer.body) < 300_000
    for note in found["query"]["notes"]:
        assert note["position"] is None or 0 <= note["position"][0] <= note["position"][1] <= len(text)
    if len(text) > 1_000 or found["partial"]:
        assert any(note["kind"] == "ignored" for note in found["query"]["notes"])
    for path in ("/?q=", "/api/v1/suggest?q=", "/api/v1/facets/topic?q=", "/api/v1/timeline?q=", "/feed.json?q="):
        assert assert_in_time(ask(server[0], path + quote(text))).status == 200


@pytest.mark.parametrize("name", RAW_QUERIES)
def test_a_query_that_is_no_text_is_answered(server: tuple[int, int], name: str) -> None:
    answer = assert_in_time(ask(server[0], RAW_QUERIES[name]))
    assert answer.status == 200
    assert "\0" not in answer.json()["query"]["q"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_a_problem_that_says_so(server: tuple[int, int], name: str) -> None:
    target, status = REFUSED[name]
    answer = assert_in_time(ask(server[0], target))
    if target.startswith("/api/"):
        assert_problem(answer, status)
        if status == 400:
            assert answer.json()["parameter"]
    else:
        assert answer.status == status
        assert b"def create_app" not in answer.body


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_refused(server: tuple[int, int], method: str) -> None:
    answer = assert_in_time(ask(server[0], "/api/v1/search", method))
    assert_problem(answer, METHODS[method])
    assert "GET" in answer.headers["allow"]


def test_a_body_is_not_wanted(server: tuple[int, int]) -> None:
    answer = assert_in_time(ask(server[0], "/api/v1/search", headers="Content-Length: 100000\r\n"))
    assert_problem(answer, 413)


@pytest.mark.parametrize("name", HEADERS)
def test_strange_headers_change_nothing(server: tuple[int, int], name: str) -> None:
    headers, expected = HEADERS[name]
    answer = assert_in_time(ask(server[0], "/api/v1/search?q=common&size=2", headers=headers))
    assert answer.status in expected
    assert b"evil.example" not in answer.body
    assert "evil" not in str(answer.headers)
    assert "<script>" not in str(answer.headers)
    page = assert_in_time(ask(server[0], "/?q=common", headers=headers))
    assert page.status in expected | {200}
    assert b"evil.example" not in page.body


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_stop_nothing(server: tuple[int, int], name: str) -> None:
    answer = send(server[0], MALFORMED[name])
    if answer is not None:
        assert answer.took_s < BUDGET_S + GRACE_S
        assert b"Traceback" not in answer.body
        assert answer.status < 500 or answer.status in {501, 505}
    assert assert_in_time(ask(server[0], "/healthz")).status == 200


def test_memory_stays_bounded(server: tuple[int, int]) -> None:
    port, worker = server
    if not worker:
        pytest.skip("no /proc to read a process's memory from")

    def resident_mb() -> float:
        text = Path(f"/proc/{worker}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+)", text)
        assert match
        return int(match[1]) / 1024

    ask(port, q("common"))
    before = resident_mb()
    for _ in range(2):
        for text in QUERIES.values():
            ask(port, q(text))
        for target, _status in REFUSED.values():
            ask(port, target)
        ask(port, "/api/v1/export?format=csv&fields=text")
    assert resident_mb() - before < MEMORY_MB
