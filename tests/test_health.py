"""Liveness and readiness: what a supervisor and a load balancer are told."""

import json
from pathlib import Path

import pytest
from conftest import EXAMPLES
from flask.testing import FlaskClient

from index.archive import ArchiveSpec
from index.generation import CURRENT
from index.reindex import reindex
from index.settings import Settings
from web import create_app
from web.health import note_ending
from web.service import EXTENSION


def assert_not_ready(client: FlaskClient) -> str:
    response = client.get("/readyz")
    assert (response.status_code, response.content_type) == (503, "application/problem+json")
    assert int(response.headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
    detail: str = json.loads(response.data)["detail"]
    return detail


@pytest.mark.parametrize(("url", "text"), [("/healthz", "ok\n"), ("/readyz", "ready\n")])
def test_both_answer_in_one_line(client: FlaskClient, url: str, text: str) -> None:
    response = client.get(url)
    assert (response.status_code, response.text, response.mimetype) == (200, text, "text/plain")
    assert response.headers["Cache-Control"] == "no-store"


def test_without_an_index_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    settings = Settings(index=str(tmp_path / "index"))
    app = create_app(settings)
    client = app.test_client()
    assert "broadsheet reindex" in assert_not_ready(client)
    reindex([ArchiveSpec("articles", EXAMPLES)], settings)
    assert client.get("/readyz").status_code == 200
    app.extensions[EXTENSION].close()


def test_over_a_damaged_index_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    settings = Settings(index=str(tmp_path / "index"))
    reindex([ArchiveSpec("articles", EXAMPLES)], settings)
    (tmp_path / "index" / CURRENT).write_text("nonsense\n")
    for path in (tmp_path / "index" / "generations").glob("*/*"):
        path.write_bytes(b"nonsense")
    app = create_app(settings)
    assert "broadsheet check" in assert_not_ready(app.test_client())
    app.extensions[EXTENSION].close()


def test_a_process_that_was_told_to_end_is_not_ready(example_settings: Settings) -> None:
    app = create_app(example_settings)
    ending = False
    note_ending(app, lambda: ending)
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    ending = True
    assert_not_ready(client)
    app.extensions[EXTENSION].close()
