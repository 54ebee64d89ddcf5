"""Reading on all cores gives what reading in one process gives."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import read
from index.archive import ArchiveSpec, SourceFile, scan
from index.article import kept_hash, unpack
from index.check import check
from index.generation import Store
from index.read import CHUNK_BYTES, CHUNK_ITEMS, Read, read_files, read_lines
from index.reindex import reindex
from index.settings import Settings
from index.state import FINGERPRINTS_FILE, State, raw_hash


def make_folder(folder: Path) -> Path:
    """620 files: articles, rejects of several kinds, hidden ones, ids that are taken, warnings, unknown keys."""
    extra = ["", "removed: true\n", "draft: maybe\n", "quality: high\n", "colour: red\n", "published: false\n"]
    broken = [b"---\na: [\n---\n", b"---\n\xff\n---\n", b"no front matter"]
    for number in range(600):
        path = folder / f"part{number % 7}" / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        related = f'related:\n  - title: "x"\n    webUrl: "https://e.org/{number % 9}"\n'
        head = f'title: "Number {number}"\nwebUrl: "https://e.org/{number}"\n{extra[number % 6]}{related}'
        path.write_text(f"---\n{head}---\nText ä.\n", encoding="utf-8")
    for number in range(10):
        (folder / f"broken{number}.md").write_bytes(broken[number % 3])
        (folder / f"twice{number % 5}.{'html' if number < 5 else 'md'}").write_text("---\ntitle: x\n---\n<p>y")
    return folder


def make_lines(path: Path) -> Path:
    """3,000 lines, some broken, blank, hidden or with an id that is taken."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(3_000):
            values = {"id": f"a/{number % 2_900}", "title": f"Number {number}", "draft": number % 50 == 0, "n": number}
            file.write({7: "{broken", 8: "", 9: '{"id": 3}'}.get(number % 100, json.dumps(values)) + "\n")
    return path


MAKERS = {"site": make_folder, "site.jsonl": make_lines}


def use_processes(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    """Read in so many processes, whatever the size of the archive, in small chunks."""
    monkeypatch.setattr(read, "process_count", lambda: processes)
    monkeypatch.setattr(read, "MIN_FILES", 0)
    monkeypatch.setattr(read, "MIN_LINES_BYTES", 0)
    monkeypatch.setattr(read, "CHUNK_ITEMS", 20)


def outcome(spec: ArchiveSpec, index: Path) -> list[Any]:
    """What a reindex reports and keeps, at first, when nothing changed, and when all stamps are lost."""
    settings = Settings(index=str(index))
    found: list[Any] = []
    for step in range(3):
        if step == 2:
            (index / FINGERPRINTS_FILE).unlink()
        report = reindex([spec], settings)
        entries = State.load(Store(settings.index_path).open().path).archives["site"].entries
        found += [replace(report, elapsed_s=0, generation=""), list(entries.items())]
    assert not check(settings).differences
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_a_reindex_says_and_keeps_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ArchiveSpec("site", MAKERS[name](tmp_path / name))
    monkeypatch.setattr("index.state._RACY_NS", 0)  # trust the stamps of files just written
    use_processes(monkeypatch, 1)
    expected = outcome(spec, tmp_path / "index1")
    use_processes(monkeypatch, 3)
    assert outcome(spec, tmp_path / "index3") == expected
    first, again = expected[0], expected[4]
    assert first.rejects
    assert first.hidden
    assert (first.articles, again.unchanged) == (again.articles, first.articles)
    assert again.files_read == (5 if name == "site" else 0)  # files whose id is taken are read again


@pytest.mark.parametrize("name", MAKERS)
def test_progress_is_steady(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_processes(monkeypatch, 2)
    seen: list[tuple[str, int, int]] = []
    spec = ArchiveSpec("site", MAKERS[name](tmp_path / name))
    reindex([spec], Settings(index=str(tmp_path / "index")), progress=lambda *values: seen.append(values))
    done = [done for phase, done, _ in seen if phase == "reading site"]
    assert done == (list(range(621)) if name == "site" else [0, 1_000, 2_000, 1])


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_read_of_a_file(processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_processes(monkeypatch, processes)
    for name, text in (("a", "published: false\ntitle: x"), ("b", "title: x"), ("c", "["), ("d", "title: x")):
        (tmp_path / f"{name}.md").write_text(f"---\n{text}\n---\n")
    spec = ArchiveSpec("site", tmp_path)
    sources = [source for source in scan(spec, Settings()) if isinstance(source, SourceFile)]
    known = raw_hash((tmp_path / "b.md").read_bytes())
    (tmp_path / "d.md").unlink()
    a, b, c, d = read_files(spec, [(source, known) for source in sources], Settings(unpublished="show"))
    assert a.loaded
    assert a.loaded.article
    assert (a.loaded.article.hidden, a.raw) == ("", raw_hash((tmp_path / "a.md").read_bytes()))
    assert (unpack(a.packed), a.kept) == (a.loaded.article, kept_hash(a.loaded.article))
    assert (b.loaded, b.raw) == (None, known)
    assert c.loaded
    assert c.loaded.reject
    assert (c.loaded.reject.line, c.packed, c.kept) == (3, b"", "")
    assert d.loaded
    assert d.loaded.reject
    assert (d.loaded.reject.reason, d.raw) == ("it cannot be read: no such file or directory", "")
    assert [pickle.loads(pickle.dumps(each)) for each in (a, b, c, d)] == [a, b, c, d]


def test_a_jsonl_file_that_is_gone_is_a_reject_after_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_processes(monkeypatch, 2)
    source = SourceFile(tmp_path / "site.jsonl", "", (1, 0, 0, 0))
    (found,) = read_lines(ArchiveSpec("site", source.path), source, Settings())
    assert isinstance(found, Read)
    assert found.loaded
    assert found.loaded.reject
    assert found.loaded.reject.reason == "it cannot be read: no such file or directory"


@given(st.lists(st.integers(0, 2 * CHUNK_BYTES) | st.integers(0, 100), max_size=500))
def test_chunks_hold_everything_in_order_within_bounds(sizes: list[int]) -> None:
    chunks = list(read._chunks(sizes, lambda size: size))
    assert [size for chunk in chunks for size in chunk] == sizes
    assert all(len(chunk) <= CHUNK_ITEMS and (sum(chunk) <= CHUNK_BYTES or len(chunk) == 1) for chunk in chunks)
