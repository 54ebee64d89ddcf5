"""Where nothing was found: what to ask instead, rung by rung, and how many articles each would find.

In this order: a better spelling, the words without quotes and fields, one clause fewer, any of the words, without one
filter, without all of them, a topic nearby. Each count is asked of the engine, so that no step leads nowhere; at most
some 25 questions are asked, and none after the time that one query has. What was found only in part is no step.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain

from index.analysis import FUNCTION_WORDS, fold, query_tokens
from index.errors import OutOfBudgetError
from search.engine import Engine
from search.limits import DEFAULT_LIMITS, Deadline, Limits, OutOfTimeError
from search.parser import parse, render
from search.query import SHOWN, And, Filters, Keyword, Node, Or, Phrase, Prefix, Query, Word
from search.results import Bucket, Results, Step, StepKind
from search.terms import is_function_word

MAX_FILTERS = 4
MAX_TOPICS = 3

# Of a query with more clauses or filters than these, the first are looked at.
_CLAUSES = 6  # of which it is asked what is found without them
_FREQUENCIES = 4  # of these, how often they occur
_FILTERS = 6  # that are set aside one by one


def next_steps(query: Query, results: Results, engine: Engine, limits: Limits = DEFAULT_LIMITS) -> tuple[Step, ...]:
    """What to ask instead of a query that found nothing.

    Args:
        query: what was asked.
        results: the answer; where it found anything, or not all was looked at, there are no steps.
        engine: who answered.
        limits: the engine's; of the budget, all steps together use one and a question more at most.

    Returns:
        Steps in the order of the module's docstring, no query twice.
    """
    if results.total or results.partial:
        return ()
    ladder = _Ladder(engine, replace(query, page=1, after=None), limits, Deadline(limits.budget_ms))
    ladder.climb(results)
    return tuple(ladder.steps)


@dataclass
class _Ladder:
    """The steps found so far for one query."""

    engine: Engine
    query: Query
    limits: Limits
    deadline: Deadline
    steps: list[Step] = field(default_factory=list)

    def climb(self, results: Results) -> None:
        with suppress(OutOfTimeError, OutOfBudgetError):
            self._spelling(results)
            self._plain_words()
            self._fewer_words()
            self._any_word()
            self._filters()
            self._topics()

    def _total(self, query: Query) -> int:
        """How many articles a query finds; 0 where that is not known exactly."""
        results = self._ask(query)
        return 0 if results.partial else results.total

    def _ask(self, query: Query) -> Results:
        self.deadline.check()
        return self.engine.search(replace(query, page=1, size=0, facets={}, highlight=False))

    def _add(self, kind: StepKind, subject: str, query: Query, count: int, facet: str = "") -> None:
        if count and query != self.query and all(step.query != query for step in self.steps):
            self.steps.append(Step(kind, subject, facet, query, count))

    def _spelling(self, results: Results) -> None:
        """The engine's own suggestion; where it stood in for a word, what it suggests when it may not."""
        notes = results.notes
        if any(note.kind == "stand_in" for note in notes):
            notes += self._ask(replace(self.query, match="all", filters=Filters())).notes
        corrected = next((note.query for note in notes if note.kind == "suggestion" and note.query), None)
        if corrected is None:
            return
        for filters in (self.query.filters, Filters()):
            query = replace(self.query, text=corrected, filters=filters)
            count = self._total(query)
            self._add("spelling", corrected, query, count)
            if count:
                break

    def _plain_words(self) -> None:
        """The words of phrases and fields, side by side and anywhere."""
        tree = parse(self.query.text, self.limits).tree
        plain = _plain(tree)
        if plain != tree:
            query = replace(self.query, text=render(plain))
            self._add("words", "", query, self._total(query))

    def _fewer_words(self) -> None:
        """Without the one clause that leaves the most to be found, and without the one that says least."""
        tree = parse(self.query.text, self.limits).tree
        clauses = tree.clauses if isinstance(tree, And) else ()
        telling = [i for i, clause in enumerate(clauses) if not _says_little(clause)]
        if len(telling) < 2:
            if self.query.filters != Filters():  # without its only word a query is its filters
                query = replace(self.query, text="")
                self._add("fewer_words", self.query.text.strip(), query, self._total(query))
            return
        found: list[tuple[int, Query, int]] = []
        for i in telling[:_CLAUSES]:
            rest = (*clauses[:i], *clauses[i + 1 :])
            query = replace(self.query, text=render(_together(rest, tree)))
            count = self._total(query)
            if count:
                found.append((i, query, count))
        if not found:
            return
        looked_at = found[:_FREQUENCIES] if len(found) > 1 else []
        frequencies = {i: self._total(Query(render(clauses[i]), "all")) for i, _, _ in looked_at}
        most = max(found, key=lambda each: (each[2], frequencies.get(each[0], 0)))
        least_telling = max(found, key=lambda each: frequencies.get(each[0], 0))
        for i, query, count in (most, least_telling):
            self._add("fewer_words", render(clauses[i]), query, count)

    def _any_word(self) -> None:
        """Any of several words, where that finds more than one clause fewer."""
        fewer = {step.count for step in self.steps if step.kind == "fewer_words"}
        query = replace(self.query, match="any")
        several = _how_many_loose(parse(self.query.text, self.limits).tree) > 1
        if several and self.query.match != "any" and (count := self._total(query)) not in fewer:
            self._add("any_word", "", query, count)

    def _filters(self) -> None:
        """Without one filter, most articles first; then without any."""
        found: list[tuple[int, str, str, Query]] = []
        singles = list(_without_one(self.query.filters))
        for facet, value, left in singles[:_FILTERS]:
            query = replace(self.query, filters=left)
            found.append((self._total(query), facet, value, query))
        for count, facet, value, query in sorted(found, key=lambda each: -each[0])[:MAX_FILTERS]:
            self._add("without_filter", value, query, count, facet)
        if _how_many(self.query.filters) > 1:
            query = replace(self.query, filters=Filters())
            self._add("without_filters", "", query, self._total(query))

    def _topics(self) -> None:
        """Topics that share a word with the query, else the most frequent ones of what it finds without filters."""
        for name in (self._topics_named() or self._topics_found())[:MAX_TOPICS]:
            query = replace(self.query, text="", match="auto", filters=Filters({"topic": (name,)}))
            self._add("topic", name, query, self._total(query), "topic")

    def _topics_named(self) -> list[str]:
        """Those that share a word with the query, most shared words first.

        An archive may have any number of topics, so only those beside topics with such a word are looked through.
        """
        words = _words(parse(self.query.text, self.limits).tree)
        if not words:
            return []
        any_of_them = render(Or(tuple([Word(word, "topic") for word in words.values()])))
        self.deadline.check()
        counts = self._counts(self.engine.values(Query(any_of_them, "all"), "topic"))
        shared = {name: len(words.keys() & _telling_words(name).keys()) for name in counts}
        return sorted((name for name, n in shared.items() if n), key=lambda name: (-shared[name], -counts[name], name))

    def _topics_found(self) -> list[str]:
        unfiltered = replace(self.query, size=0, filters=Filters(), facets={"topic": SHOWN}, highlight=False)
        self.deadline.check()
        return list(self._counts(self.engine.search(unfiltered).facets["topic"]))

    @staticmethod
    def _counts(buckets: Iterable[Bucket]) -> dict[str, int]:
        return {bucket.value: bucket.count for bucket in buckets if bucket.value is not None}


