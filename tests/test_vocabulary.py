"""The vocabulary of a generation against what its articles say, on one segment and on several with deletions."""

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from plain import change, plain

from index.article import Article
from index.reader import Snapshot
from index.schema import EXACT, TEXT_FIELDS

PREFIXES = ("", "c", "cl", "clou", "cloud", "C", "I", "IT", "1", ".", "東", "東京", "zz", "z\U0010ffff", "\ud800", "\0")


def by_term(held: list[Article]) -> dict[str, dict[str, list[int]]]:
    """Of each exact term the fields it stands in, by article id, a field as often as it does there."""
    found: dict[str, dict[str, list[int]]] = {}
    for each in held:
        said = plain(each)
        for number, field in enumerate(TEXT_FIELDS):
            for term, positions in said.places[field.name, EXACT].items():
                found.setdefault(term, {}).setdefault(each.id, []).extend([number] * len(positions))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_terms_are_counted_in_all_documents_or_some(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    held: dict[str, Article] = {}
    for added, updated, deleted in ((40, 0, 0), (10, 3, 6), (5, 2, 4)):
        change(random, held, tmp_path, added, updated, deleted)
        snapshot = Snapshot(tmp_path)
        vocabulary, expected = snapshot.vocabulary, by_term(list(held.values()))
        counts = dict(zip(vocabulary.terms, vocabulary.counts.tolist(), strict=True))
        assert vocabulary.terms == sorted(counts)
        assert {term: count for term, count in counts.items() if count} == {t: len(ids) for t, ids in expected.items()}
        chosen = {identity for identity in held if random.random() < 0.3}
        among = np.zeros(snapshot.size, np.bool_)
        among[[number for number, identity in snapshot.ids() if identity in chosen]] = True
        for prefix in PREFIXES:
            first, last = vocabulary.beginning_with(prefix)
            terms = vocabulary.terms[first:last]
            assert terms == [term for term in counts if term.startswith(prefix)] == snapshot.terms(prefix)
            found = dict(zip(terms, vocabulary.counts_among(first, last, among).tolist(), strict=True))
            assert found == {term: len(chosen.intersection(expected.get(term, ()))) for term in terms}
            assert [vocabulary.find(term) for term in terms] == [*range(first, last)]
            assert_places(snapshot, prefix, expected)
        assert vocabulary.find("nowhere") == -1


def assert_places(snapshot: Snapshot, prefix: str, expected: dict[str, dict[str, list[int]]]) -> None:
    """Every place of the terms that begin so, by article and field."""
    places = snapshot.prefix_occurrences(prefix)
    numbers = snapshot.field_numbers(places).tolist()
    found = Counter(zip(map(snapshot.id, places.documents.tolist()), numbers, strict=True))
    assert found == Counter(
        (identity, number)
        for term, fields in expected.items()
        if term.startswith(prefix)
        for identity, of in fields.items()
        for number in of
    )


def test_nothing_has_no_terms(tmp_path: Path) -> None:
    change(Random(1), {}, tmp_path, 0, 0, 0)
    vocabulary = Snapshot(tmp_path).vocabulary
    assert (vocabulary.terms, vocabulary.beginning_with("a"), vocabulary.find("a")) == ([], (0, 0), -1)
