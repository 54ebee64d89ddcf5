"""Archives on disk: what is found, what is excluded or refused, and JSONL line by line."""

import json
import os
import sys
from pathlib import Path

import pytest

from index.archive import (
    ArchiveSpec,
    Loaded,
    SourceFile,
    SourceRejectError,
    load_bytes,
    load_source,
    parse_spec,
    read_bytes,
    scan,
)
from index.article import Reject
from index.errors import ArchiveError, UsageError
from index.settings import Settings

ARTICLE = "---\ntitle: {}\n---\nText.\n"


def write(root: Path, **files: str) -> ArchiveSpec:
    """An archive `site` of files; `__` in a name is a slash, and the suffix `.md` is added where there is none."""
    for name, text in files.items():
        put(root, name.replace("__", "/") + ".md", text)
    return ArchiveSpec("site", root)


def put(root: Path, name: str, text: str = ARTICLE.format("T")) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(spec: ArchiveSpec, settings: Settings | None = None) -> list[str]:
    return [
        found.relative if isinstance(found, SourceFile) else f"! {found.path}: {found.reason}"
        for found in scan(spec, settings or Settings())
    ]


def load_all(spec: ArchiveSpec, settings: Settings | None = None) -> list[Loaded]:
    settings = settings or Settings()
    loaded: list[Loaded] = []
    for source in scan(spec, settings):
        assert isinstance(source, SourceFile)
        loaded += load_source(spec, source, settings)
    return loaded


def lines(tmp_path: Path, *rows: str | bytes) -> list[Loaded]:
    path = tmp_path / "docs.jsonl"
    path.write_bytes(b"\n".join(row.encode() if isinstance(row, str) else row for row in rows))
    return load_all(ArchiveSpec("docs", path))


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("/data/site", "site", "/data/site"),
        ("/data/site/", "site", "/data/site"),
        ("my site=/data/x", "my site", "/data/x"),
        ("a=/data/b=c", "a", "/data/b=c"),
        ("/data/docs.jsonl", "docs", "/data/docs.jsonl"),
        ("/data/DOCS.JSONL", "DOCS", "/data/DOCS.JSONL"),
        ("/data/x/../site", "site", "/data/site"),
    ],
)
def test_archives_are_named(text: str, name: str, path: str) -> None:
    assert parse_spec(text) == ArchiveSpec(name, Path(path))


def test_a_relative_archive_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_spec("site") == ArchiveSpec("site", tmp_path / "site")
    assert parse_spec(".") == ArchiveSpec(tmp_path.name, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' names no archive; write [NAME=]ARCHIVE"),
        ("a=", "'a=' names no archive; write [NAME=]ARCHIVE"),
        ("=/x", "'' cannot be the name of an archive: it is empty; write NAME=ARCHIVE"),
        ("/", "'' cannot be the name of an archive: it is empty; write NAME=ARCHIVE"),
        (".a=/x", "'.a' cannot be the name of an archive: it starts with a dot; write NAME=ARCHIVE"),
        ("/x/.git", "'.git' cannot be the name of an archive: it starts with a dot; write NAME=ARCHIVE"),
        ("a/b=/x", "'a/b' cannot be the name of an archive: it holds a slash; write NAME=ARCHIVE"),
        ("a\nb=/x", "it holds control characters or outer spaces"),
        (f"{'a' * 101}=/x", "it has more than 100 characters"),
        ("a=/x\0", "the path of an archive cannot hold a NUL character"),
    ],
)
def test_names_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert message in str(caught.value)


def test_files_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.markdown", "a/b/c.HTML", "a.md", "a/notes.txt", "c.mdx", "B.MD"):
        put(tmp_path, name)
    expected = ["B.MD", "a/b/c.HTML", "a/z.markdown", "a.md", "b.md"]
    assert names(ArchiveSpec("site", tmp_path)) == expected


def test_exclusions(tmp_path: Path) -> None:
    for name in (
        ".git/a.md",
        "api/b.md",
        "x/api/c.md",
        "x/d.md",
        "drafts/e.md",
        "x/drafts/f.md",
        "x/g.tmp.md",
        "apis/h.md",
    ):
        put(tmp_path, name)
    spec = ArchiveSpec("site", tmp_path)
    assert names(spec) == ["apis/h.md", "drafts/e.md", "x/d.md", "x/drafts/f.md", "x/g.tmp.md"]
    mine = Settings(exclude=("/drafts/", "x/drafts", "*.tmp.md", ".git"))
    assert names(spec, mine) == ["api/b.md", "apis/h.md", "x/api/c.md", "x/d.md"]
    assert "x/d.md" not in names(spec, Settings(exclude=("x/d.md",)))


