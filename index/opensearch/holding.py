"""All that an index on a cluster holds, read page by page from one state of it."""

from collections.abc import Iterator
from pathlib import Path

from index.article import Article, kept_hash, unpack
from index.destination import Holding
from index.errors import DamagedIndexError
from index.opensearch.connection import Cluster, Json
from index.opensearch.refusals import demand
from index.opensearch.store import MALFORMED, read_published
from index.settings import Settings

PAGE = 200

_KEEP = "5m"
_TIMEOUT_S = 120.0


def open_holding(settings: Settings) -> Holding:
    """What the index on the cluster that the settings name holds.

    Raises:
        IndexUnusableError: there is no index that can serve.
        EngineUnreachableError: see `index.opensearch.refusals`.
    """
    cluster = Cluster(settings)
    cluster.expect_version()
    published = read_published(cluster)
    unfinished = "a reindex ended before its end; run: broadsheet reindex"
    articles = ((article.id, kept_hash(article)) for article in articles_of(cluster, published.index))
    return Holding(published.manifest, () if published.complete else (unfinished,), articles)


def articles_of(cluster: Cluster, index: str) -> Iterator[Article]:
    """All articles of an index as of its last refresh, in order of id.

    Raises:
        DamagedIndexError: one of them is not what was written.
        EngineUnreachableError: see `index.opensearch.refusals`.
    """
    path = f"/{index}/_search/point_in_time"
    view = demand(cluster, "POST", path, params={"keep_alive": _KEEP})["pit_id"]
    try:
        yield from _pages(cluster, index, view)
    finally:
        demand(cluster, "DELETE", "/_search/point_in_time", {"pit_id": [view]})


def _pages(cluster: Cluster, index: str, view: str) -> Iterator[Article]:
    body: Json = {
        "size": PAGE,
        "pit": {"id": view, "keep_alive": _KEEP},
        "sort": [{"id": "asc"}],
        "track_total_hits": False,
    }
    while True:
        hits = demand(cluster, "POST", "/_search", body, timeout_s=_TIMEOUT_S)["hits"]["hits"]
        for hit in hits:
            try:
                yield unpack(hit["_source"]["article"].encode())
            except MALFORMED as error:
                raise DamagedIndexError(
                    f"the article {hit.get('_id')} of {index} cannot be read; run: broadsheet reindex --full",
                    path=Path(index),
                ) from error
        if len(hits) < PAGE:
            return
        body["search_after"] = hits[-1]["sort"]
