"""Accept: the API refuses only a client that would not understand the answer."""

import pytest
from flask import Response
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_api import assert_problem

from index.settings import Settings
from web import create_app
from web.negotiation import gives
from web.service import EXTENSION

URL = "/api/v1/status"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("", 200),
        ("*/*", 200),
        ("*", 200),
        ("application/json", 200),
        ("Application/JSON", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json;q=0.001", 200),
        ("application/*", 200),
        ("application/problem+json", 200),
        ("application/json, application/problem+json", 200),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", 200),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 200),
        ("text/html, application/json", 200),
        ("text/html;q=0, */*", 200),
        ("garbage", 200),
        (";;q=,/", 200),
        ("application/json;q=much", 200),
        ("text/html", 406),
        ("text/*, image/png", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("application/*;q=0, */*", 406),
        ("*/*;q=0", 406),
        ("application/vnd.other+json", 406),
    ],
)
def test_what_the_accept_header_rules_out_is_refused(client: FlaskClient, accept: str | None, status: int) -> None:
    response = client.get(URL, headers={} if accept is None else {"Accept": accept})
    assert response.status_code == status
    if status == 406:
        assert "application/json" in assert_problem(response, 406)
        assert "Accept" in {name.strip() for name in response.headers["Vary"].split(",")}


@pytest.mark.parametrize(
    "url",
    ["/", "/help", "/static/style.css", "/feed.atom", "/feed.json", "/opensearch.xml", "/suggest?q=f", "/healthz"],
)
def test_only_the_api_looks_at_it(client: FlaskClient, url: str) -> None:
    with client.get(url, headers={"Accept": "audio/ogg"}) as response:
        assert response.status_code == 200


def test_what_is_not_there_is_told_first(client: FlaskClient) -> None:
    assert_problem(client.get("/api/v1/none", headers={"Accept": "text/html"}), 404)
    assert_problem(client.post(URL, headers={"Accept": "text/html"}), 405)


@given(accept=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_accept_header_breaks_an_answer(client: FlaskClient, accept: str) -> None:
    assert client.get(URL, headers={"Accept": accept}).status_code in {200, 406}


def test_a_view_says_what_else_it_gives(example_settings: Settings) -> None:
    app = create_app(example_settings)

    @app.get("/api/rows")
    @gives("text/csv", "application/x-ndjson")
    def rows() -> Response:
        return Response("a\n", content_type="text/csv")

    def status(accept: str) -> int:
        return app.test_client().get("/api/rows", headers={"Accept": accept}).status_code

    assert [status(accept) for accept in ("text/csv", "application/x-ndjson", "text/*", "*/*")] == [200] * 4
    assert [status(accept) for accept in ("application/json", "text/csv;q=0")] == [406] * 2
    app.extensions[EXTENSION].close()
