"""A cluster as the destination of a reindex; what lies there, and under which names, is `index.opensearch.store`'s.

Made anew, an index is filled beside the one that serves, without copies and without being searchable, which is faster;
then counted, copied, and both aliases are moved at once. Otherwise changes go into the index that serves: it is not
refreshed until all of them are there, and its manifest says meanwhile that it is not complete, so that it is made anew
if the writer dies. Readers hold on to what they see until the manifest names another generation.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from index.destination import Draft, Serving
from index.errors import BroadsheetError, DamagedIndexError, IndexUnusableError
from index.generation import Manifest, Store
from index.opensearch.bulk import ClusterWriter
from index.opensearch.connection import Cluster
from index.opensearch.lock import ClusterLock
from index.opensearch.mapping import MAPPING, index_body
from index.opensearch.pieces import load_state, save_state
from index.opensearch.refusals import demand
from index.opensearch.spellings import spellings
from index.opensearch.store import (
    Published,
    cluster_fingerprint,
    create,
    create_state,
    damaged,
    generation_of,
    index_name,
    indexes,
    load_published,
    read_published,
    refuse_foreign,
    remove,
    state_of,
    write_published,
)
from index.settings import Settings
from index.state import State
from index.writer import Writer

COPIES_WAIT_S = 600.0
"""How long an index that was made anew waits at most until it has all its copies; then it serves with those it has."""

_LOOK_S = 0.2
_SLOW_S = 300.0  # for requests that a large index takes long to answer


class ClusterDestination:
    """The index that the settings name on a cluster; see `index.destination.Destination` for its methods."""

    def __init__(self, settings: Settings) -> None:
        self.cluster = Cluster(settings)
        self._settings = settings
        self._published: Published | None = None
        self._lock: ClusterLock | None = None

    def refuse_foreign(self) -> None:
        Store(self._settings.index_path).refuse_foreign()  # file stamps are kept there
        self.cluster.expect_version()
        refuse_foreign(self.cluster)

    @contextmanager
    def lock(self) -> Iterator[None]:
        self._settings.index_path.mkdir(parents=True, exist_ok=True)
        with ClusterLock(self.cluster) as self._lock:
            _sweep(self.cluster)
            yield

    def serving(self) -> Serving | None:
        self._published = None
        try:
            published = read_published(self.cluster)
            state = load_state(self.cluster, published.index, published.manifest.generation)
        except IndexUnusableError:
            return None
        if _mapping_of(self.cluster, published.index) != MAPPING:
            return None
        self._published = published
        return Serving(published.manifest, state, whole=published.complete)

    def known_archives(self) -> dict[str, str]:
        try:
            return load_published(self.cluster).manifest.archives
        except IndexUnusableError:
            return {}

    def begin(self, *, anew: bool) -> Draft:
        assert self._lock
        generation = _next_generation(self.cluster, self._published)
        if anew or not self._published:
            return _NewIndex(self.cluster, self._lock, self._settings, generation)
        return _LiveIndex(self.cluster, self._lock, self._published, generation)


def _mapping_of(cluster: Cluster, index: str) -> int | None:
    """The version of the mapping of an index; None where there is no such index."""
    found = demand(cluster, "GET", f"/{index}", params={"ignore_unavailable": "true"})
    version: int | None = found.get(index, {}).get("mappings", {}).get("_meta", {}).get("mapping")
    return version


def _next_generation(cluster: Cluster, published: Published | None) -> str:
    numbers = [_number(cluster, index) for index in indexes(cluster)]
    numbers += [int(published.manifest.generation.partition("-")[0])] if published else []
    return f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"


def _sweep(cluster: Cluster) -> None:
    """Remove what dead writers left, and all that served but the present index and the one before; needs the lock."""
    found = indexes(cluster)
    serving = {index.removesuffix(".state") for index, served in found.items() if served}
    newest = max((_number(cluster, index) for index in serving), default=0)
    before = [index for index in found if state_of(index) in found and _number(cluster, index) < newest]
    kept = serving | set(sorted(before, key=lambda index: _number(cluster, index))[-1:])
    remove(cluster, [index for index in found if index.removesuffix(".state") not in kept])


def _number(cluster: Cluster, index: str) -> int:
    return int(generation_of(cluster, index.removesuffix(".state")).partition("-")[0])


def _refresh(cluster: Cluster, index: str) -> None:
    """Let searches find all that was written."""
    answer = demand(cluster, "POST", f"/{index}/_refresh", timeout_s=_SLOW_S)
    if answer["_shards"]["failed"]:
        raise damaged(cluster, "a shard cannot be refreshed")


def _expect_count(cluster: Cluster, index: str, expected: int) -> None:
    answer = demand(cluster, "GET", f"/{index}/_count", timeout_s=_SLOW_S)
    if answer["count"] != expected or answer["_shards"]["failed"]:
        raise DamagedIndexError(
            f"OpenSearch at {cluster.name} holds {answer['count']:,} articles where {expected:,} were written; "
            "what served before still does; reindex again",
            path=Path(index),
        )


def _published(cluster: Cluster, index: str, generation: str, manifest: Manifest) -> Published:
    """What to say of a refreshed index."""
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    full = replace(manifest, generation=generation, created=created, fingerprint=cluster_fingerprint())
    return Published(full, index, *spellings(cluster, index))


class _NewIndex:
    """An index that is filled beside the one that serves."""

    def __init__(self, cluster: Cluster, lock: ClusterLock, settings: Settings, generation: str) -> None:
        self._cluster = cluster
        self._lock = lock
        self._replicas = settings.opensearch_replicas
        self._generation = generation
        self._index = index_name(cluster, generation)
        body = index_body(settings.opensearch_shards, 0, settings.max_depth)
        body["settings"]["refresh_interval"] = "-1"
        try:
            create(cluster, self._index, body)
            create_state(cluster, self._index, self._replicas)
        except BaseException:
            remove(cluster, self._names)
            raise
        self._writer = ClusterWriter(cluster, self._index, lock.check)

    @property
    def _names(self) -> tuple[str, str]:
        return self._index, state_of(self._index)

    @property
    def writer(self) -> Writer:
        return self._writer

    def commit(self) -> dict[str, str]:
        self._writer.commit()
        return self._writer.refused

    def publish(self, manifest: Manifest, state: State) -> str:
        _refresh(self._cluster, self._index)
        _expect_count(self._cluster, self._index, manifest.articles)
        published = _published(self._cluster, self._index, self._generation, manifest)
        save_state(self._cluster, self._index, self._generation, state)
        write_published(self._cluster, published)
        self._copy()
        self._lock.check()
        self._serve()
        _sweep(self._cluster)
        return self._generation

    def _copy(self) -> None:
        """Have the cluster make the copies that the setting asks for, and wait for those that it has the nodes for."""
        settings = {"index": {"number_of_replicas": self._replicas}}
        demand(self._cluster, "PUT", f"/{self._index}/_settings", settings)
        until = time.monotonic() + COPIES_WAIT_S
        while time.monotonic() < until:
            health = demand(self._cluster, "GET", f"/_cluster/health/{self._index}")
            enough_nodes = health["number_of_data_nodes"] > self._replicas
            if health["status"] == "green" or (health["status"] == "yellow" and not enough_nodes):
                break
            self._lock.check()
            time.sleep(_LOOK_S)
        _refresh(self._cluster, self._index)  # the copies, too

    def _serve(self) -> None:
        """Move both aliases in one step; asking twice does no harm."""
        alias = self._cluster.index
        actions = []
        for index, served in indexes(self._cluster).items():
            if served:
                of = state_of(alias) if index.endswith(".state") else alias
                actions.append({"remove": {"index": index, "alias": of, "must_exist": False}})
        actions.append({"add": {"index": self._index, "alias": alias}})
        actions.append({"add": {"index": state_of(self._index), "alias": state_of(alias)}})
        demand(self._cluster, "POST", "/_aliases", {"actions": actions})

    def discard(self) -> None:
        self._writer.cancel()
        with suppress(BroadsheetError):  # why it was given up says more than this; the next writer sweeps
            if not indexes(self._cluster).get(self._index):  # it may have been interrupted right after it came to serve
                remove(self._cluster, self._names)


class _LiveIndex:
    """The index that serves, with changes that nobody sees before all of them are there."""

    def __init__(self, cluster: Cluster, lock: ClusterLock, published: Published, generation: str) -> None:
        self._cluster = cluster
        self._lock = lock
        self._published = published
        self._generation = generation
        self._writer = ClusterWriter(cluster, published.index, self._before)

    def _before(self) -> None:
        self._lock.check()
        if self._published.complete:
            self._published = replace(self._published, complete=False)
            write_published(self._cluster, self._published)

    @property
    def writer(self) -> Writer:
        return self._writer

    def commit(self) -> dict[str, str]:
        self._writer.commit()
        return self._writer.refused

    def publish(self, manifest: Manifest, state: State) -> str:
        self._before()
        index = self._published.index
        _refresh(self._cluster, index)
        _expect_count(self._cluster, index, manifest.articles)
        published = _published(self._cluster, index, self._generation, manifest)
        save_state(self._cluster, index, self._generation, state)
        self._lock.check()
        write_published(self._cluster, published)
        return self._generation

    def discard(self) -> None:
        """Send nothing more. If anything was sent, the index stays marked as not complete, and is made anew next."""
        self._writer.cancel()
