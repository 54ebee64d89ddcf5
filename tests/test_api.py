"""The API: the shape of its answers, the addresses in them, and its errors."""

import json
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any
from urllib.parse import quote

import pytest
from conftest import EXAMPLES, BuildApp
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from web import create_app
from web.render import to_bytes
from web.service import EXTENSION

HIT_KEYS = {
    "id", "rank", "score", "full", "title", "excerpt", "url", "provider", "topics", "published", "type", "category",
    "quality", "heat", "image", "highlights", "snippet",
}  # fmt: skip
BUCKET_KEYS = {"value", "count", "selected", "excluded", "toggle_url", "exclude_url"}
PARAMETERS = [
    "q", "match", "topic", "provider", "type", "category", "exclude_topic", "exclude_provider", "missing", "from", "to",
    "sort", "page", "size", "other",
]  # fmt: skip

SENSETIME = """---
category: news
title: "China’s AI giant SenseTime postpones IPO after US blacklisting"
excerpt: "SenseTime, one of China’s most valuable AI solution providers, is putting its listing on hold."
publishedDateTime: 2021-12-13T05:54:00Z
updatedDateTime: 2021-12-14T06:00:00Z
originalUrl: "https://techcrunch.example/2021/12/12/sensetime/"
webUrl: "https://techcrunch.example/2021/12/12/sensetime/?utm_source=x"
ampWebUrl: "https://techcrunch.example/2021/12/12/sensetime/amp/"
cdnAmpWebUrl: "https://techcrunch-example.cdn.ampproject.example/c/s/sensetime/amp/"
type: article
length: PT5M
quality: 87
heat: 139.5
published: true
levels: [Beginner]
author: Rita Liao
provider:
  name: TechCrunch
  domain: techcrunch.example
  images:
    - url: "https://pictures.example/techcrunch-50x50.jpg"
topics:
  - AI
images:
  - url: "https://pictures.example/sensetime1.jpg"
    width: 1024
    height: 546
    title: "The office"
related:
  - title: "US blacklist puts China AI into local mode"
    webUrl: "https://reuters.example/china-ai-local-mode/"
  - title: "Here too"
    webUrl: "https://here.example/too/"
secured: "c2VjcmV0"
price: Free
---
The body of the *article*.
"""
HERE_TOO = '---\ntitle: "Here too"\nwebUrl: "https://here.example/too/"\n---\n'
REMOVED = '---\ntitle: "Gone for good"\nremoved: true\n---\n'


