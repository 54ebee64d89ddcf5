"""The embedded engine and the brute-force `oracle` agree on random archives and random queries.

Every archive is built in several commits with additions, updates and deletions, and asked after each, so on one
segment and on several. BROADSHEET_ORACLE_ROUNDS multiplies the archives (default 1, some 20 seconds).
"""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from oracle import FIELDS, Answer, Oracle, Pattern, in_fields, neighbourly
from whoosh import query as whoosh_query

from index.archive import ArchiveSpec, SourceFile, load_lines, scan
from index.article import Article, Provider
from index.codec import ArrayIndex
from index.generation import Manifest, Store
from index.reindex import reindex
from index.schema import fingerprint
from index.settings import Settings
from index.writer import ArrayWriter
from search.dates import period
from search.embedded import EmbeddedEngine
from search.engine import Engine
from search.parser import parse
from search.query import (
    FACETS,
    And,
    Everything,
    Filters,
    Keyword,
    Match,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Sort,
    Word,
)
from search.results import Bucket, Hit, Results

ROUNDS = int(os.environ.get("BROADSHEET_ORACLE_ROUNDS", "1"))
ARCHIVES = 12 * ROUNDS
QUERIES = 40  # after each commit
COMMITS = 3

# Spellings that meet each other in one term or another.
SPELLINGS = """
    cloud clouds Cloud azure Azure data Data hub hubs datahub DataHub data-hub power apps app PowerApps powerapps
    Power-Apps multi multi-cloud multicloud Multi-Clouds low code low-code lowcode C# c# C++ F# .NET net ASP.NET Node.js
    node js AT&T R&D IT it US us U.S. WHO who A.I. AI ai AWS GA gas VMs VM vms Lumen-3 lumen 3 3.0 v1.2 1,000 1000 5G
    café cafe Café cafés naïve naive Zürich Straße strasse O’Reilly’s oreilly don't dont run runs running runner
    general generally generous university universities engine engines engineering harbour harbor harbours e-mail email
    state-of-the-art tide tides tidal 東京都 東京 京都 都 東京Azure 日本語 ภาษาไทย हिन्दी 한국어 ｆｕｌｌ ﬁne fine
    ENGINE CLOUD
"""
WORDS = tuple(SPELLINGS.split())
ALIKE = """
    cape care cart card core cure cave came winter winders wander wonder render sender center centre canter ai hub
"""
NEAR = tuple(ALIKE.split())
FUNCTION = ("the", "of", "to", "and", "it", "us", "who", "The", "IT", "in")
APART = (
    "power apps",
    "Data Hub",
    "multi cloud",
    "low code",
    "power Apps power",
    "e mail",
    "data hubs data",
    "as p.net",
)
SPELLED = (
    ("Azure", "azure", "AZURE"),
    ("AI", "ai", "Ai"),
    ("Power Apps", "power apps"),
    ("Straße", "STRASSE"),
    ("C#",),
)
PROVIDERS = ("Open Harbour", "open harbour", "OPEN HARBOUR", "Café Data", "Lumen", "C# Weekly", "")
DOMAINS = ("harbour.example", "Harbour.example", "data.example", "")
KINDS = ("article", "Article", "video", "Video Course", "course", "")
CATEGORIES = ("news", "News", "learning", "Case Study", "")
TIMES = """
    2019-12-31T23:59:59 2020-01-01T00:00:00 2020-01-15T12:00:00 2020-02-29T08:30:00 2020-03-01T00:00:00
    2021-03-31T23:59:59 2021-04-01T00:00:00 2021-12-13T05:54:00 2012-06-01T00:00:00 1969-07-20T20:17:40
"""
DATES = tuple(datetime.fromisoformat(f"{time}+00:00") for time in TIMES.split())
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
PERIODS = ("2020", "2019", "2020-01", "2020-03", "2021-03-31", "1969", "2030", "2021-04", "never")
ADDRESSES = ("https://harbour.example/a", "http://www.harbour.example/a/", "https://data.example/read?id={}")
RELATED = (
    "https://harbour.example/a/?utm_source=y",
    *(f"http://www.data.example/read/?id={number}#top" for number in range(1, 5)),
    "https://elsewhere.example/",
)


