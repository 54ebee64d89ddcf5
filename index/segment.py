"""One segment: some documents with their postings, as arrays of one file.

Documents are numbered from 0, newest first, undated ones last, equal dates by id. A document has one row of positions
for all its text fields: first the title's, then the excerpt's and so on (`extents` says how many each takes), with one
position free between two values, so that no phrase crosses. Terms of two streams, exact and stem, each have a list of
postings; a stem that always stands for one exact term shares its list.

    per document    published, quality*, heat*, length (weighted tokens, in halves), extents (one for each field),
                    id_ends, id_bytes, article_ends; id_order: documents by id         *where any is known
    per facet F     F_codes (per document a set of values), F_set_ends, F_set_values, F_value_ends, F_value_bytes
    addresses       url_hashes, ascending, and the url_documents they belong to
    links           link_hashes of the addresses that any article names as related, ascending, each once; link_ends,
                    where the documents that name it end in link_documents
    stored articles articles (compressed one by one), dictionary (what all are compressed against)
    per stream S    S_ends, S_bytes (terms in order of their bytes), S_keys (their first eight bytes as a number)
    postings        stem_lists (list by stem; exact term i has list i), list_ends, position_ends (per list),
                    documents, classes (per posting), class_weights (weighted occurrences, in halves),
                    class_occurrences (per class), positions (per occurrence, see `index.places`)
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import zstandard

from index.arrays import Array, Arrays, bounds, ends, smallest, spans
from index.places import Positions
from index.schema import EXACT, HALF, STEM, TEXT_FIELDS
from index.soundness import check_contents, check_layout
from index.stored import decompressor as make_decompressor

MAX_ARTICLE_BYTES = 1 << 28  # what a forged article may claim of memory
_KEY_BYTES = 8


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Every place of a term: ascending documents, and ascending positions within each."""

    documents: Array
    positions: Array


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one facet: `codes` says for each document which set of values it has.

    Attributes:
        set_ends: where each set ends in `members`; set 0 is empty.
        members: numbers of values.
    """

    codes: Array
    set_ends: Array
    members: Array
    values: list[str]


class Segment:
    """The arrays of one segment, read where they lie."""

    def __init__(self, path: Path) -> None:
        """Map a file of `index.inversion` or `index.merging`.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        self.arrays = arrays = Arrays(path)
        check_layout(arrays)
        self.size: int = arrays.about["documents"]
        self.live_length: int = arrays.about["live_length"]
        self.published = arrays["published"]
        self.length = arrays["length"]
        self.extents = arrays["extents"]
        self._list_ends = arrays["list_ends"]
        self._position_ends = arrays["position_ends"]
        self.documents = arrays["documents"]
        self.classes = arrays["classes"]
        self.positions = Positions(arrays)
        self._term_ends = {EXACT: arrays["exact_ends"], STEM: arrays["stem_ends"]}
        self._keys = {EXACT: arrays["exact_keys"], STEM: arrays["stem_keys"]}
        self._bytes = {EXACT: arrays["exact_bytes"], STEM: arrays["stem_bytes"]}
        self.stem_lists = arrays["stem_lists"]
        self._id_ends, self._id_bytes, self.id_order = arrays["id_ends"], arrays["id_bytes"], arrays["id_order"]
        self._url_hashes, self._url_documents = arrays["url_hashes"], arrays["url_documents"]
        self._link_hashes, self._link_ends = arrays["link_hashes"], arrays["link_ends"]
        self._link_documents = arrays["link_documents"]
        self._article_ends, self._articles = arrays["article_ends"], arrays["articles"]
        self.class_halves = arrays["class_weights"].astype(np.int64)
        self.class_weights = self.class_halves.astype(np.float32) / np.float32(HALF)
        self.class_occurrences = arrays["class_occurrences"].astype(np.int64)

    def check(self) -> None:
        """Look through all arrays, which takes about as long as a checksum of the file.

        Raises:
            ValueError: it is not what a writer wrote, see `index.soundness`.
        """
        check_contents(self.arrays)

    # Documents

    def signal(self, name: str) -> Array | None:
        """`quality` or `heat` by document, NaN where unknown; None where it is unknown of all."""
        return self.arrays.get(name)

    def id(self, number: int) -> str:
        """The article id of a document."""
        start, end = bounds(self._id_ends, number)
        return self._id_bytes[start:end].tobytes().decode("utf-8")

    def ids_of(self, documents: Array) -> list[str]:
        """The article ids of some documents, in their order."""
        last, data = self._id_ends.data, self._id_bytes.data
        return [str(data[last[i - 1] if i else 0 : last[i]], "utf-8") for i in documents.tolist()]

    def ids(self) -> list[str]:
        """The article ids of all documents."""
        return unpack_strings(self._id_ends, self._id_bytes)

    def number(self, article_id: str) -> int | None:
        """The document of an article, None where it is not here."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            found = int(self.id_order[middle])
            identity = self.id(found)
            if identity == article_id:
                return found
            low, high = (middle + 1, high) if identity < article_id else (low, middle)
        return None

    def dated_from(self, moment: float) -> int:
        """How many documents were published at or after a moment (seconds since 1970)."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if int(self.published[middle]) >= moment else (low, middle)
        return low

    def by_address(self, address: int) -> Array:
        """The documents with an address of this hash, ascending."""
        key = np.uint64(address)
        start, end = self._url_hashes.searchsorted(key, "left"), self._url_hashes.searchsorted(key, "right")
        return self._url_documents[start:end]

    def linking_to(self, address: int) -> Array:
        """The documents that name an address of this hash as related, ascending."""
        number = int(self._link_hashes.searchsorted(np.uint64(address)))
        if number == len(self._link_hashes) or int(self._link_hashes[number]) != address:
            return self._link_documents[:0]
        start, end = bounds(self._link_ends, number)
        return self._link_documents[start:end]

    def addresses(self) -> tuple[Array, Array]:
        """The hashes of all addresses, ascending, and their documents."""
        return self._url_hashes, self._url_documents

    def links(self) -> tuple[Array, Array]:
        """The hashes of all addresses named as related, ascending, with each document that names them."""
        times: Array = np.diff(self._link_ends.astype(np.int64), prepend=0)
        return np.repeat(self._link_hashes, times), self._link_documents

    def facet(self, name: str) -> Facet:
        """The column of one facet."""
        values = unpack_strings(self.arrays[f"{name}_value_ends"], self.arrays[f"{name}_value_bytes"])
        set_ends, members = self.arrays[f"{name}_set_ends"], self.arrays[f"{name}_set_values"]
        return Facet(self.arrays[f"{name}_codes"], set_ends, members, values)

    # Stored articles

    @cached_property
    def dictionary(self) -> bytes:
        """What all stored articles are compressed against."""
        return self.arrays["dictionary"].tobytes()

    def packed(self) -> tuple[Array, Array]:
        """The stored articles as they lie there, one after the other, and where each ends."""
        return self._articles, self._article_ends

    def decompressor(self) -> zstandard.ZstdDecompressor:
        """One for stored articles; not to be shared between threads."""
        return make_decompressor(self.dictionary)

    def article(self, number: int, decompressor: zstandard.ZstdDecompressor) -> bytes:
        """The stored article of a document.

        Raises:
            ValueError: it is not what the writer wrote.
        """
        start, end = bounds(self._article_ends, number)
        packed = self._articles[start:end].tobytes()
        try:
            if not 0 <= zstandard.frame_content_size(packed) <= MAX_ARTICLE_BYTES:
                raise ValueError(f"a stored article of {self.arrays.name} is damaged")
            data: bytes = decompressor.decompress(packed)
        except zstandard.ZstdError as error:
            raise ValueError(f"a stored article of {self.arrays.name} is damaged") from error
        return data

    # Terms

    def term_count(self, stream: str) -> int:
        return len(self._term_ends[stream])

    def term(self, stream: str, number: int) -> bytes:
        """A term by its number in the order of terms."""
        start, end = bounds(self._term_ends[stream], number)
        return self._bytes[stream][start:end].tobytes()

    def terms(self, stream: str, first: int = 0, last: int | None = None) -> list[str]:
        """The terms numbered from `first` to before `last`."""
        term_ends = self._term_ends[stream]
        last = len(term_ends) if last is None else last
        if first >= last:
            return []
        start, end = bounds(term_ends, first)[0], int(term_ends[last - 1])
        return unpack_strings(term_ends[first:last].astype(np.int64) - start, self._bytes[stream][start:end])

    def find(self, stream: str, term: bytes) -> int:
        """The number of a term, -1 where it is not here."""
        number = self.lower_bound(stream, term)
        if number < self.term_count(stream) and self.term(stream, number) == term:
            return number
        return -1

    def lower_bound(self, stream: str, term: bytes) -> int:
        """The number of the first term that is not less than `term`, in order of bytes."""
        key = np.uint64(int.from_bytes(term[:_KEY_BYTES].ljust(_KEY_BYTES, b"\0"), "big"))
        keys = self._keys[stream]
        low, high = int(keys.searchsorted(key, "left")), int(keys.searchsorted(key, "right"))
        while low < high:
            middle = (low + high) // 2
            if self.term(stream, middle) < term:
                low = middle + 1
            else:
                high = middle
        return low

    def beginning_with(self, stream: str, prefix: bytes) -> tuple[int, int]:
        """The numbers of the first term with this prefix and of the one after the last."""
        first = self.lower_bound(stream, prefix)
        stripped = prefix.rstrip(b"\xff")
        if not stripped:
            return first, self.term_count(stream)
        after = stripped[:-1] + bytes([stripped[-1] + 1])
        return first, self.lower_bound(stream, after)

    # Postings

    def list_of(self, stream: str, term: str) -> int:
        """The posting list of a term, -1 where it does not occur."""
        number = self.find(stream, term.encode("utf-8", "replace"))
        return int(self.stem_lists[number]) if stream == STEM and number >= 0 else number

    def list_starts(self) -> Array:
        """Where each posting list starts."""
        return np.concatenate((np.zeros(1, np.int64), self._list_ends[:-1].astype(np.int64)))

    def list_lengths(self, first: int = 0, last: int | None = None) -> Array:
        """Postings of each list, or of those from `first` to before `last`."""
        start = int(self._list_ends[first - 1]) if first else 0
        return np.diff(self._list_ends[first:last].astype(np.int64), prepend=start)

    def position_starts(self) -> Array:
        """Where the positions of each posting list start."""
        return np.concatenate((np.zeros(1, np.int64), self._position_ends[:-1].astype(np.int64)))

    def postings(self, number: int, last: int | None = None) -> tuple[Array, Array]:
        """Documents and classes of one posting list, or of several that lie side by side, one after the other."""
        start = bounds(self._list_ends, number)[0]
        end = int(self._list_ends[number if last is None else last])
        return self.documents[start:end], self.classes[start:end]

    def occurrences(self, number: int, last: int | None = None) -> Occurrences:
        """Every place of the terms of one posting list, or of several that lie side by side, one after the other."""
        documents, classes = self.postings(number, last)
        start = bounds(self._position_ends, number)[0]
        end = int(self._position_ends[number if last is None else last])
        times = self.class_occurrences[classes]
        if times.sum(dtype=np.float64) != end - start:  # a sum of whole numbers might run over, and `repeat` trust it
            raise ValueError(f"{self.arrays.name} is not sound: positions are wanting")
        return Occurrences(np.repeat(documents, times), self.positions.between(start, end))

    def occurrences_among(self, number: int, among: Array) -> Occurrences:
        """The places of a posting list's terms in some documents, which are given in ascending order."""
        documents, classes = self.postings(number)
        found = np.minimum(documents.searchsorted(among), len(documents) - 1)
        found = found[documents[found] == among]
        times = self.class_occurrences[classes]
        first = np.cumsum(times) - times + bounds(self._position_ends, number)[0]
        chosen = times[found]
        return Occurrences(np.repeat(documents[found], chosen), self.positions.take(spans(first[found], chosen)))

    def field_numbers(self, places: Occurrences) -> Array:
        """The field of each occurrence, as an index into `TEXT_FIELDS`."""
        field_ends = self.extents.reshape(-1, len(TEXT_FIELDS))[places.documents].cumsum(axis=1, dtype=np.int64)
        numbers: Array = (places.positions[:, None] >= field_ends).sum(axis=1)
        return numbers

    def in_field(self, places: Occurrences, number: int) -> Array:
        """Which occurrences are in one field, an index into `TEXT_FIELDS`."""
        extents = self.extents.reshape(-1, len(TEXT_FIELDS))
        start: Array = np.zeros(1, np.int64)
        for each in range(number):
            start = start + extents[:, each].take(places.documents)
        end = start + extents[:, number].take(places.documents)
        inside: Array = (places.positions >= start) & (places.positions < end)
        return inside


