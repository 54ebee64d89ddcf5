"""What the pages of results show, worked out from a query and its results; the templates only write it down."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from search.query import Filters, Query, Sort
from search.results import Hit, Note, Results, Status, Step
from web.links import Links, page_count, parameters
from web.narrowing import WITHOUT, Choice, DatesView, FacetView, chips, chosen_dates, dates_view, facet_views
from web.site import Head, Site
from web.texts import Texts, mark
from web.timeline import Timeline, build_timeline

SORTS: dict[Sort, str] = {"relevance": mark("Relevance"), "newest": mark("Newest"), "oldest": mark("Oldest")}
STEPS = {
    "spelling": mark("Search for “{subject}”"),
    "words": mark("Search for the words anywhere"),
    "fewer_words": mark("Search without “{subject}”"),
    "any_word": mark("Search for any of the words"),
    "without_filter": mark("Search without the filter “{subject}”"),
    "without_filters": mark("Search without any filter"),
    "topic": mark("See the topic “{subject}”"),
}
NOTES = {
    "stand_in": mark("Search for exactly “{query}”"),
    "partial": mark("Show only those with all words"),
}
PAGES_AROUND = 2
_FORM_FIELDS = {"q", "page", "from", "to"}
"""Parameters that the form's own fields hold, or that a new search does not keep."""


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
        head: what all pages of articles have.
        query: as read from the address.
        results: the engine's answer.
        full_hits, partial_hits: the hits above and below the divider.
        asked: words and filters in a row, "" where all articles are listed.
        understood: how the query was read, "" where that is just what was typed.
        hidden: parameters that the search box carries along.
        notes, chips, sorts, pages: links around the results; `chips` are the chosen filters.
        facets, dates, timeline: what narrows them down.
        steps: what to ask instead where nothing was found.
        next_url, previous_url, clear_url: None where there is nothing to lead to.
        first, last: rank of the first and last hit shown, 0 where there is none.
        last_page_url: leads back from a page beyond the end.
    """

    head: Head
    query: Query
    results: Results
    full_hits: tuple[Hit, ...]
    partial_hits: tuple[Hit, ...]
    asked: str
    understood: str
    hidden: tuple[tuple[str, str], ...]
    notes: tuple[NoteView, ...]
    chips: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    pages: tuple[Choice, ...]
    facets: tuple[FacetView, ...]
    dates: DatesView
    timeline: Timeline | None
    steps: tuple[Choice, ...]
    next_url: str | None
    previous_url: str | None
    clear_url: str | None
    first: int
    last: int
    last_page_url: str | None


def build_results_page(results: Results, steps: tuple[Step, ...], links: Links, head: Head, site: Site) -> ResultsPage:
    """The page that shows `results`, with every address made by `links`."""
    query, texts = links.query, site.texts
    everything = query.text.strip() in {"", "*"}
    divided = results.match == "partial"
    last_page = page_count(results.total, query.size, links.depth)
    chosen = chips(links, texts)
    return ResultsPage(
        head=head,
        query=query,
        results=results,
        full_hits=tuple(hit for hit in results.hits if hit.full or not divided),
        partial_hits=tuple(hit for hit in results.hits if divided and not hit.full),
        asked=", ".join([*([] if everything else [query.text.strip()]), *(choice.text for choice in chosen)]),
        understood="" if everything or _as_typed(results.understood, query.text) else results.understood,
        hidden=tuple(pair for pair in parameters(query) if pair[0] not in _FORM_FIELDS),
        notes=_notes(results, links, texts),
        chips=chosen,
        sorts=_sorts(links, texts, everything=everything),
        pages=page_choices(query.page, last_page, links.page, texts),
        facets=facet_views(results, links, site),
        dates=dates_view(results, links, texts),
        timeline=build_timeline(results.dates, links, texts) if results.total else None,
        steps=tuple(_step(step, links, texts) for step in steps),
        next_url=links.next(results.total),
        previous_url=links.previous(results.total) if query.page <= last_page else None,
        clear_url=links.without_filters() if query.filters != Filters() else None,
        first=results.hits[0].rank if results.hits else 0,
        last=results.hits[-1].rank if results.hits else 0,
        last_page_url=links.page(last_page) if query.page > last_page > 0 else None,
    )


def _as_typed(understood: str, text: str) -> bool:
    """Whether there is nothing to say of how a text was read; that nothing was searched for, a note says."""
    return understood == "*" or "".join(understood.split()).casefold() == "".join(text.split()).casefold()


def _notes(results: Results, links: Links, texts: Texts) -> tuple[NoteView, ...]:
    """The notes, no link twice; that articles with some of the words follow only where the filters leave any."""
    views: list[NoteView] = []
    for note in results.notes:
        if note.kind == "partial" and not results.total:
            continue
        view = _note(note, links, texts)
        if view.url in {each.url for each in views}:
            view = replace(view, url=None)
        views.append(view)
    return tuple(views)


def _note(note: Note, links: Links, texts: Texts) -> NoteView:
    """The note; a suggestion is itself the link, the others say what their link does."""
    if note.kind == "suggestion":
        return NoteView(note.kind, "", links.note(note), texts.note(note))
    link = texts.say(NOTES.get(note.kind, mark("Search for “{query}”")), query=note.query or "")
    return NoteView(note.kind, texts.note(note), links.note(note), link)


def _step(step: Step, links: Links, texts: Texts) -> Choice:
    subject = step.subject
    if step.facet in links.query.filters.missing:
        subject = texts.say(WITHOUT[step.facet])
    elif step.facet == "date":
        subject = chosen_dates(links, texts)
    return Choice(texts.say(STEPS[step.kind], subject=subject), links.to(step.query), step.count)


def _sorts(links: Links, texts: Texts, *, everything: bool) -> tuple[Choice, ...]:
    """The orders to choose from; without words there is no relevance, and newest first is what one gets."""
    present = links.query.sort
    orders: list[Sort] = ["newest", "oldest"] if everything else ["relevance", "newest", "oldest"]
    if everything and present == "relevance":
        present = "newest"
    return tuple(Choice(texts.say(SORTS[order]), links.sort(order), selected=order == present) for order in orders)


def page_choices(here: int, last: int, address_of: Callable[[int], str], texts: Texts) -> tuple[Choice, ...]:
    """First, last and the pages around `here`, with "…" where some are left out; none for a single page."""
    if last < 2:
        return ()
    wanted = {1, last, *range(max(1, here - PAGES_AROUND), min(last, here + PAGES_AROUND) + 1)}
    choices: list[Choice] = []
    before = 0
    for number in sorted(wanted):
        if number > before + 1:
            choices.append(Choice("…", None))
        choices.append(Choice(texts.thousands(number), address_of(number), selected=number == here))
        before = number
    return tuple(choices)


@dataclass(frozen=True, slots=True)
class FrontPage:
    """Everything `front.html` reads.

    Attributes:
        head: what all pages of articles have.
        articles: how many there are.
        read: when the archive was last read.
        newest: the newest articles.
        facets: topics, providers and so on of the whole archive.
        timeline: of the whole archive.
        all_url: lists all articles, newest first.
    """

    head: Head
    articles: int
    read: datetime
    newest: tuple[Hit, ...]
    facets: tuple[FacetView, ...]
    timeline: Timeline | None
    all_url: str


def build_front_page(results: Results, status: Status, links: Links, head: Head, site: Site) -> FrontPage:
    """The page that one sees before searching."""
    return FrontPage(
        head=head,
        articles=status.articles,
        read=datetime.fromisoformat(status.created),
        newest=results.hits,
        facets=facet_views(results, links, site),
        timeline=build_timeline(results.dates, links, site.texts),
        all_url=links.sort("newest"),
    )
