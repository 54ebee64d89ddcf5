"""Reindex: exactly what changed, nothing lost, hidden articles nowhere."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from index.archive import ArchiveSpec
from index.check import check
from index.errors import ArchiveError, DamagedIndexError, ForeignIndexError, UsageError
from index.generation import Store
from index.reader import Snapshot
from index.reindex import Report, reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query

Counts = tuple[int, int, int, int]


class Site:
    """An archive in a folder, and an index of it."""

    def __init__(self, path: Path) -> None:
        self.archive = path / "site"
        self.settings = Settings(index=str(path / "index"))
        self.archive.mkdir()

    def write(self, name: str, text: str = "title: A word", body: str = "") -> Path:
        path = self.archive / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{text}\n---\n{body}", encoding="utf-8")
        return path

    def reindex(self, *, full: bool = False, dry_run: bool = False) -> Report:
        return reindex([ArchiveSpec("site", self.archive)], self.settings, full=full, dry_run=dry_run)

    def found(self, text: str = "") -> list[str]:
        engine = EmbeddedEngine(self.settings)
        results = engine.search(Query(text, size=1000))
        engine.close()
        assert results.total == len(results.hits)
        return sorted(hit.article.id for hit in results.hits)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.write("a.md", "title: Alpha")
    made.write("b.md", "title: Beta")
    made.write("deep/c.md", "title: Gamma")
    return made


def counts(report: Report) -> Counts:
    return report.added, report.changed, report.removed, report.unchanged


def age(path: Path) -> None:
    """Make a file look long finished, so that its stamp is trusted."""
    os.utime(path, (1_600_000_000, 1_600_000_000))


def test_the_first_run_adds_everything(site: Site) -> None:
    report = site.reindex()
    assert counts(report) == (3, 0, 0, 0)
    assert report.articles == 3
    assert site.found() == ["site/a", "site/b", "site/deep/c"]


def test_a_second_run_finds_nothing_to_do_and_keeps_the_generation(site: Site) -> None:
    first = site.reindex()
    second = site.reindex()
    assert counts(second) == (0, 0, 0, 3)
    assert second.generation == first.generation
    assert second.files_read == 0


@pytest.mark.parametrize(
    ("change", "expected", "found"),
    [
        (lambda site: os.utime(site.archive / "a.md"), (0, 0, 0, 3), ["site/a", "site/b", "site/deep/c"]),
        (lambda site: site.write("a.md", "title: Other"), (0, 1, 0, 2), ["site/a", "site/b", "site/deep/c"]),
        (lambda site: site.write("d.md", "title: Delta"), (1, 0, 0, 3), ["site/a", "site/b", "site/d", "site/deep/c"]),
        (lambda site: (site.archive / "a.md").unlink(), (0, 0, 1, 2), ["site/b", "site/deep/c"]),
        (
            lambda site: (site.archive / "a.md").rename(site.archive / "z.md"),
            (1, 0, 1, 2),
            ["site/b", "site/deep/c", "site/z"],
        ),
        (lambda site: site.write("a.md", "title: Alpha\ndraft: true"), (0, 0, 1, 2), ["site/b", "site/deep/c"]),
        (lambda site: site.write("a.md", "title: ["), (0, 0, 1, 2), ["site/b", "site/deep/c"]),
        (
            lambda site: site.write("a.md", "title: Alpha\nsecured: xyz"),
            (0, 0, 0, 3),
            ["site/a", "site/b", "site/deep/c"],
        ),
    ],
    ids=["touch", "edit", "add", "delete", "rename", "hide", "break", "edit what is not kept"],
)
def test_one_change_gives_exactly_that(
    site: Site, change: Callable[[Site], object], expected: Counts, found: list[str]
) -> None:
    site.reindex()
    change(site)
    assert counts(site.reindex(dry_run=True)) == expected
    assert counts(site.reindex()) == expected
    assert site.found() == found
    assert counts(site.reindex())[:3] == (0, 0, 0)
    assert not check(site.settings).differences


def test_a_rename_is_named(site: Site) -> None:
    site.reindex()
    (site.archive / "a.md").rename(site.archive / "z.md")
    assert site.reindex().renamed == 1


def test_an_edit_is_found_under_the_old_time_and_size(site: Site) -> None:
    age(site.archive / "a.md")
    site.reindex()
    site.write("a.md", "title: Alphx")
    age(site.archive / "a.md")
    assert counts(site.reindex()) == (0, 1, 0, 2)


def test_the_stamp_cache_may_be_lost_or_forged(site: Site) -> None:
    site.reindex()
    for text in ("", "[]", '{"a": 1}', "[" * 100_000, "\0"):
        (site.settings.index_path / "fingerprints.json").write_text(text)
        assert counts(site.reindex()) == (0, 0, 0, 3)


def test_a_dry_run_writes_nothing(site: Site) -> None:
    assert counts(site.reindex(dry_run=True)) == (3, 0, 0, 0)
    assert not site.settings.index_path.exists()


def test_full_reads_everything_anew(site: Site) -> None:
    first = site.reindex()
    again = site.reindex(full=True)
    assert again.files_read == 3
    assert again.generation != first.generation
    assert site.found() == ["site/a", "site/b", "site/deep/c"]


def test_a_second_file_with_the_id_is_a_reject_until_the_first_is_gone(site: Site) -> None:
    site.write("a.markdown", "title: Another")
    report = site.reindex()
    assert [(reject.path, reject.reason) for reject in report.rejects] == [
        ("site/a.md", "the id site/a is taken by a.markdown")
    ]
    assert site.found("another") == ["site/a"]
    (site.archive / "a.markdown").unlink()
    report = site.reindex()
    assert counts(report) == (0, 1, 0, 2)
    assert not report.rejects
    assert site.found("alpha") == ["site/a"]


def test_rejects_and_warnings_are_told_again_for_files_that_did_not_change(site: Site) -> None:
    site.write("bad.md", "title: [")
    site.write("odd.md", "title: Odd\nquality: high")
    first, second = site.reindex(), site.reindex()
    assert first.rejects == second.rejects
    assert [reject.path for reject in first.rejects] == ["site/bad.md"]
    assert first.warnings == second.warnings
    assert [(warning.path, warning.line, warning.field) for warning in first.warnings] == [
        ("site/odd.md", 3, "quality")
    ]
    assert second.files_read == 0


def test_archives_join_and_one_can_be_forgotten(site: Site, tmp_path: Path) -> None:
    site.reindex()
    notes = tmp_path / "notes.jsonl"
    notes.write_text('{"id": "1", "title": "One"}\n{"id": "x/2", "title": "Two"}\n')
    report = reindex([ArchiveSpec("notes", notes)], site.settings)
    assert counts(report) == (2, 0, 0, 3)
    assert site.found() == ["notes/1", "notes/x/2", "site/a", "site/b", "site/deep/c"]
    notes.write_text('{"id": "1", "title": "One"}\n{"id": "3", "title": "Three"}\n{"id": "1", "title": "Again"}\n{\n')
    report = reindex([], site.settings)
    assert counts(report) == (1, 0, 1, 4)
    assert [(reject.path, reject.line) for reject in report.rejects] == [
        ("notes/notes.jsonl", 3),
        ("notes/notes.jsonl", 4),
    ]
    report = reindex([], site.settings, forget=["notes"])
    assert counts(report) == (0, 0, 2, 3)
    with pytest.raises(UsageError, match="the index knows no archive 'notes'; it knows site"):
        reindex([], site.settings, forget=["notes"])


def test_without_archives_there_is_nothing_to_do(site: Site) -> None:
    with pytest.raises(UsageError, match="name an archive to index"):
        reindex([], site.settings)


def test_a_missing_or_empty_archive_removes_nothing(site: Site) -> None:
    site.reindex()
    hidden = site.archive.rename(site.archive.with_name("away"))
    with pytest.raises(ArchiveError):
        reindex([], site.settings)
    site.archive.mkdir()
    with pytest.raises(ArchiveError):
        reindex([], site.settings)
    assert len(site.found()) == 3
    site.archive.rmdir()
    hidden.rename(site.archive)
    assert counts(reindex([], site.settings)) == (0, 0, 0, 3)


def test_a_foreign_directory_is_not_written_to(site: Site) -> None:
    site.settings.index_path.mkdir()
    (site.settings.index_path / "thesis.tex").write_text("x")
    with pytest.raises(ForeignIndexError):
        site.reindex()
    assert [path.name for path in site.settings.index_path.iterdir()] == ["thesis.tex"]


def test_damage_is_mended_from_the_archive(site: Site) -> None:
    site.reindex()
    generation = Store(site.settings.index_path).open()
    for path in generation.path.iterdir():
        path.write_bytes(b"x")
    reindex([ArchiveSpec("site", site.archive)], site.settings)
    assert len(site.found()) == 3
    assert not check(site.settings).differences


def test_hidden_articles_are_nowhere(site: Site) -> None:
    site.write("r.md", "title: Secretone\nremoved: true\ntopics: [Secrettopic]\nprovider: Secretprovider")
    site.write("d.md", "title: Secrettwo\ndraft: true")
    site.write("u.md", "title: Secretthree\npublished: false")
    site.write("x.md", "title: Secretfour\nremoved: perhaps")
    report = site.reindex()
    assert (report.articles, report.hidden) == (3, 4)
    engine = EmbeddedEngine(site.settings)
    for text in ("", "secretone", "secret*", "secrettwo secretthree", "secretfour", "secretonf", "topic:secrettopic"):
        assert "ecret" not in repr(engine.search(Query(text, match="any"))).replace(f"{text!r}", "").replace(text, "")
    assert engine.get("site/r") is None
    engine.close()
    stored = b"".join(path.read_bytes() for path in Store(site.settings.index_path).open().path.iterdir())
    assert b"ecrettwo" not in stored


def test_unpublished_articles_are_shown_where_the_setting_says_so(site: Site) -> None:
    site.write("u.md", "title: Later\npublished: false")
    assert site.reindex().articles == 3
    shown = Settings(index=site.settings.index, unpublished="show")
    report = reindex([], shown)
    assert (report.articles, report.hidden) == (4, 0)
    engine = EmbeddedEngine(site.settings)
    assert "unpublished = show" in engine.status().notes[0]
    engine.close()


def test_words_of_an_article_that_is_gone_are_gone(site: Site) -> None:
    """A deleted document lingers in its segment; nothing of it may be counted or suggested."""
    for number in range(30):
        site.write(f"n{number}.md", f"title: Filler number {number}")
    site.write("gone.md", "title: Quixotic\ntopics: [Vanishing]")
    site.reindex()
    (site.archive / "gone.md").unlink()
    site.reindex()
    engine = EmbeddedEngine(site.settings)
    results = engine.search(Query("quixotik"))
    assert (results.total, results.notes) == (0, ())
    assert engine.search(Query("quix*")).total == 0
    assert all(bucket.value != "Vanishing" for bucket in engine.search(Query()).facets["topic"])
    engine.close()


def test_an_open_engine_follows_the_newest_generation(site: Site) -> None:
    site.reindex()
    engine = EmbeddedEngine(site.settings)
    assert engine.search(Query("delta")).total == 0
    for number in range(4):  # more than are kept: the files of the first are gone
        site.write(f"d{number}.md", "title: Delta")
        site.reindex()
        assert engine.search(Query("delta")).total == number + 1
    engine.close()


def test_a_reader_that_is_open_keeps_answering(site: Site) -> None:
    site.reindex()
    path = Store(site.settings.index_path).open().path
    snapshot = Snapshot(path)
    shutil.rmtree(path)
    assert len(snapshot.postings("exact", "gamma").documents) == 1
    assert snapshot.article(0).title
    assert snapshot.terms("al") == ["alpha"]


def test_related_links_lead_here_or_outward_never_to_removed_ones(site: Site) -> None:
    addresses = [f"https://{name}.example/x" for name in ("here", "gone", "later", "out")]
    related = "\n".join(f"  - title: t\n    webUrl: {address}" for address in [*addresses, "https://self.example/"])
    site.write("start.md", f"title: Start\nwebUrl: https://self.example/\nrelated:\n{related}")
    site.write("here.md", f"title: Here\nwebUrl: {addresses[0]}?utm_source=feed")
    site.write("gone.md", f"title: Gone\nremoved: true\nwebUrl: {addresses[1]}")
    site.write("later.md", f"title: Later\npublished: false\nwebUrl: {addresses[2]}")
    site.reindex()
    engine = EmbeddedEngine(site.settings)
    found = engine.get("site/start")
    assert found
    assert [(link.id, link.site) for link in found.related] == [
        ("site/here", "here.example"),
        (None, "later.example"),
        (None, "out.example"),
    ]
    engine.close()


def test_check_names_every_difference(site: Site) -> None:
    site.reindex()
    assert not check(site.settings).differences
    site.write("a.md", "title: Other")
    site.write("new.md", "title: New")
    (site.archive / "b.md").unlink()
    found = [(difference.kind, difference.what) for difference in check(site.settings).differences]
    assert sorted(found) == [("changed", "site/a"), ("extra", "site/b"), ("missing", "site/new")]


def test_an_index_without_visible_articles_opens(site: Site) -> None:
    site.reindex()
    engine = EmbeddedEngine(site.settings)
    for path in site.archive.rglob("*.md"):
        path.write_text("---\ntitle: Hidden\ndraft: true\n---\n")
    report = site.reindex()
    assert (report.articles, report.removed, report.hidden) == (0, 3, 3)
    for text in ("", "hidden", "hid*", "hiden", "type:x*"):
        assert engine.search(Query(text)).total == 0
    assert engine.status().newest is None
    engine.close()
    assert not check(site.settings).differences
    report = site.reindex(full=True)
    assert (report.articles, report.removed) == (0, 0)
    assert site.found() == []
    reindex([], site.settings, forget=["site"])
    assert site.found() == []


def test_an_index_with_the_last_moment_of_all_opens(tmp_path: Path) -> None:
    spec, settings = ArchiveSpec("a", tmp_path / "a.jsonl"), Settings(index=str(tmp_path / "index"))
    spec.path.write_text('{"id": "1", "title": "Tide", "date": "9999-12-31T23:59:59.999999Z"}\n')
    reindex([spec], settings)
    with closing(EmbeddedEngine(settings)) as engine:
        assert engine.search(Query("date:9999-12-31")).total == 1


def test_rejects_cannot_take_the_place_of_articles(tmp_path: Path) -> None:
    lines, settings = tmp_path / "n.jsonl", Settings(index=str(tmp_path / "index"))
    lines.write_text('{"id": "line 2", "title": "One"}\n{broken\n')
    assert counts(reindex([ArchiveSpec("n", lines)], settings)) == (1, 0, 0, 0)
    lines.write_text('{"id": "line 2", "title": "Other"}\n{broken\n')
    assert counts(reindex([], settings)) == (0, 1, 0, 0)
    lines.write_text('{"id": "3", "title": "Three"}\n{broken\n')
    assert counts(reindex([], settings)) == (1, 0, 1, 0)
    engine = EmbeddedEngine(settings)
    assert [hit.article.id for hit in engine.search(Query()).hits] == ["n/3"]
    engine.close()


def test_a_changed_limit_is_applied_to_files_that_did_not_change(site: Site, tmp_path: Path) -> None:
    age(site.write("large.md", "title: Large", "word " * 200))
    lines = tmp_path / "n.jsonl"
    lines.write_text(f'{{"id": "1", "title": "One", "body": "{"word " * 200}"}}\n')
    specs = [ArchiveSpec("site", site.archive), ArchiveSpec("n", lines)]
    small = Settings(index=site.settings.index, max_file_bytes=500)
    assert reindex(specs, site.settings).articles == 5
    report = reindex([], small)
    assert (report.articles, report.rejected, report.removed) == (3, 2, 2)
    assert not check(small).differences
    report = reindex([], site.settings)
    assert (report.articles, report.rejected, report.added) == (5, 0, 2)


def test_a_full_run_and_another_setting_report_differences(site: Site) -> None:
    site.write("u.md", "title: Later\npublished: false")
    shown = Settings(index=site.settings.index, unpublished="show")
    assert counts(reindex([ArchiveSpec("site", site.archive)], shown)) == (4, 0, 0, 0)
    assert counts(reindex([], shown, full=True)) == (0, 0, 0, 4)
    assert counts(reindex([], site.settings)) == (0, 0, 1, 3)
    assert len(site.found()) == 3


def test_a_hidden_file_may_hold_the_id(site: Site) -> None:
    site.write("a.html", "title: Hidden\ndraft: true")
    report = site.reindex()
    assert [reject.path for reject in report.rejects] == ["site/a.md"]
    assert not check(site.settings).differences


def test_no_link_leads_to_an_article_that_was_removed_and_then_broke(site: Site) -> None:
    address = "https://gone.example/x"
    site.write("start.md", f"title: Start\nrelated:\n  - webUrl: {address}")
    site.write("gone.md", f"title: Gone\nremoved: true\nwebUrl: {address}")
    for text in ("", "title: ["):
        if text:
            site.write("gone.md", text)
        site.reindex()
        engine = EmbeddedEngine(site.settings)
        found = engine.get("site/start")
        assert found
        assert found.related == ()
        engine.close()


def test_an_archive_without_any_front_matter_left_removes_nothing(site: Site) -> None:
    site.reindex()
    for path in site.archive.rglob("*.md"):
        path.write_text("no front matter")
    with pytest.raises(ArchiveError, match="is empty: no file there has front matter"):
        site.reindex()
    assert len(site.found()) == 3


def test_one_archive_can_be_forgotten_while_another_is_away(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other")
    other.write("x.md", "title: X")
    reindex([ArchiveSpec("site", site.archive), ArchiveSpec("other", other.archive)], site.settings)
    shutil.rmtree(site.archive)
    assert counts(reindex([], site.settings, forget=["other"])) == (0, 0, 1, 3)
    with pytest.raises(UsageError, match="two archives are called 'site'"):
        reindex([ArchiveSpec("site", site.archive), ArchiveSpec("site", other.archive)], site.settings)


def test_another_archive_of_the_same_name_does_not_replace_the_first(site: Site, tmp_path: Path) -> None:
    site.reindex()
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other")
    other.write("x.md", "title: X")
    with pytest.raises(UsageError, match="name this archive otherwise: NAME=ARCHIVE, or take the other one out first"):
        reindex([ArchiveSpec("site", other.archive)], site.settings)
    moved = site.archive.rename(tmp_path / "moved")
    assert counts(reindex([ArchiveSpec("site", moved)], site.settings)) == (0, 0, 0, 3)


def test_what_a_killed_run_left_is_swept_by_the_next(site: Site) -> None:
    site.reindex()
    left = site.settings.index_path / "generations" / "partial-000009-12345678"
    left.mkdir()
    site.reindex()
    assert not left.exists()


def test_a_pipe_in_the_index_is_damage_and_not_a_hang(site: Site) -> None:
    site.reindex()
    generation = Store(site.settings.index_path).open()
    victim = generation.path / "state.json"
    victim.unlink()
    os.mkfifo(victim)
    with pytest.raises(DamagedIndexError, match="is not a regular file"):
        EmbeddedEngine(site.settings)
    (site.settings.index_path / "CURRENT").unlink()
    os.mkfifo(site.settings.index_path / "CURRENT")
    with pytest.raises(OSError, match="is not a regular file"):
        EmbeddedEngine(site.settings)


_WRITE = """
import sys
from pathlib import Path
from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
print("ready", flush=True)
reindex([ArchiveSpec("site", Path(sys.argv[1]))], Settings(index=sys.argv[2]), full=len(sys.argv) > 3)
"""


def test_killed_at_any_moment_the_old_index_serves_and_the_next_run_succeeds(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for number in range(150):
        site.write(f"{number}.md", f"title: Number {number}", body="word " * 50)
    site.reindex()
    dice = random.Random(7)
    command = [sys.executable, "-c", _WRITE, str(site.archive), site.settings.index]
    started = time.perf_counter()
    for number in range(150):
        site.write(f"{number}.md", f"title: Number {number} again")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    length_s = time.perf_counter() - started
    killed = 0
    for round_ in range(12):
        for number in range(150):
            site.write(f"{number}.md", f"title: Number {number} round {round_}")
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(dice.uniform(0, length_s))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        assert len(site.found()) == 150
    assert killed
    site.reindex()
    assert site.found("round 11") == site.found()
    assert not check(site.settings).differences
    assert len(list((site.settings.index_path / "generations").iterdir())) == 2
