"""What the page of results shows, worked out from a query and its results; the template only writes it down."""

from dataclasses import dataclass, replace

from index.settings import Settings
from search.query import FACETS, Query, Sort
from search.results import Bucket, Hit, Note, Results, YearBucket
from web.links import Links, last_day, page_count, parameters

FACET_LABELS = {"topic": "Topics", "provider": "Providers", "type": "Types", "category": "Categories", "date": "Dates"}
SORT_LABELS: dict[Sort, str] = {"relevance": "Relevance", "newest": "Newest", "oldest": "Oldest"}
NOTE_LINKS = {
    "stand_in": "Search for exactly {}",
    "partial": "Show only those with all words",
}
SHOWN_AT_FIRST = 8
"""Values of a facet that stand open; the others unfold."""
PAGES_AROUND = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """One link that changes the state: a value of a facet, a sort order, a page.

    Attributes:
        text: what it says; "" for the bucket of articles without a value.
        url: the address it leads to; None for what is not a link.
        selected: whether it is part of the present state.
        count: how many articles it holds, None where that says nothing.
        months: of a year, its months.
        open: whether the months stand open.
    """

    text: str
    url: str | None
    selected: bool = False
    count: int | None = None
    months: tuple["Choice", ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class FacetView:
    """One facet: the values that stand open, then those that unfold."""

    name: str
    label: str
    without: str
    open: tuple[Choice, ...]
    folded: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteView:
    """One note with the link it offers, if it offers any."""

    kind: str
    text: str
    url: str | None
    link: str


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """Everything `results.html` reads.

    Attributes:
        query: as read from the address.
        results: the engine's answer.
        full_hits, partial_hits: the hits above and below the divider.
        everything: nothing was typed, so all articles are listed.
        hidden: parameters that the search box carries along.
        notes, facets, chips, sorts, pages: links around the results; `chips` are the chosen filters.
        next_url, previous_url, clear_url, any_url: None where there is nothing to lead to.
        first, last: rank of the first and last hit shown, 0 where there is none.
        last_page_url: leads back from a page beyond the end.
        images: whether pictures may be shown.
    """

    query: Query
    results: Results
    full_hits: tuple[Hit, ...]
    partial_hits: tuple[Hit, ...]
    everything: bool
    hidden: tuple[tuple[str, str], ...]
    notes: tuple[NoteView, ...]
    facets: tuple[FacetView, ...]
    chips: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    pages: tuple[Choice, ...]
    next_url: str | None
    previous_url: str | None
    clear_url: str | None
    any_url: str | None
    first: int
    last: int
    last_page_url: str | None
    images: bool


def build_results_page(results: Results, links: Links, settings: Settings) -> ResultsPage:
    """The page that shows `results`, with every address made by `links`."""
    query = links.query
    everything = query.text.strip() in {"", "*"}
    divided = results.match == "partial"
    chips = _chips(links)
    last_page = page_count(results.total, query.size)
    return ResultsPage(
        query=query,
        results=results,
        full_hits=tuple(hit for hit in results.hits if hit.full or not divided),
        partial_hits=tuple(hit for hit in results.hits if divided and not hit.full),
        everything=everything,
        hidden=tuple(pair for pair in parameters(query) if pair[0] not in {"q", "page"}),
        notes=tuple(_note(note, links) for note in results.notes),
        facets=_facets(results, links),
        chips=chips,
        sorts=_sorts(links, everything=everything),
        pages=_pages(links, last_page),
        next_url=links.next(results.total),
        previous_url=links.previous(results.total) if query.page <= last_page else None,
        clear_url=links.without_filters() if query.filters != Query().filters else None,
        any_url=links.match("any") if query.match != "any" and len(query.text.split()) > 1 else None,
        first=results.hits[0].rank if results.hits else 0,
        last=results.hits[-1].rank if results.hits else 0,
        last_page_url=links.page(last_page) if query.page > last_page > 0 else None,
        images=settings.images,
    )


def _note(note: Note, links: Links) -> NoteView:
    """The note; a suggestion is itself the link, the others say what their link does."""
    if note.kind == "suggestion":
        return NoteView(note.kind, "", links.note(note), note.text)
    link = NOTE_LINKS.get(note.kind, "Search for {}").format(f"“{note.query}”")
    return NoteView(note.kind, note.text, links.note(note), link)


def _facets(results: Results, links: Links) -> tuple[FacetView, ...]:
    views = []
    for name in FACETS:
        choices = [_choice(bucket, links.toggle(name, bucket)) for bucket in results.facets.get(name, ())]
        if choices:
            views.append(_folding(name, choices))
    if results.dates:
        years = [_year(year, links) for year in results.dates]
        views.insert(1, _folding("date", years))
    return tuple(views)


def _folding(name: str, choices: list[Choice]) -> FacetView:
    """The facet with its first values open, and every chosen one and the missing bucket too."""
    folded = tuple(choice for choice in choices[SHOWN_AT_FIRST:] if not choice.selected and choice.text)
    if len(folded) == 1:  # "show 1 more" takes the room of the one
        folded = ()
    shown = tuple(choice for choice in choices if choice not in folded)
    return FacetView(name, FACET_LABELS[name], f"Without {name}", shown, folded)


def _choice(bucket: Bucket | YearBucket, url: str) -> Choice:
    return Choice(bucket.value or "", url, bucket.selected, bucket.count)


def _year(year: YearBucket, links: Links) -> Choice:
    months = tuple(_choice(month, links.toggle_date(month)) for month in year.months)
    unfolded = bool(months) and (year.selected or any(month.selected for month in months))
    return replace(_choice(year, links.toggle_date(year)), months=months, open=unfolded)


def _chips(links: Links) -> tuple[Choice, ...]:
    """Every chosen filter with the address that takes it back."""
    filters = links.query.filters
    chips = [
        Choice(value, links.toggle(name, Bucket(value, 0, selected=True)), selected=True)
        for name in FACETS
        for value in filters.chosen.get(name, ())
    ]
    chips += [Choice(f"Without {name}", links.toggle_missing(name), selected=True) for name in sorted(filters.missing)]
    if filters.start or filters.end:
        chips.append(Choice(_period(links.query), links.without_dates(), selected=True))
    if links.query.match != "auto":
        text = "Any of the words" if links.query.match == "any" else "All of the words"
        chips.append(Choice(text, links.match("auto"), selected=True))
    return tuple(chips)


def _period(query: Query) -> str:
    """The chosen dates in words, both ends included."""
    start = query.filters.start.date().isoformat() if query.filters.start else ""
    end = last_day(query.filters.end) if query.filters.end else ""
    if not start:
        return f"Until {end}"
    if not end:
        return f"From {start}"
    if start.endswith("-01-01") and end == f"{start[:4]}-12-31":
        return start[:4]
    return f"{start} to {end}"


def _sorts(links: Links, *, everything: bool) -> tuple[Choice, ...]:
    """The orders to choose from; without words there is no relevance, and newest first is what one gets."""
    present = links.query.sort
    orders: list[Sort] = ["newest", "oldest"] if everything else ["relevance", "newest", "oldest"]
    if everything and present == "relevance":
        present = "newest"
    return tuple(Choice(SORT_LABELS[order], links.sort(order), order == present) for order in orders)


def _pages(links: Links, last_page: int) -> tuple[Choice, ...]:
    """First, last and the pages around this one, with "…" where some are left out."""
    if last_page < 2:
        return ()
    here = links.query.page
    wanted = {1, last_page, *range(max(1, here - PAGES_AROUND), min(last_page, here + PAGES_AROUND) + 1)}
    choices: list[Choice] = []
    before = 0
    for number in sorted(wanted):
        if number > before + 1:
            choices.append(Choice("…", None))
        choices.append(Choice(str(number), links.page(number), number == here))
        before = number
    return tuple(choices)
