"""The search box for other sites, on pages of another origin: what it shows is compared with what the API answers."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from babel.dates import format_date
from browsing import PATIENCE_S, leaving, look, needs_browser, serving, waiting
from conftest import ROOT, BuildApp
from flask import Flask, Response, request
from flask.testing import FlaskClient
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from test_accessibility import RULES, RUN_RULES, SIDEWAYS
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from index.settings import Settings
from web import create_app
from web.links import path_of
from web.service import EXTENSION

SCRIPT = ROOT / "web" / "embed.js"
EXAMPLE = ROOT / "examples" / "embed"
EXAMPLE_SITE = "http://127.0.0.1:8000"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCE = SCRIPT.read_text(encoding="utf-8")

BOX = '<broadsheet-search placeholder="Search the archive"></broadsheet-search>'
FAILED = "The search does not answer at the moment."

ASKED = "&facets=none&fields=title%2Curl%2Cexcerpt%2Csnippet%2Chighlights%2Cprovider%2Cpublished"
"""What the box leaves out of answers, and what it wants."""


# The script as it is served


def test_the_script_is_served_for_pages_of_other_sites(client: FlaskClient) -> None:
    response = client.get("/embed.js")
    assert response.data == SCRIPT.read_bytes()
    assert response.content_type == "text/javascript; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cross-Origin-Resource-Policy" not in client.get("/").headers
    assert "Access-Control-Allow-Origin" not in response.headers


def test_who_has_the_present_script_is_told_so(client: FlaskClient) -> None:
    fresh = client.get("/embed.js")
    again = client.get("/embed.js", headers={"If-None-Match": fresh.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == fresh.headers["Cache-Control"]
    assert again.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    head = client.head("/embed.js")
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(fresh.data))
    assert client.post("/embed.js").status_code == 405


def test_the_script_is_served_without_an_index(tmp_path: Path) -> None:
    assert create_app(Settings(index=str(tmp_path / "none"))).test_client().get("/embed.js").status_code == 200


def test_the_script_is_small_and_makes_no_markup_of_text() -> None:
    assert len(SOURCE.encode()) < 12_000
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval|\.style\b", SOURCE)


def test_what_the_script_reads_is_documented() -> None:
    attributes = {*re.findall(r'[gh][a-z]+Attribute\("([a-z-]+)"', SOURCE), "match", "topic"}
    assert attributes >= {"api", "inline", "label", "links", "placeholder", "size", "target"}
    texts = {f"text-{name}" for name in re.findall(r"^  (\w+): \"", SOURCE, re.MULTILINE)}
    assert len(texts) == 8
    properties = set(re.findall(r"--broadsheet-[a-z-]+", SOURCE))
    parts = {*re.findall(r'className: "([a-z]+)"', SOURCE), *re.findall(r'make\("([a-z]+)", (?!{ className)', SOURCE)}
    section = README.split("\n## A search box for other sites\n")[1].split("\n## ")[0]
    written = set(re.findall(r"`([a-z-]+)`", section))
    assert written >= attributes | texts | parts - {"unseen", "found"}
    assert {name for name in written if name.startswith("text-")} == texts
    assert set(re.findall(r"--broadsheet-[a-z-]+", section)) == properties


# In a browser: the site, and a page of another one


@dataclass
class Stage:
    """What the API does besides answering, and what it was asked.

    Attributes:
        asked: the texts, in their order.
        held: answers to these texts wait for the event.
        answer: is given in place of the API's.
    """

    asked: list[str] = field(default_factory=list)
    held: dict[str, Event] = field(default_factory=dict)
    answer: Response | None = None


@dataclass
class Page:
    """The page that the other site serves at any address, with these headers."""

    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def watch(app: Flask, stage: Stage) -> None:
    """Let the stage hear what the API is asked, and meddle."""

    @app.before_request
    def meddle() -> Response | None:
        if request.path != "/api/v1/search":
            return None
        text = request.args.get("q", "")
        stage.asked.append(text)
        if event := stage.held.get(text):
            event.wait(PATIENCE_S)
        return stage.answer


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def embedded_app(example_settings: Settings, stage: Stage) -> Iterator[Flask]:
    app = create_app(replace(example_settings, cors_origins=("*",)))
    watch(app, stage)
    yield app
    app.extensions[EXTENSION].close()


@pytest.fixture(scope="module")
def site(embedded_app: Flask) -> Iterator[str]:
    with serving(embedded_app) as address:
        yield address


@pytest.fixture(scope="module")
def page() -> Page:
    return Page()


@pytest.fixture(scope="module")
def elsewhere(page: Page) -> Iterator[str]:
    """The other site."""
    app = Flask(__name__, static_folder=None)

    @app.get("/", defaults={"path": ""})
    @app.get("/<path:path>")
    def any_page(path: str) -> Response:
        if path == "own.js":
            return Response(SOURCE, content_type="text/javascript")
        if path == "page.css":
            return Response((EXAMPLE / path).read_text("utf-8"), content_type="text/css")
        return Response(page.html, headers=page.headers, content_type="text/html; charset=utf-8")

    with serving(app) as address:
        yield address


@pytest.fixture(autouse=True)
def fresh(stage: Stage, page: Page) -> Iterator[None]:
    stage.asked.clear()
    stage.held.clear()
    stage.answer = None
    page.headers = {}
    yield
    for event in stage.held.values():
        event.set()


NOTE_VIOLATIONS = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (each) =>
        violations.push(`${each.violatedDirective} ${each.blockedURI}`));
"""


