"""Every error Broadsheet raises on purpose.

    BroadsheetError
    ├── UsageError             a command or setting that makes no sense            exit code 2
    ├── UnusableError                                                              exit code 3
    │   ├── ArchiveError       an archive that is missing, empty or unreadable
    │   └── IndexUnusableError an index that cannot serve
    │       ├── NoIndexError           nothing was indexed there yet
    │       ├── ForeignIndexError      something that is not ours stands in its place
    │       ├── IncompatibleIndexError built with another schema, analyzer or format
    │       └── DamagedIndexError      a part is missing, short or not what was written
    ├── LockedError            another writer is at work                           exit code 4
    ├── EngineUnreachableError the engine does not answer, or refuses             exit code 5
    ├── OutOfBudgetError       there is no time to count all that a query asks for   exit code 1
    ├── ExpiredPositionError   the order that a place belongs to is gone           exit code 1
    └── ProcessLostError       a process that helped ended by itself               exit code 1

What is wrong with one file of an archive is not an error but a `Reject` (see `index.article`):
it travels in the report and stops nothing.
"""

from pathlib import Path


class BroadsheetError(Exception):
    """Root of all errors meant for a person; its text is one plain sentence."""

    exit_code = 1


class UsageError(BroadsheetError):
    """A command, option or setting that makes no sense."""

    exit_code = 2

    def __init__(self, message: str, *, setting: str = "") -> None:
        super().__init__(message)
        self.setting = setting


class UnusableError(BroadsheetError):
    """No usable archive or index."""

    exit_code = 3

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class ArchiveError(UnusableError):
    """An archive that is missing, empty or unreadable."""


class IndexUnusableError(UnusableError):
    """An index that cannot serve; `path` is its directory, or its name on a cluster."""


class NoIndexError(IndexUnusableError):
    """Nothing was indexed there yet."""


class ForeignIndexError(IndexUnusableError):
    """In the index's place stands something that Broadsheet did not write."""


class IncompatibleIndexError(IndexUnusableError):
    """The index was built with another schema, analyzer or format."""


class DamagedIndexError(IndexUnusableError):
    """A part of the index is missing, short or not what was written; `generation` names where, if one is known."""

    def __init__(self, message: str, *, path: Path, generation: str = "") -> None:
        super().__init__(message, path=path)
        self.generation = generation


class LockedError(BroadsheetError):
    """Another writer is at work on the same index."""

    exit_code = 4


class EngineUnreachableError(BroadsheetError):
    """The configured engine does not answer, or refuses what it is asked to do; the text says what helps."""

    exit_code = 5


class OutOfBudgetError(BroadsheetError):
    """There was no time to find all that a query asks for, and a part of the answer would be wrong."""

    def __init__(self) -> None:
        super().__init__("There is no time to find all that this asks for; ask for less at once.")


class ExpiredPositionError(BroadsheetError):
    """A place in an order by relevance whose generation is no longer served."""


class ProcessLostError(BroadsheetError):
    """A process that helped ended by itself, or was ended by someone else; `status` is negative for a signal."""

    def __init__(self, status: int) -> None:
        cause = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        super().__init__(f"a process that read the archive {cause}; is there enough memory?")
        self.status = status
