"""That everybody can read the pages: axe-core's rules, headings, keyboard, zoom, forced colours, print, right to left.

axe-core comes with the package `axe-playwright-python`, of which nothing else is used: the driver runs it in the page,
where the page's own policy does not hold it back.
"""

from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from babel import Locale
from browsing import look, needs_browser, serving
from conftest import BuildApp
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from index.settings import Settings
from web import create_app
from web.service import EXTENSION
from web.texts import Texts

pytestmark = needs_browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_RULES = """
const [rules, done] = arguments;
axe.run(document, { runOnly: rules, resultTypes: ['violations'] }).then((found) => done(
  found.violations.flatMap((rule) => rule.nodes.map((node) => [rule.id, node.target.join(' '), node.failureSummary]))
));
"""
SIDEWAYS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
HEADINGS = (
    "return [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((heading) => Number(heading.localName[1]))"
)
# Links and buttons whose middle belongs to something else: a press there would miss them.
COVERED = """
return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')].filter((each) => {
  each.scrollIntoView({ block: 'center', inline: 'center' });
  const box = each.getClientRects()[0];
  if (!box || each.closest('.skip')) return false;
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !each.contains(top) && !top?.closest('a')?.isSameNode(each);
}).map((each) => each.outerHTML.slice(0, 200))
"""

FILTERED = (
    "/?q=the+ferry&match=any&topic=Harbours&exclude_topic=Food&exclude_provider=Openbench&missing=length&from=2020"
)
PICTURED = "/article/articles/blog/2024-12-08-how-to-read-a-weather-glass"
RELATED = "/article/articles/_news/2025-04-16-datahub-tide-tables-now-reach-every-fishing-boat"
KINDS = {
    "front page": "/",
    "results": "/?q=ferry",
    "second page": "/?q=the&size=3&page=2",
    "many filters": FILTERED + "&missing=type",
    "chosen values": "/?topic=Harbours&provider=Halmere+Gazette&exclude_topic=Food&to=2026",
    "some of the words": "/?q=ferry+telescope",
    "a year": "/?from=2024&to=2024",
    "a month": "/?from=2024-01&to=2024-01",
    "nothing found": "/?q=zzqqxxyy",
    "help": "/help",
    "documentation of the API": "/api/v1/docs",
    "beyond the end": "/?q=the&page=900",
    "no hits wanted": "/?q=the&size=0",
    "all values by count": "/values/topic",
    "all values by name": "/values/topic?q=the&by=name&exclude_topic=Food",
    "values of a letter": "/values/provider?by=name&letter=H",
    "found values": "/values/provider?find=port",
    "no values": "/values/provider?find=zzqqxxyy",
    "article with pictures": PICTURED,
    "article with related": RELATED,
    "not found": "/nothing",
}


@pytest.fixture(scope="module")
def axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def emulate(browser: Chrome, media: str = "", **features: str) -> None:
    """Let the page believe in these media features, such as `forced_colors="active"`."""
    given = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": given})


