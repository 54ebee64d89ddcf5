"""The corpora of the speed benchmark: name -> articles, and the questions a corpus brings.

`real` is a Markdown archive; all others are JSONL files: the collections of the shared data, seeded samples of the
largest (`sample_100k`), and `synthetic_1m`, spliced from it: lengths, topics, providers and months are those of real
articles; texts are made of pieces of other texts, so that terms keep their frequencies and words their neighbours, and
what occurs once in the source becomes a new word now and then, so that the vocabulary keeps growing.
"""

import json
import random
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from bench.engine import WEIGHTS, Row
from index.archive import ArchiveSpec, SourceFile, load_source, scan
from index.article import Article
from index.settings import Settings

SEED = 7
PIECE_WORDS = (3, 7)
NEW_WORD_SHARE = 0.5  # of the words that the source holds once
LARGEST = "newsapi_full"
SAMPLE = re.compile(r"sample_(\d+)k")
SYNTHETIC = re.compile(r"synthetic_(\d+)m")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Articles on disk; `questions` are texts that come with them."""

    name: str
    path: Path
    questions: tuple[str, ...] = ()

    def articles(self) -> Iterator[Article]:
        spec, settings = ArchiveSpec(self.name, self.path.absolute()), Settings(unpublished="show")
        for source in scan(spec, settings):
            if isinstance(source, SourceFile):
                for loaded in load_source(spec, source, settings):
                    if loaded.article and loaded.article.hidden in {"", "unpublished"}:
                        yield loaded.article

    @property
    def fields(self) -> tuple[str, ...]:
        """The searched fields that its articles fill."""
        return tuple(WEIGHTS) if self.path.is_dir() else ("title", "excerpt", "topics", "provider")


def row(article: Article, fields: tuple[str, ...]) -> Row:
    """An article as the peers index it: the text that Broadsheet searches."""
    published = article.published
    texts = {
        "title": article.title,
        "excerpt": article.excerpt,
        "body": article.text,
        "topics": "\n".join(article.topics),
        "provider": f"{article.provider.name} {article.provider.domain}".strip(),
        "authors": "\n".join(article.authors),
    }
    return Row(
        id=article.id,
        texts={name: texts[name] for name in fields},
        topics=tuple(dict.fromkeys(article.topics)),
        published=int(published.timestamp()) if published else None,
        month=published.year * 12 + published.month - 1 if published else None,
        article=article,
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Where corpora come from: the shared data, an unpacked archive of articles or None, a folder for what is made."""

    data: Path
    archive: Path | None
    cache: Path

    def corpus(self, name: str) -> Corpus:
        """The corpus of that name, made in the cache where it is not there yet.

        Raises:
            ValueError: no corpus has this name, or `real` without an archive.
        """
        if name == "real":
            if self.archive is None:
                raise ValueError("the corpus real needs --archive")
            return Corpus(name, self.archive)
        if name == LARGEST:
            return Corpus(name, self._made(name, self._unpacked), self._newsapi_questions())
        if match := SAMPLE.fullmatch(name):
            thousands = int(match[1])
            return Corpus(name, self._made(name, lambda path: self._sampled(path, thousands * 1_000)))
        if match := SYNTHETIC.fullmatch(name):
            millions = int(match[1])
            return Corpus(name, self._made(name, lambda path: self._spliced(path, millions * 1_000_000)))
        if not (self.data / "collections" / f"{name}.tar.xz").exists():
            raise ValueError(f"no corpus is called {name}")
        folder = self._collection(name)
        questions = self._newsapi_questions() if name.startswith("newsapi") else ()
        return Corpus(name, folder / "docs.jsonl", questions)

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.cache / f"{name}.jsonl"
        if not path.exists():
            self.cache.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            make(partial)
            partial.rename(path)
        return path

    def _collection(self, name: str) -> Path:
        folder = self.cache / name
        if not folder.exists():
            with tarfile.open(self.data / "collections" / f"{name}.tar.xz") as packed:
                packed.extractall(self.cache, filter="data")
        return folder

    def _newsapi_questions(self) -> tuple[str, ...]:
        lines = (self._collection("newsapi_50k") / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        return tuple(json.loads(line)["text"] for line in lines)

    def _unpacked(self, path: Path) -> None:
        packed = self.data / "collections" / f"{LARGEST}.jsonl.zst"
        with packed.open("rb") as source, path.open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)

    def _sampled(self, path: Path, count: int) -> None:
        lines = self._lines()
        chosen = sorted(random.Random(SEED).sample(range(len(lines)), count))
        path.write_text("".join(lines[number] for number in chosen), encoding="utf-8")

    def _spliced(self, path: Path, count: int) -> None:
        articles = [json.loads(line) for line in self._lines()]
        with path.open("w", encoding="utf-8") as file:
            for number, article in enumerate(_splice(articles, count)):
                file.write(json.dumps({**article, "id": f"s{number}"}, ensure_ascii=False) + "\n")

    def _lines(self) -> list[str]:
        with self.corpus(LARGEST).path.open(encoding="utf-8", newline="\n") as file:
            return file.readlines()


def _splice(articles: list[dict[str, str]], count: int) -> Iterator[dict[str, str]]:
    chance = random.Random(SEED)
    texts = {field: [article[field].split() for article in articles] for field in ("title", "excerpt")}
    once = _single_words(word for words in texts.values() for text in words for word in text)
    for _ in range(count):
        model = chance.randrange(len(articles))
        made = {field: " ".join(_pieces(chance, words, len(words[model]), once)) for field, words in texts.items()}
        kept = articles[model]
        yield {key: kept[key] for key in ("provider", "topics", "published")} | made


def _single_words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word, count in Counter(words).items() if count == 1)


def _pieces(chance: random.Random, texts: list[list[str]], length: int, once: frozenset[str]) -> list[str]:
    """`length` words in runs taken from anywhere."""
    found: list[str] = []
    while len(found) < length:
        source = texts[int(chance.random() * len(texts))]
        if source:
            size = chance.randint(*PIECE_WORDS)
            start = int(chance.random() * len(source))
            found += source[start : start + size]
    return [
        word + "".join(chance.choices("aeiorstln", k=3)) if word in once and chance.random() < NEW_WORD_SHARE else word
        for word in found[:length]
    ]
