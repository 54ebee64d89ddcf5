"""Scores: BM25F over the fields, then bounded priors.

BM25F as in Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields" (CIKM 2004): an article is
one text in which each field is repeated as often as its weight says, and is scored once.

    tf(d)     = sum over fields f of  w_f * max over spellings of  sum over their alternatives a of  w_a * occurrences
    length(d) = sum over fields f of  w_f * length_f
    idf       = ln(1 + (N - n + 0.5) / (n + 0.5))
    score(d)  = idf * (k1 + 1) * tf / (tf + k1 * (1 - b + b * length / average length))

with N the visible articles and n those in which the clause occurs at all. A clause (a word with its stem and
spellings, a phrase, a prefix) is one term of the formula. Each score carries the prior of its article already, so that
sums of them do.

The index holds the weighted sum over fields for every term. So a word with one spelling, as most have, is scored by
arithmetic on its postings alone; places in the text are looked at only where spellings or fields must be told apart.

How one score came about is told by `search.explain`, with the parts of the formula that have names here.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

from index.files import go_on
from index.reader import Documents, Floats, Numbers, Snapshot
from index.schema import TEXT_FIELDS, UNDATED
from index.segment import Occurrences
from search.terms import ALL_FIELDS, Alternative, TermClause
from search.vectors import Scored, common

K1 = 1.6
B = 0.7

RECENCY_WEIGHT = 0.08
RECENCY_HALF_LIFE_DAYS = 365.0
QUALITY_WEIGHT = 0.04
QUALITY_FULL = 100.0  # archives give 0 to 100, some more
HEAT_WEIGHT = 0.04
HEAT_FULL = 500.0  # real heat runs from -1 (unknown) to thousands; its 99th percentile is about here

CACHE_BYTES = 96 << 20  # of scored clauses

Doubles = npt.NDArray[np.float64]

_POSITION_BITS = 32
_WEIGHTS = np.array([field.weight for field in TEXT_FIELDS])


class Ranking:
    """The numbers of one generation that scores depend on, and scored clauses that were asked for before."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._cache: dict[TermClause, Scored] = {}
        self._cached_bytes = 0

    @cached_property
    def average_length(self) -> float:
        """Of the documents that are there, as `Snapshot.lengths` gives lengths."""
        return self._snapshot.total_length / max(1, self._snapshot.count) or 1.0

    @cached_property
    def _saturation(self) -> Floats:
        return length_part(self._snapshot.lengths, self.average_length).astype(np.float32)

    @cached_property
    def prior(self) -> Floats:
        """The prior of each document."""
        return priors(self._snapshot).astype(np.float32)

    def score(self, clause: TermClause, between: Callable[[], None] = go_on) -> Scored:
        """Evaluate a clause of words against all documents.

        Args:
            clause: what to look for.
            between: called between the steps of one that may take long; what it raises ends the work, of which then
                nothing is kept.
        """
        found = self._cache.get(clause)
        if found is None:
            found = self._score(clause, between)
            size = found.documents.nbytes * 2 + 1000
            if self._cached_bytes + size > CACHE_BYTES:
                self._cache.clear()
                self._cached_bytes = 0
            self._cache[clause] = found
            self._cached_bytes += size
        return found

    def _score(self, clause: TermClause, between: Callable[[], None]) -> Scored:
        documents, frequency = self._frequencies(clause, between)
        self._snapshot.expect_ascending(documents)
        factor = np.float32(idf(len(documents), self._snapshot.count) * (K1 + 1))
        scores = self._saturation.take(documents)
        scores += frequency
        np.divide(frequency, scores, out=scores)
        scores *= factor
        scores *= self.prior.take(documents)
        return Scored(documents if documents.flags.owndata else documents.copy(), scores)

    # Weighted frequencies: documents in ascending order, and `tf` of each

    def _frequencies(self, clause: TermClause, between: Callable[[], None]) -> tuple[Documents, Floats]:
        if clause.beginning:
            return self._beginning(clause, between)
        plain = [a for a in clause.alternatives if a.spelling == 0 and len(a.terms) == 1]
        others = [a for a in clause.alternatives if a not in plain]
        if (
            len(clause.fields) == 1
            and len(plain) > 0
            and not any(len(self.places(a, between=between).documents) for a in others)
        ):
            return self._in_field([(self.places(a, between=between), a.weight) for a in plain], clause.fields[0])
        if clause.fields != ALL_FIELDS or any(a.spelling == 0 for a in others):
            return self._by_field(clause.alternatives, clause.fields, between)
        documents, frequency = self._plain(plain)
        elsewhere = [places for a in others if len((places := self.places(a, between=between)).documents)]
        if not elsewhere:
            return documents, frequency
        among = np.unique(np.concatenate([places.documents for places in elsewhere])).astype(np.int32)
        return _replaced(documents, frequency, *self._by_field(clause.alternatives, ALL_FIELDS, between, among))

    def _plain(self, alternatives: Sequence[Alternative]) -> tuple[Documents, Floats]:
        """One spelling: what its terms count adds up, whatever the field."""
        found = [self._snapshot.postings(a.stream, a.terms[0]) for a in alternatives]
        documents, frequency = found[0].documents, found[0].weights * np.float32(alternatives[0].weight)
        for alternative, postings in zip(alternatives[1:], found[1:], strict=True):
            more = postings.weights * np.float32(alternative.weight)
            if np.array_equal(documents, postings.documents):
                frequency += more
                continue
            place = documents.searchsorted(postings.documents)
            if len(documents) and np.array_equal(documents.take(place, mode="clip"), postings.documents):
                frequency[place] += more
            else:
                documents, frequency = _added([documents, postings.documents], [frequency, more])
        return documents, frequency

    def _beginning(self, clause: TermClause, between: Callable[[], None]) -> tuple[Documents, Floats]:
        if clause.fields == ALL_FIELDS:
            postings = self._snapshot.prefix_postings(clause.beginning, clause.limit, between)
            return self._gathered(postings.documents, postings.weights)
        if len(clause.fields) == 1 and not self._snapshot.has_more_terms(clause.beginning, clause.limit):
            return self._in_field([(self._snapshot.prefix_occurrences(clause.beginning), 1.0)], clause.fields[0])
        return self._by_field(self.alternatives(clause), clause.fields, between)

    def _in_field(self, weighted: Sequence[tuple[Occurrences, float]], name: str) -> tuple[Documents, Floats]:
        """What `_by_field` says of one field and one spelling, each place counting so much."""
        number = next(i for i, field in enumerate(TEXT_FIELDS) if field.name == name)
        found = [places.documents[self._snapshot.in_field(places, number)] for places, _ in weighted]
        factors = [weight * TEXT_FIELDS[number].weight for _, weight in weighted]
        weights = np.repeat(np.array(factors, np.float32), [len(each) for each in found])
        return self._gathered(np.concatenate(found).astype(np.int32), weights)

    def _gathered(self, documents: Documents, weights: Floats) -> tuple[Documents, Floats]:
        """Documents in no order, many times over: each once, with the sum of its weights."""
        if 16 * len(documents) < self._snapshot.size:
            return _added([documents], [weights])
        total = np.bincount(documents, weights=weights, minlength=self._snapshot.size).astype(np.float32)
        found = np.flatnonzero(total).astype(np.int32)
        return found, total[found]

    def _by_field(
        self,
        alternatives: Sequence[Alternative],
        fields: tuple[str, ...],
        between: Callable[[], None],
        among: Documents | None = None,
    ) -> tuple[Documents, Floats]:
        """The general case: occurrences field by field, of several spellings those of the one that counts most."""
        count = len(TEXT_FIELDS)
        wanted = np.array([field.name in fields for field in TEXT_FIELDS])
        keys: dict[int, list[Numbers]] = {}  # by spelling
        weights: dict[int, list[Doubles]] = {}
        for alternative in alternatives:
            places = self.places(alternative, among, between)
            field = self._snapshot.field_numbers(places)
            found = (places.documents * count + field)[wanted[field]]
            keys.setdefault(alternative.spelling, []).append(found)
            weights.setdefault(alternative.spelling, []).append(np.full(len(found), alternative.weight))
        distinct = np.unique(np.concatenate([np.zeros(0, np.int64), *chain.from_iterable(keys.values())]))
        if not len(distinct):
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        totals = [
            np.bincount(
                distinct.searchsorted(np.concatenate(keys[spelling])),
                weights=np.concatenate(weights[spelling]),
                minlength=len(distinct),
            )
            for spelling in keys
        ]
        greatest = np.maximum.reduce(totals) * _WEIGHTS[distinct % count]
        documents = distinct // count
        first = np.flatnonzero(np.diff(documents, prepend=-1))
        return documents[first].astype(np.int32), np.add.reduceat(greatest, first).astype(np.float32)

    # What counts as an occurrence, and where it stands

    def alternatives(self, clause: TermClause) -> Sequence[Alternative]:
        """Those of a clause; of a beginning, the words that it is taken for."""
        if not clause.beginning:
            return clause.alternatives
        terms = self._snapshot.terms(clause.beginning)
        chosen = sorted(terms, key=lambda term: (len(term), term))[: clause.limit]
        return [Alternative("exact", (term,)) for term in chosen]

    def places(
        self, alternative: Alternative, among: Documents | None = None, between: Callable[[], None] = go_on
    ) -> Occurrences:
        """Where an alternative stands, in any field; a term that it has several times is looked up once.

        Args:
            alternative: its terms side by side are one place, that of the one at offset 0.
            among: the documents to look at, ascending; None for all.
            between: called between two steps that may take long.
        """
        between()
        if len(alternative.terms) == 1:
            return self._snapshot.occurrences(alternative.stream, alternative.terms[0], among)
        terms = dict.fromkeys(alternative.terms)
        postings = []
        for term in terms:
            postings.append(self._snapshot.postings(alternative.stream, term).documents)
            between()
        for documents in sorted(postings, key=len):
            among = documents if among is None else common(among, documents).astype(np.int32, copy=False)
            between()
        places = {}
        for term in terms:
            places[term] = self._snapshot.occurrences(alternative.stream, term, among)
            between()
        return side_by_side([places[term] for term in alternative.terms], alternative.offsets, between)