def test_a_fingerprint_changes_with_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md")
    spec = ArchiveSpec("site", tmp_path)
    (before,) = scan(spec, Settings())
    assert [before] == list(scan(spec, Settings()))
    os.utime(path, ns=(1, 1))
    (after,) = scan(spec, Settings())
    assert isinstance(before, SourceFile)
    assert isinstance(after, SourceFile)
    assert before.fingerprint != after.fingerprint
    assert after.fingerprint[:2] == (path.stat().st_size, 1)


def test_links_out_of_the_archive_are_refused_and_loops_not_walked(tmp_path: Path) -> None:
    root = tmp_path / "site"
    put(root, "sub/a.md")
    outside = put(tmp_path, "secret.md")
    (root / "sub" / "loop").symlink_to(root)
    (root / "folder.md").symlink_to(root / "sub")
    (root / "inside.md").symlink_to(root / "sub" / "a.md")
    (root / "out.md").symlink_to(outside)
    (root / "dangling.md").symlink_to(root / "nothing")
    assert names(ArchiveSpec("site", root)) == [
        "! site/dangling.md: it cannot be read: no such file or directory",
        "inside.md",
        "! site/out.md: the file is a link that leads out of the archive",
        "sub/a.md",
    ]


def test_what_cannot_be_an_article_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    put(tmp_path, "folder.md/b.md")
    put(tmp_path, ".md")
    put(tmp_path, "new\nline.md")
    os.mkfifo(tmp_path / "pipe.md")
    assert names(ArchiveSpec("site", tmp_path)) == [
        "! site/.md: the file has a suffix but no name",
        "a.md",
        "folder.md/b.md",
        "! site/new\ufffdline.md: the file's name is not UTF-8 or holds control characters",
        "! site/pipe.md: it is not a regular file",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    (reject,) = scan(ArchiveSpec("site", tmp_path), Settings())
    assert reject == Reject("site/caf\ufffd.md", None, None, "the file's name is not UTF-8 or holds control characters")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/b.md")
    path = put(tmp_path, "c.md")
    (tmp_path / "a").chmod(0)
    path.chmod(0)
    try:
        spec = ArchiveSpec("site", tmp_path)
        first, second = scan(spec, Settings())
        assert first == Reject("site/a", None, None, "it cannot be read: permission denied")
        assert isinstance(second, SourceFile)
        (loaded,) = load_source(spec, second, Settings())
        assert loaded.reject == Reject("site/c.md", None, None, "it cannot be read: permission denied")
    finally:
        (tmp_path / "a").chmod(0o700)


def test_an_unreadable_folder_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/b.md")
    put(tmp_path, "c.md")
    scandir = os.scandir

    def deny(folder: str) -> "os._ScandirIterator[str]":
        if folder.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("index.archive.os.scandir", deny)
    assert names(ArchiveSpec("site", tmp_path)) == ["! site/a: it cannot be read: permission denied", "c.md"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["site", "site.jsonl"])
def test_an_archive_that_may_not_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    put(tmp_path, name, "{}") if name.endswith(".jsonl") else put(path, "a.md")
    path.chmod(0)
    try:
        with pytest.raises(ArchiveError, match="cannot be read: permission denied"):
            names(ArchiveSpec("site", path))
    finally:
        path.chmod(0o700)


def test_an_archive_whose_folder_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.md")

    def deny(folder: str) -> "os._ScandirIterator[str]":
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("index.archive.os.scandir", deny)
    with pytest.raises(ArchiveError) as caught:
        names(ArchiveSpec("site", tmp_path))
    assert str(caught.value) == f"archive {tmp_path} cannot be read: permission denied"
    assert caught.value.path == tmp_path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "cannot be read: no such file or directory"),
        (lambda path: path.mkdir(), "is empty: it holds no article file (*.md, *.markdown, *.html)"),
        (lambda path: put(path, "a.txt"), "is empty: it holds no article file"),
        (lambda path: put(path, "api/a.md"), "is empty: it holds no article file"),
        (lambda path: path.write_text("x"), "is neither a folder nor a .jsonl file"),
        (os.mkfifo, "is neither a folder nor a .jsonl file"),
    ],
)
def test_an_archive_that_is_none(tmp_path: Path, make: "object", message: str) -> None:
    path = tmp_path / "site"
    assert callable(make)
    make(path)
    with pytest.raises(ArchiveError) as caught:
        names(ArchiveSpec("site", path))
    assert f"archive {path} {message}" in str(caught.value)
    assert caught.value.path == path


