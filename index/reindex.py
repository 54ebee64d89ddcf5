"""Reindex: bring the index to what the archives say, reading only what changed, and report what was done.

The order of work: read what each archive holds now, file by file, against what the serving generation was made of
(`_Reading`); write each difference into a new generation as it is found (`_Draft`); publish it. Reading and parsing of
files is `index.archive`'s work, durability `index.generation`'s.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.archive import ArchiveSpec, Loaded, SourceFile, scan
from index.article import Article, Reject, Warn
from index.errors import ArchiveError, DamagedIndexError, IncompatibleIndexError, NoIndexError, UsageError
from index.files import sha256
from index.generation import Generation, Manifest, Store
from index.lock import writer_lock
from index.read import Read, read_files, read_lines
from index.reader import Snapshot
from index.schema import fingerprint
from index.settings import Settings
from index.state import ArchiveState, Entry, Fingerprints, Outcome, State, reading_version
from index.urls import address_hash
from index.writer import ArrayWriter, Writer

Progress = Callable[[str, int, int], None]
"""Called as progress(phase, done, total) while work goes on; `total` is 0 where it is not known yet."""


def silent(phase: str, done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a reindex did. Articles that are hidden before and after count nowhere but in `hidden`.

    Attributes:
        generation: the one that serves now; "" after a dry run into an empty index.
        articles: searchable ones, after the run.
        renamed: pairs of one added and one removed article with the same content; also counted in those two.
        hidden: removed, draft or unpublished articles, after the run.
        without_front_matter: files that are no articles.
        rejects, warnings: of all files as they are now, also of those that did not change.
        unknown_keys: front matter keys that Broadsheet does not know, sorted.
        files_read: files (JSONL: lines) that were parsed.
    """

    generation: str
    articles: int
    added: int
    changed: int
    removed: int
    renamed: int
    unchanged: int
    hidden: int
    without_front_matter: int
    rejects: tuple[Reject, ...]
    warnings: tuple[Warn, ...]
    unknown_keys: tuple[str, ...]
    elapsed_s: float
    files_read: int

    @property
    def rejected(self) -> int:
        return len(self.rejects)


def reindex(
    specs: Sequence[ArchiveSpec],
    settings: Settings,
    *,
    full: bool = False,
    dry_run: bool = False,
    forget: Sequence[str] = (),
    progress: Progress = silent,
) -> Report:
    """Bring the index in `settings.index` up to date.

    Args:
        specs: archives to read; they join those the index knows. None given: the known ones are read again.
        full: read and index everything anew.
        dry_run: report what would be done, write nothing.
        forget: names of archives to take out of the index.
        progress: see `Progress`.

    Raises:
        UsageError: no archive known or given, two of one name, or one to forget that is not known.
        ArchiveError: an archive is missing or empty; nothing was changed.
        ForeignIndexError: the directory holds something that is not ours.
        LockedError: another reindex is at work.
    """
    started = time.perf_counter()
    store = Store(settings.index_path)
    store.refuse_foreign()
    if dry_run:
        task = _Task(store, settings, full=full, progress=progress)
        return task.run(specs, forget, _Draft(None, None)).report(task.serving_name, started)
    store.path.mkdir(parents=True, exist_ok=True)
    with writer_lock(store.path / "lock"):
        store.sweep()
        task = _Task(store, settings, full=full, progress=progress)
        draft = _Draft(store, task.base)
        try:
            reading = task.run(specs, forget, draft)
            generation = task.publish(reading, draft)
        except BaseException:
            draft.cancel()
            raise
        task.stamps.save(store.path)
        return reading.report(generation, started)


class _Draft:
    """The generation being written, begun only when there is something to write; without a store, a dry run."""

    def __init__(self, store: Store | None, base: Generation | None) -> None:
        self._store = store
        self._base = base
        self._writer: Writer | None = None
        self.directory: Path | None = None

    def begin(self) -> Path:
        if self.directory is None:
            assert self._store
            self.directory = self._store.begin(self._base)
        return self.directory

    def write(self) -> Writer | None:
        if self._store and self._writer is None:
            self._writer = ArrayWriter(self.begin())
        return self._writer

    def commit(self) -> None:
        if self._writer:
            self._writer.commit()
            self._writer = None

    def cancel(self) -> None:
        if self._writer:
            self._writer.cancel()
        if self._store and self.directory:
            self._store.discard(self.directory)


