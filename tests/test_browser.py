"""A reader's journey in a real browser: search, narrow down, page, read; wide, narrow and dark.

Skipped with a reason where Chromium or its driver is not installed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from flask import Flask
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.serving import make_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIDEWAYS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = ("/", "/?q=ferry", "/?q=zzqqxxyy", "/?missing=date", "/nothing")

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed")


@pytest.fixture(scope="module")
def site(example_app: Flask) -> Iterator[str]:
    """The address of the example archive, served by a thread."""
    server = make_server("127.0.0.1", 0, example_app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def look(browser: Chrome, width: int, scheme: str = "light") -> None:
    """Give the window this width in CSS pixels and this colour scheme."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@contextmanager
def leaving(browser: Chrome) -> Iterator[None]:
    """What happens in the block leads to another page; go on when it is there."""
    old = browser.current_url
    yield
    arrived = "return location.href !== arguments[0] && document.readyState === 'complete'"
    # Between two pages the driver may find neither.
    wait = WebDriverWait(browser, 30, ignored_exceptions=[WebDriverException])
    wait.until(lambda driver: driver.execute_script(arrived, old))


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
