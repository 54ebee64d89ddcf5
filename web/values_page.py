"""What the page with all values of one facet shows: by count or from A to Z, and found by a part of their names."""

from dataclasses import dataclass
from urllib.parse import urlencode

from index.analysis import without_accents
from search.results import Bucket
from web.links import Links, parameters
from web.narrowing import ALL, Choice, facet_choices
from web.results_page import page_choices
from web.site import Head, Site

A_PART = 100
"""Values on one page: with style sheet and script less than 60 KB, names being of the usual length."""
OTHER = "#"
_FIRST_IDEOGRAPH = 0x2E80


@dataclass(frozen=True, slots=True)
class View:
    """How the values are looked at, from the address.

    Attributes:
        order: "count" or "name".
        letter: only values that begin with it, "" for all.
        find: only values with this in their names, "" for all.
        part: which part of a long list, from 1 on; beyond the end it is the last.
    """

    order: str = "count"
    letter: str = ""
    find: str = ""
    part: int = 1


@dataclass(frozen=True, slots=True)
class ValuesPage:
    """Everything `values.html` reads.

    Attributes:
        head: what all pages of articles have.
        name, title: of the facet.
        view: as read from the address.
        choices: the values of this part.
        total: how many values there are under the view; to have none is not one.
        first, last: which of them this part shows.
        orders, letters, parts: links to other views.
        hidden: parameters that the filter box carries along.
        carried: parameters that the search box carries along.
        text: what was searched, "" for the whole archive.
        back_url: the results that the values are of.
    """

    head: Head
    name: str
    title: str
    view: View
    choices: tuple[Choice, ...]
    total: int
    first: int
    last: int
    orders: tuple[Choice, ...]
    letters: tuple[Choice, ...]
    parts: tuple[Choice, ...]
    hidden: tuple[tuple[str, str], ...]
    carried: tuple[tuple[str, str], ...]
    text: str
    back_url: str


def build_values_page(
    name: str, buckets: tuple[Bucket, ...], view: View, links: Links, head: Head, site: Site
) -> ValuesPage:
    """The page of a facet whose values over the matches of a query are `buckets`."""
    texts = site.texts
    path = site.values + name
    part_of_name = _fold(view.find)
    folded = {bucket.value: _fold(bucket.value or "") for bucket in buckets}
    found = [bucket for bucket in buckets if not view.find or part_of_name in folded[bucket.value]]
    letters: list[str] = []
    if view.order == "name":
        letters = sorted({letter_of(folded[bucket.value]) for bucket in found})
        found.sort(key=lambda bucket: (bucket.value is None, folded[bucket.value]))
        if view.letter:
            found = [bucket for bucket in found if letter_of(folded[bucket.value]) == view.letter]
    last = -(-len(found) // A_PART)
    part = min(view.part, max(1, last))
    first = (part - 1) * A_PART
    shown = found[first : first + A_PART]
    total = sum(1 for bucket in found if bucket.value is not None)

    def to(**changes: str) -> str:
        given = {"by": view.order, "find": view.find, **changes}
        pairs = [(key, value) for key, value in given.items() if value and (key, value) != ("by", "count")]
        return f"{path}?{urlencode([*parameters(links.first_page), *pairs], errors='replace')}".rstrip("?")

    return ValuesPage(
        head=head,
        name=name,
        title=texts.say(ALL[name]),
        view=view,
        choices=facet_choices(name, tuple(shown), links, texts),
        total=total,
        first=first + 1,
        last=min(first + A_PART, total),
        orders=(
            Choice(texts.say("By count"), to(by="count"), selected=view.order == "count"),
            Choice(texts.say("A to Z"), to(by="name"), selected=view.order == "name"),
        ),
        letters=tuple(
            Choice(letter, to(by="name", letter=letter), selected=letter == view.letter) for letter in letters
        )
        if len(letters) > 1
        else (),
        parts=page_choices(part, last, lambda number: to(letter=view.letter, part=str(number)), texts),
        hidden=(*parameters(links.first_page), *((("by", view.order),) if view.order != "count" else ())),
        carried=tuple(pair for pair in parameters(links.first_page) if pair[0] != "q"),
        text=links.query.text.strip(),
        back_url=links.to(links.first_page),
    )


def letter_of(folded: str) -> str:
    """Under which letter a folded name stands; what begins with no letter, or in a script of thousands, under `#`."""
    first = folded[:1].upper()
    return first if first.isalpha() and ord(first[0]) < _FIRST_IDEOGRAPH else OTHER


def _fold(text: str) -> str:
    """Case and accents set aside."""
    return without_accents(text.casefold())
