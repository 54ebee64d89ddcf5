"""bm25s in the benchmark: scores of all articles as one array, facets by numpy over those above zero.

It knows words and their union only: no AND, phrase or prefix. A filter is its `weight_mask`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer
from bm25s import BM25, tokenize

from bench.engine import Answer, Ask, Row, month_name

WORDS = r"[^\W_]+"
META, COLUMNS = "bench.json", "bench.npz"
NO_MONTH = 0


class Bm25s:
    def build(self, rows: Iterable[Row], fields: tuple[str, ...], folder: Path) -> None:
        ids, texts, published, months, numbers = [], [], [], [], []
        sets: dict[tuple[str, ...], int] = {}
        for row in rows:
            ids.append(row.id)
            texts.append("\n".join(row.texts[name] for name in fields))
            published.append(np.iinfo(np.int64).min if row.published is None else row.published)
            months.append(row.month or NO_MONTH)
            numbers.append(sets.setdefault(row.topics, len(sets)))
        stemmer = Stemmer.Stemmer("english")
        tokens = tokenize(texts, token_pattern=WORDS, stopwords=[], stemmer=stemmer, show_progress=False)
        model = BM25()
        model.index(tokens, show_progress=False)
        model.save(folder)
        topics = sorted({topic for names in sets for topic in names})
        members = np.array([[topic in names for topic in topics] for names in sets], np.int64)
        np.savez(folder / COLUMNS, published=published, months=months, sets=numbers, members=members)
        (folder / META).write_text(json.dumps({"ids": ids, "topics": topics}), encoding="utf-8")

    def open(self, folder: Path) -> "Bm25sSearcher":
        return Bm25sSearcher(folder)


class Bm25sSearcher:
    def __init__(self, folder: Path) -> None:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        self.ids: list[str] = meta["ids"]
        self.topics: list[str] = meta["topics"]
        with np.load(folder / COLUMNS) as columns:
            self.published = columns["published"]
            months = columns["months"]
            self.first_month = int(months[months != NO_MONTH].min(initial=24_000))
            self.months = np.where(months == NO_MONTH, 0, months - self.first_month + 1).astype(np.uint16)
            self.sets = columns["sets"].astype(np.uint16)
            self.members = columns["members"]
        self.model = BM25.load(folder, mmap=True)
        self.stem = Stemmer.Stemmer("english").stemWord
        self.split = re.compile(WORDS).findall

    def prepare(self, ask: Ask) -> tuple[str, Ask] | None:
        if ask.operator in {"phrase", "prefix"} or (ask.operator == "all" and len(ask.words) > 1):
            return None
        return " ".join(ask.words), ask

    def answer(self, question: tuple[str, Ask], *, facets: bool, total: bool) -> Answer:
        text, ask = question
        words = [self.stem(word) for word in self.split(text.lower())]
        numbers = [self.model.vocab_dict[word] for word in words if word in self.model.vocab_dict]
        scores = self.model.get_scores_from_ids(numbers, weight_mask=self._mask(ask))
        matches = np.flatnonzero(scores > 0)
        found = scores[matches]
        places = np.argpartition(-found, 10)[:10] if len(found) > 10 else np.arange(len(found))
        places = places[np.argsort(-found[places], kind="stable")]
        ids = [self.ids[number] for number in matches[places].tolist()]
        topics, months = self._facets(matches) if facets else ({}, {})
        return Answer(ids, found[places].tolist(), len(matches) if total else -1, topics, months)

    def _mask(self, ask: Ask) -> Any:
        if ask.topic:
            having = self.members[:, self.topics.index(ask.topic)].astype(np.float32)
            return having[self.sets]
        if ask.span:
            start, end = ask.span
            return ((self.published >= start) & (self.published < end)).astype(np.float32)
        return None

    def _facets(self, matches: Any) -> tuple[dict[str, int], dict[str, int]]:
        sets = np.bincount(self.sets[matches], minlength=len(self.members))
        counts = (sets @ self.members).tolist()
        months = np.bincount(self.months[matches])
        months[:1] = 0
        by_month = {month_name(self.first_month + i - 1): int(months[i]) for i in np.flatnonzero(months).tolist()}
        return {topic: count for topic, count in zip(self.topics, counts, strict=True) if count}, by_month

    def close(self) -> None:
        del self.model
