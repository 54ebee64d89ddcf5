"""Suggestions while someone types: words that go on as the last one began, topics, and titles.

The last word of the text is unfinished unless a space follows it; what stands before it is kept as typed.

- words: the archive's exact terms that begin like the unfinished word, of those that stand in an article which the rest
  of the text finds. First come those that most often stand right after the word before, then the most frequent ones.
  Function words say too little to be suggested, but IT and US do not; what no article has as a word of its own is not
  one (`search.joined`). The number beside a text is what it finds as a query, partial matches included.
- topics: those that begin with the text, or go on with it from one of their words on; most articles first.
- titles: of the articles whose title holds all the words (function words excluding nothing), best ranked first. Where
  very much begins like the unfinished word, any title would do, and none is named.

The unfinished word is the one that the parser reads at the very end of the text. So it may stand in parentheses, after
OR or a minus, or in a text field (`title:clo`); in an open phrase, an address or another field nothing is unfinished.
Topics and titles are for words alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from index.analysis import FUNCTION_WORDS, fold, query_tokens, without_accents, word_forms
from index.reader import Flags, Numbers, Snapshot
from index.schema import EXACT
from search.joined import OwnWords, places_in
from search.limits import Deadline, Limits
from search.order import in_order
from search.parser import parse
from search.query import And, Everything, Node, Not, Or, Prefix, Word
from search.results import Suggestion
from search.rows import Searchable, find, holding_all
from search.terms import is_function_word
from search.vectors import common

MAX_TITLES = 3
MAX_TOPICS = 2

BESIDE = 12  # most frequent words of which it is asked how often they stand right after the word before
_BESIDE_DOCUMENTS = 500  # of the word before, in which they are looked for
TRIES = 3  # words that are looked at for each one that is wanted: some find nothing beside the others
TITLE_POSTINGS = 50_000  # places of words that begin so, beyond which any title would do
TITLES_SEEN = 20  # articles among which different titles are looked for


@dataclass(frozen=True, slots=True)
class _Topics:
    """The topics that articles have, most articles first.

    Attributes:
        keys: their words in plain letters, a space before and after each word.
    """

    names: list[str]
    counts: list[int]
    keys: list[str]


@dataclass(frozen=True, slots=True)
class _Completed:
    """A suggestion of words, how often its last word stands right after the one before, and what holds all words."""

    suggestion: Suggestion
    after: int
    full: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """One reading of the unfinished word: what goes on from `start` of the text begins with `prefix`, folded."""

    start: int
    prefix: str


class Completions:
    """What texts can be completed with, for one generation; safe to share between threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._own_words = OwnWords(snapshot)

    def suggest(self, text: str, limit: int, searchable: Searchable, deadline: Deadline) -> tuple[Suggestion, ...]:
        """Words, then topics, then titles, as many as there is time for.

        Args:
            text: what was typed so far; any text.
            limit: how many suggestions at most.
            searchable: the generation, opened for questions; no text is suggested that is longer than its limit.
            deadline: when time is out.
        """
        if limit < 1 or not text.strip() or len(text) > searchable.limits.max_query_chars:
            return ()
        tree = parse(text, searchable.limits).tree
        topics: list[Suggestion] = []
        titles: list[Suggestion] = []
        words = words_alone(tree, text)
        if words:
            topics = self._topics_like(text)
            titles = self._titles(words, finished=text[-1].isspace(), searchable=searchable, deadline=deadline)
        last = last_word(tree, len(text))
        wanted = max(1, limit - len(topics) - len(titles))
        completed = self._words(text, tree, last, wanted, searchable, deadline) if last else []
        return tuple([*completed, *topics, *titles][:limit])

    # Words

    @cached_property
    def _telling(self) -> Flags:
        """Which words of the vocabulary may be suggested; IT and US, in capitals, are sorted elsewhere."""
        vocabulary = self._snapshot.vocabulary
        telling = np.ones(len(vocabulary.terms), np.bool_)
        for word in FUNCTION_WORDS:
            for term in (word, word.upper()):
                place = vocabulary.find(term)
                if place >= 0:
                    telling[place] = False
        return telling

    @cached_property
    def _acronyms(self) -> dict[str, int]:
        """Places of the acronyms that spell function words, by that word."""
        vocabulary = self._snapshot.vocabulary
        return {word: place for word in sorted(FUNCTION_WORDS) if (place := vocabulary.find(word.upper())) >= 0}

    def _words(
        self, text: str, tree: Node, last: Word, wanted: int, searchable: Searchable, deadline: Deadline
    ) -> list[Suggestion]:
        """The text completed with likely words; of forms that find the same, with the likelier one."""
        tries = wanted * TRIES
        negated = is_negated(tree, last)
        found: dict[tuple[str, int], _Completed] = {}
        for beginning in beginnings_of(last):
            before = text[last.span[0] : beginning.start]
            rest = replaced(tree, last, replace(last, text=before) if query_tokens(before) else Everything())
            among = None if negated else self._found_by(rest, searchable, deadline)
            terms = self._terms(beginning.prefix, among, tries, capitals=last.capitals)
            after = {} if negated else self._times_after(before or text_before(tree, last, text), terms[:BESIDE])
            for term in sorted(terms, key=lambda term: -after.get(term, 0)):
                if len(found) == wanted or deadline.passed:
                    break
                completed = text[: beginning.start] + term
                if (
                    len(completed) > searchable.limits.max_query_chars
                    or not reads_as(term)
                    or term not in self._own_words
                ):
                    continue
                tree_of_it = parse(completed, searchable.limits).tree
                answer = find(tree_of_it, completed, "auto", searchable, deadline)
                full = answer.holding_all
                if full and not answer.partial:
                    suggestion = Suggestion("words", completed, len(answer.documents))
                    found.setdefault((stem_of(term), full), _Completed(suggestion, after.get(term, 0), full))
            if found:
                break
        # Without a word, what is most frequent finds least.
        likely = found.values() if negated else sorted(found.values(), key=lambda each: (-each.after, -each.full))
        return [each.suggestion for each in likely]

    def _times_after(self, before: str, terms: list[str]) -> dict[str, int]:
        """How often each term stands right after the word before; of that, the first documents are looked at."""
        tokens = [token for token in query_tokens(before) if not token.extra]
        if not tokens:
            return {}
        documents = self._snapshot.postings(EXACT, tokens[-1].exact).documents[:_BESIDE_DOCUMENTS]
        following = places_in(documents, tokens[-1].exact, self._snapshot) + 1
        return {term: len(common(following, places_in(documents, term, self._snapshot))) for term in terms}

    def _found_by(self, rest: Node, searchable: Searchable, deadline: Deadline) -> Flags | None:
        """Which documents the rest of the text finds; None for all."""
        documents = holding_all(rest, searchable, deadline)
        if len(documents) == self._snapshot.count:
            return None
        among = np.zeros(self._snapshot.size, np.bool_)
        among[documents] = True
        return among

    def _terms(self, prefix: str, among: Flags | None, limit: int, *, capitals: bool) -> list[str]:
        """The `limit` terms that begin so and stand in most documents, equal ones by name."""
        vocabulary = self._snapshot.vocabulary

        def counts(first: int, last: int) -> Numbers:
            return vocabulary.counts[first:last] if among is None else vocabulary.counts_among(first, last, among)

        first, last = vocabulary.beginning_with(prefix)
        counted = counts(first, last) * self._telling[first:last]
        places = first + _greatest(counted, limit)
        pairs = [(-int(counted[place - first]), vocabulary.terms[place]) for place in places.tolist()]
        if capitals:
            acronyms = [(word, place) for word, place in self._acronyms.items() if word.startswith(prefix)]
            pairs += [(-int(counts(place, place + 1)[0]), word.upper()) for word, place in acronyms]
        return [term for count, term in sorted(pairs)[:limit] if count]

    # Topics

    @cached_property
    def _topics(self) -> _Topics:
        column = self._snapshot.columns["topic"]
        by_set = np.bincount(column.codes.take(self._snapshot.all), minlength=len(column.set_ends))
        counts = np.bincount(column.members, weights=by_set[column.sets], minlength=len(column.values))
        pairs = sorted((-int(count), name) for count, name in zip(counts.tolist(), column.values, strict=True) if count)
        names = [name for _, name in pairs]
        return _Topics(names, [-count for count, _ in pairs], [f"{key_of(name)} " for name in names])

    def _topics_like(self, text: str) -> list[Suggestion]:
        key = key_of(text) + (" " if text[-1].isspace() else "")
        topics = self._topics
        found: list[Suggestion] = []
        for i, each in enumerate(topics.keys):
            if key in each:
                found.append(Suggestion("topic", topics.names[i], topics.counts[i]))
                if len(found) == MAX_TOPICS:
                    break
        return found

    # Titles

    def _is_vague(self, prefix: str, limits: Limits) -> bool:
        vocabulary = self._snapshot.vocabulary
        first, end = vocabulary.beginning_with(prefix)
        return bool(end - first > limits.max_expansion or vocabulary.counts[first:end].sum() > TITLE_POSTINGS)

    def _titles(
        self, words: tuple[Word, ...], *, finished: bool, searchable: Searchable, deadline: Deadline
    ) -> list[Suggestion]:
        clauses = title_clauses(
            words, finished=finished, vague=lambda prefix: self._is_vague(prefix, searchable.limits)
        )
        if not clauses:
            return []
        found = find(And(tuple(clauses)), "", "all", searchable, deadline)
        if found.partial:
            return []
        titles: dict[str, Suggestion] = {}
        for place in in_order(found.documents, found.scores, "relevance", TITLES_SEEN, searchable).tolist():
            article = self._snapshot.article(int(found.documents[place]))
            titles.setdefault(article.title.casefold(), Suggestion("title", article.title, 1, article.id))
            if len(titles) == MAX_TITLES:
                break
        return list(titles.values())


