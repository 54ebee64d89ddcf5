"""A generation as an index of Whoosh's own: `ArrayIndex(directory).searcher()` is Whoosh's searcher on our arrays.

Whoosh pickles its table of contents, segments and postings; nothing here reads a pickle. The product itself searches
without Whoosh's matchers (`search.evaluate`); this is what lets Whoosh check it, and lets its queries be asked.
Reading only: a segment is written at once from whole articles (`index.inversion`), so the interfaces through which
Whoosh writes tuple by tuple are left to the base classes, which refuse. Terms and postings are the matter of
`index.codec_terms`.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import columns, formats, reading
from whoosh.codec import base
from whoosh.index import Index

from index.arrays import Array
from index.codec_terms import ArrayMatcher, Term, TermsReader
from index.schema import whoosh_schema
from index.segment import Segment
from index.toc import SegmentEntry, Toc, deleted_documents
from index.virtual import Postings, open_field

_ARTICLE = "article"


class ArrayIndex(Index):  # type: ignore[misc]  # Whoosh has no type information
    """The index in the directory of one generation, which never changes."""

    def __init__(self, directory: Path) -> None:
        """Read the table of contents.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        self.directory = directory
        self.schema = whoosh_schema()
        self._toc = Toc.load(directory)

    def segments(self) -> list["ArraySegment"]:
        """The segments in the order of the table of contents."""
        return [ArraySegment(self.directory, entry) for entry in self._toc.segments]

    def reader(self, reuse: object = None) -> Any:
        """A reader of all segments; `reuse` is what Whoosh's interface has, no reader is used again.

        Raises:
            OSError, ValueError: a segment cannot be read.
        """
        generation = self.latest_generation()
        readers = [reading.SegmentReader(None, self.schema, each, generation) for each in self.segments()]
        if len(readers) > 1:
            return reading.MultiReader(readers, generation)
        return readers[0] if readers else reading.EmptyReader(self.schema)

    def is_empty(self) -> bool:
        return not self._toc.segments

    def doc_count(self) -> int:
        return sum(segment.doc_count() for segment in self.segments())

    def doc_count_all(self) -> int:
        return sum(segment.doc_count_all() for segment in self.segments())


class ArrayCodec(base.Codec):  # type: ignore[misc]
    """How Whoosh reads our segments; it does not write them."""

    def per_document_reader(self, storage: object, segment: "ArraySegment") -> "DocumentReader":
        return DocumentReader(segment)

    def terms_reader(self, storage: object, segment: "ArraySegment") -> TermsReader:
        return TermsReader(self, segment.arrays, segment.live)

    def postings_reader(
        self, dbfile: Postings, terminfo: object, format_: formats.Format, term: Term | None = None, scorer: Any = None
    ) -> ArrayMatcher:
        """A matcher; `dbfile` is not a file here but the postings themselves."""
        return ArrayMatcher(dbfile, format_, term, scorer)


class ArraySegment(base.Segment):  # type: ignore[misc]
    """A segment and which of its documents are deleted; files are opened when they are asked for."""

    def __init__(self, directory: Path, entry: SegmentEntry) -> None:
        super().__init__("MAIN")
        self.segid = Path(entry.name).stem
        self._directory, self._entry = directory, entry

    @cached_property
    def arrays(self) -> Segment:
        return self._entry.open(self._directory)

    @cached_property
    def live(self) -> Array:
        """By document whether it is still there."""
        return ~deleted_documents(self._directory, self._entry, self.arrays.size)

    def codec(self) -> ArrayCodec:
        return ArrayCodec()

    def should_assemble(self) -> bool:
        return False

    def doc_count_all(self) -> int:
        return self.arrays.size

    def deleted_count(self) -> int:
        return int(self.arrays.size - self.live.sum())

    def deleted_docs(self) -> Iterator[int]:
        return iter(np.flatnonzero(~self.live).tolist())

    def is_deleted(self, docnum: int) -> bool:
        return docnum < len(self.live) and not self.live[docnum]  # Not asks for the number after the last as well


class DocumentReader(base.PerDocumentReader):  # type: ignore[misc]
    """What is kept by document: deletions, lengths of fields, and the stored article as JSON."""

    def __init__(self, segment: ArraySegment) -> None:
        self._segment = segment
        self._lengths: dict[str, Array] = {}

    def doc_count(self) -> int:
        return self._segment.doc_count()  # type: ignore[no-any-return]

    def doc_count_all(self) -> int:
        return self._segment.doc_count_all()

    def has_deletions(self) -> bool:
        return self._segment.has_deletions()  # type: ignore[no-any-return]

    def is_deleted(self, docnum: int) -> bool:
        return self._segment.is_deleted(docnum)

    def deleted_docs(self) -> Iterator[int]:
        return self._segment.deleted_docs()

    def _lengths_of(self, fieldname: str) -> Array:
        if fieldname not in self._lengths:
            self._lengths[fieldname] = open_field(self._segment.arrays, self._segment.live, fieldname).lengths()
        return self._lengths[fieldname]

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int:
        return int(self._lengths_of(fieldname)[docnum])

    def field_length(self, fieldname: str) -> int:
        """Of all documents, deleted ones too, as `doc_count_all` counts them."""
        return int(self._lengths_of(fieldname).sum())

    def min_field_length(self, fieldname: str) -> int:
        return int(self._lengths_of(fieldname).min())

    def max_field_length(self, fieldname: str) -> int:
        return int(self._lengths_of(fieldname).max())

    def supports_columns(self) -> bool:
        return True

    def has_column(self, fieldname: str) -> bool:
        return fieldname == _ARTICLE

    def list_columns(self) -> list[str]:
        return [_ARTICLE]

    def column_reader(self, fieldname: str, column: columns.Column) -> "ArticleColumn":
        return ArticleColumn(self._segment.arrays)

    def stored_fields(self, docnum: int) -> dict[str, bytes]:
        return {_ARTICLE: ArticleColumn(self._segment.arrays)[docnum]}


class ArticleColumn(columns.ColumnReader):  # type: ignore[misc]
    """The stored articles, UTF-8."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._decompressor = segment.decompressor()

    def __len__(self) -> int:
        return self._segment.size

    def __getitem__(self, docnum: int) -> bytes:
        return self._segment.article(docnum, self._decompressor)

    def __iter__(self) -> Iterator[bytes]:
        return (self[number] for number in range(len(self)))
