"""What holds of the arrays of every segment that `index.inversion` or `index.merging` wrote, whoever wrote this one.

A file may be damaged or forged. Types and lengths are looked at whenever a segment is opened, which reads none of the
arrays; `check_contents` reads nearly all of them. After it no number in them leads out of another array, and no sum of
them runs over or grows beyond what a sound file of this size could hold. What they say may still be wrong: that is what
the checksums of a manifest are for.
"""

from typing import Final

import numpy as np

from index.arrays import Array, Arrays
from index.document import FACET_COLUMNS
from index.schema import EXACT, STEM, TEXT_FIELDS, UNDATED

_MOST_DOCUMENTS = 1 << 31
_MOST_POSITION = 1 << 40
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # the seconds of the years 1 to 9999

_AT_ONCE = 1 << 22

_WHOLE = "u"  # unsigned, of any width
_STREAMS = (EXACT, STEM)
_BY_DOCUMENT = {
    "published": "i8",
    "length": _WHOLE,
    "id_ends": _WHOLE,
    "id_order": _WHOLE,
    "article_ends": _WHOLE,
    **{f"{facet}_codes": _WHOLE for facet in FACET_COLUMNS},
}
_SIGNALS = ("quality", "heat")
_WIDE = ("wide_positions", "wide_positions_more")
_EQUALLY_LONG: Final = (
    {"url_hashes": "u8", "url_documents": _WHOLE},
    {"link_hashes": "u8", "link_ends": _WHOLE},
    *({f"{stream}_ends": _WHOLE, f"{stream}_keys": "u8"} for stream in _STREAMS),
    {"stem_ends": _WHOLE, "stem_lists": _WHOLE},
    {"list_ends": _WHOLE, "position_ends": _WHOLE},
    {"documents": "i4", "classes": _WHOLE},
    {"class_weights": _WHOLE, "class_occurrences": _WHOLE},
)
_OTHERS = {
    "extents": _WHOLE,
    "positions": _WHOLE,
    "link_documents": _WHOLE,
    **dict.fromkeys(("id_bytes", "articles", "dictionary", *(f"{stream}_bytes" for stream in _STREAMS)), "u1"),
    **{f"{facet}_{part}": _WHOLE for facet in FACET_COLUMNS for part in ("set_ends", "set_values", "value_ends")},
    **{f"{facet}_value_bytes": "u1" for facet in FACET_COLUMNS},
}
_ENDS = {
    "id_ends": "id_bytes",
    "article_ends": "articles",
    "list_ends": "documents",
    "position_ends": "positions",
    "link_ends": "link_documents",
    **{f"{stream}_ends": f"{stream}_bytes" for stream in _STREAMS},
    **{f"{facet}_set_ends": f"{facet}_set_values" for facet in FACET_COLUMNS},
    **{f"{facet}_value_ends": f"{facet}_value_bytes" for facet in FACET_COLUMNS},
}
_NUMBERS = {  # of what each is the number
    "url_documents": "published",
    "link_documents": "published",
    "id_order": "published",
    "documents": "published",
    "classes": "class_occurrences",
    "stem_lists": "list_ends",
    **{f"{facet}_codes": f"{facet}_set_ends" for facet in FACET_COLUMNS},
    **{f"{facet}_set_values": f"{facet}_value_ends" for facet in FACET_COLUMNS},
}


def check_layout(arrays: Arrays) -> None:
    """Look at what there is, and of which type and length.

    Raises:
        ValueError: an array is missing, or is not as a writer writes it; the text names the file and the array.
    """
    documents = arrays.about.get("documents")
    if type(documents) is not int or not 0 <= documents < _MOST_DOCUMENTS:
        raise _unsound(arrays, "number of documents")
    if type(arrays.about.get("live_length")) is not int:
        raise _unsound(arrays, "length")
    for name, kind in _BY_DOCUMENT.items():
        _expect(arrays, name, kind, documents)
    for name in _SIGNALS:
        if name in arrays:
            _expect(arrays, name, "f4", documents)
    for group in _EQUALLY_LONG:
        lengths = {_expect(arrays, name, kind) for name, kind in group.items()}
        if len(lengths) > 1:
            raise _unsound(arrays, " and ".join(group))
    for name, kind in _OTHERS.items():
        _expect(arrays, name, kind)
    if _WIDE[0] in arrays or _WIDE[1] in arrays:
        _expect(arrays, _WIDE[1], _WHOLE, _expect(arrays, _WIDE[0], _WHOLE))
    _expect(arrays, "extents", _WHOLE, documents * len(TEXT_FIELDS))
    if len(arrays["list_ends"]) < len(arrays["exact_ends"]):
        raise _unsound(arrays, "list_ends")