def title_clauses(words: tuple[Word, ...], *, finished: bool, vague: Callable[[str], bool]) -> list[Node]:
    """What a title must hold to go on as some words do; nothing where any would do.

    Args:
        words: that were typed.
        finished: whether the last of them is.
        vague: whether very much begins so.
    """
    telling = [word for word in words if not is_function_word(word)]
    clauses: list[Node] = [replace(word, field="title") for word in telling]
    if finished:
        return clauses
    last = words[-1]
    *_, token = [each for each in query_tokens(last.text, capitals=last.capitals) if not each.extra]
    if vague(token.exact):
        return []
    if token.end == len(last.text):
        clauses = [replace(word, field="title") for word in telling if word is not last]
        before = last.text[: token.start]
        clauses += [replace(last, text=before, field="title")] if query_tokens(before) else []
        clauses.append(Prefix(last.text[token.start :], "title"))
    return clauses


def words_alone(tree: Node, text: str) -> tuple[Word, ...]:
    """The words of a text that is nothing but words, the last of which may be unfinished; empty for any other."""
    nodes = tree.clauses if isinstance(tree, And) and tree.relaxable else (tree,)
    words = tuple([node for node in nodes if isinstance(node, Word) and not node.field])
    if len(words) < len(nodes) or words[-1].span[1] < len(text.rstrip()):
        return ()
    return words


