"""The page that was asked for: filters applied, in order. Ties are broken by date, newest first, then by id.

A page is found by its number, or as what follows a place (`Query.after`). A place by date or id is told by the
article's own date and id, so it stands in whatever generation is asked next. A place by relevance is told by the
article's score, which is computed anew from the same generation: numpy and compiled code add up the same numbers in the
same order, so that it comes out the same to the last bit.

Within a segment, every order but that by score is kept (`index.orders`), so the first documents of each segment are
chosen without comparing dates or ids; these are looked at only where the segments' firsts are merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.errors import ExpiredPositionError
from index.orders import Order
from index.reader import Documents, Flags, Floats, Numbers, Snapshot
from index.schema import UNDATED
from search.query import Position, Query, Sort
from search.rows import Evaluated, Searchable


@dataclass(frozen=True, slots=True)
class Row:
    """Some documents; `scores` are None where nothing ranks, `full` where all hold every word."""

    documents: Documents
    scores: Floats | None
    full: Flags | None

    def only(self, chosen: Numbers | Flags | slice) -> "Row":
        """Those at some places, in the order of these."""
        scores = None if self.scores is None else self.scores[chosen]
        return Row(self.documents[chosen], scores, None if self.full is None else self.full[chosen])


@dataclass(frozen=True, slots=True)
class Page:
    """The hits of one page, in order.

    Attributes:
        row: their documents.
        first_rank: of the first of them, 1-based over all pages.
        more: whether hits follow that are not on the page.
        total: how many documents match with the filters, whatever the page.
        full: how many of them hold all words.
    """

    row: Row
    first_rank: int
    more: bool
    total: int
    full: int

    def last_place(self, snapshot: Snapshot, generation: str) -> Position | None:
        """Where the last hit stands; None where none follow, or none are shown."""
        if not self.more or not len(self.row.documents):
            return None
        number = int(self.row.documents[-1])
        published = int(snapshot.published[number])
        return Position(
            rank=self.first_rank + len(self.row.documents) - 1,
            full=self.row.full is None or bool(self.row.full[-1]),
            published=None if published == UNDATED else published,
            id=snapshot.id(number),
            generation=generation,
        )


def expect_known(query: Query, generation: str) -> None:
    """See that the place after which hits are asked for belongs to an order that is still there.

    Raises:
        ExpiredPositionError: it is by relevance and of another generation.
    """
    if query.after and query.sort == "relevance" and query.after.generation != generation:
        raise ExpiredPositionError(
            "This place in the hits by relevance is no longer known: the index was brought up to date. Begin anew."
        )


def page_of(query: Query, found: Evaluated, mask: Flags | None, searchable: Searchable) -> Page:
    """The hits that were asked for: of the numbered page, or those after a place.

    Args:
        query: what was asked; its place, if any, is one that `expect_known` lets pass.
        found: what its text matches.
        mask: which of that the filters leave; None for all.
        searchable: whose documents they are.
    """
    row = Row(found.documents, found.scores if query.sort == "relevance" else None, found.full)
    if mask is not None:
        row = row.only(mask)
    total = len(row.documents)
    full = total if row.full is None else int(np.count_nonzero(row.full))
    rows = [row]
    if row.full is not None and found.match == "partial":  # full matches stand before partial ones
        rows = [row.only(np.flatnonzero(row.full)), row.only(np.flatnonzero(~row.full))]
    if query.after:
        rows = _rows_behind(
            rows, query.after, query.sort, ranked_as_one=found.match == "any", snapshot=searchable.snapshot
        )
        skipped, first_rank = 0, query.after.rank + 1
    else:
        skipped = (query.page - 1) * query.size
        first_rank = skipped + 1
    left = skipped + query.size
    firsts: list[Row] = []
    for each in rows:
        firsts.append(each.only(in_order(each.documents, each.scores, query.sort, left, searchable)))
        left -= len(each.documents)
    shown = _joined(firsts)
    return Page(shown.only(slice(skipped, None)) if skipped else shown, first_rank, left < 0, total, full)


def _rows_behind(rows: list[Row], place: Position, sort: Sort, *, ranked_as_one: bool, snapshot: Snapshot) -> list[Row]:
    """What of the full matches, and of the partial ones where these follow, stands behind a place.

    Args:
        rows: the full matches, then the partial ones, if any.
        place: in their order.
        sort: that order.
        ranked_as_one: whether full matches do not stand before others, so that the place may be either.
        snapshot: whose documents they are.
    """
    if ranked_as_one or place.full:
        return [_behind(rows[0], place, sort, snapshot), *rows[1:]]
    return [rows[0].only(slice(0, 0)), *[_behind(each, place, sort, snapshot) for each in rows[1:]]]


def _behind(row: Row, place: Position, sort: Sort, snapshot: Snapshot) -> Row:
    """Those of a row that stand behind a place; where hits are ranked, nothing does behind what is none of them."""
    order = _order(sort)
    standing = snapshot.places(order, row.documents)
    behind = np.zeros(len(standing), np.bool_)
    after = snapshot.places_after(order, place.published, place.id)
    for part, first in zip(snapshot.parts(row.documents), after, strict=True):
        behind[part] = standing[part] >= first
    if row.scores is not None:
        number = snapshot.number(place.id)
        scores = row.scores[row.documents == (-1 if number is None else number)]
        if not len(scores):
            return row.only(slice(0, 0))
        behind = (row.scores < scores[0]) | (behind & (row.scores == scores[0]))
    return row.only(np.flatnonzero(behind))


def _joined(rows: Sequence[Row]) -> Row:
    """One or more rows, one after the other."""
    if len(rows) == 1:
        return rows[0]
    scores = [each.scores for each in rows if each.scores is not None]
    full = [each.full for each in rows if each.full is not None]
    return Row(
        np.concatenate([each.documents for each in rows]),
        np.concatenate(scores) if scores else None,
        np.concatenate(full) if full else None,
    )


def in_order(documents: Documents, scores: Floats | None, sort: Sort, count: int, searchable: Searchable) -> Numbers:
    """Where the first `count` of some documents stand, in order.

    Args:
        documents: ascending, so newest first within each segment, equal dates by id.
        scores: of each; None for an order by date or id alone.
        sort: the order where there are no scores; by relevance it is newest first, then.
        count: how many are wanted.
        searchable: whose documents they are.
    """
    snapshot, order = searchable.snapshot, _order(sort)
    if count <= 0:
        return np.zeros(0, np.int64)
    found: list[Numbers] = []
    for part in snapshot.parts(documents):
        if scores is not None:
            places = searchable.operations.first_by(scores[part], count)
        elif order == "newest":
            places = np.arange(min(count, part.stop - part.start))
        else:
            places = _first(snapshot.places(order, documents[part]), count)
        found.append(places + part.start)
    if len(found) == 1:
        return found[0]
    return _merged(np.concatenate([np.zeros(0, np.int64), *found]), documents, scores, order, snapshot)[:count]


def _first(standing: Numbers, count: int) -> Numbers:
    """Where the `count` least of some numbers stand, least first."""
    if len(standing) <= count:
        return standing.argsort()
    least = np.flatnonzero(standing <= np.partition(standing, count - 1)[count - 1])
    return least[standing[least].argsort()]


def _merged(places: Numbers, documents: Documents, scores: Floats | None, order: Order, snapshot: Snapshot) -> Numbers:
    """The first documents of several segments in one order."""
    chosen = documents[places]
    date = np.zeros(len(chosen), np.int64)
    if order != "id":
        published = snapshot.published[chosen]
        date = np.where(published == UNDATED, np.iinfo(np.int64).max, published if order == "oldest" else -published)
    score = np.zeros(len(chosen), np.float32) if scores is None else -scores[places]
    found = np.lexsort((date, score))
    same = (np.diff(score[found]) == 0) & (np.diff(date[found]) == 0)
    if same.any():  # where all else is equal, ids decide
        group = np.cumsum(np.append(False, ~same))
        tied = np.flatnonzero(np.append(False, same) | np.append(same, False))
        pairs = list(zip(group[tied].tolist(), snapshot.ids_of(chosen[found[tied]]), strict=True))
        found[tied] = found[tied[sorted(range(len(pairs)), key=pairs.__getitem__)]]
    return places[found]


def _order(sort: Sort) -> Order:
    """What decides where no score does."""
    return "newest" if sort == "relevance" else sort
