"""What a query should answer, worked out the slow way: plain Python over every article.

Written from the definitions that `search` gives in its docstrings, not from its code: nothing here knows postings,
numpy or segments. Taken as given, and tested elsewhere: the analyzer (`index.analysis`), the text of an article
(`index.document.searched_text`), the query parser and the normal form of addresses.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Literal, NamedTuple

from index.analysis import FUNCTION_WORDS, Forms, Token, tokens, without_accents, word_forms
from index.article import Article
from index.document import searched_text
from index.schema import TEXT_FIELDS
from index.urls import address_key
from search.dates import period
from search.parser import parse
from search.query import (
    FACETS,
    Address,
    And,
    Everything,
    Filters,
    Interval,
    Keyword,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Word,
)
from search.results import Bucket, TimeBucket, Timeline, YearBucket

FIELDS = tuple(field.name for field in TEXT_FIELDS)
WEIGHTS = {field.name: field.weight for field in TEXT_FIELDS}

Found = dict[int, float]  # score (without priors) by the number of each matching article
Stream = Literal["exact", "stem"]
Outcome = Literal["all", "any", "partial"]


class Pattern(NamedTuple):
    """Terms that count as one occurrence where they stand at these places relative to the first.

    Of several spellings of a word the one that counts most in a field counts there.
    """

    stream: Stream
    terms: tuple[str, ...]
    weight: float
    offsets: tuple[int, ...] = (0,)
    spelling: str = ""


StandIn = Callable[[Word], list[Pattern]]


@dataclass(frozen=True)
class Text:
    """One article, analyzed: where each term stands, as (number of the value, position in it)."""

    places: dict[tuple[str, Stream, str], set[tuple[int, int]]]
    length: float

    def occurrences(self, field: str, pattern: Pattern) -> int:
        """How often the pattern stands in a field."""
        sets = [self.places.get((field, pattern.stream, term), set()) for term in pattern.terms]
        return sum(
            all((value, start + offset) in places for places, offset in zip(sets, pattern.offsets, strict=True))
            for value, start in sets[0]
        )


def analyzed(article: Article) -> Text:
    """The text of one article by terms and places, and its length weighted by fields."""
    places: dict[tuple[str, Stream, str], set[tuple[int, int]]] = {}
    length = 0.0
    for field, values in searched_text(article).items():
        for number, value in enumerate(values):
            for token in tokens(value):
                places.setdefault((field, "exact", token.exact), set()).add((number, token.position))
                places.setdefault((field, "stem", token.stem), set()).add((number, token.position))
                length += 0 if token.extra else WEIGHTS[field]
    return Text(places, length)


@cache
def edits(one: str, other: str) -> int:
    """Characters more, less or other, and neighbours exchanged, each part of a word edited once."""

    @cache
    def least(i: int, j: int) -> int:
        if not (i and j):
            return i + j
        ways = [least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (one[i - 1] != other[j - 1])]
        if one[i - 2 : i] == other[j - 2 : j][::-1] and i > 1 and j > 1:
            ways.append(least(i - 2, j - 2) + 1)
        return min(ways)

    return least(len(one), len(other))


def plain_values(article: Article, facet: str) -> tuple[str, ...]:
    """The values of a facet as the article writes them."""
    provider = article.provider.name or article.provider.domain
    single = {"provider": provider, "type": article.type, "category": article.category}
    return article.topics if facet == "topic" else tuple(filter(None, [single[facet]]))


def folded(article: Article, facet: str) -> set[str]:
    """The values of a facet, upper and lower case alike."""
    return {value.casefold() for value in plain_values(article, facet)}


def is_function(node: Node) -> bool:
    """A typed word outside fields that says too little to exclude an article."""
    if not isinstance(node, Word) or node.field:
        return False
    return all(
        part.exact in FUNCTION_WORDS and not part.capitals
        for part in word_forms(node.text, capitals=node.capitals).parts
    )


def is_loose(node: Node) -> bool:
    """Whether `match` decides about a clause: a word (or the beginning of one) outside fields."""
    return isinstance(node, Word | Prefix) and not node.field and not is_function(node)


def single(forms: Forms, spelling: str = "") -> list[Pattern]:
    """A word by itself: its stem, and its exact form counting 0.3 more; capitals only as such."""
    if forms.capitals:
        return [Pattern("exact", (forms.capitals,), 1.3, spelling=spelling)]
    stem, exact = (forms.stem,), (forms.exact,)
    return [Pattern("stem", stem, 1.0, spelling=spelling), Pattern("exact", exact, 0.3, spelling=spelling)]


def in_fields(field: str) -> tuple[str, ...]:
    return (field,) if field else FIELDS


@dataclass(frozen=True)
class Answer:
    """What an engine should say to one query.

    Attributes:
        ids: of all matching articles that the filters leave, in order.
        full: those that hold every word.
        scores: by id; all 0 where nothing is ranked.
    """

    ids: list[str]
    full: set[str]
    scores: dict[str, float]
    match: Outcome
    stood_in: bool
    facets: dict[str, tuple[Bucket, ...]]
    dates: tuple[YearBucket, ...]


def neighbourly(clauses: Sequence[Node]) -> Iterator[tuple[Node, tuple[Word, ...]]]:
    """Clauses side by side, each with the words before and after it.

    A function word excludes and ranks nothing beside anything else: `Everything` stands in its place.
    """
    some_say_more = not all(map(is_function, clauses))
    for i, clause in enumerate(clauses):
        around = (*clauses[max(0, i - 1) : i], *clauses[i + 1 : i + 2])
        ignored = some_say_more and is_function(clause)
        yield Everything() if ignored else clause, tuple(each for each in around if isinstance(each, Word))


class Oracle:
    """Answers queries over a list of articles."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self.articles = articles
        self.everything: Found = dict.fromkeys(range(len(articles)), 0.0)
        self._texts = [analyzed(article) for article in articles]
        self._average = sum(text.length for text in self._texts) / max(1, len(articles))
        fields: Counter[tuple[str, str]] = Counter()  # articles by term and field
        for text in self._texts:
            fields.update((term, field) for field, stream, term in text.places if stream == "exact")
        self.count: dict[str, int] = {}
        for (term, _), count in fields.items():
            self.count[term] = max(count, self.count.get(term, 0))
        self._addresses = [{address_key(address) for address in article.addresses} - {""} for article in articles]
        self._priors = self._all_priors()
        self._spellings: dict[str, dict[str, str]] = {facet: self._spelled(facet) for facet in FACETS}

    # Scores

    def _all_priors(self) -> list[float]:
        """A factor between 0.84 and 1.16 for each article: recency, quality and heat; unknown ones are neutral."""
        newest = max((article.published for article in self.articles if article.published), default=None)
        factors = []
        for article in self.articles:
            recency = quality = heat = 0.5
            if article.published and newest:
                recency = 0.5 ** ((newest - article.published) / timedelta(days=365))
            if article.quality is not None:
                quality = min(article.quality, 100) / 100
            if article.heat is not None and article.heat >= 0:
                heat = math.log(1 + min(article.heat, 500)) / math.log(501)
            factors.append(1 + 0.08 * (2 * recency - 1) + 0.04 * (2 * quality - 1) + 0.04 * (2 * heat - 1))
        return factors

    def bm25f(self, patterns: Iterable[Pattern], fields: Sequence[str]) -> Found:
        """Robertson, Zaragoza, Taylor 2004: one text with its fields repeated as their weights say, scored once."""
        distinct = dict.fromkeys(patterns)
        frequencies: dict[int, float] = {}
        for number, text in enumerate(self._texts):
            tf = 0.0
            for field in fields:
                spellings: dict[str, float] = {"": 0.0}
                for pattern in distinct:
                    counted = pattern.weight * text.occurrences(field, pattern)
                    spellings[pattern.spelling] = spellings.get(pattern.spelling, 0.0) + counted
                tf += WEIGHTS[field] * max(spellings.values())
            if tf:
                frequencies[number] = tf
        n, size = len(frequencies), len(self.articles)
        idf = math.log(1 + (size - n + 0.5) / (n + 0.5))
        k1, b = 1.6, 0.7
        return {
            number: idf * (k1 + 1) * tf / (tf + k1 * (1 - b + b * self._texts[number].length / self._average))
            for number, tf in frequencies.items()
        }

    # Words

    def patterns(self, word: Word, neighbours: Iterable[Word] = ()) -> list[Pattern]:
        """Every spelling that a typed word finds: joined, divided, with its neighbours."""
        forms = word_forms(word.text, capitals=word.capitals)
        if len(forms.parts) > 1:
            places = [token.position for token in tokens(word.text, capitals=word.capitals) if not token.extra]
            offsets = tuple(place - places[0] for place in places)
            stems, exacts = (tuple(part[i] for part in forms.parts) for i in (1, 0))
            apart = [Pattern("stem", stems, 1.0, offsets), Pattern("exact", exacts, 0.3, offsets)]
            return apart + (single(forms.joined, "joined") if forms.joined else [])
        found = single(forms.parts[0])
        if not forms.parts[0].capitals:
            found += self._divided(forms.parts[0].exact)
        for neighbour in neighbours:
            found += self._joined(*sorted((word, neighbour), key=lambda each: each.span))
        return found

    def _divided(self, word: str) -> list[Pattern]:
        if not word.isalpha() or word in FUNCTION_WORDS:
            return []
        pairs = [(word[:cut], word[cut:]) for cut in range(2, len(word) - 1)]
        return [
            Pattern("exact", pair, 1.0, (0, 1), " ".join(pair))
            for pair in pairs
            if all(part in self.count and part not in FUNCTION_WORDS for part in pair)
        ]

    def _joined(self, first: Word, second: Word) -> list[Pattern]:
        if first.field != second.field or is_function(first) or is_function(second):
            return []
        forms = word_forms(first.text + second.text, capitals=False)
        if len(forms.parts) > 1 or forms.parts[0].exact not in self.count:
            return []
        return single(forms.parts[0], f"{first.span} {second.span}")

    def phrase(self, phrase: Phrase) -> Pattern:
        """Exactly these words; the capitals of an acronym that spells a function word count."""
        words: dict[int, str] = {}
        for token in tokens(phrase.text, capitals=phrase.capitals):
            if not token.extra or token.exact != token.exact.casefold():
                words[token.position] = token.exact
        return Pattern("exact", tuple(words.values()), 1.3, tuple(position - min(words) for position in words))

    def beginning(self, prefix: Prefix) -> str:
        return tokens(prefix.text, capitals=False)[0].exact

    def instead(self, text: str) -> list[Pattern]:
        """What stands in for a word that occurs nowhere: the words that begin so, else near ones."""
        parts = word_forms(text, capitals=False).parts
        word = parts[0].exact
        if len(parts) > 1 or not word.isalpha() or len(word) < 3:
            return []
        begun = [Pattern("exact", (term,), 1.0) for term in self.count if term.startswith(word)]
        near = [single(word_forms(each, capitals=False).parts[0]) for each in self.nearest(word)]
        return begun or [pattern for patterns in near for pattern in patterns]

    def nearest(self, word: str) -> list[str]:
        """The three most frequent of the words fewest edits away."""
        known = [term for term in self.count if term.isalpha() and len(term) >= 3 and term not in FUNCTION_WORDS]
        near = [term for term in known if edits(term, word) == 1]
        if not near and len(word) >= 6:
            near = [term for term in known if edits(term, word) == 2 and term[0] == word[0]]
        return sorted(near, key=lambda term: (-self.count[term], term))[:3]

    # Trees

    def node(self, node: Node, stand_in: StandIn, neighbours: tuple[Word, ...] = ()) -> Found:
        """The articles that a clause matches; `stand_in` gives what counts in place of a word that occurs nowhere."""
        match node:
            case Word():
                return self._word(node, neighbours, stand_in)
            case Phrase(_, field):
                return self.bm25f([self.phrase(node)], in_fields(field))
            case Prefix(_, field):
                start = self.beginning(node)
                beginning = [Pattern("exact", (term,), 1.0) for term in self.count if term.startswith(start)]
                return self.bm25f(beginning, in_fields(field))
            case And(clauses):
                return every(self.side_by_side(clauses, stand_in), self.everything)
            case Or(clauses):
                return added(self.node(clause, stand_in) for clause in clauses)
            case Not(clause):
                without = self.node(clause, lambda _: [])
                return {number: 0.0 for number in self.everything if number not in without}
            case Everything():
                return self.everything
            case _:
                return self._filter(node)

    def side_by_side(self, clauses: Sequence[Node], stand_in: StandIn) -> list[Found]:
        return [self.node(clause, stand_in, around) for clause, around in neighbourly(clauses)]

    def _word(self, word: Word, neighbours: tuple[Word, ...], stand_in: StandIn) -> Found:
        patterns = self.patterns(word, neighbours)
        found = self.bm25f(patterns, in_fields(word.field))
        if found or self.bm25f(self.patterns(replace(word, field="", capitals=False)), FIELDS):
            return found
        if is_function(word):  # it says nothing that another word could say for it
            return {}
        return self.bm25f(stand_in(word), in_fields(word.field))

    def _filter(self, node: Node) -> Found:
        match node:
            case Address(text):
                keys = (address_key(text), address_key(text.partition("?")[0]))
                each = ([number for number, known in enumerate(self._addresses) if key in known] for key in keys)
                return dict.fromkeys(next(filter(None, each), []), 0.0)
            case Keyword(field, text, prefix):
                values = [folded(article, field) for article in self.articles]
                held = [any(value.startswith(text) if prefix else value == text for value in each) for each in values]
            case Range(start, end):
                held = [between(article, start, end) for article in self.articles]
            case _:
                raise AssertionError(node)
        return {number: 0.0 for number, holds in enumerate(held) if holds}

    # Answers

    def matches(self, query: Query) -> tuple[Found, Found, Outcome, bool]:
        """Matches with their scores, the full ones among them, what was asked in the end, whether words stood in."""
        looked_up: list[list[Pattern]] = []

        def stand_in(word: Word) -> list[Pattern]:
            if query.match == "all" or len(looked_up) == 8:
                return []
            looked_up.append(self.instead(word.text))
            return looked_up[-1]

        tree = parse(query.text).tree
        clauses = tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)
        found = self.side_by_side(clauses, stand_in)
        full = every(found, self.everything)
        fixed = every([each for node, each in zip(clauses, found, strict=True) if not is_loose(node)], self.everything)
        words: dict[object, set[int]] = {}
        for node, each in zip(clauses, found, strict=True):
            if is_loose(node):
                same = word_forms(node.text, capitals=node.capitals).parts if isinstance(node, Word) else node
                words.setdefault(same, set()).update(each)
        held = Counter(number for holding in words.values() for number in holding)
        total = added(found)

        def holding(least: int) -> Found:
            return {number: total[number] for number in fixed if held[number] >= least}

        if query.match == "any":
            return holding(1) if words else full, full, "any", any(looked_up)
        if query.match == "auto" and len(words) > 1 and len(full) < 10:
            some = holding(math.ceil(len(words) / 2) if len(words) <= 6 else 2)
            if len(some) > len(full):
                return some, full, "partial", any(looked_up)
        return full, full, "all", any(looked_up)

    def values(self, query: Query, facet: str, prefix: str = "") -> tuple[Bucket, ...]:
        """Every value of a facet, or those of which a word begins so."""
        buckets = self._facet(facet, self.matches(query)[0], query.filters, most=math.inf)
        if not plain_letters(prefix).strip():
            return buckets
        return tuple(bucket for bucket in buckets if bucket.value is not None and word_begins(bucket.value, prefix))

    def timeline(self, query: Query, interval: Interval) -> Timeline:
        """The matches that the filters leave, by time."""
        return over_time([article.published for article in self._left(self.matches(query)[0], query.filters)], interval)

    def at_address(self, url: str) -> list[str]:
        """The ids of the articles with an address, or else with this address but for its parameters."""
        for key in (address_key(url), address_key(url.partition("?")[0])):
            found = [a.id for a, known in zip(self.articles, self._addresses, strict=True) if key in known]
            if found:
                return sorted(found)
        return []

    def answer(self, query: Query) -> Answer:
        found, full, outcome, stood_in = self.matches(query)
        passing = {article.id for article in self._left(found, query.filters)}
        left = [number for number in found if self.articles[number].id in passing]
        ranked = query.sort == "relevance"
        scores = {number: found[number] * self._priors[number] if ranked else 0.0 for number in left}

        def place(number: int) -> tuple[bool, float, bool, float, str]:
            article = self.articles[number]
            seconds = article.published.timestamp() if article.published else 0
            below = outcome == "partial" and number not in full
            if query.sort == "id":
                return below, 0.0, False, 0, article.id
            date = seconds if query.sort == "oldest" else -seconds
            return below, -scores[number], article.published is None, date, article.id

        left.sort(key=place)
        ids = {number: self.articles[number].id for number in left}
        return Answer(
            ids=[ids[number] for number in left],
            full={ids[number] for number in left if number in full},
            scores={ids[number]: scores[number] for number in left},
            match=outcome,
            stood_in=stood_in,
            facets={
                name: self._facet(name, found, query.filters, query.facets[name])
                for name in FACETS
                if name in query.facets
            },
            dates=self._dates(found, query.filters) if "date" in query.facets else (),
        )

    # Beside an article

    def telling_terms(self, article: Article) -> list[str]:
        """The stems that stand often in an article and in few others, the twenty that tell most; best first."""
        frequencies: Counter[str] = Counter()
        for field in ("title", "excerpt", "body", "topic"):
            for value in searched_text(article)[field][:50]:
                whole_words = value[:1000].rpartition(" ")[0] if field == "body" and len(value) > 1000 else value
                stems = {(token.position, token.stem) for token in tokens(whole_words) if tells(token)}
                for _, stem in stems:
                    frequencies[stem] += round(2 * WEIGHTS[field])
        weights = {}
        for term, frequency in frequencies.items():
            holding = sum(any((f, "stem", term) in text.places for f in FIELDS) for text in self._texts)
            if holding > 1:
                size = len(self.articles)
                weights[term] = frequency * math.log(1 + (size - holding + 0.5) / (holding + 0.5))
        return sorted(weights, key=lambda term: (-weights[term], term))[:20]

    def similar(self, article: Article, limit: int) -> list[tuple[str, float, bool]]:
        """Ids and scores of the most similar articles, best first, without copies; whether each has all terms."""
        terms = self.telling_terms(article)
        found = [self.bm25f([Pattern("stem", (term,), 1.0)], FIELDS) for term in terms]
        held = Counter(number for each in found for number in each)
        enough = min(2, len(terms))
        scores = {n: score * self._priors[n] for n, score in added(found).items() if held[n] >= enough}
        chosen: list[int] = []
        for number in sorted(scores, key=lambda number: (-scores[number], *newest_first(self.articles[number]))):
            other = self.articles[number]
            better = [article, *(self.articles[n] for n in chosen)]
            if other.id != article.id and not any(are_copies(other, each) for each in better):
                chosen.append(number)
        return [(self.articles[n].id, scores[n], held[n] == len(terms)) for n in chosen[:limit]]

    def linking(self, article: Article) -> list[Article]:
        """The articles that name one of this article's addresses as related, newest first."""
        keys = {address_key(address) for address in article.addresses} - {""}
        found = [each for each in self.articles if keys & {address_key(address) for address in each.related}]
        return sorted((each for each in found if each.id != article.id), key=newest_first)

    # Filters and facets

    def _left(self, found: Found, filters: Filters, but: str = "") -> list[Article]:
        """The matches that pass all exclusions, and all choices but those in one facet."""
        return [
            self.articles[number]
            for number in found
            if self._chosen(number, filters, but) and not self._excluded(number, filters)
        ]

    def _excluded(self, number: int, filters: Filters) -> bool:
        """Whether an article has an excluded value."""
        article = self.articles[number]
        return any(
            value.casefold() in folded(article, facet) for facet, values in filters.excluded.items() for value in values
        )

    def _chosen(self, number: int, filters: Filters, but: str) -> bool:
        """Whether an article passes all choices, those in the facet `but` set aside."""
        article = self.articles[number]
        for facet in FACETS:
            chosen = {value.casefold() for value in filters.chosen.get(facet, ())}
            values = folded(article, facet)
            missing = facet in filters.missing
            if facet != but and (chosen or missing) and not (values & chosen or (missing and not values)):
                return False
        dated, missing = bool(filters.start or filters.end), "date" in filters.missing
        if but == "date" or not (dated or missing):
            return True
        return (dated and between(article, filters.start, filters.end)) or (missing and article.published is None)

    def _spelled(self, facet: str) -> dict[str, str]:
        """The most frequent spelling of each value, by the folded one."""
        spellings = Counter(value for article in self.articles for value in plain_values(article, facet))
        best: dict[str, str] = {}
        for value in sorted(spellings, key=lambda value: (-spellings[value], value)):
            best.setdefault(value.casefold(), value)
        return best

    def spelled(self, facet: str, value: str) -> str:
        """A value as the archive mostly writes it."""
        return self._spellings[facet].get(value.casefold(), value)

    def _facet(self, facet: str, found: Found, filters: Filters, most: float) -> tuple[Bucket, ...]:
        left = self._left(found, filters, but=facet)
        counts = Counter(self.spelled(facet, value) for article in left for value in folded(article, facet))
        chosen = dict.fromkeys(self.spelled(facet, value) for value in filters.chosen.get(facet, ()))
        order = sorted(counts, key=lambda value: (-counts[value], value))
        shown = [value for place, value in enumerate(order) if place < most or value in chosen]
        buckets = [Bucket(value, counts[value], value in chosen) for value in shown]
        buckets += [Bucket(value, 0, selected=True) for value in sorted(chosen) if value not in shown]
        excluded = {self.spelled(facet, value) for value in filters.excluded.get(facet, ())}
        kept_out = {value: self._coming_back(facet, value, found, filters) for value in excluded}
        order = sorted(excluded, key=lambda value: (-kept_out[value], value))
        buckets += [Bucket(value, kept_out[value], selected=False, excluded=True) for value in order]
        without = sum(not folded(article, facet) for article in left)
        if without or facet in filters.missing:
            buckets.append(Bucket(None, without, facet in filters.missing))
        return tuple(buckets)

    def _coming_back(self, facet: str, value: str, found: Found, filters: Filters) -> int:
        """How many more articles are found when one exclusion is taken back."""
        kept = tuple(each for each in filters.excluded[facet] if self.spelled(facet, each) != value)
        fewer = replace(filters, excluded={**filters.excluded, facet: kept})
        return len(self._left(found, fewer)) - len(self._left(found, filters))

    def _dates(self, found: Found, filters: Filters) -> tuple[YearBucket, ...]:
        left = [article.published for article in self._left(found, filters, but="date")]
        months = Counter(f"{date.astimezone(UTC):%Y-%m}".zfill(7) for date in left if date)
        years = Counter(month[:4] for month in months.elements())
        buckets = [
            YearBucket(
                year,
                years[year],
                is_choice(year, filters),
                tuple(
                    Bucket(month, months[month], is_choice(month, filters))
                    for month in sorted(months, reverse=True)
                    if month.startswith(year)
                ),
            )
            for year in sorted(years, reverse=True)
        ]
        undated = left.count(None)
        if undated or "date" in filters.missing:
            buckets.append(YearBucket(None, undated, "date" in filters.missing))
        return tuple(buckets)


