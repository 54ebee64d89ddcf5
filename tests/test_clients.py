"""Commands that ask an index or a site: both print the same, sites are not trusted, exports are whole or not there."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browsing import serving
from click.testing import CliRunner, Result
from conftest import ROOT, BuildApp
from flask import Flask
from flask.testing import FlaskClient

from index.errors import EngineUnreachableError, OutOfBudgetError, UsageError
from web import remote
from web.cli import cli
from web.client import open_client
from web.commands import export as export_command
from web.problems import TOO_COSTLY, docs_path
from web.service import EXTENSION

NIGHT_FERRY = "articles/_news/2023-02-14-port-ansley-night-ferry-returns"
TOOK = re.compile(r'"took_ms":[^,]+')
ASKED = [
    ("search", "night", "ferry"),
    ("search", "night", "ferry", "--json"),
    ("search", "--size", "3", "--page", "2", "--sort", "newest"),
    ("search", "ferry", "--explain", "--size", "1"),
    ("search", "ferry", "--fields", "title,authors,provider,extra", "--highlight", "html", "--json"),
    ("search", "ferry", "--fields", "authors,topics"),
    ("search", "ferry", "--facets", "topic:2,date", "--exclude-topic", "Trains", "--missing", "date", "--json"),
    ("search", "harbour", "--all", "--size", "4", "--sort", "newest"),
    ("search", "harbour", "--all", "--size", "4", "--sort", "oldest", "--json"),
    ("search", "zzqqxxyy"),
    ("search", '"night fery'),
    ("search", "--", "-ferry"),
    ("suggest", "nig"),
    ("suggest", "night", "f", "--size", "3", "--json"),
    ("similar", NIGHT_FERRY),
    ("similar", NIGHT_FERRY, "--size", "2", "--json"),
    ("export", "ferry"),
    ("export", "--format", "csv", "--fields", "title,published,topics"),
    ("export", "--format", "markdown", "--from", "2023", "--sort", "oldest"),
]
WRONG = [
    ("search", "--size", "101"),
    ("search", "--from", "soon"),
    ("search", "--exclude-topic", ""),
    ("search", "--facets", "colour"),
    ("search", "--fields", "title,colour"),
    ("search", "--cursor", "nonsense"),
    ("search", "--page", "2", "--cursor", "*"),
    ("search", "--all", "--page", "2"),
    ("suggest", "x", "--size", "0"),
    ("similar", "no/such/article"),
    ("similar", NIGHT_FERRY, "--size", "0"),
    ("export", "--format", "xml"),
    ("export", "--fields", ""),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture(autouse=True)
def _nothing_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in list(os.environ):
        if name.startswith("BROADSHEET_"):
            monkeypatch.delenv(name)


@pytest.fixture
def index(example_index: Path) -> tuple[str, str]:
    return "--index", str(example_index)


# An index and a site


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_an_index_and_a_site_print_the_same(asked: tuple[str, ...], index: tuple[str, str], site: str) -> None:
    command, *rest = asked
    here, there = run(command, *index, *rest), run(command, "--url", site, *rest)
    assert (here.exit_code, there.exit_code, here.stderr, there.stderr) == (0, 0, "", "")
    assert here.stdout
    assert TOOK.sub("", here.stdout) == TOOK.sub("", there.stdout)


@pytest.mark.parametrize("asked", WRONG, ids=" ".join)
def test_an_index_and_a_site_refuse_alike(asked: tuple[str, ...], index: tuple[str, str], site: str) -> None:
    command, *rest = asked
    here, there = run(command, *index, *rest), run(command, "--url", site, *rest)
    assert (here.exit_code, here.stdout, here.stderr) == (there.exit_code, there.stdout, there.stderr)
    assert (here.exit_code, here.stdout) == (2, "")
    assert re.fullmatch(r"broadsheet: [^\n]+\n", here.stderr)
    option = next((word for word in rest if word.startswith("--")), None)
    if option and option != "--all" and option != "--page":
        assert here.stderr.startswith(f"broadsheet: {option}: ")


def test_every_hit_is_printed_once(index: tuple[str, str], client: FlaskClient) -> None:
    total = client.get("/api/v1/status").json["articles"]  # type: ignore[index]
    for options in ((), ("--size", "1"), ("--size", "7", "--sort", "newest")):
        hits = [json.loads(line) for line in run("search", "--all", *index, *options, "--json").stdout.splitlines()]
        assert len({hit["id"] for hit in hits}) == len(hits) == total
        assert [hit["rank"] for hit in hits] == list(range(1, total + 1))


def test_a_score_is_explained_as_a_tree(index: tuple[str, str]) -> None:
    lines = run("search", "night", "ferry", "--explain", "--size", "1", *index).stdout.splitlines()
    hit = json.loads(run("search", "night", "ferry", "--explain", "--size", "1", "--json", *index).stdout)["hits"][0]

    def parts(explanation: dict[str, Any], depth: int = 0) -> Iterator[str]:
        yield f"{' ' * 5}{'  ' * depth}{explanation['value']:.4f}  {explanation['text']}"
        for part in explanation["parts"]:
            yield from parts(part, depth + 1)

    expected = list(parts(hit["explanation"]))
    assert len(expected) > 3
    start = next(i for i, line in enumerate(lines) if line.startswith(expected[0]))
    assert all(line.startswith(told) for line, told in zip(lines[start:], expected, strict=False))


def test_a_site_below_a_path_is_asked_there(example_app: Flask, index: tuple[str, str]) -> None:
    def below(environ: dict[str, Any], start: Any) -> Any:
        if not environ["PATH_INFO"].startswith("/news/api/"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"elsewhere"]
        environ = {**environ, "SCRIPT_NAME": "/news", "PATH_INFO": environ["PATH_INFO"].removeprefix("/news")}
        return example_app(environ, start)

    with serving(below) as address:  # type: ignore[arg-type]
        for url in (f"{address}/news", f"{address}/news/"):
            assert run("search", "ferry", "--url", url).stdout == run("search", "ferry", *index).stdout
        result = run("search", "ferry", "--url", address)
    assert (result.exit_code, result.stdout) == (5, "")
    assert "does not answer as Broadsheet does (status 404, text/plain)" in result.stderr


def test_where_to_ask(index: tuple[str, str], site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = run("search", "ferry", *index, "--url", site)
    assert (both.exit_code, both.stderr) == (2, "broadsheet: --index and --url cannot be given at once\n")
    monkeypatch.setenv("BROADSHEET_URL", site)
    assert run("search", "ferry").exit_code == 0
    assert run("search", "ferry", "--index", "none").exit_code == 3
    monkeypatch.setenv("BROADSHEET_URL", "")
    assert run("search", "ferry").exit_code == 3


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "ftp://a.example",
        "http://",
        "http://user:word@a.example",
        "http://a.example?q=1",
        "http://a b/",
        "//a",
    ],
)
def test_an_address_that_cannot_be_one_is_wrong_usage(url: str) -> None:
    result = run("search", "ferry", "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"broadsheet: [^\n]+\n", result.stderr)


def test_a_site_that_is_not_ready_says_so(tmp_path: Path, build_app: BuildApp) -> None:
    app = build_app({"a.md": "---\ntitle: A\n---\n"})
    app.extensions[EXTENSION].close()
    app.extensions[EXTENSION].settings = type(app.extensions[EXTENSION].settings)(index=str(tmp_path / "none"))
    with serving(app) as address:
        result = run("search", "--url", address)
    assert result.exit_code == 5
    assert "broadsheet reindex" in result.stderr


def test_asking_a_site_loads_no_engine(site: str) -> None:
    code = (
        "import sys; from web.cli import cli; cli(sys.argv[1:], standalone_mode=False);"
        "print(*({'numpy', 'whoosh', 'flask', 'gunicorn', 'mcp'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", code, "search", "ferry", "--url", site]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


# Sites that are not to be trusted

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            with suppress(OSError):  # where the client has gone
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sending(body: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65_536)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.05)


def silent(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    for name, value in (("Content-Type", "application/json"), ("Content-Length", "1000")):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(b'{"hits": [')


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")


def in_circles(handler: BaseHTTPRequestHandler) -> None:
    sending(b"", status=302, Location=handler.path + "x")(handler)


def problem(**values: Any) -> Answer:
    return sending(json.dumps(values).encode(), "application/problem+json", values.get("status", 400))


GZIP_BOMB = gzip.compress(b" " * 80_000_000)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (sending(b"<html>hello</html>", "text/html"), "does not answer as Broadsheet does"),
        (sending(b"<html>hello</html>"), "not in the shape"),
        (sending(b"\xff\xfe{}"), "not in the shape"),
        (sending(b"[]"), "not in the shape"),
        (sending(b'{"hits": NaN}'), "not in the shape"),
        (sending(b"[" * 200_000), "not in the shape"),
        (sending(b'{"hits": "none", "query": 1}'), "not in the shape"),
        (sending(b"9" * 10_000), "not in the shape"),
        (sending(GZIP_BOMB, Content_Encoding="gzip"), "answers more than"),
        (sending(b"no gzip at all", Content_Encoding="gzip"), "broke off or answered what cannot be read"),
        (endless, "answers more than"),
        (dripping, "takes longer than"),
        (silent, "does not answer in time"),
        (broken_off, "broke off"),
        (no_http, "broke off"),
        (in_circles, "redirects in circles"),
        (sending(b"", status=302, Location="https://elsewhere.example/"), "redirects elsewhere"),
        (sending(b"", status=302, Location="file:///etc/passwd"), "redirects elsewhere"),
        (sending(b"", status=302, Location="http://127.0.0.1:1/"), "redirects elsewhere"),
        (sending(b"", status=302, Location="http://["), "redirects elsewhere"),
        (problem(status=503, detail="Not now.\x1b]0;owned\x07\nbroadsheet: all is well"), "refuses: Not now."),
        (problem(status=429, detail="x" * 100_000), "answers more than"),
        (problem(status=500, detail=7), "does not answer as Broadsheet does"),
        (sending(b"{", "application/problem+json", 400), "does not answer as Broadsheet does"),
        (sending(b"", "text/\x1b[31mred", 500), "does not answer as Broadsheet does"),
    ],
)
def test_a_site_that_answers_badly_is_told_in_one_line(
    answer: Answer, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "READ_S", 1)
    monkeypatch.setattr(remote, "ANSWER_S", 1)
    with answering(answer) as url:
        for command in (("search", "ferry"), ("suggest", "x"), ("similar", "x")):
            result = run(*command, "--url", url)
            assert (result.exit_code, result.stdout) == (5, ""), result.output
            assert re.fullmatch(r"broadsheet: [^\n\x1b\x07]+\n", result.stderr)
            assert told in result.stderr
            assert len(result.stderr) < 600


@pytest.mark.parametrize("article_id", ["../../../admin/delete", "a/../b", ".", "a/."])
def test_an_id_leads_nowhere_but_to_an_article(article_id: str) -> None:
    asked: list[str] = []
    with answering(lambda handler: asked.append(handler.path)) as url:
        for ask in (open_client(url=url).article, lambda name: open_client(url=url).similar(name, ())):
            with pytest.raises(UsageError, match="There is no article"):
                ask(article_id)
    assert not asked


def test_nobody_there_is_told_in_one_line() -> None:
    with answering(silent) as url:
        pass
    result = run("search", "ferry", "--url", url)
    assert (result.exit_code, result.stderr) == (5, f"broadsheet: {url} cannot be reached\n")


def test_a_redirect_within_the_site_is_followed(example_app: Flask, index: tuple[str, str]) -> None:
    def moved(environ: dict[str, Any], start: Any) -> Any:
        if environ["PATH_INFO"].startswith("/old/"):
            there = environ["PATH_INFO"].removeprefix("/old") + "?" + environ["QUERY_STRING"]
            start("308 Permanent Redirect", [("Location", there), ("Content-Length", "0")])
            return [b""]
        return example_app(environ, start)

    with serving(moved) as address:  # type: ignore[arg-type]
        result = run("search", "ferry", "--url", f"{address}/old")
    assert result.stdout == run("search", "ferry", *index).stdout


def test_other_refusals_are_told_as_a_local_index_tells_them() -> None:
    with answering(problem(status=410, detail="Begin anew.", parameter="cursor")) as url:
        result = run("search", "--cursor", "abc", "--url", url)
        assert (result.exit_code, result.stderr) == (1, "broadsheet: Begin anew.\n")
    with answering(problem(status=400, detail="Ask for less.", type="/news" + docs_path(TOO_COSTLY))) as url:
        result = run("export", "--url", url)
        assert (result.exit_code, result.stderr) == (1, f"broadsheet: {OutOfBudgetError()}\n")
    with answering(problem(status=414, detail="Too long.")) as url:
        assert run("search", "--url", url).stderr == "broadsheet: Too long.\n"
    with answering(problem(status=400, detail="No.", parameter="ex\x1bclude_topic")) as url:
        result = run("search", "--url", url)
        assert (result.exit_code, result.stderr) == (2, "broadsheet: --ex clude-topic: No.\n")


def test_a_site_that_leads_on_for_ever_is_left(client: FlaskClient) -> None:
    answer = client.get("/api/v1/search?q=ferry&size=1").json
    assert answer
    answer["page"]["next_url"] = "https://elsewhere.example/?cursor=again"
    with answering(sending(json.dumps(answer).encode())) as url:
        assert len(run("search", "--all", "--json", "--url", url).stdout.splitlines()) == 2
    answer["hits"] = []
    with answering(sending(json.dumps(answer).encode())) as url:
        assert run("search", "--all", "--json", "--url", url).stdout == ""


def test_what_a_site_says_does_not_steer_the_terminal(client: FlaskClient) -> None:
    answer = client.get("/api/v1/search?q=ferry&size=1&explain=true").json
    assert answer
    evil = "\x1b]0;owned\x07\x9b31m\u202e[bold]x[/bold]\r\n"
    hit = answer["hits"][0]
    for name in ("id", "title", "excerpt", "url", "type", "published"):
        hit[name] = evil
    hit["provider"]["name"] = evil
    hit["snippet"] = {"text": evil, "highlights": [[0, 3], [0, 900]]}
    hit["authors"] = [evil]
    answer["query"]["notes"] = [{"kind": "ignored", "text": evil, "url": evil, "position": None}]
    answer["facets"]["topic"] = [{**answer["facets"]["topic"][0], "value": evil}] * 2
    with answering(sending(json.dumps(answer).encode())) as url:
        result = run("search", "ferry", "--fields", "authors", "--url", url)
    assert result.exit_code == 0, result.stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.stdout)
    assert "[bold]x[/bold]" in result.stdout


# Exports


@pytest.fixture(params=["index", "url"])
def source(request: pytest.FixtureRequest, index: tuple[str, str], example_app: Flask) -> Iterator[tuple[str, str]]:
    if request.param == "index":
        yield index
    else:
        with serving(example_app) as address:
            yield "--url", address


def test_an_export_has_every_article(source: tuple[str, str], client: FlaskClient, tmp_path: Path) -> None:
    found = json.loads(client.get("/api/v1/search?size=100&facets=none").data)["hits"]
    expected = {hit["id"]: hit["title"] for hit in found}
    result = run("export", *source, "-o", "all.jsonl")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    size = (tmp_path / "all.jsonl").stat().st_size
    assert result.stderr.splitlines()[-1] == f"all.jsonl: {len(expected)} articles, {size:,} bytes"
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(rows) == len(expected)
    assert {row["id"]: row["title"] for row in rows} == expected
    assert run("export", *source, "--format", "csv", "--output", "all.csv").exit_code == 0
    with (tmp_path / "all.csv").open(newline="") as file:
        assert {row["id"] for row in csv.DictReader(file)} == expected.keys()
    assert run("export", *source, "--format", "markdown", "-o", "all.md").exit_code == 0
    assert (tmp_path / "all.md").read_text().count("\n## ") == len(expected)
    assert run("export", *source).stdout == (tmp_path / "all.jsonl").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "all.jsonl", "all.md"]


def test_an_export_replaces_a_file_as_a_whole(index: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    assert run("export", "ferry", *index, "--format", "xml", "-o", "link").exit_code == 2
    assert (tmp_path / "real").read_text() == "before"
    assert run("export", "ferry", *index, "-o", "link").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text().startswith('{"id":')


def test_an_export_goes_to_what_is_no_file_at_once(index: tuple[str, str]) -> None:
    assert run("export", "ferry", *index, "-o", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_an_export_without_a_place_is_told_in_one_line(index: tuple[str, str], tmp_path: Path) -> None:
    result = run("export", *index, "-o", "nowhere/all.jsonl")
    assert (result.exit_code, result.stderr) == (2, f"broadsheet: there is no folder {tmp_path / 'nowhere'}\n")
    (tmp_path / "folder").mkdir()
    assert run("export", *index, "-o", "folder").exit_code == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, EngineUnreachableError("gone"), OSError(28, "No space left")])
def test_an_export_that_fails_leaves_nothing(
    error: BaseException, index: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export_command._write

    def fail(pieces: Iterator[bytes], write: Any, form: str, total: int) -> int:
        whole(iter([next(pieces)]), write, form, total)
        raise error

    monkeypatch.setattr(export_command, "_write", fail)
    assert run("export", *index, "-o", "all.jsonl").exit_code != 0
    assert list(tmp_path.iterdir()) == []


def chunked(pieces: list[bytes], *, end: bytes = b"0\r\n\r\n", answer: bytes = b"", wait_s: float = 0) -> Answer:
    """An export in chunks, or how many articles it will have."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/api/v1/search"):
            sending(answer)(handler)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(wait_s)
        handler.wfile.write(end)

    return send


