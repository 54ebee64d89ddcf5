"""A reader's journey in a real browser without the script: search, narrow down, page, read; wide, narrow and dark.

What the script adds is tested in `test_browser_script.py`. Skipped with a reason where Chromium or its driver is not
installed.
"""

from collections.abc import Callable

import pytest
from browsing import leaving, look, needs_browser
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

SIDEWAYS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOST_STEPS = 200
"""Presses of Tab until something must have been reached."""

pytestmark = needs_browser


@pytest.fixture(scope="module", autouse=True)
def without_scripts(browser: Chrome) -> None:
    """Let no script reach the page; a browser that runs none at all takes a second a page to say so to its driver."""
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/static/*.js*"]})


def the(browser: Chrome, selector: str) -> WebElement:
    """The first element of a selector."""
    return browser.find_element(By.CSS_SELECTOR, selector)


def follow(browser: Chrome, selector: str) -> None:
    """Press a link or button that leads to another page."""
    with leaving(browser):
        the(browser, selector).click()


def total(browser: Chrome) -> str:
    return the(browser, "#found").text


@pytest.mark.parametrize("width", [1280, 390])
def test_a_reader_searches_narrows_down_pages_and_reads(browser: Chrome, site: str, width: int) -> None:
    look(browser, width)
    browser.get(f"{site}/?size=3")
    with leaving(browser):
        the(browser, "#q").send_keys("the", Keys.ENTER)
    assert browser.current_url.startswith(f"{site}/?q=the&size=3")
    everything = total(browser)

    if width < 500:
        follow(browser, ".jump")
        assert the(browser, ".facets").rect["y"] - browser.execute_script("return scrollY") < 10
    provider = the(browser, "[aria-labelledby=facet-provider] .value").text
    follow(browser, "[aria-labelledby=facet-provider] .value")
    assert the(browser, ".chip bdi").text == provider
    narrowed = total(browser)
    assert narrowed != everything

    follow(browser, ".chip")
    assert total(browser) == everything
    topic = the(browser, "[aria-labelledby=facet-topic] .value").text
    follow(browser, "[aria-labelledby=facet-topic] .not")
    assert the(browser, ".chip.without bdi").text == f"Not {topic}"
    assert total(browser) != everything
    follow(browser, "[aria-labelledby=facet-topic] .excluded")
    assert total(browser) == everything

    follow(browser, ".sorts li:last-child a")
    assert the(browser, ".sorts [aria-current]").text == "Oldest"
    oldest = the(browser, ".hit h3").text
    follow(browser, ".pager [rel~=next]")
    results = browser.current_url
    assert "page=2" in results
    title = the(browser, ".hit h3 a").text
    assert title != oldest
    follow(browser, ".hit h3 a")
    assert the(browser, "h1").text == title
    follow(browser, ".back a")
    assert browser.current_url == results

    # One step each.
    for step, url in ((browser.back, "/article/"), (browser.back, "page=2"), (browser.back, "sort=oldest")):
        with leaving(browser):
            step()
        assert url in browser.current_url
    with leaving(browser):
        browser.forward()
    assert browser.current_url == results


def test_a_reader_chooses_a_time(browser: Chrome, site: str) -> None:
    look(browser, 1280)
    browser.get(f"{site}/?q=the")
    everything = total(browser)
    first, last = (browser.find_element(By.NAME, name) for name in ("from", "to"))
    first.send_keys("01/31/2024")
    last.send_keys("12/31/2024")
    follow(browser, ".range button")
    assert "from=2024-01-31" in browser.current_url
    # The end of a year, as one writes it.
    assert "to=2024" in browser.current_url
    assert total(browser) != everything
    assert (the(browser, "[name=from]").get_attribute("value"), the(browser, "[name=q]").get_attribute("value")) == (
        "2024-01-31",
        "the",
    )
    follow(browser, ".timeline .wider")
    assert total(browser) == everything

    # A year shows its months, and one of them is chosen; a bar does the same.
    follow(browser, "[aria-labelledby=facet-date] .entry a.value")
    assert len(browser.find_elements(By.CSS_SELECTOR, ".months > li")) == 12
    year = total(browser)
    follow(browser, ".months a.value")
    month = total(browser)
    assert the(browser, ".months .chosen").is_displayed()
    follow(browser, ".months .chosen")
    assert total(browser) == everything
    follow(browser, "[aria-labelledby=facet-date] .entry a.value")
    assert total(browser) == year
    bars = browser.find_elements(By.CSS_SELECTOR, ".bars a")
    with leaving(browser):
        bars[-1].click()
    assert total(browser) == month
    the(browser, "summary").click()
    assert the(browser, ".timeline table").is_displayed()


def test_a_reader_finds_a_value_among_all(browser: Chrome, site: str) -> None:
    look(browser, 390)
    browser.get(f"{site}/?q=the")
    follow(browser, "[aria-labelledby=facet-provider] .more a")
    with leaving(browser):
        the(browser, "#find").send_keys("port", Keys.ENTER)
    names = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".values a.value")]
    assert names
    assert all("port" in name.lower() for name in names)
    follow(browser, ".values a.value")
    assert the(browser, ".chip bdi").text == names[0]
    assert the(browser, "#q").get_attribute("value") == "the"


def test_the_keyboard_alone_is_enough(browser: Chrome, site: str) -> None:
    look(browser, 1280)
    browser.get(site)
    press(browser, Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert skip.rect["y"] >= 0
    press(browser, Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"

    tab_to(browser, "#q", back=True)
    with leaving(browser):
        press(browser, "the", Keys.ENTER)
    everything = total(browser)
    for selector in (".bars a", ".chip", "[aria-labelledby=facet-type] .not", ".chip", ".sorts li:last-child a"):
        tab_to(browser, selector)
        with leaving(browser):
            press(browser, Keys.ENTER)
    assert total(browser) == everything
    tab_to(browser, "[name=from]")
    press(browser, "01012024")
    tab_to(browser, ".range button")
    with leaving(browser):
        press(browser, Keys.SPACE)
    assert the(browser, ".chip bdi").text == "From 1 January 2024"
    tab_to(browser, ".hit h3 a")
    title = browser.switch_to.active_element.text
    with leaving(browser):
        press(browser, Keys.ENTER)
    assert the(browser, "h1").text == title
    tab_to(browser, ".back a")
    with leaving(browser):
        press(browser, Keys.ENTER)
    assert the(browser, ".chip bdi").text == "From 1 January 2024"


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def tab_to(browser: Chrome, selector: str, *, back: bool = False) -> None:
    """Press Tab, or with `back` Shift and Tab, until an element of this selector has the focus."""
    for _ in range(MOST_STEPS):
        if back:
            ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        else:
            press(browser, Keys.TAB)
        if browser.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"nothing like {selector} was reached")


def test_facets_stand_beside_the_results_or_below_them(browser: Chrome, site: str) -> None:
    positions = {}
    browser.get(f"{site}/?q=the")
    for width in (1280, 390):
        look(browser, width)
        found, facets = (the(browser, name).rect for name in (".found", ".facets"))
        positions[width] = facets["x"] > found["x"], facets["y"] > found["y"] + found["height"] - 1
    assert positions == {1280: (True, False), 390: (False, True)}


def test_no_article_scrolls_sideways_at_320_pixels(browser: Chrome, site: str) -> None:
    look(browser, 320)
    browser.get(f"{site}/?size=100")
    urls = [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, ".hit h3 a")]
    assert urls
    for url in urls:
        browser.get(str(url))
        assert browser.execute_script(SIDEWAYS) <= 0, url


def test_dark_is_dark_and_light_is_light(browser: Chrome, site: str) -> None:
    brightness = {}
    browser.get(site)
    for scheme in ("light", "dark"):
        look(browser, 1280, scheme)
        colour = the(browser, "body").value_of_css_property("background-color")
        brightness[scheme] = sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    assert brightness["dark"] < 150 < 600 < brightness["light"]


def test_the_page_keeps_its_own_security_policy(browser: Chrome, site: str) -> None:
    read_log: Callable[[str], list[dict[str, str]]] = browser.get_log
    read_log("browser")
    browser.get(f"{site}/?q=ferry")
    assert not [entry for entry in read_log("browser") if "Content Security Policy" in entry["message"]]