class _Task:
    """One reindex: what it starts from and what it has to read."""

    def __init__(self, store: Store, settings: Settings, *, full: bool, progress: Progress) -> None:
        self.store = store
        self.settings = settings
        self.progress = progress
        self.stamps = Fingerprints.load(store.path)
        serving: Generation | None = None
        self.old = State()
        try:
            serving = store.open()
            Snapshot(serving.path).check()
            self.old = State.load(serving.path)
        except (NoIndexError, DamagedIndexError, IncompatibleIndexError):
            serving = None
        self.serving_name = serving.manifest.generation if serving else ""
        usable = serving is not None and serving.manifest.unpublished == settings.unpublished and not full
        self.base = serving if usable else None  # what the new generation builds upon

    def run(self, specs: Sequence[ArchiveSpec], forget: Sequence[str], draft: _Draft) -> "_Reading":
        """Read the archives and write their differences into the draft."""
        known = {name: Path(path) for name, path in self.store.known_archives().items()}
        for name in forget:
            if name not in known:
                raise UsageError(f"the index knows no archive {name!r}" + _known_names(known))
            del known[name]
        given: dict[str, Path] = {}
        for spec in specs:
            if given.setdefault(spec.name, spec.path) != spec.path:
                raise UsageError(f"two archives are called {spec.name!r}; name one otherwise: NAME=ARCHIVE")
            other = known.get(spec.name, spec.path)
            if other != spec.path and other.exists():  # where it does not exist any more, the archive was moved
                raise UsageError(
                    f"the index knows {other} as {spec.name!r}; name this archive otherwise: NAME=ARCHIVE, "
                    f"or take the other one out first: --forget {spec.name}"
                )
        archives = known | given
        if not archives and not forget:
            raise UsageError("name an archive to index: broadsheet reindex [NAME=]ARCHIVE")
        read = given if (given or forget) and self.base else archives
        reading = _Reading(self.settings, self.old, self.base is not None, self.stamps, draft, self.progress)
        for name, path in archives.items():
            if name in read:
                reading.read(ArchiveSpec(name, path))
            else:
                reading.keep(name)
        reading.remove_missing()
        return reading

    def publish(self, reading: "_Reading", draft: _Draft) -> str:
        """Publish the draft if anything differs; returns the name of the generation that serves."""
        if self.base and not self.base.notes and reading.new == self.old:
            draft.cancel()
            return self.base.manifest.generation
        if not self.base:
            draft.write()
        self.progress("writing", 0, 0)
        draft.commit()
        directory = draft.begin()
        reading.new.save(directory)
        outcomes = Counter(entry.outcome for entry in reading.new.entries())
        manifest = Manifest(
            generation="",
            created="",
            fingerprint=fingerprint(),
            unpublished=self.settings.unpublished,
            archives={name: archive.path for name, archive in reading.new.archives.items()},
            articles=outcomes["indexed"],
            hidden=outcomes["hidden"],
            rejected=outcomes["reject"],
            removed=tuple(sorted({key for entry in reading.new.entries() for key in entry.removed})),
        )
        return self.store.publish(directory, manifest, self.base).generation


def _raw(entry: Entry | None) -> str:
    return entry.raw if entry else ""


