"""Reading the files of an archive that are to be indexed, on all cores where there are many.

What a file says is `index.archive`'s work, how calls reach other processes `index.parallel`'s. `index.reindex` takes
the results in the order of the files, decides what they change, and alone writes.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from index.archive import (
    ArchiveSpec,
    Line,
    Loaded,
    SourceFile,
    SourceRejectError,
    load_bytes,
    load_numbered,
    numbered_lines,
    read_bytes,
)
from index.article import Reject, as_set, pack, packed_hash, unpack
from index.parallel import in_order, process_count
from index.settings import Settings
from index.state import raw_hash

MIN_FILES = 500  # read on all cores; fewer are read in about the time that starting a process takes
MIN_LINES_BYTES = 1_000_000  # of a JSONL file, likewise
CHUNK_ITEMS = 128  # files or lines that a process reads at a time
CHUNK_BYTES = 2_000_000  # of these, unless one alone has more

Reads = Generator["Read", None, None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """What reading one file, or one line of a JSONL file, gave.

    Attributes:
        loaded: None where the bytes are those known already; its article is as the settings want it.
        raw: `raw_hash` of the file's bytes; "" for a line, and for a file that could not be read.
        packed: the article as it is stored, `index.article.pack`; empty where there is none.
        kept: `index.article.packed_hash` of it.
        at_ns: the time before the file was opened, ns since 1970; 0 for a line.
    """

    loaded: Loaded | None
    raw: str = ""
    packed: bytes = b""
    kept: str = ""
    at_ns: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # It comes from another process with the packed article only: pickling the other takes longer than unpacking.
        found = self.loaded
        loaded = None if found is None else (found.reject, found.warnings, found.unknown, found.line)
        return _arrived, (loaded, self.raw, self.packed, self.kept, self.at_ns)


def _arrived(loaded: tuple[Any, ...] | None, raw: str, packed: bytes, kept: str, at_ns: int) -> Read:
    article = unpack(packed) if packed else None
    return Read(None if loaded is None else Loaded(article, *loaded), raw, packed, kept, at_ns)


def read_files(spec: ArchiveSpec, files: Sequence[tuple[SourceFile, str]], settings: Settings) -> Reads:
    """Read files of a folder, in order; close the iterator unless it is used up.

    At a time, each process holds one chunk: 128 files of 2 MB together, or one of `max_file_bytes`, and their articles.

    Args:
        spec: the archive.
        files: each with the `raw_hash` of the bytes that are known already, or "".
        settings: for `max_file_bytes` and `unpublished`.
    """
    chunks = _chunks(files, lambda file: file[0].fingerprint[0])
    calls = (partial(_read_files, spec, settings, chunk) for chunk in chunks)
    return _joined(calls, process_count() if len(files) >= MIN_FILES else 1)


def read_lines(spec: ArchiveSpec, source: SourceFile, settings: Settings) -> Reads:
    """Read a JSONL file line by line, as `read_files` does."""
    chunks = _chunks(
        numbered_lines(spec, source, settings), lambda line: 0 if isinstance(line, Reject) else len(line[1])
    )
    calls = (partial(_read_lines, spec, source, settings, chunk) for chunk in chunks)
    return _joined(calls, process_count() if source.fingerprint[0] >= MIN_LINES_BYTES else 1)


def _chunks(items: Iterable[T], bytes_of: Callable[[T], int]) -> Iterator[list[T]]:
    chunk: list[T] = []
    chunk_bytes = 0
    for item in items:
        item_bytes = bytes_of(item)
        if chunk and (len(chunk) == CHUNK_ITEMS or chunk_bytes + item_bytes > CHUNK_BYTES):
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(item)
        chunk_bytes += item_bytes
    if chunk:
        yield chunk


def _joined(calls: Iterator[Callable[[], list[Read]]], processes: int) -> Reads:
    with closing(in_order(calls, processes)) as chunks:
        for chunk in chunks:
            yield from chunk


def _read_files(spec: ArchiveSpec, settings: Settings, files: list[tuple[SourceFile, str]]) -> list[Read]:
    return [_read_file(spec, settings, source, known) for source, known in files]


def _read_file(spec: ArchiveSpec, settings: Settings, source: SourceFile, known: str) -> Read:
    now_ns = time.time_ns()
    try:
        data = read_bytes(spec, source, settings)
    except SourceRejectError as error:
        return Read(Loaded(None, error.reject))
    raw = raw_hash(data)
    if raw == known:
        return Read(None, raw, at_ns=now_ns)
    return _packed(load_bytes(spec, source, data), settings, raw, now_ns)


def _read_lines(spec: ArchiveSpec, source: SourceFile, settings: Settings, lines: list[Line]) -> list[Read]:
    return [_packed(loaded, settings) for loaded in load_numbered(spec, source, settings, lines)]


def _packed(loaded: Loaded, settings: Settings, raw: str = "", now_ns: int = 0) -> Read:
    if loaded.article is None:
        return Read(loaded, raw, at_ns=now_ns)
    article = as_set(loaded.article, settings.unpublished)
    if article is not loaded.article:
        loaded = replace(loaded, article=article)
    packed = pack(article)
    return Read(loaded, raw, packed, packed_hash(packed), now_ns)
