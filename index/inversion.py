"""Articles -> the arrays of one segment (`index.segment` says what they mean).

Analysis is fast because texts repeat: a text is split at white space, which no token crosses, and each distinct piece
is analyzed once; a text is then a row of piece numbers, and everything else is arithmetic over whole arrays. Postings
are sorted once. What is held until `build` is bounded by the caller, who looks at `held_bytes`.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from index.analysis import Token, all_in_capitals, piece_tokens
from index.arrays import Array, ends, smallest, spans
from index.article import Article
from index.document import (
    FACET_COLUMNS,
    address_hashes,
    facet_values,
    link_hashes,
    published_seconds,
    searched_text,
)
from index.places import pack_positions
from index.schema import EXACT, HALF, STEM, TEXT_FIELDS, UNDATED
from index.segment import MAX_ARTICLE_BYTES, pack_addresses, pack_links, pack_strings, pack_terms
from index.stored import compressor, make_dictionary

_TOKEN_BYTES = 130  # that a token takes while postings are made of it
_KNOWN_BYTES = 700  # that a token of a piece takes in the analysis cache
_MOST_KNOWN_BYTES = 256 << 20  # beyond that the cache starts anew with the next segment

_FIELD_WEIGHTS = np.array([round(field.weight * HALF) for field in TEXT_FIELDS], dtype=np.int64)
_BEFORE = ",;:!?()[]{}<>\"'“”‘’«»…–—-*|/$#@%=~"  # at the beginning of a piece these are never part of a token
_AFTER = ",;:!?()[]{}<>\"'“”‘’«»…–—-*|/$@%=~."  # nor these at its end
_MOST = float(np.finfo("<f4").max)
_SMALL = re.compile("[a-z]")
_MANY = -2  # in `_Pieces.partners`: more than one


class _Pieces:
    """Every piece of text seen so far, analyzed; tables by piece number.

    Terms of both streams are numbered together. `partners` gives for each term the one term of the other stream that it
    always stands beside: such two have the same postings, which are then stored once.
    """

    def __init__(self) -> None:
        self.numbers: dict[bool, _Numbers] = {capitals: _Numbers(self, capitals) for capitals in (False, True)}
        self.terms: list[str] = []
        self.partners = array("q")
        self.ids: dict[str, dict[str, int]] = {EXACT: {}, STEM: {}}
        self.positions = array("q")  # that the piece takes
        self.lengths = array("q")  # its tokens, extras not counted
        self.occurrences = {EXACT: _Occurrences(), STEM: _Occurrences()}

    @property
    def held_bytes(self) -> int:
        """About how much memory all this takes."""
        return _KNOWN_BYTES * len(self.occurrences[EXACT].terms)

    def add(self, piece: str, *, capitals: bool) -> int:
        """Analyze a new piece; returns its number."""
        found = piece_tokens(piece, capitals=capitals)
        if len(found) == 1:  # as most have
            return self._add_word(found[0])
        placed: dict[str, dict[tuple[int, int], None]] = {EXACT: {}, STEM: {}}
        for token in found:
            exact, stem = self._id(EXACT, token.exact), self._id(STEM, token.stem)
            self._pair(exact, stem)
            placed[EXACT][exact, token.position] = None  # a joined word may repeat the stem of its first part
            placed[STEM][stem, token.position] = None
        for stream, occurrences in placed.items():
            self.occurrences[stream].add(occurrences)
        self.positions.append(max((token.position for token in found), default=-1) + 1)
        self.lengths.append(sum(not token.extra for token in found))
        return len(self.positions) - 1

    def _add_word(self, token: Token) -> int:
        exact, stem = self._id(EXACT, token.exact), self._id(STEM, token.stem)
        self._pair(exact, stem)
        self.occurrences[EXACT].add_one(exact)
        self.occurrences[STEM].add_one(stem)
        self.positions.append(1)
        self.lengths.append(1)
        return len(self.positions) - 1

    def _id(self, stream: str, term: str) -> int:
        known = self.ids[stream]
        number = known.get(term)
        if number is None:
            number = known[term] = len(self.terms)
            self.terms.append(term)
            self.partners.append(-1)
        return number

    def _pair(self, one: int, other: int) -> None:
        for here, there in ((one, other), (other, one)):
            if self.partners[here] == -1:
                self.partners[here] = there
            elif self.partners[here] != there:
                self.partners[here] = _MANY


class _Occurrences:
    """Terms of each piece with their places in it; piece `i` has those up to `ends[i]`."""

    def __init__(self) -> None:
        self.terms = array("q")
        self.places = array("q")
        self.ends = array("q")

    def add(self, placed: dict[tuple[int, int], None]) -> None:
        for term, place in sorted(placed, key=itemgetter(1)):  # a joined word comes last but stands with its first part
            self.terms.append(term)
            self.places.append(place)
        self.ends.append(len(self.terms))

    def add_one(self, term: int) -> None:
        self.terms.append(term)
        self.places.append(0)
        self.ends.append(len(self.terms))


class _Numbers(dict[str, int]):
    """Piece -> number; a new piece is analyzed when it is asked for."""

    def __init__(self, pieces: _Pieces, capitals: bool) -> None:
        super().__init__()
        self._pieces = pieces
        self._capitals = capitals

    def __missing__(self, piece: str) -> int:
        bare = piece.lstrip(_BEFORE).rstrip(_AFTER)
        number = self._pieces.add(piece, capitals=self._capitals) if bare == piece else self[bare]
        self[piece] = number
        return number


class _Hashes:
    """Hashes of addresses, and the document that each belongs to."""

    def __init__(self) -> None:
        self.hashes = array("Q")
        self.documents = array("q")

    def add(self, hashes: Sequence[int], document: int) -> None:
        self.hashes.extend(hashes)
        self.documents.extend([document] * len(hashes))


class Inverter:
    """Collects articles and turns them into the arrays of a segment."""

    def __init__(self, dictionary: bytes = b"") -> None:
        """`dictionary` is what stored articles are compressed against, b"" to take it from the first ones."""
        self._dictionary = dictionary
        self._pieces = _Pieces()
        self._clear()

    def _clear(self) -> None:
        if self._pieces.held_bytes > _MOST_KNOWN_BYTES:
            self._pieces = _Pieces()
        self._packed_bytes = self._tokens = 0
        self._ids: list[str] = []
        self._text = array("q")  # piece numbers, value after value
        self._value_pieces = array("q")  # pieces of each value
        self._value_fields = array("b")
        self._document_values = array("q")  # values of each document
        self._published = array("q")
        self._quality = array("d")
        self._heat = array("d")
        self._facets: dict[str, list[tuple[str, ...]]] = {name: [] for name in FACET_COLUMNS}
        self._addresses = _Hashes()
        self._links = _Hashes()
        self._articles: list[bytes] = []

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes to build a segment now."""
        return self._packed_bytes + _TOKEN_BYTES * self._tokens + self._pieces.held_bytes

    def add(self, article: Article, packed: bytes) -> None:
        """Take one more article, and what is stored of it.

        Raises:
            ValueError: it is far too large to be stored.
        """
        if len(packed) > MAX_ARTICLE_BYTES:
            raise ValueError(f"{article.id} takes more than {MAX_ARTICLE_BYTES:,} bytes")
        values, start = 0, len(self._text)
        for field, texts in enumerate(searched_text(article).values()):
            for text in texts:
                self._text.extend(self._analyzed(text))
                self._value_fields.append(field)
                values += 1
        self._document_values.append(values)
        self._published.append(published_seconds(article))
        self._quality.append(np.nan if article.quality is None else article.quality)
        self._heat.append(np.nan if article.heat is None else article.heat)
        for name, facet in facet_values(article).items():
            self._facets[name].append(facet)
        self._addresses.add(address_hashes(article), len(self._ids))
        self._links.add(link_hashes(article), len(self._ids))
        self._articles.append(packed)
        self._packed_bytes += len(packed)
        self._tokens += sum(map(self._pieces.positions.__getitem__, self._text[start:]))
        self._ids.append(article.id)

    def _analyzed(self, text: str) -> Iterator[int]:
        capitals = _SMALL.search(text) is not None or not all_in_capitals(text)
        pieces = text.split()
        self._value_pieces.append(len(pieces))
        return map(self._pieces.numbers[capitals].__getitem__, pieces)

    def build(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """The arrays of a segment of all articles taken, and what is said of the whole; starts anew after that."""
        order, by_id = self._order()
        arrays: dict[str, Array] = {}
        arrays |= self._documents(order, by_id)
        arrays |= self._stored(order)
        arrays |= self._postings(order)
        about = {"documents": len(order), "live_length": int(arrays["length"].sum(dtype=np.int64))}
        self._clear()
        return arrays, about

    def _order(self) -> tuple[Array, Array]:
        """Old numbers in new order (newest first, undated last, equal dates by id), and old numbers by id."""
        by_id = np.array(sorted(range(len(self._ids)), key=self._ids.__getitem__), dtype=np.int64)
        place = np.empty(len(by_id), np.int64)
        place[by_id] = np.arange(len(by_id))
        return np.lexsort((place, newest_first(np.array(self._published)))), by_id

    def _documents(self, order: Array, by_id: Array) -> dict[str, Array]:
        new_number = np.empty(len(order), np.int64)
        new_number[order] = np.arange(len(order))
        found: dict[str, Array] = {
            "published": np.array(self._published)[order],
            "id_order": smallest(new_number[by_id]),
        }
        found |= pack_addresses(np.array(self._addresses.hashes), new_number[np.array(self._addresses.documents)])
        found |= pack_links(np.array(self._links.hashes), new_number[np.array(self._links.documents)])
        for name, values in (("quality", self._quality), ("heat", self._heat)):
            signal = np.clip(np.array(values), -_MOST, _MOST).astype("<f4")[order]
            if not np.isnan(signal).all():
                found[name] = signal
        found |= pack_strings("id", [self._ids[number] for number in order.tolist()])
        for name, facets in self._facets.items():
            found |= pack_facet(name, [facets[number] for number in order.tolist()])
        return found

    def _stored(self, order: Array) -> dict[str, Array]:
        if not self._dictionary:
            self._dictionary = make_dictionary(self._articles)
        compress = compressor(self._dictionary).compress
        packed = [compress(self._articles[number]) for number in order.tolist()]
        return {
            "articles": np.frombuffer(b"".join(packed), np.uint8),
            "article_ends": ends([len(each) for each in packed]),
            "dictionary": np.frombuffer(self._dictionary, np.uint8),
        }

    def _postings(self, order: Array) -> dict[str, Array]:
        pieces, text = self._pieces, _Text(self, order)
        names, partners = pieces.terms, np.array(pieces.partners, dtype=np.int64)
        shared = np.zeros(len(names), np.bool_)  # stems with the postings of their partner
        all_stems = np.fromiter(pieces.ids[STEM].values(), np.int64)
        paired = all_stems[partners[all_stems] >= 0]
        shared[paired[partners[partners[paired]] == paired]] = True
        streams = [_Stream(pieces.occurrences[stream], text, shared) for stream in (EXACT, STEM)]
        used = np.zeros(len(names), np.bool_)
        for stream in streams:
            used[stream.terms] = True
        used[shared] = used[partners[shared]]
        exact = _sorted_by_name(np.fromiter(pieces.ids[EXACT].values(), np.int64), used, names)
        stems = _sorted_by_name(all_stems, used, names)
        alone = stems[~shared[stems]]
        lists = np.full(len(names), -1, np.int32)  # posting list of each term
        lists[exact] = np.arange(len(exact))
        lists[alone] = len(exact) + np.arange(len(alone))
        lists[stems[shared[stems]]] = lists[partners[stems[shared[stems]]]]
        found = invert(
            lists[np.concatenate([stream.terms for stream in streams])],
            np.concatenate([stream.pieces for stream in streams]),
            np.concatenate([stream.places for stream in streams]),
            text,
            len(exact) + len(alone),
        )
        found |= {"extents": smallest(text.extents), "length": smallest(text.length)}
        found |= pack_terms(EXACT, [names[term].encode("utf-8") for term in exact.tolist()])
        found |= pack_terms(STEM, [names[term].encode("utf-8") for term in stems.tolist()])
        found["stem_lists"] = smallest(lists[stems])
        return found


def _sorted_by_name(terms: Array, used: Array, names: list[str]) -> Array:
    return np.array(sorted(terms[used[terms]].tolist(), key=names.__getitem__), dtype=np.int64)


class _Text:
    """All pieces of all documents in their new order, with the place of each.

    Attributes:
        pieces: piece numbers.
        documents, weights: of each piece its document and the weight of its field.
        starts: position of each piece in its document.
        extents: positions that each field of each document takes, document by document.
        length: weighted tokens of each document.
    """

    def __init__(self, inverter: Inverter, order: Array) -> None:
        tables = inverter._pieces
        values_of = np.array(inverter._document_values, dtype=np.int64)
        values = spans((np.cumsum(values_of) - values_of)[order], values_of[order])
        pieces_of = np.array(inverter._value_pieces, dtype=np.int64)
        fields = np.array(inverter._value_fields, dtype=np.int64)[values]
        self.pieces = np.array(inverter._text, dtype=np.int64)[
            spans((np.cumsum(pieces_of) - pieces_of)[values], pieces_of[values])
        ]
        pieces_of, values_of = pieces_of[values], values_of[order]
        value_documents = np.repeat(np.arange(len(order)), values_of)
        taken = np.array(tables.positions, dtype=np.int64)[self.pieces]
        before = np.concatenate(([0], np.cumsum(taken)))
        first = np.cumsum(pieces_of) - pieces_of
        extents = before[first + pieces_of] - before[first] + 1  # one position is left free after each value
        starts = np.cumsum(extents) - extents
        starts -= np.repeat(starts[np.cumsum(values_of) - values_of], values_of)
        self.starts = (before[:-1] + np.repeat(starts - before[first], pieces_of)).astype(np.int32)
        self.documents = np.repeat(value_documents.astype(np.int32), pieces_of)
        self.weights = np.repeat(_FIELD_WEIGHTS[fields].astype(np.int32), pieces_of)
        count = len(TEXT_FIELDS)
        self.extents = np.bincount(
            value_documents * count + fields, weights=extents, minlength=len(order) * count
        ).astype(np.int64)
        tokens_of = np.array(tables.lengths, dtype=np.int64)[self.pieces] * self.weights
        self.length = np.bincount(self.documents, weights=tokens_of, minlength=len(order)).astype(np.int64)


class _Stream:
    """Occurrences of the terms of one stream: the term, which piece of the text it is in, and its place there.

    Those of some terms, which are found elsewhere, are left out.
    """

    def __init__(self, occurrences: _Occurrences, text: _Text, without: Array) -> None:
        terms, places = np.array(occurrences.terms, dtype=np.int32), np.array(occurrences.places, dtype=np.int32)
        all_ends = np.concatenate(([0], np.array(occurrences.ends, dtype=np.int64)))
        kept = ~without[terms]
        all_ends = np.concatenate(([0], np.cumsum(kept)))[all_ends]
        first = all_ends[text.pieces]
        counts = all_ends[text.pieces + 1] - first
        which = spans(first, counts)
        self.terms, self.places = terms[kept][which], places[kept][which]
        self.pieces = np.repeat(np.arange(len(counts), dtype=np.int32), counts)


def invert(lists: Array, pieces: Array, places: Array, text: _Text, count: int) -> dict[str, Array]:
    """Occurrences -> postings by list and document, positions ascending.

    Args:
        lists, pieces, places: of each occurrence; those of one list come in ascending order of piece and place.
        text: the pieces.
        count: how many lists there are.
    """
    keys = np.sort((lists.astype(np.int64) << 32) | np.arange(len(lists)))  # faster than a stable sort of the lists
    order, lists = keys & 0xFFFF_FFFF, (keys >> 32).astype(np.int32)
    pieces = pieces[order]
    documents = text.documents[pieces]
    new = np.ones(len(order), np.bool_)
    new[1:] = (lists[1:] != lists[:-1]) | (documents[1:] != documents[:-1])
    starts = np.flatnonzero(new)
    occurrences = np.diff(np.append(starts, len(order)))
    summed = np.concatenate(([0], np.cumsum(text.weights[pieces], dtype=np.int64)))
    found = classify(summed[starts + occurrences] - summed[starts], occurrences)
    found |= pack_positions(text.starts[pieces] + places[order]) | {
        "documents": documents[starts].astype("<i4"),
        "list_ends": ends(np.bincount(lists[starts], minlength=count)),
        "position_ends": ends(np.bincount(lists, minlength=count)),
    }
    return found


def classify(weights: Array, occurrences: Array) -> dict[str, Array]:
    """The few distinct pairs of weight and occurrences, and for each posting which it is."""
    wide = int(occurrences.max(initial=0)) + 1
    keys = weights.astype(np.int64)
    keys *= wide
    keys += occurrences
    most = int(keys.max(initial=0))
    if most < 4 * len(keys) + 65_536:
        distinct = np.flatnonzero(np.bincount(keys, minlength=1))
        table = np.zeros(most + 1, np.int64)
        table[distinct] = np.arange(len(distinct))
        classes = table[keys]
    else:
        distinct, classes = np.unique(keys, return_inverse=True)
    return {
        "classes": smallest(classes),
        "class_weights": smallest(distinct // wide),
        "class_occurrences": smallest(distinct % wide),
    }


def pack_facet(name: str, facets: Sequence[tuple[str, ...]]) -> dict[str, Array]:
    """The values of one facet: a code for each document, which stands for a set of values; code 0 is the empty set."""
    sets: dict[tuple[str, ...], int] = {(): 0}
    codes = [sets.setdefault(facet, len(sets)) for facet in facets]
    return pack_sets(name, np.array(codes, dtype=np.int64), sets)


def pack_sets(name: str, codes: Array, sets: Iterable[tuple[str, ...]]) -> dict[str, Array]:
    """The same, given the sets in order of their codes."""
    values: dict[str, int] = {}
    members = [[values.setdefault(value, len(values)) for value in each] for each in sets]
    return {
        f"{name}_codes": smallest(codes),
        f"{name}_set_ends": ends([len(each) for each in members]),
        f"{name}_set_values": smallest(np.array([value for each in members for value in each], dtype=np.int64)),
        **pack_strings(f"{name}_value", list(values)),
    }


def newest_first(published: Array) -> Array:
    """A key that sorts documents newest first, undated ones last."""
    return np.where(published == UNDATED, np.iinfo(np.int64).max, -np.maximum(published, UNDATED + 1))