# Random archives


@dataclass
class Archive:
    """A random archive: its articles by id, and the words it is made of."""

    random: Random
    words: list[str]
    articles: dict[str, Article]

    def text(self, least: int, most: int) -> str:
        found = []
        for _ in range(self.random.randint(least, most)):
            pool: Sequence[str] = FUNCTION if self.random.random() < 0.2 else self.words
            found.append(self.random.choice(pool) + self.random.choice(["", "", "", "", "", ",", ".", " –", "-"]))
        text = " ".join(found)
        return text.upper() if self.random.random() < 0.05 else text

    def article(self, identity: str) -> Article:
        random = self.random
        excerpt = self.text(0, 9)
        body = self.text(0, 25)
        topics = [random.choice(spellings) for spellings in random.sample(SPELLED, random.choice([0, 0, 1, 1, 2, 3]))]
        if random.random() < 0.6:
            topics += [f"Topic {random.randint(1, 26)}"]
        return Article(
            id=identity,
            archive="a",
            path=identity.removeprefix("a/"),
            title=self.text(1, 5),
            excerpt=excerpt,
            text=f"{excerpt} {body}" if random.random() < 0.3 else body,
            type=random.choice(KINDS),
            category=random.choice(CATEGORIES),
            published=self.date(),
            quality=random.choice([None, 0, 12.5, 50, 100, 136]),
            heat=random.choice([None, -1, 0, 0.5, 70, 500, 3694]),
            provider=Provider(random.choice(PROVIDERS), random.choice(DOMAINS)),
            authors=tuple(self.text(1, 2) for _ in range(random.choice([0, 0, 1, 2]))),
            topics=tuple(topics),
            original_url=random.choice(["", *ADDRESSES]).format(random.randint(1, 4)),
            web_url=f"https://www.harbour.example/{identity}?utm_source=x" if random.random() < 0.5 else "",
            related=tuple(random.sample(RELATED, random.choice([0, 0, 1, 3]))),
        )

    def date(self) -> datetime | None:
        draw = self.random.random()
        if draw < 0.2:
            return None
        return self.random.choice(DATES) + timedelta(days=self.random.randint(1, 900) if draw > 0.95 else 0)

    def change(self, added: int, updated: int, deleted: int) -> Iterator[tuple[str, Article | None]]:
        """Change the archive; each changed id with what it holds from now on."""
        old = self.random.sample(sorted(self.articles), min(updated + deleted, len(self.articles)))
        newest = max(self.articles, key=lambda identity: self.articles[identity].published or LONG_AGO, default="")
        if deleted and newest not in old:
            old[-1:] = [newest]  # the one that the recency of all others is measured by
        for identity in old[:updated]:
            yield identity, self.article(identity)
        for identity in old[updated:]:
            yield identity, None
        twins = list(self.articles.values())
        for place in self.random.sample(range(10**6), added):
            identity = f"a/{self.random.choice('abBé')}{place}"
            if identity in self.articles:
                continue
            if twins and self.random.random() < 0.2:  # equal scores
                yield identity, replace(self.random.choice(twins), id=identity, path=identity.removeprefix("a/"))
            else:
                twins.append(self.article(identity))
                yield identity, twins[-1]

    def apply(self, changes: Iterable[tuple[str, Article | None]]) -> None:
        for identity, article in list(changes):
            self.articles.pop(identity, None)
            if article:
                self.articles[identity] = article

    def commit(self, store: Store, added: int, updated: int = 0, deleted: int = 0) -> None:
        """Change the archive and publish the change."""
        self.commit_these(store, list(self.change(added, updated, deleted)))

    def commit_these(self, store: Store, changes: Sequence[tuple[str, Article | None]]) -> None:
        """Publish some changes: what each id holds from now on."""
        publish(store, self.articles, changes)
        self.apply(changes)


