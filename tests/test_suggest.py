"""What is suggested while someone types, against a plain `oracle` and for any text at all."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import FIELDS, Oracle, Pattern, folded, is_function
from test_oracle import Typist, commits, publish

from index.analysis import FUNCTION_WORDS, all_in_capitals, tokens, without_accents, word_forms
from index.article import Article
from index.document import searched_text
from index.generation import Store
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.engine import Engine
from search.parser import parse
from search.query import And, Filters, Query, Word
from search.results import Suggestion

ORDER = {"words": 0, "topic": 1, "title": 2}
TYPED = """
    a h fer ferry harb Harbour power ap multi-clo C c+ C# .NE U.S I IT us " ( ) - OR AND NOT title: topic: type:
    date:2021 the of tide, ferry* café caf naï 東 https://harbour.example/ www. * :: 3. 1,0 _ \x00 \u2028 ½
"""
FRAGMENTS = (*TYPED.split(), "\ud800")


# The oracle


def keyed(text: str) -> str:
    """The words of a text in plain letters, each after a space."""
    return "".join(f" {without_accents(token.exact)}" for token in tokens(text) if not token.extra)


def topics(oracle: Oracle, text: str) -> list[Suggestion]:
    counts = Counter(oracle.spelled("topic", value) for each in oracle.articles for value in folded(each, "topic"))
    order = sorted(counts, key=lambda name: (-counts[name], name))
    beginning = keyed(text) + " " * text.endswith(" ")
    return [Suggestion("topic", name, counts[name]) for name in order if beginning in keyed(name) + " "][:2]


def own_words(oracle: Oracle) -> set[str]:
    """The terms that some article has otherwise than joined from parts."""
    return {
        token.exact
        for article in oracle.articles
        for values in searched_text(article).values()
        for value in values
        for token in tokens(value)
        if not (token.extra and token.exact.islower() and re.search("[-.]", value[token.start : token.end]))
    }


def words(oracle: Oracle, text: str, wanted: int) -> list[Suggestion]:
    """Completions of a text of plain words, the last of which is one token."""
    rest, _, last = text.rpartition(" ")
    (beginning,) = {token.exact for token in tokens(last) if not token.extra}
    nodes = [parse(word).tree for word in rest.split()]
    among = {each.id for each in oracle.articles}
    if not all(map(is_function, nodes)):
        among = oracle.answer(Query(rest)).full
    counts = Counter(
        term
        for each, said in zip(oracle.articles, oracle._texts, strict=True)
        if each.id in among
        for term in {term for _, stream, term in said.places if stream == "exact"}
        if term.lower().startswith(beginning) and term not in FUNCTION_WORDS
    )
    found: dict[tuple[str, int], tuple[int, int, Suggestion]] = {}
    own, order = own_words(oracle), sorted(counts, key=lambda term: (-counts[term], term))[: 3 * wanted]
    after = {term: times_after(oracle, rest.split()[-1], term) if rest else 0 for term in order[:12]}
    for term in sorted(order, key=lambda term: -after.get(term, 0)):
        parts = word_forms(term, capitals=True).parts
        if term in own and len(found) < wanted and len(parts) == 1 and term in (parts[0].exact, parts[0].capitals):
            completed = f"{rest} {term}" if rest else term
            answer = oracle.answer(Query(completed))
            assert answer.full
            key = (parts[0].capitals or parts[0].stem, len(answer.full))
            suggestion = Suggestion("words", completed, len(answer.ids))
            found.setdefault(key, (-after.get(term, 0), -len(answer.full), suggestion))
    return [suggestion for *_, suggestion in sorted(found.values(), key=lambda each: each[:2])]


def times_after(oracle: Oracle, before: str, term: str) -> int:
    """How often a term stands right after the last part of the word before."""
    *_, first = [token.exact for token in tokens(before) if not token.extra]
    pattern = Pattern("exact", (first, term), 1.0, (0, 1))
    return sum(text.occurrences(field, pattern) for text in oracle._texts for field in FIELDS)


def titles(engine: Engine, text: str) -> list[Suggestion]:
    """Of the articles that a query for the title finds."""
    *before, last = text.split()
    finished = text.endswith(" ")
    asked = [f"title:{word}" for word in (text.split() if finished else before) if not is_function(parse(word).tree)]
    asked += [] if finished else [f"title:{last}*"]
    if not asked:
        return []
    found: dict[str, Suggestion] = {}
    for hit in engine.search(Query(" ".join(asked), match="all", size=20)).hits:
        title = hit.article.title
        found.setdefault(title.casefold(), Suggestion("title", title, 1, hit.article.id))
    return list(found.values())[:3]


def is_plain(text: str) -> bool:
    """Whether a text is words alone, the last of which is one token."""
    parsed = parse(text).tree
    nodes = parsed.clauses if isinstance(parsed, And) else (parsed,)
    last = text.rpartition(" ")[2] or text.rsplit(maxsplit=1)[-1]
    found = tokens(last)
    return (
        all(isinstance(node, Word) and not node.field for node in nodes)
        and len(nodes) == len(text.split())
        and not all_in_capitals(text)
        and "." not in text
        and [token.end for token in found] == [len(last)]
    )


def typed(typist: Typist, random: Random) -> Iterator[str]:
    """Random beginnings of queries, and whole words with a space after them."""
    while True:
        before = "".join(f"{typist.word()} " for _ in range(random.choice([0, 0, 1, 1, 2, 3])))
        word = random.choice(typist.archive.words)
        text = before + (f"{word} " if random.random() < 0.2 else word[: random.randint(1, 6)])
        if is_plain(text):
            yield text


@pytest.mark.parametrize("seed", range(8))
def test_suggestions_are_those_of_the_oracle(tmp_path: Path, seed: int) -> None:
    store, random = Store(tmp_path / "index"), Random(seed)
    for made in commits(store, seed):
        oracle = Oracle(list(made.articles.values()))
        texts = typed(Typist(made, random), random)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            for _ in range(25):
                text, limit = next(texts), random.choice([1, 3, 8, 8, 20])
                titled, of_topic = titles(engine, text), topics(oracle, text)
                wanted = max(1, limit - len(titled) - len(of_topic))
                completed = [] if text.endswith(" ") else words(oracle, text, wanted)
                assert list(engine.suggest(text, limit)) == [*completed, *of_topic, *titled][:limit], text


# Any text


@pytest.fixture(scope="module")
def engine(example_index: Path) -> Iterator[EmbeddedEngine]:
    with closing(EmbeddedEngine(Settings(index=str(example_index), max_query_chars=60))) as opened:
        yield opened


def assert_true(engine: Engine, text: str, found: Sequence[Suggestion], limit: int) -> None:
    """Each suggestion keeps its word."""
    assert len(found) <= limit
    assert [each.kind for each in found] == sorted((each.kind for each in found), key=ORDER.__getitem__)
    assert len({(each.kind, each.text) for each in found}) == len(found)
    kinds = Counter(each.kind for each in found)
    assert kinds["title"] <= 3
    assert kinds["topic"] <= 2
    for each in found:
        assert each.count > 0
        match each.kind:
            case "words":
                results = engine.search(Query(each.text, size=0))
                assert each.count == results.total
                assert results.full > 0
                assert len(each.text) <= 60
                assert each.text.startswith(text.rpartition(" ")[0])
            case "topic":
                assert each.count == engine.search(Query(filters=Filters({"topic": (each.text,)}))).total
            case "title":
                shown = engine.get(each.id)
                assert shown
                assert (shown.article.title, each.count) == (each.text, 1)


@given(
    text=st.one_of(
        st.text(max_size=12),
        st.lists(st.sampled_from(FRAGMENTS), max_size=6).map(" ".join),
        st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join),
    ),
    limit=st.integers(-1, 12),
)
def test_any_text_is_answered(engine: EmbeddedEngine, text: str, limit: int) -> None:
    assert_true(engine, text, engine.suggest(text, limit), max(limit, 0))


def test_every_beginning_of_every_title_is_answered(engine: EmbeddedEngine) -> None:
    for hit in engine.search(Query(size=100)).hits:
        title = hit.article.title
        for end in range(1, min(len(title), 60), 3):
            assert_true(engine, title[:end], engine.suggest(title[:end]), 8)
        if len(title) <= 60 and title[-1].isalnum():
            named = [each.text for each in engine.suggest(title) if each.kind == "title"]
            assert title in named or len(named) == 3, title


def test_blank_and_overlong_texts_have_no_suggestions(engine: EmbeddedEngine) -> None:
    assert engine.suggest("ferry "[:5])
    for text in ("", " ", "\n\t", "???", "ferry " * 10 + "f"):
        assert engine.suggest(text) == ()


def test_no_suggestion_is_longer_than_a_query_may_be(engine: EmbeddedEngine) -> None:
    for blanks in range(52, 60):
        for each in engine.suggest(" " * blanks + "f"):
            assert each.kind != "words" or len(each.text) <= 60


# Words that nobody wrote


def test_what_is_only_joined_from_parts_is_not_suggested(tmp_path: Path) -> None:
    store = Store(tmp_path)
    held = {f"a/{n}": an_article(str(n), "multi-cloud at www.harbour.com, state-of-the-art ASP.NET") for n in range(20)}
    own = an_article("own", "One multicloud, two .NET, 東京都")  # the last of many
    gone = an_article("gone", "harbourcom wwwharbourcom")
    publish(store, {}, [*held.items(), (own.id, own), (gone.id, gone)])
    publish(store, {**held, own.id: own, gone.id: gone}, [(gone.id, None)])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        for line in ("multi: multi multicloud", "harb: harbour", "www: www", "asp: asp", ".n: .net", "東: 東 東京"):
            text, _, shown = line.partition(": ")
            assert {each.text for each in engine.suggest(text) if each.kind == "words"} == {*shown.split()}, text


# Order and counts


def test_what_stands_right_after_the_word_before_comes_first(tmp_path: Path) -> None:
    titles = ["Power for Azure"] * 12 + ["Power Apps", "Power apps", "Power, azure"]
    held = {f"a/{n}": an_article(str(n), title) for n, title in enumerate(titles)}
    publish(Store(tmp_path), {}, [*held.items()])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        words = [(each.text, each.count) for each in engine.suggest("power a") if each.kind == "words"]
        assert words == [("power apps", 15), ("power azure", 13)]  # few hold both words: those with one follow
        assert [each.text for each in engine.suggest("a") if each.kind == "words"] == ["azure", "apps"]
        assert next(each.text for each in engine.suggest("power OR a") if each.kind == "words") == "power OR azure"


# Deleted articles


def an_article(name: str, title: str, *topics: str) -> Article:
    return Article(f"a/{name}", "a", name, title=title, topics=topics)


def test_what_only_deleted_articles_said_is_never_suggested(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = {f"a/{n}": an_article(str(n), f"Tide table {n}", "Sea") for n in range(12)}
    gone = an_article("gone", "Xenolith tidal IT affair", "Xenon", "Sea")
    later = an_article("later", "Xylophone tides", "Sea")
    publish(store, {}, [*kept.items(), (gone.id, gone)])
    publish(store, {**kept, gone.id: gone}, [(later.id, later)])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        shown = {each.text for each in engine.suggest("x")}
        assert shown == {"xenolith", "xenon", "xylophone", "Xenon", gone.title, later.title}
    publish(store, {**kept, gone.id: gone, later.id: later}, [(gone.id, None)])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        snapshot = engine.rank(Query()).snapshot
        assert len(snapshot.segment_ends) > 1
        assert "xenolith" in snapshot.vocabulary.terms  # so it is there to leak
        for text in ("xeno", "xenolith", "xenon", "affair", "tidal", "tide xeno", "Sea affa", "title:xeno", "-xeno"):
            assert engine.suggest(text) == (), text
        assert engine.suggest("x") == (
            Suggestion("words", "xylophone", 1),
            Suggestion("title", "Xylophone tides", 1, later.id),
        )
        assert engine.suggest("it") == ()
        assert Suggestion("topic", "Sea", 13) in engine.suggest("se")


def test_an_archive_of_nothing_suggests_nothing(tmp_path: Path) -> None:
    publish(Store(tmp_path), {}, [])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        for text in ("a", "azure ", "-a", "IT"):
            assert engine.suggest(text) == ()


def test_titles_are_not_named_where_more_words_begin_so_than_a_prefix_stands_for(tmp_path: Path) -> None:
    letters = "abcdefghijklm"
    many = " ".join(f"q{a}{b}{c}" for a in letters for b in letters for c in letters)
    publish(Store(tmp_path), {}, [("a/1", an_article("1", "Quartz")), ("a/2", an_article("2", many))])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        assert {each.kind for each in engine.suggest("q")} == {"words"}
        assert engine.suggest("qu") == (Suggestion("words", "quartz", 1), Suggestion("title", "Quartz", 1, "a/1"))
