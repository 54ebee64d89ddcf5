"""No file of an index directory, however forged, makes a server or a reindex run or wait for anything.

What `test_forgery` shows of the files of one generation, here of a whole index, also where every checksum was forged to
match: it is refused by the name of the file, and a reindex mends it, a full one where checksums are of no use.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import zstandard
from conftest import EXAMPLES

from index.archive import ArchiveSpec
from index.arrays import Array, Arrays, write_arrays
from index.errors import DamagedIndexError
from index.generation import CURRENT, MANIFEST, Store
from index.reindex import reindex
from index.segment import MAX_ARTICLE_BYTES
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Filters, Query

pytestmark = pytest.mark.usefixtures("nothing_waits")


@pytest.fixture
def path(example_index: Path, tmp_path: Path) -> Path:
    """An index directory of its own with one generation."""
    found = tmp_path / "index"
    shutil.copytree(example_index, found)
    return found


def generation(path: Path) -> Path:
    return Store(path).open().path


def seal(path: Path, directory: Path) -> None:
    """Make every checksum of a generation right, as one can who may write there."""
    values = json.loads((directory / MANIFEST).read_bytes())
    for name in values["files"]:
        data = (directory / name).read_bytes()
        values["files"][name] = [len(data), hashlib.sha256(data).hexdigest()]
    (directory / MANIFEST).write_text(json.dumps(values))
    seal_manifest(path, directory)


def seal_manifest(path: Path, directory: Path) -> None:
    digest = hashlib.sha256((directory / MANIFEST).read_bytes()).hexdigest()
    (path / CURRENT).write_text(f"{directory.name} {digest}\n")


def forge(path: Path, change: Callable[[dict[str, Array]], None]) -> str:
    """Change the arrays of the segment, checksums and all; returns its name."""
    directory = generation(path)
    [segment] = directory.glob("*.segment")
    arrays = Arrays(segment)
    views = json.loads(segment.read_bytes()[:-16][-int.from_bytes(segment.read_bytes()[-16:-8], "little") :])["arrays"]
    copies = {name: arrays[name].copy() for name in views}
    change(copies)
    segment.unlink()
    write_arrays(segment, copies, arrays.about)
    seal(path, directory)
    return segment.name


def ask(path: Path) -> int:
    """Ask an index for everything it holds; returns how many articles that is."""
    with closing(EmbeddedEngine(Settings(index=str(path)))) as engine:
        for text in ("harbour*", '"tide tables"', "ferry OR clock", "type:video", "before:2024"):
            engine.search(Query(text, "all", Filters(), size=100))
        hits = engine.search(Query("", "auto", Filters(), "newest", size=100)).hits
        for hit in hits:
            engine.get(hit.article.id)
        engine.status()
        return len(hits)


def mended(path: Path, *, full: bool = False) -> int:
    """The articles after a reindex; where checksums were forged it takes a full one."""
    reindex([ArchiveSpec("articles", EXAMPLES)], Settings(index=str(path)), full=full)
    return ask(path)


PLACES = ("*.segment", "toc.json", "state.json", MANIFEST)


def test_these_are_all_files_of_a_generation(example_index: Path) -> None:
    found = {each for place in PLACES for each in generation(example_index).glob(place)}
    assert found == set(generation(example_index).iterdir())
    assert {each.name for each in example_index.iterdir()} == {CURRENT, "lock", "fingerprints.json", "generations"}


@pytest.mark.parametrize("place", PLACES)
def test_a_pickle_in_a_generation_is_refused_and_mended(path: Path, bomb: bytes, place: str) -> None:
    count = ask(path)
    [file] = generation(path).glob(place)
    file.write_bytes(bomb)
    with pytest.raises(DamagedIndexError, match=file.name):
        ask(path)
    assert mended(path) == count


@pytest.mark.parametrize("place", PLACES)
def test_a_pickle_with_right_checksums_is_refused_and_mended(path: Path, bomb: bytes, place: str) -> None:
    count = ask(path)
    directory = generation(path)
    [file] = directory.glob(place)
    file.write_bytes(bomb)
    if place == MANIFEST:
        seal_manifest(path, directory)
    else:
        seal(path, directory)
    if place == "state.json":  # which a server does not read
        assert ask(path) == count
    else:
        with pytest.raises(DamagedIndexError, match=file.name):
            ask(path)
    assert mended(path, full=True) == count


@pytest.mark.parametrize("place", [CURRENT, "lock", "fingerprints.json"])
def test_a_pickle_beside_the_generations_runs_nothing(path: Path, bomb: bytes, place: str) -> None:
    count = ask(path)
    (path / place).write_bytes(bomb)
    assert ask(path) == count
    if place == CURRENT:
        assert f"({CURRENT} names no generation)" in Store(path).open().notes[0]
    assert mended(path) == count


def test_whoosh_files_in_a_generation_are_not_opened(path: Path, bomb: bytes) -> None:
    count = ask(path)
    for name in ("_MAIN_1.toc", "MAIN_0123456789abcdef.seg", "MAIN_WRITELOCK"):
        (generation(path) / name).write_bytes(bomb)
    assert ask(path) == count
    assert mended(path) == count


@pytest.mark.parametrize("place", [*PLACES, CURRENT, "fingerprints.json"])
def test_nobody_waits_for_a_pipe(path: Path, place: str) -> None:
    count = ask(path)
    [file] = [*generation(path).glob(place), *path.glob(place)]
    file.unlink()
    os.mkfifo(file)
    if place == "fingerprints.json":
        assert ask(path) == count
    else:
        with pytest.raises((DamagedIndexError, OSError), match=file.name):
            ask(path)
    if place == CURRENT:
        file.unlink()
    assert mended(path) == count


# Numbers that lead astray, under right checksums


def set_last(name: str, value: int) -> Callable[[dict[str, Array]], None]:
    def change(arrays: dict[str, Array]) -> None:
        arrays[name] = arrays[name].astype(arrays[name].dtype if arrays[name].dtype.kind == "i" else "<u8")
        arrays[name][-1] = value

    return change


def overflow(arrays: dict[str, Array]) -> None:
    arrays["class_occurrences"] = np.full(len(arrays["class_occurrences"]), 1 << 62, "<u8")


def drop_classes(arrays: dict[str, Array]) -> None:
    del arrays["classes"]


FORGERIES: dict[str, Callable[[dict[str, Array]], None]] = {
    "documents": set_last("documents", 1 << 30),
    "negative_documents": set_last("documents", -1),
    "classes": set_last("classes", 1 << 40),
    "occurrences": overflow,
    "lists": set_last("list_ends", 1 << 40),
    "positions": set_last("position_ends", 1 << 62),
    "terms": set_last("exact_ends", (1 << 64) - 1),
    "stems": set_last("stem_lists", 1 << 40),
    "ids": set_last("id_ends", 1 << 62),
    "id_order": set_last("id_order", 1 << 40),
    "addresses": set_last("url_documents", 1 << 40),
    "links": set_last("link_documents", 1 << 40),
    "link_ends": set_last("link_ends", (1 << 64) - 1),
    "facet_codes": set_last("topic_codes", 1 << 40),
    "facet_sets": set_last("topic_set_ends", 1 << 40),
    "facet_members": set_last("topic_set_values", 1 << 40),
    "facet_values": set_last("topic_value_ends", 1 << 40),
    "published": set_last("published", (1 << 63) - 1),
    "published_long_ago": set_last("published", -(1 << 62)),
    "missing": drop_classes,
    "shorter": lambda arrays: arrays.update(published=arrays["published"][1:]),
    "fractions": lambda arrays: arrays.update(documents=arrays["documents"].astype("<f8")),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_numbers_that_lead_astray_are_refused(path: Path, change: Callable[[dict[str, Array]], None]) -> None:
    count = ask(path)
    name = forge(path, change)
    with pytest.raises(DamagedIndexError, match=name):
        ask(path)
    assert mended(path, full=True) == count


@pytest.mark.parametrize("size", [MAX_ARTICLE_BYTES + 1, 1000], ids=["large", "understated"])
def test_articles_that_unpack_to_far_more_are_refused(path: Path, size: int) -> None:
    frame = zstandard.compress(bytes(MAX_ARTICLE_BYTES + 1))
    head = zstandard.frame_header_size(frame)
    frame = frame[: head - 4] + size.to_bytes(4, "little") + frame[head:]

    def change(arrays: dict[str, Array]) -> None:
        arrays["article_ends"] = np.full(len(arrays["article_ends"]), len(frame), "<u8")
        arrays["articles"] = np.frombuffer(frame, np.uint8)

    count = ask(path)
    name = forge(path, change)
    with pytest.raises(DamagedIndexError, match=name):
        ask(path)
    assert mended(path, full=True) == count


def test_a_forged_list_of_deleted_documents_is_refused(path: Path) -> None:
    directory = generation(path)
    toc = json.loads((directory / "toc.json").read_bytes())
    toc["segments"][0]["deleted"] = "forged.deleted"
    (directory / "toc.json").write_text(json.dumps(toc))
    write_arrays(directory / "forged.deleted", {"documents": np.array([1 << 40], "<u8")}, {})
    values = json.loads((directory / MANIFEST).read_bytes())
    values["files"]["forged.deleted"] = [0, ""]
    (directory / MANIFEST).write_text(json.dumps(values))
    seal(path, directory)
    with pytest.raises(DamagedIndexError, match=r"forged\.deleted"):
        ask(path)
