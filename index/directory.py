"""The embedded engine's destination: generations in a directory (`index.generation`), written by `index.writer`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from index.article import kept_hash
from index.destination import Draft, Holding, Serving
from index.errors import DamagedIndexError, IncompatibleIndexError, NoIndexError
from index.generation import Generation, Manifest, Store
from index.lock import writer_lock
from index.reader import Snapshot
from index.schema import fingerprint
from index.settings import Settings
from index.state import State
from index.writer import ArrayWriter, Writer


def open_holding(settings: Settings) -> Holding:
    """What the index in `settings.index` holds.

    Raises:
        IndexUnusableError: there is no index that can serve.
    """
    generation = Store(settings.index_path).open()
    snapshot = Snapshot(generation.path)
    articles = ((identity, kept_hash(snapshot.article(number))) for number, identity in snapshot.ids())
    return Holding(generation.manifest, generation.notes, articles)


class DirectoryDestination:
    """The index in `settings.index`; see `index.destination.Destination` for its methods."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store(settings.index_path)
        self._generation: Generation | None = None

    def refuse_foreign(self) -> None:
        self._store.refuse_foreign()

    @contextmanager
    def lock(self) -> Iterator[None]:
        self._store.path.mkdir(parents=True, exist_ok=True)
        with writer_lock(self._store.path / "lock"):
            self._store.sweep()
            yield

    def serving(self) -> Serving | None:
        self._generation = None
        try:
            generation = self._store.open()
            Snapshot(generation.path).check()
            state = State.load(generation.path)
        except (NoIndexError, DamagedIndexError, IncompatibleIndexError):
            return None
        self._generation = generation
        return Serving(generation.manifest, state, generation.notes)

    def known_archives(self) -> dict[str, str]:
        return self._store.known_archives()

    def begin(self, *, anew: bool) -> Draft:
        return _GenerationDraft(self._store, None if anew else self._generation)


class _GenerationDraft:
    """A generation being written."""

    def __init__(self, store: Store, base: Generation | None) -> None:
        self._store = store
        self._base = base
        self._directory = store.begin(base)
        self._writer: Writer | None = None

    @property
    def writer(self) -> Writer:
        if self._writer is None:
            self._writer = ArrayWriter(self._directory)
        return self._writer

    def commit(self) -> dict[str, str]:
        if self._writer or not self._base:  # an index without any article has a table of contents, too
            self.writer.commit()
        return {}

    def publish(self, manifest: Manifest, state: State) -> str:
        state.save(self._directory)
        manifest = replace(manifest, fingerprint=fingerprint())
        return self._store.publish(self._directory, manifest, self._base).generation

    def discard(self) -> None:
        if self._writer:
            self._writer.cancel()
        self._store.discard(self._directory)
