"""One writer at a time on a cluster: a document that only one can create, and that a live writer keeps renewing.

A document that was not renewed for `DEAD_S` is that of a dead writer and is taken over. Clocks of several machines are
not compared: who waits looks whether the document changes.
"""

import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from index.errors import BroadsheetError, ForeignIndexError, LockedError
from index.opensearch.connection import AnsweredError, Cluster, Json
from index.opensearch.refusals import demand, refusal

RENEW_S = 3.0
DEAD_S = 15.0

_LOOK_S = 0.5
_BODY = {
    "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"},
    "mappings": {"dynamic": False, "_meta": {"lock": 1}},
}
_CONFLICT = 409


class ClusterLock:
    """The lock of an index, held while a `with` block runs."""

    def __init__(self, cluster: Cluster, *, renew_s: float = RENEW_S, dead_s: float = DEAD_S) -> None:
        """Touch nothing yet.

        Args:
            cluster: for whose index it is.
            renew_s: how often it is renewed, in seconds.
            dead_s: after how many seconds without renewal it may be taken.
        """
        self._cluster = cluster
        self._path = f"/{cluster.index}.lock"
        self._renew_s = renew_s
        self._dead_s = dead_s
        self._token = secrets.token_hex(16)
        self._holder = f"{socket.gethostname()}, process {os.getpid()}"
        self._version: Json = {}
        self._renewed = 0.0
        self._asking = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="broadsheet-lock")

    def __enter__(self) -> "ClusterLock":
        """Take it.

        Raises:
            LockedError: another writer holds it; the text says which.
            ForeignIndexError: an index of someone else has the lock's name.
            EngineUnreachableError: see `index.opensearch.connection`.
        """
        try:
            self._cluster.ask("PUT", self._path, _BODY)
        except AnsweredError as error:
            if error.kind != "resource_already_exists_exception":
                raise refusal(self._cluster, error) from error
            self._expect_ours()
        self._take()
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(BroadsheetError, AnsweredError):  # it is not ours any more, or will be taken for a dead writer's
            self._cluster.ask("DELETE", f"{self._path}/_doc/writer", params=self._version)

    def check(self) -> None:
        """See that it is still held; costs nothing while renewals go on.

        Raises:
            LockedError: another writer took it, because this one did nothing for too long.
            EngineUnreachableError: that cannot be found out.
        """
        if time.monotonic() - self._renewed > self._dead_s / 2:
            self._renew()

    def _expect_ours(self) -> None:
        name = self._path.removeprefix("/")
        found = demand(self._cluster, "GET", self._path).get(name, {})
        if "lock" not in found.get("mappings", {}).get("_meta", {}):
            raise ForeignIndexError(
                f"{name!r} on OpenSearch is an index that Broadsheet did not make; "
                "choose another name: opensearch_index",
                path=Path(name),
            )

    def _take(self) -> None:
        waited_since = time.monotonic()
        seen: Json = {}
        while True:
            found = self._create()
            if not found:
                return
            if seen and found["_seq_no"] != seen["_seq_no"]:
                raise self._locked(found)
            seen = seen or found
            if time.monotonic() - waited_since >= self._dead_s:
                try:
                    self._write(_version_of(found))
                except AnsweredError as error:
                    if error.status != _CONFLICT:
                        raise refusal(self._cluster, error) from error
                    raise self._locked(found) from error
                return
            time.sleep(min(_LOOK_S, self._dead_s / 4))

    def _create(self) -> Json:
        """Take the lock if nobody has it; else the document of whoever does."""
        try:
            self._write({"op_type": "create"})
        except AnsweredError as error:
            if error.status != _CONFLICT:
                raise refusal(self._cluster, error) from error
        else:
            return {}
        found = self._read()
        if found and self._is_ours(found):  # the answer to our request was lost, and it was sent again
            self._version, self._renewed = _version_of(found), time.monotonic()
            return {}
        return found or self._create()

    def _write(self, params: Json) -> None:
        asked = time.monotonic()
        body = {"holder": self._holder, "token": self._token}
        answer = self._cluster.ask("PUT", f"{self._path}/_doc/writer", body, params)
        self._version, self._renewed = _version_of(answer), asked

    def _read(self) -> Json:
        """The document; empty where there is none."""
        try:
            return self._cluster.ask("GET", f"{self._path}/_doc/writer")
        except AnsweredError as error:
            if error.status == 404:
                return {}
            raise refusal(self._cluster, error) from error

    def _is_ours(self, found: Json) -> bool:
        return bool(found.get("_source", {}).get("token") == self._token)

    def _renew(self) -> None:
        with self._asking:
            try:
                self._write(self._version)
            except AnsweredError as error:
                if error.status != _CONFLICT:
                    raise refusal(self._cluster, error) from error
                found = self._read()
                if not self._is_ours(found):
                    raise self._locked(found) from error
                self._version, self._renewed = _version_of(found), time.monotonic()

    def _keep(self) -> None:
        while not self._ended.wait(self._renew_s):
            try:
                self._renew()
            except LockedError:
                return
            except BroadsheetError:
                continue  # the next attempt may reach the cluster; `check` tells where none does

    def _locked(self, found: Json) -> LockedError:
        holder = str(found.get("_source", {}).get("holder", "unknown"))[:200]
        return LockedError(
            f"another reindex ({holder}) is writing to {self._cluster.index} on OpenSearch; try again later"
        )


def _version_of(found: Json) -> Json:
    return {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
