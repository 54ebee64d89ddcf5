"""The generations of an index on a cluster.

For an index called `news` (the setting `opensearch_index`) there are

    news                       alias of the index that serves
    news-000007-1f3a9c02       that index; the number is of the generation that it was first made for
    news-000007-1f3a9c02.state what it was made from: the manifest, and the state of its archives in pieces
    news.state                 alias of that
    news.lock                  held by the writer

Both aliases are moved in one step.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from index.errors import (
    DamagedIndexError,
    ForeignIndexError,
    IncompatibleIndexError,
    NoIndexError,
)
from index.generation import Manifest
from index.opensearch.connection import AnsweredError, Cluster, Json
from index.opensearch.mapping import MAPPING
from index.opensearch.refusals import demand, refusal
from index.schema import fingerprint

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What reading something raises that is not what was written."""

_GENERATION = re.compile(r"\d{6,12}-[0-9a-f]{8}")
_TEXTS = ("generation", "created", "fingerprint", "unpublished")
_COUNTS = ("articles", "hidden", "rejected")
_STATE_BODY: Json = {
    "settings": {"number_of_shards": 1},
    "mappings": {
        "dynamic": "strict",
        "_meta": {"mapping": MAPPING},
        "properties": {
            "manifest": {"type": "object", "enabled": False},
            "piece": {"type": "object", "enabled": False},
        },
    },
}


