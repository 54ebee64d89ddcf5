"""Temporary."""

from pathlib import Path

from index.toc import Toc, deleted_documents


class _S:
    def __init__(self, arrays, live):
        self.arrays, self.live = arrays, live


class ArrayIndex:
    def __init__(self, directory: Path):
        self.d = directory
        self.toc = Toc.load(directory)

    def segments(self):
        for e in self.toc.segments:
            s = e.open(self.d)
            yield _S(s, None if not e.deleted else ~deleted_documents(self.d, e, s.size))