def resize(browser: Chrome, width: int, height: int = 900, scale: int = 1) -> None:
    """Give the window this size in CSS pixels, of so many pixels each."""
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def complaints(browser: Chrome, axe: str, url: str) -> list[str]:
    """What is wrong with a page, in light and dark, on a wide and a narrow screen, and zoomed to 400 %."""
    found: dict[str, None] = {}
    resize(browser, 1280)
    emulate(browser)
    browser.get(url)
    browser.execute_script(axe)
    for width, scheme in ((1280, "light"), (320, "light"), (320, "dark"), (1280, "dark")):
        resize(browser, width)
        # A colour on its way to another is neither.
        emulate(browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        # Only colours depend on the scheme.
        rules = RULES if scheme == "light" else ["color-contrast"]
        for rule, element, why in browser.execute_async_script(RUN_RULES, rules):
            found[f"{rule}: {element}, {width} px, {scheme}: {' '.join(why.split())}"] = None
        if scheme == "light":
            found |= dict.fromkeys(f"covered at {width} px: {each}" for each in browser.execute_script(COVERED))
            if browser.execute_script(SIDEWAYS) > 0:
                found[f"scrolls sideways at {width} px"] = None
    resize(browser, 320, 180, scale=4)  # a window of 1280 x 720 pixels, zoomed
    if browser.execute_script(SIDEWAYS) > 0:
        found["scrolls sideways at 400 %"] = None
    levels = browser.execute_script(HEADINGS)
    jumps = [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1]
    if jumps or levels[:1] != [1] or levels.count(1) != 1:
        found[f"headings {levels}"] = None
    return [f"{url}: {each}" for each in found]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_breaks_no_rule_of_accessibility(browser: Chrome, site: str, axe: str, kind: str) -> None:
    found = complaints(browser, axe, site + KINDS[kind])
    assert not found, "\n".join(found)


def test_the_page_without_an_index_breaks_no_rule_of_accessibility(browser: Chrome, axe: str, tmp_path: Path) -> None:
    with serving(create_app(Settings(index=str(tmp_path / "none")))) as address:
        found = complaints(browser, axe, address)
        assert not found, "\n".join(found)
        assert browser.find_element(By.TAG_NAME, "h1").text == "Not ready"


# The keyboard

FOCUSED = """
const element = document.activeElement;
const box = element.getClientRects()[0] ?? element.getBoundingClientRect();
const style = getComputedStyle(element);
return {
  which: [...document.querySelectorAll('*')].indexOf(element),
  what: element.outerHTML.slice(0, 160),
  outline: [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor],
  seen: box.width > 2 && box.height > 2 && box.bottom > 0 && box.top < innerHeight
    && box.right > 0 && box.left < innerWidth && style.clipPath === 'none' && style.opacity === '1',
  body: element === document.body,
}
"""
REACHABLE = """
return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')]
  .filter((each) => each.checkVisibility()).map((each) => [...document.querySelectorAll('*')].indexOf(each))
"""


@pytest.mark.parametrize(("path", "scheme"), [("/", "light"), (FILTERED, "dark")])
def test_the_keyboard_reaches_everything_in_its_order_and_shows_where_it_is(
    browser: Chrome, site: str, path: str, scheme: str
) -> None:
    look(browser, 1280, scheme)
    browser.get(site + path)
    paper = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    wanted = browser.execute_script(REACHABLE)
    body = browser.find_element(By.TAG_NAME, "body")
    order: list[int] = []
    for _ in range(3 * len(wanted)):
        body.send_keys(Keys.TAB) if not order else browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.execute_script(FOCUSED)
        if focused["body"]:
            break
        style, width, colour = focused["outline"]
        assert focused["seen"], focused["what"]
        assert (style, width >= 2) == ("solid", True), focused
        assert contrast(colour, paper) >= 3, focused
        if order[-1:] != [focused["which"]]:  # a date has several parts
            order.append(focused["which"])
    assert order == wanted


def contrast(one: str, other: str) -> float:
    """How far two colours are apart, from 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """The relative luminance of `rgb(1, 2, 3)`."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# What a reader's system asks for

# What of an element is seen where its background is not: lines, weight, and what is put behind its text.
APPEARANCE = """
return [...document.querySelectorAll(arguments[0])].map((each) => {
  const style = getComputedStyle(each), after = getComputedStyle(each, '::after');
  return [style.borderStyle, style.outlineStyle, style.fontWeight, style.textDecorationLine, after.content].join()
})
"""
COLOUR = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("forced", ["none", "active"])
def test_bars_stand_out_from_the_paper_and_the_chosen_ones_from_the_others(
    browser: Chrome, site: str, scheme: str, forced: str
) -> None:
    resize(browser, 1280)
    emulate(browser, prefers_color_scheme=scheme, forced_colors=forced, prefers_reduced_motion="reduce")
    browser.get(f"{site}/?from=2024-01-01&to=2025-12-31")
    paper = browser.execute_script(COLOUR, "body", "backgroundColor")
    chosen = browser.execute_script(COLOUR, ".bars .in rect:not(.slot)", "fill")
    assert contrast(chosen, paper) >= 3
    browser.get(f"{site}/?q=the")
    other = browser.execute_script(COLOUR, ".bars a:not(.in) rect:not(.slot)", "fill")
    assert contrast(other, paper) >= 3
    assert other != chosen


@pytest.mark.parametrize(
    ("path", "chosen", "other"),
    [
        ("/?q=the&size=3", ".pager li [aria-current]", ".pager li a:not([aria-current])"),
        ("/?q=the&size=3", ".sorts [aria-current]", ".sorts a:not([aria-current])"),
        ("/values/topic?by=name&letter=A", ".letters [aria-current]", ".letters a:not([aria-current])"),
        ("/?topic=Harbours&exclude_topic=Food", ".facet .chosen", ".facet a.value:not(.chosen, .excluded)"),
        ("/?topic=Harbours&exclude_topic=Food", ".facet .excluded", ".facet .chosen"),
        ("/?topic=Harbours&exclude_topic=Food", ".chip.without", ".chip:not(.without)"),
    ],
)
def test_what_is_chosen_is_told_apart_in_forced_colours(
    browser: Chrome, site: str, path: str, chosen: str, other: str
) -> None:
    resize(browser, 1280)
    emulate(browser, forced_colors="active")
    browser.get(site + path)
    assert not {*browser.execute_script(APPEARANCE, chosen)} & {*browser.execute_script(APPEARANCE, other)}


def test_nothing_moves_for_who_asked_for_less_motion(browser: Chrome, site: str) -> None:
    look(browser, 1280)
    emulate(browser, prefers_reduced_motion="reduce")
    moving = """return [...document.querySelectorAll('*')].filter((each) => {
      const style = getComputedStyle(each);
      return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none'
        || style.scrollBehavior === 'smooth'
    }).map((each) => each.outerHTML.slice(0, 160))"""
    for path in (FILTERED, PICTURED):
        browser.get(site + path)
        assert browser.execute_script(moving) == []


@pytest.mark.parametrize("path", ["/?topic=Harbours", RELATED])
def test_paper_gets_black_text_and_nothing_to_press(browser: Chrome, site: str, path: str) -> None:
    resize(browser, 700)
    emulate(browser, "print", prefers_color_scheme="dark")
    browser.get(site + path)
    there = "return [...document.querySelectorAll(arguments[0])].filter((each) => each.checkVisibility()).length"
    assert browser.execute_script(there, "form, button, input, nav, .facets, .chips, .bars, .skip, .back, .button") == 0
    assert browser.execute_script(there, "h1, .hit h3") > 0
    assert browser.execute_script(COLOUR, "body", "backgroundColor") == "rgb(255, 255, 255)"
    colours = browser.execute_script(
        "return [...document.querySelectorAll('main *')].filter((each) => each.checkVisibility())"
        ".map((each) => getComputedStyle(each).color)"
    )
    assert {colour for colour in colours if contrast(colour, "rgb(255, 255, 255)") < 7} == set()
    assert browser.execute_script(COLOUR, "h1", "color") == "rgb(0, 0, 0)"
    assert browser.find_element(By.TAG_NAME, "h1").rect["height"] > 20  # what was asked is told on paper, too


# Right to left


@pytest.fixture(scope="module")
def arabic_site(example_settings: Settings) -> Iterator[str]:
    app = create_app(example_settings, Texts(Locale.parse("ar")))
    with serving(app) as address:
        yield address
    app.extensions[EXTENSION].close()


@pytest.mark.parametrize("path", ["/", FILTERED, "/values/topic?by=name", RELATED])
def test_pages_from_right_to_left_are_mirrored(browser: Chrome, arabic_site: str, axe: str, path: str) -> None:
    found = complaints(browser, axe, arabic_site + path)
    assert not found, "\n".join(found)
    look(browser, 1280)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("dir") == "rtl"
    name, box = (browser.find_element(By.CSS_SELECTOR, each).rect for each in (".nameplate a", "#q"))
    assert name["x"] > box["x"]
    if facets := browser.find_elements(By.CSS_SELECTOR, ".facets"):
        assert facets[0].rect["x"] < browser.find_element(By.CSS_SELECTOR, ".found").rect["x"]


def test_an_arabic_title_on_an_english_page_runs_from_right_to_left(browser: Chrome, build_app: BuildApp) -> None:
    directions = "return [...document.querySelectorAll(arguments[0])].map((each) => getComputedStyle(each).direction)"
    look(browser, 1280)
    titles = {"a": "مرفأ الصيادين في الليل 2024 port", "b": "נמל הדייגים port", "c": "The port of שלום"}
    app = build_app({f"{name}.md": f"---\ntitle: {title}\n---\n{title}" for name, title in titles.items()})
    with serving(app) as address:
        browser.get(f"{address}/?q=port")
        texts = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".hit h3")]
        shown = dict(zip(texts, browser.execute_script(directions, ".hit h3"), strict=True))
        assert shown == {titles["a"]: "rtl", titles["b"]: "rtl", titles["c"]: "ltr"}
        browser.get(f"{address}/article/site/a")
        assert browser.execute_script(directions, "h1, .body") == ["rtl", "rtl"]
        assert set(browser.execute_script(directions, "h2, .masthead")) == {"ltr"}
