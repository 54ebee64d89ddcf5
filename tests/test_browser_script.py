"""What the script adds to the search page, in a real browser: suggestions, results in place, keys.

The suggestions come from a stand-in that answers as `data-suggest` promises; the same pages are the real ones. What the
script shows is compared with what the server sends for the same address.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote_plus

import pytest
from browsing import PATIENCE_S, leaving, look, needs_browser, serving, waiting
from flask import Flask, Response, jsonify, redirect, request
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from index.settings import Settings
from web import create_app
from web.service import EXTENSION

pytestmark = needs_browser

SCRIPT = Path(__file__).parent.parent / "web" / "static" / "search.js"
WORDS = ["ferry", "ferry timetable", "night FERRY", "<b>ferry</b><img src=x onerror=alert(1)>"]
NOTHING: list[Any] = ["", []]


@dataclass
class Stage:
    """What the server answers besides the real pages, and what it was asked.

    Attributes:
        suggestions: the answer for each text, in the form of OpenSearch's suggestions; others get none.
        asked: the texts that suggestions were asked for.
        held: suggestions for these texts, and fetched pages with this query, wait for the event.
        trouble: answers a fetch of the search page in place of it; navigations are not troubled.
    """

    suggestions: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    held: dict[str, Event] = field(default_factory=dict)
    trouble: Callable[[], Any] | None = None


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def site(example_settings: Settings, stage: Stage) -> Iterator[str]:
    """The example archive with the stand-in beside it."""
    app = create_app(example_settings)
    _stand_in(app, stage)
    with serving(app) as address:
        yield address
    app.extensions[EXTENSION].close()


def _stand_in(app: Flask, stage: Stage) -> None:
    def wait() -> None:
        if event := stage.held.get(request.args.get("q", "")):
            event.wait(PATIENCE_S)

    @app.get("/stand-in")
    def suggest() -> Response:
        text = request.args["q"]
        stage.asked.append(text)
        wait()
        return jsonify(stage.suggestions.get(text, NOTHING))

    @app.before_request
    def trouble() -> Any:
        if request.path != "/" or request.headers.get("Sec-Fetch-Dest") != "empty":
            return None
        wait()
        return stage.trouble() if stage.trouble else None


@pytest.fixture(autouse=True)
def fresh(stage: Stage, browser: Chrome) -> Iterator[None]:
    stage.suggestions = {"ferry": ["ferry", WORDS], "fer": ["fer", ["fern"]]}
    stage.asked.clear()
    stage.held.clear()
    stage.trouble = None
    look(browser, 1280)
    yield
    for event in stage.held.values():
        event.set()


def visit(browser: Chrome, url: str) -> WebElement:
    """Open a page, let it ask the stand-in, and note what it asks; returns the box."""
    browser.get(url)
    browser.execute_script("""
        document.getElementById("search").dataset.suggest = "/stand-in";
        window.same = true;
        window.fetched = [];
        const fetch = window.fetch;
        window.fetch = (url, ...more) => { window.fetched.push(String(url)); return fetch(url, ...more); };
    """)
    return browser.find_element(By.ID, "q")


@contextmanager
def in_place(browser: Chrome) -> Iterator[None]:
    """What happens in the block leads to another address without loading a document."""
    with leaving(browser):
        yield
    assert browser.execute_script("return window.same") is True


def loaded_afresh(browser: Chrome) -> None:
    waiting(browser).until(
        lambda driver: driver.execute_script("return !window.same && document.readyState === 'complete'")
    )


def find(browser: Chrome, css: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, css)


def options(browser: Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "#suggestions:not([hidden]) [role=option]")


def type_at_once(browser: Chrome, box: WebElement, text: str) -> None:
    browser.execute_script("arguments[0].focus()", box)
    browser.execute_cdp_cmd("Input.insertText", {"text": text})


def suggested(browser: Chrome, box: WebElement, text: str = "ferry") -> list[WebElement]:
    """Type it in one go, whatever time the machine takes between keys, and wait for the suggestions."""
    type_at_once(browser, box, text)
    waiting(browser).until(options)
    return options(browser)


def active(browser: Chrome) -> str | None:
    """The text of the option that the box points to; also that exactly this one is marked as selected."""
    chosen = browser.find_elements(By.CSS_SELECTOR, "[role=option][aria-selected=true]")
    name = browser.find_element(By.ID, "q").get_attribute("aria-activedescendant")
    assert [each.get_attribute("id") for each in chosen] == ([name] if name else [])
    return chosen[0].text if chosen else None


def is_open(browser: Chrome) -> bool:
    """Whether the list is there to be seen; also that the box says so. Looks at both in one moment."""
    both = (
        "return [document.getElementById('q').ariaExpanded, document.getElementById('suggestions').checkVisibility()]"
    )
    expanded, visible = browser.execute_script(both)
    assert expanded == str(visible).lower()
    return bool(visible)


def focused(browser: Chrome) -> str | None:
    return browser.switch_to.active_element.get_attribute("id")


def told(browser: Chrome) -> str:
    """What the live region says."""
    return str(find(browser, "#search [role=status]").get_attribute("textContent"))


def shown(browser: Chrome) -> dict[str, Any]:
    """All that depends on the query."""
    state: dict[str, Any] = browser.execute_script("""return {
        title: document.title,
        main: document.getElementById("main").innerHTML.replace(/<img[^>]*>/g, "").replace(/\\s+/g, " "),
        box: document.getElementById("q").value,
        hidden: [...document.querySelectorAll("#search input[type=hidden]")].map((each) => [each.name, each.value]),
        dates: [...document.querySelectorAll("input[type=date]")].map((each) => [each.name, each.value]),
        links: [...document.querySelectorAll("head link:not([rel=stylesheet])")].map((each) => each.outerHTML).sort(),
    }""")
    return state


def total(browser: Chrome) -> str:
    return " ".join(browser.find_element(By.ID, "found").text.split())


# Suggestions


def test_the_box_becomes_a_combobox(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    assert not is_open(browser)
    assert suggested(browser, box)
    for name, value in {
        "role": "combobox",
        "aria-autocomplete": "list",
        "aria-controls": "suggestions",
        "autocomplete": "off",
    }.items():
        assert box.get_attribute(name) == value
    listbox = browser.find_element(By.ID, "suggestions")
    assert (listbox.aria_role, listbox.accessible_name) == ("listbox", "Suggestions")
    assert is_open(browser)
    assert active(browser) is None
    assert listbox.rect["y"] >= box.rect["y"] + box.rect["height"] - 1
    assert [each.text for each in options(browser)] == WORDS
    assert told(browser) == "Suggestions: 4"


def test_one_suggestion_is_counted_as_one_and_none_opens_nothing(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box, "fer")
    assert told(browser) == "Suggestions: 1"
    type_at_once(browser, box, "x")
    waiting(browser).until(lambda driver: not is_open(driver))
    assert told(browser) == ""


def test_what_was_typed_is_marked_and_text_stays_text(browser: Chrome, site: str, stage: Stage) -> None:
    stage.suggestions["ferry"].append(["", "article"])
    suggested(browser, visit(browser, site))
    assert [each.text for each in browser.find_elements(By.CSS_SELECTOR, "#suggestions mark")] == [
        "ferry",
        "ferry",
        "FERRY",
        "ferry",
    ]
    assert options(browser)[1].text == "ferry timetable article"
    assert not browser.find_elements(By.CSS_SELECTOR, "#suggestions b, #suggestions img")


def test_arrows_choose_and_the_text_is_kept(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    seen = []
    for key in (Keys.DOWN, Keys.DOWN, Keys.UP, Keys.UP, Keys.DOWN, Keys.END, Keys.UP, Keys.HOME):
        box.send_keys(key)
        seen.append(active(browser))
    assert seen == [WORDS[0], WORDS[1], WORDS[0], WORDS[3], WORDS[0], None, WORDS[3], None]
    assert box.get_attribute("value") == "ferry"
    assert browser.execute_script("return document.getElementById('q').selectionStart") == 0
    assert focused(browser) == "q"


def test_enter_takes_the_active_words_and_searches(browser: Chrome, site: str) -> None:
    box = visit(browser, f"{site}/?sort=newest")
    suggested(browser, box)
    with in_place(browser):
        box.send_keys(Keys.DOWN, Keys.DOWN, Keys.ENTER)
    assert browser.current_url == f"{site}/?q=ferry+timetable&sort=newest"
    assert box.get_attribute("value") == "ferry timetable"
    assert not is_open(browser)


def test_enter_without_an_active_option_searches_what_was_typed(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    with in_place(browser):
        box.send_keys(Keys.ENTER)
    assert browser.current_url == f"{site}/?q=ferry"


def test_a_suggestion_with_an_address_leads_there(browser: Chrome, site: str, stage: Stage) -> None:
    box = visit(browser, site)
    article = str(find(browser, ".hit h3 a").get_attribute("href"))
    path = article.removeprefix(site)
    stage.suggestions["har"] = ["har", ["Harbours", "An article"], ["topic", "article"], ["/?topic=Harbours", path]]
    suggested(browser, box, "har")
    with in_place(browser):
        box.send_keys(Keys.DOWN, Keys.ENTER)
    assert browser.current_url == f"{site}/?topic=Harbours"
    assert box.get_attribute("value") == ""
    suggested(browser, box, "har")
    with leaving(browser):
        box.send_keys(Keys.UP, Keys.ENTER)
    assert browser.current_url == article


def test_escape_closes_then_clears(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    box.send_keys(Keys.DOWN, Keys.ESCAPE)
    assert not is_open(browser)
    assert box.get_attribute("value") == "ferry"
    box.send_keys(Keys.DOWN)
    waiting(browser).until(options)
    assert active(browser) is None
    box.send_keys(Keys.ESCAPE, Keys.ESCAPE)
    assert not is_open(browser)
    assert box.get_attribute("value") == ""


def test_tab_leaves_and_closes(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    box.send_keys(Keys.DOWN, Keys.TAB)
    assert not is_open(browser)
    assert browser.switch_to.active_element.tag_name == "button"
    assert box.get_attribute("value") == "ferry"


def test_a_click_takes_an_option(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    choices = suggested(browser, box)
    ActionChains(browser).click_and_hold(choices[1]).perform()
    assert (focused(browser), is_open(browser)) == ("q", True)
    with in_place(browser):
        ActionChains(browser).release().perform()
    assert browser.current_url == f"{site}/?q=ferry+timetable"
    assert focused(browser) == "q"


TYPE = """
    const box = document.getElementById("q");
    for (const text of arguments[0]) {
        box.value = text;
        box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
"""
AT_ONCE = "window.setTimeout = (work) => { work(); return 0; };"


def test_only_where_typing_pauses_something_is_asked(browser: Chrome, site: str, stage: Stage) -> None:
    visit(browser, site)
    browser.execute_script(TYPE, ["f", "fe", "fer", "ferr", "ferry"])
    waiting(browser).until(options)
    assert stage.asked == ["ferry"]


def test_an_empty_box_asks_nothing(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    browser.execute_script(AT_ONCE + TYPE, ["", "  "])
    box.send_keys(Keys.DOWN)
    assert browser.execute_script("return fetched") == ["/stand-in?q=ferry"]
    assert not is_open(browser)


def test_late_answers_are_ignored(browser: Chrome, site: str, stage: Stage) -> None:
    stage.held["fer"] = Event()
    box = visit(browser, site)
    type_at_once(browser, box, "fer")
    waiting(browser).until(lambda _: stage.asked == ["fer"])
    type_at_once(browser, box, "ry")
    waiting(browser).until(options)
    stage.held["fer"].set()
    _meanwhile(browser)
    assert [each.text for each in options(browser)] == WORDS


def test_what_was_asked_before_escape_opens_nothing(browser: Chrome, site: str, stage: Stage) -> None:
    stage.held["fer"] = Event()
    box = visit(browser, site)
    type_at_once(browser, box, "fer")
    waiting(browser).until(lambda _: stage.asked == ["fer"])
    box.send_keys(Keys.ESCAPE)
    stage.held["fer"].set()
    _meanwhile(browser)
    assert not is_open(browser)


def _meanwhile(browser: Chrome) -> None:
    """Ask the stand-in once more and wait for its answer, so that whatever came before was dealt with."""
    browser.execute_async_script("fetch('/stand-in?q=fer').then((answer) => answer.json()).then(arguments[0])")


@pytest.mark.parametrize("answer", ['{"no": "list"}', "<html>", '["ferry", [1]]', ""])
def test_an_answer_that_is_none_breaks_nothing(browser: Chrome, site: str, stage: Stage, answer: str) -> None:
    box = visit(browser, site)
    suggested(browser, box)
    browser.execute_script("window.fetch = async () => new Response(arguments[0])", answer)
    type_at_once(browser, box, " t")
    waiting(browser).until(lambda driver: not is_open(driver))
    browser.execute_script("delete window.fetch; window.fetch = async () => { throw new TypeError('no network'); }")
    with leaving(browser):
        box.send_keys(Keys.ENTER)
    assert browser.current_url == f"{site}/?q=ferry+t"


def test_nothing_is_asked_while_an_input_method_composes(browser: Chrome, site: str, stage: Stage) -> None:
    stage.suggestions["渡し"] = ["渡し", ["渡し船"]]
    box = visit(browser, site)
    browser.execute_script(AT_ONCE)
    box.click()
    for text in ("わ", "わた", "わたし"):
        composing = {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        browser.execute_cdp_cmd("Input.imeSetComposition", composing)
    assert box.get_attribute("value") == "わたし"
    assert browser.execute_script("return fetched") == []
    browser.execute_cdp_cmd("Input.insertText", {"text": "渡し"})
    waiting(browser).until(options)
    assert set(stage.asked) == {"渡し"}


# Results in place

LINKS = (
    "[aria-labelledby=facet-provider] .value",
    ".sorts li:last-child a",
    ".pager [rel~=next]",
    ".topic",
    ".chip",
    ".timeline a",
    ".nameplate a",
)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_changes_all_that_loading_would(browser: Chrome, site: str, link: str) -> None:
    visit(browser, f"{site}/?q=the&size=3&from=2000-01-01")
    with in_place(browser):
        find(browser, link).click()
    assert told(browser) == total(browser)
    assert find(browser, "main").get_attribute("aria-busy") == "false"
    url, state = browser.current_url, shown(browser)
    browser.get(url)
    assert browser.current_url == url
    assert state == shown(browser)


def test_the_heading_of_the_results_gets_the_focus_and_is_in_sight(browser: Chrome, site: str) -> None:
    look(browser, 390)
    visit(browser, f"{site}/?q=the&size=3")
    for link in ("[aria-labelledby=facet-provider] .value", ".pager [rel~=next]"):
        with in_place(browser):
            find(browser, link).send_keys(Keys.ENTER)
        assert focused(browser) == "found"
        edges = "const {top, bottom} = document.getElementById('found').getBoundingClientRect();"
        assert browser.execute_script(edges + "return top >= -1 && bottom <= innerHeight")


def test_nothing_scrolls_where_the_heading_is_in_sight(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=the")
    browser.execute_script("scrollTo(0, 40)")
    with in_place(browser):
        browser.execute_script("document.querySelector('[aria-labelledby=facet-topic] .value').click()")
    assert browser.execute_script("return scrollY") == 40


def test_a_typed_search_keeps_the_focus_and_tells_the_total(browser: Chrome, site: str) -> None:
    box = visit(browser, f"{site}/?topic=Harbours&from=2023-01-01")
    before = total(browser)
    with in_place(browser):
        box.send_keys("ferry", Keys.ENTER)
    assert browser.current_url == f"{site}/?q=ferry&topic=Harbours&from=2023-01-01"
    assert focused(browser) == "q"
    assert told(browser) == total(browser) != before
    box.clear()
    with in_place(browser):
        box.send_keys(Keys.ENTER)
    assert browser.current_url == f"{site}/?topic=Harbours&from=2023-01-01"
    assert told(browser) == total(browser) == before


def test_dates_are_applied_by_their_button_alone(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?sort=newest")
    start = find(browser, "input[name=from]")
    browser.execute_script("arguments[0].value = '2023-05-01'", start)
    browser.execute_script("arguments[0].dispatchEvent(new Event('change', {bubbles: true}))", start)
    start.send_keys(Keys.TAB, Keys.TAB, Keys.TAB)
    assert browser.execute_script("return fetched") == []
    with in_place(browser):
        find(browser, "button[form=search]").click()
    assert browser.current_url == f"{site}/?sort=newest&from=2023-05-01"
    assert focused(browser) == "found"
    with leaving(browser):
        browser.back()
    assert find(browser, "input[name=from]").get_attribute("value") == ""


def test_an_empty_search_has_the_plain_address(browser: Chrome, site: str) -> None:
    box = visit(browser, f"{site}/?q=ferry")
    box.clear()
    with in_place(browser):
        box.send_keys(Keys.ENTER)
    assert browser.current_url == f"{site}/"


def test_the_same_search_again_is_no_step_of_the_history(browser: Chrome, site: str) -> None:
    box = visit(browser, site)
    with in_place(browser):
        box.send_keys("ferry", Keys.ENTER)
    steps = browser.execute_script("return history.length")
    browser.execute_script("document.getElementById('main').replaceChildren()")
    box.send_keys(Keys.ENTER)
    waiting(browser).until(lambda driver: driver.find_elements(By.ID, "found"))
    assert browser.execute_script("return history.length") == steps


def scroll(browser: Chrome, y: int) -> None:
    """Scroll there and wait for the frame in which scripts are told."""
    browser.execute_async_script(
        "scrollTo(0, arguments[0]); requestAnimationFrame(() => requestAnimationFrame(arguments[1]))", y
    )
    assert browser.execute_script("return scrollY") == y


def scrolled(browser: Chrome, y: int) -> None:
    waiting(browser).until(lambda driver: driver.execute_script("return Math.round(scrollY)") == y)


def test_back_and_forward_go_one_step_and_know_the_place(browser: Chrome, site: str) -> None:
    look(browser, 390)
    addresses, states = [f"{site}/?q=the"], []
    visit(browser, addresses[0])
    for n, link in enumerate((".sorts li:last-child a", "[aria-labelledby=facet-provider] .value")):
        states.append(shown(browser))
        scroll(browser, 300 + n)
        with in_place(browser):
            browser.execute_script(
                "const link = document.querySelector(arguments[0]); link.focus({preventScroll: true}); link.click()",
                link,
            )
        addresses.append(browser.current_url)
    states.append(shown(browser))
    scroll(browser, 202)
    for n, move in ((1, browser.back), (0, browser.back), (1, browser.forward), (2, browser.forward)):
        with in_place(browser):
            move()
        assert browser.current_url == addresses[n]
        scrolled(browser, (300, 301, 202)[n])
        assert shown(browser) == states[n]
        assert told(browser) == total(browser)
    with in_place(browser):
        browser.back()
    assert browser.switch_to.active_element.get_attribute("class") == "value"


def test_what_is_no_longer_in_memory_is_loaded(browser: Chrome, site: str) -> None:
    look(browser, 390)
    visit(browser, f"{site}/?q=the")
    before = shown(browser)
    scroll(browser, 300)
    with in_place(browser):
        browser.execute_script("document.querySelector('.sorts li:last-child a').click()")
    browser.refresh()
    browser.execute_script("window.same = true")
    with in_place(browser):
        browser.back()
    waiting(browser).until(lambda driver: shown(driver) == before)
    scrolled(browser, 300)


def test_back_from_an_article_finds_the_place(browser: Chrome, site: str) -> None:
    look(browser, 390)
    visit(browser, f"{site}/?q=the")
    with in_place(browser):
        find(browser, ".sorts li:last-child a").click()
    url, state = browser.current_url, shown(browser)
    scroll(browser, 350)
    with leaving(browser):
        browser.execute_script("document.querySelector('.hit:nth-child(3) h3 a').click()")
    with leaving(browser):
        browser.back()
    assert browser.current_url == url
    scrolled(browser, 350)
    assert shown(browser) == state


def test_fragments_are_the_browsers_own(browser: Chrome, site: str) -> None:
    look(browser, 390)
    visit(browser, f"{site}/?q=the")
    with in_place(browser):
        find(browser, ".jump").click()
    with in_place(browser):
        browser.back()
    assert browser.execute_script("return fetched") == []


PROBE = """
    const [link, how] = arguments;
    let prevented;
    const probe = (event) => { prevented = event.defaultPrevented; event.preventDefault(); };
    addEventListener("click", probe, { once: true });
    link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...how }));
    return prevented;