def test_a_file_gives_an_article(tmp_path: Path) -> None:
    write(tmp_path, _news__a="---\ntitle: A\nquality: high\nprice: 1\n---\n*Body*\n")
    put(tmp_path, "b.html", "---\ntitle: B\n---\n<p>*Body*</p>")
    put(tmp_path, "readme.md", "# Just text")
    first, second, third = load_all(ArchiveSpec("site", tmp_path))
    assert first.article
    assert (first.article.id, first.article.path, first.article.category) == ("site/_news/a", "_news/a.md", "news")
    assert (first.article.body_format, first.article.text) == ("markdown", "Body")
    assert [(warning.path, warning.line, warning.field) for warning in first.warnings] == [
        ("site/_news/a.md", 3, "quality")
    ]
    assert first.unknown == {"price"}
    assert second.article
    assert (second.article.id, second.article.body_format, second.article.text) == ("site/b", "html", "*Body*")
    assert third == Loaded(None, None)


def test_a_broken_file_gives_a_reject(tmp_path: Path) -> None:
    write(tmp_path, a="---\ntitle: A\nb: c: d\n---\n", b="---\ntitle: ''\n---\n<!-- x -->\n")
    rejects = [loaded.reject for loaded in load_all(ArchiveSpec("site", tmp_path))]
    assert rejects == [
        Reject("site/a.md", 3, 5, "broken YAML: mapping values are not allowed in this context"),
        Reject("site/b.md", 1, None, "there is no text in title, excerpt or body"),
    ]


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md", ARTICLE.format("x" * 100))
    spec = ArchiveSpec("site", tmp_path)
    (loaded,) = load_all(spec, Settings(max_file_bytes=50))
    reason = f"the file has {path.stat().st_size} bytes, more than the limit of 50"
    assert loaded.reject == Reject("site/a.md", None, None, reason)


def test_bytes_can_be_hashed_before_they_are_parsed(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md")
    spec = ArchiveSpec("site", tmp_path)
    source = SourceFile(path, "a.md", (0, 0, 0, 0))
    data = read_bytes(spec, source, Settings())
    assert data == path.read_bytes()
    loaded = load_bytes(spec, source, data)
    assert loaded.article
    assert loaded.article.title == "T"


def test_a_pipe_that_took_a_files_place_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    spec = ArchiveSpec("site", tmp_path)
    with pytest.raises(SourceRejectError) as caught:
        read_bytes(spec, SourceFile(tmp_path / "a.md", "a.md", (0, 0, 0, 0)), Settings())
    assert caught.value.reject == Reject("site/a.md", None, None, "it cannot be read: not a regular file")


def test_jsonl_gives_an_article_a_line(tmp_path: Path) -> None:
    row = {"id": "news/1", "title": "One", "body": "Text *here*", "quality": "high", "price": 1}
    found = lines(tmp_path, b"\xef\xbb\xbf" + json.dumps(row).encode(), "", "  ", '{"id": 2, "excerpt": "Two"}\r', "")
    assert [loaded.line for loaded in found] == [1, 4]
    first, second = found
    assert first.article
    assert (first.article.id, first.article.path, first.article.category) == ("docs/news/1", "news/1", "news")
    assert (first.article.text, first.unknown) == ("Text here", frozenset(["price"]))
    assert [(warning.path, warning.line, warning.field) for warning in first.warnings] == [
        ("docs/docs.jsonl", 1, "quality")
    ]
    assert second.article
    assert (second.article.id, second.article.excerpt) == ("docs/2", "Two")


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ('{"id": 1, "title": }', 20, "broken JSON: expecting value"),
        ("[1]", 1, "the line is not a JSON object"),
        ("7", 1, "the line is not a JSON object"),
        (b'{"id": "\xff"}', 9, "the line is not UTF-8"),
        ("[" * 100_000, None, "the JSON is nested too deep"),
        ('{"title": "x"}', None, "the object has no id"),
        ('{"id": null, "title": "x"}', None, "the object has no id"),
        ('{"id": true, "title": "x"}', None, "the id is neither text nor a whole number"),
        ('{"id": 1.5, "title": "x"}', None, "the id is neither text nor a whole number"),
        ('{"id": "a\\u0007", "title": "x"}', None, "the id holds control characters or outer spaces"),
        ('{"id": "\\ud800", "title": "x"}', None, "the id holds control characters or outer spaces"),
        ('{"id": " a", "title": "x"}', None, "the id holds control characters or outer spaces"),
        ('{"id": "/a", "title": "x"}', None, "the id has an empty part or one of dots between its slashes"),
        ('{"id": "a//b", "title": "x"}', None, "the id has an empty part or one of dots between its slashes"),
        ('{"id": "a/", "title": "x"}', None, "the id has an empty part or one of dots between its slashes"),
        ('{"id": "a/../b", "title": "x"}', None, "the id has an empty part or one of dots between its slashes"),
        (json.dumps({"id": "a" * 1_001, "title": "x"}), None, "the id has more than 1,000 characters"),
        ('{"id": 1}', None, "there is no text in title, excerpt or body"),
    ],
)
def test_a_bad_line_is_a_reject(tmp_path: Path, row: str | bytes, column: int | None, reason: str) -> None:
    bad, good = lines(tmp_path, "", row, '{"id": "good", "title": "x"}')
    assert bad == Loaded(None, Reject("docs/docs.jsonl", 2, column, reason), line=2)
    assert good.article


