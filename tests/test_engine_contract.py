"""What every engine promises. An engine joins by one entry in `OPENERS`.

What engines differ in is told in docs/ARCHITECTURE.md; for OpenSearch, tests/opensearch/test_differences.py holds each.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from clusters import settings_on

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.engine import Engine, open_engine
from search.query import FACETS, Filters, Interval, Match, Query
from search.results import Results

Rows = Sequence[Mapping[str, Any]]
Ask = Callable[..., Results]


@contextmanager
def _embedded(path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    yield Settings(index=str(path / "index"))


@contextmanager
def _on_a_cluster(path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    with settings_on(request.getfixturevalue("cluster"), path) as make:
        yield make(opensearch_replicas=0)


OPENERS = {"whoosh": _embedded, "opensearch": _on_a_cluster}
"""Settings for an index of its own in a directory, by the name of the engine."""


def opened(rows: Rows, path: Path, settings: Settings) -> Engine:
    """An engine over articles, given as JSONL rows."""
    archive = path / "a.jsonl"
    archive.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = replace(settings, max_query_chars=200)
    reindex([ArchiveSpec("a", archive)], settings)
    return open_engine(settings)


ARTICLES: Rows = [
    {
        "id": "arc",
        "title": "Azure Arc for a hybrid world",
        "excerpt": "Multi-cloud, managed.",
        "type": "article",
        "date": "2020-08-31T17:07:00Z",
        "topics": ["Azure", "Management tools"],
        "provider": {"name": "Microsoft", "domain": "microsoft.com"},
        "category": "news",
        "url": "https://azure.example/arc?id=7",
        "webUrl": "https://www.azure.example/web-arc/",
    },
    {
        "id": "apps",
        "title": "PowerApps grow up",
        "excerpt": "Low-code for all of us",
        "date": "2021-03-01",
        "topics": ["Power Apps", "management Tools"],
        "provider": "Contoso",
        "type": "article",
        "category": "news",
    },
    {
        "id": "power",
        "title": "Power Apps in the cloud",
        "excerpt": "",
        "date": "2021-03-31T23:59:59Z",
        "topics": ["Power Apps", "Management tools"],
        "provider": "Contoso",
        "type": "video",
        "category": "learning",
    },
    {
        "id": "it",
        "title": "IT departments in the US",
        "excerpt": "What it means to run C# and .NET",
        "date": "2021-04-01",
        "topics": ["IT"],
        "provider": "Fabrikam",
        "type": "Video",
        "category": "news",
        "author": "Ada Lovelace",
    },
    {
        "id": "cafe",
        "title": "A café for us",
        "excerpt": "It runs.",
        "body": "Nobody expects " + "the long body. " * 40 + "Here the espresso machine hums. " + "More of it. " * 40,
        "provider": "Fabrikam",
    },
    {"id": "tokyo", "title": "東京都の天気", "excerpt": "Weather in Tokyo", "type": "article"},
]


@pytest.fixture(scope="module", params=sorted(OPENERS, reverse=True))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def open_over(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Rows], Engine]]:
    """Opens the engine over articles, given as JSONL rows."""
    engines: list[Engine] = []
    with ExitStack() as stack:

        def open_(rows: Rows) -> Engine:
            path = tmp_path_factory.mktemp("index")
            engines.append(opened(rows, path, stack.enter_context(OPENERS[kind](path, request))))
            return engines[-1]

        yield open_
        for engine in engines:
            engine.close()
            engine.close()


@pytest.fixture(scope="module")
def engine(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("index")
    with OPENERS[kind](path, request) as settings, closing(opened(ARTICLES, path, settings)) as engine:
        yield engine


@pytest.fixture
def ask(engine: Engine) -> Ask:
    def ask_(text: str = "", **options: Any) -> Results:
        return engine.search(Query(text, **({"size": 100} | options)))

    return ask_


def ids(results: Results) -> list[str]:
    assert results.total == len(results.hits)
    return [hit.article.id.removeprefix("a/") for hit in results.hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("azure arc", {"arc"}),
        ("powerapps", {"apps", "power"}),
        ("power apps", {"apps", "power"}),
        ('"power apps"', {"apps", "power"}),  # one by its title, one by its topic
        ('title:"power apps"', {"power"}),
        ("multicloud", {"arc"}),
        ("multi cloud", {"arc", "power"}),
        ("multi-cloud", {"arc"}),
        ("lowcode", {"apps"}),
        ("IT", {"it"}),
        ("it", {"it", "cafe"}),
        ("US", {"it"}),
        ("us", {"it", "cafe", "apps"}),
        ("C#", {"it"}),
        (".NET", {"it"}),
        ("cafe", {"cafe"}),
        ("café", {"cafe"}),
        ("departments", {"it"}),
        ("department", {"it"}),
        ("東京", {"tokyo"}),
        ("京", {"tokyo"}),
        ("clou*", {"power"} | {"arc"}),
        ("cloud -multi", {"power"}),
        ("cloud NOT power", {"arc"}),
        ("arc OR café", {"arc", "cafe"}),
        ("(arc OR café) AND hybrid", {"arc"}),
        ("-azure -power -powerapps", {"it", "cafe", "tokyo"}),
        ("title:cloud", {"power"}),
        ("author:lovelace", {"it"}),
        ("provider:contoso", {"apps", "power"}),
        ("provider:microsoft.com", {"arc"}),
        ('topic:"management tools"', {"arc", "apps", "power"}),
        ("type:video", {"power", "it"}),
        ("-category:news", {"power", "cafe", "tokyo"}),
        ("type:vid*", {"power", "it"}),
        ("date:2021-03", {"apps", "power"}),
        ("date:2021", {"apps", "power", "it"}),
        ("date:2020..2021-03", {"arc", "apps", "power"}),
        ("after:2021-03", {"it"}),
        ("before:2021-03-01", {"arc"}),
        ("-date:2021", {"arc", "cafe", "tokyo"}),
        ("https://azure.example/arc?id=7&utm_source=feed#top", {"arc"}),
        ("http://azure.example/web-arc", {"arc"}),
        ("url:azure.example/web-arc/", {"arc"}),
        ("https://azure.example/arc", set()),
        ("the", {"it", "power", "cafe"}),
        ("*", {"arc", "apps", "power", "it", "cafe", "tokyo"}),
        ("", {"arc", "apps", "power", "it", "cafe", "tokyo"}),
        ("???", {"arc", "apps", "power", "it", "cafe", "tokyo"}),
    ],
)
def test_which_articles_a_query_finds(ask: Ask, text: str, expected: set[str]) -> None:
    assert set(ids(ask(text))) == expected


def test_few_full_matches_are_followed_by_halves(ask: Ask) -> None:
    results = ask("azure hybrid café the")
    assert results.match == "partial"
    assert (results.total, results.full) == (1, 0)
    assert [note.kind for note in results.notes] == ["partial"]
    assert (results.notes[0].query, results.notes[0].match) == ("azure hybrid café the", "all")
    results = ask("power cloud")
    assert ids(results) == ["power", "arc", "apps"] or ids(results) == ["power", "apps", "arc"]
    assert [hit.full for hit in results.hits] == [True, False, False]
    assert (results.total, results.full) == (3, 1)
    assert sum(bucket.count for bucket in results.facets["type"]) == 3


def test_all_and_any(ask: Ask) -> None:
    assert ids(ask("power cloud", match="all")) == ["power"]
    results = ask("power cloud", match="any")
    assert (set(ids(results)), results.match, results.full) == ({"power", "arc", "apps"}, "any", 1)


def test_phrases_fields_and_dates_always_hold(ask: Ask) -> None:
    assert set(ids(ask('power hybrid "in the"'))) == {"power"}
    assert set(ids(ask("power cloud title:hybrid"))) == {"arc"}
    assert set(ids(ask("power cloud date:2020"))) == {"arc"}


def test_a_filter_never_changes_the_rule(open_over: Callable[[Rows], Engine]) -> None:
    rows = [{"id": str(n), "title": "alpha beta", "type": "many"} for n in range(12)]
    rows += [{"id": "x", "title": "alpha", "type": "one"}]
    engine = open_over(rows)
    query = Query("alpha beta", filters=Filters({"type": ("one",)}))
    assert engine.search(query).total == 0
    assert engine.search(replace(query, match="any")).total == 1


def test_a_word_that_occurs_nowhere_is_stood_in_for(ask: Ask) -> None:
    assert ids(ask("wxrlx")) == []  # two edits, one too many for a short word
    assert ids(ask("wrold")) == ["arc"]  # neighbours exchanged are one
    results = ask("hybrit")
    assert ids(results) == ["arc"]
    assert [(note.kind, note.query, note.match) for note in results.notes][:1] == [("stand_in", "hybrit", "all")]
    assert ids(ask("hybrit", match="all")) == []
    assert ids(ask('"hybrit"')) == []
    assert len(ids(ask("-hybrit"))) == len(ARTICLES)


def test_words_that_begin_so_stand_in_for_an_unfinished_one(ask: Ask, open_over: Callable[[Rows], Engine]) -> None:
    results = ask("depart")
    assert ids(results) == ["it"]
    assert results.notes == ()  # a form of the word, by its stem
    results = ask("espr")
    assert ids(results) == ["cafe"]
    assert [note.text for note in results.notes] == ["“espr” occurs nowhere; searched for words that begin so instead."]
    assert [(note.kind, note.query, note.match) for note in results.notes] == [("stand_in", "espr", "all")]
    assert ids(ask("espr machine")) == ["cafe"]
    assert ids(ask("title:espr")) == []  # it begins no word of a title
    for query in ("es", '"espr"'):
        assert ids(ask(query)) == []
    assert ids(ask("espr", match="all")) == []
    assert len(ids(ask("-espr"))) == len(ARTICLES)
    rows = [{"id": "1", "title": "Kuiper"}, {"id": "2", "title": "Kubernetes"}, {"id": "3", "title": "kuberneteses"}]
    found = open_over([*rows, {"id": "4", "title": "kube"}]).search(Query("kuber"))
    assert {hit.article.id for hit in found.hits} == {"a/2", "a/3"}  # although kube is but one edit away


def test_a_better_spelling_is_offered(ask: Ask) -> None:
    results = ask("depertments", match="all")
    assert results.total == 0
    assert [(note.kind, note.query) for note in results.notes] == [("suggestion", "departments")]


def test_an_overlong_query_is_cut_with_a_note(ask: Ask) -> None:
    results = ask("azure " * 100)
    assert results.notes[0].kind == "ignored"
    assert results.notes[0].text == "Only the first 200 characters of the query were used."


def test_capitals_of_a_word_that_occurs_in_small_letters_are_not_stood_in_for(
    open_over: Callable[[Rows], Engine],
) -> None:
    results = open_over([{"id": "1", "title": "you can go"}, {"id": "2", "title": "a man"}]).search(Query("CAN"))
    assert (results.total, results.notes) == (0, ())


def test_function_words_exclude_nothing_beside_anything_else(ask: Ask) -> None:
    assert set(ids(ask("the type:video"))) == {"power", "it"}
    assert set(ids(ask("(the) date:2020"))) == {"arc"}
    assert set(ids(ask("the -azure"))) == {"apps", "power", "it", "cafe", "tokyo"}


def test_the_order_of_prefixes_does_not_matter(open_over: Callable[[Rows], Engine]) -> None:
    words = " ".join(f"q{a}{b}{c}" for a in "abcdefghijklm" for b in "abcdefghijklm" for c in "abcdefghijklm")
    engine = open_over([{"id": "1", "title": "quartz filler"}, {"id": "2", "title": "many", "body": words}])
    for text in ("q* fill*", "fill* q*"):
        results = engine.search(Query(text, match="all"))
        assert "a/1" in [hit.article.id for hit in results.hits] or "expanded" in [note.kind for note in results.notes]
    assert engine.search(Query("fill*")).total == 1


def test_one_occurrence_counts_once_however_it_is_spelled(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([
        {"id": "hyphen", "title": "a multi-cloud plan"},
        {"id": "joined", "title": "one multicloud plan"},
    ])
    for text in ("multicloud", "multi-cloud"):
        scores = {hit.article.id: hit.score for hit in engine.search(Query(text)).hits}
        assert scores["a/joined"] >= scores["a/hyphen"] * 0.99


@pytest.mark.parametrize(
    "address",
    [
        "https://news.example/PR Newswire/x",
        "https://wiki.example/Foo_(bar)",
        "https://quotes.example/“so”",
        "https://narrow.example/a\u202fb?cat=PR News Wire",
    ],
)
def test_an_odd_address_finds_its_article(open_over: Callable[[Rows], Engine], address: str) -> None:
    engine = open_over([{"id": "1", "title": "One", "url": address}, {"id": "2", "title": "Two"}])
    assert [hit.article.id for hit in engine.search(Query(address)).hits] == ["a/1"]


def test_words_with_a_slash_are_words_as_well(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([{"id": "1", "title": "Learn ASP.NET/Core"}, {"id": "2", "title": "Two"}])
    assert engine.search(Query("asp.net/core")).total == 1


def facet(results: Results, name: str) -> list[tuple[str | None, int, bool]]:
    return [(bucket.value, bucket.count, bucket.selected) for bucket in results.facets[name]]


def test_facets_count_all_matches(ask: Ask) -> None:
    results = ask(size=1)
    assert facet(results, "topic") == [
        ("Management tools", 3, False),
        ("Power Apps", 2, False),
        ("Azure", 1, False),
        ("IT", 1, False),
        (None, 2, False),
    ]
    assert facet(results, "type") == [("article", 3, False), ("Video", 2, False), (None, 1, False)]
    assert [(year.value, year.count, [(m.value, m.count) for m in year.months]) for year in results.dates] == [
        ("2021", 3, [("2021-04", 1), ("2021-03", 2)]),
        ("2020", 1, [("2020-08", 1)]),
        (None, 2, []),
    ]


def test_chosen_values_are_or_within_and_across_and_do_not_shrink_their_own_facet(ask: Ask) -> None:
    results = ask(filters=Filters({"topic": ("power apps", "IT"), "type": ("video",)}))
    assert set(ids(results)) == {"power", "it"}
    assert facet(results, "topic") == [
        ("IT", 1, True),
        ("Management tools", 1, False),
        ("Power Apps", 1, True),
    ]
    assert facet(results, "type") == [("Video", 2, True), ("article", 1, False)]


def test_missing_values_can_be_chosen(ask: Ask) -> None:
    results = ask(filters=Filters(missing=frozenset({"topic"})))
    assert set(ids(results)) == {"cafe", "tokyo"}
    assert facet(results, "topic")[-1] == (None, 2, True)
    results = ask(filters=Filters({"topic": ("IT",)}, missing=frozenset({"topic"})))
    assert set(ids(results)) == {"it", "cafe", "tokyo"}
    results = ask(filters=Filters(missing=frozenset({"date"})))
    assert set(ids(results)) == {"cafe", "tokyo"}
    assert (results.dates[-1].value, results.dates[-1].selected) == (None, True)


def test_dates_are_a_choice_like_any_other(ask: Ask) -> None:
    march = Filters(start=datetime(2021, 3, 1, tzinfo=UTC), end=datetime(2021, 4, 1, tzinfo=UTC))
    results = ask(filters=march)
    assert set(ids(results)) == {"apps", "power"}
    assert [month.selected for month in results.dates[0].months] == [False, True]
    assert sum(year.count for year in results.dates) == len(ARTICLES)


def test_a_value_that_no_article_has_stays_chosen(ask: Ask) -> None:
    results = ask(filters=Filters({"topic": ("Nonsense",)}))
    assert results.total == 0
    assert ("Nonsense", 0, True) in facet(results, "topic")


def test_twenty_values_and_every_chosen_one(open_over: Callable[[Rows], Engine]) -> None:
    rows = [{"id": f"{n}-{m}", "title": "x", "topics": [f"t{n:02}"]} for n in range(30) for m in range(30 - n)]
    buckets = open_over(rows).search(Query(filters=Filters({"topic": ("t29", "t00")}))).facets["topic"]
    assert [bucket.value for bucket in buckets] == [f"t{n:02}" for n in range(20)] + ["t29"]


def excluded(results: Results, name: str) -> list[tuple[str | None, int]]:
    return [(bucket.value, bucket.count) for bucket in results.facets[name] if bucket.excluded]


def test_articles_with_an_excluded_value_are_left_out_and_counted_nowhere_else(ask: Ask) -> None:
    results = ask(filters=Filters(excluded={"topic": ("power APPS",)}))
    assert set(ids(results)) == {"arc", "it", "cafe", "tokyo"}
    assert [tuple(bucket) for bucket in results.facets["topic"]] == [
        ("Azure", 1, False, False),
        ("IT", 1, False, False),
        ("Management tools", 1, False, False),
        ("Power Apps", 2, False, True),
        (None, 2, False, False),
    ]
    assert facet(results, "type") == [("article", 2, False), ("Video", 1, False), (None, 1, False)]
    assert sum(year.count for year in results.dates) == 4


def test_an_excluded_value_counts_what_comes_back_without_it(ask: Ask) -> None:
    out: dict[str, tuple[str, ...]] = {"topic": ("Power Apps", "Azure")}
    filters = Filters({"topic": ("IT", "management tools"), "category": ("news",)}, excluded=out)
    results = ask(filters=filters)
    assert ids(results) == ["it"]
    assert facet(results, "topic")[-2:] == [("Azure", 1, False), ("Power Apps", 1, False)]
    assert excluded(results, "topic") == [("Azure", 1), ("Power Apps", 1)]
    results = ask(filters=replace(filters, excluded={**out, "provider": ("microsoft",)}))
    assert excluded(results, "topic") == [("Power Apps", 1), ("Azure", 0)]
    assert excluded(results, "provider") == [("Microsoft", 0)]  # its only article stays out, as one with Azure
    results = ask(filters=Filters(excluded={"topic": ("Power Apps", "management tools")}))
    assert excluded(results, "topic") == [("Management tools", 1), ("Power Apps", 0)]  # both hold some back together


def test_an_excluded_value_beside_a_chosen_one_keeps_nothing_out(ask: Ask) -> None:
    results = ask(filters=Filters({"provider": ("Contoso",)}, excluded={"provider": ("Microsoft",)}))
    assert excluded(results, "provider") == [("Microsoft", 0)]


def test_a_value_both_chosen_and_excluded_is_excluded(ask: Ask) -> None:
    results = ask(filters=Filters({"type": ("video", "article"), "topic": ("it",)}, excluded={"type": ("VIDEO",)}))
    assert ids(results) == []
    assert facet(results, "type") == [("article", 0, True), ("Video", 0, False)]
    results = ask(filters=Filters({"type": ("video",)}, excluded={"type": ("VIDEO",)}))
    assert set(ids(results)) == {"arc", "apps", "cafe", "tokyo"}


def test_articles_without_a_value_have_no_excluded_one(ask: Ask) -> None:
    results = ask(filters=Filters(missing=frozenset({"type"}), excluded={"type": ("video", "Nonsense")}))
    assert ids(results) == ["cafe"]
    assert facet(results, "type") == [
        ("article", 3, False),
        ("Nonsense", 0, False),
        ("Video", 0, False),
        (None, 1, True),
    ]
    results = ask(filters=Filters(excluded={"type": ("video", "Nonsense")}))
    assert excluded(results, "type") == [("Video", 2), ("Nonsense", 0)]


def test_excluded_values_follow_the_twenty_and_every_chosen_one(open_over: Callable[[Rows], Engine]) -> None:
    rows = [{"id": f"{n}-{m}", "title": "x", "topics": [f"t{n:02}"]} for n in range(30) for m in range(30 - n)]
    filters = Filters({"topic": ("t28", "none")}, excluded={"topic": ("t29", "t00", "t27")})
    buckets = open_over(rows).search(Query(filters=filters)).facets["topic"]
    assert [bucket.value for bucket in buckets] == [f"t{n:02}" for n in range(1, 21)] + [
        "t28",
        "none",
        "t00",
        "t27",
        "t29",
    ]


def test_all_values_of_a_facet_come_in_the_order_of_its_first_ones(open_over: Callable[[Rows], Engine]) -> None:
    topics = [f"t{n:03}" for n in range(120)]  # the even ones twice
    rows: Rows = [
        *({"id": topic, "title": "tide", "topics": [topic]} for topic in topics),
        *({"id": f"{topic}-again", "title": "tide", "topics": [topic]} for topic in topics[::2]),
        {"id": "bare", "title": "tide"},
        {"id": "other", "title": "clock", "topics": ["other"]},
    ]
    engine = open_over(rows)
    filters = Filters({"topic": ("t119", "other")}, excluded={"topic": ("T001", "T000")})
    query = Query("tide", filters=filters, page=9, size=0, facets={})
    buckets = engine.values(query, "topic")
    assert [bucket.value for bucket in buckets] == [*topics[2::2], *topics[3::2], "other", "t000", "t001", None]
    assert [bucket.count for bucket in buckets] == [2] * 59 + [1] * 59 + [0, 0, 0, 1]
    assert [bucket.value for bucket in buckets if bucket.selected] == ["t119", "other"]
    assert [bucket.value for bucket in buckets if bucket.excluded] == ["t000", "t001"]


def test_all_values_follow_the_rule_of_the_query(engine: Engine) -> None:
    for text in ("power cloud", "hybrit", "azure " * 100, "nothing of the kind"):
        query = Query(text, filters=Filters(excluded={"provider": ("Fabrikam",)}))
        assert engine.values(query, "topic") == engine.search(query).facets["topic"]


def test_as_many_values_as_were_asked_for_and_every_chosen_and_excluded_one(ask: Ask) -> None:
    filters = Filters({"topic": ("azure",)}, excluded={"topic": ("IT",)})
    results = ask(filters=filters, facets={"topic": 0, "provider": 0, "type": 1})
    assert facet(results, "topic") == [("Azure", 1, True), ("IT", 0, False), (None, 2, False)]
    assert excluded(results, "topic") == [("IT", 0)]
    assert facet(results, "provider") == []
    assert facet(results, "type") == [("article", 1, False)]
    assert (list(results.facets), results.dates) == (["topic", "provider", "type"], ())
    results = ask(facets={"topic": 1000, "type": 0, "date": 0})
    assert facet(results, "topic") == facet(ask(), "topic")
    assert facet(results, "type") == [(None, 1, False)]
    assert results.dates == ask().dates
    assert (ask(facets={}).facets, ask(facets={}).dates) == ({}, ())


@pytest.mark.parametrize(
    ("name", "prefix", "expected"),
    [
        ("topic", "M", [("Management tools", 3)]),
        ("topic", "TOO", [("Management tools", 3)]),
        ("topic", "management t", [("Management tools", 3)]),
        ("topic", "  management \t T", [("Management tools", 3)]),
        ("topic", "ools", []),
        ("topic", "tools m", []),
        ("topic", "Äpps", [("Power Apps", 2)]),
        ("topic", "app ", []),
        ("topic", "apps ", [("Power Apps", 2)]),
        ("topic", "i", [("IT", 1)]),
        ("topic", "-", []),
        ("provider", "con", [("Contoso", 2)]),
        ("category", "\ud800", []),
        ("type", "x" * 5000, []),
    ],
)
def test_values_of_which_a_word_begins_so(
    engine: Engine, name: str, prefix: str, expected: list[tuple[str, int]]
) -> None:
    assert [tuple(bucket) for bucket in engine.values(Query(), name, prefix)] == [
        (value, count, False, False) for value, count in expected
    ]


def test_a_prefix_that_says_nothing_leaves_all_values(engine: Engine) -> None:
    for prefix in ("", " ", "\t\u3000", "'", "_", "\u0301"):
        assert engine.values(Query(), "topic", prefix) == engine.values(Query(), "topic")


def test_chosen_and_excluded_values_must_begin_so_as_well(engine: Engine) -> None:
    chosen: dict[str, tuple[str, ...]] = {"topic": ("it", "Azure", "Nonsense", "Iron")}
    filters = Filters(chosen, frozenset({"topic"}), excluded={"topic": ("power apps", "Nowhere", "Isles")})
    query = Query("the", filters=filters)
    assert [tuple(bucket) for bucket in engine.values(query, "topic", "i")] == [
        ("IT", 1, True, False),
        ("Iron", 0, True, False),
        ("Isles", 0, False, True),
    ]
    assert [tuple(bucket) for bucket in engine.values(query, "topic", "no")] == [
        ("Nonsense", 0, True, False),
        ("Nowhere", 0, False, True),
    ]
    assert [bucket.value for bucket in engine.values(query, "topic", "ap")] == ["Power Apps"]
    assert [bucket.value for bucket in engine.values(query, "topic", "azure")] == ["Azure"]  # chosen, in no match


def test_matches_over_time(engine: Engine) -> None:
    def times(interval: Interval, text: str = "", **filters: Any) -> list[tuple[str, str, str, int]]:
        found = engine.timeline(Query(text, filters=Filters(**filters), sort="oldest", page=5, size=0), interval)
        return [(each.value, str(each.first), str(each.last), each.count) for each in found.buckets]

    assert times("year") == [("2020", "2020-01-01", "2020-12-31", 1), ("2021", "2021-01-01", "2021-12-31", 3)]
    assert [(each[0], each[3]) for each in times("month")] == [("2020-08", 1), ("2021-03", 2), ("2021-04", 1)]
    assert times("week") == [
        ("2020-W36", "2020-08-31", "2020-09-06", 1),
        ("2021-W09", "2021-03-01", "2021-03-07", 1),
        ("2021-W13", "2021-03-29", "2021-04-04", 2),
    ]
    assert [each[:2] for each in times("day")][1:3] == [("2021-03-01", "2021-03-01"), ("2021-03-31", "2021-03-31")]
    assert times("month", "power") == [("2021-03", "2021-03-01", "2021-03-31", 2)]
    assert engine.timeline(Query(), "day").undated == 2
    assert engine.timeline(Query("power"), "day").undated == 0


def test_a_timeline_is_of_what_the_filters_leave_dates_among_them(engine: Engine) -> None:
    def years(**filters: Any) -> tuple[list[tuple[str, int]], int]:
        found = engine.timeline(Query(filters=Filters(**filters)), "year")
        return [(each.value, each.count) for each in found.buckets], found.undated

    march = {"start": datetime(2021, 3, 1, tzinfo=UTC), "end": datetime(2021, 4, 1, tzinfo=UTC)}
    assert years(**march) == ([("2021", 2)], 0)
    assert years(**march, missing=frozenset({"date"})) == ([("2021", 2)], 2)
    assert years(missing=frozenset({"date"})) == ([], 2)
    assert years(chosen={"topic": ("azure", "it")}) == ([("2020", 1), ("2021", 1)], 0)
    assert years(excluded={"provider": ("fabrikam",)}) == ([("2020", 1), ("2021", 2)], 1)
    assert years(chosen={"topic": ("nonsense",)}) == ([], 0)


def test_a_timeline_follows_the_rule_of_the_query(engine: Engine) -> None:
    for text in ("power cloud", "hybrit", "azure " * 100, "nothing of the kind", "-azure", '"'):
        for match in get_args(Match):
            query = Query(text, match, size=100)
            found = engine.timeline(query, "day")
            assert sum(bucket.count for bucket in found.buckets) + found.undated == engine.search(query).total


def test_the_first_and_the_last_dates_of_an_archive_are_counted(open_over: Callable[[Rows], Engine]) -> None:
    dates = ("9999-12-31T23:59:59.999999Z", "1000-01-01", "1969-12-31T23:59:59.999999Z", "2021-01-01T01:00:00+02:00")
    engine = open_over([{"id": str(n), "title": "x", "date": each} for n, each in enumerate(dates)])
    days = ["1000-01-01", "1969-12-31", "2020-12-31", "9999-12-31"]
    assert [bucket.value for bucket in engine.timeline(Query(), "day").buckets] == days
    weeks = ["1000-W01", "1970-W01", "2020-W53", "9999-W52"]
    assert [bucket.value for bucket in engine.timeline(Query(), "week").buckets] == weeks
    assert ids(engine.search(Query("date:9999"))) == ["0"]


def test_sorting_by_date_puts_undated_articles_last(ask: Ask) -> None:
    assert ids(ask(sort="newest")) == ["it", "power", "apps", "arc", "cafe", "tokyo"]
    assert ids(ask(sort="oldest")) == ["arc", "apps", "power", "it", "cafe", "tokyo"]


def test_pages_neither_repeat_nor_drop(open_over: Callable[[Rows], Engine]) -> None:
    rows = [{"id": f"{n:03}", "title": "equal words stand here", "date": "2021-01-01"} for n in range(57)]
    engine = open_over(rows)
    for text in ("", "equal", "equal nothing"):
        pages = [engine.search(Query(text, page=page, size=10)) for page in range(1, 8)]
        seen = [hit.article.id for page in pages for hit in page.hits]
        assert seen == [f"a/{n:03}" for n in range(57)]
        assert [hit.rank for page in pages for hit in page.hits] == list(range(1, 58))


def test_titles_weigh_more_and_newer_articles_a_little(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([
        {"id": "excerpt", "title": "something else", "excerpt": "about kestrels", "date": "2021-01-01"},
        {"id": "title", "title": "about kestrels", "excerpt": "something else", "date": "2021-01-01"},
        {"id": "newer", "title": "about kestrels", "excerpt": "something else", "date": "2021-06-01"},
        {"id": "other", "title": "nothing of the kind"},
    ])  # fmt: skip
    assert ids(engine.search(Query("kestrels"))) == ["newer", "title", "excerpt"]


def test_the_exact_form_ranks_first(open_over: Callable[[Rows], Engine]) -> None:
    rows = [{"id": word, "title": f"{word} today"} for word in ("universe", "university", "universal")]
    for word in ("universe", "university", "universal"):
        assert ids(open_over(rows).search(Query(word)))[0] == word


def test_highlights_and_the_best_passage(ask: Ask) -> None:
    hit = ask("espresso café").hits[0]
    assert hit.highlights == {"title": ((2, 6),), "excerpt": ()}
    assert hit.snippet
    assert "espresso machine" in hit.snippet.text
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.highlights] == ["espresso"]
    assert ask("arc").hits[0].snippet is None


def test_the_passage_does_not_repeat_the_excerpt(open_over: Callable[[Rows], Engine]) -> None:
    lead = "The old harbour crane will lift boats again this spring"
    engine = open_over([
        {"id": "1", "title": "Crane", "excerpt": f"{lead}…", "body": f"{lead}. Later a second crane follows."}
    ])
    (hit,) = engine.search(Query("crane")).hits
    assert hit.snippet
    assert hit.snippet.text == "Later a second crane follows."
    assert engine.search(Query("harbour")).hits[0].snippet is None


def test_topics_are_shown_in_their_most_frequent_spelling(ask: Ask) -> None:
    assert ask("powerapps grow", match="all").hits[0].article.topics == ("Power Apps", "Management tools")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap", [("words", "apps", 2), ("topic", "Power Apps", 2), ("title", "Power Apps in the cloud", 1)]),
        ("Power Ap", [("words", "Power apps", 2), ("topic", "Power Apps", 2), ("title", "Power Apps in the cloud", 1)]),
        ("apps", [("words", "apps", 2), ("topic", "Power Apps", 2), ("title", "Power Apps in the cloud", 1)]),
        ("CAF", [("words", "café", 1), ("title", "A café for us", 1)]),
        ("IT", [("words", "IT", 1), ("topic", "IT", 1), ("title", "IT departments in the US", 1)]),
        ("US ", [("title", "IT departments in the US", 1)]),
        ("c#", [("words", "c#", 1)]),
        (".n", [("words", ".net", 1)]),
        ("multi-c", [("words", "multi-cloud", 1)]),
        ("hybrid OR espr", [("words", "hybrid OR espresso", 2)]),
        ("(hybrid wor", [("words", "(hybrid world", 1), ("title", "Azure Arc for a hybrid world", 1)]),
        ("cloud -mult", [("words", "cloud -multi", 1)]),
        ("title:clo", [("words", "title:cloud", 1)]),
        ("management ", [("topic", "Management tools", 3)]),
        ("too", [("words", "tools", 3), ("topic", "Management tools", 3)]),
        ("東", [("words", "東", 1), ("words", "東京", 1), ("title", "東京都の天気", 1)]),
        *[
            (text, [])
            for text in ("", " ", "the ", '"power ap', "type:vid", "date:20", "https://azure.example/a", "zz")
        ],
        ("x" * 201, []),
    ],
)
def test_what_is_suggested_while_someone_types(engine: Engine, text: str, expected: list[tuple[str, str, int]]) -> None:
    found = engine.suggest(text)
    assert [(each.kind, each.text, each.count) for each in found] == expected
    assert [bool(each.id) for each in found] == [each.kind == "title" for each in found]


def test_suggestions_are_limited(engine: Engine) -> None:
    assert [len(engine.suggest("a", limit)) for limit in (0, 1, 2, 3)] == [0, 1, 2, 3]
    assert [each.kind for each in engine.suggest("power ap", 1)] == ["words"]


def test_hidden_articles_are_not_suggested(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([
        {"id": "1", "title": "Plain sight"},
        {"id": "2", "title": "Xylitol", "topics": ["Xenon"], "removed": True},
        {"id": "3", "title": "Xerox", "topics": ["Xenon"], "draft": True},
    ])
    assert engine.suggest("x") == ()


def test_get_and_status(engine: Engine) -> None:
    found = engine.get("a/arc")
    assert found
    assert found.article.title == "Azure Arc for a hybrid world"
    assert engine.get("a/nothing") is None
    assert engine.get("") is None
    status = engine.status()
    assert (status.articles, status.hidden, status.rejected) == (6, 0, 0)
    assert status.newest == "2021-04-01T00:00:00Z"
    assert status.generation == engine.search(Query()).generation


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://azure.example/arc?id=7", ["arc"]),
        ("https://azure.example/arc?id=7&utm_source=feed#top", ["arc"]),
        (" HTTP://WWW.azure.example:80/web-arc ", ["arc"]),
        ("azure.example/web-arc/", ["arc"]),
        ("https://azure.example/web-arc?page=2", ["arc"]),  # as in a query, but for its parameters
        ("https://azure.example/arc", []),
        ("https://azure.example/", []),
        ("arc", []),
        ("a/arc", []),
        ("javascript:alert(1)", []),
        ("https://", []),
        ("https://[", []),
        ("", []),
        (" \t\n", []),
        ("?", []),
        ("\ud800\0", []),
        (f"https://azure.example/{'x' * 100_000}", []),
    ],
)
def test_articles_by_address(engine: Engine, address: str, expected: list[str]) -> None:
    found = engine.lookup(address)
    assert [each.article.id for each in found] == [f"a/{each}" for each in expected]
    assert list(found) == [engine.get(each.article.id) for each in found]


def test_articles_that_share_an_address_come_in_order_of_id(open_over: Callable[[Rows], Engine]) -> None:
    urls = ("https://x.example/", "http://www.x.example", "https://x.example/?utm_source=y", "https://x.example/y")
    rows = [
        {"id": identity, "title": "x", "date": f"202{n}-01-01", key: url}
        for n, (identity, key, url) in enumerate(zip("cabd", ("url", "webUrl", "ampWebUrl", "url"), urls, strict=True))
    ]
    engine = open_over([*rows, {"id": "aa", "title": "x", "url": urls[0], "removed": True}])
    for url in urls[:3]:
        assert [each.article.id for each in engine.lookup(url)] == ["a/a", "a/b", "a/c"]
        assert {hit.article.id for hit in engine.search(Query(url)).hits} == {"a/a", "a/b", "a/c"}


def test_hidden_articles_are_counted_nowhere(open_over: Callable[[Rows], Engine]) -> None:
    about = {"title": "Zebra", "topics": ["Zebra", "Azure"], "date": "1999-12-31", "provider": "Zebra"}
    hidden: Rows = [
        {"id": f"h{n}", **about, "url": "https://azure.example/arc?id=7", "webUrl": "https://h.example/", **state}
        for n, state in enumerate([{"removed": True}, {"draft": True}, {"published": False}])
    ]
    with_hidden, without = open_over([*ARTICLES, *hidden]), open_over(ARTICLES)
    for name in FACETS:
        assert with_hidden.values(Query(), name) == without.values(Query(), name)
        for prefix in ("z", "a"):
            assert with_hidden.values(Query(), name, prefix) == without.values(Query(), name, prefix)
    for interval in get_args(Interval):
        assert with_hidden.timeline(Query(), interval) == without.timeline(Query(), interval)
    for row in ARTICLES:
        for url in (row.get("url", ""), row.get("webUrl", "")):
            assert with_hidden.lookup(url) == without.lookup(url)
    assert with_hidden.lookup("https://h.example/") == ()


def test_an_empty_page_has_counts_only(ask: Ask) -> None:
    results = ask("", size=0)
    assert (results.total, results.hits) == (6, ())
    assert results.facets["topic"]
    assert ask("", page=99, size=10).hits == ()


# Beside an article

STORIES: Rows = [
    {
        "id": "ferry",
        "title": "Night ferry returns to the harbour",
        "excerpt": "The ferry sails at dusk.",
        "url": "https://h.example/ferry",
        "provider": "Courier",
        "date": "2023-01-03",
    },
    {"id": "again", "title": "Night ferry returns to harbour again", "provider": "Herald", "date": "2023-01-02"},
    {
        "id": "address",
        "title": "Night ferry returns",
        "url": "http://www.h.example/ferry/?utm_source=x",
        "provider": "Feed",
    },
    {"id": "title", "title": "NIGHT ferry returns to the harbour", "provider": "courier", "date": "2023-01-04"},
    {"id": "bus", "title": "Night bus to the harbour", "provider": "Courier", "date": "2023-01-01"},
    {"id": "clock", "title": "The harbour clock stands still", "provider": "Courier"},
    {"id": "other", "title": "Tomatoes ripen early", "provider": "Courier"},
]


def similar_to(engine: Engine, name: str, limit: int = 6) -> list[str]:
    return [hit.article.id.removeprefix("a/") for hit in engine.similar(f"a/{name}", limit)]


def test_similar_articles_share_words_and_are_no_copies(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over(STORIES)
    assert similar_to(engine, "ferry") == ["again", "bus"]  # "clock" shares one word only
    assert similar_to(engine, "ferry", 1) == ["again"]
    assert similar_to(engine, "ferry", 0) == similar_to(engine, "ferry", -1) == []
    hits = engine.similar("a/ferry")
    assert [(hit.rank, hit.highlights, hit.snippet) for hit in hits] == [(1, {}, None), (2, {}, None)]
    assert hits[0].score > hits[1].score > 0


def test_of_several_copies_the_best_is_similar(open_over: Callable[[Rows], Engine]) -> None:
    found = similar_to(open_over(STORIES), "again")
    assert found[-1] == "bus"
    assert found[:-1] in (["ferry"], ["title", "address"], ["address", "title"])


def test_an_article_that_shares_nothing_or_is_not_there_has_nothing_similar(
    open_over: Callable[[Rows], Engine],
) -> None:
    engine = open_over(STORIES)
    assert similar_to(engine, "other") == similar_to(engine, "nothing") == []
    assert engine.similar("") == ()


def test_a_single_word_in_common_is_enough_where_there_is_no_other(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([{"id": "1", "title": "Tides"}, {"id": "2", "title": "The tide 7"}, {"id": "3", "title": "7"}])
    assert similar_to(engine, "1") == ["2"]
    assert similar_to(engine, "3") == []  # of a single digit


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"body": "the " * 245 + "kelp reef wreck divers lamp"}, ["kelp"]),  # the thousandth character is in "divers"
        ({"body": "the " * 247 + "kelp reef"}, ["kelp"]),
        ({"body": "the " * 248 + "kelp reef"}, ["kelp"]),
        ({"body": "the " * 249 + "kelp reef"}, []),
        ({"body": "".join(f"q{n} " for n in range(300)) + "kelp reef"}, []),
        ({"topics": [*(f"q{n}" for n in range(49)), "kelp reef"]}, ["kelp"]),
        ({"topics": [*(f"q{n}" for n in range(50)), "kelp reef"]}, []),
        ({"excerpt": "About a reef of kelp"}, ["kelp"]),
        ({"provider": "Kelp Reef", "author": "Wreck Divers"}, []),
    ],
)
def test_what_tells_what_an_article_is_about(
    open_over: Callable[[Rows], Engine], about: Mapping[str, Any], expected: list[str]
) -> None:
    names = ("kelp reef", "wreck dive", "divers lamp")
    rows = [{"id": name.split()[0], "title": name} for name in names]
    assert similar_to(open_over([{"id": "it", "title": "Solo", **about}, *rows]), "it") == expected


def test_very_many_copies_are_not_all_looked_at(open_over: Callable[[Rows], Engine]) -> None:
    copy = {"title": "Night ferry returns to the harbour", "provider": "Courier", "date": "2023-01-04"}
    engine = open_over([*({"id": f"{n}", **copy} for n in range(300)), *STORIES])
    assert similar_to(engine, "0") == []  # what is no copy comes after them


def test_hidden_articles_are_beside_no_article_and_change_nothing(open_over: Callable[[Rows], Engine]) -> None:
    hidden = [
        {
            **row,
            "id": f"h-{row['id']}",
            "url": f"https://hidden.example/{row['id']}",
            "related": ["https://h.example/ferry"],
        }
        | state
        for row, state in zip(STORIES, [{"removed": True}, {"draft": True}, {"published": False}] * 3, strict=False)
    ]
    with_hidden, without = open_over([*STORIES, *hidden]), open_over(STORIES)
    for row in STORIES:
        identity = f"a/{row['id']}"
        assert with_hidden.similar(identity) == without.similar(identity)
        assert with_hidden.get(identity) == without.get(identity)
    assert with_hidden.similar("a/h-ferry") == ()


def linked_from(engine: Engine, name: str) -> list[str]:
    found = engine.get(f"a/{name}")
    assert found
    return [(link.id or "").removeprefix("a/") for link in found.linked_from]


def test_links_are_found_in_both_directions(open_over: Callable[[Rows], Engine]) -> None:
    engine = open_over([
        {
            "id": "it",
            "title": "It",
            "webUrl": "https://x.example/it",
            "ampWebUrl": "https://x.example/amp",
            "related": ["https://x.example/both", "https://x.example/it"],
        },
        {
            "id": "old",
            "title": "Old",
            "date": "2020-01-01",
            "related": ["http://www.x.example/it/?utm_source=y", "https://x.example/amp"],
        },
        {"id": "undated", "title": "Undated", "related": ["https://x.example/it"]},
        {"id": "new", "title": "New", "date": "2021-01-01", "related": ["https://x.example/amp#top"]},
        {"id": "both", "title": "Both", "url": "https://x.example/both", "related": ["https://x.example/it"]},
        {"id": "none", "title": "None", "related": ["https://x.example/its"]},
    ])
    assert linked_from(engine, "it") == ["new", "old", "undated"]
    assert linked_from(engine, "both") == []  # named by "it", and in its `related` already
    assert linked_from(engine, "none") == []


def test_of_very_many_links_the_newest_are_shown(open_over: Callable[[Rows], Engine]) -> None:
    rows: list[Mapping[str, Any]] = [{"id": "it", "title": "It", "url": "https://x.example/it"}]
    rows += [
        {
            "id": f"{n:03}",
            "title": "T",
            "date": f"2021-01-01T{n // 60:02}:{n % 60:02}",
            "related": ["https://x.example/it"],
        }
        for n in range(300)
    ]
    assert linked_from(open_over(rows), "it") == [f"{n:03}" for n in range(299, 249, -1)]
