"""Real OpenSearch clusters for tests: three processes on this machine, by `tests/opensearch/cluster/cluster.sh`."""

import os
import random
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from index.settings import Settings

ClusterSettings = Callable[..., Settings]

RECIPE = Path(__file__).parent / "opensearch" / "cluster" / "cluster.sh"
NODES = 3
CANNOT_BE_HAD = 3  # exit code of the recipe
PATIENCE_S = 90

RUNNING = tuple(filter(None, os.environ.get("BROADSHEET_OPENSEARCH_TEST_HOSTS", "").split(",")))
"""Addresses of a cluster that is there already; it is used and not stopped."""


class OwnCluster:
    """Three nodes whose data lie in `path`; nodes are counted from 1."""

    def __init__(self, path: Path, heap: str) -> None:
        base = _free_ports()
        self.path = path
        self.hosts = tuple(f"http://127.0.0.1:{base + node}" for node in range(1, NODES + 1))
        self._environment = os.environ | {
            "HTTP_BASE": str(base),
            "TRANSPORT_BASE": str(base + NODES),
            "HEAP": heap,
            "OWNER": str(os.getpid()),
        }
        if "BROADSHEET_TEST_CACHE" in os.environ:
            self._environment["CACHE"] = os.environ["BROADSHEET_TEST_CACHE"]

    def start_all(self) -> None:
        """Start all nodes, none of which runs; skip the test where that is not possible on this machine."""
        done = self._call("start", str(NODES))
        if done.returncode == CANNOT_BE_HAD:
            pytest.skip(f"OpenSearch cannot be started: {done.stderr.strip()}")
        assert not done.returncode, done.stderr

    def stop_all(self) -> None:
        """End all nodes; their data stay."""
        assert not self._call("stop").returncode

    def start(self, node: int) -> None:
        """Start a node that was killed, and do not wait for it."""
        assert not self._call("node", str(node), str(NODES)).returncode

    def kill(self, node: int) -> None:
        """End a node as a loss of power would."""
        assert not self._call("kill", str(node)).returncode

    def running(self) -> set[int]:
        """The nodes that were started and neither killed nor stopped."""
        return {int(file.stem.partition("-")[2]) for file in self.path.glob("node-*.pid")}

    def mend(self) -> None:
        """See that all nodes run and all shards are where they should be."""
        missing = set(range(1, NODES + 1)) - self.running()
        if len(missing) == NODES:
            self.start_all()
        else:
            for node in missing:
                self.start(node)
        self.wait_green()

    def wait_green(self) -> None:
        """Wait until all nodes are there and all shards are active."""
        host = self.hosts[min(self.running()) - 1]
        wanted = f"wait_for_status=green&wait_for_nodes={NODES}&wait_for_no_relocating_shards=true"
        answer = urllib3.request(
            "GET",
            f"{host}/_cluster/health?{wanted}&timeout={PATIENCE_S}s",
            timeout=PATIENCE_S + 5,
            retries=urllib3.Retry(total=60, backoff_factor=0.5, backoff_max=1, raise_on_status=False),
        )
        assert answer.status == 200, answer.data

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # To files and not to pipes, which the nodes would inherit and keep open.
        errors = self.path / "errors"
        with errors.open("w") as file:
            done = subprocess.run([RECIPE, self.path, *arguments], env=self._environment, stderr=file, check=False)
        return subprocess.CompletedProcess(done.args, done.returncode, stderr=errors.read_text())


@contextmanager
def own_nodes(path: Path, heap: str) -> Iterator[OwnCluster]:
    """A cluster whose nodes run meanwhile, each with this heap ("256m")."""
    nodes = OwnCluster(path, heap)
    try:
        nodes.start_all()
        yield nodes
    finally:
        nodes.stop_all()


@contextmanager
def settings_on(hosts: tuple[str, ...], path: Path) -> Iterator[ClusterSettings]:
    """Makes settings for an index of its own on a cluster each time, with a directory in `path`; all are deleted."""
    names: list[str] = []

    def make(**chosen: Any) -> Settings:
        names.append(f"test-{uuid.uuid4().hex[:12]}")
        given: dict[str, Any] = {
            "index": str(path / names[-1]),
            "engine": "opensearch",
            "opensearch_hosts": hosts,
            "opensearch_index": names[-1],
            "opensearch_shards": 2,
            "opensearch_replicas": 1,
        }
        return Settings(**given | chosen)

    try:
        yield make
    finally:
        for name in names:
            _delete_indexes(hosts[0], name)


def _delete_indexes(host: str, name: str) -> None:
    """Delete all indexes whose name begins with `name`."""
    listed = urllib3.request("GET", f"{host}/_cat/indices/{name}*?h=index&expand_wildcards=all")
    for found in listed.data.decode().split():
        assert found.startswith(name)
        urllib3.request("DELETE", f"{host}/{found}")


def _free_ports() -> int:
    """A number below twice as many free ports as there are nodes; where clients get theirs from is avoided."""
    for base in random.sample(range(20_000, 32_000, 10), 50):
        try:
            for port in range(base + 1, base + 1 + 2 * NODES):
                with socket.create_server(("127.0.0.1", port)):
                    pass
        except OSError:
            continue
        return base
    raise RuntimeError("no free ports")
