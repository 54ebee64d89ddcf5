"""Compiled arithmetic where numba is installed (the extra `fast`). A server asks for it beside its work; nobody waits.

Importing and compiling takes seconds the first time and a second or so later, when the compiled code is found on disk.
"""

import importlib
import logging
from collections.abc import Callable
from itertools import product

import numpy as np

from index.reader import Column
from search.vectors import Operations, Scored

_log = logging.getLogger(__name__)


def compiled() -> Callable[[int], Operations] | None:
    """What makes compiled operations for so many documents, ready for use; None where numba is not there."""
    try:
        make: Callable[[int], Operations] = importlib.import_module("search.kernels").Kernels
    except ImportError:
        return None
    except RuntimeError as error:  # no place to keep compiled code
        _log.warning("evaluation is not compiled: %s", error)
        return None
    _try(make(1))
    return make


def _try(operations: Operations) -> None:
    """Call each operation once on every type that it may be called on."""
    numbers = np.zeros(1, np.int64)
    nothing = Scored(np.zeros(0, np.int32), np.zeros(0, np.float32))
    operations.both(nothing, nothing)
    operations.together([nothing, nothing])
    operations.together([nothing] * 100)
    operations.first_by(nothing.scores, 10)
    operations.count_slices(np.zeros(1, np.int32), nothing.documents)
    for kind, mapped in product((np.uint8, np.uint16, np.uint32), (False, True)):
        codes = np.zeros(1, kind)
        codes.flags.writeable = not mapped  # another type to the compiler
        operations.count_values(Column((), {}, codes, numbers, numbers, numbers), nothing.documents)
