"""Named arrays in one file, mapped into memory: what a segment is on disk.

    "BSARRAYS"  array  array  …  directory (JSON)  length of the directory (u64)  "BSARRAYS"

Arrays are flat, little-endian and begin at multiples of 64 bytes; the directory says name, type, place and count.
Nothing is read but the directory until an array is touched, and processes share what they touch. What the arrays mean
is `index.segment`'s matter. A file is never changed once it is written; one that was cut short under a running
reader would end the process (SIGBUS), so nobody but the writer of a new file may write here.
"""

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.files import open_regular

Array = npt.NDArray[Any]

_MAGIC = b"BSARRAYS"
_ALIGNMENT = 64
_MOST_AT_ONCE = 1 << 34
_TYPES = frozenset({"u1", "u2", "u4", "u8", "i4", "i8", "f4", "f8"})
_TAIL_BYTES = 8 + len(_MAGIC)
_MAX_DIRECTORY_BYTES = 1 << 20


def write_arrays(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    """Write a new file; `about` is anything JSON can say about the whole."""
    directory: dict[str, list[Any]] = {}
    with path.open("xb") as file:
        file.write(_MAGIC)
        for name, array in arrays.items():
            file.write(b"\0" * (-file.tell() % _ALIGNMENT))
            kind = array.dtype.str[1:]
            assert kind in _TYPES, (name, array.dtype)
            assert array.ndim == 1, (name, array.shape)
            directory[name] = [kind, file.tell(), len(array)]
            file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
        tail = json.dumps({"arrays": directory, "about": dict(about)}, separators=(",", ":")).encode("ascii")
        file.write(tail + len(tail).to_bytes(8, "little") + _MAGIC)


class Arrays:
    """The arrays of one file, as read-only views of the mapped file.

    Attributes:
        name: of the file.
        about: what `write_arrays` was told about the whole.
    """

    def __init__(self, path: Path) -> None:
        """Map a file.

        Raises:
            OSError: it cannot be opened or is no regular file.
            ValueError: it is no such file; the text says why.
        """
        self.name = path.name
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size < len(_MAGIC) + _TAIL_BYTES:
                raise ValueError(f"{path.name} is not a file of arrays")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._views, self.about = self._read_directory()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path.name} is not a file of arrays") from error

    def _read_directory(self) -> tuple[dict[str, Array], dict[str, Any]]:
        size = len(self._map)
        length = int.from_bytes(self._map[size - _TAIL_BYTES : size - len(_MAGIC)], "little")
        start = size - _TAIL_BYTES - length
        if self._map[: len(_MAGIC)] != _MAGIC or self._map[size - len(_MAGIC) :] != _MAGIC or start < len(_MAGIC):
            raise ValueError
        if length > _MAX_DIRECTORY_BYTES:
            raise ValueError
        tail = json.loads(self._map[start : start + length])
        views: dict[str, Array] = {}
        for name, (kind, offset, count) in tail["arrays"].items():
            if kind not in _TYPES or not type(offset) is type(count) is int:
                raise ValueError
            if offset % _ALIGNMENT or offset < 0 or count < 0 or offset + count * int(kind[1]) > start:
                raise ValueError
            views[name] = np.frombuffer(self._map, f"<{kind}", count, offset)
        return views, dict(tail["about"])

    def __contains__(self, name: str) -> bool:
        return name in self._views

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def get(self, name: str) -> Array | None:
        """An array that need not be there."""
        return self._views.get(name)


def smallest(array: Array) -> Array:
    """The same whole numbers, none negative, in the narrowest unsigned type that holds them."""
    most = int(array.max(initial=0))
    for kind, limit in (("<u1", 1 << 8), ("<u2", 1 << 16), ("<u4", 1 << 32)):
        if most < limit:
            return array.astype(kind)
    return array.astype("<u8")


def ends(lengths: npt.ArrayLike) -> Array:
    """Where each of several things ends that lie one after another."""
    return smallest(np.cumsum(np.asarray(lengths, dtype=np.int64)))


def bounds(all_ends: Array, i: int) -> tuple[int, int]:
    """Start and end of the i-th of them."""
    return (int(all_ends[i - 1]) if i else 0), int(all_ends[i])


def spans(starts: Array, counts: Array) -> Array:
    """The numbers start, start + 1, … start + count - 1 of every span, one span after the other.

    Raises:
        ValueError: a count is negative or they are too many: numpy would write where it must not.
    """
    counts = counts.astype(np.int64)
    total = int(counts.sum())
    if counts.min(initial=0) < 0 or counts.sum(dtype=np.float64) > _MOST_AT_ONCE:
        raise ValueError("spans that cannot be")
    if not total:
        return np.zeros(0, np.int64)
    offsets = np.cumsum(counts) - counts
    return np.repeat(starts.astype(np.int64) - offsets, counts) + np.arange(total)
