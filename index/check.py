"""Check: does the index say what the archives say? Reads everything, changes nothing.

Every file is parsed anew and compared with what the index holds of it, both ways. Of a generation on disk the checksums
of all files are compared when it is opened, however large it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from index.archive import ArchiveSpec, Loaded, load_source, scan
from index.article import Reject, as_set, kept_hash
from index.destination import Holding
from index.directory import open_holding as open_directory
from index.errors import ArchiveError
from index.reindex import Progress, silent
from index.settings import Settings


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the index and an archive, or the index and itself, do not agree on.

    `missing`: an article of the archive is not in the index · `extra`: one of the index is not (or no longer visible)
    in the archive · `changed`: its content differs · `archive`: an archive cannot be read · `index`: the current
    generation cannot serve.
    """

    kind: Literal["missing", "extra", "changed", "archive", "index"]
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """`articles` of the index and `files` of the archives were compared; `rejects` are those of the archives now."""

    differences: tuple[Difference, ...]
    articles: int
    files: int
    rejects: tuple[Reject, ...]


def check(settings: Settings, progress: Progress = silent) -> CheckReport:
    """Compare the index with the archives it was made from.

    Raises:
        IndexUnusableError: there is no index that can serve.
        EngineUnreachableError: the cluster that it is on does not answer, or refuses.
    """
    holding = _open_holding(settings)
    differences = [Difference("index", holding.manifest.generation, note) for note in holding.notes]
    indexed: dict[str, str] = {}
    for identity, kept in holding.articles:
        progress("reading the index", len(indexed), holding.manifest.articles)
        indexed[identity] = kept
    taken: set[str] = set()
    seen: set[str] = set()  # the visible ones of them
    rejects: list[Reject] = []
    files = 0
    unpublished = holding.manifest.unpublished
    for name, path in holding.manifest.archives.items():
        try:
            for loaded in _articles(ArchiveSpec(name, Path(path)), settings, progress):
                files += 1
                if loaded.reject:
                    rejects.append(loaded.reject)
                elif loaded.article:
                    differences += _compare(loaded, unpublished, rejects, taken, seen, indexed)
        except ArchiveError as error:
            differences.append(Difference("archive", name, str(error)))
            seen |= {identity for identity in indexed if identity.startswith(f"{name}/")}
    extra = sorted(indexed.keys() - seen)
    differences += [Difference("extra", identity, "in the index, not in the archive") for identity in extra]
    return CheckReport(tuple(differences), len(indexed), files, tuple(rejects))


def _open_holding(settings: Settings) -> Holding:
    """What the index holds that the settings ask for."""
    if settings.engine == "opensearch":
        # Loaded by name, because it needs a library that is an extra.
        holding: Holding = import_module("index.opensearch.holding").open_holding(settings)
        return holding
    return open_directory(settings)


def _articles(spec: ArchiveSpec, settings: Settings, progress: Progress) -> Iterator[Loaded]:
    sources = list(scan(spec, settings))
    for done, source in enumerate(sources):
        progress(f"checking {spec.name}", done, len(sources))
        if isinstance(source, Reject):
            yield Loaded(article=None, reject=source)
        else:
            yield from load_source(spec, source, settings)
    progress(f"checking {spec.name}", len(sources), len(sources))


def _compare(
    loaded: Loaded,
    unpublished: str,
    rejects: list[Reject],
    taken: set[str],
    seen: set[str],
    indexed: dict[str, str],
) -> Iterator[Difference]:
    assert loaded.article
    article = as_set(loaded.article, unpublished)
    if article.id in taken:  # a second file with the id is a reject of the reindex
        rejects.append(Reject(f"{article.archive}/{article.path}", loaded.line, None, f"the id {article.id} is taken"))
        return
    taken.add(article.id)
    if article.hidden:
        return
    seen.add(article.id)
    kept = indexed.get(article.id)
    if kept is None:
        yield Difference("missing", article.id, "in the archive, not in the index")
    elif kept != kept_hash(article):
        yield Difference("changed", article.id, "the archive has another version")
