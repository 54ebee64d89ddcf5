"""What a generation remembers of the files it was made from, so that the next reindex reads only what changed.

`State` belongs to a generation and is true by its manifest. `Fingerprints` is only a cache beside it: file stamps that
spare reading a file whose stamp is unchanged; without it every file is read and hashed once.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from index.article import Reject, Warn
from index.errors import DamagedIndexError
from index.files import read_regular

FILE = "state.json"
FINGERPRINTS_FILE = "fingerprints.json"

Outcome = Literal["indexed", "hidden", "reject", "none"]
Fingerprint = tuple[int, int, int, int]  # bytes, mtime and ctime in ns, inode


@dataclass(frozen=True, slots=True)
class Entry:
    """One file (or JSONL line) as last read.

    Attributes:
        raw: `raw_hash` of the bytes read; "" for a JSONL line and for what must be read again in any case.
        outcome: what became of it; "none" had no front matter.
        id: of the article, "" where there is none.
        kept: `index.article.kept_hash` of the article, "" where there is none.
        removed: hashes of its addresses where the archive marks it removed.
    """

    raw: str
    outcome: Outcome
    id: str = ""
    kept: str = ""
    reject: Reject | None = None
    warnings: tuple[Warn, ...] = ()
    unknown: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(slots=True)
class ArchiveState:
    """An archive as last read.

    Attributes:
        path: absolute.
        raw: for a JSONL file what its reading depends on as a whole, see `index.reindex`.
        entries: by path below the archive, for a JSONL file by id; what has neither starts with NUL.
    """

    path: str
    raw: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """All archives of an index by name."""

    archives: dict[str, ArchiveState] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        for archive in self.archives.values():
            yield from archive.entries.values()

    def refuse(self, reasons: Mapping[str, str]) -> list[Entry]:
        """Make rejects of articles that an engine did not take; they are read again next time.

        Args:
            reasons: by article id, one plain sentence each.

        Returns:
            The entries that they had.
        """
        refused = []
        for name, archive in self.archives.items():
            mine = [
                (key, entry)
                for key, entry in archive.entries.items()
                if entry.outcome == "indexed" and entry.id in reasons
            ]
            for key, entry in mine:
                refused.append(entry)
                file = f"{name}/{Path(archive.path).name}" if archive.raw else f"{name}/{key}"
                reject = Reject(file, None, None, reasons[entry.id])
                archive.entries[key] = Entry("", "reject", reject=reject, warnings=entry.warnings)
            if mine and archive.raw:
                archive.raw = "again"
        return refused

    def to_json(self) -> str:
        """As `from_json` reads it, in ASCII."""
        values = {
            name: [archive.path, archive.raw, {key: _pack(entry) for key, entry in archive.entries.items()}]
            for name, archive in self.archives.items()
        }
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: str | bytes) -> "State":
        """What `to_json` gave.

        Raises:
            ValueError, TypeError, AttributeError, RecursionError: that is none.
        """
        return cls({
            name: ArchiveState(path, raw, {key: _unpack(row) for key, row in rows.items()})
            for name, (path, raw, rows) in json.loads(data).items()
        })

    def save(self, directory: Path) -> None:
        """Write into a generation, as a new file: the one there may be linked from the generation before."""
        path = directory / FILE
        path.unlink(missing_ok=True)
        path.write_text(self.to_json(), encoding="ascii")

    @classmethod
    def load(cls, directory: Path) -> "State":
        """Read from a generation whose checksums were verified.

        Raises:
            DamagedIndexError: it is not what was written.
        """
        try:
            return cls.from_json(read_regular(directory / FILE))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            text = f"{directory.name}/{FILE} cannot be read: {error}"
            raise DamagedIndexError(text, path=directory, generation=directory.name) from error


def _pack(entry: Entry) -> list[Any]:
    row = [
        entry.raw,
        entry.outcome,
        entry.id,
        entry.kept,
        entry.reject and list(asdict(entry.reject).values()),
        [list(asdict(warning).values()) for warning in entry.warnings],
        entry.unknown,
        entry.removed,
    ]
    while not row[-1]:
        row.pop()
    return row


def _unpack(row: list[Any]) -> Entry:
    full = row + [None] * (8 - len(row))
    raw, outcome, identity, kept, reject, warnings, unknown, removed = full
    return Entry(
        raw,
        outcome,
        identity or "",
        kept or "",
        Reject(*reject) if reject else None,
        tuple(Warn(*values) for values in warnings or ()),
        tuple(unknown or ()),
        tuple(removed or ()),
    )


@cache
def reading_version() -> str:
    """What the reading of a file depends on besides its bytes; files are read anew after an upgrade."""
    return " ".join(f"{name} {version(name)}" for name in ("broadsheet", "PyYAML", "markdown-it-py"))


def raw_hash(data: bytes) -> str:
    """SHA-256 (hex) of a file's bytes as this version reads them."""
    return hashlib.sha256(reading_version().encode() + b"\0" + data).hexdigest()


class Stamp(NamedTuple):
    fingerprint: Fingerprint
    raw: str


_RACY_NS = 2_000_000_000  # a file changed this shortly before it was read may change again within one tick of its clock


class Fingerprints:
    """File stamps by absolute path, with the hash of the bytes that were found under that stamp."""

    def __init__(self, stamps: dict[str, Stamp]) -> None:
        self._old = stamps
        self._new: dict[str, Stamp] = {}

    @classmethod
    def load(cls, directory: Path) -> "Fingerprints":
        """Read the cache; one that is missing or malformed is as good as empty."""
        try:
            read_by, rows = json.loads(read_regular(directory / FINGERPRINTS_FILE))
            if read_by != reading_version():
                return cls({})
            return cls({path: Stamp(tuple(stamp), str(raw)) for path, (stamp, raw) in rows.items()})
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return cls({})

    def raw_of(self, path: str, fingerprint: Fingerprint) -> str:
        """The hash that the file's bytes surely still have, or ""."""
        stamp = self._old.get(path)
        if stamp is None or stamp.fingerprint != fingerprint:
            return ""
        self._new[path] = stamp
        return stamp.raw

    def remember(self, path: str, fingerprint: Fingerprint, raw: str, now_ns: int) -> None:
        """Note what was read at `now_ns` (ns since 1970, before the file was opened)."""
        if max(fingerprint[1], fingerprint[2]) < now_ns - _RACY_NS:
            self._new[path] = Stamp(fingerprint, raw)

    def keep(self, folder: str) -> None:
        """Keep all stamps of an archive that is not read this time."""
        prefix = folder.rstrip("/")
        for path, stamp in self._old.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                self._new.setdefault(path, stamp)

    def save(self, directory: Path) -> None:
        """Replace the cache if it changed."""
        if self._new == self._old:
            return
        new = directory / f"{FINGERPRINTS_FILE}.new"
        rows = {path: list(stamp) for path, stamp in self._new.items()}
        new.write_text(json.dumps([reading_version(), rows], separators=(",", ":")), encoding="ascii")
        new.replace(directory / FINGERPRINTS_FILE)