@dataclass(frozen=True)
class Visit:
    """A page of the other site in the browser; what is looked for is in its first box."""

    browser: Chrome
    page: Page
    elsewhere: str
    site: str

    def open(self, body: str = BOX, script: str | None = None, head: str = "", lang: str = "en-GB") -> None:
        """Load a page with this body, and this script in place of the site's."""
        scheme = '<meta name="color-scheme" content="light dark">'
        self.page.html = (
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Elsewhere</title>{scheme}{head}'
            f'<script src="{script or self.site + "/embed.js"}" defer></script></head>'
            f"<body><main><h1>Elsewhere</h1>{body}<p>The end</p></main></body></html>"
        )
        self.load()

    def load(self, path: str = "/") -> None:
        look(self.browser, 1280)
        known = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NOTE_VIOLATIONS})
        self.browser.get(self.elsewhere + path)
        self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", known)

    def all(self, css: str, box: int = 0) -> list[WebElement]:
        root = self.browser.find_elements(By.TAG_NAME, "broadsheet-search")[box].shadow_root
        return list(root.find_elements(By.CSS_SELECTOR, css))

    def one(self, css: str, box: int = 0) -> WebElement:
        (found,) = self.all(css, box)
        return found

    def type(self, text: str, box: int = 0) -> WebElement:
        """Type it in one go, whatever time the machine takes between keys."""
        typing = self.one("input", box)
        self.browser.execute_script("arguments[0].focus()", typing)
        self.browser.execute_cdp_cmd("Input.insertText", {"text": text})
        return typing

    def press(self, *keys: str) -> None:
        """To whatever has the focus: a driver that sends keys to an element takes the focus away and gives it back."""
        ActionChains(self.browser).send_keys(*keys).perform()

    def wait(self, css: str, box: int = 0) -> list[WebElement]:
        """Until there is such a thing to be seen."""

        def seen(_: Chrome) -> list[WebElement]:
            return [each for each in self.all(css, box) if each.is_displayed()]

        return waiting(self.browser).until(seen)

    def says(self, text: str, box: int = 0) -> None:
        """Wait until the panel and the live region say this."""
        waiting(self.browser).until(lambda _: [each.text for each in self.all(".message", box)] == [text])
        assert self.told(box).startswith(text)

    def told(self, box: int = 0) -> str:
        """What the live region says."""
        return str(self.one("[role=status]", box).get_attribute("textContent"))

    def is_open(self, box: int = 0) -> bool:
        return self.one(".panel", box).is_displayed()

    def focused(self) -> str:
        """The text of what has the focus in a box; of the input what is typed, in quotes."""
        return str(
            self.browser.execute_script("""
                const each = document.activeElement.shadowRoot?.activeElement;
                return each ? each.value === undefined ? each.textContent : `"${each.value}"` : "";
            """)
        )

    def titles(self, box: int = 0) -> list[str]:
        return [each.text for each in self.all(".title", box)]

    def asked_for(self) -> list[str]:
        """The addresses that the page asked the API for."""
        return list(
            self.browser.execute_script("""
                return performance.getEntriesByType("resource").map((each) => each.name)
                    .filter((each) => each.includes("/api/"))
            """)
        )


@pytest.fixture
def visit(browser: Chrome, page: Page, elsewhere: str, site: str) -> Visit:
    return Visit(browser, page, elsewhere, site)


def answer_to(client: FlaskClient, **asked: str | int) -> Any:
    return client.get("/api/v1/search", query_string={"size": 5, **asked}).json


def parameters(address: str | None) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address or "").query))


MARKS = """
    return arguments[0].map((each) => [...each.childNodes].reduce(([ranges, at], node) => {
        const length = [...node.textContent].length;
        return [node.localName === "mark" ? [...ranges, [at, at + length]] : ranges, at + length];
    }, [[], 0])[0])
"""


