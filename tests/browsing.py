"""A browser and a server for tests of the pages: Debian's Chromium, driven by Selenium, and an app in a thread."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
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
PATIENCE_S = 30

needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed")


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of `app`, served by a thread meanwhile."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:  # a thread that goes on would keep the whole run from ending
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """A browser with a fresh profile in this directory."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def waiting(browser: Chrome) -> WebDriverWait[Chrome]:
    # Between two pages the driver may find neither.
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=0.02, ignored_exceptions=[WebDriverException])


def look(browser: Chrome, width: int, scheme: str = "light") -> None:
    """Give the window this width in CSS pixels and this colour scheme."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@contextmanager
def leaving(browser: Chrome) -> Iterator[None]:
    """What happens in the block leads to another address; go on when what it shows is there."""
    old = browser.current_url
    yield
    arrived = "return location.href !== arguments[0] && document.readyState === 'complete'"
    waiting(browser).until(lambda driver: driver.execute_script(arrived, old))
