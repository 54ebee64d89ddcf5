"""Harvests: walks by cursor through all hits, over HTTP, while the archive changes and is indexed anew in between.

Several walks go on side by side, a few pages each between two states of the archive. What is visible is told by the
files; which of it matches words by an export of each state, which does not go by cursor.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from test_real_data import unpack

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query
from search.results import Results
from web import create_app
from web.service import EXTENSION

LASTING = ("id", "newest", "oldest")
NEW_YEAR = datetime(2021, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"^publishedDateTime: .*$", re.MULTILINE)


class Archive:
    """A folder that changes, and the ids of the articles in it that may be seen."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.visible: set[str] = set()
        self.redated: set[str] = set()
        self._folder = folder
        self._made = 0

    def add(self, count: int, words: str) -> None:
        """New articles, some without a date and some with that of others, a few of which nobody may see."""
        for _ in range(count):
            self._made += 1
            name = f"_news/{self.random.choice('azné')}-added-{self._made}"
            path = self._path(f"a/{name}")
            path.parent.mkdir(exist_ok=True)
            moment = NEW_YEAR + timedelta(days=self.random.randint(-400, 400))
            date = f"publishedDateTime: {moment:%Y-%m-%dT%H:%M:%SZ}\n" if self.random.random() < 0.8 else ""
            hidden = self.random.random() < 0.1
            removed = "removed: true\n" if hidden else ""
            words_of_it = " ".join(self.random.sample(words.split(), 3))
            path.write_text(f"---\ntitle: {words_of_it}\n{removed}{date}---\n{words_of_it}\n", encoding="utf-8")
            if not hidden:
                self.visible.add(f"a/{name}")

    def change(self, count: int, words: str) -> None:
        """Edit, remove, hide, date anew, rename and add so many articles each."""
        chosen = self.random.sample(sorted(self.visible), 5 * count)
        edited, removed, hidden, redated, renamed = (chosen[i::5] for i in range(5))
        for identity in edited:
            path = self._path(identity)
            path.write_text(path.read_text(encoding="utf-8") + f"\n{words}\n", encoding="utf-8")
        for identity in removed:
            self._path(identity).unlink()
        for identity in hidden:
            path = self._path(identity)
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("---\n", "---\nremoved: true\n", 1), encoding="utf-8")
        for identity in redated:
            path = self._path(identity)
            moment = NEW_YEAR + timedelta(days=self.random.randint(-1000, 1000))
            text = path.read_text(encoding="utf-8")
            path.write_text(_DATE.sub(f"publishedDateTime: {moment:%Y-%m-%d}", text, count=1), encoding="utf-8")
        for identity in renamed:
            self._path(identity).rename(self._path(f"{identity}-again"))
        self.visible -= {*removed, *hidden, *renamed}
        self.visible |= {f"{identity}-again" for identity in renamed}
        self.redated |= set(redated)
        self.add(count, words)

    def _path(self, identity: str) -> Path:
        return self._folder / f"{identity.removeprefix('a/')}.md"


@dataclass
class Harvest:
    """A walk by cursor.

    Attributes:
        sort: its order.
        url: of its next page; None at the end.
        steady: what matched in every state so far; None before the first.
        hits: what it brought, in order.
    """

    sort: str
    words: str
    url: str | None
    steady: set[str] | None = None
    hits: list[dict[str, Any]] = field(default_factory=list)

    def go_on(self, client: FlaskClient, matching: set[str], pages: int) -> None:
        """Ask for the next pages, while exactly these articles match."""
        if self.url is None:
            return
        self.steady = matching if self.steady is None else self.steady & matching
        for _ in range(pages):
            if self.url is None:
                return
            with client.get(self.url) as response:
                answer = response.get_json()
            assert answer["total"]["value"] == len(matching)
            assert matching.issuperset(hit["id"] for hit in answer["hits"])
            self.hits += answer["hits"]
            self.url = answer["page"]["next_url"]

    def assert_complete(self, redated: set[str]) -> None:
        """It is at its end, and brought everything once; by date, what moved in that order may come twice or never."""
        assert self.url is None
        assert self.steady
        moved = set() if self.sort == "id" else redated
        assert [hit["rank"] for hit in self.hits] == list(range(1, len(self.hits) + 1))
        ids = [hit["id"] for hit in self.hits if hit["id"] not in moved]
        assert len(ids) == len(set(ids))
        assert self.steady - moved <= set(ids)
        assert all(self._key(one) < self._key(other) for one, other in pairwise(self.hits))

    def _key(self, hit: dict[str, Any]) -> tuple[bool, float, str]:
        if self.sort == "id":
            return False, 0, hit["id"]
        if hit["published"] is None:
            return True, 0, hit["id"]
        seconds = datetime.fromisoformat(hit["published"]).timestamp() // 1
        return False, seconds if self.sort == "oldest" else -seconds, hit["id"]


@contextmanager
def served(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions[EXTENSION].close()


def address(path: str, words: str, **parameters: str | int) -> str:
    asked = {"q": words, "match": "all"} if words else {}
    return f"/api/v1/{path}?{urlencode({**asked, **parameters})}"


def begin(sort: str, words: str, size: int) -> Harvest:
    fields = "published,rank"
    return Harvest(
        sort, words, address("search", words, cursor="*", sort=sort, size=size, facets="none", fields=fields)
    )


def exported(client: FlaskClient, words: str) -> set[str]:
    """The ids of all articles that match."""
    with client.get(address("export", words, format="jsonl", fields="rank")) as response:
        return {json.loads(line)["id"] for line in response.get_data(as_text=True).splitlines()}


def walk_beside_changes(
    archive: Archive, folder: Path, settings: Settings, queries: list[str], size: int, states: int
) -> None:
    """Walk through all matches of some queries in every lasting order; the archive has about so many states."""
    words = " ".join(filter(None, queries))
    spec = ArchiveSpec("a", folder)
    harvests = [begin(sort, query, size) for sort in LASTING for query in queries]
    with served(settings) as client:
        state = 0
        while any(harvest.url for harvest in harvests):
            for query in queries:
                matching = exported(client, query)
                assert matching == archive.visible if not query else matching < archive.visible
                for harvest in harvests:
                    if harvest.words == query:
                        harvest.go_on(client, matching, pages=1 + len(matching) // (states * size))
            archive.change(len(archive.visible) // 100, words)
            report = reindex([spec], settings, full=state % 3 == 1)
            assert report.articles == len(archive.visible)
            state += 1
    assert state > states // 2
    for harvest in harvests:
        harvest.assert_complete(archive.redated)


def test_a_harvest_brings_everything_once_whatever_happens_meanwhile(tmp_path: Path) -> None:
    folder, settings = tmp_path / "archive", Settings(index=str(tmp_path / "index"))
    folder.mkdir()
    archive = Archive(folder, seed=1)
    archive.add(420, "harbour ferry tide lamp clock night")
    reindex([ArchiveSpec("a", folder)], settings)
    walk_beside_changes(archive, folder, settings, ["", "ferry", "harbour tide"], size=5, states=10)


def test_a_harvest_of_a_real_archive_brings_everything_once_whatever_happens_meanwhile(tmp_path: Path) -> None:
    folder = unpack("archives/azure.tar.xz", tmp_path / "archive")
    settings = Settings(index=str(tmp_path / "index"), unpublished="show")
    assert reindex([ArchiveSpec("a", folder)], settings).articles == 7_084
    archive = Archive(folder, seed=2)
    with served(settings) as client:
        archive.visible = exported(client, "")
    assert len(archive.visible) == 7_084
    walk_beside_changes(archive, folder, settings, ["", "microsoft", "machine learning"], size=50, states=4)


@pytest.fixture
def steady(tmp_path: Path) -> Iterator[tuple[FlaskClient, Archive, Settings]]:
    """A served archive of some articles."""
    folder, settings = tmp_path / "archive", Settings(index=str(tmp_path / "index"))
    folder.mkdir()
    archive = Archive(folder, seed=3)
    archive.add(60, "harbour ferry tide lamp clock night")
    reindex([ArchiveSpec("a", folder)], settings)
    with served(settings) as client:
        yield client, archive, settings


@pytest.mark.parametrize("words", ["", "ferry"])
def test_by_relevance_a_harvest_goes_on_until_the_index_is_made_anew(
    steady: tuple[FlaskClient, Archive, Settings], tmp_path: Path, words: str
) -> None:
    client, archive, settings = steady
    harvest, matching = begin("relevance", words, 4), exported(client, words)
    harvest.go_on(client, matching, 100)
    assert harvest.url is None
    assert sorted(hit["id"] for hit in harvest.hits) == sorted(matching)
    harvest = begin("relevance", words, 4)
    harvest.go_on(client, matching, 2)
    archive.change(1, "harbour ferry tide")
    reindex([ArchiveSpec("a", tmp_path / "archive")], settings)
    assert harvest.url
    with client.get(harvest.url) as response:
        problem = response.get_json()
    assert (problem["status"], problem["type"]) == (410, "/api/v1/docs#problem-expired-cursor")


def test_a_harvest_ends_where_there_is_no_time_to_find_all(
    steady: tuple[FlaskClient, Archive, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a part of the words finds is shown to a reader with a note; a harvest would miss some without noticing."""
    client, *_ = steady
    search = EmbeddedEngine.search

    def searched_in_part(engine: EmbeddedEngine, query: Query) -> Results:
        return replace(search(engine, query), partial=True)

    monkeypatch.setattr(EmbeddedEngine, "search", searched_in_part)
    with client.get(address("search", "ferry")) as response:
        assert response.get_json()["partial"] is True
    with client.get(address("search", "ferry", cursor="*", sort="id")) as response:
        problem = response.get_json()
    assert (problem["status"], problem["type"]) == (400, "/api/v1/docs#problem-too-costly")
