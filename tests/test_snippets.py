"""Ranges to mark and the passage to quote."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from index.analysis import tokens
from search.query import Phrase, Word
from search.snippets import PASSAGE_CHARS, Highlighter, merge
from search.terms import phrase_clause, word_clause


class NoWords:
    """A vocabulary without a word: no divided or joined spellings."""

    def occurs(self, term: str) -> bool:
        return False

    def beginning_with(self, prefix: str, fields: tuple[str, ...], limit: int) -> tuple[list[str], bool]:
        return [], True


def highlighter(*words: str, field: str = "") -> Highlighter:
    return Highlighter([word_clause(Word(word, field), (), NoWords()) for word in words])


def marked(text: str, *words: str) -> list[str]:
    return [text[start:end] for start, end in highlighter(*words).ranges(text, "title")]


def test_forms_of_the_word_are_marked() -> None:
    assert marked("Running runs, a runner ran", "run") == ["Running", "runs"]
    assert marked("Café, cafes and CAFÉ’S", "cafe") == ["Café", "cafes", "CAFÉ’S"]


def test_only_the_acronym_is_marked_for_capitals() -> None:
    assert marked("It is IT for us in the US", "IT") == ["IT"]
    assert marked("It is IT for us in the US", "US") == ["US"]


def test_compounds_are_marked_whole() -> None:
    assert marked("A multi-cloud, multicloud, multi cloud world", "multi-cloud") == [
        "multi-cloud",
        "multicloud",
        "multi cloud",
    ]


def test_a_phrase_marks_only_its_place() -> None:
    found = Highlighter([phrase_clause(Phrase("data center"))]).ranges("data in a data center", "title")
    assert found == ((10, 21),)


def test_a_word_asked_of_one_field_is_marked_there_only() -> None:
    title_only = highlighter("azure", field="title")
    assert title_only.ranges("azure", "title")
    assert not title_only.ranges("azure", "excerpt")


def test_the_passage_holds_most_of_the_words() -> None:
    text = "Alpha stands here. " + "Filler words go on. " * 30 + "Beta and alpha meet. " + "More filler follows. " * 30
    snippet = highlighter("alpha", "beta").snippet(text)
    assert snippet
    assert snippet.text.startswith("Beta and alpha meet.")
    assert [snippet.text[start:end] for start, end in snippet.highlights] == ["Beta", "alpha"]


def test_no_match_no_passage() -> None:
    assert highlighter("alpha").snippet("beta gamma") is None
    assert highlighter("alpha").snippet("") is None


def test_touching_ranges_stay_apart_and_overlapping_ones_join() -> None:
    assert merge([(5, 9), (0, 5), (7, 12)]) == ((0, 5), (5, 12))


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(["alpha", "beta-gamma", "東京都", "É", "\n", ".", "C#", "x" * 90, " "]), max_size=80).map(
        " ".join
    ),
    st.lists(st.sampled_from(["alpha", "beta", "beta-gamma", "東京", "é", "c#"]), min_size=1, max_size=3),
)
def test_ranges_stay_inside_the_text(text: str, words: list[str]) -> None:
    finder = highlighter(*words)
    snippet = finder.snippet(text)
    for shown, ranges in [(text, finder.ranges(text, "body"))] + (
        [(snippet.text, snippet.highlights)] if snippet else []
    ):
        assert all(0 <= start < end <= len(shown) for start, end in ranges)
        assert all(first[1] <= second[0] for first, second in pairwise(ranges))
    if snippet:
        assert snippet.text in text
        assert snippet.highlights
        assert len(snippet.text) <= 2 * PASSAGE_CHARS


WRITTEN = ["Runs", "it", "IT", "multi-cloud", "東京都", "U.S.", "C#,", "_a", "É", ".", " ", "\n", "\u3000"]


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(WRITTEN), max_size=20).map(" ".join),
    st.sampled_from(["run", "it", "cloud", "都", "a", "C#", "é"]),
    st.booleans(),
)
def test_one_word_is_marked_wherever_the_analyzer_finds_it(text: str, word: str, shouted: bool) -> None:
    text = text.upper() if shouted else text
    (wanted,) = tokens(word)
    spans = [(token.start, token.end) for token in tokens(text) if wanted.stem == token.stem]
    assert highlighter(word).ranges(text, "title") == merge(spans)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["multi", "cloud", "Cloud,", "multi-cloud", "a", "-", "", "都", "MULTI"]), max_size=9))
def test_a_phrase_is_marked_wherever_its_words_stand_side_by_side(words: list[str]) -> None:
    text = " ".join(words)
    plain = [token for token in tokens(text) if not token.extra]
    spans = [(a.start, b.end) for a, b in pairwise(plain) if (a.exact, b.exact) == ("multi", "cloud")]
    finder = Highlighter([phrase_clause(Phrase("multi cloud"))])
    assert finder.ranges(text, "title") == merge(spans)
    snippet = finder.snippet(text)
    assert (snippet is not None) == bool(spans)


def test_what_another_search_learned_meanwhile_is_marked_too() -> None:
    text = "an unheard-of zwiebelfisch"
    finder = highlighter("zwiebelfisch")
    assert finder.ranges("so far nothing", "title") == ()  # looked through what was known by then
    assert highlighter("unheard").ranges(text, "title")
    assert [text[start:end] for start, end in finder.ranges(text, "title")] == ["zwiebelfisch"]
