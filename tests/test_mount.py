"""Where the site stands: below a path, behind proxies, under an origin. Every address is followed."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from index.errors import UsageError
from index.settings import Settings
from web import create_app
from web.service import EXTENSION

Build = Callable[..., FlaskClient]

FORWARDED = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "news.example",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/paper",
}
STARTS = ("/", "/?q=ferry", "/feed.atom", "/feed.json", "/opensearch.xml", "/api/v1/search?q=ferry", "/suggest?q=fe")
MOST = 400
"""Addresses that a crawl follows: the choices of words and filters never end."""


@pytest.fixture
def build(example_settings: Settings) -> Iterator[Build]:
    apps: list[Flask] = []

    def make(**more: Any) -> FlaskClient:
        apps.append(create_app(Settings(index=example_settings.index, **more)))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.extensions[EXTENSION].close()


def addresses(data: bytes, media_type: str) -> Iterator[str]:
    """Every address that an answer holds, absolute or from its root."""
    if media_type == "text/html":
        names = "href|src|action|srcset|data-suggest|content"
        for value in re.findall(rf'(?:{names})="([^"]*)"', data.decode()):
            if re.match(r"/|[?#.]|https?:", value):
                yield unescape(value)
    elif media_type == "application/json" or media_type.endswith("+json"):
        yield from re.findall(r'"(/[^" ]*|https?://[^" ]*)"', json.dumps(json.loads(data), ensure_ascii=False))
    elif media_type.endswith("xml") and "svg" not in media_type:
        for element in ET.fromstring(data).iter():
            for text in (element.text or "", *element.attrib.values()):
                if re.match(r"/|https?:", text.strip()) and "a9.com" not in text:
                    yield text.strip().replace("{searchTerms}", "ferry")
    elif media_type in {"text/css", "text/javascript"}:
        yield from re.findall(r"url\(([^)]*)\)|[\"'`](/[a-z][^\"'`]*)[\"'`]", data.decode())


LISTING_PATHS = {"api/v1/articles", "api/v1/openapi.json"}
"""Whose values begin with a slash and are no addresses."""


def crawl(client: FlaskClient, root: str, base: str, **options: Any) -> set[str]:
    """Follows every address of the site from its front page on; each begins with `base` and answers.

    Returns:
        Kinds of addresses that were met: the beginnings of their paths.
    """
    queue, known = deque(root + base + start for start in STARTS), set[str]()
    met: dict[str, int] = {}
    while queue and len(known) < MOST:
        url = queue.popleft()
        parts = urlsplit(url)
        kind = re.match("api/v1/[^/]*|[^/]*", parts.path.removeprefix(f"{base}/"))[0]  # type: ignore[index]
        if url in known or met.get(kind, 0) >= MOST / 8:
            continue
        known.add(url)
        met[kind] = met.get(kind, 0) + 1
        path = url.removeprefix(root)
        with client.get(path.partition("#")[0], base_url=root, **options) as response:
            assert response.status_code == 200, url
            for found in () if kind in LISTING_PATHS else addresses(response.data, response.mimetype or ""):
                whole = urljoin(url, found)
                if not whole.startswith(f"{root}/"):
                    continue  # where an archive's article leads
                assert whole.startswith(f"{root}{base}/"), (url, found)
                queue.append(whole)
    return {*met}


KINDS = {
    "",
    "article",
    "values",
    "help",
    "static",
    "feed.atom",
    "feed.json",
    "opensearch.xml",
    "suggest",
    "api/v1/search",
    "api/v1/articles",
}


def test_below_a_path_every_address_is_there_and_answers(build: Build) -> None:
    assert crawl(build(base_path="/x/y"), "http://localhost", "/x/y") >= KINDS


def test_behind_a_proxy_that_takes_the_path_off_they_begin_with_it(build: Build) -> None:
    client = build(proxies=1)
    page = client.get("/?q=ferry", headers={"X-Forwarded-Prefix": "/x/y"})
    for found in addresses(page.data, "text/html"):
        whole = urljoin("http://localhost/x/y/", found)
        assert not whole.startswith("http://localhost/") or whole.startswith("http://localhost/x/y/"), found


@pytest.mark.parametrize(
    "path", ["/", "/x", "/x/yy", "/x/y2/", "/api/v1/status", "/healthz", "/static/style.css", "//x/y/"]
)
def test_outside_the_path_there_is_nothing(build: Build, path: str) -> None:
    response = build(base_path="/x/y").get(path)
    assert response.status_code == 404
    if path.startswith(("/api", "/healthz")):
        assert response.json
        assert response.json["type"] == "/x/y/api/v1/docs#problem-not-found"
    else:
        assert 'href="/x/y/"' in response.text


def test_the_front_page_below_a_path_has_one_address(build: Build) -> None:
    response = build(base_path="/x/y").get("/x/y?q=caf%C3%A9&size=3")
    assert (response.status_code, response.headers["Location"]) == (308, "/x/y/?q=caf%C3%A9&size=3")
    assert build(base_path="/x/y").get("/x/y").headers["Location"] == "/x/y/"


def test_a_proxy_may_keep_the_path_or_take_it_off(build: Build) -> None:
    client = build(base_path="/x", proxies=1)
    prefix = {"X-Forwarded-Prefix": "/x"}
    for path, headers in (("/x/help", {}), ("/help", prefix), ("/help", {"X-Forwarded-Prefix": "/x/"})):
        response = client.get(path, headers=headers)
        assert response.status_code == 200, (path, headers)
        assert 'href="/x/help"' in response.text
    outer = client.get("/x/help", headers={"X-Forwarded-Prefix": "/outer"})
    assert 'href="/outer/x/help"' in outer.text


def test_an_article_whose_id_begins_with_the_path_is_found(build: Build) -> None:
    client = build(base_path="/article")
    response = client.get("/article/article/articles/posts/tide-clock")
    assert response.status_code == 200
    assert 'href="/article/"' in response.text


def test_forwarded_headers_are_not_believed_unasked(build: Build, client: FlaskClient) -> None:
    plain = client.get("/?q=ferry").data
    assert client.get("/?q=ferry", headers=FORWARDED).data == plain
    assert build(base_path="/x").get("/x/help", headers=FORWARDED).data == build(base_path="/x").get("/x/help").data


def test_one_trusted_proxy_is_believed(build: Build) -> None:
    page = build(proxies=1).get("/?q=ferry", headers=FORWARDED).text
    assert '<link rel="canonical" href="https://news.example:8443/paper/?q=ferry">' in page
    assert 'action="/paper/"' in page


def test_of_several_addresses_the_trusted_proxies_count(build: Build) -> None:
    chain = {"X-Forwarded-For": "203.0.113.66, 198.51.100.7, 192.0.2.10"}
    for proxies, seen in ((0, "127.0.0.1"), (1, "192.0.2.10"), (2, "198.51.100.7"), (4, "127.0.0.1")):
        client = build(proxies=proxies)
        client.application.add_url_rule("/who", view_func=lambda: request.remote_addr or "")
        assert client.get("/who", headers=chain).text == seen


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "http://evil.example", "/a/../b", "/a b", "/a//b", "x", '/"><script>']
)
def test_a_prefix_that_is_no_path_is_left_aside(build: Build, prefix: str) -> None:
    response = build(proxies=1).get("/help", headers={"X-Forwarded-Prefix": prefix, "X-Forwarded-Proto": "javascript"})
    assert response.status_code == 200
    assert 'action="/"' in response.text


ABSOLUTE = (
    "/?q=ferry",
    "/feed.atom",
    "/feed.json",
    "/opensearch.xml",
    "/article/articles/posts/tide-clock",
    "/suggest?q=fe",
)


@pytest.mark.parametrize("base", ["", "/x"])
@pytest.mark.parametrize("path", ABSOLUTE)
def test_an_origin_is_used_whatever_the_request_says(build: Build, path: str, base: str) -> None:
    client = build(origin="https://News.Example:443", base_path=base, proxies=1)
    seen = []
    for headers in ({}, {"Host": "internal:8000"}, {"Host": "a..b"}, {"X-Forwarded-Host": "other.example"}):
        response = client.get(base + path, headers=headers)
        assert response.status_code == 200
        assert "internal:8000" not in response.text
        assert "other.example" not in response.text
        seen.append(response.data)
    assert seen.count(seen[0]) == len(seen)
    assert f"https://news.example{base}/" in response.text.replace("\\/", "/")


def test_without_an_origin_addresses_are_those_of_the_request(client: FlaskClient) -> None:
    for path in ABSOLUTE:
        assert "http://one.example:81/" in client.get(path, base_url="http://one.example:81").text


@pytest.mark.parametrize(
    "path", ["/", "x", "/x/", "//x", "/x//y", "/x?y", "/x#y", "/x y", "/é", "/%41", "/..", "/a/./b", "x/y"]
)
def test_what_is_no_base_path_is_told_at_the_start(build: Build, path: str) -> None:
    with pytest.raises(UsageError, match=r"setting 'base_path': .* is not a path such as /search") as raised:
        build(base_path=path)
    assert raised.value.setting == "base_path"


@pytest.mark.parametrize("path", ["/x", "/x/y", "/search-2", "/~me", "/.hidden", "/a..b", "/v1.0"])
def test_a_base_path_may_be_any_plain_path(build: Build, path: str) -> None:
    assert build(base_path=path).get(f"{path}/help").status_code == 200


@pytest.mark.parametrize(
    "origin", ["example.org", "https://example.org/", "https://example.org/x", "ftp://example.org", "*"]
)
def test_what_is_no_origin_is_told_at_the_start(build: Build, origin: str) -> None:
    with pytest.raises(UsageError, match=r"setting 'origin'") as raised:
        build(origin=origin)
    assert raised.value.setting == "origin"
