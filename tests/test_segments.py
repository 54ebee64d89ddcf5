"""A segment says of its articles what `plain` works out, whether it was written at once or merged."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import Plain, article, articles, in_order, plain

from index import inversion, merging, soundness
from index.analysis import Token, all_in_capitals, tokens
from index.arrays import write_arrays
from index.article import Article, pack
from index.document import FACET_COLUMNS, address_hashes, facet_values, link_hashes, published_seconds
from index.inversion import Inverter
from index.merging import LARGEST, Source, choose, merge
from index.schema import EXACT, STEM, TEXT_FIELDS
from index.segment import MAX_ARTICLE_BYTES, Segment

STREAMS = (EXACT, STEM)


def written(path: Path, arrays: Any) -> Segment:
    write_arrays(path, *arrays)
    segment = Segment(path)
    segment.check()
    return segment


def segment_of(path: Path, held: Sequence[Article], inverter: Inverter | None = None) -> Segment:
    inverter = Inverter() if inverter is None else inverter
    for each in held:
        inverter.add(each, pack(each))
    return written(path, inverter.build())


def assert_says(segment: Segment, held: Sequence[Article]) -> None:
    """The segment is about these articles and no others."""
    ordered = in_order(held)
    assert segment.size == len(ordered)
    assert segment.ids() == [each.id for each in ordered]
    assert [segment.id(number) for number in range(segment.size)] == segment.ids()
    assert [segment.number(each.id) for each in ordered] == list(range(len(ordered)))
    assert segment.number("a/nowhere") is None
    assert segment.published.tolist() == [published_seconds(each) for each in ordered]
    for name in ("quality", "heat"):
        signal = segment.signal(name)
        found = [None] * len(ordered) if signal is None else [None if np.isnan(x) else float(x) for x in signal]
        assert found == [getattr(each, name) for each in ordered]
        assert (signal is None) == (not any(x is not None for x in found))
    decompressor = segment.decompressor()
    stored = [segment.article(number, decompressor).decode() for number in range(segment.size)]
    assert stored == [pack(each).decode() for each in ordered]
    assert_addresses(segment, ordered)
    for name in FACET_COLUMNS:
        assert_facet(segment, name, [facet_values(each)[name] for each in ordered])
    assert_text(segment, [plain(each) for each in ordered])


def assert_addresses(segment: Segment, ordered: Sequence[Article]) -> None:
    pairs = sorted((address, number) for number, each in enumerate(ordered) for address in address_hashes(each))
    hashes, documents = segment.addresses()
    assert list(zip(hashes.tolist(), documents.tolist(), strict=True)) == pairs
    for address in {address for address, _ in pairs}:
        assert segment.by_address(address).tolist() == [number for known, number in pairs if known == address]
    assert not len(segment.by_address(7))
    pairs = sorted((address, number) for number, each in enumerate(ordered) for address in link_hashes(each))
    hashes, documents = segment.links()
    assert list(zip(hashes.tolist(), documents.tolist(), strict=True)) == pairs
    for address in {address for address, _ in pairs}:
        assert segment.linking_to(address).tolist() == [number for known, number in pairs if known == address]
    for address in (0, 7, (1 << 64) - 1):
        assert not len(segment.linking_to(address))


def assert_facet(segment: Segment, name: str, expected: Sequence[tuple[str, ...]]) -> None:
    facet = segment.facet(name)
    members = np.split(facet.members, facet.set_ends[:-1])
    sets = [tuple(facet.values[value] for value in each) for each in members]
    assert [sets[code] for code in facet.codes] == list(expected)
    assert sorted(facet.values) == sorted({value for values in expected for value in values})
    assert sorted(sets) == sorted({(), *expected})


def assert_text(segment: Segment, held: Sequence[Plain]) -> None:
    assert segment.extents.tolist() == [each.extents[field.name] for each in held for field in TEXT_FIELDS]
    assert segment.length.tolist() == [each.length for each in held]
    assert segment.live_length == sum(each.length for each in held)
    for stream in STREAMS:
        postings = [each.postings(stream) for each in held]
        terms = sorted({term for each in postings for term in each})
        assert segment.terms(stream) == terms
        for term in terms:
            assert_list(segment, segment.list_of(stream, term), term, postings)
    assert segment.list_of(EXACT, "nowhere") == segment.list_of(STEM, "nowhere") == -1


def assert_list(segment: Segment, number: int, term: str, postings: Sequence[dict[str, tuple[list[int], int]]]) -> None:
    holders = [number for number, each in enumerate(postings) if term in each]
    documents, classes = segment.postings(number)
    assert documents.tolist() == holders
    assert segment.class_halves[classes].tolist() == [postings[holder][term][1] for holder in holders]
    places = segment.occurrences(number)
    assert list(zip(places.documents.tolist(), places.positions.tolist(), strict=True)) == [
        (holder, place) for holder in holders for place in postings[holder][term][0]
    ]
    ends = segment.extents.reshape(-1, len(TEXT_FIELDS)).cumsum(axis=1).astype(np.int64)
    expected = [
        np.searchsorted(ends[document], place, "right")
        for document, place in zip(places.documents.tolist(), places.positions.tolist(), strict=True)
    ]
    assert segment.field_numbers(places).tolist() == expected


# Analysis piece by piece


def by_pieces(text: str) -> list[Token]:
    """The tokens of a text from those of its pieces, as the inverter puts them together."""
    capitals = not all_in_capitals(text)
    found: list[Token] = []
    at = position = 0
    for piece in text.split():
        at = text.index(piece, at)
        tokens_of = tokens(piece, capitals=capitals)
        found += [
            each._replace(start=each.start + at, end=each.end + at, position=each.position + position)
            for each in tokens_of
        ]
        position += max((each.position for each in tokens_of), default=-1) + 1
        at += len(piece)
    return found


SEPARATORS = [" ", "\t", "\n", "\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680", "\u2003"]
SEPARATORS += ["\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\u00ad", "\u2060", "\ufeff", "\x00", "\x1a"]
PARTS = [*"aZßıİéé́_-‐‑.,'’ʼ＇#+&/()0579东京都かカ한ไทยहि्𠮷ﬁＡ", "\u0301", "\u0e31", "net", "NET", "C", "AT", "IT", "US"]
PARTS += [
    "FERRIES",
    "Ferries",
    "VMs",
    "s",
    "'s",
    "1,000",
    "3.0",
    "U.S.",
    "\ud7a3",
    "\uff3f",
    "\u203f",
]  # ＿ and ‿ are \w


@given(st.one_of(st.text(), st.lists(st.sampled_from(SEPARATORS + PARTS), max_size=25).map("".join)))
def test_no_token_crosses_white_space(text: str) -> None:
    assert by_pieces(text) == tokens(text)
    assert by_pieces(text.upper()) == tokens(text.upper())


@given(st.lists(st.sampled_from(SEPARATORS + PARTS), max_size=25).map("".join))
@settings(deadline=None)
def test_inverter_analyzes_what_tokens_does(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    held = [Article(id="a/1", archive="a", path="1", title=text, authors=(text, "a", text.upper()))]
    assert_text(segment_of(tmp_path_factory.mktemp("one") / "x.segment", held), [plain(held[0])])


def test_a_joined_word_takes_the_places_of_its_parts(tmp_path: Path) -> None:
    """The joined word comes last among the tokens of its piece, but stands at the place of the first part."""
    segment = segment_of(tmp_path / "x.segment", [Article(id="a", archive="a", path="a", title="multi-cloud data")])
    places = [segment.occurrences(segment.list_of(EXACT, term)).positions.tolist() for term in ("cloud", "data")]
    assert places == [[1], [2]]


# Written at once


@pytest.mark.parametrize("count", [1, 2, 30, 120])
def test_a_segment_says_what_its_articles_say(tmp_path: Path, count: int) -> None:
    held = articles(Random(count), count)
    assert_says(segment_of(tmp_path / "x.segment", held), held)


def test_an_inverter_starts_anew_after_each_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has analyzed it keeps, up to a limit."""
    random, inverter = Random(3), Inverter()
    for limit in (10**9, 10**9, 0, 0):
        monkeypatch.setattr(inversion, "_MOST_KNOWN_BYTES", limit)
        held = articles(random, 12)
        assert_says(segment_of(tmp_path / f"{random.random()}.segment", held, inverter), held)
        assert len(inverter) == 0
        assert (inverter.held_bytes > 0) == (limit > 0)  # what is known of pieces


