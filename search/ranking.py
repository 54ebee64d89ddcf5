"""Scores: BM25F over the fields, then bounded priors; and the best k of many.

BM25F as in Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004): an article is
one text in which each field is repeated as often as its weight says, and is scored once.

    tf(d)     = sum over fields f of  w_f * max over spellings of  sum over their alternatives a of  w_a * occurrences
    length(d) = sum over fields f of  w_f * length_f
    idf       = ln(1 + (N - n + 0.5) / (n + 0.5))
    score(d)  = idf * (k1 + 1) * tf / (tf + k1 * (1 - b + b * length / average length))

with N the visible articles and n those in which the clause occurs at all. A clause (a word with its stem and
spellings, a phrase, a prefix) is one term of the formula.
"""

from dataclasses import dataclass

import numpy as np

from index.reader import UNDATED, Documents, Flags, Floats, Postings, Snapshot
from index.schema import TEXT_FIELDS
from search.terms import Alternative, TermClause

K1 = 1.6
B = 0.7

RECENCY_WEIGHT = 0.08
RECENCY_HALF_LIFE_DAYS = 365.0
QUALITY_WEIGHT = 0.04
QUALITY_FULL = 100.0  # archives give 0 to 100, some more
HEAT_WEIGHT = 0.04
HEAT_FULL = 500.0  # real heat runs from -1 (unknown) to thousands; its 99th percentile is about here

_POSITION_BITS = 32


@dataclass(frozen=True, slots=True)
class Scored:
    """Which documents a clause matches, by number, and what it adds to their scores (0 elsewhere)."""

    matches: Flags
    scores: Floats


class Ranking:
    """The numbers of one generation that scores depend on."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._fields = {field.name: field for field in TEXT_FIELDS}
        self._saturation = K1 * _relative_lengths(snapshot, B)
        self.documents = int(snapshot.live.sum())
        self.prior = priors(snapshot)
        self.date_rank = _date_rank(snapshot, newest_first=True)
        self.date_rank_oldest = _date_rank(snapshot, newest_first=False)

    def score(self, clause: TermClause) -> Scored:
        """Evaluate a clause of words against all documents."""
        frequency = np.zeros(self._snapshot.size)
        for name in clause.fields:
            frequency += self._fields[name].weight * self._field_frequency(name, clause)
        matches = frequency > 0
        scores = idf(int(matches.sum()), self.documents) * (K1 + 1) * frequency / (self._saturation + frequency)
        return Scored(matches, scores)

    def _field_frequency(self, name: str, clause: TermClause) -> Floats:
        """Weighted occurrences in one field by document number: of each spelling, then the greatest."""
        spellings: dict[int, Floats] = {}
        for alternative in clause.alternatives:
            found, occurrences = self._occurrences(name, alternative)
            if len(found):
                frequency = spellings.setdefault(alternative.spelling, np.zeros(self._snapshot.size))
                frequency[found] += alternative.weight * occurrences
        greatest: Floats = np.maximum.reduce(list(spellings.values())) if spellings else np.zeros(self._snapshot.size)
        return greatest

    def _occurrences(self, name: str, alternative: Alternative) -> tuple[Documents, Floats]:
        stream = name if alternative.stream == "exact" else self._fields[name].stem
        postings = [self._snapshot.postings(stream, term) for term in alternative.terms]
        if len(postings) == 1:
            return postings[0].documents, postings[0].frequencies
        return side_by_side(postings, alternative.offsets)


def side_by_side(postings: list[Postings], offsets: tuple[int, ...]) -> tuple[Documents, Floats]:
    """Documents, and occurrences in each, where the terms stand at these relative positions."""
    places: Documents | None = None
    for posting, offset in sorted(zip(postings, offsets, strict=True), key=lambda pair: len(pair[0].positions)):
        document = np.repeat(posting.documents, posting.frequencies.astype(np.int64))
        start = posting.positions - offset
        here = ((document << _POSITION_BITS) + start)[start >= 0]
        places = here if places is None else np.intersect1d(places, here, assume_unique=True)
        if not len(places):
            break
    assert places is not None
    documents, occurrences = np.unique(places >> _POSITION_BITS, return_counts=True)
    return documents, occurrences.astype(np.float64)


def idf(occurring: int, documents: int) -> float:
    """Inverse document frequency, never negative."""
    return float(np.log1p((documents - occurring + 0.5) / (occurring + 0.5)))


def _relative_lengths(snapshot: Snapshot, b: float) -> Floats:
    """1 for an article of average weighted length, down to 1 - b for an empty one."""
    lengths: Floats = np.sum([field.weight * snapshot.lengths[field.name] for field in TEXT_FIELDS], axis=0)
    average = float(lengths[snapshot.live].mean()) if snapshot.live.any() else 1.0
    return 1 - b + b * lengths / (average or 1.0)


def priors(snapshot: Snapshot) -> Floats:
    """A factor for each document between 0.84 and 1.16 from recency, quality and heat; unknown ones are neutral.

    Recency halves with every year before the newest article of the archive, so that an old archive is ranked as it
    was on its last day.
    """
    dated = snapshot.published != UNDATED
    newest = snapshot.published[dated & snapshot.live].max(initial=UNDATED)
    age_days = (newest - np.where(dated, snapshot.published, newest)) / 86_400
    recency = np.where(dated, np.exp2(-age_days / RECENCY_HALF_LIFE_DAYS), 0.5)
    quality = np.clip(snapshot.quality, 0, QUALITY_FULL) / QUALITY_FULL
    heat = np.log1p(np.clip(snapshot.heat, 0, HEAT_FULL)) / np.log1p(HEAT_FULL)
    heat = np.where(snapshot.heat < 0, np.nan, heat)
    factor: Floats = (
        1
        + RECENCY_WEIGHT * (2 * recency - 1)
        + QUALITY_WEIGHT * (2 * np.nan_to_num(quality, nan=0.5) - 1)
        + HEAT_WEIGHT * (2 * np.nan_to_num(heat, nan=0.5) - 1)
    )
    return factor


def _date_rank(snapshot: Snapshot, *, newest_first: bool) -> Documents:
    """The place of each document in date order, undated ones last, equal dates by id."""
    dated = snapshot.published != UNDATED
    seconds = np.where(dated, snapshot.published, 0)
    key = np.where(dated, -seconds if newest_first else seconds, np.iinfo(np.int64).max)
    identities = np.argsort(np.argsort(np.array(snapshot.ids, dtype=object), kind="stable"), kind="stable")
    rank = np.empty(snapshot.size, dtype=np.int64)
    rank[np.lexsort((identities, key))] = np.arange(snapshot.size)
    return rank


def best(documents: Documents, scores: Floats, tie: Documents, count: int) -> Documents:
    """The `count` documents with the highest scores, equal scores by ascending `tie`.

    Args:
        documents: candidate numbers.
        scores, tie: by document number.
        count: how many are wanted.
    """
    if count <= 0:
        return documents[:0]
    if len(documents) > count:
        candidates = scores[documents]
        least = np.partition(candidates, len(candidates) - count)[len(candidates) - count]
        documents = documents[candidates >= least]
    order = np.lexsort((tie[documents], -scores[documents]))
    return documents[order[:count]]
