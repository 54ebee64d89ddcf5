"""The table of contents of a generation: its segments, and which documents of them were deleted since."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from index.arrays import Array, Arrays
from index.files import read_regular
from index.segment import Segment

FILE = "toc.json"


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment's file and the file that lists its deleted documents, "" where none are."""

    name: str
    deleted: str = ""

    def open(self, directory: Path) -> Segment:
        """The segment.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return Segment(directory / self.name)


@dataclass(frozen=True, slots=True)
class Toc:
    """The segments of a generation."""

    segments: tuple[SegmentEntry, ...]

    @staticmethod
    def exists(directory: Path) -> bool:
        return (directory / FILE).exists()

    @classmethod
    def load(cls, directory: Path) -> "Toc":
        """Read from a generation.

        Raises:
            OSError: it cannot be read.
            ValueError: it is malformed.
        """
        try:
            rows = json.loads(read_regular(directory / FILE))["segments"]
            segments = tuple(SegmentEntry(str(row["name"]), str(row["deleted"])) for row in rows)
            names = [name for entry in segments for name in (entry.name, entry.deleted) if name]
            if any(Path(name).name != name for name in names) or len(set(names)) < len(names):
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{FILE} is malformed") from error
        return cls(segments)

    def save(self, directory: Path) -> None:
        """Write into a generation, as a new file, and remove what it does not name.

        Files are never written again: they may be linked from elsewhere.
        """
        wanted = set(self._files())
        for path in directory.iterdir():
            if path.suffix in {".segment", ".deleted"} and path.name not in wanted:
                path.unlink()
        path = directory / FILE
        path.unlink(missing_ok=True)
        path.write_text(json.dumps({"segments": [asdict(entry) for entry in self.segments]}), encoding="ascii")

    def _files(self) -> Iterable[str]:
        for entry in self.segments:
            yield entry.name
            yield entry.deleted


def deleted_documents(directory: Path, entry: SegmentEntry, size: int) -> Array:
    """Which documents of a segment were deleted, by number.

    Raises:
        OSError, ValueError: the list cannot be read.
    """
    flags = np.zeros(size, np.bool_)
    if entry.deleted:
        numbers = Arrays(directory / entry.deleted).get("documents")
        if numbers is None or numbers.dtype.kind != "u" or (len(numbers) and int(numbers.max()) >= size):
            raise ValueError(f"{entry.deleted} is not a list of documents of {entry.name}")
        flags[numbers] = True
    return flags