def publish(store: Store, before: Mapping[str, Article], changes: Iterable[tuple[str, Article | None]]) -> None:
    """Make the next generation as a reindex does: what each id holds from now on, None where it is gone."""
    previous = store.open() if store.current_name() else None
    directory = store.begin(previous)
    writer = ArrayWriter(directory)
    count = len(before)
    for identity, article in changes:
        if identity in before:
            writer.delete(identity)
        if article:
            writer.add(article)
        count += bool(article) - (identity in before)
    writer.commit()
    manifest = Manifest("", "", fingerprint(), "hide", {"a": "/a"}, count, 0, 0, ())
    store.publish(directory, manifest, previous)


def archive(seed: int) -> Archive:
    random = Random(seed)
    words = random.sample(WORDS, random.choice([8, 16, 30])) if random.random() < 0.8 else [*NEAR]
    return Archive(random, words, {})


# Random queries


@dataclass(frozen=True)
class Typist:
    """Types random queries about an archive."""

    archive: Archive
    random: Random

    def word(self) -> str:
        draw = self.random.random()
        if draw < 0.12:
            return self.random.choice(FUNCTION)
        word = self.random.choice(WORDS if draw < 0.22 else self.archive.words)
        if draw > 0.9:
            return self.misspelt(word)
        if draw > 0.87:
            return word.upper()
        return word + self.random.choice(self.archive.words) if draw > 0.84 else word

    def misspelt(self, word: str) -> str:
        at = self.random.randrange(len(word))
        if self.random.random() < 0.3:
            return self.misspelt(word[:at] + "e" + word[at + 1 :])
        return word[:at] + self.random.choice(["", "x", word[at] * 2, "e"]) + word[at + self.random.choice([0, 1]) :]

    def phrase(self) -> str:
        article = self.random.choice([*self.archive.articles.values()])
        source = self.random.choice([article.title, article.excerpt, article.text, article.provider.name]).split()
        at = self.random.randrange(len(source) + 1)
        return f'"{" ".join(source[at : at + self.random.randint(1, 3)]) or self.word()}"'

    def clause(self, depth: int = 0) -> str:
        random = self.random
        draw = random.random()
        if draw < 0.62:
            return self.word()
        if draw < 0.70:
            return self.phrase()
        if draw < 0.75:
            return self.word()[: random.randint(1, 4)] + "*"
        if draw < 0.80:
            return f"{random.choice(FIELDS)}:{random.choice([self.word, self.phrase])()}"
        if draw < 0.84:
            return random.choice(["-", "NOT "]) + self.clause(depth + 1)
        if draw < 0.88 and depth < 3:
            joint = random.choice([" ", " OR ", " AND "])
            return f"({joint.join(self.clause(depth + 1) for _ in range(random.randint(1, 3)))})"
        if draw < 0.91:
            return f"{self.word()} OR {self.word()}"
        return self.fact()

    def fact(self) -> str:
        random = self.random
        key = random.choice(["type", "category", "date", "date", "before", "after", "url", ""])
        if key in {"type", "category"}:
            value = random.choice([*KINDS, *CATEGORIES, "vid*", "NEWS"]) or "none"
            return f'{key}:"{value}"' if " " in value else f"{key}:{value}"
        if key in {"url", ""}:
            article = random.choice([*self.archive.articles.values()])
            address = random.choice([*article.addresses, "https://harbour.example/nowhere"])
            tail = "&" if "?" in address else "?"
            address += random.choice(["", "", f"{tail}utm_medium=mail", f"{tail}page=2"])
            return f"{key}:{address}" if key else address
        first, last = random.choice(PERIODS), random.choice(PERIODS)
        return f"{key}:" + (random.choice([first, f"{first}..{last}", f"..{last}"]) if key == "date" else first)

    def text(self) -> str:
        if self.random.random() < 0.01:
            return " ".join(self.misspelt(self.random.choice(self.archive.words)) for _ in range(14))
        count = self.random.choice([0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 8])
        clauses = [self.clause() for _ in range(count)]
        if count and self.random.random() < 0.15:
            clauses.insert(self.random.randrange(count), self.random.choice(clauses))  # counts as often as it is typed
        if self.random.random() < 0.1:
            clauses += self.random.choice(APART).split()
        text = " ".join(clauses)
        return text.upper() if self.random.random() < 0.03 else text

    def filters(self) -> Filters:
        random = self.random
        if random.random() < 0.5:
            return Filters()
        articles = [*self.archive.articles.values()]
        values = {
            "topic": [random.choice(SPELLED)[0], "Topic 7", "topic 8", *random.choice(articles).topics],
            "provider": [*PROVIDERS[:3], "Harbour.Example"],
            "type": ["article", "VIDEO", "unheard of"],
            "category": ["News", "case study"],
        }
        chosen = {
            facet: tuple(random.sample(values[facet], random.choice([1, 1, 2])))
            for facet in FACETS
            if random.random() < 0.25
        }
        excluded = {
            facet: tuple(random.sample([*values[facet], "Unheard"], random.choice([1, 1, 2])))
            for facet in FACETS
            if random.random() < 0.2
        }
        missing = frozenset(facet for facet in (*FACETS, "date") if random.random() < 0.12)
        start = end = None
        if random.random() < 0.3:
            first, last = (period(random.choice(PERIODS[:-1])) for _ in range(2))
            assert first
            assert last
            start, end = random.choice([first, (first[0], last[1]), (None, last[1]), (first[0], None)])
        return Filters(chosen, missing, start, end, excluded)

    def query(self) -> Query:
        match: Match = self.random.choice(["auto", "auto", "auto", "all", "any"])
        sort: Sort = self.random.choice(["relevance", "relevance", "relevance", "newest", "oldest", "id"])
        return Query(self.text(), match, self.filters(), sort, size=100)


# Comparison


def assert_agree(results: Results, expected: Answer, oracle: Oracle) -> None:
    """One page that holds everything against the oracle's answer."""
    ids = [hit.article.id for hit in results.hits]
    assert sorted(ids) == sorted(expected.ids)
    assert results.total == len(expected.ids)
    assert results.full == len(expected.full)
    assert {hit.article.id for hit in results.hits if hit.full} == expected.full
    assert {hit.article.id: hit.score for hit in results.hits} == pytest.approx(expected.scores, rel=1e-6, abs=0)
    assert [hit.rank for hit in results.hits] == list(range(1, len(ids) + 1))
    assert results.match == expected.match
    kinds = {note.kind for note in results.notes}
    assert ("stand_in" in kinds, "partial" in kinds) == (expected.stood_in, expected.match == "partial")
    assert {name: settled(buckets) for name, buckets in results.facets.items()} == {
        name: settled(buckets) for name, buckets in expected.facets.items()
    }
    assert results.dates == expected.dates
    for hit in results.hits:
        assert hit.article.topics == tuple(oracle.spelled("topic", topic) for topic in hit.article.topics)
    assert_same_order(results, expected)


def settled(buckets: tuple[Bucket, ...]) -> list[Bucket]:
    """The buckets of a facet, chosen values that no match has in one order: which they come in is not promised."""
    empty = [bucket for bucket in buckets if bucket.value is not None and not bucket.count and bucket.selected]
    return [bucket for bucket in buckets if bucket not in empty] + sorted(empty, key=lambda bucket: bucket.value or "")


def assert_same_order(results: Results, expected: Answer) -> None:
    """The same order, save for scores too close to tell apart; what it scores alike is in order all the same."""

    def level(identity: str) -> bool:
        return expected.match == "partial" and identity not in expected.full

    for hit, identity in zip(results.hits, expected.ids, strict=True):
        if hit.article.id != identity:
            assert level(hit.article.id) == level(identity)
            assert expected.scores[hit.article.id] == pytest.approx(expected.scores[identity], rel=1e-9, abs=0)
    place = {identity: place for place, identity in enumerate(expected.ids)}
    for one, other in itertools.pairwise(results.hits):
        tied = expected.scores[one.article.id] == expected.scores[other.article.id] and one.score == other.score
        if tied and level(one.article.id) == level(other.article.id):
            assert place[one.article.id] < place[other.article.id]


def paged(engine: Engine, query: Query, size: int) -> list[Hit]:
    pages = (engine.search(replace(query, page=page, size=size)).hits for page in itertools.count(1))
    return [hit for page in itertools.takewhile(bool, pages) for hit in page]


