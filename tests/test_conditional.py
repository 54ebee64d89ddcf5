"""Conditional answers of the API: who has the present one gets 304 before anything is searched."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Response
from flask.testing import FlaskClient

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query
from search.results import Results
from web import create_app
from web.conditional import conditional
from web.service import EXTENSION

URL = "/api/v1/search?q=ferry&topic=Harbours&topic=Trains&size=3"


class Changing:
    """An archive of one article that can be written anew, and an app over it."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "archive"
        self.archive.mkdir()
        self.settings = Settings(index=str(folder / "index"))
        self.write("first")
        self.app = create_app(self.settings)

    def write(self, title: str) -> None:
        (self.archive / "a.md").write_text(f"---\ntitle: {title} ferry\n---\n", encoding="utf-8")
        reindex([ArchiveSpec("site", self.archive)], self.settings)


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Changing]:
    made = Changing(tmp_path)
    yield made
    made.app.extensions[EXTENSION].close()


def etag_of(client: FlaskClient, url: str = URL) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.headers["ETag"]


@pytest.mark.parametrize("url", [URL, "/api/v1/status", "/api/v1/articles/articles/posts/tide-clock"])
def test_who_has_the_answer_is_told_so(client: FlaskClient, url: str) -> None:
    etag = etag_of(client, url)
    assert etag.startswith('W/"')  # the time taken differs
    first = client.get(url)
    for method in ("GET", "HEAD"):
        again = client.open(url, method=method, headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
            assert again.headers[name] == first.headers[name]
    assert first.headers["Cache-Control"] == "no-cache"


def test_nothing_is_searched_for_who_has_the_answer(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = etag_of(client)
    monkeypatch.delattr(EmbeddedEngine, "search")
    assert client.get(URL, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("{etag}", 304),
        ("{strong}", 304),  # compared weakly
        ('"other", {etag} , W/"more"', 304),
        ("*", 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ("", 200),
        ('"', 200),
        (",,;", 200),
    ],
)
def test_if_none_match_is_a_list_compared_weakly(client: FlaskClient, known: str, status: int) -> None:
    etag = etag_of(client)
    sent = known.format(etag=etag, strong=etag.removeprefix("W/"))
    assert client.get(URL, headers={"If-None-Match": sent}).status_code == status


def test_a_star_does_not_hide_that_there_is_nothing(client: FlaskClient) -> None:
    headers = {"If-None-Match": "*"}
    assert client.get("/api/v1/articles/none", headers=headers).status_code == 404
    assert client.get("/api/v1/search?size=x", headers=headers).status_code == 400


def test_one_question_has_one_etag(client: FlaskClient) -> None:
    assert etag_of(client) == etag_of(client, "/api/v1/search?topic=Trains&size=3&topic=Harbours&q=f%65rry")


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/search?q=ferry&topic=Harbours&topic=Trains&size=4",
        "/api/v1/search?q=ferry&topic=Harbours&size=3",
        "/api/v1/search?q=ferry%26topic%3DHarbours&topic=Trains&size=3",
        "/api/v1/status",
    ],
)
def test_other_questions_have_other_etags(client: FlaskClient, url: str) -> None:
    assert etag_of(client) != etag_of(client, url)


def test_other_settings_and_hosts_have_other_etags(client: FlaskClient, example_settings: Settings) -> None:
    other = Settings(index=example_settings.index, max_query_chars=3)
    app = create_app(other)
    etags = {etag_of(client), etag_of(app.test_client()), client.get(URL, base_url="http://b.example").headers["ETag"]}
    etags.add(client.get(URL, headers={"Host": "b.example"}, environ_overrides={"SCRIPT_NAME": "/x"}).headers["ETag"])
    app.extensions[EXTENSION].close()
    assert len(etags) == 4


def test_nobody_can_guess_at_a_password_by_an_etag(client: FlaskClient, example_settings: Settings) -> None:
    app = create_app(replace(example_settings, rate_limit_storage="redis://:secret@localhost"))  # nothing is limited
    assert etag_of(client) == etag_of(app.test_client())
    app.extensions[EXTENSION].close()


def test_processes_of_one_server_have_the_same_etags(client: FlaskClient, example_settings: Settings) -> None:
    app = create_app(example_settings)
    assert etag_of(client) == etag_of(app.test_client())
    app.extensions[EXTENSION].close()


def test_after_a_reindex_the_answer_is_given_anew(changing: Changing) -> None:
    client = changing.app.test_client()
    etag = etag_of(client, "/api/v1/search")
    changing.write("second")
    response = client.get("/api/v1/search", headers={"If-None-Match": etag})
    assert response.status_code == 200
    assert response.headers["ETag"] != etag
    assert "second ferry" in response.text


def test_an_answer_made_across_a_reindex_has_no_etag(changing: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    search = EmbeddedEngine.search

    def searched_just_before(engine: EmbeddedEngine, query: Query) -> Results:
        results = search(engine, query)
        changing.write("second")
        return results

    client = changing.app.test_client()
    etag = etag_of(client, "/api/v1/search")
    monkeypatch.setattr(EmbeddedEngine, "search", searched_just_before)
    response = client.get("/api/v1/search")
    monkeypatch.undo()
    assert "first ferry" in response.text
    assert "ETag" not in response.headers
    assert response.headers["Cache-Control"] == "no-cache"
    assert etag_of(client, "/api/v1/search") != etag


def test_what_the_view_will_not_have_kept_has_no_etag(example_settings: Settings) -> None:
    app = create_app(example_settings)

    @app.get("/api/partial")
    @conditional
    def partial() -> Response:
        return Response("{}", content_type="application/json", headers={"Cache-Control": "no-store"})

    response = app.test_client().get("/api/partial")
    app.extensions[EXTENSION].close()
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers


def test_errors_are_kept_by_nobody(client: FlaskClient) -> None:
    for url in ("/api/v1/articles/none", "/api/v1/search?size=x", "/none"):
        response = client.get(url)
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers
