"""Generations on disk: what serves after damage, death and foreign hands."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from index import files as index_files
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


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("file", ["a", "b", MANIFEST])
def test_no_byte_of_a_small_index_can_change_unnoticed(store: Store, file: str, whole: bool) -> None:
    first = publish(store, {"a": "one", "b": "two"})
    current = publish(store, {"a": "three", "b": "four"}, first)
    path = current.path / file
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        serving = store.open(whole=whole)
        assert serving.path == first.path
        assert f"{file} does not have its checksum" in serving.notes[0]
    path.write_bytes(data)
    assert store.open(whole=whole) == current


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of more than 20 bytes is large, and of it a file of more than 5."""
    monkeypatch.setattr(generations, "WHOLE_BYTES", 20)
    monkeypatch.setattr(generations, "SMALL_BYTES", 5)


def flip(path: Path) -> None:
    """Turn a bit, as a disk does: without a trace in the file's times."""
    times = path.stat()
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def make_pipe(path: Path) -> object:
    os.mkfifo(path)
    return path


@pytest.mark.usefixtures("large")
def test_opened_in_haste_the_large_files_of_a_large_index_are_left(store: Store) -> None:
    publish(store, {"a": "small", "b": "larger", "c": "other"})
    assert store.open(whole=False).unverified == ()
    current = publish(store, {"a": "small", "b": "larger", "c": "x" * 99})
    assert current.unverified == ()
    assert store.open(whole=False).unverified == ("b", "c")


@pytest.mark.usefixtures("large")
def test_what_was_left_is_verified_later(store: Store) -> None:
    first = publish(store, {"a": "small", "b": "x" * 99})
    current = publish(store, {"a": "other", "b": "y" * 99}, first)
    assert len(store.verify(store.open(whole=False))) == 1
    flip(current.path / "b")
    hasty = store.open(whole=False)
    assert (hasty.path, hasty.notes) == (current.path, ())
    with pytest.raises(DamagedIndexError, match=f"{current.path.name}/b does not have its checksum") as caught:
        store.verify(hasty)
    serving = store.open(known=caught.value)
    assert serving.path == first.path
    assert serving.notes == (f"{caught.value}. Until then the generation before serves.",)
    assert store.open().notes == serving.notes
    flip(first.path / "b")
    with pytest.raises(DamagedIndexError, match=f"{current.path.name}/b does not have its checksum"):
        store.open(known=caught.value)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: flip(path / "a"), "a does not have its checksum"),
        (lambda path: flip(path / MANIFEST), f"{MANIFEST} does not have its checksum"),
        (lambda path: (path / "b").write_text("short"), "b has 5 bytes instead of 99"),
        (lambda path: (path / "b").unlink(), "b cannot be read: No such file"),
        (lambda path: [(path / "b").unlink(), make_pipe(path / "b")], "b cannot be read: it is not a regular file"),
        (lambda path: [(path / "b").unlink(), (path / "b").mkdir()], "b cannot be read: it is not a regular file"),
    ],
)
def test_in_haste_small_files_and_sizes_are_verified_all_the_same(store: Store, damage: object, said: str) -> None:
    first = publish(store, {"a": "small", "b": "x" * 99})
    current = publish(store, {"a": "other", "b": "y" * 99}, first)
    assert callable(damage)
    damage(current.path)
    serving = store.open(whole=False)
    assert serving.path == first.path
    assert said in serving.notes[0]


@pytest.mark.usefixtures("large")
def test_links_to_files_that_were_verified_are_not_read_again(store: Store) -> None:
    """The file is damaged here without a trace, so that reading it would show."""
    first = publish(store, {"a": "small", "b": "x" * 99})
    known = store.verify(store.open(whole=False))
    second = publish(store, {"a": "other", "c": "y" * 99}, first)
    flip(second.path / "b")
    hasty = store.open(whole=False)
    again = store.verify(hasty, known)
    assert known < again
    assert len(again) == 2
    os.utime(second.path / "b")
    with pytest.raises(DamagedIndexError, match="b does not have its checksum"):
        store.verify(hasty, again)


def test_hashing_can_be_stopped_after_any_chunk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):  # noqa: N818 - not an error
        pass

    done = 0

    def between() -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise Stopped

    publish(store, {"a": "x" * 100})
    monkeypatch.setattr(index_files, "CHUNK_BYTES", 10)
    with pytest.raises(Stopped):
        Store(store.path, between).open()
    assert done == 3
    assert Store(store.path, between).open()
    assert done == 13


def test_what_the_manifest_does_not_name_is_never_read(store: Store) -> None:
    found = publish(store, {"a": "1"})
    os.mkfifo(found.path / "b.segment")
    (found.path / "_MAIN_2.toc").write_text("Whoosh would open this one")
    assert store.open().path == found.path
    assert not store.open().notes


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "", ".", "..", "a\0", "a/b", "\ud800", ".a", "-a", "é"]
)
def test_a_manifest_names_only_plain_names(store: Store, name: str) -> None:
    found = publish(store, {"a": "1"})
    manifest = json.loads((found.path / MANIFEST).read_text())
    (found.path / MANIFEST).write_text(json.dumps(manifest | {"files": {name: [1, "0"]}}))
    with pytest.raises(DamagedIndexError, match="is malformed"):
        store.manifest(found.path.name)


@pytest.mark.parametrize("files", [[], None, {"a": 1}, {"a": [1]}, {"a": [float("inf"), "0"]}, {"a": ["x", "0"]}])
def test_a_manifest_of_another_shape_is_damage(store: Store, files: object) -> None:
    found = publish(store, {"a": "1"})
    manifest = json.loads((found.path / MANIFEST).read_text())
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