def get(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    assert response.content_type == "application/json"
    return json.loads(response.data)


def assert_problem(response: Any, status: int, parameter: str | None = None) -> str:
    """Every JSON error has one shape."""
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    problem = json.loads(response.data)
    keys = {"type", "title", "status", "detail"} | ({"parameter"} if parameter else set())
    assert problem.keys() == keys
    assert problem["status"] == status
    assert problem.get("parameter") == parameter
    detail: str = problem["detail"]
    return detail


def test_the_answer_has_the_documented_shape(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/search?q=night+ferry&size=3")
    assert answer.keys() == {"query", "total", "partial", "took_ms", "generation", "hits", "facets", "page"}
    assert answer["query"].keys() == {"q", "match", "understood", "notes"}
    assert answer["query"]["q"] == "night ferry"
    assert answer["query"]["match"] in {"all", "any", "partial"}
    assert answer["total"].keys() == {"value", "relation", "full"}
    assert answer["total"]["relation"] == "exact"
    assert answer["facets"].keys() == {"topic", "provider", "type", "category", "date"}
    assert answer["page"].keys() == {"number", "size", "total_pages", "next_url", "previous_url"}
    assert 0 < len(answer["hits"]) <= 3
    for rank, hit in enumerate(answer["hits"], start=1):
        assert hit.keys() == HIT_KEYS
        assert hit["rank"] == rank
        assert hit["provider"].keys() == {"name", "domain"}
        assert hit["highlights"].keys() == {"title", "excerpt"}
        for field, ranges in hit["highlights"].items():
            assert all(0 <= start < end <= len(hit[field]) for start, end in ranges)
        assert hit["snippet"] is None or hit["snippet"].keys() == {"text", "highlights"}
    for name, buckets in answer["facets"].items():
        keys = BUCKET_KEYS | {"months"} if name == "date" else BUCKET_KEYS
        assert all(bucket.keys() == keys for bucket in buckets)


def test_highlights_lie_on_the_words(client: FlaskClient) -> None:
    hits = get(client, "/api/v1/search?q=ferry")["hits"]
    marked = [hit["title"][start:end] for hit in hits for start, end in hit["highlights"]["title"]]
    assert marked
    assert all("ferr" in word.lower() for word in marked)


def test_a_toggle_url_gives_as_many_hits_as_its_bucket_says(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/search?size=0")
    for name, buckets in answer["facets"].items():
        for bucket in buckets:
            chosen = get(client, bucket["toggle_url"])
            assert chosen["total"]["value"] == bucket["count"], bucket
            back = next(other for other in chosen["facets"][name] if other["value"] == bucket["value"])
            assert back["selected"]
            assert back["toggle_url"] == "/api/v1/search?size=0"
            for month in bucket.get("months", ()):
                assert get(client, month["toggle_url"])["total"]["value"] == month["count"], month


def test_an_exclude_url_leaves_out_as_many_hits_as_its_bucket_says(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/search?size=0")
    for name, buckets in answer["facets"].items():
        for bucket in buckets:
            if name == "date" or bucket["value"] is None:
                assert (bucket["excluded"], bucket["exclude_url"]) == (False, None)
                assert all(month["exclude_url"] is None for month in bucket.get("months", ()))
                continue
            left = get(client, bucket["exclude_url"])
            assert left["total"]["value"] == answer["total"]["value"] - bucket["count"], bucket
            back = next(other for other in left["facets"][name] if other["value"] == bucket["value"])
            assert (back["count"], back["selected"], back["excluded"]) == (bucket["count"], False, True)
            assert back["exclude_url"] == "/api/v1/search?size=0"
            assert back["toggle_url"] == bucket["toggle_url"]


def test_beside_exclusions_a_toggle_url_still_gives_what_its_bucket_says(client: FlaskClient) -> None:
    facets = get(client, "/api/v1/search?size=0")["facets"]
    topic, provider = (quote(facets[name][0]["value"]) for name in ("topic", "provider"))
    answer = get(client, f"/api/v1/search?size=0&exclude_topic={topic}&exclude_provider={provider}")
    for buckets in answer["facets"].values():
        for bucket in buckets:
            assert get(client, bucket["toggle_url"])["total"]["value"] == bucket["count"], bucket


def test_pages_follow_each_other_without_repeats_or_gaps(client: FlaskClient) -> None:
    url, ids, pages = "/api/v1/search?size=7&sort=newest", [], 0
    while url:
        answer = get(client, url)
        ids += [hit["id"] for hit in answer["hits"]]
        pages += 1
        url = answer["page"]["next_url"]
    assert len(ids) == len(set(ids)) == answer["total"]["value"]
    assert pages == answer["page"]["total_pages"]
    assert answer["page"]["previous_url"].endswith(f"page={pages - 1}")


@pytest.mark.parametrize("name", ["topic", "provider", "type", "category"])
def test_values_of_one_facet_are_alternatives(client: FlaskClient, name: str) -> None:
    first, second = get(client, "/api/v1/search?size=0")["facets"][name][:2]
    url = f"/api/v1/search?size=100&{name}={quote(first['value'])}&{name}={quote(second['value'])}"
    total = get(client, url)["total"]["value"]
    assert max(first["count"], second["count"]) <= total <= first["count"] + second["count"]


def test_every_field_of_an_article_is_given(build_app: BuildApp) -> None:
    client = build_app({"seed/sensetime.md": SENSETIME, "too.md": HERE_TOO}).test_client()
    article = get(client, "/api/v1/articles/site/seed/sensetime")
    assert article["id"] == "site/seed/sensetime"
    assert article["archive"] == "site"
    assert article["path"] == "seed/sensetime.md"
    assert article["title"] == "China’s AI giant SenseTime postpones IPO after US blacklisting"
    assert article["excerpt"].startswith("SenseTime, one of China’s")
    assert article["url"] == article["original_url"] == "https://techcrunch.example/2021/12/12/sensetime/"
    assert article["web_url"] == "https://techcrunch.example/2021/12/12/sensetime/?utm_source=x"
    assert article["amp_url"].endswith("/amp/")
    assert article["cdn_amp_url"].startswith("https://techcrunch-example.cdn")
    assert article["own_url"] is None
    assert article["provider"] == {
        "name": "TechCrunch",
        "domain": "techcrunch.example",
        "image": "https://pictures.example/techcrunch-50x50.jpg",
    }
    assert article["authors"] == ["Rita Liao"]
    assert article["topics"] == ["AI"]
    assert (article["published"], article["updated"]) == ("2021-12-13T05:54:00Z", "2021-12-14T06:00:00Z")
    assert (article["type"], article["category"], article["length"]) == ("article", "news", "PT5M")
    assert article["levels"] == ["Beginner"]
    assert json.dumps([article["quality"], article["heat"]]) == "[87, 139.5]"
    assert article["images"] == [
        {"url": "https://pictures.example/sensetime1.jpg", "width": 1024, "height": 546, "title": "The office"}
    ]
    assert [(link["url"], link["id"]) for link in article["related"]] == [
        ("https://reuters.example/china-ai-local-mode/", None),
        ("https://here.example/too/", "site/too"),
    ]
    assert article["related"][1]["title"] == "Here too"
    assert article["linked_from"] == []
    assert article["extra"] == {"price": "Free"}
    assert article["body"].strip() == "The body of the *article*."
    assert "secured" not in json.dumps(article)


def test_an_article_says_what_links_to_it(build_app: BuildApp) -> None:
    client = build_app({"seed/sensetime.md": SENSETIME, "too.md": HERE_TOO}).test_client()
    address = "https://techcrunch.example/2021/12/12/sensetime/"
    assert get(client, "/api/v1/articles/site/too")["linked_from"] == [
        {
            "url": address,
            "site": "techcrunch.example",
            "id": "site/seed/sensetime",
            "title": "China’s AI giant SenseTime postpones IPO after US blacklisting",
        }
    ]


def test_absent_values_are_null(build_app: BuildApp) -> None:
    client = build_app({"too.md": '---\ntitle: "Bare"\n---\n'}).test_client()
    hit = get(client, "/api/v1/search?q=bare")["hits"][0]
    for key in ("url", "published", "type", "quality", "heat", "image", "snippet"):
        assert hit[key] is None, key
    assert hit["provider"] == {"name": None, "domain": None}
    assert get(client, "/api/v1/articles/site/too")["updated"] is None


def test_hidden_articles_are_nowhere(build_app: BuildApp) -> None:
    client = build_app({"gone.md": REMOVED, "too.md": HERE_TOO}).test_client()
    assert get(client, "/api/v1/search?q=gone")["total"]["value"] == 0
    assert_problem(client.get("/api/v1/articles/site/gone"), 404)
    assert client.get("/article/site/gone").status_code == 404
    assert "Gone" not in client.get("/api/v1/search?q=gone").text.replace('"gone"', "")


def test_dangerous_addresses_are_no_links(build_app: BuildApp) -> None:
    text = '---\ntitle: "Trap"\nwebUrl: "javascript:alert(1)"\nimages: [{url: "data:image/png;base64,AA"}]\n---\n'
    client = build_app({"trap.md": text}).test_client()
    hit = get(client, "/api/v1/search?q=trap")["hits"][0]
    assert (hit["url"], hit["image"]) == (None, None)


def test_status_says_what_serves_and_nothing_about_files(client: FlaskClient, example_index: Path) -> None:
    status = get(client, "/api/v1/status")
    assert status["articles"] == get(client, "/api/v1/search?size=0")["total"]["value"]
    assert status["archives"] == ["articles"]
    assert str(example_index.parent) not in json.dumps(status)
    assert str(EXAMPLES) not in json.dumps(status)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("sizes=1", "sizes"), ("size=101", "size"), ("sort=heat", "sort"), ("from=soon", "from"), ("topic=", "topic")],
)
def test_bad_parameters_are_named(client: FlaskClient, query: str, parameter: str) -> None:
    detail = assert_problem(client.get(f"/api/v1/search?{query}"), 400, parameter)
    assert detail.endswith(".")


def test_errors_have_one_shape(client: FlaskClient) -> None:
    assert "no article" in assert_problem(client.get("/api/v1/articles/articles/none"), 404)
    assert_problem(client.get("/api/v2/search"), 404)
    response = client.post("/api/v1/search")
    assert_problem(response, 405)
    assert "GET" in response.headers["Allow"]


def test_a_fault_of_ours_is_told_without_a_traceback(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("web.api.render_status", fail)
    response = client.get("/api/v1/status")
    assert_problem(response, 500)
    assert "secret" not in response.text
    assert "secret detail" in caplog.text


def test_without_an_index_it_says_what_to_do_and_recovers(tmp_path: Path) -> None:
    settings = Settings(index=str(tmp_path / "index"))
    app = create_app(settings)
    client = app.test_client()
    for url in ("/api/v1/search", "/api/v1/status", "/readyz"):
        response = client.get(url)
        assert "broadsheet reindex" in assert_problem(response, 503)
        assert response.headers["Retry-After"]
        assert str(tmp_path) not in response.text
    reindex([ArchiveSpec("articles", EXAMPLES)], settings)
    assert client.get("/readyz").status_code == 200
    app.extensions[EXTENSION].close()


def test_head_answers_like_get_without_a_body(client: FlaskClient) -> None:
    response = client.head("/api/v1/search?q=ferry")
    assert (response.status_code, response.data) == (200, b"")


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for url in ("/", "/api/v1/search", "/api/v1/nothing", "/healthz", "/static/style.css", "/nothing"):
        with client.get(url) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            data = url.startswith("/api/")
            assert ("sandbox" if data else "script-src 'self'; connect-src 'self';") in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "same-origin"


def test_without_pictures_nothing_may_be_loaded_from_elsewhere(example_index: Path) -> None:
    app = create_app(Settings(index=str(example_index), images=False))
    response = app.test_client().get("/")
    assert "img-src 'self';" in response.headers["Content-Security-Policy"]
    assert "<img" not in response.text
    app.extensions[EXTENSION].close()


any_text = st.text(st.characters(codec="utf-8"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(q=any_text, more=st.lists(st.tuples(st.sampled_from(PARAMETERS), any_text), max_size=3))
def test_no_parameter_text_ever_breaks_an_answer(client: FlaskClient, q: str, more: list[tuple[str, str]]) -> None:
    parameters = "&".join(f"{name}={quote(value)}" for name, value in [("q", q), *more])
    assert client.get(f"/?{parameters}").status_code == 200
    response = client.get(f"/api/v1/search?{parameters}")
    if response.status_code != 200:
        assert_problem(response, 400, json.loads(response.data)["parameter"])


@pytest.mark.parametrize("q", ["%00", "%ED%A0%80", "%FF", "a%00b", "%F0%9F%98%80" * 400])
def test_bytes_that_are_no_text_break_nothing(client: FlaskClient, q: str) -> None:
    assert client.get(f"/?q={q}&topic={q}").status_code == 200
    assert client.get(f"/api/v1/search?q={q}&topic={q}").status_code == 200
    assert client.get(f"/article/{q}").status_code == 404


@pytest.mark.parametrize("text", ["a\ud800b", "\ud83d", "é😀\x7f\u2028"])
def test_json_is_written_whatever_the_text(text: str) -> None:
    assert json.loads(to_bytes({"text": text})) == {"text": text.encode("utf-8", "replace").decode()}


def test_json_holds_numbers_of_any_length() -> None:
    assert json.loads(to_bytes({"extra": [2**70, 0.1, -1e300]})) == {"extra": [2**70, 0.1, -1e300]}


def test_an_engine_that_cannot_be_made_faster_answers_all_the_same(
    example_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = Event()

    def fail(_engine: EmbeddedEngine) -> bool:
        tried.set()
        raise RuntimeError("no compiler")

    monkeypatch.setattr(EmbeddedEngine, "accelerate", fail)
    app = create_app(example_settings)
    assert app.test_client().get("/readyz").status_code == 200
    assert tried.wait(10)
    for thread in enumerate_threads():
        if thread.name == "accelerate":
            thread.join(10)
    assert "no compiler" in caplog.text
    app.extensions[EXTENSION].close()


def test_the_header_link_has_room_in_what_proxies_take(client: FlaskClient) -> None:
    def ask(words: int) -> Any:
        return client.get("/api/v1/search", query_string={"q": "ferry OR " * words + "harbour", "size": 1})

    assert ask(3).headers["Link"].startswith("</api/v1/search?q=ferry")
    long = ask(150)
    assert long.json["page"]["next_url"]
    assert "Link" not in long.headers
