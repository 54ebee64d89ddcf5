"""Hidden articles leak nowhere: other text in them, or in `secured`, changes no public byte."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from conftest import EXAMPLES
from flask import Flask
from test_real_data import unpack

from index.archive import ArchiveSpec
from index.reindex import reindex
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import FACETS, Query
from web import create_app
from web.service import EXTENSION

HIDING = {
    "removed": "removed: true",
    "draft": "draft: true",
    "unpublished": "published: false",
    "unclear": "published: perhaps",
    "twice": "published: true\ndraft: yes please",
}
SECRETS = {
    "one": ["quixotic", "zeppelin", "harbourmaster", "ferries", "velociraptor", "moonlit", "porter ansleigh"],
    "two": ["ampersand", "yodelling", "lighthousekeeper", "ferryman", "brontosaurus", "starlit", "night-ferry"],
}
HIDDEN = re.compile("^(published: false|removed: true|draft: true)$", re.M)
FENCE = re.compile(r"^---[ \r]*$", re.M)
TOLD = re.compile("^(title|excerpt):.*\n(?:[ ].*\n)*", re.M)
SECURED = re.compile(r"^secured:.*\n(?:(?: |- ).*\n)*", re.M)
VOLATILE = re.compile(rb"""("|&#34;)(took_ms|created)("|&#34;):[^,}\n]+|[0-9]{6}-[0-9a-f]{8}""")
"""What may differ between two indexes of equal public content: times, and the name of the generation."""
UNCOMPARED = {"ETag", "Last-Modified", "Date", "X-Request-ID", "Content-Length"}


def write_archive(folder: Path, words: Sequence[str]) -> None:
    """The example archive with hidden articles, and with secured parts, that say these words."""
    shutil.copytree(EXAMPLES, folder)
    said = ", ".join(words)
    for name, hiding in HIDING.items():
        for i, word in enumerate(words[:3]):
            # Some look just like a visible article but for the secret.
            text = (
                f"---\ntitle: Night ferry {word} returns\nexcerpt: The ferry of {said}\ndate: 2023-02-1{i}\n"
                f"topics: [Harbours, {word}]\nprovider:\n  name: The {word} Herald\n  domain: {words[0]}.example\n"
                f"type: {words[1]}\nquality: {len(word)}\nauthor: {word} {words[1]}\n"
                f"originalUrl: https://hidden.example/{name}-{i}\n{hiding}\n---\n\nThe night ferry and {said}.\n"
            )
            (folder / "_news" / f"2023-02-1{i}-{name}.md").write_text(text, encoding="utf-8")
    for path in sorted((folder / "_news").glob("2024-*.md"))[:5]:
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace("---\n", f"---\nsecured:\n  note: {said}\n  url: https://{words[0]}.example/\n", 1)
        )


def hide_other_text(folder: Path) -> int:
    """Give every hidden article of a real archive other words, and every `secured` other content; how many were."""
    changed = 0
    for path in folder.rglob("*.md"):
        before = path.read_text(encoding="utf-8-sig")
        text = SECURED.sub("secured:\n  text: zyzzyva quetzalcoatl\n", before)
        if HIDDEN.search(text):
            before_all, front, *_ = FENCE.split(text, maxsplit=2)
            front = TOLD.sub(lambda told: f"{told[1]}: Zyzzyva cosmos azure\n", front)
            text = f"{before_all}---{front}---\nZyzzyva quetzalcoatl in the cosmos.\n"
        if text != before:
            path.write_text(text, encoding="utf-8")
            changed += 1
    return changed


def build(archive: Path, index: Path) -> Flask:
    settings = Settings(index=str(index))
    reindex([ArchiveSpec("site", archive)], settings)
    return create_app(settings)


def public_bytes(app: Flask, address: str) -> tuple[int, dict[str, str], bytes]:
    response = app.test_client().get(address)
    headers = {name: value for name, value in response.headers.items() if name not in UNCOMPARED}
    return response.status_code, headers, VOLATILE.sub(b"", response.data)


