"""That an archive full of traps is shown as text, runs nothing and breaks no page; nor does a hostile address."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from browsing import look, needs_browser, serving
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.query import FACETS
from web import create_app
from web.links import path_of
from web.service import EXTENSION

# Each sets a property of the window where it runs.
SCRIPTS = (
    "\"><script>window.ran='a'</script>",
    "<<b>script>window.ran='b'<<b>/script>",
    "&lt;img src=x onerror=&quot;window.ran='c'&quot;&gt;",
    "</title></textarea></style><svg/onload=window.ran='d'",
    "' onmouseover='window.ran=1' autofocus onfocus=window.ran='e' x='",
    "{{ 7*7 }}${7*7}<%= 7*7 %>{% raw %}`--><!--",
)
MARKUP = " ".join(SCRIPTS)
ADDRESSES = (
    "javascript:window.ran='f'",
    "java\tscript:window.ran='g'",
    "\x01 JaVaScRiPt\x00:window.ran='h'",
    "data:text/html,<script>window.ran='i'</script>",
    "vbscript:msgbox(1)",
    "https://pictures.example/\"><script>window.ran='j'</script>",
    "//pictures.example/picture.png",
    "http://pictures.example/plain.png",
    "https://user:word@pictures.example:99999/",
    "https://pictures.example/" + "Ω" * 7_000,
)
OVERRIDES = "\u202edrowssap \u2067unclosed \u2066isolates \u202d and \u202e overrides"
ZALGO = "z" + "\u0337\u0338\u0358\u033f\u0321\u0327\u0353\u0331\u031d\u0325" * 40 + "algo"
ZERO_WIDTH = "zero\u200bwidth\u200ctext\u200dwith\ufeffjoiners\u00ad"
BROKEN = "nul\x00 lone\ud800 \udfff surrogates\ufffe"
FLAGS = "\U0001f1fa\U0001f1f3\U0001f1ea\U0001f1fa\U0001f3f4\u200d\u2620\ufe0f\U0001f469\u200d\U0001f467" * 200
WALL = "W" * 10_000
ODD = f"{OVERRIDES} {ZALGO} {ZERO_WIDTH} {BROKEN} {FLAGS}"
HUGE = 10**300

BODY = f"""# Body harbour <script>window.ran='k'</script>

###### {MARKUP}

