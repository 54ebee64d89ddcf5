"""The measured engines by name; a peer's library is imported when the engine is asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bench.engine import Peer, Searcher

OURS = "broadsheet"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an engine comes from.

    Attributes:
        folder: name of its index; engines that differ only in how they ask share one.
        build_only: measured for what its index takes, not asked.
        most: a corpus with more articles is too much for it.
        asks: questions of a kind that it is asked at most, where all would take hours.
    """

    module: str
    type: str
    options: tuple[str, ...] = ()
    folder: str = ""
    build_only: bool = False
    most: int = 10_000_000
    asks: int = 1_000


ENGINES = {
    OURS: Entry("bench.ours", "Broadsheet"),
    "broadsheet-numpy": Entry("bench.ours", "Broadsheet", ("numpy",), folder=OURS),
    "tantivy": Entry("bench.peer_tantivy", "Tantivy"),
    "tantivy-lean": Entry("bench.peer_tantivy", "Tantivy", ("lean",)),
    "tantivy-stored": Entry("bench.peer_tantivy", "Tantivy", ("stored",), build_only=True),
    "fts5": Entry("bench.peer_fts5", "Fts5"),
    "fts5-stored": Entry("bench.peer_fts5", "Fts5", ("stored",), build_only=True),
    "bm25s": Entry("bench.peer_bm25s", "Bm25s"),
    "whoosh": Entry("bench.peer_whoosh", "StockWhoosh", most=60_000, asks=10),
    "whoosh-lean": Entry("bench.peer_whoosh", "StockWhoosh", ("lean",), folder="whoosh", most=60_000, asks=10),
}


def index_folder(cache: Path, corpus: str, engine: str) -> Path:
    """Where the index of a corpus is kept."""
    return cache / "indexes" / corpus / (ENGINES[engine].folder or engine)


def load_peer(engine: str) -> Peer:
    """A peer's builder and opener."""
    entry = ENGINES[engine]
    peer: Peer = getattr(import_module(entry.module), entry.type)(**dict.fromkeys(entry.options, True))
    return peer


def open_searcher(engine: str, folder: Path) -> Searcher:
    entry = ENGINES[engine]
    if (entry.folder or engine) != OURS:
        return load_peer(engine).open(folder)
    open_ours: Callable[..., Searcher] = getattr(import_module(entry.module), entry.type)
    return open_ours(folder, **dict.fromkeys(entry.options, True))


def feasible(engine: str, articles: int) -> bool:
    return articles <= ENGINES[engine].most


def asked(engines: Iterable[str]) -> list[str]:
    """Those of the engines that answer questions."""
    return [engine for engine in engines if not ENGINES[engine].build_only]
