"""A generation opened for reading: its postings and columns as arrays over document numbers.

Documents of all segments are numbered through, 0 to `size`; those that a later generation deleted keep their number
and are False in `live`. Postings never hold deleted documents. What the arrays mean for a query is the business of
`search`; how segments are written that of `index.writer`.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.filedb.filestore import FileStorage
from whoosh.index import IndexError as WhooshIndexError
from whoosh.reading import TermNotFound

from index.article import Article, from_json
from index.document import Facts, facts_from_json
from index.errors import DamagedIndexError
from index.schema import TEXT_FIELDS

Documents = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNDATED = np.iinfo(np.int64).min
_CACHED_POSTINGS = 20_000


@dataclass(frozen=True, slots=True)
class Postings:
    """Where a term occurs in one stream of one field.

    Attributes:
        documents: ascending document numbers.
        frequencies: occurrences in each.
        positions: of all occurrences, by document, ascending within each.
    """

    documents: Documents
    frequencies: Floats
    positions: Documents


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one facet.

    Attributes:
        values: the distinct values; those that differ only in case are one, in its most frequent spelling.
        codes: `values[code]` for each (document, value) pair, by document.
        documents: the document of each pair.
        folded: code by case-folded value.
        present: which documents have a value at all, by number.
    """

    values: tuple[str, ...]
    codes: Documents
    documents: Documents
    folded: dict[str, int]
    present: Flags

    def having(self, codes: list[int]) -> Flags:
        """Which documents have one of the values."""
        flags = np.zeros(len(self.present), np.bool_)
        flags[self.documents[np.isin(self.codes, codes)]] = True
        return flags


_NONE = np.zeros(0, np.int64)
_NO_POSTINGS = Postings(_NONE, np.zeros(0), _NONE)


def _has_positions(field: Any) -> bool:
    return bool(field.format.supports("positions"))


class Snapshot:
    """One generation, read-only; safe to share between threads.

    Attributes:
        size: one more than the greatest document number.
        live: which documents are there, by number.
        ids: article id by number.
        published: seconds since 1970 by number, `UNDATED` where unknown.
        quality, heat: by number, NaN where unknown.
        lengths: tokens by field name and number.
        columns: by facet name.
    """

    def __init__(self, directory: Path) -> None:
        """Open the segments of a verified generation.

        Raises:
            DamagedIndexError: they cannot be read after all, or were pruned meanwhile.
        """
        try:
            self._open(directory)
        except (WhooshIndexError, OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise DamagedIndexError(f"the index in {directory} cannot be read: {error}", path=directory) from error

    def _open(self, directory: Path) -> None:
        self._lock = threading.Lock()  # a Whoosh reader is not for several threads at once
        self._cache: dict[tuple[str, str], Postings] = {}
        self._index = FileStorage(str(directory)).open_index()
        self._reader = self._index.reader()
        schema = self._index.schema
        self._placed = {name for name in schema.names() if schema[name].indexed and _has_positions(schema[name])}
        self.size: int = self._reader.doc_count_all()
        self._leaves: list[tuple[Any, int]] = []  # segments with documents; Whoosh cannot read columns of empty ones
        if self.size:
            self._leaves = [each for each in self._reader.leaf_readers() if each[0].doc_count_all()]
        self._articles = [(leaf.column_reader("article"), offset) for leaf, offset in self._leaves]
        self.live = np.ones(self.size, np.bool_)
        facts: list[Facts] = []
        for leaf, offset in self._leaves:
            column = leaf.column_reader("facts")
            facts += [facts_from_json(column[number]) for number in range(leaf.doc_count_all())]
            self.live[[offset + number for number in range(leaf.doc_count_all()) if leaf.is_deleted(number)]] = False
        if len(facts) != self.size:
            raise ValueError("documents are wanting")
        self.ids = [fact.id for fact in facts]
        self.published = np.array(
            [UNDATED if fact.published is None else fact.published for fact in facts], dtype=np.int64
        )
        self.quality = np.array([np.nan if fact.quality is None else fact.quality for fact in facts], dtype=np.float64)
        self.heat = np.array([np.nan if fact.heat is None else fact.heat for fact in facts], dtype=np.float64)
        lengths = np.array([fact.lengths for fact in facts], dtype=np.float64).reshape(self.size, len(TEXT_FIELDS))
        self.lengths = {field.name: lengths[:, i] for i, field in enumerate(TEXT_FIELDS)}
        self.columns = {name: self._column(facts, name) for name in ("topic", "provider", "type", "category")}
        self._numbers = {self.ids[number]: int(number) for number in np.flatnonzero(self.live)}

    def _column(self, facts: list[Facts], name: str) -> Column:
        spellings: dict[str, Counter[str]] = {}
        pairs: list[tuple[int, str]] = []
        for number in np.flatnonzero(self.live).tolist():
            for value in facts[number].values.get(name, ()):
                key = value.casefold()
                spellings.setdefault(key, Counter())[value] += 1
                pairs.append((number, key))
        folded = {key: code for code, key in enumerate(sorted(spellings))}
        values = tuple(min(spellings[key].items(), key=lambda item: (-item[1], item[0]))[0] for key in folded)
        codes = np.array([folded[key] for _, key in pairs], dtype=np.int64)
        documents = np.array([number for number, _ in pairs], dtype=np.int64)
        present = np.zeros(self.size, np.bool_)
        present[documents] = True
        return Column(values, codes, documents, folded, present)

    def postings(self, field: str, term: str) -> Postings:
        """Where a term occurs in one stream of one field; empty where it does not."""
        found = self._cache.get((field, term))
        if found is None:
            found = self._read_postings(field, term)
            if len(self._cache) >= _CACHED_POSTINGS:
                self._cache.clear()
            self._cache[field, term] = found
        return found

    def _read_postings(self, field: str, term: str) -> Postings:
        documents: list[int] = []
        positions: list[list[int]] = []
        with self._lock:
            placed = field in self._placed
            for leaf, offset in self._leaves:
                try:
                    matcher = leaf.postings(field, term.encode("utf-8", "replace"))
                except TermNotFound:
                    continue
                while matcher.is_active():
                    documents.append(offset + matcher.id())
                    positions.append(matcher.value_as("positions") if placed else [0])
                    matcher.next()
        if not documents:
            return _NO_POSTINGS
        frequencies = np.array([len(places) for places in positions], dtype=np.int64)
        return Postings(
            np.array(documents, dtype=np.int64),
            frequencies.astype(np.float64),
            np.array([place for places in positions for place in places], dtype=np.int64),
        )

    def terms(self, field: str, prefix: str = "") -> list[str]:
        """The terms of a stream that begin with `prefix`, sorted; some may occur in deleted documents only."""
        if not self._leaves:
            return []
        with self._lock:
            found = self._reader.expand_prefix(field, prefix.encode("utf-8", "replace"))
            return [term.decode("utf-8") for term in found]

    def number(self, article_id: str) -> int | None:
        """The document number of an article, None where there is none."""
        return self._numbers.get(article_id)

    def article(self, number: int) -> Article:
        """The article as it was indexed."""
        for articles, offset in reversed(self._articles):
            if number >= offset:
                with self._lock:
                    return from_json(articles[number - offset].decode("utf-8"))
        raise IndexError(number)

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            self._reader.close()
            self._index.close()
