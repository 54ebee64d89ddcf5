"""No file of a generation, however damaged or forged, does more than give wrong answers or be refused by its name.

Whoosh's own files are pickles, which run what they name when they are opened; ours hold numbers and JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import articles, change
from whoosh.fields import ID, Schema
from whoosh.filedb.filestore import FileStorage

from index.arrays import Array, Arrays, write_arrays
from index.article import Article, pack
from index.codec import ArrayIndex
from index.inversion import Inverter
from index.merging import Source, merge
from index.segment import MAX_ARTICLE_BYTES, Segment
from index.toc import FILE, SegmentEntry, Toc, deleted_documents

pytestmark = pytest.mark.usefixtures("nothing_waits")

_MAGIC = b"BSARRAYS"


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    """A directory with a table of contents, two segments and a list of deleted documents."""
    directory = tmp_path / "generation"
    directory.mkdir()
    held: dict[str, Article] = {}
    change(Random(1), held, directory, 30, 0, 0)
    change(Random(2), held, directory, 6, 0, 2)
    assert sorted(path.suffix for path in directory.iterdir()) == [".deleted", ".json", ".segment", ".segment"]
    return directory


def read_all(directory: Path) -> None:
    """Look through it as an engine does, read everything there is to read, and merge it."""
    for entry in Toc.load(directory).segments:
        entry.open(directory).check()
    with closing(ArrayIndex(directory).reader()) as reader:
        list(reader.iter_docs())
        for name, term in reader.all_terms():
            if (name, term) in reader:  # where terms are out of order, some are not found
                list(reader.postings(name, term).items_as("frequency"))
    entries = Toc.load(directory).segments
    segments = [entry.open(directory) for entry in entries]
    sources = [
        Source(segment, ~deleted_documents(directory, entry, segment.size))
        for entry, segment in zip(entries, segments, strict=True)
    ]
    merge(sources)


def files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir(), key=lambda path: (path.suffix, path.name))


@pytest.mark.parametrize("number", range(4))
def test_a_pickle_in_place_of_a_file_is_refused(generation: Path, bomb: bytes, number: int) -> None:
    read_all(generation)
    path = files(generation)[number]
    path.unlink()
    path.write_bytes(bomb)
    with pytest.raises(ValueError, match=path.name):
        read_all(generation)


@pytest.mark.parametrize("number", range(4))
def test_what_is_no_file_is_refused(generation: Path, tmp_path: Path, number: int) -> None:
    """A pipe would make a reader wait for ever."""
    path = files(generation)[number]
    os.mkfifo(tmp_path / "pipe")
    others: list[Callable[[], None]] = [
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(tmp_path / "pipe"),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to(path.name),
        path.mkdir,
        lambda: None,
    ]
    for put_other in others:
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        put_other()
        with pytest.raises(OSError, match=path.name):
            read_all(generation)


@pytest.mark.parametrize("number", range(4))
def test_a_file_that_was_cut_short_is_refused(generation: Path, number: int) -> None:
    path = files(generation)[number]
    data = path.read_bytes()
    for length in [0, 1, 7, 8, 16, 23, 24, len(data) // 2, len(data) - 9, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=path.name):
            read_all(generation)


def test_whoosh_files_beside_ours_are_not_opened(generation: Path, bomb: bytes, marker: Path) -> None:
    """Opening the same directory with Whoosh runs what its files name."""
    FileStorage(str(generation)).create_index(Schema(id=ID)).writer().commit()
    [toc] = generation.glob("_MAIN_*.toc")
    data = toc.read_bytes()
    toc.write_bytes(data[: data.index(b"\x80")] + bomb)  # the schema is the first pickle
    (generation / "MAIN_0123456789abcdef.seg").write_bytes(bomb)
    script = f"from whoosh.index import open_dir; open_dir({str(generation)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=False, capture_output=True)
    assert marker.exists()
    marker.unlink()
    read_all(generation)


# Arrays that another hand wrote


def arrays_of(count: int = 12) -> tuple[dict[str, Array], dict[str, Any]]:
    inverter = Inverter()
    for each in articles(Random(count), count):
        inverter.add(each, pack(each))
    return inverter.build()


def put(directory: Path, arrays: dict[str, Array], about: dict[str, Any]) -> Path:
    """A generation of one segment with these arrays."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "forged.segment"
    path.unlink(missing_ok=True)
    write_arrays(path, arrays, about)
    Toc((SegmentEntry(path.name),)).save(directory)
    return path


ARRAYS, ABOUT = arrays_of()


def test_forged_arrays_begin_with_sound_ones(tmp_path: Path) -> None:
    put(tmp_path, ARRAYS, ABOUT)
    read_all(tmp_path)


