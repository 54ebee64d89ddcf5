"""Move: load a cluster from the index in a directory, article by article, without reading the archives again.

The state of the archives goes along, so that the next reindex of the cluster reads only what changed since.
"""

from dataclasses import dataclass, replace

from index.article import Reject, pack
from index.destination import manifest_of
from index.errors import DamagedIndexError
from index.generation import Store
from index.reader import Snapshot
from index.reindex import Progress, open_destination, silent
from index.settings import Settings
from index.state import State


@dataclass(frozen=True, slots=True)
class Move:
    """What was moved.

    Attributes:
        generation: the one that serves on the cluster now.
        articles: how many it holds.
        rejects: the articles that it could not take; the next reindex tries them again.
    """

    generation: str
    articles: int
    rejects: tuple[Reject, ...]


def move(settings: Settings, progress: Progress = silent) -> Move:
    """Make the cluster that the settings name hold what the index in `settings.index` holds.

    What serves on the cluster until then goes on serving to the end, or for ever if this fails.

    Raises:
        IndexUnusableError: there is no index in the directory that can serve, or the one before a damaged one serves;
            or something that is not ours has the name on the cluster.
        LockedError: a reindex is writing to the cluster.
        EngineUnreachableError: the cluster does not answer, or refuses.
    """
    generation = Store(settings.index_path).open()
    if generation.notes:
        raise DamagedIndexError(generation.notes[0], path=settings.index_path)
    state = State.load(generation.path)
    snapshot = Snapshot(generation.path)
    destination = open_destination(replace(settings, engine="opensearch"))
    destination.refuse_foreign()
    with destination.lock():
        draft = destination.begin(anew=True)
        try:
            for done, (number, _) in enumerate(snapshot.ids()):
                progress("moving", done, snapshot.count)
                article = snapshot.article(number)
                draft.writer.add(article, pack(article))
            progress("moving", snapshot.count, snapshot.count)
            rejects = {entry.reject for entry in state.entries()}
            state.refuse(draft.commit())
            manifest = manifest_of(state, generation.manifest.unpublished)
            name = draft.publish(manifest, state)
        except BaseException:
            draft.discard()
            raise
    refused = [entry.reject for entry in state.entries() if entry.reject and entry.reject not in rejects]
    return Move(name, manifest.articles, tuple(refused))
