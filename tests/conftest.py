"""What several test files share: an index of the example archive, apps over archives made on the spot, clusters."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, serving
from clusters import RUNNING, ClusterSettings, OwnCluster, own_nodes, settings_on
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from selenium.webdriver import Chrome

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from web import create_app
from web.service import EXTENSION

# The same examples on every run: what the checks say depends on the code alone. HYPOTHESIS_PROFILE=default explores.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "articles"

_MUST_NOT_SKIP = ("chromium", "chromedriver", "BROADSHEET_TEST_DATA", "OpenSearch")

BuildApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def example_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index directory made from the example archive."""
    path = tmp_path_factory.mktemp("example") / "index"
    report = reindex([ArchiveSpec("articles", EXAMPLES)], Settings(index=str(path)))
    assert report.articles > 0
    return path


@pytest.fixture(scope="session")
def example_settings(example_index: Path) -> Settings:
    return Settings(index=str(example_index))


@pytest.fixture(scope="session")
def example_app(example_settings: Settings) -> Iterator[Flask]:
    app = create_app(example_settings)
    yield app
    app.extensions[EXTENSION].close()


@pytest.fixture
def client(example_app: Flask) -> FlaskClient:
    return example_app.test_client()


@pytest.fixture(scope="session")
def site(example_app: Flask) -> Iterator[str]:
    """The address of the example archive."""
    with serving(example_app) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def build_app(tmp_path: Path) -> Iterator[BuildApp]:
    """Makes an app over an archive `site` with the given files, text by path, and settings."""
    apps: list[Flask] = []

    def build(files: Mapping[str, str], **chosen: Any) -> Flask:
        archive = tmp_path / f"archive-{len(apps)}"
        for name, text in files.items():
            path = archive / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        settings = Settings(index=str(tmp_path / f"index-{len(apps)}"), **chosen)
        reindex([ArchiveSpec("site", archive)], settings)
        apps.append(create_app(settings))
        return apps[-1]

    yield build
    for app in apps:
        app.extensions[EXTENSION].close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The addresses of a cluster's nodes."""
    if RUNNING:
        yield RUNNING
        return
    with own_nodes(tmp_path_factory.mktemp("cluster"), heap="512m") as nodes:
        yield nodes.hosts


@pytest.fixture
def cluster_settings(cluster: tuple[str, ...], tmp_path: Path) -> Iterator[ClusterSettings]:
    """Makes settings for an index of its own on the cluster, which is deleted after the test."""
    with settings_on(cluster, tmp_path) as make:
        yield make


@pytest.fixture(scope="session")
def mortal_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCluster]:
    with own_nodes(tmp_path_factory.mktemp("mortal"), heap="256m") as nodes:
        yield nodes


@pytest.fixture
def own_cluster(mortal_nodes: OwnCluster) -> OwnCluster:
    """A cluster whose nodes a test may kill; whole and green at the beginning of each."""
    mortal_nodes.mend()
    return mortal_nodes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests about a cluster come late, those in a browser, the slowest, last."""
    items.sort(key=lambda item: ("browser" in getattr(item, "fixturenames", ()), item.path.parent.name == "opensearch"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With BROADSHEET_NO_SKIPS set, fail where a browser, a cluster or real data was wanting: all should be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("BROADSHEET_NO_SKIPS"):
        return
    skipped = reporter.stats.get("skipped", [])
    wanting = [report for report in skipped if any(word in str(report.longrepr) for word in _MUST_NOT_SKIP)]
    if wanting and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(wanting)} tests were skipped that must run here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# For tests of forged files


@pytest.fixture
def nothing_waits() -> Iterator[None]:
    """What hangs is interrupted."""
    signal.alarm(120)
    yield
    signal.alarm(0)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that must never come to be."""
    path = tmp_path / "it-went-off"
    yield path
    assert not path.exists()


@pytest.fixture
def bomb(marker: Path) -> bytes:
    data = pickle.dumps(Bomb(marker))
    pickle.loads(data)
    marker.unlink()  # so it does go off where it is unpickled
    return data