def test_articles_without_any_word_make_a_segment(tmp_path: Path) -> None:
    held = [Article(id=f"a/{number}", archive="a", path=str(number)) for number in range(3)]
    segment = segment_of(tmp_path / "x.segment", held)
    assert_says(segment, held)
    assert [segment.term_count(stream) for stream in STREAMS] == [0, 0]
    again = written(tmp_path / "y.segment", merge([Source(segment, np.array([True, False, True]))]))
    assert_says(again, [held[0], held[2]])


def test_an_article_that_cannot_be_stored_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = articles(Random(5), 6)
    inverter = Inverter()
    inverter.add(held[0], pack(held[0]))
    monkeypatch.setattr(inversion, "MAX_ARTICLE_BYTES", 100)
    with pytest.raises(ValueError, match=r"a/[^ ]+ takes more than 100 bytes"):
        inverter.add(held[1], pack(held[1]))
    monkeypatch.setattr(inversion, "MAX_ARTICLE_BYTES", MAX_ARTICLE_BYTES)
    assert_says(segment_of(tmp_path / "x.segment", held[1:], inverter), held)


def test_a_signal_beyond_single_precision_is_the_largest_there_is(tmp_path: Path) -> None:
    held = replace(article(Random(1), "a/1"), quality=1e300, heat=-1e300)
    segment = segment_of(tmp_path / "x.segment", [held])
    most = float(np.finfo(np.float32).max)
    assert [float(signal[0]) for name in ("quality", "heat") if (signal := segment.signal(name)) is not None] == [
        most,
        -most,
    ]


