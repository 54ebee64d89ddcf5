"""The orders that depend on nothing but the article: where the documents of a segment stand in each.

    newest   newest first, undated ones last, equal dates by id: as documents are numbered
    oldest   oldest first, undated ones last, equal dates by id
    id       by id, as Python compares strings

So a place in one of them is told by a date and an id, and is found again in any generation, whether the article is
still there or not.
"""

from bisect import bisect_right
from typing import Literal

import numpy as np
import numpy.typing as npt

from index.schema import UNDATED
from index.segment import Segment

Order = Literal["newest", "oldest", "id"]


def places_by_age(segment: Segment) -> npt.NDArray[np.int32]:
    """The place of each document when the oldest come first."""
    key = np.where(segment.published == UNDATED, np.iinfo(np.int64).max, segment.published)
    return _places(np.argsort(key, kind="stable"))


def places_by_id(segment: Segment) -> npt.NDArray[np.int32]:
    """The place of each document when they are in order of their ids."""
    return _places(segment.id_order)


def _places(documents: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    place = np.zeros(len(documents), np.int32)
    place[documents] = np.arange(len(documents), dtype=np.int32)
    return place


def count_up_to(segment: Segment, order: Order, published: int | None, article_id: str) -> int:
    """How many documents stand before a place or at it, deleted ones among them.

    Args:
        segment: whose documents they are.
        order: of `Order`.
        published: date of the place, seconds since 1970; None for undated; any number at all.
        article_id: id of the place; any text.
    """
    if order == "id":
        return bisect_right(range(segment.size), article_id, key=lambda at: segment.id(int(segment.id_order[at])))
    dated = segment.dated_from(UNDATED + 1)
    if published is None:
        return dated + bisect_right(range(dated, segment.size), article_id, key=segment.id)
    moment = max(published, UNDATED + 1)
    start, end = segment.dated_from(moment + 1), segment.dated_from(moment)  # the documents of this very second
    before = start if order == "newest" else dated - end
    return before + bisect_right(range(start, end), article_id, key=segment.id)
