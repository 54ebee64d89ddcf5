"""Where a reindex writes: a directory of generations (`index.directory`), or a cluster.

What is written is decided in `index.reindex`. A destination says what serves now, takes the changes into a draft that
nobody sees, and makes that serve in one step.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from index.generation import Manifest
from index.state import State
from index.writer import Writer


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves now.

    Attributes:
        state: what it was made from; empty where that cannot be read and `whole` is False.
        notes: what an operator should know about it; the next reindex publishes anew even if nothing changed.
        whole: False where a writer died at work in it, so that it can only be made anew.
    """

    manifest: Manifest
    state: State
    notes: tuple[str, ...] = ()
    whole: bool = True


class Draft(Protocol):
    """What is to serve next."""

    @property
    def writer(self) -> Writer:
        """Takes the changes; opened when it is first asked for."""

    def commit(self) -> dict[str, str]:
        """Write all changes out.

        Returns:
            By article id the articles that could not be taken, and why, in one plain sentence; they are not in it.
        """

    def publish(self, manifest: Manifest, state: State) -> str:
        """Make it serve, after `commit`.

        Args:
            manifest: of `manifest_of`; what it leaves open is filled in.
            state: what the draft was made from.

        Returns:
            The name of the generation.
        """

    def discard(self) -> None:
        """Give it up; what serves stays."""


class Destination(Protocol):
    """One index that can be written."""

    def refuse_foreign(self) -> None:
        """See that nothing of someone else's stands in its place.

        Raises:
            ForeignIndexError: there does.
        """

    def lock(self) -> AbstractContextManager[None]:
        """Be the only writer while the block runs; what dead ones left is removed.

        Raises:
            LockedError: another one is at work.
        """

    def serving(self) -> Serving | None:
        """What serves now; None where nothing does that could be built upon."""

    def known_archives(self) -> dict[str, str]:
        """Paths by archive name, as far as they can be read, whether or not the index is usable."""

    def begin(self, *, anew: bool) -> Draft:
        """A draft, upon what `serving` gave last or, where it gave nothing or `anew`, from nothing; needs the lock."""


@dataclass(frozen=True, slots=True)
class Holding:
    """All that an index holds, for comparing it.

    Attributes:
        notes: what an operator should know about why it serves or cannot be relied on.
        articles: of each the id and `index.article.kept_hash`, in no order; read as they are asked for.
    """

    manifest: Manifest
    notes: tuple[str, ...]
    articles: Iterator[tuple[str, str]]


def manifest_of(state: State, unpublished: str) -> Manifest:
    """What a manifest can say before its generation is written."""
    outcomes = Counter(entry.outcome for entry in state.entries())
    return Manifest(
        generation="",
        created="",
        fingerprint="",
        unpublished=unpublished,
        archives={name: archive.path for name, archive in state.archives.items()},
        articles=outcomes["indexed"],
        hidden=outcomes["hidden"],
        rejected=outcomes["reject"],
        removed=tuple(sorted({key for entry in state.entries() for key in entry.removed})),
    )