"""


def test_other_clicks_are_left_alone(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=the")
    link = find(browser, ".sorts li:last-child a")
    for how in ({"ctrlKey": True}, {"metaKey": True}, {"shiftKey": True}, {"altKey": True}, {"button": 1}):
        assert browser.execute_script(PROBE, link, how) is False, how
    browser.execute_script("arguments[0].target = '_blank'", link)
    assert browser.execute_script(PROBE, link, {}) is False
    browser.execute_script("arguments[0].href = '#narrow'; arguments[0].removeAttribute('target')", link)
    assert browser.execute_script(PROBE, link, {}) is False
    for selector in (".hit h3 a", ".outward"):
        assert browser.execute_script(PROBE, find(browser, selector), {}) is False, selector
    assert browser.execute_script("return fetched") == []
    assert browser.execute_script(PROBE, find(browser, ".topic"), {}) is True  # so the probe would notice


def test_a_click_with_control_opens_a_tab(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=the")
    here = browser.current_window_handle
    link = find(browser, ".sorts li:last-child a")
    ActionChains(browser).key_down(Keys.CONTROL).click(link).key_up(Keys.CONTROL).perform()
    waiting(browser).until(lambda driver: len(driver.window_handles) == 2)
    assert browser.current_url == f"{site}/?q=the"
    (other,) = set(browser.window_handles) - {here}
    browser.switch_to.window(other)
    browser.close()
    browser.switch_to.window(here)


def test_while_it_loads_the_page_says_so_and_typing_goes_on(browser: Chrome, site: str, stage: Stage) -> None:
    stage.held["ferry"] = Event()
    box = visit(browser, site)
    with in_place(browser):
        box.send_keys("ferry", Keys.ENTER)
        waiting(browser).until(lambda driver: find(driver, "main").get_attribute("aria-busy") == "true")
        assert told(browser) == "Loading"
        box.send_keys(" t")
        stage.held["ferry"].set()
    assert find(browser, "main").get_attribute("aria-busy") == "false"
    assert box.get_attribute("value") == "ferry t"


def test_the_last_click_wins(browser: Chrome, site: str, stage: Stage) -> None:
    stage.held["ferry"] = Event()
    box = visit(browser, f"{site}/?sort=newest")
    with in_place(browser):
        box.send_keys("ferry", Keys.ENTER)
        waiting(browser).until(lambda driver: find(driver, "main").get_attribute("aria-busy") == "true")
        find(browser, ".sorts li:last-child a").click()
    stage.held["ferry"].set()
    _meanwhile(browser)
    assert browser.current_url == f"{site}/?sort=oldest"


def test_forth_again_before_going_back_was_done(browser: Chrome, site: str, stage: Stage) -> None:
    visit(browser, f"{site}/?q=the")
    with in_place(browser):
        find(browser, ".sorts li:last-child a").click()
    browser.refresh()  # which empties the memory
    browser.execute_script("window.same = true")
    url, state = browser.current_url, shown(browser)
    stage.held["the"] = Event()
    with in_place(browser):
        browser.back()
    with in_place(browser):
        browser.forward()
    stage.held["the"].set()
    loaded_afresh(browser)
    assert (browser.current_url, shown(browser)) == (url, state)


TROUBLES: dict[str, Callable[[], Any]] = {
    "an error": lambda: ("<!doctype html><main id=main>", 500),
    "no page": lambda: jsonify({"q": 1}),
    "another page": lambda: redirect("/api/v1/status"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_where_fetching_fails_the_browser_goes_there(browser: Chrome, site: str, stage: Stage, trouble: str) -> None:
    visit(browser, f"{site}/?q=the")
    stage.trouble = TROUBLES[trouble]
    link = find(browser, ".sorts li:last-child a")
    url = link.get_attribute("href")
    link.click()
    loaded_afresh(browser)
    assert browser.current_url == url
    assert browser.find_elements(By.ID, "found")


def test_where_going_back_fails_the_page_is_loaded_anew(browser: Chrome, site: str, stage: Stage) -> None:
    visit(browser, f"{site}/?q=the")
    before = shown(browser)
    with in_place(browser):
        find(browser, ".sorts li:last-child a").click()
    browser.refresh()  # which empties the memory
    browser.execute_script("window.same = true")
    stage.trouble = TROUBLES["an error"]
    browser.back()
    loaded_afresh(browser)
    assert shown(browser) == before


@pytest.mark.parametrize("broken", ["Element.prototype.replaceChildren", "window.DOMParser", "window.fetch"])
def test_where_the_script_fails_the_browser_goes_there(browser: Chrome, site: str, broken: str) -> None:
    visit(browser, f"{site}/?q=the")
    browser.execute_script(f"{broken} = () => {{ throw new Error('broken'); }}")
    link = find(browser, ".sorts li:last-child a")
    url = link.get_attribute("href")
    link.click()
    loaded_afresh(browser)
    assert browser.current_url == url


def test_an_article_leads_back_to_a_page_of_results(browser: Chrome, site: str) -> None:
    visit(browser, site)
    with leaving(browser):
        find(browser, ".hit h3 a").click()
    box = visit(browser, browser.current_url)
    suggested(browser, box)
    box.send_keys(Keys.DOWN, Keys.DOWN, Keys.ENTER)
    loaded_afresh(browser)
    assert browser.current_url == f"{site}/?q=ferry+timetable"


def test_on_a_touch_screen_the_keyboard_gives_way_to_the_results(browser: Chrome, site: str) -> None:
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        box = visit(browser, site)
        assert browser.execute_script("return matchMedia('(pointer: coarse)').matches")
        with in_place(browser):
            box.send_keys("ferry", Keys.ENTER)
        assert focused(browser) == "found"
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


# Keys


def test_slash_leads_to_the_box(browser: Chrome, site: str) -> None:
    box = visit(browser, f"{site}/?q=ferry")
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    assert focused(browser) == "q"
    assert browser.execute_script("return getSelection().toString()") == "ferry"
    box.send_keys(Keys.END, "/")
    assert box.get_attribute("value") == "ferry/"
    find(browser, "button").send_keys(Keys.CONTROL, "/")
    assert focused(browser) != "q"


def test_arrows_lead_from_title_to_title_but_scroll_elsewhere(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=the")
    titles = browser.find_elements(By.CSS_SELECTOR, ".hit h3 a")
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.DOWN)
    assert browser.switch_to.active_element.tag_name == "body"
    browser.execute_script("arguments[0].focus()", titles[0])
    for key, n in ((Keys.DOWN, 1), (Keys.DOWN, 2), (Keys.UP, 1), (Keys.UP, 0), (Keys.UP, 0)):
        browser.switch_to.active_element.send_keys(key)
        assert browser.switch_to.active_element == titles[n]


# The whole


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_same_journey_with_and_without_scripts(browser: Chrome, site: str, scripts: bool) -> None:
    read_log: Callable[[str], list[dict[str, str]]] = browser.get_log
    read_log("browser")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    try:
        browser.get(f"{site}/?size=3")
        assert bool(browser.find_elements(By.CSS_SELECTOR, "[role=combobox]")) is scripts
        with leaving(browser):
            find(browser, "#q").send_keys("the", Keys.ENTER)
        for link in (
            "[aria-labelledby=facet-provider] .value",
            ".sorts li:last-child a",
            ".pager [rel~=next]",
            ".chip",
        ):
            with leaving(browser):
                find(browser, link).click()
        with leaving(browser):
            find(browser, "input[name=from]").send_keys("01012022")
            find(browser, "button[form=search]").click()
        query = dict(re.findall(r"(\w+)=([^&]*)", browser.current_url))
        assert {name: value for name, value in query.items() if value} == {
            "q": "the",
            "from": "2022-01-01",
            "sort": "oldest",
            "size": "3",
        }
        for _ in range(3):
            with leaving(browser):
                browser.back()
        assert find(browser, ".sorts [aria-current]").text == "Oldest"
        assert find(browser, ".chip").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    # The pictures of the examples are nowhere.
    assert not [entry for entry in read_log("browser") if entry["source"] != "network"]


def test_the_script_is_small_and_makes_no_markup_of_text() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.encode()) <= 9_000
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|\.style\b", text)


def test_any_text_can_be_asked_for(browser: Chrome, site: str, stage: Stage) -> None:
    text = "a&b=c #1 +x % ?"
    stage.suggestions[text] = [text, [f"{text} (found)"]]
    box = visit(browser, site)
    suggested(browser, box, text)
    assert find(browser, "#suggestions mark").text == text
    with in_place(browser):
        box.send_keys(Keys.DOWN, Keys.ENTER)
    assert box.get_attribute("value") == f"{text} (found)"
    assert f"?q={quote_plus(stage.suggestions[text][1][0], safe='')}" in browser.current_url


def test_the_single_key_can_be_switched_off_and_stays_off(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=ferry")
    switch = find(browser, "#slash")
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    browser.refresh()
    assert find(browser, "#slash").get_attribute("aria-pressed") == "false"
    find(browser, "#main").send_keys("/")
    assert focused(browser) != "q"
    find(browser, "#slash").click()
    find(browser, "#main").send_keys("/")
    assert focused(browser) == "q"


def test_pictures_that_are_not_there_leave_their_room(browser: Chrome, site: str) -> None:
    visit(browser, f"{site}/?q=ferry")
    script = """
        const picture = document.createElement("img");
        document.querySelector(".hit article").prepend(picture);
        picture.src = "/static/none.png";
        return picture;
    """
    browser.execute_script(script)
    waiting(browser).until(lambda driver: not driver.find_elements(By.CSS_SELECTOR, "img[src$='none.png']"))


def test_the_real_suggestions_keep_the_filters_or_lead_to_their_page(browser: Chrome, site: str) -> None:
    browser.get(f"{site}/?topic=Harbours")
    box = find(browser, "#q")
    box.send_keys("ferr")
    waiting(browser).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, "#suggestions:not([hidden]) li"))
    options = browser.find_elements(By.CSS_SELECTOR, "#suggestions li")
    texts = [option.text for option in options]
    words = texts[0].partition(" ")[0]
    assert any(text.endswith("Article") for text in texts)
    options[0].click()
    waiting(browser).until(lambda driver: "q=" in driver.current_url)
    assert browser.current_url == f"{site}/?q={words}&topic=Harbours"
