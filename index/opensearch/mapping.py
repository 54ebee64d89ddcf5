"""The field table as OpenSearch sees it, and an article as a document of that mapping.

Nothing is analyzed by the cluster: it is sent the terms that `index.analysis` makes of a text, one on each line, so
that both engines know the same words in the same places. What it is asked of them is arithmetic that it does exactly.

    exact, stem               every term of the article, with the weighted sum of its occurrences in all fields, in
                              halves, as its frequency: what BM25F counts (`search.ranking`)
    title_exact, title_stem…  the terms of one field in order; terms in one place share a line, divided by `STACKED`
    words                     the exact terms once more, as values that can be listed and counted; those that the
                              article has only as a joined spelling (multi-cloud: multicloud) begin with `JOINED`
    topic, provider…          the case-folded values of each facet, and with them, as `topic_spelled`…, how they are
                              written: both in one value, divided by a line break
    url, related              hashes of addresses
    published, day, month     seconds and days since 1970 (UTC) and "2021-03"; none of an undated article
    quality, heat, length     signals as given, weighted tokens in halves
    article                   all that is shown, as `index.article.pack` gives it; the only part of `_source`

The similarity of all text fields is the frequency itself times the boost: the formula is the query's.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from index.analysis import Token, all_in_capitals, piece_tokens
from index.article import Article
from index.document import (
    FACET_COLUMNS,
    address_hashes,
    facet_values,
    link_hashes,
    published_seconds,
    searched_text,
)
from index.schema import EXACT, HALF, STEM, TEXT_FIELDS, UNDATED

STACKED = "\x1f"
JOINED = "\x1f"
HOLE = "\x1e"
"""In a phrase that is looked for: any one word."""
DIVIDER = "\n"
"""Between terms, and between the folded form of a value and its spelling."""

MAPPING = 1  # of everything below; raised when older code could misread newer documents

_MOST = float(np.finfo("<f4").max)
_DAY_SECONDS = 24 * 60 * 60
_STREAMS = (EXACT, STEM)
_ANALYSIS = {
    "tokenizer": {"lines": {"type": "char_group", "tokenize_on_chars": ["\n"]}},
    "filter": {
        "frequency": {"type": "delimited_term_freq", "delimiter": "|"},
        "stacked": {"type": "pattern_capture", "preserve_original": False, "patterns": [f"([^{STACKED}]+)"]},
        "holes": {"type": "stop", "stopwords": [HOLE]},
    },
    "analyzer": {
        "weighted": {"type": "custom", "tokenizer": "lines", "filter": ["frequency"]},
        "placed": {"type": "custom", "tokenizer": "lines", "filter": ["stacked"]},
        "terms": {"type": "custom", "tokenizer": "lines", "filter": ["holes"]},
    },
}


def index_body(shards: int, replicas: int, max_depth: int) -> dict[str, Any]:
    """Settings and mapping of a new index.

    Args:
        shards, replicas: numbers of them.
        max_depth: hits that can be paged through by number.
    """
    return {
        "settings": {
            "number_of_shards": shards,
            "number_of_replicas": replicas,
            "codec": "best_compression",
            "max_result_window": max(10_000, max_depth),
            "sort.field": ["published", "id"],
            "sort.order": ["desc", "asc"],
            "similarity": {
                "occurrences": {"type": "scripted", "script": {"source": "return query.boost * doc.freq;"}},
            },
            "analysis": _ANALYSIS,
        },
        "mappings": {
            "dynamic": "strict",
            "_source": {"includes": ["article"]},
            "_meta": {"mapping": MAPPING},
            "properties": _properties(),
        },
    }


def _properties() -> dict[str, Any]:
    keyword = {"type": "keyword"}
    text = {"type": "text", "norms": False, "similarity": "occurrences", "search_analyzer": "terms"}
    weighted = text | {"analyzer": "weighted", "index_options": "freqs"}
    placed = text | {"analyzer": "placed", "position_increment_gap": 1}  # one place is left free after each value
    only_listed = {"type": "keyword", "index": False}
    only_found = {"type": "keyword", "doc_values": False}
    found: dict[str, Any] = {
        "article": {"type": "object", "enabled": False},
        "id": keyword,
        "words": only_listed,
        "url": only_found,
        "related": only_found,
        "published": {"type": "long"},
        "day": {"type": "integer", "index": False},
        "month": only_listed,
        "quality": {"type": "float", "index": False},
        "heat": {"type": "float", "index": False},
        "length": {"type": "long", "index": False},
    }
    found |= dict.fromkeys(_STREAMS, weighted)
    found |= {stream_field(field.name, stream): placed for field in TEXT_FIELDS for stream in _STREAMS}
    for name in FACET_COLUMNS:
        found |= {name: keyword, spelled_field(name): only_listed}
    return found


def stream_field(name: str, stream: str) -> str:
    """The field of one stream of terms (`EXACT`, `STEM`) of a text field."""
    return f"{name}_{stream}"


def spelled_field(facet: str) -> str:
    """The field that holds values of a facet with their spelling."""
    return f"{facet}_spelled"


def document_id(article_id: str) -> str:
    """The `_id` of an article: ids of articles may be longer than OpenSearch takes."""
    return hashlib.blake2b(article_id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def address_term(address_hash: int) -> str:
    """A hash of `index.document` as it is kept in `url` and `related`."""
    return f"{address_hash:016x}"


def sendable(text: str) -> str:
    """Text without halves of surrogate pairs, which cannot be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def article_text(packed: bytes) -> str:
    """What `index.article.pack` gave, as text that can be sent; `index.article.unpack` reads its bytes."""
    try:
        return packed.decode()
    except UnicodeDecodeError:
        return json.dumps(json.loads(packed.decode("utf-8", "surrogatepass")))


