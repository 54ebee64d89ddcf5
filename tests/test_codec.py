"""What Whoosh reads and finds through the codec is what `plain` works out of the articles.

Every archive is built in several commits with additions, updates and deletions, and looked at after each, so on one
segment and on several.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from math import log
from pathlib import Path
from random import Random
from typing import Any

import pytest
from plain import Plain, all_terms, change, plain
from whoosh import query, reading, scoring
from whoosh.matching import NullMatcher, ReadTooFar
from whoosh.support.levenshtein import distance

from index.article import Article, pack, unpack
from index.codec import ArrayCodec, ArrayIndex
from index.schema import KEYWORD_FIELDS, TEXT_FIELDS
from index.toc import Toc
from index.virtual import FIELD_NAMES, address_term
from index.writer import ArrayWriter

TEXT_NAMES = [name for field in TEXT_FIELDS for name in (field.name, field.stem)]
SEEDS = range(5)

Held = dict[str, Article]


def archives(directory: Path, seed: int) -> Iterator[Held]:
    """A random archive after each of its commits."""
    random = Random(seed)
    held: Held = {}
    change(random, held, directory, added=random.choice([1, 12, 40]), updated=0, deleted=0)
    yield held
    for _ in range(4):
        counts = random.choice([(9, 2, 2), (1, 0, 0), (0, 0, 1), (5, 5, 9), (3, 0, 3)])
        change(random, held, directory, *counts)
        yield held


def ids_by_number(reader: Any) -> dict[int, str]:
    """The ids of live documents, from what is stored."""
    return {number: unpack(stored["article"]).id for number, stored in reader.iter_docs()}


# Reading


@pytest.mark.parametrize("seed", SEEDS)
def test_whoosh_reads_what_was_written(tmp_path: Path, seed: int) -> None:
    segments = set()
    for held in archives(tmp_path, seed):
        index = ArrayIndex(tmp_path)
        assert (index.doc_count(), index.is_empty()) == (len(held), not held)
        assert index.doc_count_all() >= len(held)
        segments.add(len(index.segments()))
        with closing(index.reader()) as reader:
            assert_documents(reader, held)
            assert_terms(reader, {identity: plain(each) for identity, each in held.items()})
    assert len(segments) > 1 or seed not in SEEDS[:3]


def assert_documents(reader: Any, held: Held) -> None:
    ids = ids_by_number(reader)
    assert sorted(ids.values()) == sorted(held)
    assert reader.doc_count() == len(held)
    assert reader.has_deletions() == (reader.doc_count_all() > len(held))
    assert [number for number in range(reader.doc_count_all()) if not reader.is_deleted(number)] == sorted(ids)
    if not held:
        return
    assert reader.has_column("article")
    column = reader.column_reader("article")
    for number, identity in ids.items():
        assert column[number] == pack(held[identity])
        assert reader.stored_fields(number) == {"article": column[number]}
        each = plain(held[identity])
        for field in TEXT_FIELDS:
            length = max(each.extents[field.name] - 1, 0)
            assert reader.doc_field_length(number, field.name) == length
            assert reader.doc_field_length(number, field.stem) == length


def assert_terms(reader: Any, held: dict[str, Plain]) -> None:
    ids = ids_by_number(reader)
    documents = {number: held[identity].whoosh() for number, identity in ids.items()}
    terms = all_terms([*held.values()])
    assert list(reader.all_terms()) == terms
    for name, term in terms:
        expected = {number: fields[name][term] for number, fields in documents.items() if term in fields[name]}
        assert (name, term) in reader
        matcher = reader.postings(name, term)
        if name in TEXT_NAMES:
            assert dict(matcher.items_as("positions")) == dict(sorted(expected.items()))
        else:
            assert list(matcher.all_ids()) == sorted(expected)
        assert_info(reader, name, term, expected)
        assert reader.first_id(name, term) == min(expected)
    for name in FIELD_NAMES:
        lexicon = [term for field, term in terms if field == name]
        assert list(reader.lexicon(name)) == lexicon
        for prefix in {term.decode()[:length] for term in lexicon[::7] for length in (1, 2, 3)} | {"zzz", "\uffff"}:
            expanded = [term for term in lexicon if term.startswith(prefix.encode())]
            assert list(reader.expand_prefix(name, prefix)) == expanded
        assert_absent(reader, name, [term for _, term in terms if term not in lexicon][::11])


def assert_info(reader: Any, name: str, term: bytes, expected: dict[int, list[int]]) -> None:
    info = reader.term_info(name, term)
    lengths = [reader.doc_field_length(number, name) for number in expected]
    times = [len(places) for places in expected.values()]
    assert (info.doc_frequency(), info.weight(), info.max_weight()) == (len(times), sum(times), max(times))
    assert (info.min_length(), info.max_length()) == (min(lengths), max(lengths))
    assert (info.min_id(), info.max_id()) == (min(expected), max(expected))
    assert (reader.doc_frequency(name, term), reader.frequency(name, term)) == (len(times), sum(times))


def assert_absent(reader: Any, name: str, terms: Sequence[bytes]) -> None:
    """Not one of these is a term of the field, though some occur in other fields."""
    for term in [*terms, b"nowhere", b"\xf0\x9f\x98\x80"]:
        assert (name, term) not in reader
        assert reader.doc_frequency(name, term) == reader.frequency(name, term) == 0
        for look_up in (reader.term_info, reader.postings):
            with pytest.raises(reading.TermNotFound):
                look_up(name, term)


def test_addresses_are_hexadecimal_and_in_order() -> None:
    assert address_term(255) == b"00000000000000ff"
    numbers = [0, 1, 9, 10, 255, 1 << 63, (1 << 64) - 1]
    assert [address_term(number) for number in numbers] == sorted(map(address_term, numbers))


def test_a_reader_of_nothing_finds_nothing(tmp_path: Path) -> None:
    Toc(()).save(tmp_path)
    index = ArrayIndex(tmp_path)
    assert (index.is_empty(), index.doc_count(), index.doc_count_all()) == (True, 0, 0)
    with closing(index.searcher()) as searcher:
        assert len(searcher.search(query.Every())) == 0
        assert len(searcher.search(query.Term("title", "cloud"))) == 0


def test_the_last_article_may_go(tmp_path: Path) -> None:
    held: Held = {}
    change(Random(1), held, tmp_path, 1, 0, 0)
    change(Random(2), held, tmp_path, 0, 0, 1)
    assert ArrayIndex(tmp_path).is_empty()


def test_whoosh_knows_its_codec_and_cannot_write(tmp_path: Path) -> None:
    change(Random(1), {}, tmp_path, 3, 0, 0)
    index = ArrayIndex(tmp_path)
    [segment] = index.segments()
    assert isinstance(segment.codec(), ArrayCodec)
    assert not segment.is_compound()
    assert not segment.should_assemble()
    assert repr(segment) == f"<ArraySegment MAIN_{Toc.load(tmp_path).segments[0].name.removesuffix('.segment')}>"
    for refused in (
        index.writer,
        lambda: index.delete_by_term("id", "a/1"),
        lambda: segment.delete_document(0),
        lambda: segment.codec().field_writer(None, segment),
    ):
        with pytest.raises(NotImplementedError):
            refused()


# Matching


def test_a_matcher_goes_from_posting_to_posting(tmp_path: Path) -> None:
    writer = ArrayWriter(tmp_path)
    for number in range(9):
        title = "tide " * (number % 3)
        writer.add(Article(id=f"a/{number}", archive="a", path=str(number), title=title))
    writer.commit()
    with closing(ArrayIndex(tmp_path).reader()) as reader:
        matcher = reader.postings("title", "tide")
        assert list(matcher.all_ids()) == [1, 2, 4, 5, 7, 8]
        assert (matcher.id(), matcher.weight(), matcher.value_as("positions")) == (1, 1.0, [0])
        matcher.next()
        other = matcher.copy()
        assert (matcher.id(), matcher.value_as("frequency"), matcher.value_as("weight")) == (2, 2, 2.0)
        assert matcher.format.decode_positions(matcher.value()) == [0, 1]
        for target, reached in ((0, 2), (2, 2), (3, 4), (8, 8)):
            matcher.skip_to(target)
            assert matcher.id() == reached
        matcher.skip_to(9)
        assert not matcher.is_active()
        assert matcher.replace() is NullMatcher
        assert other.id() == 2
        for refused in (matcher.next, lambda: matcher.skip_to(3)):
            with pytest.raises(ReadTooFar):
                refused()
        matcher.reset()
        assert matcher.id() == 1
        assert not matcher.supports("characters")
        assert not matcher.supports_block_quality()
        with pytest.raises(ValueError, match="characters is not kept"):
            matcher.value_as("characters")
        assert not reader.postings("id", "a/4").supports("positions")


# Searching

Holds = Callable[[dict[str, dict[bytes, list[int]]]], bool]
Asked = tuple[query.Query, Holds]


class Typist:
    """Types random queries of Whoosh's, each with what it should match."""

    def __init__(self, random: Random, held: Sequence[Plain]) -> None:
        self.random = random
        self.documents = [each.whoosh() for each in held]
        self.terms = all_terms(held)

    def ask(self, depth: int = 0) -> Asked:
        leaves = [self.term, self.term, self.phrase, self.prefix, self.fuzzy, self.every]
        if depth < 3 and self.random.random() < 0.4:
            return self.random.choice([self.both, self.either, self.neither])(depth + 1)
        return self.random.choice(leaves)()

    def _term(self) -> tuple[str, str]:
        name, term = self.random.choice(self.terms)
        if self.random.random() < 0.15:
            name = self.random.choice([*TEXT_NAMES, "id", *KEYWORD_FIELDS])  # where it perhaps is no term
        return name, term.decode()

    def term(self) -> Asked:
        name, term = self._term()
        return query.Term(name, term), lambda fields: term.encode() in fields[name]

    def phrase(self) -> Asked:
        name = self.random.choice(TEXT_NAMES)
        fields = self.random.choice(self.documents)[name]
        row = sorted((place, term) for term, places in fields.items() for place in places)
        if not row:
            return self.term()
        start = self.random.choice(row)[0]
        length = self.random.randint(1, 4)
        by_place = {place: term.decode() for place, term in self.random.sample(row, len(row))}
        words = [by_place.get(place, "nowhere") for place in range(start, start + length)]
        if self.random.random() < 0.2:
            self.random.shuffle(words)

        def holds(fields: dict[str, dict[bytes, list[int]]]) -> bool:
            places = [set(fields[name].get(word.encode(), [])) for word in words]
            return any(all(first + i in each for i, each in enumerate(places)) for first in places[0])

        return query.Phrase(name, words), holds

    def prefix(self) -> Asked:
        name, term = self._term()
        start = term[: self.random.randint(1, 4)]
        return query.Prefix(name, start), lambda fields: any(each.startswith(start.encode()) for each in fields[name])

    def fuzzy(self) -> Asked:
        name, term = self._term()
        at = self.random.randrange(len(term))
        typed = term[:at] + self.random.choice(["", "x", "é", term[at] * 2]) + term[at + self.random.randint(0, 1) :]
        most, alike = self.random.randint(1, 2), self.random.randint(0, min(2, len(typed)))

        def holds(fields: dict[str, dict[bytes, list[int]]]) -> bool:
            return any(
                each.decode().startswith(typed[:alike]) and edits(each.decode(), typed) <= most for each in fields[name]
            )

        return query.FuzzyTerm(name, typed, maxdist=most, prefixlength=alike), holds

    def every(self) -> Asked:
        name = self.random.choice([None, *FIELD_NAMES])
        return query.Every(name), lambda fields: name is None or bool(fields[name])

    def both(self, depth: int) -> Asked:
        queries, holds = self._several(depth)
        return query.And(queries), lambda fields: all(each(fields) for each in holds)

    def either(self, depth: int) -> Asked:
        queries, holds = self._several(depth)
        return query.Or(queries), lambda fields: any(each(fields) for each in holds)

    def neither(self, depth: int) -> Asked:
        inner, holds = self.ask(depth)
        return query.And([query.Every(), query.Not(inner)]), lambda fields: not holds(fields)

    def _several(self, depth: int) -> tuple[list[query.Query], list[Holds]]:
        found = [self.ask(depth) for _ in range(self.random.randint(1, 3))]
        return [each for each, _ in found], [holds for _, holds in found]


