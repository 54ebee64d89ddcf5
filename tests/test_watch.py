"""A server opens a large index without hashing it, finds damage beside the requests, and steps back from it.

Of the little index here, files of more than `LARGE` bytes are taken for large: the segment, and `state.json`, which no
server reads, so that damage to it shows nowhere but in its checksum.
"""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index import generation as generations
from index.archive import ArchiveSpec
from index.check import check
from index.errors import DamagedIndexError
from index.generation import Generation, Store
from index.reindex import Report, reindex
from index.settings import Settings
from index.state import FILE as STATE
from search import watch as watches
from search.embedded import EmbeddedEngine
from search.query import Query
from search.watch import THREAD, Watch
from web import create_app
from web.service import EXTENSION

LARGE = 5_000
PATIENCE_S = 60

BEFORE, NOW = "Before", "Nowadays"  # the title of the one article that differs between the two generations


class Site:
    """An archive in a folder, and an index of two generations."""

    def __init__(self, path: Path) -> None:
        self.archive = path / "site"
        self.settings = Settings(index=str(path / "index"))
        self.store = Store(self.settings.index_path)
        self.archive.mkdir()
        for number in range(50):
            (self.archive / f"{number}.md").write_text(f"---\ntitle: Number {number}\n---\n")
        self.write(BEFORE)
        self.first = self.generation()
        self.write(NOW)
        self.second = self.generation()

    def write(self, title: str) -> None:
        (self.archive / "a.md").write_text(f"---\ntitle: {title}\n---\n")

    def reindex(self) -> Report:
        return reindex([ArchiveSpec("site", self.archive)], self.settings, full=True)

    def generation(self) -> Generation:
        self.reindex()
        return self.store.open()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "WHOLE_BYTES", 0)
    monkeypatch.setattr(generations, "SMALL_BYTES", LARGE)


