"""The terms of a segment and their postings, through the interfaces by which Whoosh reads them.

What the fields hold is `index.virtual`'s matter, how a segment becomes part of an index that of `index.codec`.
"""

from collections.abc import Iterator
from typing import Any

from whoosh import fields, formats, matching, reading
from whoosh.codec import base

from index.arrays import Array
from index.segment import Segment
from index.virtual import FIELD_NAMES, Field, Postings, open_field

Term = tuple[str, bytes]


class TermsReader(base.TermsReader):  # type: ignore[misc]  # Whoosh has no type information
    """The terms of all fields, and their postings."""

    def __init__(self, codec: base.Codec, segment: Segment, live: Array) -> None:
        self._codec, self._segment, self._live = codec, segment, live
        self._fields: dict[str, Field] = {}

    def _field(self, name: str) -> Field:
        if name not in self._fields:
            self._fields[name] = open_field(self._segment, self._live, name)
        return self._fields[name]

    def _postings(self, fieldname: str, text: bytes) -> Postings:
        return self._field(fieldname).postings(text)

    def __contains__(self, term: Term) -> bool:
        fieldname, text = term
        return fieldname in FIELD_NAMES and len(self._postings(fieldname, text).documents) > 0

    def indexed_field_names(self) -> tuple[str, ...]:
        return FIELD_NAMES

    def cursor(self, fieldname: str, fieldobj: fields.FieldType) -> "Cursor":
        return Cursor(self, fieldname)

    def terms(self) -> Iterator[Term]:
        return self.terms_from(FIELD_NAMES[0], b"")

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[Term]:
        """From this one on the terms of this field, then those of the fields after it."""
        for name in FIELD_NAMES[FIELD_NAMES.index(fieldname) :]:
            for text in self._field(name).terms(prefix if name == fieldname else b""):
                yield name, text

    def items(self) -> Iterator[tuple[Term, reading.TermInfo]]:
        return ((term, self.term_info(*term)) for term in self.terms())

    def items_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[Term, reading.TermInfo]]:
        return ((term, self.term_info(*term)) for term in self.terms_from(fieldname, prefix))

    def field_terms(self, fieldname: str, start: bytes) -> Iterator[bytes]:
        """The terms of one field from `start` on."""
        return self._field(fieldname).terms(start)

    def term_info(self, fieldname: str, text: bytes) -> reading.TermInfo:
        found = self._postings(fieldname, text)
        if not len(found.documents):
            raise reading.TermNotFound(f"{fieldname}:{text!r}")
        times = found.frequencies()
        lengths = self._field(fieldname).lengths()[found.documents]
        return reading.TermInfo(
            weight=float(times.sum()),
            df=len(found.documents),
            minlength=int(lengths.min()),
            maxlength=int(lengths.max()),
            maxweight=float(times.max()),
            minid=int(found.documents[0]),
            maxid=int(found.documents[-1]),
        )

    def frequency(self, fieldname: str, text: bytes) -> float:
        return float(len(self._postings(fieldname, text).positions))

    def doc_frequency(self, fieldname: str, text: bytes) -> int:
        return len(self._postings(fieldname, text).documents)

    def matcher(self, fieldname: str, text: bytes, format_: formats.Format, scorer: Any = None) -> "ArrayMatcher":
        info = self.term_info(fieldname, text)
        postings = self._postings(fieldname, text)
        found: ArrayMatcher = self._codec.postings_reader(postings, info, format_, (fieldname, text), scorer)
        return found


class Cursor(base.FieldCursor):  # type: ignore[misc]
    """A place in the terms of one field, which Whoosh moves on to look for similar ones."""

    def __init__(self, reader: TermsReader, fieldname: str) -> None:
        self._reader, self._fieldname = reader, fieldname
        self.first()

    def first(self) -> str | None:
        return self.find(b"")

    def find(self, term: str | bytes) -> str | None:
        # What comes next in order of code points may be half a pair of surrogates, which stands nowhere.
        start = term if isinstance(term, bytes) else term.encode("utf-8", "surrogatepass")
        self._terms = self._reader.field_terms(self._fieldname, start)
        return self.next()

    def next(self) -> str | None:
        self._term = next(self._terms, None)
        return self.text()

    def text(self) -> str | None:
        return None if self._term is None else self._term.decode("utf-8")

    def term(self) -> str | None:
        return self.text()

    def term_info(self) -> reading.TermInfo | None:
        return None if self._term is None else self._reader.term_info(self._fieldname, self._term)

    def is_valid(self) -> bool:
        return self._term is not None


class ArrayMatcher(matching.mcore.LeafMatcher):  # type: ignore[misc]
    """The postings of one term, one after the other. There are no blocks, so none is ever skipped for its quality."""

    def __init__(
        self, postings: Postings, format_: formats.Format, term: Term | None, scorer: Any, position: int = 0
    ) -> None:
        self.format, self.scorer, self._term = format_, scorer, term
        self._postings, self._i = postings, position

    def is_active(self) -> bool:
        return self._i < len(self._postings.documents)

    def reset(self) -> None:
        self._i = 0

    def copy(self) -> "ArrayMatcher":
        return ArrayMatcher(self._postings, self.format, self._term, self.scorer, self._i)

    def replace(self, minquality: float = 0) -> Any:
        return self if self.is_active() else matching.NullMatcher()

    def id(self) -> int:
        return int(self._postings.documents[self._i])

    def next(self) -> None:
        if not self.is_active():
            raise matching.ReadTooFar
        self._i += 1

    def skip_to(self, id: int) -> None:  # noqa: A002 - Whoosh's name
        if not self.is_active():
            raise matching.ReadTooFar
        self._i += int(self._postings.documents[self._i :].searchsorted(id))

    def all_ids(self) -> Iterator[int]:
        return iter(self._postings.documents[self._i :].tolist())

    def all_items(self) -> Iterator[tuple[int, bytes]]:
        while self.is_active():
            yield self.id(), self.value()
            self.next()

    def items_as(self, astype: str) -> Iterator[tuple[int, Any]]:
        while self.is_active():
            yield self.id(), self.value_as(astype)
            self.next()

    def positions(self) -> list[int]:
        """Where the term occurs in the current document."""
        start = int(self._postings.ends[self._i - 1]) if self._i else 0
        found: list[int] = self._postings.positions[start : int(self._postings.ends[self._i])].tolist()
        return found

    def value(self) -> bytes:
        """As Whoosh would have written it; what is wanted of it, `value_as` gives without that."""
        encoded: bytes = self.format.encode(self.positions())
        return encoded

    def value_as(self, astype: str) -> Any:
        positions = self.positions()
        known = {"positions": positions, "frequency": len(positions), "weight": float(len(positions))}
        if not self.supports(astype) or astype not in known:
            raise ValueError(f"{astype} is not kept")
        return known[astype]

    def supports(self, astype: str) -> bool:
        return astype in {"frequency", "weight", "positions"} and bool(self.format.supports(astype))

    def weight(self) -> float:
        return float(len(self.positions()))

    def supports_block_quality(self) -> bool:
        return False
