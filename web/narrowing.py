"""What narrows the results down: facets, dates, and the chosen filters as chips; each is a link made by `web.links`."""

from dataclasses import dataclass, replace

from search.query import FACETS
from search.results import Bucket, Results, YearBucket
from web.links import Links, last_day
from web.site import Site
from web.texts import Texts, mark

LABELS = {
    "topic": mark("Topics"),
    "provider": mark("Providers"),
    "type": mark("Types"),
    "category": mark("Categories"),
    "date": mark("Dates"),
}
ALL = {
    "topic": mark("All topics"),
    "provider": mark("All providers"),
    "type": mark("All types"),
    "category": mark("All categories"),
}
WITHOUT = {
    "topic": mark("Without topic"),
    "provider": mark("Without provider"),
    "type": mark("Without type"),
    "category": mark("Without category"),
    "date": mark("Without date"),
}
NOT = mark("Not {value}")
SHOWN = 8
"""Values of a facet beside the results, besides the chosen ones; all stand on a page of their own."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One link that changes the state: a value of a facet, a sort order, a page.

    Attributes:
        text: what it says.
        url: the address it leads to; None for what is not a link.
        count: how many articles it holds, None where that says nothing.
        selected: whether it is part of the present state.
        excluded: whether articles with this value are left out.
        exclude_url: leaves them out, or takes that back; None where that cannot be.
        missing: whether it stands for articles without a value.
        joined: whether it stands for one more of several values, any of which will do.
        months: of the chosen year, its months.
    """

    text: str
    url: str | None
    count: int | None = None
    selected: bool = False
    excluded: bool = False
    exclude_url: str | None = None
    missing: bool = False
    joined: bool = False
    months: tuple["Choice", ...] = ()


@dataclass(frozen=True, slots=True)
class FacetView:
    """One facet beside the results; `all_url` leads to all its values, None where they stand here."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    all_url: str | None
    all_text: str


@dataclass(frozen=True, slots=True)
class DatesView:
    """The date facet: years, and the two inputs; `first` and `last` are days, "" where that side is open."""

    years: tuple[Choice, ...]
    first: str
    last: str


def facet_views(results: Results, links: Links, site: Site) -> tuple[FacetView, ...]:
    """The facets that have values."""
    views = []
    for name in FACETS:
        buckets = results.facets.get(name, ())
        shown = [bucket for i, bucket in enumerate(buckets) if i < SHOWN or _stands_out(bucket)]
        if not buckets:
            continue
        all_url = site.all_values(name, links.first_page) if len(shown) < len(buckets) else None
        choices = facet_choices(name, tuple(shown), links, site.texts)
        views.append(FacetView(name, site.texts.say(LABELS[name]), choices, all_url, site.texts.say(ALL[name])))
    return tuple(views)


def facet_choices(name: str, buckets: tuple[Bucket, ...], links: Links, texts: Texts) -> tuple[Choice, ...]:
    """The values of a facet as links."""
    return tuple(
        Choice(
            text=texts.say(WITHOUT[name]) if bucket.value is None else bucket.value,
            url=links.toggle(name, bucket),
            count=bucket.count,
            selected=bucket.selected,
            excluded=bucket.excluded,
            exclude_url=links.toggle_excluded(name, bucket),
            missing=bucket.value is None,
        )
        for bucket in buckets
    )


def _stands_out(bucket: Bucket) -> bool:
    return bucket.selected or bucket.excluded or bucket.value is None


def dates_view(results: Results, links: Links, texts: Texts) -> DatesView:
    """Years, newest first, with what lies empty between them; the chosen year with all its months."""
    filters = links.query.filters
    first = filters.start.date().isoformat() if filters.start else ""
    last = last_day(filters.end) if filters.end else ""
    years: list[Choice] = []
    before: int | None = None
    for bucket in results.dates:
        if bucket.value is None:
            url = links.toggle_date(bucket)
            years.append(Choice(texts.say(WITHOUT["date"]), url, bucket.count, selected=bucket.selected, missing=True))
            continue
        year = int(bucket.value)
        if before is not None and year < before - 1:
            empty = f"{year + 1:04}" if year == before - 2 else f"{year + 1:04}–{before - 1:04}"
            years.append(Choice(empty, None, 0))
        chosen = first[:4] == last[:4] == bucket.value
        months = _months(bucket, links, texts) if chosen else ()
        years.append(Choice(bucket.value, links.toggle_date(bucket), bucket.count, bucket.selected, months=months))
        before = year
    return DatesView(tuple(years), first, last)


def _months(year: YearBucket, links: Links, texts: Texts) -> tuple[Choice, ...]:
    """All twelve, those without articles too."""
    there = {month.value: month for month in year.months}
    found = []
    for number in range(12, 0, -1):
        name = f"{year.value}-{number:02}"
        month = there.get(name, Bucket(name, 0))
        url = links.toggle_date(month) if month.count or month.selected else None
        found.append(Choice(texts.month(name), url, month.count, month.selected))
    return tuple(found)


def chips(links: Links, texts: Texts) -> tuple[Choice, ...]:
    """Every chosen filter with the address that takes it back; those of one facet, any of which will do, together."""
    filters = links.query.filters
    found: list[Choice] = []
    for name in (*FACETS, "date"):
        chosen = [Bucket(value, 0, selected=True) for value in filters.chosen.get(name, ())]
        excluded = [Bucket(value, 0, excluded=True) for value in filters.excluded.get(name, ())]
        any_of = [Choice(bucket.value or "", links.toggle(name, bucket)) for bucket in chosen]
        if name == "date" and (filters.start or filters.end):
            any_of.append(Choice(chosen_dates(links, texts), links.without_dates()))
        if name in filters.missing:
            any_of.append(Choice(texts.say(WITHOUT[name]), links.toggle_missing(name)))
        found += [replace(choice, joined=i > 0) for i, choice in enumerate(any_of)]
        found += [
            Choice(texts.say(NOT, value=bucket.value), links.toggle_excluded(name, bucket), excluded=True)
            for bucket in excluded
        ]
    if links.query.match != "auto":
        text = texts.say("Any of the words") if links.query.match == "any" else texts.say("All of the words")
        found.append(Choice(text, links.match("auto")))
    return tuple(found)


def chosen_dates(links: Links, texts: Texts) -> str:
    """The chosen dates in words, both ends included."""
    filters = links.query.filters
    start = filters.start.date().isoformat() if filters.start else ""
    end = last_day(filters.end) if filters.end else ""
    if not start:
        return texts.say("Until {day}", day=texts.period(end))
    if not end:
        return texts.say("From {day}", day=texts.period(start))
    for name in (start[:4], start[:7], start):
        if links.is_period(name, name):
            return texts.period(name)
    return texts.say("{first} to {last}", first=texts.period(start), last=texts.period(end))
