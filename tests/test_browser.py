"""A reader's journey in a real browser: search, narrow down, page, read; wide, narrow and dark.

Skipped with a reason where Chromium or its driver is not installed.
"""

from collections.abc import Callable

import pytest
from browsing import leaving, look, needs_browser
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SIDEWAYS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = ("/", "/?q=ferry", "/?q=zzqqxxyy", "/?missing=date", "/nothing")

pytestmark = needs_browser


@pytest.mark.parametrize("width", [1280, 390])
def test_a_reader_searches_narrows_down_pages_and_reads(browser: Chrome, site: str, width: int) -> None:
    look(browser, width)
    browser.get(f"{site}/?size=3")
    box = browser.find_element(By.NAME, "q")
    with leaving(browser):
        box.send_keys("the", Keys.ENTER)
    assert "q=the" in browser.current_url
    assert "size=3" in browser.current_url
    total = browser.find_element(By.ID, "found").text

    facet = browser.find_element(By.CSS_SELECTOR, "[aria-labelledby=facet-provider] .value")
    provider = facet.text
    with leaving(browser):
        facet.click()
    assert browser.find_element(By.CSS_SELECTOR, ".chip bdi").text == provider
    assert browser.find_element(By.ID, "found").text != total

    with leaving(browser):
        browser.find_element(By.CSS_SELECTOR, ".chip").click()
    assert browser.find_element(By.ID, "found").text == total
    first = browser.find_element(By.CSS_SELECTOR, ".hit h3").text
    with leaving(browser):
        browser.find_element(By.CSS_SELECTOR, ".pager [rel~=next]").click()
    assert "page=2" in browser.current_url
    title = browser.find_element(By.CSS_SELECTOR, ".hit h3 a")
    assert title.text != first
    text = title.text
    with leaving(browser):
        title.click()
    assert browser.find_element(By.TAG_NAME, "h1").text == text
    with leaving(browser):
        browser.back()
    assert "page=2" in browser.current_url


def test_months_unfold_without_scripts(browser: Chrome, site: str) -> None:
    look(browser, 1280)
    browser.get(site)
    months = browser.find_element(By.CSS_SELECTOR, ".months")
    link = months.find_element(By.CSS_SELECTOR, ".value")
    assert not link.is_displayed()
    months.find_element(By.TAG_NAME, "summary").click()
    assert link.is_displayed()
    with leaving(browser):
        link.click()
    assert browser.find_element(By.CSS_SELECTOR, ".months[open] .value.chosen").is_displayed()


def test_facets_stand_beside_the_results_or_below_them(browser: Chrome, site: str) -> None:
    positions = {}
    for width in (1280, 390):
        look(browser, width)
        browser.get(site)
        found, facets = (browser.find_element(By.CSS_SELECTOR, name).rect for name in (".found", ".facets"))
        positions[width] = facets["x"] > found["x"], facets["y"] > found["y"] + found["height"] - 1
    assert positions == {1280: (True, False), 390: (False, True)}


@pytest.mark.parametrize("path", PAGES)
def test_nothing_scrolls_sideways_at_320_pixels(browser: Chrome, site: str, path: str) -> None:
    look(browser, 320)
    browser.get(site + path)
    assert browser.execute_script(SIDEWAYS) <= 0


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
    for scheme in ("light", "dark"):
        look(browser, 1280, scheme)
        browser.get(site)
        colour = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        brightness[scheme] = sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    assert brightness["dark"] < 150 < 600 < brightness["light"]


def test_the_keyboard_reaches_the_content_first(browser: Chrome, site: str) -> None:
    look(browser, 1280)
    browser.get(f"{site}/?q=ferry")
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert skip.rect["y"] >= 0
    skip.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"


def test_the_page_keeps_its_own_security_policy(browser: Chrome, site: str) -> None:
    read_log: Callable[[str], list[dict[str, str]]] = browser.get_log
    read_log("browser")
    browser.get(f"{site}/?q=ferry")
    assert not [entry for entry in read_log("browser") if "Content Security Policy" in entry["message"]]