def harvested(engine: Engine, query: Query, size: int) -> list[Hit]:
    """The hits of page after page, each asked for by where the one before ended."""
    results = engine.search(replace(query, size=size))
    hits = [*results.hits]
    while results.next:
        results = engine.search(replace(query, size=size, page=7, after=results.next))
        assert results.hits
        hits += results.hits
    return hits


def assert_answers(engine: Engine, oracle: Oracle, query: Query, size: int = 0) -> None:
    """The engine's answer is the oracle's; with a `size`, also in pages of so many and with all values of facets."""
    results = engine.search(query)
    try:
        assert_agree(results, oracle.answer(query), oracle)
        for facet in FACETS if size else ():
            assert settled(engine.values(query, facet)) == settled(oracle.values(query, facet))
        if size:
            assert paged(engine, query, size) == list(results.hits)
            assert harvested(engine, query, size) == list(results.hits)
            bare = [replace(hit, highlights={}, snippet=None) for hit in results.hits]
            assert list(engine.scan(replace(query, page=9, size=1))) == bare
    except AssertionError as error:
        raise AssertionError(f"{query}\n{error}") from error


def commits(store: Store, seed: int) -> Iterator[Archive]:
    """A random archive after each of its commits."""
    made = archive(seed)
    made.commit(store, added=made.random.choice([3, 14, 40, 60]))
    yield made
    for _ in range(COMMITS - 1):
        made.commit(
            store,
            added=made.random.randint(1, 14),
            updated=made.random.randint(0, 5),
            deleted=made.random.randint(0, 5),
        )
        yield made


TITLES = (
    "PowerApps in the harbour",
    "Power for harbour apps",
    "Night ferry, power and tides",
    "東京Azureの朝",
    "The clock",
    "Clock towers",
    "Apps for hubs",
    "Apps of 2019",
    "A data hub",
    "Datahubs",
    "To be or not",
    "IT staff",
    "It rains",
    "US cities",
)
QUESTIONS = (
    "hubs OR (apps before:2020)",  # what an AND does not match adds nothing to the score
    "(harbour AND ferry) OR tides",
    "excerpt:harbours",  # occurs in titles, if only by its stem: no other word stands in
    "excerpt:harbors",
    "東京Azure",  # the parts of a word stand where the analyzer puts them
    "title:東京Azure",
    "ferry power apps power",  # either "power" holds what one of them holds
    "power apps power ferry",
    "the to of",
    "the clock",
    "-the clock",
    "title:the clock",
    "IT",
    "it",
    "IT STAFF",
    "tidez clok hubz",
    "tdies",  # two edits, however many segments there are
    "colck OR of",
)


@pytest.fixture(scope="module", params=[len(TITLES), 10], ids=["one_segment", "two_segments"])
def by_hand(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EmbeddedEngine, Oracle]]:
    """An archive of a few titles, every other one undated."""
    store = Store(tmp_path_factory.mktemp("by_hand") / "index")
    dates = [None, DATES[0], None, DATES[1]]
    articles = {
        f"a/{i}": Article(id=f"a/{i}", archive="a", path=str(i), title=title, published=dates[i % 4])
        for i, title in enumerate(TITLES)
    }
    first = dict(itertools.islice(articles.items(), request.param))  # fewer would be merged with the rest
    publish(store, {}, first.items())
    if first != articles:
        publish(store, first, [(key, article) for key, article in articles.items() if key not in first])
    with closing(ArrayIndex(store.open().path)) as stock, closing(stock.reader()) as reader:
        assert len(reader.leaf_readers()) == (1 if first == articles else 2)
    with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
        yield engine, Oracle(list(articles.values()))


@pytest.mark.parametrize("match", get_args(Match))
@pytest.mark.parametrize("text", QUESTIONS)
def test_particular_questions_agree(by_hand: tuple[EmbeddedEngine, Oracle], text: str, match: Match) -> None:
    engine, oracle = by_hand
    assert_answers(engine, oracle, Query(text, match, size=100), size=2)