[a](javascript:window.ran='l') [b](java&#x0A;script:window.ran='m') ![c](https://pictures.example/c.png)
<{ADDRESSES[3]}>

<a href="javascript&colon;window.ran='n'">d</a><img src=x onerror="window.ran='o'">
<svg><a xlink:href="javascript:window.ran='p'"><text>q</text></a></svg><math><mtext></mtext></math>
<form action="https://evil.example/"><button>Send</button></form>
<meta http-equiv="refresh" content="0;url=//evil.example">
<base href="https://evil.example/"><link rel="stylesheet" href="https://evil.example/x.css">
<style>*{{display:none}}</style>
<h1 id="main" style="position:fixed;inset:0;font-size:900px" class="masthead">Harbour</h1><div dir="rtl"><span>unclosed

| {WALL} | b |
|---|---|
| {WALL} | {OVERRIDES} |

    {WALL}

{ZALGO} {WALL} {FLAGS} <iframe srcdoc="<script>window.ran='s'</script>"><!-- <textarea>
"""


def hostile(text: str, address: str, **more: Any) -> dict[str, Any]:
    """Front matter that holds `text` wherever text may stand, and `address` wherever an address may."""
    return {
        "title": f"Harbour {text}",
        "excerpt": f"Harbour {text} {text}",
        "topics": ["Traps", text, f"{text} 2", MARKUP],
        "provider": {"name": text, "domain": text, "images": [{"url": address}]},
        "category": text,
        "type": text,
        "length": text,
        "authors": [text, text[::-1]],
        "levels": [text],
        "originalUrl": address,
        "webUrl": address,
        "ampWebUrl": address,
        "cdnAmpWebUrl": address,
        "url": address,
        "images": [{"url": each, "title": text, "width": 99_999, "height": 1} for each in (address, *ADDRESSES)],
        "related": [{"webUrl": address, "title": text}],
        "quality": 1e300,
        "heat": -(10**300),
        text[:100]: {text[:100]: [text, {"deep": [text]}]},
        **more,
    }


ARTICLES = {
    "markup": hostile(MARKUP, ADDRESSES[5]),
    "<script>window.ran='r'<&'\"{{ 7*7 }}/%2e%2e%2f?q=#": hostile(MARKUP * 20, ADDRESSES[0]),
    "overrides": hostile(OVERRIDES, ADDRESSES[2]),
    "zalgo": hostile(ZALGO, ADDRESSES[3]),
    "wall": hostile(WALL, ADDRESSES[9]),
    "flags": hostile(FLAGS, ADDRESSES[7]),
    "first": hostile("first", ADDRESSES[6], publishedDateTime="0001-01-01T00:00:00+14:00"),
    "early": hostile("early", ADDRESSES[4], publishedDateTime="1000-01-01T00:00:00Z"),
    "last": hostile("last", ADDRESSES[5], publishedDateTime="9999-12-31T23:59:59Z", updatedDateTime="9999-12-31"),
    "many": hostile(
        "many",
        ADDRESSES[5],
        topics=[f"Topic {number} {'x' * 60}" for number in range(5_000)],
        related=[f"https://pictures.example/{number}?{MARKUP}" for number in range(1_000)],
        authors=[f"Author {number}" for number in range(1_000)],
    ),
}
LINES = {"odd": hostile(ODD, ADDRESSES[1]), "a <b> '\"/broken": hostile(BROKEN, ADDRESSES[8])}
"""Articles with what JSON can hold and YAML cannot."""
LIST_BYTES = 300_000
"""A list of these articles stays below this, because long texts are cut on lists; addresses are not."""


@pytest.fixture(scope="module")
def hostile_index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("hostile")
    for name, values in ARTICLES.items():
        path = folder / "archive" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}\n"
            for key, value in values.items()
        )
        path.write_text(f"---\n{''.join(lines)}---\n{BODY}", encoding="utf-8")
    rows = (json.dumps({"id": name, "body": BODY, **values}) for name, values in LINES.items())
    (folder / "lines.jsonl").write_text("\n".join(rows), encoding="utf-8")
    report = reindex(
        [ArchiveSpec("site", folder / "archive"), ArchiveSpec("lines", folder / "lines.jsonl")],
        Settings(index=str(folder / "index")),
    )
    assert report.articles == len(ARTICLES) + len(LINES), report.rejects
    return str(folder / "index")


@pytest.fixture(scope="module")
def hostile_app(hostile_index: str) -> Iterator[Flask]:
    app = create_app(Settings(index=hostile_index, images=False))
    yield app
    app.extensions[EXTENSION].close()


@pytest.fixture(scope="module")
def pictured_app(hostile_index: str) -> Iterator[Flask]:
    app = create_app(Settings(index=hostile_index))
    yield app
    app.extensions[EXTENSION].close()


@pytest.fixture(scope="module")
def hostile_site(hostile_app: Flask) -> Iterator[str]:
    with serving(hostile_app) as address:
        yield address


@pytest.fixture(scope="module")
def paths(hostile_app: Flask) -> dict[str, str]:
    """Every kind of page that shows what the archive says, as readers get there; the articles by their ids."""
    trap = quote_plus(MARKUP[:500])
    lists = {
        "front": "/",
        "results": "/?q=harbour",
        "next results": "/?q=harbour&page=2",
        "narrowed": f"/?q=harbour&topic=Traps&exclude_type={quote_plus(WALL[:500])}&exclude_topic={trap}",
        "typed": f"/?q=harbour+{trap}&match=any",
        "not found": f"/?q={quote_plus(WALL)}",
        "topics": "/values/topic?by=name",
        "providers": "/values/provider",
        "found topics": f"/values/topic?find={trap}&q={trap}",
        "wrong": f"/article/{trap}",
    }
    hits = hostile_app.test_client().get("/api/v1/search?size=100").json["hits"]  # type: ignore[index]
    return lists | {hit["id"]: path_of("/article/", hit["id"]) for hit in hits}


# What a page holds that none of ours does, or that leads elsewhere than a link may.
FOREIGN = """
const own = (url) => new URL(url, location).origin === location.origin;
const found = [];
for (const each of document.querySelectorAll('*')) {
  const names = each.getAttributeNames();
  if (names.some((name) => /^on|^style$|^srcdoc$|^formaction$|^xlink/.test(name))) found.push(each);
  if (['iframe', 'object', 'embed', 'base', 'style', 'template', 'textarea', 'frame'].includes(each.localName))
    found.push(each);
  if (each.matches('script') && !(own(each.src) && each.src.includes('/static/') && !each.textContent))
    found.push(each);
  if (each.matches('form') && !own(each.action)) found.push(each);
  if (each.matches('link') && each.rel !== 'canonical' && !own(each.href)) found.push(each);
  if (each.matches('meta') && each.httpEquiv) found.push(each);
  if (each.matches('main :is(svg:not(.bars svg), meta, link, math, main, title:not(.bars title))'))
    found.push(each);
  if (each.matches('a[href]') && !/^https?:$/.test(each.protocol ?? new URL(each.href.baseVal, location).protocol))
    found.push(each);
  if (each.matches('img') && each.hasAttribute('src')
    && !(each.src.startsWith('https:') && each.referrerPolicy === 'no-referrer')) found.push(each);
}
return found.map((each) => each.outerHTML.slice(0, 300));
"""
LAYOUT = """
const found = [];
const box = (each) => each.getBoundingClientRect();
if (document.documentElement.scrollWidth > document.documentElement.clientWidth) found.push('scrolls sideways');
for (const name of ['.found', '.facets', '.values', '.story', '.masthead .wrap']) {
  const column = document.querySelector(name);
  if (!column) continue;
  for (const each of column.querySelectorAll('*')) {
    if (each.closest('.unseen, .bars, .body table, .body pre')) continue;
    const inner = box(each), outer = box(column);
    if (inner.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1))
      found.push(name + ' does not hold ' + each.outerHTML.slice(0, 200));
  }
}
const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((each) => Number(each.localName[1]));
if (levels[0] !== 1 || levels.some((level, i) => i && (level > levels[i - 1] + 1 || level === 1)))
  found.push('headings ' + levels);