@needs_browser
def test_the_box_shows_what_the_api_answers(visit: Visit, client: FlaskClient) -> None:
    visit.open()
    visit.type("ferry OR harbour")
    visit.wait(".title")
    found = answer_to(client, q="ferry OR harbour")
    assert visit.asked_for() == [f"{visit.site}/api/v1/search?q=ferry+OR+harbour&size=5{ASKED}"]
    assert visit.titles() == [hit["title"] for hit in found["hits"]]
    assert len(visit.titles()) == 5
    assert [each.get_attribute("href") for each in visit.all(".title")] == [hit["url"] for hit in found["hits"]]
    assert visit.browser.execute_script(MARKS, visit.all(".title")) == [
        hit["highlights"]["title"] for hit in found["hits"]
    ]
    assert [each.text for each in visit.all(".source")] == [
        hit["provider"]["name"] for hit in found["hits"] if hit["provider"]["name"]
    ]
    assert [each.text for each in visit.all("time")] == [
        format_date(date.fromisoformat(hit["published"][:10]), "d MMM yyyy", "en_GB") for hit in found["hits"]
    ]
    every = found["total"]["value"]
    assert every > 5
    visit.says(f"{every} results")
    assert visit.one(".all").text == f"All {every} results"
    assert visit.one(".all").get_attribute("href") == f"{visit.site}/?q=ferry+OR+harbour"


@needs_browser
def test_the_passage_that_matched_is_shown_and_its_words_are_marked(visit: Visit, build_app: BuildApp) -> None:
    far = "\U0001f6a2 Ships. " * 40
    files = {
        "excerpt": "---\ntitle: One \U0001f6a2\U0001f6a2 ferry\nexcerpt: \U0001f6a2 a ferry, and one ferry more\n---\n",
        "body": f"---\ntitle: Two\nexcerpt: Nothing of it\n---\n{far}\n\nA small ferry leaves.\n",
        "far": f'---\ntitle: Three\nexcerpt: "{far}ferry"\n---\nHere is the ferry.\n',
        "plain": "---\ntitle: Ferry\n---\n",
    }
    app = build_app({f"{name}.md": text for name, text in files.items()}, cors_origins=("*",))
    with serving(app) as address:
        visit.open(script=f"{address}/embed.js")
        visit.type("ferry")
        visit.wait(".title")
        hits = {hit["title"]: hit for hit in answer_to(app.test_client(), q="ferry")["hits"]}
        shown = {each.find_element(By.CLASS_NAME, "title").text: each for each in visit.all("li")}
        assert shown.keys() == hits.keys()
        for title, item in shown.items():
            passages = item.find_elements(By.CLASS_NAME, "excerpt")
            hit = hits[title]
            if title == "Ferry":
                assert not passages
                continue
            near = title.startswith("One")
            ranges = hit["highlights"]["excerpt"] if near else hit["snippet"]["highlights"]
            assert ranges
            assert visit.browser.execute_script(MARKS, passages) == [ranges]
            whole = hit["excerpt"] if near else hit["snippet"]["text"]
            assert passages[0].get_attribute("textContent") == whole


@needs_browser
def test_nothing_found_is_said_and_the_page_is_linked(visit: Visit) -> None:
    visit.open()
    visit.type("zzqqxx")
    visit.says("Nothing was found.")
    assert not visit.all("li, ol")
    assert visit.one(".all").text == "Open the search page"
    assert visit.one(".all").get_attribute("href") == f"{visit.site}/?q=zzqqxx"


@needs_browser
def test_one_result_is_counted_as_one(visit: Visit, client: FlaskClient) -> None:
    assert answer_to(client, q="piano")["total"]["value"] == 1
    visit.open()
    visit.type("piano")
    visit.says("1 result")
    assert visit.one(".all").text == "Open the search page"


@needs_browser
def test_how_the_text_was_read_is_told_and_a_suggestion_is_taken(visit: Visit, client: FlaskClient) -> None:
    notes = answer_to(client, q="fer")["query"]["notes"]
    assert notes
    visit.open()
    visit.type("fer")
    visit.wait(".title")
    assert [each.text for each in visit.all(".note")] == [note["text"] for note in notes]
    assert notes[0]["text"] in visit.told()


@needs_browser
def test_did_you_mean_fills_the_box(visit: Visit, stage: Stage, client: FlaskClient) -> None:
    offer = {
        "kind": "suggestion",
        "text": "Did you mean “ferry & tram”?",
        "url": "/api/v1/search?q=ferry+%26+tram&size=5",
    }
    found = answer_to(client, q="zzqqxx")
    stage.answer = as_answer({**found, "query": {**found["query"], "notes": [offer]}})
    visit.open()
    box = visit.type("zzqqxx")
    (button,) = visit.wait(".suggestion")
    assert button.text == offer["text"]
    stage.answer = None
    visit.press(Keys.DOWN, Keys.ENTER)
    visit.wait(".title")
    assert (box.get_attribute("value"), visit.focused()) == ("ferry & tram", '"ferry & tram"')
    assert stage.asked == ["zzqqxx", "ferry & tram"]


