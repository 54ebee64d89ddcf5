"""Feeds and the address bar's search: read by other people's readers, and unchanged for as long as the articles are."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from conftest import BuildApp
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from test_api import REMOVED, SENSETIME
from test_web_links import queries
from test_web_page import HOSTILE

from index.archive import ArchiveSpec
from index.article import Article, Image, Provider
from index.reindex import reindex
from index.settings import Settings
from search.query import Filters, Query
from search.results import Hit, Results, Suggestion
from web import create_app
from web.atom import build_atom
from web.feed import USUAL, FeedBases, build_feed, feed_address, feed_query, feed_title, read_feed_query
from web.json_feed import build_json_feed
from web.opensearch import Offer, build_description
from web.render import to_bytes
from web.service import EXTENSION
from web.sharing import feed_links
from web.site import HeadLink
from web.suggestions import SuggestionBases, build_suggestions
from web.texts import load_texts
from web.xml_text import legal

SCHEMA = json.loads((Path(__file__).parent / "json_feed.schema.json").read_text(encoding="utf-8"))
ATOM = "{http://www.w3.org/2005/Atom}"
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
BASES = FeedBases("http://h/feed", "http://h/", "http://h/article/", "http://h/icon.svg")
ADDRESSES = SuggestionBases("http://h/", "http://h/article/")
TEXTS = load_texts("en_GB")
FEEDS = ("/feed.atom", "/feed.json")


def atom(client: FlaskClient, url: str) -> Any:
    """The feed as feedparser reads it, without complaint."""
    response = client.get(url)
    assert response.status_code == 200
    assert response.content_type == "application/atom+xml; charset=utf-8"
    read = feedparser.parse(response.data)
    assert not read.bozo, read.get("bozo_exception")
    assert read.version == "atom10"
    return read


def json_feed(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200
    assert response.content_type == "application/feed+json"
    return valid(response.data)


def valid(data: bytes) -> Any:
    feed = json.loads(data)
    Draft202012Validator(SCHEMA).validate(feed)
    return feed


def hits(client: FlaskClient, url: str) -> Any:
    return json.loads(client.get(f"/api/v1/search{url}").data)["hits"]


def dated(title: str, day: str, more: str = "") -> str:
    return f'---\ntitle: "{title}"\ndate: {day}\n{more}---\n'


def change(app: Flask, files: dict[str, str]) -> None:
    """Write files into the archive that `build_app` made first, and read it again."""
    settings = app.extensions[EXTENSION].settings
    archive = Path(settings.index).parent / "archive-0"
    for name, text in files.items():
        (archive / name).write_text(text, encoding="utf-8")
    reindex([ArchiveSpec("site", archive)], settings)


# Feeds


@pytest.mark.parametrize("asked", ["?q=ferry&match=all", "?topic=Harbours", "?from=2023&to=2023", ""])
def test_entries_are_what_the_search_finds_newest_first(client: FlaskClient, asked: str) -> None:
    separator = "&" if asked else "?"
    found = hits(client, f"{asked}{separator}sort=newest&size=20")
    assert found
    entries = atom(client, f"/feed.atom{asked}").entries
    items = json_feed(client, f"/feed.json{asked}")["items"]
    links = [f"http://localhost/article/{quote(hit['id'])}" for hit in found]
    assert [entry.link for entry in entries] == [item["url"] for item in items] == links
    assert [entry.title for entry in entries] == [item["title"] for item in items]
    assert [entry.get("published") for entry in entries] == [hit["published"] for hit in found]
    assert [item.get("date_published") for item in items] == [hit["published"] for hit in found]
    assert [entry.get("summary", "") for entry in entries] == [hit["excerpt"] for hit in found]
    assert [item["content_text"] for item in items] == [hit["excerpt"] for hit in found]
    assert [[tag.term for tag in entry.get("tags", ())] for entry in entries] == [hit["topics"] for hit in found]
    assert [item.get("tags", []) for item in items] == [hit["topics"] for hit in found]
    related = [[link.href for link in entry.links if link.rel == "related"] for entry in entries]
    assert related == [[hit["url"]] if hit["url"] else [] for hit in found]
    assert [item.get("external_url") for item in items] == [hit["url"] for hit in found]
    assert [entry.id for entry in entries] == [item["id"] for item in items]
    assert len({entry.id for entry in entries}) == len(entries)


def test_every_field_of_an_article_is_told(build_app: BuildApp) -> None:
    client = build_app({"seed/sensetime.md": SENSETIME}).test_client()
    entry = atom(client, "/feed.atom").entries[0]
    item = json_feed(client, "/feed.json")["items"][0]
    assert (entry.published, entry.updated) == ("2021-12-13T05:54:00Z", "2021-12-14T06:00:00Z")
    assert (item["date_published"], item["date_modified"]) == (entry.published, entry.updated)
    assert [author.name for author in entry.authors] == ["Rita Liao"]
    assert item["authors"] == [{"name": "Rita Liao"}]
    assert entry.media_thumbnail == [{"url": "https://pictures.example/sensetime1.jpg"}]
    assert item["image"] == "https://pictures.example/sensetime1.jpg"
    assert item["summary"] == item["content_text"] == entry.summary
    assert item["external_url"] == "https://techcrunch.example/2021/12/12/sensetime/"


def test_atom_has_what_the_standard_demands(client: FlaskClient) -> None:
    root = ElementTree.fromstring(client.get("/feed.atom?size=100").data)
    assert root.tag == f"{ATOM}feed"
    assert root.findtext(f"{ATOM}author/{ATOM}name")  # stands for every entry without one
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1
        links = [(link.get("rel"), link.get("type")) for link in element.findall(f"{ATOM}link")]
        assert len(links) == len(set(links))
        assert ("alternate", "text/html") in links
    updated = [entry.findtext(f"{ATOM}updated") or "" for entry in root.iter(f"{ATOM}entry")]
    assert root.findtext(f"{ATOM}updated") == max(updated)


@pytest.mark.parametrize("asked", ["size=7", "sort=oldest&size=7", "topic=Harbours&size=5", "q=the+ferry&size=3"])
def test_pages_follow_each_other_without_repeats_or_gaps(client: FlaskClient, asked: str) -> None:
    url: str | None = f"http://localhost/feed.atom?{asked}"
    previous, ids, texts = None, [], []
    while url:
        read = atom(client, url)
        links = {link.rel: link.href for link in read.feed.links}
        assert (links["self"], links.get("previous")) == (url, previous)
        previous, url = url, links.get("next")
        ids += [entry.id for entry in read.entries]
        texts.append(read.feed.id)
    assert len(set(texts)) == 1
    total = json.loads(client.get(f"/api/v1/search?match=all&{asked}").data)["total"]["value"]
    assert len(ids) == len(set(ids)) == total > 0
    url, items = f"http://localhost/feed.json?{asked}", []
    while url:
        feed = json_feed(client, url)
        assert feed["feed_url"] == url
        items += [item["id"] for item in feed["items"]]
        url = feed.get("next_url")
    assert items == ids


def test_parameters_are_read_leniently(client: FlaskClient) -> None:
    usual = client.get("/feed.atom").data
    assert client.get("/feed.atom?size=many&sort=best&page=-1&match=&topic=&junk=1").data == usual
    assert len(json_feed(client, "/feed.json?size=100000")["items"]) == 20
    assert json_feed(client, "/feed.json?q=zzqqxxyy")["items"] == []
    assert atom(client, "/feed.atom?q=zzqqxxyy").feed.updated == "1970-01-01T00:00:00Z"


def test_a_feed_holds_only_articles_with_every_word_unless_asked_otherwise(build_app: BuildApp) -> None:
    files = {f"{n}.md": dated(title, f"202{n}-01-01") for n, title in enumerate(["red fox", "red hen", "grey fox"])}
    client = build_app(files).test_client()
    assert [item["title"] for item in json_feed(client, "/feed.json?q=red+fox")["items"]] == ["red fox"]
    assert len(json_feed(client, "/feed.json?q=red+fox&match=auto")["items"]) == 3
    assert [item["title"] for item in json_feed(client, "/feed.json?q=red+fox&match=any")["items"]] == [
        "grey fox",
        "red hen",
        "red fox",
    ]


def test_an_article_without_date_has_none_but_where_atom_wants_one(build_app: BuildApp) -> None:
    client = build_app({"a.md": '---\ntitle: "Bare"\n---\n'}).test_client()
    entry = atom(client, "/feed.atom").entries[0]
    assert entry.updated == "1970-01-01T00:00:00Z"
    assert "published" not in entry
    item = json_feed(client, "/feed.json")["items"][0]
    assert item.keys() == {"id", "url", "title", "content_text"}


def test_an_article_without_title_is_called_by_its_text(build_app: BuildApp) -> None:
    client = build_app({"a.md": '---\ntitle: ""\nexcerpt: "Only an excerpt."\n---\n'}).test_client()
    assert atom(client, "/feed.atom").entries[0].title == "Only an excerpt."
    assert json_feed(client, "/feed.json")["items"][0]["title"] == "Only an excerpt."


def test_the_provider_stands_in_for_authors(build_app: BuildApp) -> None:
    client = build_app({"a.md": '---\ntitle: "A"\nprovider: {name: "Courier"}\n---\n'}).test_client()
    assert [author.name for author in atom(client, "/feed.atom").entries[0].authors] == ["Courier"]


def test_pictures_are_left_out_where_the_setting_says_so(build_app: BuildApp) -> None:
    app = build_app({"a.md": SENSETIME})
    without = create_app(replace(app.extensions[EXTENSION].settings, images=False))
    for url in FEEDS:
        assert "sensetime1.jpg" in app.test_client().get(url).text
        assert "pictures.example" not in without.test_client().get(url).text
    without.extensions[EXTENSION].close()


def test_hidden_articles_are_in_no_feed(build_app: BuildApp) -> None:
    client = build_app({"gone.md": REMOVED, "here.md": dated("Here", "2021-01-01")}).test_client()
    for url in FEEDS:
        for asked in ("", "?q=gone", "?q=gone&match=any", "?size=100"):
            assert "Gone" not in client.get(url + asked).text
            assert "site/gone" not in client.get(url + asked).text


def test_the_title_says_what_is_subscribed_to(client: FlaskClient) -> None:
    assert atom(client, "/feed.atom").feed.title == "Broadsheet"
    asked = "?q=ferry&topic=Harbours&missing=type"
    assert atom(client, f"/feed.atom{asked}").feed.title == "ferry, Harbours, Without type · Broadsheet"
    assert json_feed(client, f"/feed.json{asked}")["title"] == "ferry, Harbours, Without type · Broadsheet"
    assert feed_title(Query(filters=Filters(excluded={"topic": ("AI",)})), "Here", TEXTS) == "Not AI · Here"
    asked = "?q=ferry&match=any&from=2021&to=2022-06"
    told = "ferry, 1 January 2021 to 30 June 2022, Any of the words · Broadsheet"
    assert atom(client, f"/feed.atom{asked}").feed.title == told


def test_the_page_of_a_feed_lists_the_same(client: FlaskClient) -> None:
    assert atom(client, "/feed.atom").feed.link == "http://localhost/"
    assert atom(client, "/feed.atom?topic=Harbours&page=2&size=1").feed.link == "http://localhost/?topic=Harbours"
    page = json_feed(client, "/feed.json?q=night+ferry")["home_page_url"]
    assert page == "http://localhost/?q=night+ferry&match=all&sort=newest"
    assert client.get(page).status_code == 200


# Hostile text


def test_hostile_text_stays_text(build_app: BuildApp, tmp_path: Path) -> None:
    nasty = {"id": "n", "title": "\x01]]> & \ud800 <b>\x85\ufffe \" ' &lt;x&gt;", "excerpt": "<![CDATA[x]]> \x0b -- ?>"}
    app = build_app({"hostile.md": HOSTILE})
    lines = tmp_path / "nasty.jsonl"
    lines.write_text(json.dumps(nasty), encoding="ascii")
    reindex([ArchiveSpec("nasty", lines)], app.extensions[EXTENSION].settings)
    client = app.test_client()
    found = {hit["id"]: hit for hit in hits(client, "?size=100")}
    entries = atom(client, "/feed.atom").entries
    items = json_feed(client, "/feed.json")["items"]
    assert len(entries) == len(items) == len(found) == 2
    root = ElementTree.fromstring(client.get("/feed.atom").data)
    for item, element in zip(items, root.iter(f"{ATOM}entry"), strict=True):
        hit = found[item["url"].removeprefix("http://localhost/article/")]
        assert item["title"] == element.findtext(f"{ATOM}title") == hit["title"]
        assert item["content_text"] == (element.findtext(f"{ATOM}summary") or "") == hit["excerpt"]
        assert {part.tag for part in element.iter()} <= {
            *(f"{ATOM}{name}" for name in ("entry", "id", "title", "updated", "published", "link", "author", "name")),
            *(f"{ATOM}{name}" for name in ("category", "summary")),
            "{http://search.yahoo.com/mrss/}thumbnail",
        }
        assert not {part.get("type") for part in element.iter()} & {"html", "xhtml"}
    for url in FEEDS:
        text = client.get(url).text
        for forbidden in ("javascript:", "data:image"):
            assert forbidden not in text
    assert "<script" not in client.get("/feed.atom").text


def test_what_was_typed_stays_text(client: FlaskClient) -> None:
    asked = "?q=%22%3E%3Cscript%3E%01%00%ED%A0%80]]%3E&topic=%3Cb%3E"
    assert "<script>" in atom(client, f"/feed.atom{asked}").feed.title_detail.value
    assert "<script>" in json_feed(client, f"/feed.json{asked}")["title"]
    assert "<script" not in client.get(f"/feed.atom{asked}").text


anything = st.text(st.characters())


@given(anything, anything, anything, anything, anything)
def test_any_text_makes_a_document(title: str, excerpt: str, author: str, url: str, identity: str) -> None:
    article = Article(
        id=f"a/{identity}",
        archive="a",
        path=identity,
        title=title,
        excerpt=excerpt,
        authors=(author,),
        topics=(title,),
        provider=Provider(url, url),
        original_url=url,
        images=(Image(url), Image(f"https://x.example/{url}")),
    )
    hit = Hit(1, 0.0, True, article, {}, None)
    results = Results((hit,), 1, 1, "all", "", (), {}, (), "", 0.0)
    feed = build_feed(results, replace(USUAL, text=title), BASES, Settings(title=author), TEXTS)
    root = ElementTree.fromstring(build_atom(feed))
    assert root.findtext(f"{ATOM}title") == read_back(feed.title)
    assert root.findtext(f"{ATOM}entry/{ATOM}title") == read_back(feed.entries[0].title)
    assert root.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}name") == read_back(author)
    item = valid(to_bytes(build_json_feed(feed)))["items"][0]
    assert (item["title"], item["content_text"]) == (legal(feed.entries[0].title), legal(excerpt))
    everything = Offer(title, *["http://h/"] * 5)
    assert ElementTree.fromstring(build_description(everything, title)).findtext(f"{OPENSEARCH}ShortName")


def read_back(text: str) -> str:
    """Text as every XML parser gives it: line ends are made one."""
    return legal(text).replace("\r\n", "\n").replace("\r", "\n")


# What stays the same


def test_ids_stay_the_same_on_every_host_and_after_every_reindex(build_app: BuildApp) -> None:
    app = build_app({"a.md": dated("A", "2021-01-01"), "b.md": dated("B", "2021-01-02")})
    client = app.test_client()
    before = atom(client, "/feed.atom?q=a&match=any")
    assert before.feed.id.startswith("urn:uuid:")
    elsewhere = feedparser.parse(client.get("/feed.atom?match=any&q=a", base_url="https://other.example/x").data)
    assert elsewhere.entries[0].link == "https://other.example/x/article/site/a"
    ids = [before.feed.id, before.entries[0].id]
    assert [elsewhere.feed.id, elsewhere.entries[0].id] == ids
    for text in ("A new", "A newer"):
        change(app, {"a.md": dated(text, "2021-01-03")})
        read = atom(client, "/feed.atom?q=a&match=any")
        assert read.entries[0].title == text
        assert [read.feed.id, read.entries[0].id] == ids
    assert atom(client, "/feed.atom?q=b").feed.id != before.feed.id


def test_ids_are_those_that_subscribers_know() -> None:
    results = Results((Hit(1, 0.0, True, Article("a/b", "a", "b.md"), {}, None),), 1, 1, "all", "", (), {}, (), "", 0.0)
    feed = build_feed(results, replace(USUAL, text="ferry"), BASES, Settings(), TEXTS)
    assert feed.entries[0].id == "urn:uuid:49f6200e-e0b2-5a6c-a28b-03adc02eaae7"
    assert feed.id == "urn:uuid:3783bacd-b3aa-5c51-9bc5-256f6f10181c"


@pytest.mark.parametrize("url", FEEDS)
def test_the_etag_changes_with_the_articles_of_the_feed_alone(build_app: BuildApp, url: str) -> None:
    app = build_app({"a.md": dated("Ferry", "2021-01-01"), "b.md": dated("Tram", "2021-01-02")})
    client = app.test_client()

    def tags() -> list[str | None]:
        return [client.get(url + asked).headers["ETag"] for asked in ("?q=ferry", "?q=tram")]

    ferry, tram = tags()
    assert ferry
    assert ferry.startswith('"')
    assert tags() == [ferry, tram]
    change(app, {"b.md": dated("Tram again", "2021-01-02"), "c.md": dated("Bus", "2021-01-03")})
    unchanged, changed = tags()
    assert unchanged == ferry
    assert changed != tram
    change(app, {"a.md": REMOVED})
    assert tags()[0] != ferry


@pytest.mark.parametrize("url", [*FEEDS, "/opensearch.xml"])
def test_who_has_the_present_one_is_told_so(client: FlaskClient, url: str) -> None:
    fresh = client.get(url)
    assert fresh.headers["Cache-Control"] == "no-cache"
    again = client.get(url, headers={"If-None-Match": fresh.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == fresh.headers["ETag"]
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    head = client.head(url)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == fresh.headers["ETag"]
    assert head.content_length == len(fresh.data)
    assert client.head(url, headers={"If-None-Match": fresh.headers["ETag"]}).status_code == 304
    assert client.post(url).status_code == 405


@pytest.mark.parametrize("url", FEEDS)
def test_a_client_that_sends_only_a_time_hears_that_an_article_was_removed(build_app: BuildApp, url: str) -> None:
    app = build_app({"a.md": dated("A", "2021-01-01"), "b.md": dated("B", "2021-01-02")})
    client = app.test_client()
    seen = client.get(url).headers["Last-Modified"]
    assert client.get(url, headers={"If-Modified-Since": seen}).status_code == 304
    time.sleep(1.1)  # HTTP's times are whole seconds
    change(app, {"a.md": REMOVED})
    answer = client.get(url, headers={"If-Modified-Since": seen})
    assert answer.status_code == 200
    assert "site/a" not in answer.text


def test_without_an_index_feeds_say_so(tmp_path: Path) -> None:
    client = create_app(Settings(index=str(tmp_path / "none"))).test_client()
    for url in FEEDS:
        assert client.get(url).status_code == 503


# Addresses


@given(queries)
def test_a_feeds_address_is_read_back_as_its_query(query: Query) -> None:
    url = feed_address("/feed.atom", query)
    asked = read_feed_query(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    assert asked == replace(query, facets={}, highlight=False)


@given(queries)
def test_the_feed_of_a_page_has_its_words_and_filters(query: Query) -> None:
    feed = feed_query(query)
    assert (feed.text, feed.filters) == (query.text, query.filters)
    assert (feed.sort, feed.page, feed.size) == ("newest", 1, 20)
    assert feed.match == ("all" if query.match == "auto" else query.match)


def test_pages_offer_feeds(client: FlaskClient, example_app: Flask) -> None:
    query = Query(text="night ferry", filters=Filters(chosen={"topic": ("Harbours",)}), page=3, sort="oldest")
    with example_app.test_request_context("/", base_url="http://localhost/below"):
        links = feed_links(query)
    title = "night ferry, Harbours · Broadsheet"
    asked = "?q=night+ferry&topic=Harbours"
    assert links == (
        HeadLink("alternate", "application/atom+xml", title, f"/below/feed.atom{asked}"),
        HeadLink("alternate", "application/feed+json", title, f"/below/feed.json{asked}"),
    )
    for link in links:
        assert client.get(link.href.removeprefix("/below")).mimetype == link.type


# The address bar


def test_the_description_is_as_the_specification_wants_it(client: FlaskClient) -> None:
    response = client.get("/opensearch.xml")
    assert "Last-Modified" not in response.headers
    assert response.content_type == "application/opensearchdescription+xml; charset=utf-8"
    root = ElementTree.fromstring(response.data)
    assert root.tag == f"{OPENSEARCH}OpenSearchDescription"
    assert {element.tag.removeprefix(OPENSEARCH) for element in root} == {
        "ShortName", "LongName", "Description", "Url", "Image", "InputEncoding", "OutputEncoding",
    }  # fmt: skip
    for name, most in (("ShortName", 16), ("LongName", 48), ("Description", 1024)):
        (element,) = root.findall(f"{OPENSEARCH}{name}")
        assert 0 < len(element.text or "") <= most
    assert root.findtext(f"{OPENSEARCH}InputEncoding") == root.findtext(f"{OPENSEARCH}OutputEncoding") == "UTF-8"
    (image,) = root.findall(f"{OPENSEARCH}Image")
    with client.get(image.text or "") as picture:
        assert (picture.status_code, picture.mimetype) == (200, image.get("type"))
    urls = {(url.get("type"), url.get("rel")): url.get("template") for url in root.findall(f"{OPENSEARCH}Url")}
    assert urls == {
        ("text/html", "results"): "http://localhost/?q={searchTerms}",
        ("application/atom+xml", "results"): "http://localhost/feed.atom?q={searchTerms}",
        ("application/x-suggestions+json", "suggestions"): "http://localhost/suggest?q={searchTerms}",
        ("application/opensearchdescription+xml", "self"): "http://localhost/opensearch.xml",
    }
    for (media_type, _), template in urls.items():
        assert client.get((template or "").replace("{searchTerms}", "night%20ferry")).mimetype == media_type


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Broadsheet", "Broadsheet"),
        ("Sixteen letters!", "Sixteen letters!"),
        ("The Port Ansley Courier", "The Port Ansley"),
        ("Donaudampfschifffahrtsgesellschaft", "Donaudampfschiff"),
        (" \x01 ", "Search"),
        ("<b>&", "<b>&"),
    ],
)
def test_a_long_name_is_cut_between_words(title: str, short: str) -> None:
    root = ElementTree.fromstring(build_description(Offer(title, *["http://h/"] * 5), title))
    assert root.findtext(f"{OPENSEARCH}ShortName") == short


def suggestions(client: FlaskClient, typed: str) -> Any:
    response = client.get("/suggest", query_string={"q": typed})
    assert response.status_code == 200
    assert response.content_type == "application/x-suggestions+json"
    return json.loads(response.data)


@pytest.mark.parametrize("typed", ["fer", "harb", "night f", "", "zzqqxx", '"<script>', "ü ", "\0", "a" * 2000])
def test_suggestions_have_the_shape_that_browsers_read(client: FlaskClient, typed: str) -> None:
    text, *lists = suggestions(client, typed)
    assert text == typed.replace("\0", "\ufffd")
    texts, descriptions, urls = lists
    assert len(texts) == len(descriptions) == len(urls) <= 8
    for url in urls:
        assert client.get(url).status_code == 200


def test_suggestions_lead_to_what_they_say(build_app: BuildApp) -> None:
    files = {f"{n}.md": dated(f"Night ferry {n}", "2021-01-01", "topics: [Ferry & more]\n") for n in "ab"}
    client = build_app({**files, "gone.md": REMOVED}).test_client()
    _, texts, descriptions, urls = suggestions(client, "fer")
    assert dict(zip(texts, zip(descriptions, urls, strict=True), strict=True)) == {
        "ferry": ("2 articles", "http://localhost/?q=ferry"),
        "Ferry & more": ("Topic, 2 articles", "http://localhost/?topic=Ferry+%26+more"),
        "Night ferry a": ("Article", "http://localhost/article/site/a"),
        "Night ferry b": ("Article", "http://localhost/article/site/b"),
    }
    elsewhere = client.get("/suggest?q=fer", base_url="https://other.example/x").text
    assert "https://other.example/x/?q=ferry" in elsewhere
    assert suggestions(client, "gon") == ["gon", [], [], []]


def test_suggestions_are_kept_by_the_browser_alone_and_not_for_long(client: FlaskClient) -> None:
    assert client.get("/suggest?q=fer").headers["Cache-Control"] == "private, max-age=60"
    assert client.head("/suggest?q=fer").status_code == 200
    assert client.get("/suggest").text == '["",[],[],[]]'


def test_one_article_is_said_to_be_one() -> None:
    found = build_suggestions(
        "f", [Suggestion("words", "fox", 1), Suggestion("topic", "Foxes", 12_345)], ADDRESSES, TEXTS
    )
    assert found[2] == ["1 article", "Topic, 12,345 articles"]
