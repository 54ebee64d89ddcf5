"""The page that was asked for: filters applied, in order. Ties are broken by date, newest first, then by id."""

from dataclasses import dataclass

import numpy as np

from index.reader import Documents, Flags, Floats, Numbers, Snapshot
from index.schema import UNDATED
from search.evaluate import Evaluated, Searchable
from search.query import Query, Sort


@dataclass(frozen=True, slots=True)
class Page:
    """The documents of one page in order; `scores` are None where nothing ranks, `full` where all hold every word."""

    documents: Documents
    scores: Floats | None
    full: Flags | None


def page_of(query: Query, found: Evaluated, mask: Flags | None, searchable: Searchable) -> tuple[Page, int, int]:
    """The hits of the page that was asked for, how many match with the filters, and how many of them hold all words."""
    documents, full = found.documents, found.full
    scores = found.scores if query.sort == "relevance" else None
    if mask is not None:
        documents = documents[mask]
        full = None if full is None else full[mask]
        scores = None if scores is None else scores[mask]
    offset = (query.page - 1) * query.size
    last = offset + query.size
    if full is None or found.match != "partial":
        order = in_order(documents, scores, query.sort, last, searchable)
    else:  # full matches before partial ones
        order = np.zeros(0, np.int64)
        for places in (np.flatnonzero(full), np.flatnonzero(~full)):
            some = None if scores is None else scores[places]
            more = in_order(documents[places], some, query.sort, last - len(order), searchable)
            order = np.concatenate((order, places[more]))
    order = order[offset:]
    page = Page(documents[order], None if scores is None else scores[order], None if full is None else full[order])
    return page, len(documents), len(documents) if full is None else int(np.count_nonzero(full))


def in_order(documents: Documents, scores: Floats | None, sort: Sort, count: int, searchable: Searchable) -> Numbers:
    """Where the first `count` of some documents stand, in order.

    Args:
        documents: ascending, so in order of date and id within each segment.
        scores: of each; None for an order by date alone.
        sort: tells oldest first from newest first where there are no scores.
        count: how many are wanted.
        searchable: whose documents they are.
    """
    snapshot = searchable.snapshot
    if count <= 0:
        return np.zeros(0, np.int64)
    found: list[Numbers] = []
    for part in snapshot.parts(documents):
        if sort == "oldest":
            places = searchable.operations.first_by((-snapshot.oldest_first[documents[part]]).astype(np.float32), count)
        elif scores is None:
            places = np.arange(min(count, part.stop - part.start))
        else:
            places = searchable.operations.first_by(scores[part], count)
        found.append(places + part.start)
    if len(found) == 1:
        return found[0]
    return _merged(np.concatenate([np.zeros(0, np.int64), *found]), documents, scores, sort, snapshot)[:count]


def _merged(places: Numbers, documents: Documents, scores: Floats | None, sort: Sort, snapshot: Snapshot) -> Numbers:
    """The first documents of several segments in one order."""
    chosen = documents[places]
    published = snapshot.published[chosen]
    date = np.where(published == UNDATED, np.iinfo(np.int64).max, published if sort == "oldest" else -published)
    score = np.zeros(len(places), np.float32) if scores is None else -scores[places]
    order = np.lexsort((date, score))
    same = np.flatnonzero((np.diff(score[order]) == 0) & (np.diff(date[order]) == 0))
    if len(same):  # rare: only where all else is equal do ids decide
        ids = [snapshot.id(number) for number in chosen.tolist()]
        order = np.array(sorted(range(len(ids)), key=lambda i: (score[i], date[i], ids[i])), dtype=np.int64)
    return places[order]
