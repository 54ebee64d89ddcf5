"""Generations on disk: what serves after damage, death and foreign hands."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from index import generation as generations
from index.errors import DamagedIndexError, ForeignIndexError, IncompatibleIndexError, LockedError, NoIndexError
from index.generation import CURRENT, MANIFEST, Generation, Manifest, Store
from index.lock import writer_lock
from index.schema import fingerprint

EMPTY = Manifest("", "", fingerprint(), "hide", {"site": "/site"}, 0, 0, 0, ())


def publish(store: Store, files: dict[str, str], previous: Generation | None = None) -> Generation:
    partial = store.begin(previous)
    for name, text in files.items():
        (partial / name).unlink(missing_ok=True)
        (partial / name).write_text(text)
    store.publish(partial, EMPTY, previous)
    return store.open()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "index").mkdir()
    return Store(tmp_path / "index")


def names(store: Store) -> list[str]:
    return sorted(path.name for path in (store.path / "generations").iterdir())


def test_the_newest_generation_serves_and_two_are_kept(store: Store) -> None:
    first = publish(store, {"a": "1"})
    second = publish(store, {"a": "2"}, first)
    third = publish(store, {"a": "3"}, second)
    assert store.open().path == third.path
    assert names(store) == [second.path.name, third.path.name]


def test_unchanged_files_are_links(store: Store) -> None:
    first = publish(store, {"a": "1", "b": "1"})
    second = publish(store, {"b": "2"}, first)
    assert (second.path / "a").samefile(first.path / "a")
    assert (first.path / "b").read_text() == "1"
    assert second.manifest.files["a"] == first.manifest.files["a"]


def test_an_empty_directory_has_no_index(store: Store) -> None:
    with pytest.raises(NoIndexError, match=r"no index in .*; make one with: broadsheet reindex"):
        store.open()
    with pytest.raises(NoIndexError):
        Store(store.path / "absent").open()


def test_a_foreign_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("x")
    with pytest.raises(ForeignIndexError, match=r"is not an index of Broadsheet \(it holds 'holiday.jpg'\)"):
        Store(tmp_path).open()
    with pytest.raises(ForeignIndexError, match="is not a directory"):
        Store(tmp_path / "holiday.jpg").open()
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "a").write_text("9"), "does not have its checksum"),
        (lambda path: (path / "a").write_text("99"), "has 2 bytes instead of 1"),
        (lambda path: (path / "a").unlink(), "No such file"),
        (lambda path: (path / MANIFEST).unlink(), "No such file"),
        (lambda path: (path / MANIFEST).write_text("{}"), "does not have its checksum"),
    ],
)
def test_damage_is_named_and_the_generation_before_serves(store: Store, damage: object, said: str) -> None:
    first = publish(store, {"a": "1"})
    assert callable(damage)
    damage(first.path)
    with pytest.raises(DamagedIndexError, match=said):
        store.open()
    spare = publish(store, {"a": "1"})
    current = publish(store, {"a": "2"}, spare)
    damage(current.path)
    serving = store.open()
    assert serving.path == spare.path
    assert said in serving.notes[0]


def test_a_forged_manifest_cannot_point_out_of_its_generation(store: Store) -> None:
    found = publish(store, {"a": "1"})
    manifest = json.loads((found.path / MANIFEST).read_text())
    forged: list[object] = [{"../../../etc/passwd": [1, "0"]}, {"/etc/passwd": [1, "0"]}, [], {"a": 1}]
    for files in forged:
        (found.path / MANIFEST).write_text(json.dumps(manifest | {"files": files}))
        with pytest.raises(DamagedIndexError, match="is malformed"):
            store.manifest(found.path.name)


@pytest.mark.parametrize("text", ["", "..", "../../etc", "000001-00000000", "\0", "000001-00000000 abc", "é" * 1000])
def test_any_text_in_current_is_refused_plainly(store: Store, text: str) -> None:
    found = publish(store, {"a": "1"})
    (store.path / CURRENT).write_text(text, encoding="utf-8")
    if text:
        assert store.open().path == found.path  # still there as a spare, and said so
        assert store.open().notes
    else:
        with pytest.raises(NoIndexError):
            store.open()


def test_another_fingerprint_is_incompatible(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, {"a": "1"})
    monkeypatch.setattr(generations, "fingerprint", lambda: "another")
    with pytest.raises(IncompatibleIndexError, match="was built by another version; run: broadsheet reindex"):
        store.open()
    assert store.known_archives() == {"site": "/site"}


def test_what_a_dead_writer_left_is_swept(store: Store) -> None:
    first = publish(store, {"a": "1"})
    left = store.begin(first)
    assert store.open().path == first.path
    publish(store, {"a": "2"}, first)
    assert left.name not in names(store)


def _hold(path: Path, taken: "multiprocessing.synchronize.Event") -> None:
    with writer_lock(path):
        taken.set()
        multiprocessing.Event().wait(60)


def test_two_writers_exclude_each_other_and_a_dead_one_does_not(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    taken = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", taken))
    holder.start()
    assert taken.wait(30)
    with (
        pytest.raises(LockedError, match=rf"another reindex \(process {holder.pid}\) is writing"),
        writer_lock(tmp_path / "lock"),
    ):
        pass
    assert holder.pid
    os.kill(holder.pid, 9)
    holder.join()
    with writer_lock(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
