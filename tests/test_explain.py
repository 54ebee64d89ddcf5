"""How a score came about: every tree adds up to the score of its hit, and its factors are those of the formula."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from oracle import WEIGHTS, Oracle, Text, analyzed, in_fields
from test_oracle import WORDS, Typist, archive, commits, publish

from index.article import Article
from index.generation import Store
from index.reader import Documents, Snapshot
from index.segment import Occurrences
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.parser import parse
from search.query import Query, Sort, Word
from search.results import Explanation, Hit, Results


def nodes(explanation: Explanation) -> Iterator[Explanation]:
    yield explanation
    for part in explanation.parts:
        yield from nodes(part)


def worked_out(explanation: Explanation) -> float:
    """The value that follows from the parts."""
    values = [part.value for part in explanation.parts]
    match explanation.operation:
        case None:
            assert not values
            return explanation.value
        case "sum":
            return sum(values)
        case "product":
            return math.prod(values)
        case "max":
            return max(values)
        case "quotient":
            dividend, divisor = values
            return dividend / divisor
        case "power":
            base, exponent = values
            return math.pow(base, exponent)
        case "logarithm":
            (value,) = values
            return math.log(value)


def assert_explained(hit: Hit) -> None:
    """Every node follows from its parts, and the root is the score."""
    assert hit.explanation
    assert hit.explanation.value == pytest.approx(hit.score, rel=1e-5, abs=0)
    for node in nodes(hit.explanation):
        assert node.value == pytest.approx(worked_out(node), rel=1e-6, abs=1e-12), node.text
        assert node.text.endswith("."), node.text


def assert_all_explained(results: Results) -> set[str]:
    """All hits of a page are explained; what is said of any of them."""
    for hit in results.hits:
        assert_explained(hit)
    return {node.text for hit in results.hits if hit.explanation for node in nodes(hit.explanation)}


def with_text(explanation: Explanation, *beginnings: str) -> Explanation:
    """The only node whose text begins so, below the only one whose text begins as said before that."""
    found = explanation
    for beginning in beginnings:
        (found,) = (node for node in nodes(found) if node.text.startswith(beginning))
    return found


def explained(engine: EmbeddedEngine, text: str, number: int) -> Explanation:
    """How the score of `a/number` came about."""
    hits = engine.search(Query(text, explain=True)).hits
    (found,) = (hit for hit in hits if hit.article.id == f"a/{number}")
    assert_explained(found)
    assert found.explanation
    return found.explanation


# Single factors, by hand

NEW_YEAR = datetime(2021, 1, 1, tzinfo=UTC)
BY_HAND = (
    Article(  # 2 words in the title, 9 in the body, 1 topic: 15.5 long
        id="a/0",
        archive="a",
        path="0",
        title="Harbour ferry",
        text="The ferry leaves the harbour at night. Ferries sail.",
        topics=("Boats",),
        published=NEW_YEAR,
        quality=75,
        heat=100,
    ),
    Article(  # 2 words in the title, 5 in the body: 11 long
        id="a/1",
        archive="a",
        path="1",
        title="Power Apps",
        text="PowerApps and power tools, powerapps.",
        published=datetime(2020, 1, 2, tzinfo=UTC),
        heat=-1,
    ),
    Article(id="a/2", archive="a", path="2", title="Night sky", quality=136, heat=3694),  # 6 long
    Article(id="a/3", archive="a", path="3", title="Harbour lights", published=NEW_YEAR),  # 6 long
)
AVERAGE = (15.5 + 11 + 6 + 6) / 4


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    store = Store(tmp_path_factory.mktemp("explain") / "index")
    publish(store, {}, [(article.id, article) for article in BY_HAND])
    with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
        yield engine


def test_a_word_is_explained_as_worked_out_by_hand(by_hand: EmbeddedEngine) -> None:
    tree = explained(by_hand, "ferry", 0)
    rarity = math.log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    frequency = 3 * (1 + 0.3) + 1 * (2 + 0.3)  # the body has the word once, and its plural once
    length = 1.6 * (1 - 0.7 + 0.7 * 15.5 / AVERAGE)
    prior = 1 + 0.08 + 0.04 * (2 * 0.75 - 1) + 0.04 * (2 * math.log(101) / math.log(501) - 1)
    assert with_text(tree, "Its rarity").value == pytest.approx(rarity)
    assert with_text(tree, "Its rarity").text == "Its rarity (idf), as a logarithm: held by 1 of 4 articles."
    assert with_text(tree, "Its frequency").value == pytest.approx(frequency)
    assert with_text(tree, "In the title").value == pytest.approx(3.9)
    assert with_text(tree, "In the body", "Any form of the stem “ferri”", "How often").value == 2
    assert with_text(tree, "In the body", "Exactly “ferry”", "How often").value == 1
    assert with_text(tree, "The length part").value == pytest.approx(length)
    assert with_text(tree, "Its length").value == 15.5
    assert with_text(tree, "The average length").value == pytest.approx(AVERAGE)
    assert with_text(tree, "The prior").value == pytest.approx(prior)
    assert tree.value == pytest.approx(prior * rarity * 2.6 * frequency / (frequency + length))
    assert len(with_text(tree, "What the words").parts) == 1


def test_of_several_spellings_the_one_that_counts_most_is_told(by_hand: EmbeddedEngine) -> None:
    tree = explained(by_hand, "power apps", 1)
    power = with_text(tree, "The word “power”", "Its frequency")
    assert power.value == pytest.approx(3 * 1.3 + 2.6)  # "powerapps" twice in the body outdoes "power" once
    most = with_text(power, "Of several spellings")
    assert [part.value for part in most.parts] == pytest.approx([1.3, 2.6])
    assert [part.text for part in most.parts] == [
        "“power” in any form, added up.",
        "“powerapps” in any form, added up.",
    ]
    apps = with_text(tree, "The word “apps”", "Its frequency")
    assert apps.value == pytest.approx(3 * 1.3 + 2.6)
    assert not any(node.operation == "max" for node in nodes(apps))  # in no field is there more than one
    divided = with_text(explained(by_hand, "powerapps", 1), "In the title")
    assert divided.value == pytest.approx(3 * 1.0)
    assert with_text(divided, "Exactly “power apps”, side by side.").value == 1


@pytest.mark.parametrize(
    ("number", "recency", "quality", "heat"),
    [
        (0, 0.08, 0.04 * (2 * 0.75 - 1), 0.04 * (2 * math.log(101) / math.log(501) - 1)),
        (1, 0.0, 0.0, 0.0),  # a year old is the middle between old and new; the others are unknown
        (2, 0.0, 0.04, 0.04),  # no date; more than full is full
        (3, 0.08, 0.0, 0.0),
    ],
)
def test_priors_are_explained_as_worked_out_by_hand(
    by_hand: EmbeddedEngine, number: int, recency: float, quality: float, heat: float
) -> None:
    tree = explained(by_hand, "night OR power OR harbour OR sky", number)
    assert with_text(tree, "Recency").value == pytest.approx(recency, abs=1e-9)
    assert with_text(tree, "Quality").value == pytest.approx(quality, abs=1e-9)
    assert with_text(tree, "Heat").value == pytest.approx(heat, abs=1e-9)
    assert with_text(tree, "The prior").value == pytest.approx(1 + recency + quality + heat)


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ('"Power Apps"', "The phrase “Power Apps”"),
        ("title:power", "The word “power” in the title"),
        ("pow*", "Words that begin with “pow”"),
        ("title:pow*", "Words that begin with “pow” in the title"),
        ("poer", "The word “power”, in place of “poer”, which occurs nowhere"),
        ("powe", "Words that begin with “powe”, in place of “powe”, which occurs nowhere"),
    ],
)
def test_each_kind_of_clause_is_named(by_hand: EmbeddedEngine, text: str, heading: str) -> None:
    tree = explained(by_hand, text, 1)
    assert with_text(tree, heading).text == f"{heading}: how rare it is, times how much its frequency counts."


def test_a_word_that_the_article_lacks_adds_nothing(by_hand: EmbeddedEngine) -> None:
    assert by_hand.search(Query("harbour ferry")).match == "partial"
    tree = explained(by_hand, "harbour ferry", 3)
    counted, missing = with_text(tree, "What the words").parts
    assert counted.text.startswith("The word “harbour”")
    assert (missing.value, missing.text) == (0.0, "Not in this article, so adding nothing: “ferry”.")


def test_a_word_of_a_group_that_does_not_hold_adds_nothing(by_hand: EmbeddedEngine) -> None:
    tree = explained(by_hand, "(harbour AND sky) OR lights", 3)
    counted, missing, idle = with_text(tree, "What the words").parts
    assert counted.text.startswith("The word “lights”")
    assert (missing.value, missing.text) == (0.0, "Not in this article, so adding nothing: “sky”.")
    assert (idle.value, idle.text) == (0.0, "Adding nothing without the other words of their group: “harbour”.")


def test_what_holds_no_word_at_all_has_a_score_of_nothing(by_hand: EmbeddedEngine) -> None:
    tree = explained(by_hand, "ferry OR date:2020", 1)
    assert tree.value == 0
    assert with_text(tree, "Not in this article").text == "Not in this article, so adding nothing: “ferry”."


def test_a_word_typed_twice_counts_twice(by_hand: EmbeddedEngine) -> None:
    once, twice = explained(by_hand, "ferry", 0), explained(by_hand, "ferry ferry", 0)
    assert twice.value == pytest.approx(2 * once.value)
    assert len(with_text(twice, "What the words").parts) == 2


@pytest.mark.parametrize(
    ("text", "sort", "said"),
    [
        ("", "relevance", "Nothing is ranked: the query has no words to rank by."),
        ("date:2021", "relevance", "Nothing is ranked: the query has no words to rank by."),
        ("-ferry", "relevance", "Nothing is ranked: the query has no words to rank by."),
        ("harbour", "newest", "Nothing is ranked: the newest articles come first."),
        ("harbour", "oldest", "Nothing is ranked: the oldest articles come first."),
    ],
)
def test_where_nothing_ranks_that_is_said(by_hand: EmbeddedEngine, text: str, sort: Sort, said: str) -> None:
    hits = by_hand.search(Query(text, sort=sort, explain=True)).hits
    assert hits
    assert {hit.explanation for hit in hits} == {Explanation(0.0, said)}


def test_nothing_is_explained_unasked(by_hand: EmbeddedEngine) -> None:
    plain, asked = by_hand.search(Query("harbour")), by_hand.search(Query("harbour", explain=True))
    assert {hit.explanation for hit in plain.hits} == {None}
    assert [replace(hit, explanation=None) for hit in asked.hits] == list(plain.hits)


def test_only_the_documents_of_the_page_are_looked_at(by_hand: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query("harbour night power sky pow* apps", "any", size=2)
    assert by_hand.search(query).total == 4  # what was scored is kept
    looked_at: list[list[int] | None] = []
    occurrences = Snapshot.occurrences

    def watched(self: Snapshot, stream: str, term: str, among: Documents | None = None) -> Occurrences:
        looked_at.append(None if among is None else among.tolist())
        return occurrences(self, stream, term, among)

    monkeypatch.setattr(Snapshot, "occurrences", watched)
    by_hand.search(query)
    assert not looked_at
    assert_all_explained(by_hand.search(replace(query, explain=True)))
    assert looked_at
    assert all(documents is not None and len(documents) <= 2 for documents in looked_at)


# Archives of one segment and of several, with deletions, and the example archive


@pytest.mark.parametrize("seed", range(300, 306))
def test_random_pages_are_explained(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "index")
    for made in commits(store, seed):
        typist = Typist(made, made.random)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            for _ in range(30):
                query = replace(
                    typist.query(), size=made.random.choice([1, 3, 100]), page=made.random.choice([1, 1, 2])
                )
                plain = engine.search(query)
                asked = engine.search(replace(query, explain=True))
                assert_all_explained(asked)
                assert [replace(hit, explanation=None) for hit in asked.hits] == list(plain.hits)


@pytest.mark.parametrize("seed", range(400, 404))
def test_factors_of_words_are_those_of_brute_force(tmp_path: Path, seed: int) -> None:
    store, made = Store(tmp_path / "index"), archive(seed)
    made.commit(store, added=50)
    made.commit(store, added=15, updated=4, deleted=2)
    made.commit(store, added=10, updated=2, deleted=2)
    oracle = Oracle(list(made.articles.values()))
    texts = {article.id: analyzed(article) for article in oracle.articles}
    with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
        snapshot = engine.rank(Query()).snapshot
        assert len(snapshot.segment_ends) > 1
        assert snapshot.size > snapshot.count
        typed = (*made.words, *made.random.sample(WORDS, 10), *(f"title:{word}" for word in made.words))
        assert sum(_compare_factors(engine, oracle, texts, text) for text in typed) > 50


def _compare_factors(engine: EmbeddedEngine, oracle: Oracle, texts: dict[str, Text], text: str) -> int:
    """Hold the factors of one word's hits against brute force; how many hits that were."""
    word = parse(text).tree
    hits = engine.search(Query(text, "all", size=100, explain=True)).hits
    if not isinstance(word, Word):
        return 0
    patterns = dict.fromkeys(oracle.patterns(word))
    average = sum(each.length for each in texts.values()) / len(texts)
    for hit in hits:
        assert hit.explanation
        found = texts[hit.article.id]
        frequency = 0.0
        for field in in_fields(word.field):
            spellings: dict[str, float] = {}
            for pattern in patterns:
                occurrences = pattern.weight * found.occurrences(field, pattern)
                spellings[pattern.spelling] = spellings.get(pattern.spelling, 0.0) + occurrences
            frequency += WEIGHTS[field] * max(spellings.values())
        rarity = math.log(1 + (len(texts) - len(hits) + 0.5) / (len(hits) + 0.5))
        length = 1.6 * (1 - 0.7 + 0.7 * found.length / average)
        assert with_text(hit.explanation, "Its rarity").value == pytest.approx(rarity), text
        assert with_text(hit.explanation, "Its frequency").value == pytest.approx(frequency), text
        assert with_text(hit.explanation, "The length part").value == pytest.approx(length), text
    return len(hits)


EXAMPLE_QUERIES = (
    "harbour",
    "harbour night ferry",
    "the night of tides",
    '"night ferry"',
    "harb*",
    "title:harbour -ferry",
    "harbur OR clok",
    "nigt fery tide",
    "power apps",
)


@pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "compiled"])
def test_hits_of_the_example_archive_are_explained(example_settings: Settings, *, compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba", reason="numba is not installed")
    with closing(EmbeddedEngine(example_settings)) as engine:
        if compiled:
            assert engine.accelerate()
        explained_hits = 0
        for text in EXAMPLE_QUERIES:
            results = engine.search(Query(text, size=50, explain=True))
            assert_all_explained(results)
            explained_hits += len(results.hits)
        assert explained_hits > 20
