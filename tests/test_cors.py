"""Cross-origin requests: who may ask is who the setting names, and only of the API."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from index.errors import UsageError
from index.settings import Settings
from web import create_app
from web.service import EXTENSION

API = "/api/v1/search?q=ferry"
ASK = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}


@pytest.fixture(scope="module")
def apps(example_settings: Settings) -> Iterator[dict[str, Flask]]:
    origins = {
        "off": (),
        "all": ("*",),
        "some": ("https://Example.org", "http://localhost:8080", "https://port.example:443", "http://[::1]:5000"),
    }
    made = {
        name: create_app(Settings(index=example_settings.index, cors_origins=some)) for name, some in origins.items()
    }
    yield made
    for app in made.values():
        app.extensions[EXTENSION].close()


def allowed(client: FlaskClient, origin: str | None, url: str = API) -> str | None:
    with client.get(url, headers={"Origin": origin} if origin is not None else {}) as response:
        assert "Access-Control-Allow-Credentials" not in response.headers
        return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("https://example.org", True),
        ("http://localhost:8080", True),
        ("https://port.example", True),
        ("http://[::1]:5000", True),
        ("http://example.org", False),
        ("https://example.org:8443", False),
        ("https://www.example.org", False),
        ("https://example.org.evil.example", False),
        ("https://evilexample.org", False),
        ("https://example.org/", False),
        ("https://EXAMPLE.org", False),  # no browser writes it so
        ("http://localhost", False),
        ("null", False),
        ("", False),
        ("*", False),
        ("https://example.org, https://evil.example", False),
    ],
)
def test_origins_are_compared_whole(apps: dict[str, Flask], origin: str, may: bool) -> None:
    assert allowed(apps["some"].test_client(), origin) == (origin if may else None)
    assert allowed(apps["all"].test_client(), origin) == "*"
    assert allowed(apps["off"].test_client(), origin) is None


@pytest.mark.parametrize("origin", [None, "https://example.org", "https://evil.example"])
def test_caches_are_told_what_depends_on_the_origin(apps: dict[str, Flask], origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    assert "Origin" in apps["some"].test_client().get(API, headers=headers).headers["Vary"]
    for name in ("all", "off"):
        assert "Origin" not in apps[name].test_client().get(API, headers=headers).headers.get("Vary", "")


@pytest.mark.parametrize("url", ["/", "/suggest?q=f", "/feed.json", "/static/search.js", "/healthz", "/apidocs"])
def test_only_the_api_may_be_asked(apps: dict[str, Flask], url: str) -> None:
    for app in apps.values():
        assert allowed(app.test_client(), "https://example.org", url) is None


def test_the_script_for_other_sites_may_be_loaded(apps: dict[str, Flask]) -> None:
    assert allowed(apps["some"].test_client(), "https://example.org", "/embed.js") == "https://example.org"


def test_errors_and_304_may_be_read_too(apps: dict[str, Flask]) -> None:
    client = apps["some"].test_client()
    origin = {"Origin": "https://example.org"}
    etag = client.get(API, headers=origin).headers["ETag"]
    known = client.get(API, headers={**origin, "If-None-Match": etag})
    assert known.status_code == 304
    refused = client.get("/api/v1/search?size=x", headers=origin)
    assert refused.status_code == 400
    for response in (known, refused, client.get("/api/none", headers=origin), client.post(API, headers=origin)):
        assert response.headers["Access-Control-Allow-Origin"] == "https://example.org"
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        told = {"Content-Disposition", "Link", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"}
        assert told <= {*exposed}


@pytest.mark.parametrize(("name", "origin"), [("some", "https://example.org"), ("all", "https://any.example")])
def test_a_preflight_allows_what_reading_takes(apps: dict[str, Flask], name: str, origin: str) -> None:
    response = apps[name].test_client().options(API, headers={"Origin": origin, **ASK})
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == ("*" if name == "all" else origin)
    assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "If-None-Match" in response.headers["Access-Control-Allow-Headers"].split(", ")
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(("name", "origin"), [("some", "https://evil.example"), ("off", "https://example.org")])
def test_a_preflight_of_others_allows_nothing(apps: dict[str, Flask], name: str, origin: str) -> None:
    response = apps[name].test_client().options(API, headers={"Origin": origin, **ASK})
    assert response.status_code == 204
    assert not [header for header, _ in response.headers if header.startswith("Access-Control")]


@pytest.mark.parametrize(
    "origin",
    [
        "example.org", "https://", "https://example.org/", "https://example.org/path", "ftp://example.org", "null",
        "https://*.example.org", "https://user@example.org", "https://example.org:99999", "https://zürich.example",
        "https://example.org?x", "https://example.org#", "**", "https://exa mple.org", "https://-",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_told_at_the_start(example_settings: Settings, origin: str) -> None:
    with pytest.raises(UsageError, match=r"setting 'cors_origins': .* is not scheme and host") as raised:
        create_app(Settings(index=example_settings.index, cors_origins=("https://good.example", origin)))
    assert raised.value.setting == "cors_origins"
