"""Where articles are: an archive on disk -> its files -> `Loaded`, each an article, a reject, or no article.

An archive is a folder of Markdown or HTML files, or one JSONL file. What a file says is read by `index.frontmatter`
and `index.load`; what changed since the last time is `index.reindex`'s question. Nothing that could be an article is
passed over in silence: what cannot be read is a `Reject`. Only regular files are opened.
"""

import fnmatch
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from index.article import Article, Reject, Warn
from index.errors import ArchiveError, UsageError
from index.frontmatter import FrontMatterError, parse_front_matter
from index.load import VISIBILITY_KEYS, LoadError, Origin, load_article
from index.settings import Settings

SUFFIXES = (".md", ".markdown", ".html")
LINES_SUFFIX = ".jsonl"
MAX_NAME_CHARS = 100
MAX_ID_CHARS = 1_000
MAX_NUMBER_CHARS = 100

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ArchiveSpec:
    """An archive as named on the command line; `path` is absolute."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may hold articles.

    Attributes:
        path: where it is.
        relative: path below the archive, `/` between parts; "" for a JSONL file.
        fingerprint: bytes, modification and change time in ns, inode; equal as long as the file is untouched.
    """

    path: Path
    relative: str
    fingerprint: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one file, or one line of a JSONL file, gave; article and reject both None: it is no article.

    Attributes:
        warnings: what was dropped of the article.
        unknown: its keys that Broadsheet does not know.
        line: 1-based line in a JSONL file.
    """

    article: Article | None
    reject: Reject | None
    warnings: tuple[Warn, ...] = ()
    unknown: frozenset[str] = frozenset()
    line: int | None = None


class SourceRejectError(Exception):
    """A file that could not be read; `reject` says why."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(f"{reject.path}: {reject.reason}")
        self.reject = reject


# Naming archives


def parse_spec(text: str) -> ArchiveSpec:
    """Read `[NAME=]ARCHIVE`; NAME defaults to the folder's own name, or the file's without `.jsonl`.

    Raises:
        UsageError: the name is empty, starts with a dot, or holds a slash or a control character.
    """
    name, divided, place = text.partition("=")
    if not divided:
        name, place = "", text
    if not place:
        raise UsageError(f"{_printable(text)!r} names no archive; write [NAME=]ARCHIVE")
    if "\0" in place:
        raise UsageError("the path of an archive cannot hold a NUL character")
    try:
        path = Path(place).expanduser().absolute()
    except RuntimeError:  # a home directory that is not known
        path = Path(place).absolute()
    if ".." in path.parts:
        path = path.resolve()
    if not divided:
        name = path.name[: -len(LINES_SUFFIX)] if _is_lines(path) else path.name
    fault = _name_fault(name)
    if fault:
        raise UsageError(f"{_printable(name)!r} cannot be the name of an archive: {fault}; write NAME=ARCHIVE")
    return ArchiveSpec(name, path)


def _name_fault(name: str) -> str:
    if not name.strip():
        return "it is empty"
    if name.startswith("."):
        return "it starts with a dot"
    if "/" in name:
        return "it holds a slash"
    if _CONTROLS.search(name) or name != name.strip():
        return "it holds control characters or outer spaces"
    return f"it has more than {MAX_NAME_CHARS} characters" if len(name) > MAX_NAME_CHARS else ""


def _is_lines(path: Path) -> bool:
    return path.name.lower().endswith(LINES_SUFFIX)


def _printable(text: str) -> str:
    return _CONTROLS.sub("\ufffd", text)


# Finding files


def scan(spec: ArchiveSpec, settings: Settings) -> Iterator[SourceFile | Reject]:
    """The files of an archive in the order of their paths, and what could not be looked at.

    Links to folders are not followed, nor links to files outside the archive.

    Raises:
        ArchiveError: the archive is missing, unreadable, neither folder nor JSONL file, or holds no article file.
    """
    try:
        status = spec.path.stat()
        if stat.S_ISDIR(status.st_mode):
            walk = _Walk(spec, settings)
            found: Iterator[SourceFile | Reject] = walk.files(walk.entries(walk.root))
            empty = "holds no article file (*.md, *.markdown, *.html)"
        elif stat.S_ISREG(status.st_mode) and _is_lines(spec.path):
            found = iter([SourceFile(spec.path, "", _fingerprint(status))] if _has_text(spec.path) else [])
            empty = "holds no line of text"
        else:
            raise ArchiveError(f"archive {spec.path} is neither a folder nor a .jsonl file", path=spec.path)
    except OSError as error:
        raise ArchiveError(f"archive {spec.path} cannot be read: {_cause(error)}", path=spec.path) from error
    any_found = False
    for source in found:
        any_found = True
        yield source
    if not any_found:
        raise ArchiveError(f"archive {spec.path} is empty: it {empty}", path=spec.path)


