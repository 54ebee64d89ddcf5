"""A generation opened for reading: its postings and columns as arrays over document numbers.

Documents of all segments are numbered through, 0 to `size`; those that a later generation deleted keep their number
and are False in `live`. Postings never hold deleted documents. What the arrays mean for a query is the business of
`search`; how segments are written that of `index.writer`.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.filedb.filestore import FileStorage
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
        starts: `positions[starts[i]:starts[i + 1]]` belong to `documents[i]`.
        positions: ascending within each document.
    """

    documents: Documents
    frequencies: Floats
    starts: Documents
    positions: Documents


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one facet.

    Attributes:
        values: the distinct values; those that differ only in case are one, in its most frequent spelling.
        codes: `values[code]` for each (document, value) pair, by document.
        documents: the document of each pair.
        folded: code by case-folded value.
    """

    values: tuple[str, ...]
    codes: Documents
    documents: Documents
    folded: dict[str, int]

    def having(self, codes: list[int], size: int) -> Flags:
        """Which documents have one of the values."""
        flags = np.zeros(size, np.bool_)
        flags[self.documents[np.isin(self.codes, codes)]] = True
        return flags

    def any(self, size: int) -> Flags:
        """Which documents have a value at all."""
        flags = np.zeros(size, np.bool_)
        flags[self.documents] = True
        return flags


_NONE = np.zeros(0, np.int64)
_NO_POSTINGS = Postings(_NONE, np.zeros(0), _NONE, _NONE)


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
        self._lock = threading.Lock()  # a Whoosh reader is not for several threads at once
        self._index = FileStorage(str(directory)).open_index()
        self._reader = self._index.reader()
        schema = self._reader.schema
        self._placed = {name for name in schema.names() if schema[name].indexed and _has_positions(schema[name])}
        self._leaves: list[tuple[Any, int]] = list(self._reader.leaf_readers())
        self._articles = [(leaf.column_reader("article"), offset) for leaf, offset in self._leaves]
        self.size: int = self._reader.doc_count_all()
        self.live = np.ones(self.size, np.bool_)
        facts: list[Facts] = []
        for leaf, offset in self._leaves:
            column = leaf.column_reader("facts")
            facts += [facts_from_json(column[number]) for number in range(leaf.doc_count_all())]
            self.live[[offset + number for number in range(leaf.doc_count_all()) if leaf.is_deleted(number)]] = False
        if len(facts) != self.size:
            raise DamagedIndexError(f"the index in {directory} lacks documents", path=directory)
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
        self.postings = lru_cache(maxsize=_CACHED_POSTINGS)(self._postings)

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
        return Column(
            values,
            np.array([folded[key] for _, key in pairs], dtype=np.int64),
            np.array([number for number, _ in pairs], dtype=np.int64),
            folded,
        )

    def _postings(self, field: str, term: str) -> Postings:
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
            np.concatenate(([0], np.cumsum(frequencies))),
            np.array([place for places in positions for place in places], dtype=np.int64),
        )

    def terms(self, field: str, prefix: str = "") -> list[str]:
        """The terms of a stream that begin with `prefix`, sorted; some may occur in deleted documents only."""
        with self._lock:
            found = self._reader.expand_prefix(field, prefix.encode("utf-8", "replace"))
            return [term.decode("utf-8") for term in found]

    def terms_within(self, field: str, word: str, distance: int, prefix: int) -> list[str]:
        """The terms of a stream at most `distance` edits (Levenshtein) away, alike in the first `prefix` characters."""
        with self._lock:
            found = self._reader.terms_within(field, word, distance, prefix=prefix)
            return [term if isinstance(term, str) else term.decode("utf-8") for term in found]

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
