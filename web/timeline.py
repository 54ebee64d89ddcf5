"""How many matches each year or month has, as bars to choose a time by.

A bar stands for a month, a quarter, a year, ten, a hundred or a thousand years: the shortest that makes few enough
bars; for a month where one year is chosen. What has no articles between two bars is shown: a short gap by its empty
places, a long one by one mark, so that a single article of 1970 does not press all others together.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from search.query import Filters
from search.results import YearBucket
from web.links import Links, last_day
from web.texts import Texts

HEIGHT = 48
WIDTH = 24
"""Of a bar, in CSS pixels: the least that a finger hits."""

_FEWEST_BARS = 3
_MOST_BARS = 24
_UNITS = (1, 3, 12, 120, 1_200, 12_000)
"""Months a bar."""
_SHORT_GAP = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, or the place of one.

    Attributes:
        text: the time it stands for.
        count: the articles of that time.
        url: chooses that time, None where there is nothing.
        chosen: whether that time lies within the chosen dates.
        taken: whether just that time is chosen, so that the address takes it back.
        left, width, height: where it stands, in CSS pixels.
    """

    text: str
    count: int
    url: str | None
    chosen: bool
    taken: bool
    left: int
    width: int
    height: int

    @property
    def top(self) -> int:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars from the oldest on; `wider_url` takes the chosen dates back, None where none are chosen."""

    bars: tuple[Bar, ...]
    width: int
    wider_url: str | None


@dataclass(frozen=True, slots=True)
class _Time:
    """So many months from one on, counted from January of the year 0, and the articles of that time."""

    start: int
    months: int
    count: int = 0

    @property
    def first(self) -> str:
        """`2021` where it is of whole years, else `2021-03`."""
        return _name(max(self.start, 12), whole=self._of_years)

    @property
    def last(self) -> str:
        return _name(min(self.start + self.months - 1, 12 * 10_000 - 1), whole=self._of_years)

    @property
    def _of_years(self) -> bool:
        return self.start % 12 == self.months % 12 == 0

    def text(self, texts: Texts) -> str:
        """What to call it."""
        if self.first == self.last:
            return texts.period(self.first)
        if self.months == 3 and self.start % 3 == 0:
            return texts.quarter(self.first)
        return f"{texts.period(self.first)}–{texts.period(self.last)}"


def _name(month: int, *, whole: bool) -> str:
    return f"{month // 12:04}" if whole else f"{month // 12:04}-{month % 12 + 1:02}"


def build_timeline(dates: tuple[YearBucket, ...], links: Links, texts: Texts) -> Timeline | None:
    """The timeline of some matches; None where it would tell less than the list of years."""
    filters = links.query.filters
    if "date" in filters.missing:  # a bar would add its articles to those without a date
        return None
    counts = {_month(month.value or ""): month.count for year in dates for month in year.months}
    year = _only_year(filters)
    if year is not None:
        times = [_Time(12 * year + month, 1, counts.get(12 * year + month, 0)) for month in range(12)]
    else:
        times = next(times for times in _in_units(counts) if len(times) <= _MOST_BARS)
    if sum(1 for time in times if time.count) < (_FEWEST_BARS if year is None else 1):
        return None
    wider = links.without_dates() if filters.start or filters.end else None
    return Timeline(tuple(_bars(times, links, texts)), WIDTH * len(times), wider)


def _month(name: str) -> int:
    return 12 * int(name[:4]) + int(name[5:7]) - 1


def _only_year(filters: Filters) -> int | None:
    """The year that both chosen dates lie in."""
    if not filters.start or not filters.end:
        return None
    first, last = filters.start.year, int(last_day(filters.end)[:4])
    return first if first == last else None


def _in_units(counts: dict[int, int]) -> Iterator[list[_Time]]:
    """The times in ever longer units; the last has ten at most."""
    for unit in _UNITS:
        groups: Counter[int] = Counter()
        for month, count in counts.items():
            groups[month // unit] += count
        times: list[_Time] = []
        after = min(groups, default=0)
        for group in sorted(groups):
            if group - after > _SHORT_GAP:
                times.append(_Time(after * unit, (group - after) * unit))
            else:
                times += [_Time(each * unit, unit) for each in range(after, group)]
            times.append(_Time(group * unit, unit, groups[group]))
            after = group + 1
        yield times


def _bars(times: list[_Time], links: Links, texts: Texts) -> Iterator[Bar]:
    most = max(time.count for time in times) or 1
    filters = links.query.filters
    start = filters.start.date().isoformat() if filters.start else ""
    end = last_day(filters.end) if filters.end else "9999-12-31"
    by_date = bool(filters.start or filters.end)
    for i, time in enumerate(times):
        yield Bar(
            text=time.text(texts),
            count=time.count,
            url=links.toggle_period(time.first, time.last) if time.count else None,
            chosen=by_date and time.first <= end and start <= f"{time.last}-99",
            taken=links.is_period(time.first, time.last),
            left=i * WIDTH,
            width=WIDTH,
            # The smallest is still seen.
            height=max(2, round(time.count / most * HEIGHT)) if time.count else 0,
        )