@dataclass(frozen=True, slots=True)
class Published:
    """What an index on a cluster says of itself.

    Attributes:
        manifest: as of a generation on disk; `files` is empty.
        index: that holds its documents, by its own name, not the alias.
        spellings: of each facet, by folded value, the most frequent spelling of those values that have several; equal
            counts by the spelling itself.
        most_spellings: how many spellings one value has at most.
        complete: False while articles are being added or taken away in place; left so by a writer that died.
    """

    manifest: Manifest
    index: str
    spellings: dict[str, dict[str, str]] = field(default_factory=dict)
    most_spellings: int = 1
    complete: bool = True

    def pack(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def unpack(cls, values: Any) -> "Published":
        """What `pack` gave.

        Raises:
            ValueError, TypeError, LookupError, AttributeError, ArithmeticError: that is none.
        """
        spellings = {
            str(name): {str(key): str(value) for key, value in of.items()} for name, of in values["spellings"].items()
        }
        return cls(
            _manifest(values["manifest"]),
            str(values["index"]),
            spellings,
            int(values["most_spellings"]),
            bool(values["complete"]),
        )


def _manifest(values: Any) -> Manifest:
    manifest = Manifest(**{**values, "removed": tuple(values["removed"]), "files": {}})
    texts = [getattr(manifest, name) for name in _TEXTS]
    texts += [*manifest.removed, *manifest.archives.keys(), *manifest.archives.values()]
    counts = [getattr(manifest, name) for name in _COUNTS]
    if not all(isinstance(text, str) for text in texts) or not all(type(count) is int for count in counts):
        raise ValueError("a value of the manifest has the wrong type")
    if min(counts) < 0 or not _GENERATION.fullmatch(manifest.generation):
        raise ValueError("a value of the manifest is impossible")
    return manifest


def cluster_fingerprint() -> str:
    """What an index on a cluster depends on besides the articles: what one on disk does, and the mapping."""
    return hashlib.sha256(f"{MAPPING} {fingerprint()}".encode()).hexdigest()


# Names


def state_of(index: str) -> str:
    """The index, or alias, with the state of another."""
    return f"{index}.state"


def index_name(cluster: Cluster, generation: str) -> str:
    """The index that is first made for a generation."""
    return f"{cluster.index}-{generation}"


def generation_of(cluster: Cluster, index: str) -> str:
    """The generation that an index was first made for; "" where it is none of ours."""
    generation = index.removeprefix(f"{cluster.index}-")
    return generation if generation != index and _GENERATION.fullmatch(generation) else ""


def refuse_foreign(cluster: Cluster) -> None:
    """See that both aliases lead to indexes of ours or nowhere.

    Raises:
        ForeignIndexError: there is something else of that name.
        EngineUnreachableError: see `index.opensearch.refusals`.
    """
    for alias in (cluster.index, state_of(cluster.index)):
        suffix = alias.removeprefix(cluster.index)
        found = demand(cluster, "GET", f"/{alias}", params={"ignore_unavailable": "true"})
        for index, described in found.items():
            meta = described.get("mappings", {}).get("_meta", {})
            if generation_of(cluster, index.removesuffix(suffix) if suffix else index) and "mapping" in meta:
                continue
            what = "an index" if index == alias else f"an alias of {index!r}, an index"
            raise _foreign(cluster, f"{alias!r} on OpenSearch is {what}")


def _foreign(cluster: Cluster, what: str) -> ForeignIndexError:
    return ForeignIndexError(
        f"{what} that Broadsheet did not make; choose another name: opensearch_index", path=Path(cluster.index)
    )


def indexes(cluster: Cluster) -> dict[str, bool]:
    """All indexes of ours and of their states, and whether our alias leads there."""
    found = demand(cluster, "GET", f"/{cluster.index}-*/_alias", params={"expand_wildcards": "open,closed"})
    aliases = {cluster.index, state_of(cluster.index)}
    return {
        index: bool(aliases & set(described.get("aliases", {})))
        for index, described in found.items()
        if generation_of(cluster, index.removesuffix(".state"))
    }


def create(cluster: Cluster, index: str, body: Json) -> None:
    """Make an index that nobody else makes.

    Raises:
        EngineUnreachableError, UsageError: see `index.opensearch.refusals`.
    """
    try:
        cluster.ask("PUT", f"/{index}", body)
    except AnsweredError as error:
        if error.kind != "resource_already_exists_exception":  # the request was sent twice, its first answer lost
            raise refusal(cluster, error) from error


def create_state(cluster: Cluster, index: str, replicas: int) -> None:
    """Make the index with the state of another; see `create`."""
    create(
        cluster, state_of(index), _STATE_BODY | {"settings": {"number_of_shards": 1, "number_of_replicas": replicas}}
    )


def remove(cluster: Cluster, names: Iterable[str]) -> None:
    """Remove indexes, by their own names, as far as they are there."""
    for name in names:
        demand(cluster, "DELETE", f"/{name}", params={"ignore_unavailable": "true"})


# The manifest


def read_published(cluster: Cluster) -> Published:
    """What serves on a cluster.

    Raises:
        NoIndexError, ForeignIndexError, IncompatibleIndexError, DamagedIndexError: see `index.errors`.
        EngineUnreachableError: see `index.opensearch.refusals`.
    """
    published = load_published(cluster)
    if published.manifest.fingerprint != cluster_fingerprint():
        raise IncompatibleIndexError(
            f"the index {cluster.index!r} on OpenSearch was built by another version; run: broadsheet reindex",
            path=Path(cluster.index),
        )
    return published


def load_published(cluster: Cluster) -> Published:
    """What serves, whichever version built it; raises as `read_published`."""
    try:
        answer = cluster.ask("GET", f"/{state_of(cluster.index)}/_doc/manifest")
    except AnsweredError as error:
        if error.status not in {400, 404}:  # 400: an alias of several indexes
            raise refusal(cluster, error) from error
        raise _absent(cluster) from error
    try:
        published = Published.unpack(orjson.loads(answer["_source"]["manifest"]))
    except MALFORMED as error:
        raise damaged(cluster, "its manifest is malformed") from error
    if not generation_of(cluster, published.index):
        raise damaged(cluster, "its manifest names an index that is none of its own")
    return published


def _absent(cluster: Cluster) -> NoIndexError | ForeignIndexError:
    refuse_foreign(cluster)
    if any(indexes(cluster).values()):
        return _foreign(cluster, f"{cluster.index!r} on OpenSearch has lost its state, or is an alias of something")
    return NoIndexError(
        f"no index {cluster.index!r} on OpenSearch at {cluster.name}; make one with: broadsheet reindex ARCHIVE",
        path=Path(cluster.index),
    )


def damaged(cluster: Cluster, what: str) -> DamagedIndexError:
    """The error that says what is wrong with the index of a cluster, and how to mend it."""
    return DamagedIndexError(
        f"the index {cluster.index!r} on OpenSearch is damaged ({what}); mend it with: broadsheet reindex ARCHIVE",
        path=Path(cluster.index),
    )


def write_published(cluster: Cluster, published: Published) -> None:
    """Put down what an index says of itself, beside it."""
    body = {"manifest": orjson.dumps(published.pack()).decode()}
    demand(cluster, "PUT", f"/{state_of(published.index)}/_doc/manifest", body)