def test_a_file_that_begins_or_ends_otherwise_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, ARRAYS, ABOUT)
    data = path.read_bytes()
    for forged in (b"X" + data[1:], data[:-1] + b"X", data + b"X", b"\xc3" + data[1:]):
        path.write_bytes(forged)
        with pytest.raises(ValueError, match=r"forged\.segment is not a file of arrays"):
            read_all(tmp_path)


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_no_array_runs_anything(tmp_path: Path, bomb: bytes, name: str) -> None:
    for times in (1, 8):  # as long as some types want it
        put(tmp_path, {**ARRAYS, name: np.frombuffer(bomb * times, np.uint8).astype(ARRAYS[name].dtype)}, ABOUT)
        with pytest.raises(ValueError, match=r"forged\.segment"):
            read_all(tmp_path)


@pytest.mark.parametrize("name", sorted(set(ARRAYS) - {"quality", "heat"}))
def test_a_missing_array_is_named(tmp_path: Path, name: str) -> None:
    put(tmp_path, {other: array for other, array in ARRAYS.items() if other != name}, ABOUT)
    with pytest.raises(ValueError, match=rf"forged\.segment is not sound: it has no {name}"):
        read_all(tmp_path)


@pytest.mark.parametrize("kind", ["f8", "i8"])
@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_an_array_of_another_type_is_named(tmp_path: Path, name: str, kind: str) -> None:
    if ARRAYS[name].dtype.str[1:] == kind:
        return
    put(tmp_path, {**ARRAYS, name: np.nan_to_num(ARRAYS[name]).astype(kind)}, ABOUT)
    with pytest.raises(ValueError, match=rf"forged\.segment is not sound: its .*{name}.* cannot be"):
        read_all(tmp_path)


OUT_OF_RANGE = sorted(
    name for name in ARRAYS if name.endswith(("_ends", "_codes", "_values", "_lists", "_documents", "_order"))
)


@pytest.mark.parametrize("value", [0xFF, 0xFFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF])
@pytest.mark.parametrize("name", [*OUT_OF_RANGE, "classes", "class_occurrences"])
def test_a_number_that_leads_out_of_the_arrays_is_named(tmp_path: Path, name: str, value: int) -> None:
    array = ARRAYS[name].astype("<u8")
    if value < len(array) or value <= int(array.max()):
        return
    for place in (0, len(array) // 2, -1):
        forged = array.copy()
        forged[place] = value
        put(tmp_path, {**ARRAYS, name: forged}, ABOUT)
        with pytest.raises(ValueError, match=rf"forged\.segment is not sound: its .*{name}"):
            read_all(tmp_path)


@pytest.mark.parametrize("number", [-1, 12, 2**31 - 1, -(2**31)])
def test_a_posting_of_no_document_is_refused(tmp_path: Path, number: int) -> None:
    documents = ARRAYS["documents"].copy()
    documents[5] = number
    put(tmp_path, {**ARRAYS, "documents": documents}, ABOUT)
    with pytest.raises(ValueError, match=r"forged\.segment is not sound: its documents cannot be"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("wide_positions", [1 << 31] * 2),
        ("wide_positions", [1, 0]),
        ("wide_positions_more", [1 << 40] * 2),
        ("wide_positions_more", [1]),
    ],
)
def test_positions_that_are_kept_apart_wrongly_are_refused(tmp_path: Path, name: str, values: list[int]) -> None:
    inverter = Inverter()
    long = replace(articles(Random(1), 1)[0], text=f"{'lumen ' * 255}tide tides")
    inverter.add(long, pack(long))
    arrays, about = inverter.build()
    read_all(put(tmp_path, arrays, about).parent)
    assert len(arrays["wide_positions"]) >= len(values)
    forged = np.array((values * 100)[: len(arrays[name])] if len(values) > 1 else values, dtype="<u8")
    put(tmp_path, arrays | {name: forged}, about)
    with pytest.raises(ValueError, match=f"its {name}"):
        read_all(tmp_path)


@pytest.mark.parametrize("length", [-1, 0, 10**400])
def test_a_length_that_is_not_that_of_the_documents_is_refused(tmp_path: Path, length: int) -> None:
    put(tmp_path, ARRAYS, {**ABOUT, "live_length": length})
    with pytest.raises(ValueError, match=r"forged\.segment is not sound: its length cannot be"):
        read_all(tmp_path)