def side_by_side(
    places: Sequence[Occurrences], offsets: tuple[int, ...], between: Callable[[], None] = go_on
) -> Occurrences:
    """Where the terms stand at these relative positions; the place of the one at offset 0."""
    found: Numbers | None = None
    for each, offset in sorted(zip(places, offsets, strict=True), key=lambda pair: len(pair[0].positions)):
        between()
        start = each.positions - offset
        here = ((each.documents << _POSITION_BITS) + start)[start >= 0]
        found = here if found is None else common(found, here)
    assert found is not None
    return Occurrences(found >> _POSITION_BITS, found & ((1 << _POSITION_BITS) - 1))


def _added(documents: Sequence[Documents], weights: Sequence[Floats]) -> tuple[Documents, Floats]:
    """Each document once, in ascending order, with the sum of its weights."""
    all_documents = np.concatenate(documents)
    order = np.argsort(all_documents, kind="stable")
    all_documents = all_documents[order]
    first = np.flatnonzero(np.diff(all_documents, prepend=-1))
    if not len(first):
        return all_documents, np.zeros(0, np.float32)
    return all_documents[first], np.add.reduceat(np.concatenate(weights)[order], first, dtype=np.float32)


def _replaced(documents: Documents, frequency: Floats, others: Documents, instead: Floats) -> tuple[Documents, Floats]:
    """Frequencies with some of them, or some that were missing, set anew."""
    known = np.isin(documents, others, assume_unique=True, invert=True)
    return _added([documents[known], others], [frequency[known], instead])


