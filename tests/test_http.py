"""Methods, sizes and errors: what every route does alike."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from conftest import BuildApp
from flask import Flask, abort, url_for
from flask.testing import FlaskClient
from test_api import assert_problem
from werkzeug.routing import Rule

from index.errors import EngineUnreachableError, ExpiredPositionError
from index.settings import Settings
from search.embedded import EmbeddedEngine
from web import create_app
from web.bounds import MAX_ADDRESS_CHARS, MAX_BODY_BYTES
from web.headers import DATA_POLICY
from web.params import ParameterError
from web.problems import PROBLEMS, docs_path
from web.service import EXTENSION

ARGUMENTS = {"article_id": "articles/posts/tide-clock", "facet": "topic", "field": "topic", "filename": "style.css"}
CHANGING = {"Date", "Content-Length", "X-Request-ID"}
"""The length, because the time that a search took stands in its answer."""

FOR_MACHINES = ("/api/v1/search", "/api/v1/articles/none", "/api/none", "/healthz", "/readyz", "/metrics")


@pytest.fixture
def app(example_settings: Settings) -> Iterator[Flask]:
    """One that tests may add views to."""
    app = create_app(example_settings)
    yield app
    app.extensions[EXTENSION].close()


NEEDED: dict[str, dict[str, Any]] = {"api.lookup": {"url": "https://example.org/"}}
"""Parameters that a route cannot do without."""


def paths(app: Flask) -> list[str]:
    """An address of every route."""
    with app.test_request_context():
        rules: list[Rule] = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
        arguments: list[dict[str, Any]] = [{name: ARGUMENTS[name] for name in rule.arguments} for rule in rules]
        return [
            url_for(rule.endpoint, **some, **NEEDED.get(rule.endpoint, {}))
            for rule, some in zip(rules, arguments, strict=True)
        ]


def problem_of(response: Any, name: str, status: int) -> dict[str, Any]:
    """The problem document, of the kind and status that it should be."""
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.data)
    assert (problem["type"], problem["status"]) == (f"/api/v1/docs#problem-{name}", status)
    assert problem["title"] == next(kind.title for kind in PROBLEMS if kind.name == name)
    assert problem["detail"].endswith(".")
    return problem


def test_every_kind_of_problem_is_told_apart() -> None:
    assert len({kind.name for kind in PROBLEMS}) == len({docs_path(kind) for kind in PROBLEMS}) == len(PROBLEMS)
    for kind in PROBLEMS:
        assert kind.text.endswith(".")
    assert [kind.status for kind in PROBLEMS] == sorted(kind.status for kind in PROBLEMS)


# Methods


def test_head_has_the_headers_of_get_and_no_body_on_every_route(client: FlaskClient, example_app: Flask) -> None:
    assert len(paths(example_app)) >= 12
    for path in paths(example_app):
        with client.get(path) as got, client.head(path) as asked:
            assert asked.status_code == got.status_code, path
            assert asked.data == b"", path
            assert got.data, path
            left, right = ({k: v for k, v in r.headers.items() if k not in CHANGING} for r in (got, asked))
            assert left == right, path
            assert ("Content-Length" in got.headers) == ("Content-Length" in asked.headers), path


def test_options_says_how_every_route_can_be_asked(client: FlaskClient, example_app: Flask) -> None:
    for path in paths(example_app):
        response = client.options(path)
        assert (response.status_code, response.data) == (204, b""), path
        assert {"GET", "HEAD", "OPTIONS"} <= {*response.headers["Allow"].split(", ")}, path
        assert "Content-Type" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW", "get"])
def test_other_methods_are_refused_on_every_route(client: FlaskClient, example_app: Flask, method: str) -> None:
    for path in paths(example_app):
        response = client.open(path, method=method)
        assert response.status_code == (200 if method == "get" else 405), path
        if method != "get":
            assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
            assert "Method not allowed" in response.text
        response.close()


# Kinds of problems


@pytest.mark.parametrize("path", FOR_MACHINES)
def test_errors_of_machines_addresses_are_problem_documents(client: FlaskClient, path: str) -> None:
    response = client.post(path)
    assert response.status_code in {404, 405}
    assert response.content_type == "application/problem+json"


def test_bad_parameters_are_named(client: FlaskClient) -> None:
    problem = problem_of(client.get("/api/v1/search?size=x"), "bad-parameter", 400)
    assert problem["parameter"] == "size"


def test_there_is_nothing_and_there_is_no_such_article(client: FlaskClient) -> None:
    problem_of(client.get("/api/v1/none"), "not-found", 404)
    problem_of(client.get("/api/v1/articles/none"), "no-such-article", 404)
    for path, title in (("/none", "Nothing here"), ("/article/none", "No such article")):
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert f"<h1>{title}</h1>" in page.text


def test_a_facet_without_a_list_of_values_is_told_which_have_one(client: FlaskClient) -> None:
    problem = problem_of(client.get("/api/v1/facets/date"), "not-found", 404)
    assert "topic, provider, type, category" in problem["detail"]
    assert "`/timeline`" in problem["detail"]


def test_an_expired_cursor_says_so(app: Flask) -> None:
    @app.get("/api/expired")
    def expired() -> str:
        raise ExpiredPositionError("gone")

    problem = problem_of(app.test_client().get("/api/expired"), "expired-cursor", 410)
    assert problem["parameter"] == "cursor"
    assert "`cursor=*`" in problem["detail"]  # without any, pages end at the depth


def test_a_parameter_s_problem_and_place_are_given(app: Flask) -> None:
    @app.get("/api/placed")
    def placed() -> str:
        raise ParameterError("cursor", "Here.", (3, 7), "no-such-cursor")

    problem = problem_of(app.test_client().get("/api/placed"), "no-such-cursor", 404)
    assert (problem["parameter"], problem["position"]) == ("cursor", [3, 7])


@pytest.mark.parametrize("path", ["/api/v1/status", "/readyz"])
def test_while_nothing_can_be_searched_it_says_when_to_try_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(_engine: EmbeddedEngine) -> None:
        raise EngineUnreachableError("/secret/path")

    monkeypatch.setattr(EmbeddedEngine, "status", fail)
    response = app.test_client().get(path)
    assert "secret" not in response.text
    problem_of(response, "not-ready", 503)
    assert int(response.headers["Retry-After"]) > 0


def test_a_fault_of_ours_says_nothing_of_itself(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedEngine, "search", lambda *_: 1 / 0)
    response = app.test_client().get("/api/v1/search")
    assert "division" not in response.text
    problem_of(response, "internal-error", 500)
    assert "<h1>Something went wrong</h1>" in app.test_client().get("/").text


def test_a_host_that_is_none_gets_a_problem_document(client: FlaskClient) -> None:
    for path in ("/", "/api/v1/status", "/static/style.css"):
        problem_of(client.get(path, headers={"Host": "a..b"}), "bad-request", 400)


def test_statuses_that_only_http_describes_have_no_kind(app: Flask) -> None:
    app.add_url_rule("/api/teapot", view_func=lambda: abort(418))
    problem = json.loads(app.test_client().get("/api/teapot").data)
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "I'm a Teapot", 418)


# Sizes


def test_an_address_may_be_long_but_not_endless(client: FlaskClient) -> None:
    beginning = "/api/v1/search?q="
    longest = beginning + "a" * (MAX_ADDRESS_CHARS - len(beginning))
    assert client.get(longest).status_code == 200
    problem_of(client.get(longest + "a"), "address-too-long", 414)
    problem_of(client.get("/api/v1/articles/" + "%C3%A9" * 2_700), "address-too-long", 414)
    for path in ("/?q=" + "a" * MAX_ADDRESS_CHARS, "/" + "a" * MAX_ADDRESS_CHARS, "/feed.atom?q=" + "a" * 16_000):
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (414, "text/html")
        assert "<h1>Address too long</h1>" in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_small_body_is_passed_over(client: FlaskClient, method: str) -> None:
    response = client.open("/api/v1/status", method=method, data=b"x" * MAX_BODY_BYTES)
    assert response.status_code == (204 if method == "OPTIONS" else 200)


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    problem_of(client.get("/api/v1/status", data=body), "too-large", 413)
    problem_of(client.post("/api/v1/status", data=body), "too-large", 413)
    assert client.get("/", data=body).mimetype == "text/html"


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (10_000_000, 413)])
def test_a_body_in_chunks_is_measured_by_reading(client: FlaskClient, extra: int, status: int) -> None:
    body = BytesIO(b"x" * (MAX_BODY_BYTES + extra))
    response = client.get(
        "/api/v1/status",
        input_stream=body,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == status
    assert body.tell() <= MAX_BODY_BYTES + 100_000


# Headers


def test_data_runs_nothing_in_a_browser(client: FlaskClient) -> None:
    for path in ("/api/v1/status", "/api/v1/search?size=x", "/api/none"):
        response = client.get(path)
        assert response.headers["Content-Security-Policy"] == DATA_POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "style-src 'self'" in client.get("/").headers["Content-Security-Policy"]


def test_a_page_of_the_api_keeps_the_policy_of_pages(build_app: BuildApp) -> None:
    app = build_app({"a.md": "---\ntitle: A\n---\n"})
    app.add_url_rule("/api/page", view_func=lambda: "<p>")
    assert "style-src 'self'" in app.test_client().get("/api/page").headers["Content-Security-Policy"]


def test_problem_documents_have_one_shape(client: FlaskClient) -> None:
    assert_problem(client.get("/api/none"), 404)