@pytest.mark.parametrize("seed", range(ARCHIVES))
def test_engine_agrees_with_brute_force(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "index")
    for made in commits(store, seed):
        oracle = Oracle(list(made.articles.values()))
        typist = Typist(made, made.random)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            for number in range(QUERIES):
                assert_answers(engine, oracle, typist.query(), size=number % 10)


def assert_beside(engine: Engine, oracle: Oracle, article: Article) -> None:
    """What stands beside an article is what the oracle says, save for the order of scores too close to tell apart."""
    expected = oracle.similar(article, 5)
    hits = engine.similar(article.id, 5)
    scores = {identity: score for identity, score, _ in oracle.similar(article, len(oracle.articles))}
    assert [hit.score for hit in hits] == pytest.approx([score for _, score, _ in expected], rel=1e-6, abs=0)
    assert [scores[hit.article.id] for hit in hits] == pytest.approx([score for _, score, _ in expected], rel=1e-9)
    assert sorted(hit.full for hit in hits) == sorted(full for _, _, full in expected)
    assert [(hit.rank, hit.highlights, hit.snippet) for hit in hits] == [(n + 1, {}, None) for n in range(len(hits))]
    found = engine.get(article.id)
    assert found
    related = {link.id for link in found.related}
    linking = [each for each in oracle.linking(article) if each.id not in related]
    assert [(link.id, link.title, link.url) for link in found.linked_from] == [
        (each.id, each.title, each.address) for each in linking[:50]
    ]


@pytest.mark.parametrize("seed", range(500, 500 + ARCHIVES))
def test_what_stands_beside_an_article_agrees_with_brute_force(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "index")
    for made in commits(store, seed):
        held = list(made.articles.values())
        oracle = Oracle(held)
        with closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine:
            for article in made.random.sample(held, min(8, len(held))):
                assert_beside(engine, oracle, article)
            for article in held:
                assert article.id not in [hit.article.id for hit in engine.similar(article.id, 100)]


@pytest.mark.parametrize("number", range(len(TITLES)))
def test_similar_articles_are_the_same_on_several_segments(by_hand: tuple[EmbeddedEngine, Oracle], number: int) -> None:
    engine, oracle = by_hand
    assert_beside(engine, oracle, oracle.articles[number])


def test_reindexed_archive_agrees_with_brute_force(tmp_path: Path) -> None:
    """The same from a JSONL archive on disk, through the loader and `reindex`."""
    made = archive(seed=7)
    spec, settings = ArchiveSpec("a", tmp_path / "a.jsonl"), Settings(index=str(tmp_path / "index"))
    for added, updated, deleted in ((40, 0, 0), (12, 4, 3), (6, 5, 2)):
        made.apply(made.change(added, updated, deleted))
        spec.path.write_text("".join(map(json_line, made.articles.values())), encoding="utf-8")
        report = reindex([spec], settings)
        sources = [source for source in scan(spec, settings) if isinstance(source, SourceFile)]
        loaded = [each.article for source in sources for each in load_lines(spec, source, settings)]
        oracle = Oracle([article for article in loaded if article])
        assert len(oracle.articles) == len(made.articles) == report.articles
        typist = Typist(made, made.random)
        with closing(EmbeddedEngine(settings)) as engine:
            for _ in range(QUERIES):
                assert_answers(engine, oracle, typist.query())


def json_line(article: Article) -> str:
    row = {
        "id": article.path,
        "title": article.title,
        "excerpt": article.excerpt,
        "body": article.text,
        "provider": {"name": article.provider.name, "domain": article.provider.domain},
        "topics": article.topics,
        "authors": article.authors,
        "type": article.type,
        "category": article.category,
        "date": article.published.isoformat() if article.published else None,
        "quality": article.quality,
        "heat": article.heat,
        "originalUrl": article.original_url,
        "webUrl": article.web_url,
        "related": article.related,
    }
    return json.dumps({key: value for key, value in row.items() if value or value == 0}) + "\n"


# Whoosh's own searcher on the same index


