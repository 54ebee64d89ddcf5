"""Typed dates: a year, a month or a day stands for all of it, in UTC."""

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def period(text: str) -> tuple[datetime, datetime] | None:
    """The time that `2021`, `2021-03` or `2021-03-09` covers: its start, and the start of what follows.

    None where the text is no date. The end of the year 9999 is its last microsecond, there being no later one.
    """
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    except ValueError:
        return None
    try:
        if day:
            return start, start + timedelta(days=1)
        if month and month < 12:
            return start, start.replace(month=month + 1)
        return start, datetime(year + 1, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return start, datetime.max.replace(tzinfo=UTC)
