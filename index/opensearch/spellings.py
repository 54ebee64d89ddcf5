"""How values of facets are shown: of those that differ only in upper and lower case, the most frequent spelling."""

from collections.abc import Iterator
from itertools import groupby

from index.document import FACET_COLUMNS
from index.opensearch.connection import Cluster, Json
from index.opensearch.mapping import DIVIDER, spelled_field
from index.opensearch.refusals import demand

PAGE = 10_000

_TIMEOUT_S = 120.0


def spellings(cluster: Cluster, index: str) -> tuple[dict[str, dict[str, str]], int]:
    """The spelling of each value that has several, in a refreshed index.

    Returns:
        By facet and folded value the most frequent spelling, of equally frequent ones the smallest by code points; and
        how many spellings one value has at most.
    """
    best: dict[str, dict[str, str]] = {}
    most = 1
    for facet in FACET_COLUMNS:
        chosen = best[facet] = {}
        for folded, group in groupby(_counts(cluster, index, facet), key=lambda each: each[0]):
            counted = [(-count, spelling) for _, spelling, count in group]
            if len(counted) > 1:
                chosen[folded] = min(counted)[1]
                most = max(most, len(counted))
    return best, most


def _counts(cluster: Cluster, index: str, facet: str) -> Iterator[tuple[str, str, int]]:
    """Folded value, spelling and number of articles; all spellings of a value side by side."""
    composite: Json = {"size": PAGE, "sources": [{"value": {"terms": {"field": spelled_field(facet)}}}]}
    while True:
        body = {"size": 0, "track_total_hits": False, "aggs": {"values": {"composite": composite}}}
        answer = demand(cluster, "POST", f"/{index}/_search", body, timeout_s=_TIMEOUT_S)
        values = answer["aggregations"]["values"]
        for bucket in values["buckets"]:
            folded, _, spelling = bucket["key"]["value"].partition(DIVIDER)
            yield folded, spelling, bucket["doc_count"]
        if len(values["buckets"]) < PAGE:
            return
        composite["after"] = values["after_key"]