def _says_little(node: Node) -> bool:
    return isinstance(node, Word) and is_function_word(node)


def _how_many_loose(tree: Node) -> int:
    """How many words `match` decides about: those side by side, outside fields, that say something."""
    clauses = tree.clauses if isinstance(tree, And) and tree.relaxable else ()
    return sum(isinstance(each, Word | Prefix) and not each.field and not _says_little(each) for each in clauses)


def _plain(node: Node) -> Node:
    """The tree with words in place of phrases and of what is looked for in fields; what is excluded stays."""
    match node:
        case Phrase(text) | Keyword(_, text):
            words = tuple([Word(text[token.start : token.end]) for token in query_tokens(text) if not token.extra])
            return And(words, relaxable=True) if len(words) > 1 else words[0] if words else node
        case Word() | Prefix():
            return replace(node, field="")
        case And(clauses, relaxable):
            plain = [_plain(clause) for clause in clauses]
            if not relaxable:
                return And(tuple(plain))
            inner = [each.clauses if isinstance(each, And) and each.relaxable else (each,) for each in plain]
            return And(tuple(chain.from_iterable(inner)), relaxable=True)
        case Or(clauses):
            return Or(tuple([_plain(clause) for clause in clauses]))
        case _:
            return node


def _together(clauses: tuple[Node, ...], like: Node) -> Node:
    """Some clauses of a tree joined as they were in it."""
    if len(clauses) == 1:
        return clauses[0]
    return And(clauses, relaxable=isinstance(like, And) and like.relaxable)


def _without_one(filters: Filters) -> Iterator[tuple[str, str, Filters]]:
    """Each filter by facet and value, with the others.

    Of several choices in one facet none is left out: fewer of them find no more.
    """
    for facet in dict.fromkeys((*filters.chosen, *sorted(filters.missing))):
        values, missing = filters.chosen.get(facet, ()), facet in filters.missing
        dated = facet == "date" and not (filters.start is None and filters.end is None)
        if len(values) == 1 and not missing:
            chosen = {name: kept for name, kept in filters.chosen.items() if name != facet}
            yield facet, values[0], replace(filters, chosen=chosen)
        elif missing and not values and not dated:
            yield facet, "", replace(filters, missing=filters.missing - {facet})
    if "date" not in filters.missing and not (filters.start is None and filters.end is None):
        yield "date", "", replace(filters, start=None, end=None)
    for facet, values in filters.excluded.items():
        for value in values:
            others = tuple(each for each in values if each != value)
            excluded = {name: kept for name, kept in {**filters.excluded, facet: others}.items() if kept}
            yield facet, value, replace(filters, excluded=excluded)


def _how_many(filters: Filters) -> int:
    values = [*filters.chosen.values(), *filters.excluded.values()]
    return sum(map(len, values)) + len(filters.missing) + (filters.start is not None or filters.end is not None)


def _words(node: Node) -> dict[str, str]:
    """What the words and phrases of a query say, as `_telling_words`; what it excludes is left out."""
    match node:
        case Word(text) | Phrase(text):
            return _telling_words(text)
        case And(clauses) | Or(clauses):
            return {stem: word for clause in clauses for stem, word in _words(clause).items()}
        case _:
            return {}


def _telling_words(text: str) -> dict[str, str]:
    """The words of a text by their stems, without function words; as typed, as capitals tell (GPUs), or as a term."""
    words = {}
    for token in query_tokens(text):
        if token.exact not in FUNCTION_WORDS:
            typed = text[token.start : token.end]
            words[token.stem] = typed if fold(typed) == token.exact else token.exact
    return words
