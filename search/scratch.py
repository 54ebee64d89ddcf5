"""Tables over all documents that evaluation writes into and clears again, one of each kind for a thread.

Making and clearing a table of a million numbers takes longer than most queries; clearing what was written does not.
"""

import threading

import numpy as np

from index.reader import Floats


class Scratch(threading.local):
    """Tables by document number.

    Attributes:
        zeros: all 0 between uses, to add up scores.
        absent: all -1 between uses, to look up scores, which are never negative.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.zeros: Floats = np.zeros(size, np.float32)
        self.absent: Floats = np.full(size, -1, np.float32)
