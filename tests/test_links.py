"""What links to an article is found by hashes of addresses, and then told by the addresses themselves."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_oracle import publish

from index import document, reader
from index.article import Article
from index.generation import Store
from index.settings import Settings
from search.embedded import EmbeddedEngine

IT = "https://x.example/it"
START = datetime(2021, 1, 1, tzinfo=UTC)


def linked_from(path: Path, others: list[Article]) -> list[str | None]:
    """The ids of what links to an article with the address `IT`."""
    held = [Article("a/it", "a", "it", title="It", url=IT), *others]
    publish(Store(path), {}, [(each.id, each) for each in held])
    with closing(EmbeddedEngine(Settings(index=str(path)))) as engine:
        found = engine.get("a/it")
        assert found
        return [link.id for link in found.linked_from]


def linking(name: str, address: str, days: int = 0) -> Article:
    return Article(
        f"a/{name}", "a", name, title=name, published=START + timedelta(days=days), related=("/odd", address)
    )


@pytest.fixture
def all_hashes_alike(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (document, reader):
        monkeypatch.setattr(module, "key_hash", lambda _: 7)
    document._related_hash.cache_clear()
    yield
    document._related_hash.cache_clear()


@pytest.mark.usefixtures("all_hashes_alike")
def test_an_address_of_the_same_hash_is_another(tmp_path: Path) -> None:
    others = [linking("one", f"{IT}/#top"), linking("two", "https://x.example/its"), linking("three", IT, days=1)]
    assert linked_from(tmp_path, others) == ["a/three", "a/one"]


@pytest.mark.usefixtures("all_hashes_alike")
@pytest.mark.parametrize(("newer", "expected"), [(199, ["a/it-too"]), (200, [])])
def test_no_more_than_the_newest_are_looked_at(tmp_path: Path, newer: int, expected: list[str]) -> None:
    others = [linking(f"{n}", "https://x.example/other", days=n + 1) for n in range(newer)]
    assert linked_from(tmp_path, [*others, linking("it-too", IT)]) == expected