return [found, ['.nameplate', '#q', '.search button'].map((name) => JSON.stringify(box(document.querySelector(name))))];
"""
ABROAD = """
return performance.getEntriesByType('resource').map((each) => each.name)
  .filter((name) => !name.startsWith(location.origin + '/'));
"""


@needs_browser
def test_a_hostile_archive_runs_nothing_asks_nobody_and_breaks_no_page(
    browser: Chrome, hostile_site: str, paths: dict[str, str]
) -> None:
    read_log: Callable[[str], list[dict[str, str]]] = browser.get_log
    masthead = {}
    for width in (1280, 320):
        look(browser, width)
        browser.get(f"{hostile_site}/?q=first")
        masthead[width] = browser.execute_script(LAYOUT)[1]
    read_log("browser")
    for kind, path in paths.items():
        look(browser, 1280)
        browser.get(hostile_site + path)
        assert browser.execute_script("return window.ran ?? null") is None, kind
        assert browser.execute_script(FOREIGN) == [], kind
        assert browser.execute_script(ABROAD) == [], kind
        refused = [entry["message"] for entry in read_log("browser") if "404 (NOT FOUND)" not in entry["message"]]
        assert refused == [], kind
        for width, usual in masthead.items():
            look(browser, width)
            found, places = browser.execute_script(LAYOUT)
            assert (found, places) == ([], usual), (kind, width)


@needs_browser
def test_pictures_of_a_hostile_archive_are_asked_for_safely_and_without_telling_who_asks(
    browser: Chrome, pictured_app: Flask, paths: dict[str, str]
) -> None:
    look(browser, 320)
    with serving(pictured_app) as address:
        for kind in ("results", "site/markup", "lines/odd"):
            browser.get(address + paths[kind])
            assert browser.find_elements(By.CSS_SELECTOR, "main img[src]"), kind
            assert browser.execute_script("return window.ran ?? null") is None, kind
            assert browser.execute_script(FOREIGN) == [], kind
            assert browser.execute_script(LAYOUT)[0] == [], kind


def test_what_an_archive_says_is_shown_as_text(hostile_app: Flask, paths: dict[str, str]) -> None:
    shown = {kind: hostile_app.test_client().get(path).get_data(as_text=True) for kind, path in paths.items()}
    for kind, markup in shown.items():
        for trap in ("<img src=x", "<svg/onload", "<script>window"):
            assert trap not in markup, (kind, trap)
    article = shown["site/markup"]
    assert "{{ 7*7 }}" in article
    for place in ("<title>", '<meta property="og:title" content="', '<h1 dir="auto">'):
        assert f"{place}Harbour &#34;&gt;" in article
    for kind in ("results", "front", "topics", "site/markup"):
        assert "&lt;img src=x onerror=&#34;window.ran=" in shown[kind], kind
        outside_body = shown[kind].split('<div class="body"')[0]
        assert not any(sign in outside_body for sign in "\x00\u202e\u2066\u2067\ufffe"), kind


def test_lists_stay_short_whatever_an_archive_holds(pictured_app: Flask, paths: dict[str, str]) -> None:
    sizes = {kind: len(pictured_app.test_client().get(paths[kind]).data) for kind in ("front", "results", "narrowed")}
    assert {kind: size for kind, size in sizes.items() if size > LIST_BYTES} == {}


# Addresses

HOSTILE_TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from([
        *SCRIPTS,
        *ADDRESSES,
        OVERRIDES,
        ZALGO,
        BROKEN,
        WALL,
        "*" * 3_000,
        '"' * 99,
        "(" * 5_000,
        "-",
        "a:b:",
    ]),
    st.sampled_from([
        "0001",
        "9999",
        "9999-12",
        "9999-12-31",
        "0000-00-00",
        "2024-02-30",
        "٢٠٢٤",
        "1e9",
        "-1",
        "0",
        "²",
    ]),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from([
        "ferry harbour",
        "topic:Harbours",
        "date:2024..9999",
        "NOT NOT",
        "a OR",
        "~~",
        "/re/",
        "fer*",
        "*y",
    ]),
)
NAMES = st.sampled_from([
    *(
        "q",
        "match",
        "missing",
        "from",
        "to",
        "sort",
        "page",
        "size",
        "by",
        "letter",
        "find",
        "part",
        "",
        "\ud800",
        "q\x00",
    ),
    *FACETS,
    *(f"exclude_{name}" for name in FACETS),
])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/", "/", *(f"/values/{name}" for name in FACETS), "/article/articles/posts/tide-clock"]),
    pairs=st.lists(st.tuples(NAMES, HOSTILE_TEXT), max_size=6),
    referrer=st.one_of(HOSTILE_TEXT, HOSTILE_TEXT.map("http://localhost/?q={}".format)),
)
def test_no_address_makes_a_page_fail(
    client: FlaskClient, path: str, pairs: list[tuple[str, str]], referrer: str
) -> None:
    written = urlencode(pairs, errors="surrogatepass")
    header = referrer.encode("utf-8", "replace").decode("latin-1")
    response = client.get(path, environ_overrides={"QUERY_STRING": written, "HTTP_REFERER": header})
    assert response.status_code == 200
    markup = response.get_data(as_text=True)
    assert markup.rstrip().endswith("</html>")
    assert not any(script in markup for script in SCRIPTS[:5])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60))
def test_no_bytes_in_an_address_make_a_page_fail(client: FlaskClient, raw: bytes) -> None:
    for path in ("/", "/values/topic"):
        response = client.get(path, environ_overrides={"QUERY_STRING": raw.decode("latin-1")})
        assert response.status_code == 200
    response = client.get("/", environ_overrides={"PATH_INFO": f"/article/{raw.decode('latin-1')}"})
    assert response.status_code in {200, 404}