@pytest.fixture
def counted(client: FlaskClient) -> bytes:
    data: bytes = client.get("/api/v1/search?size=0&facets=none").data
    return data


def test_an_export_that_breaks_off_leaves_nothing(counted: bytes, tmp_path: Path) -> None:
    with answering(chunked([b'{"id":"a"}\n'], end=b"", answer=counted)) as url:
        result = run("export", "--url", url, "-o", "all.jsonl")
    assert (result.exit_code, list(tmp_path.iterdir())) == (5, [])
    assert "broke off" in result.stderr


def test_an_export_whose_end_cannot_be_told_is_refused(counted: bytes) -> None:
    def unending(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.end_headers()

    with answering(unending) as url:
        result = run("export", "--url", url)
    assert result.exit_code == 5
    assert "does not say where its answer ends" in result.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing(ending: int, counted: bytes, tmp_path: Path) -> None:
    pieces = [b'{"id":"a"}\n'] * 600
    with answering(chunked(pieces, answer=counted, wait_s=0.05)) as url:
        arguments = [
            sys.executable,
            "-c",
            "from web.cli import main; main()",
            "export",
            "--url",
            url,
            "-o",
            "all.jsonl",
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            arguments,
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            # A shell has its background jobs ignore the keyboard, and what they start inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            while not list(tmp_path.glob(".all.jsonl.*.part")):
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(0.3)
            process.send_signal(ending)
            assert process.wait(timeout=20) == 130
            assert process.stderr
            assert process.stderr.read().splitlines()[-1] == "broadsheet: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_an_export_on_a_terminal_cannot_steer_it(monkeypatch: pytest.MonkeyPatch, counted: bytes) -> None:
    pieces = [b'{"id":"\x1b[31m', b"\xc2", b"\x9b\xe2\x82", b'\xac\x07"}\n']
    monkeypatch.setattr(export_command, "_is_terminal", lambda: True)
    with answering(chunked(pieces, answer=counted)) as url:
        result = run("export", "--url", url)
    assert result.stdout == '{"id":" [31m € "}\n'


def test_hidden_articles_are_in_no_export(build_app: BuildApp) -> None:
    app = build_app({"a.md": "---\ntitle: Shown\n---\n", "b.md": "---\ntitle: Secret\ndraft: true\n---\n"})
    with serving(app) as address:
        client = open_client(url=address)
        written = b"".join(client.export([("format", "jsonl"), ("fields", "title,text")]))
        client.close()
    assert written == b'{"id":"site/a","title":"Shown","text":""}\n'