def _known_names(known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"; it knows {names}" if names else ""


class _Reading:
    """Collects the new state, archive by archive, and hands each difference to the draft."""

    def __init__(
        self,
        settings: Settings,
        old: State,
        builds_on_old: bool,
        stamps: Fingerprints,
        draft: _Draft,
        progress: Progress,
    ) -> None:
        self.new = State()
        self._builds_on_old = builds_on_old
        self._settings = settings
        self._old = old
        self._stamps = stamps
        self._draft = draft
        self._progress = progress
        self._indexed_before = {entry.id: entry for entry in old.entries() if entry.outcome == "indexed"}
        self._indexed: dict[str, Entry] = {}
        self._taken: dict[str, str] = {}  # path by article id, hidden ones too
        self._added: list[Entry] = []
        self._removed: list[Entry] = []
        self._changed = self._files_read = 0

    def keep(self, name: str) -> None:
        """Leave an archive as it is in the index."""
        archive = self._old.archives[name]
        self.new.archives[name] = archive
        self._indexed |= {entry.id: entry for entry in archive.entries.values() if entry.outcome == "indexed"}
        self._stamps.keep(archive.path)

    def read(self, spec: ArchiveSpec) -> None:
        """Read an archive from disk."""
        nothing = ArchiveState(str(spec.path))
        old = self._old.archives.get(spec.name, nothing) if self._builds_on_old else nothing
        archive = ArchiveState(str(spec.path))
        self.new.archives[spec.name] = archive
        self._progress(f"scanning {spec.name}", 0, 0)
        sources = list(scan(spec, self._settings))
        files = [source for source in sources if isinstance(source, SourceFile) and source.relative]
        unchanged = {file.relative for file in files if self._is_unchanged(file, old.entries.get(file.relative))}
        changed = [(file, _raw(old.entries.get(file.relative))) for file in files if file.relative not in unchanged]
        with closing(read_files(spec, changed, self._settings)) as reads:
            for done, source in enumerate(sources):
                self._progress(f"reading {spec.name}", done, len(sources))
                if isinstance(source, Reject):
                    archive.entries[f"\0{done}"] = Entry("", "reject", reject=source)
                    self._keep_below(source.path, old, archive)
                elif not source.relative:
                    self._read_lines(spec, source, old, archive)
                elif source.relative in unchanged:
                    archive.entries[source.relative] = self._take(old.entries[source.relative], None, source.relative)
                else:
                    entry = self._take_file(next(reads), source, old.entries.get(source.relative))
                    archive.entries[source.relative] = entry
        if all(entry.outcome == "none" for entry in archive.entries.values()):
            raise ArchiveError(f"{spec.path} is empty: no file there has front matter", path=spec.path)
        self._progress(f"reading {spec.name}", len(sources), len(sources))

    def _keep_below(self, path: str, old: ArchiveState, archive: ArchiveState) -> None:
        """What a folder held that cannot be read now stays as it is in the index."""
        folder = path.partition("/")[2] + "/"
        for key, entry in old.entries.items():
            if key.startswith(folder):
                archive.entries[key] = self._take(entry, None, key)

    def _is_unchanged(self, source: SourceFile, old: Entry | None) -> bool:
        """Whether a file's stamp alone says that it is as it was."""
        raw = self._stamps.raw_of(str(source.path), source.fingerprint)
        too_large = source.fingerprint[0] > self._settings.max_file_bytes
        return bool(old and raw and old.raw == raw and not too_large)

    def _take_file(self, read: Read, source: SourceFile, old: Entry | None) -> Entry:
        removed = old.removed if old else ()  # no link leads there, even if the file cannot be read any more
        if read.raw:
            self._stamps.remember(str(source.path), source.fingerprint, read.raw, read.at_ns)
        if old and not read.loaded:
            return self._take(old, None, source.relative)
        assert read.loaded
        if not read.raw:
            return Entry("", "reject", reject=read.loaded.reject, removed=removed)
        return self._take_read(read, read.loaded, source.relative, removed)

    def _read_lines(self, spec: ArchiveSpec, source: SourceFile, old: ArchiveState, archive: ArchiveState) -> None:
        now_ns = time.time_ns()
        raw = self._stamps.raw_of(str(source.path), source.fingerprint)
        if not raw:
            raw = sha256(source.path)
            self._stamps.remember(str(source.path), source.fingerprint, raw, now_ns)
        archive.raw = f"{raw} {self._settings.max_file_bytes} {reading_version()}"
        if old.raw == archive.raw:
            for key, entry in old.entries.items():
                archive.entries[key] = self._take(entry, None, key)
            return
        with closing(read_lines(spec, source, self._settings)) as reads:
            for number, read in enumerate(reads, start=1):
                if number % 1000 == 0:
                    self._progress(f"reading {spec.name}", number, 0)
                assert read.loaded
                key = read.loaded.article.path if read.loaded.article else f"\0{number}"
                if key in archive.entries:
                    key = f"\0{number}"
                archive.entries[key] = self._take_read(read, read.loaded, key)

    def _take_read(self, read: Read, loaded: Loaded, key: str, removed: tuple[str, ...] = ()) -> Entry:
        self._files_read += 1
        warnings, unknown = loaded.warnings, tuple(sorted(loaded.unknown))
        if loaded.reject:
            return Entry(read.raw, "reject", reject=loaded.reject, warnings=warnings, removed=removed)
        article = loaded.article
        if not article:
            return Entry(read.raw, "none")
        outcome: Outcome = "hidden" if article.hidden else "indexed"
        removed = tuple(map(address_hash, article.addresses)) if article.hidden == "removed" else ()
        entry = Entry(read.raw, outcome, article.id, read.kept, None, warnings, unknown, removed)
        return self._take(entry, read, key, loaded.line)

    def _place(self, name: str, key: str, line: int | None) -> str:
        """How a report calls the file that `key` stands for."""
        return f"{name}/{Path(self.new.archives[name].path).name}" if line else f"{name}/{key}"

    def _take(self, entry: Entry, read: Read | None, key: str, line: int | None = None) -> Entry:
        """Accept an entry into the new state unless its id is taken; `read` None: it is as it was."""
        if entry.id in self._taken:
            path = self._place(entry.id.partition("/")[0], key, line)
            reject = Reject(path, line, None, f"the id {entry.id} is taken by {self._taken[entry.id]}")
            # Read again next time: the other file may be gone.
            return Entry("", "reject", reject=reject, removed=entry.removed)
        if entry.id:
            self._taken[entry.id] = f"line {line}" if line else key
        if entry.outcome == "indexed":
            self._indexed[entry.id] = entry
            if read and read.loaded and read.loaded.article:
                self._index(entry, read.loaded.article, read.packed)
        return entry

    def _index(self, entry: Entry, article: Article, packed: bytes) -> None:
        before = self._indexed_before.get(entry.id)
        same = before is not None and before.kept == entry.kept
        if before is None:
            self._added.append(entry)
        elif not same:
            self._changed += 1
        if same and self._builds_on_old:
            return
        writer = self._draft.write()
        if writer and before and self._builds_on_old:
            writer.delete(entry.id)
        if writer:
            writer.add(article, packed)

    def remove_missing(self) -> None:
        """Take articles out of the index that the archives no longer show."""
        for identity in self._indexed_before.keys() - self._indexed.keys():
            self._removed.append(self._indexed_before[identity])
            writer = self._draft.write() if self._builds_on_old else None
            if writer:
                writer.delete(identity)

    def report(self, generation: str, started: float) -> Report:
        """What was done; `started` by `time.perf_counter`."""
        entries = list(self.new.entries())
        outcomes = Counter(entry.outcome for entry in entries)
        renamed = Counter(entry.raw for entry in self._added if entry.raw) & Counter(e.raw for e in self._removed)
        return Report(
            generation=generation,
            articles=outcomes["indexed"],
            added=len(self._added),
            changed=self._changed,
            removed=len(self._removed),
            renamed=renamed.total(),
            unchanged=outcomes["indexed"] - len(self._added) - self._changed,
            hidden=outcomes["hidden"],
            without_front_matter=outcomes["none"],
            rejects=tuple(entry.reject for entry in entries if entry.reject),
            warnings=tuple(warning for entry in entries for warning in entry.warnings),
            unknown_keys=tuple(sorted({key for entry in entries for key in entry.unknown})),
            elapsed_s=time.perf_counter() - started,
            files_read=self._files_read,
        )