@pytest.mark.parametrize("stream", STREAMS)
def test_terms_are_found_by_their_bytes(tmp_path: Path, stream: str) -> None:
    random = Random(11)
    words = {"".join(random.choices("abé都𠮷", k=random.randint(1, 12))) for _ in range(300)}
    words |= {f"abcdefgh{tail}" for tail in ("", "a", "aa", "é", "ij", "ijk")}  # alike in the first eight bytes
    title = " ".join(sorted(words))
    segment = segment_of(tmp_path / "x.segment", [Article(id="a/1", archive="a", path="1", title=title)])
    terms = [term.encode() for term in segment.terms(stream)]
    assert terms == sorted(set(terms))
    assert [segment.term(stream, number) for number in range(len(terms))] == terms
    probes = [*terms, *(term[:length] for term in terms for length in range(len(term)))]
    probes += [term + tail for term in terms for tail in (b"\0", b"\xff", b"a")] + [b"", b"\0", b"\xff", b"\xff" * 9]
    for probe in probes:
        assert segment.find(stream, probe) == (terms.index(probe) if probe in terms else -1)
        assert segment.lower_bound(stream, probe) == sum(term < probe for term in terms)
        first, after = segment.beginning_with(stream, probe)
        assert terms[first:after] == [term for term in terms if term.startswith(probe)]
        assert segment.terms(stream, first, after) == [term.decode() for term in terms[first:after]]


# Merged


