"""Reindex: bring the index to what the archives say, reading only what changed, and report what was done.

The order of work: read what each archive holds now, file by file, against what the serving generation was made of
(`_Reading`); write each difference into a draft of the next one as it is found; publish that. Reading and parsing of
files is `index.archive`'s work; where it is written, and how safely, that of an `index.destination`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from index.archive import ArchiveSpec, Loaded, SourceFile, scan
from index.article import Article, Reject, Warn
from index.destination import Destination, Draft, manifest_of
from index.directory import DirectoryDestination
from index.errors import ArchiveError, UsageError
from index.files import sha256
from index.read import Read, read_files, read_lines
from index.settings import Settings
from index.state import ArchiveState, Entry, Fingerprints, Outcome, State, reading_version
from index.urls import address_hash

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
    """Bring the index up to date: in `settings.index`, or on the cluster that the settings name.

    Args:
        specs: archives to read; they join those the index knows. None given: the known ones are read again.
        full: read and index everything anew.
        dry_run: report what would be done, write nothing.
        forget: names of archives to take out of the index.
        progress: see `Progress`.

    Raises:
        UsageError: no archive known or given, two of one name, or one to forget that is not known.
        ArchiveError: an archive is missing or empty; nothing was changed.
        ForeignIndexError: something that is not ours stands in its place.
        LockedError: another reindex is at work.
        EngineUnreachableError: the cluster does not answer, or refuses; what served still serves.
    """
    started = time.perf_counter()
    destination = open_destination(settings)
    destination.refuse_foreign()
    if dry_run:
        task = _Task(destination, settings, full=full, progress=progress)
        return task.run(specs, forget, _Changes(None)).report(task.serving_name, started)
    with destination.lock():
        task = _Task(destination, settings, full=full, progress=progress)
        changes = _Changes(lambda: destination.begin(anew=not task.builds_on_old))
        try:
            reading = task.run(specs, forget, changes)
            generation = task.publish(reading, changes)
        except BaseException:
            changes.discard()
            raise
        task.stamps.save(settings.index_path)
        return reading.report(generation, started)


def open_destination(settings: Settings) -> Destination:
    """Where the settings say that the index is.

    Raises:
        UsageError: a setting makes no sense, or what the engine needs is not installed.
    """
    if settings.engine == "opensearch":
        # Loaded by name, because it needs a library that is an extra.
        destination: Destination = import_module("index.opensearch.destination").ClusterDestination(settings)
        return destination
    return DirectoryDestination(settings)


class _Changes:
    """What goes into the draft, which is begun with the first change; without a way to begin one, a dry run."""

    def __init__(self, begin: Callable[[], Draft] | None) -> None:
        self._begin = begin
        self._draft: Draft | None = None

    def draft(self) -> Draft:
        """The draft, begun if need be; not of a dry run."""
        if self._draft is None:
            assert self._begin
            self._draft = self._begin()
        return self._draft

    def delete(self, article_id: str) -> None:
        if self._begin:
            self.draft().writer.delete(article_id)

    def add(self, article: Article, packed: bytes) -> None:
        if self._begin:
            self.draft().writer.add(article, packed)

    def discard(self) -> None:
        if self._draft:
            self._draft.discard()


class _Task:
    """One reindex: what it starts from and what it has to read."""

    def __init__(self, destination: Destination, settings: Settings, *, full: bool, progress: Progress) -> None:
        self.destination = destination
        self.settings = settings
        self.progress = progress
        self.stamps = Fingerprints.load(settings.index_path)
        self.serving = destination.serving()
        self.old = self.serving.state if self.serving else State()
        self.serving_name = self.serving.manifest.generation if self.serving else ""
        self.builds_on_old = bool(
            self.serving
            and self.serving.whole
            and self.serving.manifest.unpublished == settings.unpublished
            and not full
        )

    def run(self, specs: Sequence[ArchiveSpec], forget: Sequence[str], changes: _Changes) -> "_Reading":
        """Read the archives and write their differences into the draft."""
        known = {name: Path(path) for name, path in self.destination.known_archives().items()}
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
        read = given if (given or forget) and self.builds_on_old else archives
        reading = _Reading(self.settings, self.old, self.builds_on_old, self.stamps, changes, self.progress)
        for name, path in archives.items():
            if name in read:
                reading.read(ArchiveSpec(name, path))
            else:
                reading.keep(name)
        reading.remove_missing()
        return reading

    def publish(self, reading: "_Reading", changes: _Changes) -> str:
        """Publish the draft if anything differs; returns the name of the generation that serves."""
        if self.builds_on_old and self.serving and not self.serving.notes and reading.new == self.old:
            changes.discard()
            return self.serving_name
        self.progress("writing", 0, 0)
        reading.refuse(changes.draft().commit())
        return changes.draft().publish(manifest_of(reading.new, self.settings.unpublished), reading.new)


def _raw(entry: Entry | None) -> str:
    return entry.raw if entry else ""


def _known_names(known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"; it knows {names}" if names else ""


class _Reading:
    """Collects the new state, archive by archive, and hands each difference on."""

    def __init__(
        self,
        settings: Settings,
        old: State,
        builds_on_old: bool,
        stamps: Fingerprints,
        changes: _Changes,
        progress: Progress,
    ) -> None:
        self.new = State()
        self._builds_on_old = builds_on_old
        self._settings = settings
        self._old = old
        self._stamps = stamps
        self._changes = changes
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
        if before and self._builds_on_old:
            self._changes.delete(entry.id)
        self._changes.add(article, packed)

    def remove_missing(self) -> None:
        """Take articles out of the index that the archives no longer show."""
        for identity in self._indexed_before.keys() - self._indexed.keys():
            self._removed.append(self._indexed_before[identity])
            if self._builds_on_old:
                self._changes.delete(identity)

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Take back articles that the destination did not take; by id, why."""
        for entry in self.new.refuse(reasons):
            before = self._indexed_before.get(entry.id)
            if before is None:
                self._added.remove(entry)
                continue
            self._removed.append(before)
            if before.kept != entry.kept:
                self._changed -= 1

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