def addresses(queries: Sequence[str], ids: Sequence[str], urls: Sequence[str]) -> Iterator[str]:
    """Every kind of address there is, for each of the queries, articles and addresses of articles."""
    yield from ("/help", "/opensearch.xml", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/nothing")
    for typed in queries:
        q = f"q={quote(typed)}"
        yield from (f"/?{q}", f"/?{q}&sort=newest&match=all", f"/feed.atom?{q}", f"/feed.json?{q}", f"/suggest?{q}")
        yield from (
            f"/api/v1/search?{q}&size=100&explain=true&highlight=html",
            f"/api/v1/search?{q}&match=any&size=100",
        )
        yield from (f"/api/v1/search?{q}&cursor=*&sort={sort}&size=3" for sort in ("id", "newest", "oldest"))
        yield from (f"/api/v1/suggest?{q}&size=20", f"/api/v1/timeline?{q}&interval=day", f"/api/v1/search?{q}&page=x")
        yield from (f"/api/v1/export?{q}&format={form}" for form in ("jsonl", "csv", "markdown"))
        yield from (
            f"/api/v1/search?topic={quote(typed or 'x')}",
            f"/api/v1/search?exclude_topic={quote(typed or 'x')}",
        )
        yield from (f"/values/{facet}?{q}" for facet in FACETS)
        yield from (f"/api/v1/facets/{facet}?{q}&size=1000" for facet in FACETS)
        yield from (f"/api/v1/facets/{facet}?prefix={quote(typed or 'x')}" for facet in FACETS)
    for article in map(quote, ids):
        yield from (f"/article/{article}", f"/api/v1/articles/{article}", f"/api/v1/articles/{article}/similar?size=20")
    for url in urls:
        yield from (f"/api/v1/articles?url={quote(url)}", f"/?q={quote(url)}")


def assert_same(first: Flask, second: Flask, asked: Iterator[str]) -> int:
    count = 0
    for address in asked:
        assert public_bytes(first, address) == public_bytes(second, address), address
        count += 1
    return count


def said_in(data: bytes, words: Sequence[str]) -> list[str]:
    """Those words that stand there and in no visible article."""
    visible = b"".join(path.read_bytes() for path in EXAMPLES.rglob("*.md")).lower()
    return [word for word in words if word.encode() in data.lower() and word.encode() not in visible]


def visible_ids(index: Path) -> list[str]:
    engine = EmbeddedEngine(Settings(index=str(index)))
    ids = [hit.article.id for hit in engine.scan(Query(sort="id"))]
    engine.close()
    return ids


def test_other_text_in_hidden_articles_changes_no_public_byte(tmp_path: Path) -> None:
    apps = []
    for name, words in SECRETS.items():
        write_archive(tmp_path / name / "site", words)
        apps.append(build(tmp_path / name / "site", tmp_path / name / "index"))
    said = [word for words in SECRETS.values() for word in words]
    beginnings = [word[:4] for word in said] + [f"{word[:3]}*" for word in said]
    misspelt = [word.replace("e", "i", 1) for word in said]
    usual = ["", "night ferry", "ferry", "harbours", '"night ferry"', "hidden.example", "the", "zzzz", "-ferry", "2023"]
    ids = visible_ids(tmp_path / "one" / "index")
    hidden = [f"site/_news/2023-02-1{i}-{name}" for name in HIDING for i in range(3)]
    assert not set(hidden) & set(ids)
    urls = [f"https://hidden.example/{name}-{i}" for name in HIDING for i in range(3)]
    asked = list(addresses([*usual, *said, *beginnings, *misspelt], [*ids, *hidden], urls))
    assert assert_same(apps[0], apps[1], iter(asked)) > 1_500
    for app, words in zip(apps, SECRETS.values(), strict=True):
        for address in ("/", "/values/topic", "/api/v1/export", "/api/v1/search?size=100&match=any&q=night+ferry"):
            assert not said_in(public_bytes(app, address)[2], words)
        app.extensions[EXTENSION].close()


def test_the_index_itself_keeps_no_word_of_a_hidden_article(tmp_path: Path) -> None:
    words = SECRETS["one"]
    write_archive(tmp_path / "site", words)
    build(tmp_path / "site", tmp_path / "index").extensions[EXTENSION].close()
    for path in (tmp_path / "index").rglob("*"):
        if path.is_file():
            assert not said_in(path.read_bytes(), words), path


def test_other_text_in_the_hidden_articles_of_a_real_archive_changes_no_public_byte(tmp_path: Path) -> None:
    archives = [unpack("archives/azure.tar.xz", tmp_path / name) for name in ("one", "two")]
    assert hide_other_text(archives[1]) > 4_000
    apps = [build(archive, tmp_path / f"index-{i}") for i, archive in enumerate(archives)]
    queries = ["cosmos db vulnerability", "chaosdb", "zyzzyva", "quetzalcoatl", "cosm"]
    ids = visible_ids(tmp_path / "index-0")
    asked = addresses(queries, ids[:: len(ids) // 20], ["https://example.org/"])
    everything = [
        "/",
        "/?q=azure",
        "/api/v1/search?q=azure&size=100",
        "/api/v1/export?fields=title,text",
        "/values/topic",
    ]
    assert assert_same(apps[0], apps[1], iter([*everything, *asked])) > 200
    for app in apps:
        app.extensions[EXTENSION].close()
