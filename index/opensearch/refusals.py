"""What a cluster refuses, as one plain sentence that says what helps."""

from typing import Any

from index.errors import BroadsheetError, EngineUnreachableError, UsageError
from index.opensearch.connection import AnsweredError, Cluster, Json

BUSY = frozenset({429, 502, 503, 504})
"""Statuses of refusals that may pass by themselves."""


def is_block(kind: str) -> bool:
    """Whether an error of this kind says that an index must not be written to; waiting does not help."""
    return kind == "cluster_block_exception"


def refusal(cluster: Cluster, error: AnsweredError) -> BroadsheetError:
    """The error to raise for an answer that nothing here knows how to go on from."""
    reason = " ".join(str(error).split())
    if is_block(error.kind):
        if "flood-stage" in reason or "read-only-allow-delete" in reason:
            return EngineUnreachableError(
                f"OpenSearch at {cluster.name} lets nothing be written, because the disk of a node is nearly full; "
                f"make room there, after a while it lifts this by itself ({reason})"
            )
        return EngineUnreachableError(
            f"OpenSearch at {cluster.name} lets nothing be written; lift the block of the index or cluster ({reason})"
        )
    if error.kind == "invalid_index_name_exception":
        return UsageError(f"setting 'opensearch_index': {reason}", setting="opensearch_index")
    if error.kind == "security_exception" or error.status in {401, 403}:
        return EngineUnreachableError(f"OpenSearch at {cluster.name} does not let this user do that: {reason}")
    if error.status in BUSY:
        return EngineUnreachableError(f"OpenSearch at {cluster.name} cannot do that at present: {reason}")
    return EngineUnreachableError(f"OpenSearch at {cluster.name} refuses: {reason}")


def demand(cluster: Cluster, method: str, path: str, body: Any = None, **options: Any) -> Json:
    """The answer to a request that no refusal is expected of; arguments as for `Cluster.ask`.

    Raises:
        EngineUnreachableError, UsageError: it was refused, or nobody answers.
    """
    try:
        return cluster.ask(method, path, body, **options)
    except AnsweredError as error:
        raise refusal(cluster, error) from error