@pytest.fixture
def endless(large: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch rests after its first chunk until it is stopped."""
    monkeypatch.setattr(watches, "REST", 1e8)


def large_files(generation: Generation) -> list[Path]:
    found = [path for path in generation.path.iterdir() if path.stat().st_size > LARGE]
    assert {path.suffix for path in found} == {".json", ".segment"}
    return found


def flip(path: Path, position: int) -> None:
    """Turn one bit, as a disk does: without a trace in the file's times."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def spoil(generation: Generation) -> None:
    """Damage that only the checksum shows."""
    assert (generation.path / STATE) in large_files(generation)
    flip(generation.path / STATE, -1)


def title(engine: EmbeddedEngine) -> str:
    found = engine.get("site/a")
    assert found
    return found.article.title


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def wait_for_the_watch() -> None:
    for thread in watching():
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture
def left_open() -> Iterator[None]:
    """Whoosh leaves files to the collector where it fails to open an index; let that happen here."""
    yield
    gc.collect()


drops_files = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    yield
    assert not watching()


def test_a_small_index_is_verified_at_opening(site: Site) -> None:
    spoil(site.second)
    with closing(EmbeddedEngine(site.settings)) as engine:
        assert not watching()
        assert title(engine) == BEFORE
        assert "state.json does not have its checksum" in engine.status().notes[0]


@pytest.mark.usefixtures("endless")
def test_a_large_index_opens_before_it_is_verified(site: Site) -> None:
    spoil(site.second)
    with closing(EmbeddedEngine(site.settings)) as engine:
        assert title(engine) == NOW
        assert engine.status().notes == ()
        assert watching()


@pytest.mark.usefixtures("large")
def test_damage_found_while_serving_makes_the_generation_before_serve(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(site.second)
    with closing(EmbeddedEngine(site.settings)) as engine:
        wait_for_the_watch()
        (note,) = engine.status().notes
        assert f"{site.second.path.name}/{STATE} does not have its checksum" in note
        assert note.endswith("Until then the generation before serves.")
        assert (title(engine), engine.status().generation) == (BEFORE, site.first.path.name)
        assert [record.getMessage() for record in caplog.records] == [note]
        site.reindex()
        assert title(engine) == NOW
        assert engine.status().notes == ()
        wait_for_the_watch()
        assert engine.status().notes == ()
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("large")
def test_without_a_whole_generation_nothing_is_answered_until_the_next_reindex(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(site.first)
    spoil(site.second)
    with closing(EmbeddedEngine(site.settings)) as engine:
        wait_for_the_watch()
        said = rf"is damaged \({site.second.path.name}/{STATE} does not have its checksum\)"
        for _ in range(2):
            with pytest.raises(DamagedIndexError, match=said):
                engine.search(Query("number"))
        with pytest.raises(DamagedIndexError, match=said):
            engine.get("site/a")
        with pytest.raises(DamagedIndexError, match=said):
            engine.status()
        assert len(caplog.records) == 1
        site.reindex()
        assert title(engine) == NOW


@pytest.mark.usefixtures("large")
def test_the_page_says_that_it_cannot_answer(site: Site) -> None:
    spoil(site.first)
    spoil(site.second)
    app = create_app(site.settings)
    client = app.test_client()
    wait_for(lambda: client.get("/readyz").status_code == 503)
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 503
    problem = client.get("/api/v1/search?q=number").json
    assert problem
    assert problem["detail"] == "The index cannot be used at the moment; `broadsheet check` on the server says why."
    site.reindex()
    assert client.get("/readyz").status_code == 200
    app.extensions[EXTENSION].close()


@drops_files
@pytest.mark.usefixtures("large", "left_open")
@pytest.mark.parametrize("share", [number / 16 for number in range(16)])
def test_whatever_damage_to_a_segment_does_to_a_reader_the_generation_before_serves(site: Site, share: float) -> None:
    (segment,) = site.second.path.glob("*.segment")
    flip(segment, int(share * segment.stat().st_size))
    with closing(EmbeddedEngine(site.settings)) as engine:
        wait_for_the_watch()
        assert title(engine) == BEFORE
        assert "does not have its checksum" in engine.status().notes[0]


@drops_files
@pytest.mark.usefixtures("endless", "left_open")
def test_a_segment_that_cannot_be_opened_is_found_damaged_at_once(site: Site) -> None:
    (segment,) = site.second.path.glob("*.segment")
    segment.write_bytes(b"x" * segment.stat().st_size)
    with closing(EmbeddedEngine(site.settings)) as engine:
        assert title(engine) == BEFORE
        assert f"{segment.name} does not have its checksum" in engine.status().notes[0]
        assert not watching()


@pytest.mark.usefixtures("large")
def test_a_large_index_that_is_whole_goes_on_serving(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with closing(EmbeddedEngine(site.settings)) as engine:
        wait_for_the_watch()
        assert title(engine) == NOW
        assert engine.status().notes == ()
    assert not caplog.records


@pytest.mark.usefixtures("endless")
def test_closing_stops_the_watch(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    spoil(site.second)
    engine = EmbeddedEngine(site.settings)
    assert watching()
    engine.close()
    assert not watching()
    engine.close()
    assert not caplog.records


@pytest.mark.usefixtures("endless")
def test_a_newer_generation_ends_the_watch_over_the_older(site: Site) -> None:
    with closing(EmbeddedEngine(site.settings)) as engine:
        (older,) = watching()
        site.write("Later")
        site.reindex()
        assert title(engine) == "Later"
        older.join(PATIENCE_S)
        assert not older.is_alive()
        assert len(watching()) == 1


@pytest.mark.usefixtures("large")
def test_damage_to_a_generation_that_no_longer_serves_changes_nothing(site: Site) -> None:
    """It may be pruned under the watch, which then misses files."""
    found: list[DamagedIndexError] = []
    watch = Watch(site.settings.index_path, lambda _store, _generation, error: found.append(error))
    generation = site.store.open(whole=False)
    site.write("Later")
    with closing(EmbeddedEngine(site.settings)) as engine:
        for _ in range(2):
            site.reindex()
        watch.begin(generation)
        wait_for_the_watch()
        watch.close()
        assert "cannot be read: No such file" in str(found[0])
        engine._fall_back(site.store, generation, found[0])  # as a watch does that comes late
        assert title(engine) == "Later"
        assert engine.status().notes == ()


@pytest.mark.usefixtures("large")
def test_check_reads_all_and_reindex_mends(site: Site) -> None:
    spoil(site.second)
    (difference,) = [each for each in check(site.settings).differences if each.kind == "index"]
    assert f"{STATE} does not have its checksum" in difference.detail
    reindex([], site.settings)
    assert not check(site.settings).differences
    with closing(EmbeddedEngine(site.settings)) as engine:
        wait_for_the_watch()
        assert (title(engine), engine.status().notes) == (NOW, ())


@pytest.mark.usefixtures("large")
def test_segments_verified_with_the_generation_before_are_not_read_again(site: Site) -> None:
    """The segment is damaged here without a trace, so that reading it would show."""
    found: list[DamagedIndexError] = []
    watch, another = (Watch(site.settings.index_path, lambda *damage: found.append(damage[2])) for _ in range(2))
    watch.begin(site.store.open(whole=False))
    wait_for_the_watch()
    site.write("Later")
    reindex([], site.settings)  # adds a segment and links the other one
    generation = site.store.open(whole=False)
    known = site.second.manifest.files
    (linked,) = [path for path in large_files(generation) if path.name in known and path.suffix == ".segment"]
    flip(linked, -1)
    watch.begin(generation)
    wait_for_the_watch()
    assert not found
    another.begin(generation)
    wait_for_the_watch()
    assert f"{linked.name} does not have its checksum" in str(found[0])
