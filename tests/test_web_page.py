"""The pages as HTML: what stands on them, where their links lead, and that archive text stays text."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import BuildApp
from flask import Flask
from flask.testing import FlaskClient
from test_api import HERE_TOO, SENSETIME

from index.settings import Settings
from web import create_app
from web.service import EXTENSION

HOSTILE = """---
title: "<script>alert(1)</script> \\"quoted\\" & 'single' 1 < 2 hostile"
excerpt: "</p><img src=x onerror=alert(2)> hostile excerpt"
webUrl: "javascript:alert(3)"
originalUrl: "https://ok.example/\\"><script>alert(4)</script>"
type: "<b>type</b>"
category: "<i>category</i>"
length: "<u>long</u>"
author: "<em>author</em>"
provider: {name: "<h1>Provider</h1>", domain: "<x>", images: [{url: "data:image/svg+xml,<svg onload=alert(5)>"}]}
topics: ["<script>alert(6)</script>", "a&b=c"]
images: [{url: "https://pictures.example/a.png\\" onerror=\\"alert(7)", title: "\\"><script>alert(8)</script>"}]
levels: ["<level>"]
"<key>": "<value>"
---
<script>alert(9)</script><p onclick="alert(10)">A hostile body.</p>
"""


def page(client: FlaskClient, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    return response.text


def hrefs(html: str, kind: str) -> list[str]:
    """Addresses of the links with this class."""
    return [unescape(url) for url in re.findall(rf'<a class="{kind}[^"]*" href="([^"]*)"', html)]


def test_the_front_page_lists_everything_newest_first(client: FlaskClient) -> None:
    html = page(client, "/")
    dates = re.findall(r'<time datetime="([^"]+)"', html)
    assert dates == sorted(dates, reverse=True)
    assert '<html lang="en-GB" dir="ltr">' in html
    assert '<main id="main"' in html
    assert "UTC</time>" in html
    assert "style=" not in html
    assert ">41 articles <" in html
    assert ">the newest of 12 August 2026 · read on " in html
    for label in ("Topics", "Providers", "Types", "Categories"):
        assert f">{label}</h3>" in html
    assert '<svg width="' in html
    assert '<a class="button" href="/?sort=newest">All articles, newest first</a>' in html


def test_results_mark_the_words_and_keep_what_was_typed(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry")
    assert re.search(r"<h3 [^>]*><a [^>]*>[^<]*<mark>[Ff]err", html)
    assert 'value="ferry"' in html
    assert "<title>ferry · Broadsheet</title>" in html


def test_the_search_box_keeps_the_chosen_filters(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&topic=Harbours&sort=newest&from=2023&page=1&junk=1")
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', html)
    assert hidden == [("topic", "Harbours"), ("sort", "newest")]
    assert '<input type="date" name="from" form="search" value="2023-01-01">' in html
    assert '<input type="date" name="to" form="search" value="">' in html


def test_the_forms_empty_fields_are_as_good_as_absent(client: FlaskClient) -> None:
    assert page(client, "/?q=&from=&to=") == page(client, "/")
    assert "ferry" in page(client, "/?q=ferry&from=&to=2023-12-31")


def test_facets_are_links_that_choose_and_take_back(client: FlaskClient) -> None:
    urls = hrefs(page(client, "/?q=the"), "value")
    assert urls
    chosen = page(client, urls[0])
    assert "Chosen, take back" in chosen
    assert "/?q=the" in hrefs(chosen, "value chosen")
    assert hrefs(chosen, "chip") == ["/?q=the"]


def test_articles_without_a_value_have_their_bucket(client: FlaskClient) -> None:
    html = page(client, "/?sort=newest")
    assert "Without date" in html
    assert "/?missing=date&sort=newest" in hrefs(html, "value none")
    assert "Undated" in page(client, "/?missing=date")


def test_pages_are_linked(client: FlaskClient) -> None:
    first = page(client, "/?size=5")
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert 'aria-current="page"' in first
    second = page(client, "/?size=5&page=2")
    assert 'rel="prev"' in second
    assert re.search(r'<ol class="hits" start="6">', second)


def test_a_page_beyond_the_end_leads_back(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&page=900")
    assert "To the last page" in html


def test_nothing_found_says_what_to_try(client: FlaskClient) -> None:
    html = page(client, "/?q=zzqqxxyy&topic=Harbours")
    assert "Nothing matches with these filters." in html
    assert '<a href="/?topic=Harbours"><bdi>Search without “zzqqxxyy”</bdi></a>' in html
    assert '<a href="/">To the front page</a>' in html


def test_articles_with_half_of_the_words_stand_below_a_divider(build_app: BuildApp) -> None:
    files = {f"{n}.md": f'---\ntitle: "{title}"\n---\n' for n, title in enumerate(["red fox", "red hen", "grey fox"])}
    html = page(build_app(files).test_client(), "/?q=red+fox")
    assert html.index(">red</mark> <mark>fox<") < html.index("With some of the words") < html.index(" hen<")
    assert 'class="note partial"' in html
    assert "1 with all words, 2 with some of them" in html


def test_bad_and_empty_parameters_are_ignored(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&topic=&sort=best&size=9999&page=-1&match=&from=x")
    assert 'class="chip"' not in html


def test_the_article_page_shows_every_field(build_app: BuildApp) -> None:
    client = build_app({"seed/sensetime.md": SENSETIME, "too.md": HERE_TOO}).test_client()
    html = unescape(page(client, "/article/site/seed/sensetime"))
    for text in (
        "China’s AI giant SenseTime postpones IPO after US blacklisting",
        "is putting its listing on hold.",
        "TechCrunch",
        "(<bdi>techcrunch.example</bdi>)",
        "13 December 2021, 05:54 UTC",
        "14 December 2021, 06:00 UTC",
        "By Rita Liao",
        "5 min",
        "Beginner",
        ">87<",
        ">139.5<",
        "The body of the <em>article</em>.",
        "price",
        "Free",
        "seed/sensetime.md",
        "The office",
    ):
        assert text in html, text
    for url in (
        "/?topic=AI",
        "/?provider=TechCrunch",
        "/?type=article",
        "/?category=news",
        "https://techcrunch.example/2021/12/12/sensetime/",
        "https://techcrunch.example/2021/12/12/sensetime/?utm_source=x",
        "https://techcrunch.example/2021/12/12/sensetime/amp/",
        "https://techcrunch-example.cdn.ampproject.example/c/s/sensetime/amp/",
        "https://reuters.example/china-ai-local-mode/",
        "/article/site/too",
        "/api/v1/articles/site/seed/sensetime",
    ):
        assert f'href="{url}"' in html, url
    for url in ("https://pictures.example/techcrunch-50x50.jpg", "https://pictures.example/sensetime1.jpg"):
        assert f'src="{url}"' in html, url
    assert "c2VjcmV0" not in html


def test_pictures_are_left_out_where_the_setting_says_so(build_app: BuildApp) -> None:
    settings: Settings = build_app({"a.md": SENSETIME}).extensions[EXTENSION].settings
    app = create_app(Settings(index=settings.index, images=False))
    for url in ("/", "/article/site/a"):
        assert "<img" not in page(app.test_client(), url)
    app.extensions[EXTENSION].close()


def test_hostile_text_stays_text(build_app: BuildApp) -> None:
    client = build_app({"hostile.md": HOSTILE}).test_client()
    for url in ("/", "/?q=hostile", "/article/site/hostile", "/?topic=%3Cscript%3Ealert(6)%3C/script%3E"):
        html = page(client, url)
        for forbidden in (
            "<script>",
            "<img src=x",
            'href="javascript',
            'src="data:',
            "<em>author",
            "<h1>Prov",
            "<level>",
        ):
            assert forbidden not in html, (url, forbidden)
        assert not re.search(r"<[^>]*\son\w+=", html), url
    for url in ("/", "/article/site/hostile"):
        assert "&#34;quoted&#34; &amp; &#39;single&#39; 1 &lt; 2" in page(client, url)


def test_what_was_typed_is_escaped(client: FlaskClient) -> None:
    html = page(client, '/?q="><script>alert(1)</script>&topic="><script>alert(2)</script>')
    assert "<script>" not in html


def test_an_article_without_title_is_shown_by_its_text(build_app: BuildApp) -> None:
    client = build_app({"a.md": '---\ntitle: ""\nexcerpt: "Only an excerpt."\n---\n'}).test_client()
    assert re.search(r'<a href="/article/site/a">\s*Only an excerpt\.\s*</a>', page(client, "/"))
    assert ">Only an excerpt.</h1>" in page(client, "/article/site/a")


def test_ids_with_unusual_characters_are_reached(build_app: BuildApp) -> None:
    names = ["50% off?", "a#b", "ünï cödé", "plus+and&"]
    client = build_app({f"{name}.md": f'---\ntitle: "T {name}"\n---\n' for name in names}).test_client()
    urls = re.findall(r'<h3 [^>]*><a href="([^"]+)"', page(client, "/"))
    assert len(urls) == len(names)
    for url in urls:
        assert "<h1" in page(client, unescape(url))


def test_errors_are_pages_with_a_way_on(client: FlaskClient) -> None:
    for url in ("/nothing", "/article/articles/none"):
        response = client.get(url)
        assert response.status_code == 404
        assert response.mimetype == "text/html"
        assert '<a href="/">' in response.text
    assert client.post("/").status_code == 405


def test_without_an_index_the_page_says_what_to_do(tmp_path: Path) -> None:
    response = create_app(Settings(index=str(tmp_path / "none"))).test_client().get("/")
    assert response.status_code == 503
    assert "broadsheet reindex ARCHIVE" in response.text
    assert str(tmp_path) not in response.text


def test_head_answers_without_a_body(client: FlaskClient) -> None:
    response = client.head("/?q=ferry")
    assert (response.status_code, response.data) == (200, b"")


def test_the_site_may_live_below_a_path(client: FlaskClient) -> None:
    html = client.get("/?q=ferry", base_url="http://localhost/archive").text
    assert 'action="/archive/"' in html
    assert '<a href="/archive/article/' in html
    assert 'href="/archive/?q=ferry&amp;' in html


def test_a_result_page_weighs_little(client: FlaskClient) -> None:
    weight = 0
    for url in ("/?q=ferry+OR+tram+OR+the", "/static/style.css", "/static/search.js"):
        with client.get(url) as response:
            weight += len(response.data)
    assert weight < 60_000


def test_a_value_can_be_excluded_and_let_in_again(client: FlaskClient) -> None:
    html = page(client, "/?q=the")
    url = next(url for url in hrefs(html, "not") if "exclude_provider" in url)
    left_out = page(client, url)
    assert hrefs(left_out, "chip without") == ["/?q=the"]
    assert "/?q=the" in hrefs(left_out, "value excluded")
    assert "Not " in left_out
    assert total(left_out) < total(html)


def total(html: str) -> int:
    found = re.search(r'<h2 id="found"[^>]*>([\d,]+) article', html)
    assert found
    return int(found[1].replace(",", ""))


def test_every_count_beside_a_facet_is_what_its_link_finds(client: FlaskClient) -> None:
    html = page(client, "/?q=the&exclude_provider=Port+Ansley+Courier&exclude_topic=Harbours")
    entries = re.findall(
        r'<a class="value(?: none)?" href="([^"]+)"><bdi>[^<]*</bdi></a>\s*<span class="count">([\d,]+)<', html
    )
    assert len(entries) > 20
    for url, count in entries:
        assert total(page(client, unescape(url))) == int(count.replace(",", "")), url


def test_a_chosen_year_shows_its_months_and_their_gaps(client: FlaskClient) -> None:
    html = page(client, "/?from=2023&to=2023")
    months = html[html.index('<ul class="months">') :]
    months = months[: months.index("</ul>")]
    assert months.count("<li") == 12
    assert re.search(r'<li class="entry gap">\s*<span class="value">\w+</span>\s*<span class="count">0<', months)
    assert "/?from=2023-02-01&to=2023-02-28" in hrefs(months, "value")
    assert hrefs(html, "chip") == ["/"]


def test_the_timeline_is_links_and_a_table(client: FlaskClient) -> None:
    html = page(client, "/?q=the")
    bars = re.findall(r'<a href="([^"]+)"><title>([^<]+): ([\d,]+) articles?</title>', html)
    assert bars
    for url, _, count in bars:
        assert total(page(client, unescape(url))) == int(count)
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th><td>([\d,]+)</td></tr>', html)
    assert [row for row in rows if row[1] != "0"] == [(text, count) for _, text, count in bars]


def test_how_the_query_was_read_is_told_where_it_differs(client: FlaskClient) -> None:
    assert "Read as" not in page(client, "/?q=night+Ferry")
    assert "Read as <bdi>ferry -tram</bdi>" in page(client, "/?q=ferry+NOT+tram")


def test_all_values_of_a_facet_have_a_page(client: FlaskClient) -> None:
    html = page(client, "/values/topic?q=the&sort=newest")
    counts = [int(count) for count in re.findall(r'<span class="count">(\d+)<', html)]
    assert counts == sorted(counts, reverse=True)
    assert 'href="/?q=the&amp;topic=' in html
    assert '<a href="/?q=the&amp;sort=newest">Back to the results' in html
    by_name = page(client, "/values/topic?q=the&by=name")
    names = re.findall(r'<a class="value(?: none)?" href="[^"]+"><bdi>([^<]+)</bdi>', by_name)
    assert names.pop() == "Without topic"
    assert names == sorted(names, key=str.casefold)
    assert len(names) == len(counts) - 1
    assert client.get("/values/colour").status_code == 404


def test_the_page_of_all_values_keeps_the_state_and_says_its_own_address(client: FlaskClient) -> None:
    html = page(client, "/values/topic?q=the&provider=Open+Harbour&from=2023&sort=newest&by=name")
    canonical = "http://localhost/values/topic?q=the&provider=Open+Harbour&from=2023-01-01&sort=newest"
    assert unescape(re.findall('<link rel="canonical" href="([^"]+)">', html)[0]) == canonical
    search_box = html[: html.index("</form>")]
    carried = [("provider", "Open Harbour"), ("from", "2023-01-01"), ("sort", "newest")]
    assert re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', search_box) == carried


def test_to_have_no_value_is_no_value(build_app: BuildApp) -> None:
    files = {"a.md": "---\ntitle: A\ntopics: [Ox, Élan]\n---\n", "b.md": "---\ntitle: B\n---\n"}
    html = page(build_app(files).test_client(), "/values/topic")
    assert '<h2 id="found" tabindex="-1">2</h2>' in html
    assert "Without topic" in html


def test_values_are_found_by_letter_and_by_a_part_of_their_names(build_app: BuildApp) -> None:
    topics = ["Élan", "elephants", "Ox", "東京", "42", "Ökonomie"]
    client = build_app({"a.md": f"---\ntitle: T\ntopics: [{', '.join(topics)}]\n---\n"}).test_client()

    def names(parameters: str) -> list[str]:
        html = page(client, f"/values/topic?{parameters}")
        return [unescape(name) for name in re.findall(r'<a class="value" href="[^"]+"><bdi>([^<]+)</bdi>', html)]

    assert names("by=name&letter=E") == ["Élan", "elephants"]
    assert names("by=name&letter=O") == ["Ökonomie", "Ox"]
    assert names("by=name&letter=%23") == ["42", "東京"]
    assert names("find=EL") == ["elephants", "Élan"]
    assert names("find=zzz") == []
    assert "No name is like this." in page(client, "/values/topic?find=zzz")


def test_a_long_list_of_values_is_divided_without_loss(build_app: BuildApp) -> None:
    topics = [f"a topic of some length {number:03}" for number in range(901)]
    client = build_app({"a.md": f"---\ntitle: T\ntopics: [{', '.join(topics)}]\n---\n"}).test_client()
    beside = 0
    for name in ("style.css", "search.js"):
        with client.get(f"/static/{name}") as response:
            beside += len(response.data)
    found = []
    for part in range(1, 11):
        html = page(client, f"/values/topic?by=name&part={part}")
        found += re.findall(r'<a class="value" href="[^"]+"><bdi>([^<]+)</bdi>', html)
        assert len(html) + beside < 60_000
    assert found == topics
    assert re.findall(r'aria-label="Page (\d+)">', html) == ["1", "8", "9", "10"]
    assert ">901–901 of 901</h2>" in page(client, "/values/topic?by=name&part=99")


def test_the_article_page_knows_the_search_one_came_from(client: FlaskClient) -> None:
    url = unescape(re.findall(r'href="(/article/[^"]+)"', page(client, "/?q=ferry"))[0])

    def back(referrer: str) -> list[tuple[str, str]]:
        html = client.get(url, headers={"Referer": referrer}).text
        return re.findall(r'<p class="back"><a href="([^"]+)"><bdi>([^<]+)</bdi>', html)

    assert back("http://localhost/?q=ferry&page=2&junk=1") == [
        ("/?q=ferry&amp;page=2", "Back to the results for “ferry”")
    ]
    assert back("http://localhost/?topic=Harbours") == [("/?topic=Harbours", "Back to the results")]
    elsewhere = (
        "http://evil.example/?q=ferry",
        "http://localhost/values/topic?q=x",
        "http://localhost/",
        "http://[",
        "",
    )
    assert [back(referrer) for referrer in elsewhere] == [[]] * 5


def test_pages_say_what_they_are_to_other_programs(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&size=1&page=2&topic=Harbours")
    assert '<link rel="canonical" href="http://localhost/?q=ferry&amp;topic=Harbours&amp;size=1&amp;page=2">' in html
    assert '<meta name="robots" content="noindex, nofollow">' in html
    assert '<meta name="robots" content="noindex">' in page(client, "/?page=2")
    assert 'type="application/atom+xml"' in html
    assert 'type="application/feed+json"' in html
    assert '<link rel="search" type="application/opensearchdescription+xml"' in html
    assert '"robots"' not in page(client, "/")
    url = unescape(re.findall(r'href="(/article/[^"]+)"', html)[0])
    story = page(client, url)
    assert f'<meta property="og:url" content="http://localhost{url}">' in story
    for name in ("og:title", "og:description", "og:type", "og:site_name", "article:published_time", "article:tag"):
        assert f'<meta property="{name}" content="' in story, name


def test_what_an_article_does_not_say_of_itself_is_left_out_of_its_head(build_app: BuildApp) -> None:
    story = page(build_app({"a.md": "---\ntitle: Only a title\n---\n"}).test_client(), "/article/site/a")
    assert "description" not in story[: story.index("</head>")].replace("opensearchdescription", "")


def test_style_and_script_are_kept_by_browsers_until_they_change(client: FlaskClient) -> None:
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+\?v=[0-9a-f]+)"', page(client, "/"))
    assert len(addresses) == 3
    for url in addresses:
        with client.get(url) as response:
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for url in ("/static/style.css", "/static/style.css?v=0123abcd"):
        with client.get(url) as response:
            assert "immutable" not in response.headers["Cache-Control"]


def test_an_international_host_is_written_as_browsers_send_it(client: FlaskClient) -> None:
    there = {"Host": "xn--bcher-kva.example", "Referer": "http://xn--bcher-kva.example/?q=ferry"}
    url = unescape(re.findall(r'href="(/article/[^"]+)"', page(client, "/?q=ferry"))[0])
    html = client.get(url, headers=there).text
    assert '<link rel="canonical" href="http://xn--bcher-kva.example/article/' in html
    assert "Back to the results for “ferry”" in html


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
@pytest.mark.parametrize("url", ["/", "/nothing-here", "/feed.atom", "/api/v1/search"])
def test_a_host_that_cannot_be_one_is_a_bad_request(example_app: Flask, host: str, url: str) -> None:
    response = example_app.test_client(use_cookies=False).get(url, headers={"Host": host})
    assert (response.status_code, response.content_type) == (400, "application/problem+json")


def test_dates_given_the_wrong_way_round_are_turned(client: FlaskClient) -> None:
    turned = page(client, "/?from=2024-03&to=2023-01-15")
    assert hrefs(turned, "chip") == ["/"]
    assert "15 January 2023 to 31 March 2024" in turned
    assert total(turned) == total(page(client, "/?from=2023-01-15&to=2024-03-31"))


def test_a_page_is_called_by_what_was_asked(client: FlaskClient) -> None:
    def name(url: str) -> str:
        found = re.search(r"<title>([^<]+)</title>", page(client, url))
        assert found
        return found[1]

    assert name("/") == "Broadsheet"
    assert name("/?sort=oldest") == "All articles · Broadsheet"
    assert name("/?topic=Harbours&exclude_type=video") == "Harbours, Not video · Broadsheet"
    assert name("/?q=ferry&from=2023&to=2023") == "ferry, 2023 · Broadsheet"
    assert name("/?q=the&size=2&page=3") == "the · Page 3 · Broadsheet"


def test_values_of_one_facet_are_said_to_be_alternatives(client: FlaskClient) -> None:
    html = page(client, "/?topic=Harbours&topic=AI&missing=topic&type=video")
    chips = re.findall(r'<li>(or )?<a class="chip" href="[^"]+"><span[^>]*>[^<]+</span><bdi>([^<]+)<', html)
    assert chips == [("", "Harbours"), ("or ", "AI"), ("or ", "Without topic"), ("", "video")]


def test_filters_that_leave_nothing_are_said_to_do_so(build_app: BuildApp) -> None:
    files = {f"{n}.md": f'---\ntitle: "{title}"\ntype: x\n---\n' for n, title in enumerate(["red fox", "grey fox"])}
    html = page(build_app(files).test_client(), "/?q=red+hen&type=none")
    assert "Nothing matches with these filters." in html
    assert "one follow" not in html
    assert 'class="timeline"' not in html


def test_an_address_under_several_keys_is_shown_once(build_app: BuildApp) -> None:
    text = (
        "---\ntitle: T\noriginalUrl: https://a.example/x\nwebUrl: https://a.example/x\nhome: https://b.example/\n---\n"
    )
    html = page(build_app({"a.md": text}).test_client(), "/article/site/a")
    facts = html[html.index("<dl>") :]
    assert facts.count('href="https://a.example/x"') == 1
    assert "<dt>Original, Web</dt>" in facts
    assert '<a class="outward" href="https://b.example/" rel="nofollow noopener">https://b.example/</a>' in facts


def test_how_to_search_is_told_with_examples_that_are_read_as_said(client: FlaskClient) -> None:
    html = page(client, "/help")
    assert '<a href="/help">How to search</a>' in html
    typed = [unescape(text) for text in re.findall(r"<code[^>]*>([^<]+)</code>", html)]
    assert len(typed) > 8
    for text in typed:
        assert "ignored" not in page(client, f"/?q={quote(text)}")


def test_what_is_cut_off_an_overlong_query_stands_in_no_link(client: FlaskClient) -> None:
    html = page(client, "/?q=" + "ferry+" * 2_000)
    assert "Only the first 1,000 characters of the query were used." in html
    assert f'value="{" ".join(["ferry"] * 166)}"' in html
    assert max(map(len, re.findall('href="([^"]+)"', html))) < 1_300
    assert max(map(len, re.findall('href="([^"]+)"', page(client, "/values/topic?q=" + "ferry+" * 2_000)))) < 1_300


def test_only_what_a_feed_would_hold_is_offered_to_be_followed(client: FlaskClient) -> None:
    assert 'class="follow"' in page(client, "/?q=ferry")
    assert 'class="note stand_in"' in page(client, "/?q=ferrryy")
    assert 'class="follow"' not in page(client, "/?q=ferrryy")
