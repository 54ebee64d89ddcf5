"""Matches over time: how many are of each year, month, week (ISO 8601, from Monday on) or day, in UTC.

Which articles match and pass the filters is told by `search.evaluate` and `search.facets`; the date facet there counts
months without the query's own choice of dates, for choosing others, where this is for showing what was found.
"""

from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from index.reader import Documents, Numbers
from index.schema import UNDATED
from search.query import Interval
from search.results import TimeBucket, Timeline

_DAY = 24 * 60 * 60  # seconds
_THURSDAY = 3  # days after Monday; the first day of 1970 was one
_UNITS: dict[str, Literal["Y", "M", "D"]] = {"year": "Y", "month": "M", "day": "D"}  # of numpy
_NAME_CHARS = {"year": 4, "month": 7, "day": 10}
_LAST_DAY = np.datetime64(date.max)  # a Friday, so its week ends after the last date that can be told

Days = npt.NDArray[np.datetime64]


def timeline_of(documents: Documents, published: Numbers, interval: Interval) -> Timeline:
    """Count some articles by time.

    Args:
        documents: the articles.
        published: when each document was published, in seconds since 1970, `UNDATED` where unknown.
        interval: the time that one bucket stands for.
    """
    seconds = published.take(documents)
    dated = seconds[seconds != UNDATED]
    days, counts = _by_day(dated // _DAY)
    return timeline_of_days(days, counts, len(seconds) - len(dated), interval)


def timeline_of_days(days: Days, counts: Numbers, undated: int, interval: Interval) -> Timeline:
    """Put days together.

    Args:
        days: distinct ones, ascending.
        counts: how many articles are of each.
        undated: how many are of none.
        interval: the time that one bucket stands for.
    """
    starts, place = np.unique(_first_day(days, interval), return_inverse=True)
    # Whole numbers below 2**53 are exact as floats, which weights are.
    counts = np.bincount(place, weights=counts, minlength=len(starts)).astype(np.int64)
    firsts, lasts = starts.tolist(), _last_day(starts, interval).tolist()
    buckets = [
        TimeBucket(_name(first, interval), first, last, count)
        for first, last, count in zip(firsts, lasts, counts.tolist(), strict=True)
    ]
    return Timeline(tuple(buckets), undated)


def _by_day(days: Numbers) -> tuple[Days, Numbers]:
    """The distinct days, ascending, and how often each stands in a row.

    Documents are in date order within a segment, so that equal days stand side by side and few runs are left to sort.
    """
    runs = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    lengths = np.diff(runs, append=len(days))
    distinct, place = np.unique(days[runs], return_inverse=True)
    counts = np.bincount(place, weights=lengths, minlength=len(distinct))
    return distinct.astype("datetime64[D]"), counts.astype(np.int64)


def _first_day(days: Days, interval: Interval) -> Days:
    """The first day of the time that each day is in."""
    if interval == "week":
        first: Days = days + (-((days.astype(np.int64) + _THURSDAY) % 7)).astype("timedelta64[D]")
        return first
    return days.astype(f"datetime64[{_UNITS[interval]}]").astype("datetime64[D]")


def _last_day(firsts: Days, interval: Interval) -> Days:
    """The last day of the time that begins on each day."""
    if interval == "week":
        return np.minimum(firsts + np.timedelta64(6, "D"), _LAST_DAY)
    unit = _UNITS[interval]
    following = firsts.astype(f"datetime64[{unit}]") + np.timedelta64(1, unit)
    lasts = following.astype("datetime64[D]").astype(np.int64) - 1
    return lasts.astype("datetime64[D]")


def _name(first: date, interval: Interval) -> str:
    if interval == "week":
        year, week, _ = first.isocalendar()
        return f"{year:04}-W{week:02}"
    return first.isoformat()[: _NAME_CHARS[interval]]