def last_word(tree: Node, end: int) -> Word | None:
    """The word that ends where the text does."""
    match tree:
        case Word():
            return tree if tree.span[1] == end else None
        case And(clauses) | Or(clauses):
            return next((word for clause in clauses if (word := last_word(clause, end))), None)
        case Not(clause):
            return last_word(clause, end)
        case _:
            return None


def text_before(tree: Node, word: Word, text: str) -> str:
    """The word that stands right before another; "" where something else does, or nothing."""
    before = last_word(tree, len(text[: word.span[0]].rstrip()))
    return before.text if before else ""


def replaced(tree: Node, word: Word, other: Node) -> Node:
    """The tree with something else in place of one word."""
    match tree:
        case Word():
            return other if tree is word else tree
        case And(clauses, relaxable):
            return And(tuple([replaced(clause, word, other) for clause in clauses]), relaxable)
        case Or(clauses):
            return Or(tuple([replaced(clause, word, other) for clause in clauses]))
        case _:
            return tree


def is_negated(tree: Node, word: Word) -> bool:
    """Whether articles without the word are asked for."""
    match tree:
        case And(clauses) | Or(clauses):
            return any(is_negated(clause, word) for clause in clauses)
        case Not(clause):
            return last_word(clause, word.span[1]) is word
        case _:
            return False


def beginnings_of(word: Word) -> list[Beginning]:
    """What an unfinished word may be the beginning of: all of it (C+), else its last part (the clo of multi-clo)."""
    start = word.span[0]
    found = {fold(word.text): start}
    *_, token = [each for each in query_tokens(word.text, capitals=word.capitals) if not each.extra]
    if token.end == len(word.text):
        found.setdefault(token.exact, start + token.start)
    return [Beginning(at, prefix) for prefix, at in found.items() if prefix]


def reads_as(term: str) -> bool:
    """Whether a term, typed, is read as itself; `1⁄2`, which ½ is folded to, is not."""
    parts = word_forms(term, capitals=True).parts
    return len(parts) == 1 and term in {parts[0].exact, parts[0].capitals}


def stem_of(term: str) -> str:
    """What terms share that find the same articles, nearly always."""
    (forms,) = word_forms(term, capitals=True).parts
    return forms.capitals or forms.stem


def _greatest(counts: Numbers, limit: int) -> Numbers:
    """Where the `limit` greatest of some counts stand, in no order; of equal ones the first."""
    if len(counts) <= limit:
        return np.arange(len(counts))
    least = np.partition(counts, len(counts) - limit)[len(counts) - limit]
    above = np.flatnonzero(counts > least)
    return np.concatenate((above, np.flatnonzero(counts == least)[: limit - len(above)]))


def key_of(text: str) -> str:
    """The words of a text in plain letters, with a space before each."""
    return "".join([f" {without_accents(token.exact)}" for token in query_tokens(text) if not token.extra])
