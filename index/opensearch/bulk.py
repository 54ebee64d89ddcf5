"""Articles into an index of a cluster: many in one request, several requests at a time.

Requests are bounded in bytes and number, and so many of them wait at most: who adds articles is held up where the
cluster is slower. What it rejects because it is busy is sent again, later and later. What it cannot take, such as a
topic of 40,000 letters, is told and does not stop the others.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from index.article import Article, pack
from index.errors import EngineUnreachableError, ForeignIndexError
from index.opensearch.connection import AnsweredError, Cluster
from index.opensearch.mapping import document_id, document_of
from index.opensearch.refusals import BUSY, is_block, refusal

CHUNK_ARTICLES = 500
CHUNK_BYTES = 5_000_000
THREADS = 3
IN_FLIGHT = 4  # requests that are being answered or wait for a thread
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0)

_TIMEOUT_S = 120.0
_SHARD_WAIT = "10s"  # for a part of the index whose node was lost, before the pauses here
_TOO_LARGE = 413
_WANTED = "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"


@dataclass(frozen=True, slots=True)
class _Item:
    """One article of a request: its id and the lines that are sent."""

    article_id: str
    lines: bytes


class _Outcome(NamedTuple):
    """What became of a request: why, by article id, some cannot be taken; and which to send again."""

    refused: dict[str, str]
    again: list[_Item]
    reason: str


class ClusterWriter:
    """Writes into one index; see `index.writer.Writer`.

    Attributes:
        refused: after `commit`, why some articles could not be taken, by id; whatever the index held of them is gone.
    """

    def __init__(self, cluster: Cluster, index: str, before: Callable[[], None]) -> None:
        """Send nothing yet.

        Args:
            cluster: where to.
            index: by its own name.
            before: called before a request is sent; what it raises ends the work.
        """
        self.refused: dict[str, str] = {}
        self._cluster = cluster
        self._index = index
        self._before = before
        self._deleted: set[str] = set()
        self._chunk: list[_Item] = []
        self._chunk_bytes = 0
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="broadsheet-bulk")
        self._in_flight: deque[Future[dict[str, str]]] = deque()

    def delete(self, article_id: str) -> None:
        # Sent at the end: one that is added after all replaces the document, whichever request comes first.
        self._deleted.add(article_id)

    def add(self, article: Article, packed: bytes = b"") -> None:
        self._deleted.discard(article.id)
        action = orjson.dumps({"index": {"_id": document_id(article.id)}})
        try:
            document = orjson.dumps(document_of(article, packed or pack(article)))
        except TypeError:  # half a pair of surrogates
            self.refused[article.id] = "OpenSearch cannot take it: it holds characters that cannot be sent"
            return
        self._put(_Item(article.id, b"%b\n%b\n" % (action, document)))

    def _put(self, item: _Item) -> None:
        if self._chunk and (len(self._chunk) >= CHUNK_ARTICLES or self._chunk_bytes + len(item.lines) > CHUNK_BYTES):
            self._hand_over()
        self._chunk.append(item)
        self._chunk_bytes += len(item.lines)

    def _hand_over(self) -> None:
        while len(self._in_flight) >= IN_FLIGHT:
            self.refused |= self._in_flight.popleft().result()
        self._before()
        self._in_flight.append(self._pool.submit(self._send, self._chunk))
        self._chunk, self._chunk_bytes = [], 0

    def _flush(self) -> None:
        if self._chunk:
            self._hand_over()
        while self._in_flight:
            self.refused |= self._in_flight.popleft().result()

    def commit(self) -> None:
        """Send what is left, and wait for all answers.

        Raises:
            EngineUnreachableError: some were not taken because of the cluster, not of themselves.
            ForeignIndexError: the index has a mapping that is not ours.
        """
        self._flush()
        for article_id in sorted(self._deleted | self.refused.keys()):
            self._put(_Item(article_id, orjson.dumps({"delete": {"_id": document_id(article_id)}}) + b"\n"))
        self._flush()
        self._pool.shutdown()

    def cancel(self) -> None:
        """Send nothing more; returns when all requests have ended, so that the index can be removed."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    # In the threads

    def _send(self, items: list[_Item]) -> dict[str, str]:
        refused: dict[str, str] = {}
        reason = ""
        for pause_s in (0.0, *PAUSES_S):
            if self._stopped.wait(pause_s):
                return refused
            outcome = self._request(items)
            refused |= outcome.refused
            items, reason = outcome.again, outcome.reason
            if not items:
                return refused
        raise EngineUnreachableError(f"OpenSearch at {self._cluster.name} goes on refusing articles: {reason}")

    def _request(self, items: list[_Item]) -> _Outcome:
        body = b"".join(item.lines for item in items)
        try:
            answer = self._cluster.ask(
                "POST",
                f"/{self._index}/_bulk",
                body,
                {"filter_path": _WANTED, "timeout": _SHARD_WAIT},
                timeout_s=_TIMEOUT_S,
            )
        except AnsweredError as error:
            if error.status == _TOO_LARGE:
                return self._too_large(items)
            if error.status in BUSY and not is_block(error.kind):
                return _Outcome({}, items, str(error))
            raise refusal(self._cluster, error) from error
        answers = answer.get("items", [])
        if len(answers) != len(items):
            raise EngineUnreachableError(f"{self._cluster.name} answers, but not as OpenSearch does")
        return self._sorted(items, answers)

    def _too_large(self, items: list[_Item]) -> _Outcome:
        if len(items) == 1:
            return _Outcome({items[0].article_id: "it is larger than OpenSearch takes"}, [], "")
        halves = [self._request(half) for half in (items[: len(items) // 2], items[len(items) // 2 :])]
        refused = {key: reason for half in halves for key, reason in half.refused.items()}
        return _Outcome(refused, [item for half in halves for item in half.again], halves[-1].reason)

    def _sorted(self, items: list[_Item], answers: list[Any]) -> _Outcome:
        refused: dict[str, str] = {}
        again: list[_Item] = []
        reason = ""
        for item, answer in zip(items, answers, strict=True):
            told = next(iter(answer.values()))
            error = told.get("error")
            if not error:
                continue
            said = AnsweredError(int(told["status"]), str(error.get("type")), frozenset(), _reason(error))
            if said.status in BUSY and not is_block(said.kind):
                again.append(item)
                reason = str(said)
            elif said.kind == "strict_dynamic_mapping_exception":
                raise ForeignIndexError(
                    f"the mapping of {self._index} is not Broadsheet's ({said}); run: broadsheet reindex --full",
                    path=Path(self._index),
                )
            elif said.status == 400:
                refused[item.article_id] = f"OpenSearch cannot take it: {said}"
            else:
                raise refusal(self._cluster, said)
        return _Outcome(refused, again, reason)


def _reason(error: dict[str, Any]) -> str:
    """What is wrong with a document, short and without the bytes of its terms."""
    said = str(error.get("reason", "")).partition(", all of which were skipped")[0]
    cause = error.get("caused_by") or {}
    more = str(cause.get("reason", "")).partition("\n")[0]
    return " ".join(f"{said}: {more}".split())[:300] if more and more not in said else " ".join(said.split())[:300]
