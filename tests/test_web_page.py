"""The pages as HTML: what stands on them, where their links lead, and that archive text stays text."""

import re
from html import unescape
from pathlib import Path

from conftest import BuildApp
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
    assert '<html lang="en">' in html
    assert '<main id="main"' in html
    assert "UTC</time>" in html
    assert "<script" not in html
    assert "style=" not in html


def test_results_mark_the_words_and_keep_what_was_typed(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry")
    assert re.search(r"<h3 [^>]*><a [^>]*>[^<]*<mark>[Ff]err", html)
    assert 'value="ferry"' in html
    assert "<title>ferry · Broadsheet</title>" in html


def test_the_search_box_keeps_the_chosen_filters(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&topic=Harbours&sort=newest&from=2023&page=1&junk=1")
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', html)
    assert hidden == [("topic", "Harbours"), ("from", "2023-01-01"), ("sort", "newest")]


def test_facets_are_links_that_choose_and_take_back(client: FlaskClient) -> None:
    urls = hrefs(page(client, "/?q=the"), "value")
    assert urls
    chosen = page(client, urls[0])
    assert "Chosen, take back" in chosen
    assert "/?q=the" in hrefs(chosen, "value chosen")
    assert hrefs(chosen, "chip") == ["/?q=the"]


def test_articles_without_a_value_have_their_bucket(client: FlaskClient) -> None:
    html = page(client, "/")
    assert "Without date" in html
    assert "/?missing=date" in hrefs(html, "value none")
    assert "Undated" in page(client, "/?missing=date")


def test_pages_are_linked(client: FlaskClient) -> None:
    first = page(client, "/?size=5")
    assert 'rel="next nofollow"' in first
    assert 'rel="prev nofollow"' not in first
    assert 'aria-current="page"' in first
    second = page(client, "/?size=5&page=2")
    assert 'rel="prev nofollow"' in second
    assert re.search(r'<ol class="hits" start="6">', second)


def test_a_page_beyond_the_end_leads_back(client: FlaskClient) -> None:
    html = page(client, "/?q=ferry&page=900")
    assert "To the last page" in html


def test_nothing_found_says_what_to_try(client: FlaskClient) -> None:
    html = page(client, "/?q=zzqqxxyy&topic=Harbours")
    assert "Nothing in this archive matches." in html
    assert '<a href="/?q=zzqqxxyy" rel="nofollow">Search without the chosen filters</a>' in html


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
            "<script",
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
    assert "<script" not in html


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
    with client.get("/static/style.css") as style:
        assert len(client.get("/?q=the&size=10").data) + len(style.data) < 60_000
