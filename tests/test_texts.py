"""The interface in other languages: every text of it comes from the catalogue, dates and numbers from the locale."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from gettext import NullTranslations
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.pofile import read_po, write_po
from conftest import ROOT
from flask import Flask

from index.errors import UsageError
from index.settings import Settings
from search.results import Note
from web import create_app
from web.service import EXTENSION
from web.texts import TRANSLATIONS, Texts, load_texts

ENGLISH = Texts(Locale.parse("en_GB"))
KEYWORDS = ("_", "say", "_html", "mark", "Note:2", "ngettext:1,2")
PAGES = (
    "/",
    "/?q=ferry",
    "/?q=ferry+zzqqxx&topic=Harbours&exclude_type=video&missing=date&match=any",
    "/?q=zzqqxxyy&topic=Harbours&from=2023",
    "/?q=fery&from=2023&to=2023",
    "/?sort=oldest&page=2&to=2023-05",
    "/?page=900",
    "/?size=0",
    "/values/topic?q=ferry",
    "/values/provider?by=name&letter=P",
    "/values/provider?find=zzqq",
    "/nothing-here",
    "/help",
    "/api/v1/docs",
    "/article/none",
)


def messages() -> set[str]:
    """Every interface text in code and templates."""
    methods = [("search/**.py", "python"), ("web/**.py", "python"), ("web/templates/**.html", "jinja2")]
    found = extract_from_dir(ROOT, methods, keywords=parse_keywords(KEYWORDS))
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def test_the_catalogue_holds_every_interface_text_and_no_other() -> None:
    with (TRANSLATIONS / "broadsheet.pot").open("rb") as file:
        catalogue = read_po(file)
    held = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}
    assert held == messages()


class Bracketed(NullTranslations):
    """A language in which every text stands in brackets that nothing else has."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


class Visible(HTMLParser):
    """Collects what a page says in its own language.

    Texts of the archive stand in <bdi>, <time>, <code> or with `dir`, those that are English anyway say so.
    """

    SILENT = ("style", "script")
    OF_THE_ARCHIVE = ("bdi", "time", "code")
    VOID = ("meta", "link", "input", "img", "br", "hr", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.said += [given[name] or "" for name in ("aria-label", "placeholder", "title") if given.get(name)]
        if tag not in self.VOID:
            theirs = tag in self.OF_THE_ARCHIVE or given.get("dir") == "auto" or given.get("lang") == "en"
            inherited = bool(self._open) and self._open[-1][1] and "lang" not in given
            self._open.append((tag, theirs or inherited))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._open and not self._open[-1][1] and self._open[-1][0] not in self.SILENT:
            self.said.append(data)


@pytest.fixture(scope="module")
def bracketed(example_settings: Settings) -> Iterator[Flask]:
    app = create_app(example_settings, Texts(Locale.parse("en_GB"), Bracketed()))
    yield app
    app.extensions[EXTENSION].close()


@pytest.mark.parametrize("path", PAGES)
def test_everything_that_a_page_says_can_be_translated(bracketed: Flask, path: str) -> None:
    page = Visible()
    page.feed(bracketed.test_client().get(path).text)
    assert page.said
    left = re.sub(r"⟦[^⟧]*⟧|Broadsheet|Atom|JSON Feed", "", "\n".join(page.said))
    months = r"January|February|March|April|May|June|July|August|September|October|November|December|Q[1-4]"
    values = [value for value in re.findall(r"[^\W\d_]{2,}", re.sub(months, "", left)) if value not in path]
    assert not values


def test_the_article_page_can_be_translated(bracketed: Flask) -> None:
    client = bracketed.test_client()
    link = re.search(r'href="(/article/[^"]+)"', client.get("/?q=ferry").text)
    assert link
    page = Visible()
    page.feed(client.get(unescape(link[1])).text)
    said = [text.strip() for text in page.said]
    assert "⟦Similar articles⟧" in said
    assert "⟦About this article⟧" in said
    assert "Similar articles" not in said


def test_a_translation_is_read_as_it_is(tmp_path: Path, example_settings: Settings) -> None:
    catalogue = Catalog(locale="de")
    catalogue.add("Search", "Suchen")
    catalogue.add(("{count} article", "{count} articles"), ("{count} Artikel", "{count} Artikel"))
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, catalogue)
    texts = load_texts("de-AT", tmp_path)
    assert texts.say("Search") == "Suchen"
    assert texts.say("Newest") == "Newest"
    assert texts.articles(12345) == "12.345 Artikel"
    app = create_app(example_settings, texts)
    html = app.test_client().get("/?q=ferry").text
    assert '<html lang="de-AT" dir="ltr">' in html
    assert '<button type="submit">Suchen</button>' in html
    app.extensions[EXTENSION].close()


