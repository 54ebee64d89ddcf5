"""The embedded engine's writer: articles into the segments of a generation that is being written.

Articles are held until they, their postings and the analysis cache are reckoned to take `RUN_BYTES` of memory, or
`RUN_ARTICLES` are together, then written as a segment; `commit` merges segments as `index.merging` says, which takes
about five times the size of the segment that comes out.
"""

import secrets
from pathlib import Path
from typing import Protocol

import numpy as np

from index.arrays import Array, smallest, write_arrays
from index.article import Article, pack
from index.inversion import Inverter
from index.merging import LARGEST, Source, choose, merge
from index.stored import WORTH_KEEPING
from index.toc import SegmentEntry, Toc, deleted_documents

RUN_BYTES = 640 << 20
RUN_ARTICLES = 65_536


class Writer(Protocol):
    """What a reindex needs of an engine."""

    def delete(self, article_id: str) -> None:
        """Remove an article that an earlier generation holds."""

    def add(self, article: Article, packed: bytes = b"") -> None:
        """Add an article, `packed` if that was done already; one id only once, and after its `delete`."""

    def commit(self) -> None:
        """Write everything out."""

    def cancel(self) -> None:
        """Forget everything since the writer was opened."""


class ArrayWriter:
    """Writes into `directory`, which holds links to the previous generation's files or nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        toc = Toc.load(directory) if Toc.exists(directory) else Toc(())
        self._sources: dict[str, Source] = {}
        for entry in toc.segments:
            segment = entry.open(directory)
            self._sources[entry.name] = Source(segment, ~deleted_documents(directory, entry, segment.size))
        self._anew = not toc.segments
        self._changed: set[str] = set()  # segments with new deletions
        self._entries = {entry.name: entry for entry in toc.segments}
        largest = max(self._sources.values(), key=lambda source: source.segment.size, default=None)
        self._inverter = Inverter(largest.segment.dictionary if largest and largest.count >= WORTH_KEEPING else b"")

    def delete(self, article_id: str) -> None:
        for name, source in self._sources.items():
            number = source.segment.number(article_id)
            if number is not None and source.live[number]:
                source.live[number] = False
                self._changed.add(name)

    def add(self, article: Article, packed: bytes = b"") -> None:
        self._inverter.add(article, packed or pack(article))
        if self._inverter.held_bytes >= RUN_BYTES or len(self._inverter) >= RUN_ARTICLES:
            self._flush()

    def _flush(self) -> None:
        if len(self._inverter):
            arrays, about = self._inverter.build()
            self._write(arrays, about)

    def _write(self, arrays: dict[str, Array], about: dict[str, int]) -> None:
        entry = SegmentEntry(f"{secrets.token_hex(8)}.segment")
        write_arrays(self._directory / entry.name, arrays, about)
        segment = entry.open(self._directory)
        self._entries[entry.name] = entry
        self._sources[entry.name] = Source(segment, np.ones(segment.size, np.bool_))

    def commit(self) -> None:
        self._flush()
        names = list(self._sources)
        sizes = [(source.segment.size, source.count) for source in self._sources.values()]
        whole = self._anew and sum(size for size, _ in sizes) <= LARGEST
        chosen = names if whole and len(names) > 1 else [names[i] for i in choose(sizes)]
        merged = [self._sources.pop(name) for name in chosen]
        if any(source.count for source in merged):
            self._write(*merge(merged))
        for name in self._changed & self._sources.keys():
            self._entries[name] = self._with_deletions(name)
        Toc(tuple(self._entries[name] for name in self._sources)).save(self._directory)

    def _with_deletions(self, name: str) -> SegmentEntry:
        deleted = f"{secrets.token_hex(8)}.deleted"
        numbers = smallest(np.flatnonzero(~self._sources[name].live))
        write_arrays(self._directory / deleted, {"documents": numbers}, {})
        return SegmentEntry(name, deleted)

    def cancel(self) -> None:
        """Leave the files to whoever gives up the directory."""
        self._sources.clear()
