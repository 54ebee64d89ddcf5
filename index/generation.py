"""Generations: complete, immutable indexes in one directory, of which `CURRENT` names the one that serves.

    INDEX/CURRENT                       "000007-1f3a9c02 SHA256-OF-ITS-MANIFEST"
    INDEX/lock                          held by the writer (`index.lock`)
    INDEX/fingerprints.json             a cache of file stamps (`index.state`); may be deleted
    INDEX/queries.sqlite3               how often each query was asked, where that is counted; a server's, not ours
    INDEX/generations/000007-1f3a9c02/  manifest.json, state.json, Whoosh's segments and table of contents
    INDEX/generations/000006-…/         the one before, kept for readers and as a spare
    INDEX/generations/partial-…/        being written, or left by a writer that died; the next writer removes it

A generation is written aside, every file synced, then renamed, and only then named by `CURRENT`, itself replaced by a
rename: after a crash at any moment either the old or the new one serves. Segment files that did not change are hard
links. What is in a generation's files is `index.writer`'s and `index.reader`'s matter.

No file of a generation is written to after the rename, so readers map them into memory. Whoever cuts one short in place
all the same ends every process that reads it (SIGBUS); no checksum helps there.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from index.errors import (
    BroadsheetError,
    DamagedIndexError,
    ForeignIndexError,
    IncompatibleIndexError,
    IndexUnusableError,
    NoIndexError,
)
from index.files import digest, go_on, link, open_regular, read_regular, sha256, sync, write_synced
from index.schema import fingerprint

CURRENT = "CURRENT"
QUERIES = "queries.sqlite3"
DAMAGED_QUERIES = f"{QUERIES}.damaged"
MANIFEST = "manifest.json"
KEPT = 2  # generations: the one that serves and the one before
WHOLE_BYTES = 64 * 1024 * 1024
"""An index up to this size is verified whole even where one opens in haste: it takes a fraction of a second."""
SMALL_BYTES = 1024 * 1024
"""Of a larger one, then, the files up to this size each, the table of contents among them."""

Marker = tuple[int, int, int]  # inode, modification and change time in ns

_NAME = re.compile(r"\d{6,}-[0-9a-f]{8}")
_PARTIAL = "partial-"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_OURS = {CURRENT, f"{CURRENT}.new", "lock", "fingerprints.json", "fingerprints.json.new", "generations"}
_OURS |= {QUERIES, DAMAGED_QUERIES}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation says of itself.

    Attributes:
        created: ISO time, UTC.
        fingerprint: of schema and analyzer, see `index.schema.fingerprint`.
        unpublished: the setting it was built with, "hide" or "show".
        archives: absolute path by archive name.
        articles, hidden, rejected: how many are searchable, hidden and rejected.
        removed: hashes of the addresses of articles that the archive marks removed; no link leads there.
        files: bytes and SHA-256 (hex) by file name, all files but the manifest.
    """

    generation: str
    created: str
    fingerprint: str
    unpublished: str
    archives: dict[str, str]
    articles: int
    hidden: int
    rejected: int
    removed: tuple[str, ...]
    files: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation on disk.

    Attributes:
        notes: what an operator should know about why this one serves.
        unverified: names of the files that are there in full length and whose checksums were not compared yet.
    """

    path: Path
    manifest: Manifest
    notes: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()


Stamp = tuple[int, int, int, int, str]
"""A file as it was verified: device, inode, bytes, mtime in ns, SHA-256. Links to one file have one stamp."""


class Store:
    """The generations of one index directory."""

    def __init__(self, path: Path, between: Callable[[], None] = go_on) -> None:
        """Touch nothing yet.

        Args:
            path: the index directory.
            between: called between two chunks that are hashed, see `index.files.digest`.
        """
        self.path = path
        self._between = between
        self._generations = path / "generations"
        self._current = str(path / CURRENT)  # as text: it is looked at with every query

    def current_name(self) -> str:
        """The text of `CURRENT`; changes exactly when another generation serves. "" where there is none."""
        try:
            return read_regular(self.path / CURRENT).decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def marker(self) -> Marker | None:
        """What tells one `CURRENT` from the next without reading it; None where there is none."""
        try:
            status = os.stat(self._current)  # noqa: PTH116 - see above
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns

    def open(self, *, whole: bool = True, known: DamagedIndexError | None = None) -> Generation:
        """The newest generation that is whole, as far as was looked.

        Args:
            whole: compare all checksums. False is for who must answer soon: of an index of more than `WHOLE_BYTES`,
                files of more than `SMALL_BYTES` are left to `verify`, and `unverified` names them.
            known: damage that was found before; the generation that has it is not looked at again.

        Raises:
            NoIndexError, ForeignIndexError, IncompatibleIndexError, DamagedIndexError: see `index.errors`; damage to
                the current generation is raised only if the one before cannot serve either.
        """
        for _ in range(3):  # a writer may replace and prune while we look
            before = self.current_name()
            try:
                generation = self._open(whole, known)
            except DamagedIndexError:
                if self.current_name() == before:
                    raise
                continue
            if not generation.notes or self.current_name() == before:
                return generation
        return self._open(whole, known)

    def _open(self, whole: bool, known: DamagedIndexError | None) -> Generation:
        self.refuse_foreign()
        text = self.current_name()
        if not text:
            raise NoIndexError(
                f"no index in {self.path}; make one with: broadsheet reindex ARCHIVE --index {self.path}",
                path=self.path,
            )
        name, _, checksum = text.strip().partition(" ")
        damaged = known.generation if known else ""
        try:
            if known and name == damaged:
                raise known
            return self._verified(name, checksum, whole)
        except IndexUnusableError as error:
            for spare in sorted(self._names() - {name, damaged}, reverse=True):
                try:
                    generation = self._verified(spare, "", whole)
                except IndexUnusableError:
                    continue
                return replace(generation, notes=(f"{error}. Until then the generation before serves.",))
            raise

    def refuse_foreign(self) -> None:
        """Raise ForeignIndexError where the directory holds what Broadsheet did not write."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ForeignIndexError(f"{self.path} is not a directory", path=self.path)
        names = {entry.name for entry in self.path.iterdir()}
        if names and not names & _OURS:
            raise ForeignIndexError(
                f"{self.path} is not an index of Broadsheet (it holds {min(names)!r}); choose another directory",
                path=self.path,
            )

    def _names(self) -> set[str]:
        try:
            return {entry.name for entry in self._generations.iterdir() if _NAME.fullmatch(entry.name)}
        except FileNotFoundError:
            return set()

    def _verified(self, name: str, checksum: str, whole: bool) -> Generation:
        manifest = self.manifest(name, checksum)
        if manifest.fingerprint != fingerprint():
            raise IncompatibleIndexError(
                f"the index in {self.path} was built by another version; run: broadsheet reindex --index {self.path}",
                path=self.path,
            )
        directory = self._generations / name
        sizes = {file: size for file, (size, _) in manifest.files.items()}
        in_haste = not whole and sum(sizes.values()) > WHOLE_BYTES
        unverified = tuple(file for file, size in sizes.items() if in_haste and size > SMALL_BYTES)
        generation = Generation(directory, manifest, unverified=unverified)
        for file in manifest.files:
            self._verify(generation, file, None if file in unverified else ())
        return generation

    def verify(self, generation: Generation, known: Container[Stamp] = ()) -> frozenset[Stamp]:
        """Compare the checksums that `open` left.

        Args:
            generation: as `open` returned it.
            known: files that were verified before; they are not read again.

        Returns:
            The stamps of the files it left, to be `known` next time.

        Raises:
            DamagedIndexError: a file is damaged; it is named. Also when the generation was pruned meanwhile.
        """
        return frozenset([self._verify(generation, file, known) for file in generation.unverified])

    def _verify(self, generation: Generation, file: str, known: Container[Stamp] | None) -> Stamp:
        """Compare a file with the manifest: kind, size and, unless its stamp is `known`, checksum; None: all are."""
        name = generation.path.name
        size, expected = generation.manifest.files[file]
        try:
            with open_regular(generation.path / file) as opened:
                status = os.fstat(opened.fileno())
                if status.st_size != size:
                    raise self._damaged(name, file, f"has {status.st_size} bytes instead of {size}")
                stamp = (status.st_dev, status.st_ino, size, status.st_mtime_ns, expected)
                if known is not None and stamp not in known and digest(opened, self._between) != expected:
                    raise self._damaged(name, file, "does not have its checksum")
                return stamp
        except OSError as error:
            raise self._damaged(name, file, f"cannot be read: {error.strerror}") from error

    def manifest(self, name: str, checksum: str = "") -> Manifest:
        """The manifest of the generation called `name`.

        Raises:
            DamagedIndexError: when it is missing, malformed or not the one that `checksum` (SHA-256, hex) names.
        """
        if not _NAME.fullmatch(name):
            raise self._damaged("", CURRENT, "names no generation")
        path = self._generations / name / MANIFEST
        try:
            data = read_regular(path)
        except OSError as error:
            raise self._damaged(name, MANIFEST, f"cannot be read: {error.strerror}") from error
        if checksum and hashlib.sha256(data).hexdigest() != checksum:
            raise self._damaged(name, MANIFEST, "does not have its checksum")
        try:
            values = json.loads(data)
            values["files"] = {str(file): (int(size), str(sha)) for file, (size, sha) in values["files"].items()}
            values["removed"] = tuple(values["removed"])
            manifest = Manifest(**values)
            if not all(map(_PLAIN.fullmatch, manifest.files)) or manifest.generation != name:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
            raise self._damaged(name, MANIFEST, "is malformed") from error
        return manifest

    def _damaged(self, name: str, file: str, what: str) -> DamagedIndexError:
        place = "/".join(filter(None, (name, file)))
        mend = f"mend it with: broadsheet reindex ARCHIVE --index {self.path}"
        message = f"the index in {self.path} is damaged ({place} {what}); {mend}"
        return DamagedIndexError(message, path=self.path, generation=name)

    def known_archives(self) -> dict[str, str]:
        """Paths by archive name, from the newest manifest that can be read, whether or not its index is usable."""
        current = self.current_name().partition(" ")[0].strip()
        for name in sorted(self._names(), key=lambda name: (name == current, name), reverse=True):
            try:
                return self.manifest(name).archives
            except BroadsheetError:
                continue
        return {}

    def begin(self, previous: Generation | None) -> Path:
        """A fresh directory for the next generation, holding links to the files of `previous`; needs the lock."""
        self._generations.mkdir(parents=True, exist_ok=True)
        self.sweep()
        numbers = [int(name.partition("-")[0]) for name in self._names()] + [0]
        partial = self._generations / f"{_PARTIAL}{max(numbers) + 1:06d}-{secrets.token_hex(4)}"
        partial.mkdir()
        if previous:
            for file in previous.manifest.files:
                link(previous.path / file, partial / file)
        return partial

    def discard(self, partial: Path) -> None:
        """Give up a generation that was begun."""
        shutil.rmtree(partial, ignore_errors=True)

    def publish(self, partial: Path, manifest: Manifest, previous: Generation | None) -> Manifest:
        """Make the generation in `partial` durable and current; returns its manifest with `generation` and `files`."""
        name = partial.name.removeprefix(_PARTIAL)
        known = previous.manifest.files if previous else {}
        files: dict[str, tuple[int, str]] = {}
        for path in sorted(partial.iterdir()):
            if previous and path.name in known and path.samefile(previous.path / path.name):
                files[path.name] = known[path.name]
                continue
            files[path.name] = (path.stat().st_size, sha256(path))
            sync(path)
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        manifest = replace(manifest, generation=name, created=created, files=files)
        data = json.dumps(asdict(manifest), indent=1).encode("ascii")
        write_synced(partial / MANIFEST, data)
        sync(partial)
        partial.rename(self._generations / name)
        sync(self._generations)
        self._point_to(f"{name} {hashlib.sha256(data).hexdigest()}\n")
        self.sweep(keep=previous.manifest.generation if previous else "")
        return manifest

    def _point_to(self, text: str) -> None:
        write_synced(self.path / f"{CURRENT}.new", text.encode("ascii"))
        (self.path / f"{CURRENT}.new").replace(self.path / CURRENT)
        sync(self.path)

    def sweep(self, keep: str = "") -> None:
        """Remove what a dead writer left, and generations past the kept ones; needs the lock."""
        if not self._generations.exists():
            return
        current = self.current_name().partition(" ")[0].strip()
        wanted = [current, *([keep] if keep else []), *sorted(self._names() - {current, keep}, reverse=True)][:KEPT]
        for entry in self._generations.iterdir():
            if entry.name.startswith(_PARTIAL) or (_NAME.fullmatch(entry.name) and entry.name not in wanted):
                shutil.rmtree(entry, ignore_errors=True)