@pytest.mark.parametrize("seed", range(8))
def test_a_merged_segment_is_what_writing_at_once_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    monkeypatch.setattr(merging, "_RANGE", random.choice([1, 7, 100, 10**6]))  # postings merged at a time
    monkeypatch.setattr(soundness, "_AT_ONCE", random.choice([1, 7, 10**6]))
    sources, left = [], []
    shared = Inverter()
    for number in range(random.randint(1, 4)):
        held = in_order(articles(random, random.choice([1, 5, 30])))
        held = [replace(each, id=f"{each.id}-{number}") for each in held]
        segment = segment_of(tmp_path / f"{number}.segment", held, shared if random.random() < 0.5 else None)
        share = random.choice([0, 0.1, 0.5, 1])
        live = np.array([random.random() >= share for _ in held])
        sources.append(Source(segment, live))
        left += [each for each, kept in zip(held, live.tolist(), strict=True) if kept]
    if not left:
        return
    merged = written(tmp_path / "merged.segment", merge(sources))
    assert_says(merged, left)
    again = written(tmp_path / "again.segment", merge([Source(merged, np.ones(merged.size, np.bool_))]))
    assert_says(again, left)


def test_a_stem_gets_a_list_of_its_own_when_words_of_different_segments_share_it(tmp_path: Path) -> None:
    def one(name: str, title: str) -> Source:
        segment = segment_of(tmp_path / name, [Article(id=name, archive="a", path=name, title=title)])
        assert segment.list_of(STEM, "run") == segment.list_of(EXACT, title)
        return Source(segment, np.ones(1, np.bool_))

    merged = written(tmp_path / "merged", merge([one("1", "runs"), one("2", "running"), one("3", "run")]))
    assert merged.postings(merged.list_of(STEM, "run"))[0].tolist() == [0, 1, 2]
    assert merged.postings(merged.list_of(EXACT, "running"))[0].tolist() == [1]


# What is merged when

SIZES = st.lists(st.integers(0, 3_000_000).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size))))


def merged_sizes(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sizes after one commit."""
    chosen = choose(sizes)
    live = sum(sizes[i][1] for i in chosen)
    return [size for i, size in enumerate(sizes) if i not in chosen] + ([(live, live)] if live else [])


@given(SIZES)
def test_what_is_merged_does_not_become_too_large(sizes: list[tuple[int, int]]) -> None:
    chosen = choose(sizes)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= 1 or sum(sizes[i][1] for i in chosen) <= LARGEST
    assert all(sizes[i][1] < sizes[i][0] * 0.75 for i in chosen if len(chosen) == 1)


@given(SIZES)
def test_after_some_commits_there_is_nothing_to_merge(sizes: list[tuple[int, int]]) -> None:
    for _ in range(len(sizes) + 1):
        sizes = merged_sizes(sizes)
    assert not choose(sizes)
    assert all(live >= size * 0.75 for size, live in sizes)


def grow(commits: Sequence[int]) -> tuple[list[int], int]:
    """The sizes of segments after commits of so many articles, and how many were written, each time counted."""
    sizes: list[tuple[int, int]] = []
    rewritten = 0
    for count in commits:
        before = [*sizes, (count, count)]
        sizes = merged_sizes(before)
        rewritten += count + sum(before[i][1] for i in choose(before))
    return [size for size, _ in sizes], rewritten


@pytest.mark.parametrize(
    "commits",
    [[1] * 2000, [100_000] + [1] * 500, [Random(i).randint(1, 100) for i in range(2000)], [2**i for i in range(16)]],
    ids=["ones", "ones_on_many", "random", "doubling"],
)
def test_segments_stay_few_and_articles_are_seldom_rewritten(commits: list[int]) -> None:
    for length in range(1, len(commits), 97):
        sizes, rewritten = grow(commits[:length])
        total = sum(commits[:length])
        assert sum(sizes) == total
        assert len(sizes) <= 2 * np.log2(total) + 1
        assert rewritten <= total * (2 * np.log2(total) + 2)


def test_many_tokens_are_written_out_as_soon_as_they_take_much_memory(tmp_path: Path) -> None:
    """Texts without spaces have many tokens for their size."""
    random, inverter = Random(7), Inverter()
    for number in range(40):
        text = "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(5_000))
        inverter.add(held := Article(id=f"a/{number}", archive="a", path=str(number), text=text), pack(held))
    assert inverter.held_bytes > 40 * 5_000 * 500