@pytest.mark.parametrize("seed", range(1000, 1000 + 4 * ROUNDS))
def test_engine_matches_what_whoosh_matches(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "index")
    made = archive(seed)
    made.commit(store, added=50)
    made.commit(store, added=15, updated=4, deleted=2)
    made.commit(store, added=10, updated=2, deleted=2)
    oracle, typist = Oracle(list(made.articles.values())), Typist(made, made.random)
    with (
        closing(ArrayIndex(store.open().path)) as stock,
        closing(stock.searcher()) as searcher,
        closing(EmbeddedEngine(Settings(index=str(store.path)))) as engine,
    ):
        reader = searcher.reader()
        assert len(reader.leaf_readers()) > 1
        assert reader.has_deletions()
        ids = {
            number: identity
            for identity in made.articles
            for number in reader.postings("id", identity).all_ids()
            if not reader.is_deleted(number)
        }
        for _ in range(QUERIES):
            query = Query(typist.text(), "all", size=100)
            compiled = compile_whoosh(parse(query.text).tree, oracle)
            if compiled is None:
                continue
            theirs = {ids[number] for number in searcher.search(compiled, limit=None).docs()}
            ours = {hit.article.id for hit in engine.search(query).hits}
            assert ours == theirs, f"{query.text!r}: {compiled}"


def compile_whoosh(node: Node, oracle: Oracle, neighbours: tuple[Word, ...] = ()) -> whoosh_query.Query | None:
    """A tree as a query of Whoosh's own; None where it asks what Whoosh does not know (dates, places with gaps)."""
    match node:
        case Word(_, field):
            return whoosh_patterns(oracle.patterns(node, neighbours), in_fields(field))
        case Phrase(_, field):
            return whoosh_patterns([oracle.phrase(node)], in_fields(field))
        case Prefix(_, field):
            return whoosh_query.Or([whoosh_query.Prefix(name, oracle.beginning(node)) for name in in_fields(field)])
        case Keyword(field, text, prefix):
            return (whoosh_query.Prefix if prefix else whoosh_query.Term)(field, text)
        case Everything():
            return whoosh_query.Every()
        case Not(clause):
            inner = compile_whoosh(clause, oracle)
            return inner and whoosh_query.And([whoosh_query.Every(), whoosh_query.Not(inner)])
        case Or(clauses):
            found = [compile_whoosh(clause, oracle) for clause in clauses]
            return whoosh_query.Or(found) if None not in found else None
        case And(clauses):
            found = [compile_whoosh(clause, oracle, around) for clause, around in neighbourly(clauses)]
            return whoosh_query.And(found) if None not in found else None
        case _:
            return None


def whoosh_patterns(patterns: Iterable[Pattern], fields: Iterable[str]) -> whoosh_query.Query | None:
    found = []
    for pattern, field in itertools.product(patterns, fields):
        stream = field if pattern.stream == "exact" else f"{field}_stem"
        terms = list(pattern.terms)
        if pattern.offsets != tuple(range(len(terms))):
            return None
        found.append(whoosh_query.Phrase(stream, terms) if len(terms) > 1 else whoosh_query.Term(stream, terms[0]))
    return whoosh_query.Or(found)


def test_a_facet_value_that_only_deleted_articles_had_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    held = {f"a/{n}": Article(f"a/{n}", "a", str(n), title="Tide", topics=("News",)) for n in range(9)}
    gone = Article("a/gone", "a", "gone", title="Tide", topics=("Secret",))
    publish(store, {}, [*held.items(), (gone.id, gone)])
    publish(store, {**held, gone.id: gone}, [(gone.id, None)])
    with closing(EmbeddedEngine(Settings(index=str(tmp_path)))) as engine:
        found = engine.search(Query("tide", filters=Filters({"topic": ("SECRET",)})))
        assert found.facets["topic"] == (Bucket("News", 9, selected=False), Bucket("SECRET", 0, selected=True))


def test_an_engine_may_be_closed_while_it_answers(tmp_path: Path) -> None:
    store = Store(tmp_path)
    archive(1).commit(store, added=9)
    engine = EmbeddedEngine(Settings(index=str(tmp_path)))
    ranked = engine.rank(Query("NOT nothing"))
    engine.close()
    assert len(ranked.ids) == ranked.total == 9
