"""Interface texts, dates and numbers in the language of the site.

Texts are written in English where they are used, as `_("…")` in templates and `texts.say("…")` in code, and collected
in `translations/broadsheet.pot`. A translation is that file filled in, as `translations/LOCALE.po`; it is read as it
is, nothing has to be compiled. What an archive says is never translated.
"""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_month_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal
from babel.units import format_unit
from flask import current_app

from index.errors import UsageError
from search.results import Note

TRANSLATIONS = Path(__file__).parent / "translations"

EXTENSION = "broadsheet-texts"
"""The extension of an app that says its interface texts."""

_ISO_LENGTH = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.ASCII
)
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
_MAX_LENGTH_CHARS = 30  # of an ISO 8601 length that is read
_KEPT = 4_096  # dates and numbers that stay formatted


def mark(message: str) -> str:
    """Say that a constant is an interface text, which is translated where it is shown."""
    return message


class Texts:
    """Says interface texts, dates and numbers in one language.

    Args:
        locale: of the dates and numbers.
        translations: of the texts; English as it stands where none are given.
        spoken: the language of the texts, where it is not that of the locale.
    """

    def __init__(
        self, locale: Locale, translations: NullTranslations | None = None, spoken: Locale | None = None
    ) -> None:
        self.locale = locale
        self.spoken = spoken or locale
        self.translations = translations or NullTranslations()
        self.thousands = lru_cache(_KEPT)(self._thousands)
        self.day = lru_cache(_KEPT)(self._day)
        self.day_time = lru_cache(_KEPT)(self._day_time)
        self.period = lru_cache(_KEPT)(self._period)
        self._months = get_month_names("wide", "stand-alone", locale)

    @property
    def language(self) -> str:
        """As HTML names it: `en-GB`."""
        return str(self.spoken).replace("_", "-")

    @property
    def direction(self) -> str:
        """In which direction the language is written, `ltr` or `rtl`."""
        return str(self.spoken.text_direction)

    def say(self, message: str, **values: object) -> str:
        """An interface text with its `{values}` filled in."""
        found = self.translations.gettext(message)
        return found.format(**values) if values else found

    def note(self, note: Note) -> str:
        """The sentence of a note."""
        shown = {key: self.thousands(value) if isinstance(value, int) else value for key, value in note.values.items()}
        return self.say(note.message, **shown)

    def articles(self, count: int) -> str:
        """`1 article`, `12,345 articles`."""
        found = self.translations.ngettext("{count} article", "{count} articles", count)
        return found.format(count=self.thousands(count))

    def _thousands(self, value: int) -> str:
        """`12,345`."""
        return str(format_decimal(value, locale=self.locale))

    def _day(self, when: datetime) -> str:
        """`13 December 2021`, in UTC."""
        return str(format_date(when.astimezone(UTC), "long", self.locale))

    def _day_time(self, when: datetime) -> str:
        """`13 December 2021, 05:54 UTC`; midnight sharp is a date without a time."""
        when = when.astimezone(UTC)
        if (when.hour, when.minute, when.second) == (0, 0, 0):
            return self.say("{day} UTC", day=self.day(when))
        return self.say("{day}, {time} UTC", day=self.day(when), time=format_time(when, "short", UTC, self.locale))

    def _period(self, value: str) -> str:
        """`2021` -> `2021`, `2021-03` -> `March 2021`, `2021-03-04` -> `4 March 2021`."""
        if len(value) == len("2021"):
            return value
        if len(value) == len("2021-03"):
            return str(format_skeleton("yMMMM", datetime(int(value[:4]), int(value[5:]), 1), locale=self.locale))  # noqa: DTZ001
        return self.day(datetime.fromisoformat(value).replace(tzinfo=UTC))

    def quarter(self, value: str) -> str:
        """`2021-04` -> `Q2 2021`."""
        return str(format_skeleton("yQQQ", datetime(int(value[:4]), int(value[5:]), 1), locale=self.locale))  # noqa: DTZ001

    def month(self, value: str) -> str:
        """`2021-03` -> `March`."""
        return str(self._months[int(value[5:7])])

    def duration(self, text: str) -> str:
        """`PT1H30M` -> `1 hr 30 mins`; what is no ISO 8601 length stays as it is."""
        found = _ISO_LENGTH.fullmatch(text) if len(text) <= _MAX_LENGTH_CHARS else None
        if not found or not any(found.groups()):
            return text
        sizes = [int(size or 0) for size in found.groups()]
        parts = [
            str(format_unit(size, f"duration-{unit}", "short", locale=self.locale))
            for size, unit in zip(sizes, _UNITS, strict=True)
            if size
        ]
        return " ".join(parts) or text

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that the templates use."""
        return {
            "articles": self.articles,
            "thousands": self.thousands,
            "day": self.day,
            "day_time": self.day_time,
            "duration": self.duration,
        }


def current_texts() -> Texts:
    """The texts of the app that is answering."""
    texts: Texts = current_app.extensions[EXTENSION]
    return texts


def load_texts(locale: str, folder: Path = TRANSLATIONS) -> Texts:
    """The texts in a language; English where there is no translation into it.

    Args:
        locale: such as `en_GB`, `de` or `pt-BR`.
        folder: holds `LOCALE.po` or, for any country, `LANGUAGE.po`.

    Raises:
        UsageError: there is no such locale, or its translation cannot be read.
    """
    try:
        found = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        message = f"setting 'locale': {locale!r} is not a language such as en_GB or de"
        raise UsageError(message, setting="locale") from error
    for name in (str(found), found.language):
        path = folder / f"{name}.po"
        if path.exists():
            try:
                return Texts(found, _translations(path))
            except (PoFileError, LookupError, ValueError, OSError) as error:
                raise UsageError(f"setting 'locale': {path}: {error}", setting="locale") from error
    return Texts(found, spoken=None if found.language == "en" else Locale.parse("en"))


def _translations(path: Path) -> GNUTranslations:
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)