def tells(token: Token) -> bool:
    return token.exact not in FUNCTION_WORDS and token.stem not in set("0123456789")


def are_copies(one: Article, other: Article) -> bool:
    """The same address, or the same title from the same provider."""
    keys = [{address_key(address) for address in each.addresses} - {""} for each in (one, other)]
    titles = [(each.title.casefold(), (each.provider.name or each.provider.domain).casefold()) for each in (one, other)]
    return bool(keys[0] & keys[1]) or (titles[0] == titles[1] and bool(one.title))


def newest_first(article: Article) -> tuple[bool, float, str]:
    """A key that sorts articles newest first, undated last, equal dates by id."""
    return article.published is None, -article.published.timestamp() if article.published else 0.0, article.id


def every(found: Sequence[Found], everything: Found) -> Found:
    """What all of them match, scores added."""
    return {
        number: math.fsum(each[number] for each in found) for number in everything if all(number in f for f in found)
    }


def added(found: Iterable[Found]) -> Found:
    """What any of them matches, scores added."""
    total: Found = {}
    for each in found:
        for number, score in each.items():
            total[number] = total.get(number, 0.0) + score
    return total


def between(article: Article, start: datetime | None, end: datetime | None) -> bool:
    """Published at or after `start` and before `end`; undated articles never."""
    date = article.published
    return date is not None and (start is None or start <= date) and (end is None or date < end)