def edits(one: str, other: str) -> int:
    """Insertions, deletions and replacements from one word to the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_whoosh_finds_what_brute_force_finds(tmp_path: Path, seed: int) -> None:
    for held in archives(tmp_path, seed):
        if not held:
            continue
        everything = [plain(each) for each in held.values()]
        typist = Typist(Random(seed), everything)
        with closing(ArrayIndex(tmp_path).searcher()) as searcher:
            for number in range(60):
                asked, holds = typist.ask()
                limit = None if number % 2 else len(held)  # with a limit Whoosh goes from document to document
                found = sorted(unpack(hit["article"]).id for hit in searcher.search(asked, limit=limit))
                expected = [each.article.id for each in everything if holds(each.whoosh())]
                assert found == sorted(expected), asked


@pytest.mark.parametrize("seed", SEEDS)
def test_similar_terms_are_found(tmp_path: Path, seed: int) -> None:
    for held in archives(tmp_path, seed):
        terms = all_terms([plain(each) for each in held.values()])
        with closing(ArrayIndex(tmp_path).reader()) as reader:
            for name, term in Random(seed).sample(terms, min(12, len(terms))):
                typed = term.decode()[:-1] + "x"
                known = {each.decode() for field, each in terms if field == name}
                found = {word for leaf, _ in reader.leaf_readers() for word in leaf.terms_within(name, typed, 2)}
                assert found == {word for word in known if edits(word, typed) <= 2}
                if len(reader.leaf_readers()) > 1:  # looks through all terms
                    within = set(reader.terms_within(name, typed, 2))
                    assert within == {word for word in known if distance(word, typed, limit=2) <= 2}


@pytest.mark.parametrize("commits", [[40], [30, 12, 5]], ids=["one_segment", "several_segments"])
def test_scores_follow_the_formula(tmp_path: Path, commits: list[int]) -> None:
    """BM25F as Whoosh writes it (whoosh.scoring.bm25), with our lengths of fields."""
    random, held = Random(9), dict[str, Article]()
    for count in commits:
        change(random, held, tmp_path, count, 0, 0)
    everything = [plain(each) for each in held.values()]
    texts = [(name, term) for name, term in all_terms(everything) if name in TEXT_NAMES]
    with closing(ArrayIndex(tmp_path).searcher(weighting=scoring.BM25F(B=0.6, K1=1.5))) as searcher:
        for name, term in random.sample(texts, 60):
            field = name.removesuffix("_stem")
            lengths = {each.article.id: max(each.extents[field] - 1, 0) for each in everything}
            times = {each.article.id: len(each.whoosh()[name].get(term, [])) for each in everything}
            holders = [identity for identity, count in times.items() if count]
            idf = log(len(held) / (len(holders) + 1)) + 1
            average = sum(lengths.values()) / len(held)
            expected = {
                identity: idf
                * times[identity]
                * 2.5
                / (times[identity] + 1.5 * (0.4 + 0.6 * lengths[identity] / average))
                for identity in holders
            }
            results = searcher.search(query.Term(name, term.decode()), limit=None)
            scores = {unpack(hit["article"]).id: hit.score for hit in results}
            assert scores == pytest.approx(expected)