def pack_addresses(hashes: Array, documents: Array) -> dict[str, Array]:
    """The hashes of articles' own addresses, each with its document."""
    order = np.lexsort((documents, hashes))
    return {"url_hashes": hashes[order], "url_documents": smallest(documents[order])}


def pack_links(hashes: Array, documents: Array) -> dict[str, Array]:
    """The hashes of the addresses that documents name; a hash is kept once, as dozens of documents name the same."""
    order = np.lexsort((documents, hashes))
    distinct, times = np.unique(hashes, return_counts=True)
    return {"link_hashes": distinct, "link_ends": ends(times), "link_documents": smallest(documents[order])}


def pack_strings(name: str, strings: list[str]) -> dict[str, Array]:
    """Texts one after the other."""
    encoded = [each.encode("utf-8", "replace") for each in strings]
    return {
        f"{name}_ends": ends([len(each) for each in encoded]),
        f"{name}_bytes": np.frombuffer(b"".join(encoded), np.uint8),
    }


def unpack_strings(string_ends: Array, data: Array) -> list[str]:
    """What `pack_strings` packed."""
    raw = data.tobytes()
    found: list[str] = []
    start = 0
    for end in string_ends.tolist():
        found.append(raw[start:end].decode("utf-8"))
        start = end
    return found


def pack_terms(stream: str, terms: list[bytes]) -> dict[str, Array]:
    """Terms in order of their bytes."""
    keys = b"".join([term[:_KEY_BYTES].ljust(_KEY_BYTES, b"\0") for term in terms])
    return {
        f"{stream}_ends": ends([len(term) for term in terms]),
        f"{stream}_bytes": np.frombuffer(b"".join(terms), np.uint8),
        f"{stream}_keys": np.frombuffer(keys, ">u8").astype("<u8"),
    }