def _expect(arrays: Arrays, name: str, kind: str, length: int | None = None) -> int:
    """The length of an array of this type."""
    if name not in arrays:
        raise ValueError(f"{arrays.name} is not sound: it has no {name}")
    array = arrays[name]
    if not array.dtype.str[1:].startswith(kind) or length not in {None, len(array)}:
        raise _unsound(arrays, name)
    return len(array)


def check_contents(arrays: Arrays) -> None:
    """Look through the arrays of a segment whose layout is right.

    Raises:
        ValueError: a number cannot be; the text names the file and the array.
    """
    for name, target in _ENDS.items():
        if not _are_ends(arrays[name], len(arrays[target])):
            raise _unsound(arrays, name)
    for facet in FACET_COLUMNS:
        if not len(arrays[f"{facet}_set_ends"]) or arrays[f"{facet}_set_ends"][0]:
            raise _unsound(arrays, f"{facet}_set_ends")
    for name, target in _NUMBERS.items():
        array = arrays[name]
        if len(array) and not (array.min() >= 0 and array.max() < len(arrays[target])):
            raise _unsound(arrays, name)
    if arrays["class_occurrences"].max(initial=0) > len(arrays["positions"]) or not _positions_are_right(arrays):
        raise _unsound(arrays, "class_occurrences")
    _check_wide_positions(arrays)
    if float(arrays["length"].sum(dtype=np.float64)) != arrays.about["live_length"]:
        raise _unsound(arrays, "length")
    published = arrays["published"]
    if not ((published == UNDATED) | ((published >= _EARLIEST) & (published <= _LATEST))).all():
        raise _unsound(arrays, "published")
    for name in _SIGNALS:
        if name in arrays and np.isinf(arrays[name]).any():
            raise _unsound(arrays, name)


def _check_wide_positions(arrays: Arrays) -> None:
    places, more = (arrays.get(name) for name in _WIDE)
    if places is None or more is None or not len(places):
        return
    if not (places[1:] > places[:-1]).all() or int(places[-1]) >= len(arrays["positions"]):
        raise _unsound(arrays, _WIDE[0])
    if int(more.max()) >= _MOST_POSITION >> 8:
        raise _unsound(arrays, _WIDE[1])


def _positions_are_right(arrays: Arrays) -> bool:
    """Whether each list has as many positions as its postings have occurrences."""
    classes, list_ends, position_ends = arrays["classes"], arrays["list_ends"], arrays["position_ends"]
    occurrences = arrays["class_occurrences"].astype(np.int64)
    checked = int(list_ends.searchsorted(0, "right"))
    if position_ends[:checked].any():
        return False
    reached = 0
    for start in range(0, len(classes), _AT_ONCE):
        sums = reached + np.cumsum(occurrences[classes[start : start + _AT_ONCE]])
        last = int(list_ends.searchsorted(start + len(sums), "right"))
        if (sums[list_ends[checked:last].astype(np.int64) - start - 1] != position_ends[checked:last]).any():
            return False
        checked, reached = last, int(sums[-1])
    return True


def _are_ends(array: Array, total: int) -> bool:
    return int(array[-1]) == total and bool((array[1:] >= array[:-1]).all()) if len(array) else total == 0


def _unsound(arrays: Arrays, what: str) -> ValueError:
    return ValueError(f"{arrays.name} is not sound: its {what} cannot be")