def test_odd_numbers_in_a_line_cost_their_field_only(tmp_path: Path) -> None:
    (loaded,) = lines(tmp_path, f'{{"id": 1, "title": "x", "quality": NaN, "heat": {"9" * 6_000}, "other": Infinity}}')
    assert loaded.article
    assert (loaded.article.quality, loaded.article.heat, loaded.article.extra) == (None, None, {})
    assert sorted(warning.field for warning in loaded.warnings) == ["heat", "other", "quality"]


def test_the_size_limit_of_jsonl_is_by_line(tmp_path: Path) -> None:
    row = json.dumps({"id": 1, "title": "x" * 60})
    path = tmp_path / "docs.jsonl"
    path.write_text("\n".join([row, json.dumps({"id": 2, "title": "x" * 500}), row.replace("1", "3")]))
    first, second, third = load_all(ArchiveSpec("docs", path), Settings(max_file_bytes=100))
    assert first.article
    assert second.reject == Reject("docs/docs.jsonl", 2, None, "the line has more than the limit of 100 bytes")
    assert third.article
    assert third.line == 3


def test_an_empty_jsonl_file_is_an_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="is empty: it holds no line of text"):
        lines(tmp_path, "", " ", "")


def test_the_files_of_the_trap_collection_all_load() -> None:
    """Odd but real files: each is an article, none loses a field."""
    data = os.environ.get("BROADSHEET_TEST_DATA")
    folder = Path(data or "") / "traps"
    if not data or not folder.is_dir():
        pytest.skip("BROADSHEET_TEST_DATA names no folder with traps/")
    found = load_all(ArchiveSpec("traps", folder))
    assert len([loaded for loaded in found if loaded.article]) == 40
    assert [loaded.reject or loaded.warnings for loaded in found if loaded.reject or loaded.warnings] == []
    hidden = [loaded.article.hidden for loaded in found if loaded.article]
    assert hidden.count("removed") == 1


@pytest.mark.parametrize("key", ["removed", "draft"])
def test_a_visibility_given_twice_hides(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: A\n{key}: true\n{key}: false\n---\n")
    (loaded,) = load_all(ArchiveSpec("site", tmp_path))
    assert loaded.article
    assert loaded.article.hidden == key
    assert [warning.field for warning in loaded.warnings] == [key]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("2021-03-04-post.md", "title: A", "2021-03-04"),
        ("2021-03-04-post.md", "title: A\ndate: 2022-01-02", "2022-01-02"),
        ("2021-02-30-post.md", "title: A", None),
        ("x-2021-03-04-post.md", "title: A", None),
    ],
)
def test_a_date_in_the_name_counts_where_the_article_gives_none(
    tmp_path: Path, name: str, text: str, expected: str | None
) -> None:
    (tmp_path / name).write_text(f"---\n{text}\n---\n")
    (loaded,) = load_all(ArchiveSpec("site", tmp_path))
    assert loaded.article
    published = loaded.article.published
    assert (published and f"{published:%Y-%m-%d}") == expected