def test_counts_whose_sum_runs_over_are_refused(tmp_path: Path) -> None:
    """Four times 2**62 are none, to a sum of 64 bits; numpy's repeat would write all of them."""
    arrays = {**ARRAYS, "class_occurrences": np.full(len(ARRAYS["class_occurrences"]), 1 << 62, "<u8")}
    lists = np.zeros(len(ARRAYS["list_ends"]), "<u8")
    lists[-1] = len(ARRAYS["documents"]) // 4 * 4
    arrays |= {
        "list_ends": lists,
        "position_ends": np.zeros(len(lists), "<u8"),
        "positions": ARRAYS["positions"][:0],
        "documents": ARRAYS["documents"][: lists[-1]],
        "classes": ARRAYS["classes"][: lists[-1]],
    }
    path = put(tmp_path, arrays, ABOUT)
    with pytest.raises(ValueError, match=r"forged\.segment is not sound: its class_occurrences cannot be"):
        read_all(tmp_path)
    with pytest.raises(ValueError, match=r"forged\.segment is not sound: positions are wanting"):
        Segment(path).occurrences(len(lists) - 1)  # nor where nobody looked through it before


@pytest.mark.parametrize(("name", "value"), [("published", 1 << 40), ("published", -(1 << 60)), ("heat", np.inf)])
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, name: str, value: float) -> None:
    forged = ARRAYS[name].copy()
    forged[3] = value
    put(tmp_path, {**ARRAYS, name: forged}, ABOUT)
    with pytest.raises(ValueError, match=rf"forged\.segment is not sound: its {name} cannot be"):
        read_all(tmp_path)


@pytest.mark.parametrize("documents", [None, -1, 11, 13, 12.0, True, "12", [12], 1e999, 10**30, 2**31])
def test_a_number_of_documents_that_cannot_be_is_refused(tmp_path: Path, documents: object) -> None:
    put(tmp_path, ARRAYS, {**ABOUT, "documents": documents})
    with pytest.raises(ValueError, match=r"forged\.segment is not sound"):
        read_all(tmp_path)


def bombs() -> dict[str, bytes]:
    """Stored articles that would take far more memory than they say or than they take."""
    large = zstandard.compress(bytes(MAX_ARTICLE_BYTES + 1))
    head = zstandard.frame_header_size(large)
    of_unknown_size = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 20))
    return {
        "large": large,
        "understated": large[: head - 4] + (1000).to_bytes(4, "little") + large[head:],
        "of_unknown_size": of_unknown_size,
        "overstated": zstandard.compress(b"x" * 300).replace(b"x", b"y", 1)[:4] + b"\xc0\x00" + b"\xff" * 8 + b"x" * 9,
        "empty": b"",
        "no_frame": b"{}",
    }


@pytest.mark.parametrize(("kind", "frame"), bombs().items(), ids=bombs())
def test_an_article_that_unpacks_to_far_more_is_refused(tmp_path: Path, kind: str, frame: bytes) -> None:
    ends = np.full(ABOUT["documents"], len(frame))
    put(tmp_path, {**ARRAYS, "articles": np.frombuffer(frame, np.uint8), "article_ends": ends.astype("<u8")}, ABOUT)
    with pytest.raises(ValueError, match=r"a stored article of forged\.segment is damaged"):
        read_all(tmp_path)


