"""The first so many documents in the order that was asked for. Ties are broken by date, newest first, then by id."""

import numpy as np

from index.reader import Documents, Floats, Numbers, Snapshot
from index.schema import UNDATED
from search.evaluate import Searchable
from search.query import Sort


def in_order(documents: Documents, scores: Floats | None, sort: Sort, count: int, searchable: Searchable) -> Numbers:
    """Where the first `count` of some documents stand, in order.

    Args:
        documents: ascending, so in order of date and id within each segment.
        scores: of each; None for an order by date alone.
        sort: the tie-break of equal scores is oldest first where that was asked for.
        count: how many are wanted.
        searchable: whose documents they are.
    """
    snapshot = searchable.snapshot
    if count <= 0:
        return np.zeros(0, np.int64)
    found = []
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


def _merged(
    places: Numbers, documents: Documents, scores: Floats | None, sort: Sort, snapshot: Snapshot
) -> Numbers:
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
