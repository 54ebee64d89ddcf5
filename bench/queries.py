"""The questions of the speed benchmark, made from a corpus by a seeded script.

Words are taken as they occur in articles, lower case, function words left out. Only words count whose family (the
words of the corpus with the same stem) is the same for Porter's two stemmers and Broadsheet's analyzer, so that
engines with different stemmers have the same matches to find. A corpus's own questions are kept whole but for the
function words, which exclude nothing in Broadsheet.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import Stemmer

from bench.corpora import SEED, Corpus
from bench.engine import Ask
from index.analysis import FUNCTION_WORDS, tokens
from index.article import Article

KINDS = {
    "common": "one common term",
    "rare": "one rare term",
    "and": "AND of 2-3",
    "or": "OR of 2-4",
    "phrase": "phrase of 2",
    "prefix": "prefix",
    "topic": "term, filtered by topic",
    "date": "term, filtered by date",
    "own": "the corpus's own, AND",
    "own-any": "the corpus's own, OR",
}
OWN = {"own", "own-any"}
LOOKED_AT = 100_000  # articles that words are counted in
COMMON_RANKS = 300
RARE_COUNTS = (3, 20)
PHRASE_COUNT = 3
MONTH_S = 30 * 86_400

WORD = re.compile(r"[^\W_]+")
PLAIN = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class _Sample:
    """An article as questions are drawn from it."""

    title: list[str]
    words: list[str]
    topics: tuple[str, ...]
    published: int | None


class Vocabulary:
    """What the questions are drawn from."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self.samples = [_sample(article) for article in articles]
        self.counts = Counter(word for sample in self.samples for word in set(sample.words))
        self.pairs = Counter(pair for sample in self.samples for pair in set(_pairs(sample)))
        self.safe = self._safe()

    def _safe(self) -> frozenset[str]:
        """Plain words that every stemmer puts into the same family."""
        words = list(self.counts)
        stemmers: tuple[Callable[[str], str], ...] = (
            Stemmer.Stemmer("porter").stemWord,
            Stemmer.Stemmer("english").stemWord,
            _our_stem,
        )
        families = [_families(words, stem) for stem in stemmers]
        plain = (word for word in words if PLAIN.fullmatch(word) and word not in FUNCTION_WORDS)
        return frozenset(word for word in plain if families[0][word] == families[1][word] == families[2][word])

    @cached_property
    def common(self) -> list[str]:
        return [word for word, _ in self.counts.most_common() if word in self.safe][:COMMON_RANKS]

    @cached_property
    def rare(self) -> list[str]:
        least, most = RARE_COUNTS
        return sorted(word for word in self.safe if least <= self.counts[word] <= most)


def _sample(article: Article) -> _Sample:
    title = WORD.findall(article.title.lower())
    words = title + WORD.findall(article.excerpt.lower())
    published = int(article.published.timestamp()) if article.published else None
    return _Sample(title, words, article.topics, published)


def _pairs(sample: _Sample) -> list[tuple[str, str]]:
    return list(zip(sample.title, sample.title[1:], strict=False))


def _our_stem(word: str) -> str:
    found = tokens(word)
    return found[0].stem if found else word


def _families(words: Iterable[str], stem: Callable[[str], str]) -> dict[str, frozenset[str]]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        members[stem(word)].append(word)
    return {word: family for group in members.values() for family in [frozenset(group)] for word in group}


def make_asks(corpus: Corpus, articles: int, each: int) -> list[Ask]:
    """`each` different questions of every kind, and the corpus's own; `articles` is how many it holds."""
    step = max(1, articles // LOOKED_AT)
    vocabulary = Vocabulary(article for number, article in enumerate(corpus.articles()) if number % step == 0)
    chance = random.Random(SEED)
    asks: list[Ask] = []
    for kind, make in _MAKERS.items():
        found: dict[Ask, None] = {}
        for _ in range(each * 1_000):
            if len(found) == each:
                break
            ask = make(vocabulary, chance)
            if ask:
                found[ask] = None
        asks += [Ask(kind, ask.words, ask.operator, ask.topic, ask.start, ask.end) for ask in found]
    own = (tuple(word for word in text.split() if word.lower() not in FUNCTION_WORDS) for text in corpus.questions)
    texts = [words for words in dict.fromkeys(own) if words]
    return asks + [Ask("own", words) for words in texts] + [Ask("own-any", words, "any") for words in texts]


def _drawn(vocabulary: Vocabulary, chance: random.Random) -> tuple[_Sample, list[str]]:
    """An article and the usable words of its title, shuffled."""
    sample = chance.choice(vocabulary.samples)
    words = [word for word in dict.fromkeys(sample.title) if word in vocabulary.safe]
    chance.shuffle(words)
    return sample, words


def _common(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    return Ask("", (chance.choice(vocabulary.common),))


def _rare(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    return Ask("", (chance.choice(vocabulary.rare),))


def _and(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    _, words = _drawn(vocabulary, chance)
    count = chance.choice((2, 3))
    return Ask("", tuple(words[:count])) if len(words) >= count else None


def _or(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    drawn = [_drawn(vocabulary, chance)[1][:1] for _ in range(chance.choice((2, 3, 4)))]
    words = tuple(dict.fromkeys(word for words in drawn for word in words))
    return Ask("", words, "any") if len(words) == len(drawn) else None


def _phrase(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    sample = chance.choice(vocabulary.samples)
    pairs: Sequence[tuple[str, str]] = [
        pair
        for pair in _pairs(sample)
        if vocabulary.pairs[pair] >= PHRASE_COUNT and all(word in vocabulary.safe for word in pair)
    ]
    return Ask("", chance.choice(pairs), "phrase") if pairs else None


def _prefix(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    _, words = _drawn(vocabulary, chance)
    size = chance.choice((4, 5))
    long = [word for word in words if len(word) >= size + 2]
    return Ask("", (long[0][:size],), "prefix") if long else None


def _topic(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    sample, words = _drawn(vocabulary, chance)
    return Ask("", (words[0],), topic=chance.choice(sample.topics)) if words and sample.topics else None


def _date(vocabulary: Vocabulary, chance: random.Random) -> Ask | None:
    sample, words = _drawn(vocabulary, chance)
    if not words or sample.published is None:
        return None
    start = sample.published - chance.randrange(MONTH_S)
    return Ask("", (words[0],), start=start, end=start + chance.choice((1, 3, 12)) * MONTH_S)


_MAKERS: dict[str, Callable[[Vocabulary, random.Random], Ask | None]] = {
    "common": _common,
    "rare": _rare,
    "and": _and,
    "or": _or,
    "phrase": _phrase,
    "prefix": _prefix,
    "topic": _topic,
    "date": _date,
}