def is_choice(text: str, filters: Filters) -> bool:
    """Whether exactly this year or month was chosen."""
    return period(text) == (filters.start, filters.end)


def plain_letters(text: str) -> str:
    """Small letters without accents and apostrophes, with one space for white space and underlines."""
    alike = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = [" " if c.isspace() or c == "_" else c for c in without_accents(alike) if c not in "'’ʼ＇"]
    return "".join(c for i, c in enumerate(kept) if c != " " or kept[i - 1 : i] != [" "]).removeprefix(" ")


def word_begins(value: str, prefix: str) -> bool:
    """Whether a value goes on as a text does, from the beginning of one of its words on."""
    text, start = plain_letters(value).removesuffix(" ") + " ", plain_letters(prefix)
    if not prefix[-1].isspace():
        start = start.removesuffix(" ")
    scripts = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI")  # that put no spaces between words
    for at, character in enumerate(text):
        inside = at > 0 and (text[at - 1].isalnum() or unicodedata.category(text[at - 1]) in {"Mn", "Mc"})
        divided = unicodedata.name(character, "").startswith(scripts)
        if text.startswith(start, at) and (divided or not inside):
            return True
    return False


def over_time(dates: Sequence[datetime | None], interval: Interval) -> Timeline:
    """How many dates are in each year, month, week or day."""
    days = Counter(each.astimezone(UTC).date() for each in dates if each)
    counts: Counter[tuple[date, date, str]] = Counter()
    for day, count in days.items():
        counts[time_of(day, interval)] += count
    buckets = [TimeBucket(name, first, last, count) for (first, last, name), count in sorted(counts.items())]
    return Timeline(tuple(buckets), list(dates).count(None))


def time_of(day: date, interval: Interval) -> tuple[date, date, str]:
    """First day, last day and name of the time that a day is in."""
    year, week, weekday = day.isocalendar()
    match interval:
        case "year":
            return date(day.year, 1, 1), date(day.year, 12, 31), f"{day.year:04}"
        case "month":
            last = next(n for n in (31, 30, 29, 28) if is_day(day.year, day.month, n))
            return day.replace(day=1), day.replace(day=last), f"{day.year:04}-{day.month:02}"
        case "week":
            last_day = date.max if date.max - day < timedelta(days=7 - weekday) else day + timedelta(days=7 - weekday)
            return day - timedelta(days=weekday - 1), last_day, f"{year:04}-W{week:02}"
        case "day":
            return day, day, f"{day.year:04}-{day.month:02}-{day.day:02}"


def is_day(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