@given(data=st.data())
@settings(deadline=None)  # a hundred terms may come to be thousands
def test_whatever_the_arrays_hold_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Nothing but ValueError comes of it, and no memory without bound."""
    arrays = dict(ARRAYS)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(arrays)))
        array = arrays[name].copy()
        match data.draw(st.sampled_from(["set", "set", "cut", "shuffle", "twice", "retype"])):
            case "set" if len(array):
                place = data.draw(st.integers(0, len(array) - 1))
                raw = data.draw(st.binary(min_size=array.itemsize, max_size=array.itemsize))
                array[place] = np.frombuffer(raw, array.dtype)[0]
            case "cut":
                array = array[: data.draw(st.integers(0, len(array)))]
            case "shuffle":
                array = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(array)
            case "twice":
                array = np.concatenate((array, array))
            case "retype":
                with np.errstate(all="ignore"):
                    array = array.astype(data.draw(st.sampled_from(["<u1", "<u8", "<i4", "<i8", "<f4"])))
        arrays[name] = array
    directory = tmp_path_factory.mktemp("forged")
    put(directory, arrays, ABOUT)
    with suppress(ValueError):
        read_all(directory)


@given(data=st.data())
@settings(deadline=None)
def test_whatever_the_bytes_are_the_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("forged")
    path = put(directory, ARRAYS, ABOUT)
    raw = bytearray(path.read_bytes())
    tail = int.from_bytes(raw[-16:-8], "little") + 16
    for _ in range(data.draw(st.integers(1, 4))):
        first = data.draw(st.sampled_from([0, len(raw) - tail]))
        raw[data.draw(st.integers(first, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with suppress(ValueError):
        read_all(directory)


# The directory of the arrays


def tailed(path: Path, tail: bytes) -> None:
    """A file of arrays with nothing but this for a directory."""
    path.write_bytes(_MAGIC + bytes(120) + tail + len(tail).to_bytes(8, "little") + _MAGIC)


DIRECTORIES: dict[str, Any] = {
    "no_object": [],
    "nothing": {},
    "no_arrays": {"arrays": [], "about": {}},
    "no_about": {"arrays": {}},
    "about_is_no_object": {"arrays": {}, "about": 7},
    "no_row": {"arrays": {"x": 7}, "about": {}},
    "short_row": {"arrays": {"x": ["u1", 64]}, "about": {}},
    "beyond_the_end": {"arrays": {"x": ["u1", 64, 65]}, "about": {}},
    "eight_times_beyond": {"arrays": {"x": ["u8", 64, 9]}, "about": {}},
    "before_the_start": {"arrays": {"x": ["u1", -64, 8]}, "about": {}},
    "negative_count": {"arrays": {"x": ["u1", 64, -1]}, "about": {}},
    "huge_count": {"arrays": {"x": ["u8", 64, 1 << 62]}, "about": {}},
    "huge_offset": {"arrays": {"x": ["u8", 1 << 70, 1]}, "about": {}},
    "not_aligned": {"arrays": {"x": ["u8", 65, 1]}, "about": {}},
    "fraction": {"arrays": {"x": ["u8", 64.0, 1]}, "about": {}},
    "truth": {"arrays": {"x": ["u8", 64, True]}, "about": {}},
    "objects": {"arrays": {"x": ["O", 64, 1]}, "about": {}},
    "objects_by_their_code": {"arrays": {"x": ["|O8", 64, 1]}, "about": {}},
    "records": {"arrays": {"x": [[["a", "O"]], 64, 1]}, "about": {}},
    "text": {"arrays": {"x": ["U8", 64, 1]}, "about": {}},
}


@pytest.mark.parametrize("directory", DIRECTORIES.values(), ids=DIRECTORIES)
def test_a_directory_that_cannot_be_is_refused(tmp_path: Path, directory: Any) -> None:
    tailed(tmp_path / "x.segment", json.dumps(directory).encode())
    with pytest.raises(ValueError, match=r"x\.segment is not a file of arrays"):
        Arrays(tmp_path / "x.segment")


def test_a_directory_that_is_no_json_is_refused(tmp_path: Path, bomb: bytes) -> None:
    for tail in (
        bomb,
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe{",
        b"1" * 5000,
        b" " * (1 << 21) + b'{"arrays":{},"about":{}}',
    ):
        tailed(tmp_path / "x.segment", tail)
        with pytest.raises(ValueError, match=r"x\.segment is not a file of arrays"):
            Arrays(tmp_path / "x.segment")


# The table of contents, and the lists of deleted documents

ROWS: dict[str, Any] = {
    "no_object": [],
    "no_rows": {"segments": 7},
    "no_row": {"segments": [7]},
    "no_name": {"segments": [{"deleted": ""}]},
    "above": {"segments": [{"name": "../forged.segment", "deleted": ""}]},
    "elsewhere": {"segments": [{"name": "/etc/passwd", "deleted": ""}]},
    "deleted_elsewhere": {"segments": [{"name": "forged.segment", "deleted": "/etc/passwd"}]},
    "twice": {"segments": [{"name": "forged.segment", "deleted": ""}] * 2},
    "twice_in_one": {"segments": [{"name": "forged.segment", "deleted": "forged.segment"}]},
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_a_table_of_contents_that_cannot_be_is_refused(tmp_path: Path, rows: Any) -> None:
    put(tmp_path, ARRAYS, ABOUT)
    (tmp_path / FILE).write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"toc\.json is malformed"):
        read_all(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "toc.json", "nowhere", "\0", "\ud800", "x" * 5000])
def test_a_name_of_no_segment_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, ARRAYS, ABOUT)
    (tmp_path / FILE).write_text(json.dumps({"segments": [{"name": name, "deleted": ""}]}))
    with pytest.raises((ValueError, OSError)):
        read_all(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"others": np.array([1], "<u1")},
        {"documents": np.array([12], "<u1")},
        {"documents": np.array([1 << 63], "<u8")},
        {"documents": np.array([-1], "<i4")},
        {"documents": np.array([1.0, np.nan], "<f8")},
    ],
    ids=["none", "others", "too_many", "far_too_many", "negative", "fractions"],
)
def test_a_list_of_other_documents_is_refused(tmp_path: Path, arrays: dict[str, Array]) -> None:
    put(tmp_path, ARRAYS, ABOUT)
    write_arrays(tmp_path / "forged.deleted", arrays, {})
    Toc((SegmentEntry("forged.segment", "forged.deleted"),)).save(tmp_path)
    with pytest.raises(ValueError, match=r"forged\.deleted is not a list of documents of forged\.segment"):
        read_all(tmp_path)