def as_answer(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


# Attributes


@needs_browser
def test_attributes_narrow_the_search_and_its_page(visit: Visit, client: FlaskClient) -> None:
    visit.open(
        '<broadsheet-search topic="Public Transport" match="any" size="2" links="page" target="_blank">'
        "</broadsheet-search>"
    )
    visit.type("ferry & tram")
    visit.wait(".title")
    found = answer_to(client, q="ferry & tram", topic="Public Transport", match="any", size=2)
    assert visit.titles() == [hit["title"] for hit in found["hits"]]
    assert [each.get_attribute("href") for each in visit.all(".title")] == [
        path_of(f"{visit.site}/article/", hit["id"]) for hit in found["hits"]
    ]
    chosen = {"q": "ferry & tram", "topic": "Public Transport", "match": "any"}
    assert parameters(visit.asked_for()[0]).items() >= {**chosen, "size": "2"}.items()
    assert parameters(visit.one(".all").get_attribute("href")) == chosen
    assert {each.get_attribute("target") for each in visit.all("a")} == {"_blank"}


@needs_browser
def test_texts_numbers_and_dates_are_in_the_language_of_the_page(visit: Visit, client: FlaskClient) -> None:
    texts = {
        "button": "Suchen", "one": "1 Treffer", "many": "{n} Treffer", "none": "Nichts gefunden.",
        "all": "Alle {n} Treffer", "page": "Zur Suche", "slow": "Noch nichts.", "failed": "Die Suche geht nicht.",
    }  # fmt: skip
    written = " ".join(f'text-{name}="{text}"' for name, text in texts.items())
    visit.open(f'<broadsheet-search label="Archiv" {written}></broadsheet-search>', lang="de")
    assert visit.one("button").text == "Suchen"
    assert visit.one("input").accessible_name == "Archiv"
    visit.type("ferry")
    visit.wait(".title")
    found = answer_to(client, q="ferry")
    visit.says(f"{found['total']['value']} Treffer")
    assert visit.one(".all").text == f"Alle {found['total']['value']} Treffer"
    first = date.fromisoformat(found["hits"][0]["published"][:10])
    assert visit.all("time")[0].text == format_date(first, "dd.MM.yyyy", "de")


@needs_browser
@pytest.mark.parametrize("lang", ["", "en_GB", "no language at all"])
def test_a_language_that_is_none_breaks_nothing(visit: Visit, lang: str) -> None:
    visit.open(lang=lang)
    visit.type("ferry")
    assert visit.wait("time")


@needs_browser
def test_the_label_is_seen_where_it_is_given_and_changes_with_its_attribute(visit: Visit) -> None:
    visit.open('<broadsheet-search label="Archive"></broadsheet-search>' + BOX)
    assert visit.one("label").rect["height"] > 10
    assert visit.one("label", 1).rect["height"] <= 1
    assert [visit.one("input", box).accessible_name for box in (0, 1)] == ["Archive", "Search the archive"]
    assert [visit.one("form", box).accessible_name for box in (0, 1)] == ["Archive", "Search the archive"]
    visit.browser.execute_script("document.querySelector('broadsheet-search').setAttribute('label', 'Papers')")
    assert visit.one("input").accessible_name == "Papers"


@needs_browser
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_attribute_api_says_where_broadsheet_is(visit: Visit, slash: str) -> None:
    visit.open(f'<broadsheet-search api="{visit.site}{slash}"></broadsheet-search>', script="/own.js")
    visit.type("ferry")
    visit.wait(".title")
    assert visit.asked_for() == [f"{visit.site}/api/v1/search?q=ferry&size=5{ASKED}"]
    assert visit.one(".all").get_attribute("href") == f"{visit.site}/?q=ferry"


@needs_browser
def test_broadsheet_may_live_below_a_path(visit: Visit, embedded_app: Flask) -> None:
    below = Flask("below")
    below.wsgi_app = DispatcherMiddleware(below.wsgi_app, {"/search": embedded_app})  # type: ignore[method-assign]
    with serving(below) as address:
        visit.open('<broadsheet-search links="page"></broadsheet-search>', script=f"{address}/search/embed.js?v=2")
        visit.type("ferry")
        visit.wait(".title")
        assert visit.asked_for() == [f"{address}/search/api/v1/search?q=ferry&size=5{ASKED}"]
        assert visit.one(".all").get_attribute("href") == f"{address}/search/?q=ferry"
        with leaving(visit.browser):
            visit.all(".title")[0].click()
        assert visit.browser.current_url.startswith(f"{address}/search/article/articles/")


# Keys


@needs_browser
def test_arrow_keys_lead_from_link_to_link_and_enter_opens_one(visit: Visit) -> None:
    visit.open('<broadsheet-search links="page" size="2"></broadsheet-search>')
    visit.type("ferry")
    visit.wait(".title")
    titles = visit.titles()
    places = ['"ferry"', *titles, visit.one(".all").text]
    seen = []
    for key in [Keys.DOWN] * 4 + [Keys.UP] * 4:
        visit.press(key)
        seen.append(visit.focused())
    assert seen == [*places[1:], places[-1], *places[-2::-1], places[0]]
    visit.press(Keys.DOWN, Keys.DOWN)
    second = visit.all(".title")[1].get_attribute("href")
    with leaving(visit.browser):
        visit.press(Keys.ENTER)
    assert visit.browser.current_url == second


@needs_browser
def test_escape_closes_and_down_opens_again(visit: Visit) -> None:
    visit.open()
    visit.type("ferry")
    visit.wait(".title")
    visit.press(Keys.DOWN)
    visit.press(Keys.ESCAPE)
    assert (visit.is_open(), visit.focused()) == (False, '"ferry"')
    assert visit.told() == ""
    visit.press(Keys.DOWN)
    assert visit.wait(".title")
    visit.press(Keys.ESCAPE)
    assert (visit.is_open(), visit.focused()) == (False, '"ferry"')


@needs_browser
@pytest.mark.parametrize("keys", [True, False])
def test_enter_and_the_button_open_the_page_with_what_is_typed(visit: Visit, keys: bool) -> None:
    visit.open('<broadsheet-search topic="Harbours"></broadsheet-search>')
    visit.type(" night <b>&ferry ")
    with leaving(visit.browser):
        visit.press(Keys.ENTER) if keys else visit.one("button[type=submit]").click()
    assert visit.browser.current_url.startswith(f"{visit.site}/?")
    assert parameters(visit.browser.current_url) == {"q": "night <b>&ferry", "topic": "Harbours"}


@needs_browser
def test_enter_in_an_empty_box_does_nothing(visit: Visit, stage: Stage) -> None:
    visit.open()
    visit.type("  ")
    visit.press(Keys.ENTER)
    meanwhile(visit)
    assert visit.browser.current_url == f"{visit.elsewhere}/"
    assert stage.asked == []
    assert not visit.is_open()


@needs_browser
def test_who_leaves_the_box_closes_it_and_who_comes_back_finds_it_open(visit: Visit) -> None:
    visit.open(BOX + '<button id="next">Next</button>')
    box = visit.type("ferry")
    visit.wait(".title")
    ActionChains(visit.browser).click(visit.one(".message")).perform()
    assert visit.is_open()
    outside = visit.browser.find_element(By.TAG_NAME, "h1")
    ActionChains(visit.browser).click(outside).perform()
    assert not visit.is_open()
    box.click()
    assert visit.wait(".title")
    for _ in range(50):
        if not visit.focused():
            break
        visit.press(Keys.TAB)
    assert visit.browser.switch_to.active_element.get_attribute("id") == "next"
    assert not visit.is_open()


@needs_browser
def test_results_that_are_part_of_the_page_stay(visit: Visit) -> None:
    visit.open("<broadsheet-search inline></broadsheet-search>")
    visit.type("ferry")
    visit.wait(".title")
    end, panel = visit.browser.find_element(By.CSS_SELECTOR, "main > p"), visit.one(".panel")
    assert end.rect["y"] >= panel.rect["y"] + panel.rect["height"]
    ActionChains(visit.browser).click(visit.browser.find_element(By.TAG_NAME, "h1")).perform()
    assert visit.is_open()


@needs_browser
def test_nothing_is_asked_while_an_input_method_composes(visit: Visit, stage: Stage) -> None:
    visit.open()
    visit.one("input").click()
    for text in ("わ", "わた", "わたし"):
        composing = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        visit.browser.execute_cdp_cmd("Input.imeSetComposition", composing)
    meanwhile(visit)
    assert stage.asked == []
    visit.browser.execute_cdp_cmd("Input.insertText", {"text": "渡し"})
    visit.wait(".message")
    assert stage.asked == ["渡し"]


# Requests

TYPE = """
    const box = document.querySelector("broadsheet-search").shadowRoot.querySelector("input");
    box.focus();
    for (const text of arguments[0]) {
        box.value = text;
        box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
"""


def meanwhile(visit: Visit) -> None:
    """Wait a little longer than the box does between a key and its question."""
    visit.browser.execute_async_script("setTimeout(arguments[0], 400)")


@needs_browser
def test_only_where_typing_pauses_something_is_asked(visit: Visit, stage: Stage) -> None:
    visit.open()
    visit.browser.execute_script(TYPE, ["f", "fe", "fer", "ferr", "ferry"])
    visit.wait(".title")
    assert stage.asked == ["ferry"]


@needs_browser
def test_only_the_newest_answer_is_shown(visit: Visit, stage: Stage) -> None:
    stage.held["lighthouse"] = Event()
    visit.open()
    visit.type("lighthouse")
    waiting(visit.browser).until(lambda _: stage.asked == ["lighthouse"])
    visit.browser.execute_script(TYPE, ["tram"])
    visit.wait(".title")
    shown = visit.titles()
    stage.held["lighthouse"].set()
    meanwhile(visit)
    assert visit.titles() == shown
    assert parameters(visit.one(".all").get_attribute("href")) == {"q": "tram"}


@needs_browser
def test_requests_that_nobody_waits_for_are_aborted(visit: Visit, stage: Stage) -> None:
    stage.held |= {text: Event() for text in ("ferry", "tram")}
    visit.open()
    visit.browser.execute_script("""
        window.signals = [];
        const fetch = window.fetch;
        window.fetch = (url, options) => { signals.push(options.signal); return fetch(url, options); };
    """)
    aborted = "return signals.map((each) => each.aborted)"
    visit.type("ferry")
    waiting(visit.browser).until(lambda _: stage.asked == ["ferry"])
    visit.browser.execute_script(TYPE, ["tram"])
    waiting(visit.browser).until(lambda _: stage.asked == ["ferry", "tram"])
    assert visit.browser.execute_script(aborted) == [True, False]
    visit.browser.execute_script(TYPE, [""])
    assert visit.browser.execute_script(aborted) == [True, True]
    for event in stage.held.values():
        event.set()
    meanwhile(visit)
    assert not visit.is_open()


@needs_browser
def test_a_slow_answer_leaves_the_link_to_the_page_and_is_shown_when_it_comes(visit: Visit, stage: Stage) -> None:
    stage.held["ferry"] = Event()
    visit.open()
    visit.type("ferry")
    visit.says("There is no answer yet.")
    assert visit.one(".all").text == "Open the search page"
    visit.press(Keys.DOWN)
    assert visit.focused() == "Open the search page"
    stage.held["ferry"].set()
    visit.wait(".title")
    assert visit.focused() == visit.one(".all").text
    assert visit.focused().startswith("All")


@needs_browser
def test_who_stands_on_a_link_that_goes_is_led_back_to_the_box(visit: Visit, stage: Stage) -> None:
    stage.held["tram"] = Event()
    visit.open()
    visit.type("ferry")
    visit.wait(".title")
    visit.browser.execute_script(TYPE, ["tram"])
    visit.press(Keys.DOWN)
    assert visit.focused() == visit.titles()[0]
    stage.held["tram"].set()
    waiting(visit.browser).until(lambda _: parameters(visit.one(".all").get_attribute("href")) == {"q": "tram"})
    assert (visit.focused(), visit.is_open()) == ('"tram"', True)


@needs_browser
@pytest.mark.parametrize(
    ("status", "body"),
    [(503, '{"title": "Not ready"}'), (429, "{}"), (400, "{}"), (200, "<html>"), (200, "{}"), (200, "[]"), (200, "")],
)
def test_an_answer_that_is_none_is_said_to_be_missing(visit: Visit, stage: Stage, status: int, body: str) -> None:
    stage.answer = Response(body, status)
    visit.open()
    visit.type("ferry")
    visit.says(FAILED)
    assert visit.one(".all").get_attribute("href") == f"{visit.site}/?q=ferry"
    stage.answer = None
    visit.browser.execute_script(TYPE, ["tram"])
    assert visit.wait(".title")
    with leaving(visit.browser):
        visit.press(Keys.ENTER)
    assert visit.browser.current_url == f"{visit.site}/?q=tram"


@pytest.fixture
def closed_site(example_app: Flask) -> Iterator[str]:
    """A site whose answers pages of other origins may not read."""
    with serving(example_app) as address:
        yield address


@needs_browser
def test_where_the_api_may_not_be_read_the_page_is_linked(visit: Visit, closed_site: str) -> None:
    visit.open(script=f"{closed_site}/embed.js")
    visit.type("ferry")
    visit.says(FAILED)
    with leaving(visit.browser):
        visit.one(".all").click()
    assert visit.browser.current_url == f"{closed_site}/?q=ferry"


@needs_browser
def test_where_nobody_answers_the_page_is_linked(visit: Visit) -> None:
    with serving(Flask(__name__)) as gone:
        pass
    visit.open(f'<broadsheet-search api="{gone}"></broadsheet-search>')
    visit.type("ferry")
    visit.says(FAILED)
    assert visit.one(".all").get_attribute("href") == f"{gone}/?q=ferry"


# What is not to be trusted

HOSTILE = "</a><img src=x onerror=window.ran=1><script>window.ran=2</script>&lt;b&gt;"
ADDRESSES = [
    "javascript:window.ran=3",
    " javascript:window.ran=3",
    "data:text/html,<script>1</script>",
    "//evil.example",
    None,
]


@needs_browser
def test_hostile_articles_are_text(visit: Visit, build_app: BuildApp) -> None:
    article = (
        f"---\ntitle: 'Ferry {HOSTILE}'\nexcerpt: 'ferry {HOSTILE}'\noriginalUrl: 'javascript:window.ran=3'\n"
        f"provider: {{name: '{HOSTILE}'}}\npublishedDateTime: 0001-01-02T00:00:00Z\n---\n{HOSTILE} ferry\n"
    )
    app = build_app({"it's <b>&? %2e.md": article}, cors_origins=("*",))
    with serving(app) as address:
        visit.open(script=f"{address}/embed.js")
        visit.type("ferry")
        visit.wait(".title")
        (hit,) = answer_to(app.test_client(), q="ferry")["hits"]
        assert "<b>" in hit["title"]
        assert visit.one(".title").text == hit["title"]
        assert not visit.all("img, script, b")
        with leaving(visit.browser):
            visit.one(".title").click()
        assert visit.browser.find_element(By.TAG_NAME, "h1").text == hit["title"]
        assert visit.browser.execute_script("return window.ran") is None


@needs_browser
@pytest.mark.parametrize("url", ADDRESSES)
def test_hostile_answers_are_text(visit: Visit, stage: Stage, client: FlaskClient, url: str | None) -> None:
    """As if Broadsheet itself let through what it should not."""
    found = answer_to(client, q="ferry")
    hit = {
        **found["hits"][0], "id": "a/<b>?#%2e", "url": url, "title": HOSTILE, "excerpt": HOSTILE,
        "highlights": {"title": [[0, 9]], "excerpt": [[3, 10_000]]}, "snippet": None,
    }  # fmt: skip
    notes = [{"kind": "ignored", "text": HOSTILE, "url": None}, {"kind": "suggestion", "text": HOSTILE, "url": url}]
    stage.answer = as_answer({**found, "hits": [hit], "query": {**found["query"], "notes": notes[: 2 if url else 1]}})
    visit.open()
    visit.type("ferry")
    visit.wait(".title")
    assert visit.one(".title").text == HOSTILE
    assert visit.one(".excerpt").get_attribute("textContent") == HOSTILE
    assert not visit.all("img, script, b")
    assert visit.one(".title").get_attribute("href") == f"{visit.site}/article/a/%3Cb%3E%3F%23%252e"
    assert visit.browser.execute_script("return window.ran") is None


# The page around

STRICT = (
    "default-src 'none'; script-src {site}; connect-src {site}; form-action 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@needs_browser
def test_a_strict_policy_need_only_allow_the_script_and_the_api(visit: Visit, page: Page) -> None:
    page.headers = {
        "Content-Security-Policy": STRICT.format(site=visit.site),
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    visit.open()
    visit.type("ferry")
    visit.wait(".title")
    assert visit.browser.execute_script("return crossOriginIsolated")
    assert visit.one(".panel").value_of_css_property("position") == "absolute"  # so the style sheet is in force
    assert visit.browser.execute_script("return violations") == []
    with leaving(visit.browser):
        visit.press(Keys.ENTER)
    assert visit.browser.current_url == f"{visit.site}/?q=ferry"


@needs_browser
def test_a_policy_that_forbids_the_api_leaves_the_link(visit: Visit, page: Page) -> None:
    page.headers = {"Content-Security-Policy": f"default-src 'none'; script-src {visit.site}"}
    visit.open()
    visit.type("ferry")
    visit.says(FAILED)
    assert visit.browser.execute_script("return violations") != []  # so it would be noticed above


@needs_browser
@pytest.mark.parametrize("forbidden", [True, False])
def test_without_the_script_what_stands_inside_is_shown(visit: Visit, page: Page, forbidden: bool) -> None:
    if forbidden:
        page.headers = {"Content-Security-Policy": "script-src 'none'"}
    visit.open(f'<broadsheet-search><form action="{visit.site}/"><input name="q"></form></broadsheet-search>')
    inside = visit.browser.find_element(By.NAME, "q")
    assert inside.is_displayed() is forbidden
    if forbidden:
        with leaving(visit.browser):
            inside.send_keys("ferry", Keys.ENTER)
        assert visit.browser.current_url == f"{visit.site}/?q=ferry"


@needs_browser
def test_the_script_may_be_included_twice(visit: Visit) -> None:
    visit.browser.get_log("browser")  # type: ignore[no-untyped-call]
    visit.open(head=f'<script src="{visit.site}/embed.js"></script>')
    visit.type("ferry")
    assert visit.wait(".title")
    assert [each for each in visit.browser.get_log("browser") if "embed.js" in each["message"]] == []  # type: ignore[no-untyped-call]


@needs_browser
def test_two_boxes_know_nothing_of_each_other(visit: Visit, client: FlaskClient) -> None:
    visit.open(
        '<broadsheet-search label="One"></broadsheet-search><broadsheet-search label="Two" topic="Harbours" inline>'
    )
    visit.type("ferry", 1)
    visit.wait(".title", 1)
    narrowed = visit.titles(1)
    assert narrowed == [hit["title"] for hit in answer_to(client, q="ferry", topic="Harbours")["hits"]]
    assert not visit.is_open(0)
    visit.type("tram", 0)
    visit.wait(".title", 0)
    assert visit.titles(0) == [hit["title"] for hit in answer_to(client, q="tram")["hits"]]
    assert visit.titles(1) == narrowed


@needs_browser
def test_a_box_may_be_moved_taken_out_and_made_by_a_script(visit: Visit, stage: Stage) -> None:
    stage.held["ferry"] = Event()
    visit.open(BOX + '<section id="there"></section>')
    visit.type("ferry")
    waiting(visit.browser).until(lambda _: stage.asked == ["ferry"])
    visit.browser.execute_script("there.append(window.box = document.querySelector('broadsheet-search'))")
    stage.held.pop("ferry").set()
    meanwhile(visit)
    assert not visit.is_open()
    box = visit.one("input")
    assert box.get_attribute("value") == "ferry"
    box.click()
    assert visit.wait(".title")
    visit.browser.execute_script("box.remove(); there.append(box)")
    assert not visit.is_open()
    assert visit.one(".panel").value_of_css_property("position") == "absolute"
    made = """
        const made = Object.assign(document.createElement("broadsheet-search"), { id: "made" });
        made.setAttribute("label", "Made");
        box.replaceWith(made);
        made.focus();
    """
    visit.browser.execute_script(made)
    visit.browser.execute_cdp_cmd("Input.insertText", {"text": "tram"})
    assert visit.wait(".title")
    assert visit.one("input").accessible_name == "Made"


@needs_browser
def test_a_page_sets_colours_and_styles_parts(visit: Visit) -> None:
    style = (
        "<style>broadsheet-search { --broadsheet-background: rgb(1, 2, 3); --broadsheet-color: rgb(250, 251, 252);"
        " --broadsheet-link: rgb(200, 201, 202); --broadsheet-border: rgb(4, 5, 6); --broadsheet-mark: rgb(7, 8, 9);"
        " --broadsheet-mark-color: rgb(253, 254, 255); font: 20px monospace }"
        "::part(button) { background: rgb(9, 9, 9) } ::part(panel) { position: static }</style>"
    )
    visit.open(head=style)
    visit.type("ferry")
    visit.wait("mark")

    def colour(css: str, name: str) -> str:
        return str(visit.browser.execute_script(f"return getComputedStyle(arguments[0]).{name}", visit.all(css)[0]))

    assert colour("input", "backgroundColor") == colour(".panel", "backgroundColor") == "rgb(1, 2, 3)"
    assert colour(".excerpt", "color") == "rgb(250, 251, 252)"
    assert colour(".title", "color") == "rgb(200, 201, 202)"
    assert colour("input", "borderTopColor") == "rgb(4, 5, 6)"
    assert colour("mark", "backgroundColor") == "rgb(7, 8, 9)"
    assert colour("mark", "color") == "rgb(253, 254, 255)"
    assert colour("button", "backgroundColor") == "rgb(9, 9, 9)"
    assert colour(".panel", "position") == "static"
    assert colour("input", "fontSize") == "20px"


# For everybody


@pytest.fixture(scope="module")
def axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@needs_browser
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["ferry", "fer", "zzqqxx", ""])
def test_the_example_page_breaks_no_rule_of_accessibility(
    visit: Visit, axe: str, width: int, scheme: str, text: str
) -> None:
    visit.page.html = (EXAMPLE / "index.html").read_text("utf-8").replace(EXAMPLE_SITE, visit.site)
    visit.load()
    look(visit.browser, width, scheme)
    visit.browser.execute_script(axe)
    for box in (1, 0):  # the second stays open
        if text:
            visit.type(text, box)
            visit.wait(".message", box)
    background = visit.one("input").value_of_css_property("background-color")
    assert (background == "rgba(255, 255, 255, 1)") is (scheme == "light")
    assert visit.browser.execute_async_script(RUN_RULES, RULES) == []
    assert visit.browser.execute_script(SIDEWAYS) == 0
    assert visit.browser.execute_script("return violations") == []


@needs_browser
def test_a_light_page_has_a_light_box_whatever_the_reader_prefers(visit: Visit) -> None:
    visit.open(head="<style>:root { color-scheme: light }</style>")
    look(visit.browser, 1280, "dark")
    assert visit.one("input").value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"


@needs_browser
def test_overlong_words_and_directions_stay_in_their_place(visit: Visit, build_app: BuildApp) -> None:
    titles = {"wall": "W" * 10_000 + " ferry", "arabic": "مرفأ الصيادين ferry", "zalgo": "z" + "\u0337\u033f" * 400}
    app = build_app(
        {f"{name}.md": f"---\ntitle: {title}\n---\nferry\n" for name, title in titles.items()}, cors_origins=("*",)
    )
    with serving(app) as address:
        visit.open(script=f"{address}/embed.js")
        look(visit.browser, 320)
        visit.type("ferry")
        assert len(visit.wait(".title")) == len(titles)
        assert visit.browser.execute_script(SIDEWAYS) == 0
        assert all(each.rect["height"] < 200 for each in visit.all(".title"))
        directions = {each.text: each.value_of_css_property("direction") for each in visit.all(".title")}
        assert directions[titles["arabic"]] == "rtl"