def idf(occurring: int, documents: int) -> float:
    """Inverse document frequency, never negative."""
    return float(np.log1p((documents - occurring + 0.5) / (occurring + 0.5)))


def length_part(lengths: Numbers, average: float) -> npt.NDArray[np.floating]:
    """`k1` times what the length of each document counts: 1 for an average one, down to 1 - b for an empty one."""
    return K1 * (1 - B) + (K1 * B / average) * lengths


def priors(snapshot: Snapshot) -> Doubles:
    """A factor for each document between 0.84 and 1.16 from recency, quality and heat; unknown ones are neutral."""
    factor = 1 + RECENCY_WEIGHT * (2 * recency(ages_in_days(snapshot.published, snapshot.newest)) - 1)
    qualities, heats = snapshot.signal("quality"), snapshot.signal("heat")
    if qualities is not None:
        factor += QUALITY_WEIGHT * (2 * quality(qualities) - 1)
    if heats is not None:
        factor += HEAT_WEIGHT * (2 * heat(heats) - 1)
    return factor


# The parts of a prior, each from 0 to 1, and 0.5 where it is unknown


def ages_in_days(published: Numbers, newest: int | None) -> Doubles:
    """How long before the newest article of the archive; NaN for undated ones.

    Measured so, an old archive is ranked as it was on its last day.
    """
    newest = newest or 0
    dated = published != UNDATED
    return np.where(dated, (newest - np.where(dated, published, newest)) / 86_400, np.nan)


def recency(age_days: Doubles) -> Doubles:
    """1 for the newest article, half of it with every year before."""
    return np.nan_to_num(np.exp2(-age_days / RECENCY_HALF_LIFE_DAYS), nan=0.5)


def quality(qualities: Floats) -> Doubles:
    """What share an article has of full quality; NaN is unknown."""
    return np.nan_to_num(np.clip(qualities.astype(np.float64), 0, QUALITY_FULL) / QUALITY_FULL, nan=0.5)


def heat(heats: Floats) -> Doubles:
    """What share an article has of full heat, on a logarithmic scale; negative or NaN is unknown."""
    share = np.log1p(np.clip(heats.astype(np.float64), 0, HEAT_FULL)) / np.log1p(HEAT_FULL)
    return np.nan_to_num(np.where(heats < 0, np.nan, share), nan=0.5)