def document_of(article: Article, packed: bytes) -> dict[str, Any]:
    """What is sent of an article."""
    published = published_seconds(article)
    facets = {
        name: [sendable(value) for value in dict.fromkeys(values)] for name, values in facet_values(article).items()
    }
    found: dict[str, Any] = {
        "article": article_text(packed),
        "id": sendable(article.id),
        "url": [address_term(each) for each in address_hashes(article)],
        "related": [address_term(each) for each in link_hashes(article)],
        **_text_of(article),
        **{name: list(dict.fromkeys(value.casefold() for value in values)) for name, values in facets.items()},
        **{spelled_field(name): _spelled(values) for name, values in facets.items()},
    }
    if published != UNDATED:
        found |= {"published": published, "day": published // _DAY_SECONDS, "month": _month(article)}
    for name, signal in (("quality", article.quality), ("heat", article.heat)):
        if signal is not None and not math.isnan(signal):
            found[name] = min(max(signal, -_MOST), _MOST)
    return {name: value for name, value in found.items() if value not in ("", [])}


def _spelled(values: list[str]) -> list[str]:
    """Values with their spelling; of several spellings in one article the first, so that it is counted once."""
    by_value = {value.casefold(): value for value in reversed(values)}
    return [f"{folded}{DIVIDER}{value}" for folded, value in by_value.items()]


def _month(article: Article) -> str:
    assert article.published
    return f"{article.published.year:04}-{article.published.month:02}"


def weighted_length(article: Article) -> int:
    """The tokens of an article, each with the weight of its field, in halves."""
    texts = searched_text(article)
    return sum(
        round(field.weight * HALF) * sum(piece.length for text in texts[field.name] for piece in _pieces(text))
        for field in TEXT_FIELDS
    )


class _Piece(NamedTuple):
    """A piece of text without white space, analyzed.

    Attributes:
        lines: its terms by stream, place after place.
        terms: pairs of stream and term, one for each occurrence.
        joined: exact terms that are joined spellings.
        length: its tokens, joined and other extra ones not counted.
    """

    lines: dict[str, str]
    terms: tuple[tuple[str, str], ...]
    joined: frozenset[str]
    length: int


@lru_cache(maxsize=200_000)
def _piece(piece: str, capitals: bool) -> _Piece:
    found = piece_tokens(piece, capitals=capitals)
    lines = {}
    terms: list[tuple[str, str]] = []
    for stream in _STREAMS:
        places: dict[int, dict[str, None]] = {}
        for token in found:
            term = token.exact if stream == EXACT else token.stem
            places.setdefault(token.position, {})[term] = None
        terms += [(stream, term) for place in places.values() for term in place]
        lines[stream] = DIVIDER.join(STACKED.join(place) for _, place in sorted(places.items()))
    joined = frozenset(token.exact for token in found if _is_joined(token))
    return _Piece(lines, tuple(terms), joined, sum(not token.extra for token in found))


def _is_joined(token: Token) -> bool:
    """Whether a token stands for several words of the text, and not for capitals or one of a pair of characters."""
    return token.extra and token.end - token.start > len(token.exact)


def _text_of(article: Article) -> dict[str, Any]:
    """The streams of terms, the words and the length of an article."""
    found: dict[str, Any] = {}
    weights: Counter[tuple[str, str]] = Counter()
    words: dict[str, bool] = {}  # whether it is only a joined spelling
    texts = searched_text(article)
    for field in TEXT_FIELDS:
        weight = round(field.weight * HALF)
        values = [list(_pieces(text)) for text in texts[field.name]]
        for piece in (piece for pieces in values for piece in pieces):
            for key in piece.terms:
                weights[key] += weight
            for stream, term in piece.terms:
                if stream == EXACT:
                    words[term] = words.get(term, True) and term in piece.joined
        for stream in _STREAMS:
            lines = (DIVIDER.join(piece.lines[stream] for piece in pieces) for pieces in values)
            found[stream_field(field.name, stream)] = [text for text in lines if text]
    for stream in _STREAMS:
        found[stream] = DIVIDER.join(f"{term}|{weight}" for (of, term), weight in weights.items() if of == stream)
    found["words"] = [f"{JOINED}{term}" if joined else term for term, joined in words.items()]
    found["length"] = weighted_length(article)
    return found


def _pieces(text: str) -> Iterator[_Piece]:
    capitals = not all_in_capitals(text)
    for piece in text.split():
        analyzed = _piece(piece, capitals)
        if analyzed.terms:
            yield analyzed
