"""Compiled arithmetic where numba is installed (the extra `fast`). A server asks for it beside its work; nobody waits.

Importing and compiling takes seconds the first time and a second or so later, when the compiled code is found on disk.
"""

import importlib
import logging
from collections.abc import Callable

import numpy as np

from search.evaluate import Searchable
from search.vectors import Operations, Scored

_log = logging.getLogger(__name__)


def compiled(searchable: Searchable) -> Callable[[int], Operations] | None:
    """What makes compiled operations for so many documents, tried on a generation; None where numba is not there."""
    try:
        make: Callable[[int], Operations] = importlib.import_module("search.kernels").Kernels
    except ImportError:
        return None
    except RuntimeError as error:  # no place to keep compiled code
        _log.warning("evaluation is not compiled: %s", error)
        return None
    _try(make(searchable.snapshot.size), searchable)
    return make


def _try(operations: Operations, searchable: Searchable) -> None:
    """Call each operation once on what it will be called on."""
    nothing = Scored(np.zeros(0, np.int32), np.zeros(0, np.float32))
    operations.both(nothing, nothing)
    operations.together([nothing, nothing])
    operations.together([nothing] * 100)
    operations.first_by(nothing.scores, 10)
    operations.count_slices(searchable.snapshot.months.starts, nothing.documents)
    for column in searchable.snapshot.columns.values():
        operations.count_values(column, nothing.documents)