def test_a_language_written_from_right_to_left_turns_the_page(tmp_path: Path) -> None:
    with (tmp_path / "ar.po").open("wb") as file:
        write_po(file, Catalog(locale="ar"))
    assert (load_texts("ar", tmp_path).direction, load_texts("ar", tmp_path).language) == ("rtl", "ar")
    untranslated = load_texts("ar")
    assert (untranslated.direction, untranslated.language) == ("ltr", "en")


def test_a_locale_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="'locale': 'xx-YY-zz' is not a language"):
        load_texts("xx-YY-zz")


@pytest.mark.parametrize(
    "text", [b"\xff", b'msgid "a"\nmsgstr "b"\nx', b'msgid ""\nmsgstr "Content-Type: a; charset=b\\n"']
)
def test_a_translation_that_cannot_be_read_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "de.po").write_bytes(text)
    with pytest.raises(UsageError, match=r"'locale': .*de\.po: "):
        load_texts("de-AT", tmp_path)


def test_times_are_told_in_utc() -> None:
    assert ENGLISH.day_time(datetime(2021, 12, 13, 5, 54, tzinfo=UTC)) == "13 December 2021, 05:54 UTC"
    earlier = datetime(2021, 12, 13, 1, tzinfo=timezone(timedelta(hours=2)))
    assert ENGLISH.day_time(earlier) == "12 December 2021, 23:00 UTC"
    assert ENGLISH.day_time(datetime(2021, 12, 13, tzinfo=UTC)) == "13 December 2021 UTC"


def test_periods_are_told_in_words() -> None:
    shown = [ENGLISH.period(text) for text in ("2021", "2021-03", "2021-03-04", "0999")]
    assert shown == ["2021", "March 2021", "4 March 2021", "0999"]
    assert (ENGLISH.month("2021-12"), ENGLISH.quarter("2021-04")) == ("December", "Q2 2021")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PT1H30M", "1 hr 30 mins"),
        ("PT45S", "45 secs"),
        ("PT31.5S", "31 secs"),
        ("P1M", "1 mth"),
        ("P2DT1H", "2 days 1 hr"),
        ("45 mins", "45 mins"),
        ("P", "P"),
        ("PT0S", "PT0S"),
        ("PT" + "9" * 5000 + "S", "PT" + "9" * 5000 + "S"),
        ("", ""),
    ],
)
def test_lengths_are_told_in_words(text: str, shown: str) -> None:
    assert ENGLISH.duration(text) == shown


def test_numbers_are_written_as_the_locale_does() -> None:
    assert ENGLISH.thousands(1234567) == "1,234,567"
    assert load_texts("de").thousands(1234567) == "1.234.567"
    assert (ENGLISH.articles(1), ENGLISH.articles(0)) == ("1 article", "0 articles")


def test_notes_are_told_in_the_language() -> None:
    texts = Texts(Locale.parse("de"), Bracketed())
    note = Note("ignored", "Only the first {limit} characters of the query were used.", {"limit": 1000})
    assert texts.note(note) == "⟦Only the first 1.000 characters of the query were used.⟧"
