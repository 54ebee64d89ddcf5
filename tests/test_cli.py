"""The command line: what each command prints, its exit codes, and a server that really listens."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from conftest import EXAMPLES, ROOT
from flask.testing import FlaskClient

from web.cli import COMMANDS, INTERRUPTED, cli

GOOD = '---\ntitle: "Night ferry"\ndate: 2023-02-14\ntopics: [Harbours]\nprovider: Courier\n---\nThe boat is back.\n'
BROKEN = "---\ntitle: [unclosed\n---\n"
WARNED = '---\ntitle: "Second ferry"\nquality: high\nmystery: 1\n---\n'
NO_ARTICLE = "# Just a readme\n"


def run(*arguments: str) -> Result:
    """Run a command; what it prints on standard output and on standard error are apart."""
    return CliRunner().invoke(cli, arguments)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("BROADSHEET_"):
            monkeypatch.delenv(name)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "site"
    path.mkdir()
    (path / "good.md").write_text(GOOD)
    return path


@pytest.fixture
def indexed(archive: Path, tmp_path: Path) -> str:
    """An index of the small archive."""
    assert run("reindex", str(archive), "--index", str(tmp_path / "ix")).exit_code == 0
    return str(tmp_path / "ix")


def test_help_names_every_command_without_loading_any() -> None:
    code = "import sys; from web.cli import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *text, modules = result.stdout.splitlines()
    assert all(f"  {name} " in "\n".join(text) for name in COMMANDS)
    assert not {"flask", "numpy", "whoosh", "rich", "gunicorn"} & set(modules.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert COMMANDS[name] in result.stdout


def test_reindex_says_what_was_done(archive: Path, tmp_path: Path) -> None:
    (archive / "readme.md").write_text(NO_ARTICLE)
    result = run("reindex", str(archive), "--index", str(tmp_path / "ix"))
    assert result.exit_code == 0, result.stderr
    assert "1 added, 0 changed, 0 removed, 0 unchanged, 0 hidden, 0 rejected" in result.stdout
    assert "1 file without front matter left out" in result.stdout
    assert re.search(r"1 articles? searchable; [0-9.]+ s, [0-9,]+ articles/s", result.stdout)
    again = run("reindex", "--index", str(tmp_path / "ix"))
    assert "0 added, 0 changed, 0 removed, 1 unchanged" in again.stdout


def test_rejects_and_warnings_go_to_standard_error_and_into_the_exit_code(archive: Path, tmp_path: Path) -> None:
    (archive / "broken.md").write_text(BROKEN)
    (archive / "warned.md").write_text(WARNED)
    result = run("reindex", f"here={archive}", "--index", str(tmp_path / "ix"))
    assert result.exit_code == 1
    assert "2 added" in result.stdout
    assert "1 rejected" in result.stdout
    assert "mystery" in result.stdout
    assert re.search(r"^\S*broken\.md:\d+(:\d+)?: \S", result.stderr, re.MULTILINE)
    assert re.search(r"^\S*warned\.md:3: warning: quality: \S", result.stderr, re.MULTILINE)


def test_reindex_as_json_is_one_object(archive: Path, tmp_path: Path) -> None:
    (archive / "broken.md").write_text(BROKEN)
    (archive / "warned.md").write_text(WARNED)
    result = run("reindex", str(archive), "--index", str(tmp_path / "ix"), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report.keys() == {
        "generation", "articles", "added", "changed", "removed", "renamed", "unchanged", "hidden", "rejected",
        "warnings", "without_front_matter", "unknown_keys", "elapsed_s", "rejects", "warning_details",
    }  # fmt: skip
    assert (report["articles"], report["added"], report["rejected"], report["warnings"]) == (2, 2, 1, 1)
    assert report["rejects"][0].keys() == {"path", "line", "column", "reason"}
    assert report["warning_details"][0].keys() == {"path", "line", "field", "reason"}
    assert report["unknown_keys"] == ["mystery"]


def test_many_warnings_are_cut_short(archive: Path, tmp_path: Path) -> None:
    for number in range(25):
        (archive / f"{number}.md").write_text(WARNED)
    result = run("reindex", str(archive), "--index", str(tmp_path / "ix"))
    assert result.stderr.count("warning:") == 20
    assert "and 5 more warnings" in result.stderr


def test_a_dry_run_writes_nothing(archive: Path, tmp_path: Path) -> None:
    result = run("reindex", str(archive), "--index", str(tmp_path / "ix"), "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "1 added" in result.stdout
    assert "nothing was written" in result.stdout
    assert run("status", "--index", str(tmp_path / "ix")).exit_code == 3


def test_an_archive_can_be_forgotten(indexed: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.md").write_text(WARNED)
    assert run("reindex", str(other), "--index", indexed).exit_code == 0
    assert json.loads(run("reindex", "--forget", "site", "--index", indexed, "--json").stdout)["articles"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("reindex", "--index", "ix"), 2),
        (("reindex", "missing-archive", "--index", "ix"), 3),
        (("search", "ferry", "--index", "none"), 3),
        (("status", "--index", "none"), 3),
        (("check", "--index", "none"), 3),
        (("serve", "--index", "none", "--port", "0"), 3),
        (("search", "ferry", "--size", "101"), 2),
        (("search", "ferry", "--from", "soon"), 2),
        (("search", "ferry", "--exclude-topic", ""), 2),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(arguments: tuple[str, ...], code: int) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert result.stdout == ""
    assert re.fullmatch(r"broadsheet: [^\n]+\n", result.stderr)


@pytest.mark.parametrize("arguments", [("nothing",), ("serve", "--port", "x"), ("serve", "--port", "70000")])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_an_unknown_setting_is_wrong_usage(indexed: str, tmp_path: Path) -> None:
    (tmp_path / "broadsheet.toml").write_text("colour = 'red'\n")
    result = run("search", "ferry", "--index", indexed)
    assert result.exit_code == 2
    assert "unknown setting 'colour'" in result.stderr


def test_interrupting_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("web.commands.reindex.reindex", interrupt)
    result = run("reindex", str(archive))
    assert (result.exit_code, result.stderr) == (INTERRUPTED, "broadsheet: interrupted\n")


def test_a_fault_of_ours_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no\nsuch thing")

    monkeypatch.setattr("web.commands.reindex.reindex", fail)
    result = run("reindex", str(archive))
    assert result.exit_code == 1
    assert re.fullmatch(r"broadsheet: unexpected ValueError at test_cli\.py:\d+: no such thing\n", result.stderr)


def test_search_prints_a_readable_list(indexed: str) -> None:
    result = run("search", "ferry", "--index", indexed)
    assert result.exit_code == 0
    assert "1 article\n" in result.stdout
    assert "1. Night ferry" in result.stdout
    assert "Courier · 2023-02-14" in result.stdout
    assert "site/good" in result.stdout


def test_search_leaves_out_what_is_excluded(archive: Path, tmp_path: Path) -> None:
    for name, topic in (("tram", "Rails"), ("train", "Rails"), ("ship", "Harbours"), ("bus", "Roads")):
        (archive / f"{name}.md").write_text(f"---\ntitle: Night {name}\ntopics: [{topic}]\n---\n")
    assert run("reindex", str(archive), "--index", str(tmp_path / "ix")).exit_code == 0
    result = run("search", "night", "--exclude-topic", "harbours", "--index", str(tmp_path / "ix"))
    assert "3 articles\n" in result.stdout
    assert "topic     Rails 2, Roads 1\n" in result.stdout


def test_finding_nothing_is_no_error(indexed: str) -> None:
    result = run("search", "zzqqxxyy", "--index", indexed)
    assert result.exit_code == 0
    assert "0 articles" in result.stdout


def test_search_as_json_is_the_answer_of_the_api(example_index: Path, client: FlaskClient) -> None:
    options = ("--topic", "Harbours", "--from", "2023", "--to", "2026-12", "--sort", "oldest", "--size", "3")
    result = run("search", "night", "ferry", *options, "--json", "--index", str(example_index))
    assert result.exit_code == 0, result.stderr
    here = json.loads(result.stdout)
    url = "/api/v1/search?q=night+ferry&topic=Harbours&from=2023&to=2026-12&sort=oldest&size=3"
    there = json.loads(client.get(url).data)
    for answer in (here, there):
        del answer["took_ms"]
    assert here == there


def test_control_characters_do_not_reach_the_terminal(archive: Path, tmp_path: Path) -> None:
    (archive / "bell.md").write_text('---\ntitle: "Ring \\e]0;owned\\a ring"\n---\n')
    assert run("reindex", str(archive), "--index", str(tmp_path / "ix")).exit_code == 0
    result = run("search", "ring", "--index", str(tmp_path / "ix"))
    assert "\x1b" not in result.stdout
    assert "\a" not in result.stdout


def test_status_says_what_is_indexed(indexed: str) -> None:
    text = run("status", "--index", indexed).stdout
    assert re.search(r"^articles +1$", text, re.MULTILINE)
    status = json.loads(run("status", "--index", indexed, "--json").stdout)
    assert (status["articles"], status["archives"], status["notes"]) == (1, ["site"], [])


def test_check_finds_what_differs(indexed: str, archive: Path) -> None:
    same = run("check", "--index", indexed)
    assert same.exit_code == 0, same.stderr
    assert "0 differences" in same.stdout
    (archive / "good.md").write_text(GOOD.replace("Night", "Day"))
    differs = run("check", "--index", indexed)
    assert differs.exit_code == 1
    report = json.loads(run("check", "--index", indexed, "--json").stdout)
    assert report["differences"]
    assert report["differences"][0].keys() == {"kind", "what", "detail"}


@pytest.fixture
def server(example_index: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    code = "from web.cli import main; main()"
    arguments = ["serve", "--index", str(example_index), "--port", "0", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}  # it may be killed, and leave files
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def fetch(url: str) -> Any:
    with urlopen(url, timeout=30) as response:
        return json.loads(response.read())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_address_answers_and_ends_cleanly(server: subprocess.Popen[str], ending: int) -> None:
    assert server.stdout
    address = server.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/", address)
    assert fetch(f"{address}api/v1/search?q=ferry")["total"]["value"] > 0
    # The longest query in the script that takes most bytes has room in the request line.
    assert fetch(f"{address}api/v1/search?q={quote('😀' * 1000)}")["query"]["q"] == "😀" * 1000
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{address}nothing", timeout=30)
    with caught.value as error:
        assert error.code == 404
    server.send_signal(ending)
    assert server.wait(timeout=30) == 0
    assert server.stdout.read() == ""
    assert server.stderr
    assert "Traceback" not in server.stderr.read()


def test_a_port_that_is_taken_is_told_in_one_line(server: subprocess.Popen[str], example_index: Path) -> None:
    assert server.stdout
    port = server.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1]
    result = run("serve", "--index", str(example_index), "--port", port)
    assert result.exit_code == 2
    assert re.fullmatch(r"broadsheet: cannot listen on 127\.0\.0\.1:\d+: [^\n]+\n", result.stderr)


def test_an_archive_is_indexed_as_the_readme_says(tmp_path: Path) -> None:
    result = run("reindex", str(EXAMPLES), "--index", str(tmp_path / "ix"))
    assert result.exit_code == 0, result.stderr