def _fingerprint(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _has_text(path: Path) -> bool:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if chunk.strip():
                return True
    return False


def _cause(error: OSError) -> str:
    return (error.strerror or "it failed").lower()


class _Walk:
    """One walk over a folder."""

    def __init__(self, spec: ArchiveSpec, settings: Settings) -> None:
        self.spec = spec
        self.root = os.fspath(spec.path)
        self.real_root = Path(self.root).resolve()
        self.is_excluded = _exclusion(settings.exclude)

    def files(self, top: list[os.DirEntry[str]]) -> Iterator[SourceFile | Reject]:
        """All below the entries of the root, which the caller lists: without it there is no archive."""
        waiting = [iter(top)]
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
                continue
            relative = entry.path[len(self.root) :].lstrip("/")
            if self.is_excluded(relative):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(iter(self.entries(entry.path)))
                elif entry.name.lower().endswith(SUFFIXES) and not self.is_linked_folder(entry):
                    yield self.source(entry, relative)
            except OSError as error:
                yield self.reject(relative, f"it cannot be read: {_cause(error)}")

    def entries(self, folder: str) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)

    def is_linked_folder(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_symlink() and entry.is_dir()

    def source(self, entry: os.DirEntry[str], relative: str) -> SourceFile | Reject:
        if _CONTROLS.search(relative):
            return self.reject(relative, "the file's name is not UTF-8 or holds control characters")
        if entry.name.lower() in SUFFIXES:
            return self.reject(relative, "the file has a suffix but no name")
        path = Path(entry.path)
        if entry.is_symlink() and not path.resolve().is_relative_to(self.real_root):
            return self.reject(relative, "the file is a link that leads out of the archive")
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            return self.reject(relative, "it is not a regular file")
        return SourceFile(path, relative, _fingerprint(status))

    def reject(self, relative: str, reason: str) -> Reject:
        return Reject(f"{self.spec.name}/{_printable(relative)}", None, None, reason)


def _exclusion(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """A test of relative paths: a plain name excludes what bears it, a pattern is matched with the whole path."""
    cleaned = [pattern.strip("/") for pattern in patterns if pattern.strip("/")]
    names = {pattern for pattern in cleaned if not re.search(r"[*?\[/]", pattern)}
    globs = [fnmatch.translate(pattern) for pattern in cleaned if pattern not in names]
    glob = re.compile("|".join(globs)) if globs else None
    # Folders are tested before their content, so the last part of a path is the only new one.
    return lambda relative: relative.rpartition("/")[2] in names or bool(glob and glob.match(relative))


# Reading files


def read_bytes(spec: ArchiveSpec, source: SourceFile, settings: Settings) -> bytes:
    """The whole of a file of a folder.

    Raises:
        SourceRejectError: it cannot be read, is no regular file, or is over the size limit.
    """
    limit = settings.max_file_bytes
    try:
        with _open_regular(source.path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size + 1) if size <= limit else b""
            if len(data) > size:  # it grew
                data += file.read(limit + 1 - len(data))
    except OSError as error:
        raise _reject(spec, source, f"it cannot be read: {_cause(error)}") from error
    if max(size, len(data)) > limit:
        raise _reject(spec, source, f"the file has {max(size, len(data)):,} bytes, more than the limit of {limit:,}")
    return data


def _open_regular(path: Path) -> IO[bytes]:
    """Open for reading, without waiting for the other end of a pipe that took the file's place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file")
    return os.fdopen(descriptor, "rb")


def _reject(spec: ArchiveSpec, source: SourceFile, reason: str) -> SourceRejectError:
    return SourceRejectError(Reject(_shown(spec, source), None, None, reason))


def _shown(spec: ArchiveSpec, source: SourceFile) -> str:
    return f"{spec.name}/{_printable(source.relative or spec.path.name)}"


def load_source(spec: ArchiveSpec, source: SourceFile, settings: Settings) -> Iterator[Loaded]:
    """Everything in one file: one `Loaded` for a file of a folder, one for each line of a JSONL file."""
    if not source.relative:
        yield from load_lines(spec, source, settings)
        return
    try:
        data = read_bytes(spec, source, settings)
    except SourceRejectError as error:
        yield Loaded(None, error.reject)
        return
    yield load_bytes(spec, source, data)


def load_bytes(spec: ArchiveSpec, source: SourceFile, data: bytes) -> Loaded:
    """The article in a file of a folder, from the bytes that `read_bytes` gave."""
    shown = _shown(spec, source)
    try:
        front = parse_front_matter(data)
    except FrontMatterError as error:
        return Loaded(None, Reject(shown, error.line, error.column, error.reason))
    if front is None:
        return Loaded(None, None)
    stem, _, suffix = source.relative.rpartition(".")
    origin = Origin(
        archive=spec.name,
        path=source.relative,
        id=f"{spec.name}/{stem}",
        shown=shown,
        line_of=front.line_of,
        body_format=_FORMATS.get(suffix.lower(), "markdown"),
    )
    try:
        twice = {key: ["given", "twice"] for key in VISIBILITY_KEYS if front.is_repeated(key)}
        article, warnings, unknown = load_article(origin, {**front.values, **twice}, front.body)
    except LoadError as error:
        return Loaded(None, Reject(shown, 1, None, str(error)))
    return Loaded(article, None, warnings, unknown)


_FORMATS: dict[str, Literal["markdown", "html", "text"]] = {"html": "html"}


# JSONL


Line = tuple[int, bytes] | Reject


def load_lines(spec: ArchiveSpec, source: SourceFile, settings: Settings) -> Iterator[Loaded]:
    """The articles of a JSONL file, one a line, read as they are asked for; blank lines are passed over."""
    return load_numbered(spec, source, settings, numbered_lines(spec, source, settings))


def numbered_lines(spec: ArchiveSpec, source: SourceFile, settings: Settings) -> Iterator[Line]:
    """The lines of a JSONL file, of a too long one only its beginning; last a reject where reading fails."""
    try:
        with _open_regular(source.path) as file:
            yield from _lines(file, settings.max_file_bytes)
    except OSError as error:
        yield Reject(_shown(spec, source), None, None, f"it cannot be read: {_cause(error)}")


def load_numbered(spec: ArchiveSpec, source: SourceFile, settings: Settings, lines: Iterable[Line]) -> Iterator[Loaded]:
    """The articles in some of the lines that `numbered_lines` gave."""
    shown = _shown(spec, source)
    for line in lines:
        loaded = (
            Loaded(None, line) if isinstance(line, Reject) else _load_line(spec, shown, *line, settings.max_file_bytes)
        )
        if loaded is not None:
            yield loaded


def _lines(file: IO[bytes], limit: int) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, of a longer one no more than `limit` + 1 bytes."""
    number = 0
    while data := file.readline(limit + 1):
        number += 1
        yield number, data
        while len(data) > limit and not data.endswith(b"\n"):
            data = file.readline(limit + 1)
            if not data:
                return


def _load_line(spec: ArchiveSpec, shown: str, number: int, data: bytes, limit: int) -> Loaded | None:
    try:
        values = _parse_line(data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data, limit)
        if values is None:
            return None
        identity = _identity(values)
        origin = Origin(spec.name, identity, f"{spec.name}/{identity}", shown, line_of=lambda _: number)
        article, warnings, unknown = load_article(origin, values, "")
    except _LineError as error:
        return Loaded(None, Reject(shown, number, error.column, str(error)), line=number)
    except LoadError as error:
        return Loaded(None, Reject(shown, number, None, str(error)), line=number)
    return Loaded(article, None, warnings, unknown, number)


class _LineError(Exception):
    def __init__(self, reason: str, column: int | None = None) -> None:
        super().__init__(reason)
        self.column = column


def _parse_line(data: bytes, limit: int) -> dict[str, Any] | None:
    if len(data.rstrip(b"\r\n")) > limit:
        raise _LineError(f"the line has more than the limit of {limit:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(data[: error.start].decode("utf-8", "replace")) + 1
        raise _LineError("the line is not UTF-8", column) from error
    if not text.strip():
        return None
    try:
        values = json.loads(text, parse_int=_parse_int)
    except json.JSONDecodeError as error:
        raise _LineError(f"broken JSON: {error.msg[:1].lower()}{error.msg[1:]}", error.colno) from error
    except RecursionError as error:
        raise _LineError("the JSON is nested too deep") from error
    if not isinstance(values, dict):
        raise _LineError("the line is not a JSON object", 1)
    return values


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_NUMBER_CHARS else float(digits)


def _identity(values: dict[str, Any]) -> str:
    """Take the article's id out of its values."""
    value = values.pop("id", None)
    if value is None or value == "":
        raise _LineError("the object has no id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _LineError("the id is neither text nor a whole number")
    identity = str(value)
    if len(identity) > MAX_ID_CHARS:
        raise _LineError(f"the id has more than {MAX_ID_CHARS:,} characters")
    if _CONTROLS.search(identity) or identity != identity.strip():
        raise _LineError("the id holds control characters or outer spaces")
    if any(part in {"", ".", ".."} for part in identity.split("/")):
        raise _LineError("the id has an empty part or one of dots between its slashes")
    return identity
