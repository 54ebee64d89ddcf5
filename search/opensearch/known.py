"""What is known of one generation on a cluster: asked once, then kept as long as its view is.

Only words of visible articles are ever named: lists that OpenSearch keeps still hold the words of deleted articles, so
whatever they give is counted before it is believed.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from index.analysis import FUNCTION_WORDS
from index.opensearch.connection import Json
from index.opensearch.mapping import JOINED, spelled_field, stream_field
from index.schema import EXACT, TEXT_FIELDS
from search.limits import NEVER, Deadline
from search.opensearch.dsl import matching, standing
from search.opensearch.tree import Row, TermsRow
from search.opensearch.view import PAGE, Totals, View, escaped, split_spelled, total_of
from search.spelling import MIN_CHARS, TWO_EDITS_FROM_CHARS, edits, letters_of
from search.terms import ALL_FIELDS, Alternative, Planner, TermClause

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_KEPT = 20_000  # facts of each kind
_FILTERS_AT_ONCE = 500
_NEAR = 1_000  # words that OpenSearch may think are near
_FREQUENT = 2_000_000_000  # articles
_MORE_CHARS = (0, 1, 2, 3, 4, 6, 8, 12, 20)  # tried in turn, where very many words begin alike
_MOST_CHARS = 64


class Begun(NamedTuple):
    """Exact terms that begin alike.

    Attributes:
        counts: how many articles have each.
        own: those that some article has as a word, not only joined from several.
        complete: whether these are all.
    """

    counts: dict[str, int]
    own: frozenset[str]
    complete: bool


class Known:
    """Facts of one view; safe to share between threads.

    Attributes:
        view: that is asked.
        planner: makes clauses for its vocabulary.
        removed: `index.urls.address_hash` of every address that must not be linked.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.planner = Planner(self)
        self._counts: dict[Row, int] = {}
        self._occurring: dict[str, bool] = {}  # exact terms
        self._standing: dict[Alternative, bool] = {}
        self._in_fields: dict[str, int] = {}
        self._terms: dict[str, list[str]] = {}
        self._near: dict[str, list[str]] = {}
        self._names: dict[tuple[str, str], str | None] = {}
        self._topics: list[tuple[str, int]] | None = None

        self.removed = frozenset(view.published.manifest.removed)

    @property
    def totals(self) -> Totals:
        return self.view.totals

    # Counts

    def count(self, rows: Iterable[Row], deadline: Deadline = NEVER) -> list[int]:
        """How many articles there are in each of some rows."""
        keys = [TermsRow(row.clause) if isinstance(row, TermsRow) else row for row in rows]
        missing = [key for key in dict.fromkeys(keys) if key not in self._counts]
        bodies = [{"size": 0, "query": matching(row, self)} for row in missing]
        found = map(total_of, self.view.ask_all(bodies, deadline))
        counted = dict(zip(missing, found, strict=True))
        counts = [counted[key] if key in counted else self._counts[key] for key in keys]
        _keep(self._counts, counted)
        return counts

    def holding(self, clause: TermClause) -> int:
        return self.count([TermsRow(clause)])[0]

    def tally(self, queries: Sequence[Json], deadline: Deadline) -> list[int]:
        """How many articles each of many queries finds."""
        counts: list[int] = []
        for first in range(0, len(queries), _FILTERS_AT_ONCE):
            some = queries[first : first + _FILTERS_AT_ONCE]
            filters = {str(number): query for number, query in enumerate(some)}
            answer = self.view.ask({"size": 0, "aggs": {"each": {"filters": {"filters": filters}}}}, deadline)
            buckets = answer["aggregations"]["each"]["buckets"]
            counts += [buckets[number]["doc_count"] for number in filters]
        return counts

    def names(self, facet: str, values: Sequence[str], deadline: Deadline = NEVER) -> dict[str, str]:
        """How some folded values of a facet are written; those that no article has are left out."""
        missing = [value for value in dict.fromkeys(values) if (facet, value) not in self._names]
        stored = spelled_field(facet)
        common: Json = {"size": 1, "_source": False, "docvalue_fields": [stored]}
        answers = self.view.ask_all([common | {"query": {"term": {facet: value}}} for value in missing], deadline)
        found: dict[tuple[str, str], str | None] = {}
        for value, answer in zip(missing, answers, strict=True):
            spelled = [split_spelled(each) for hit in answer["hits"]["hits"] for each in hit["fields"][stored]]
            own = next((spelling for folded, spelling in spelled if folded == value), None)
            found[facet, value] = None if own is None else self.view.spelling(facet, own)
        named = {
            value: found[facet, value] if (facet, value) in found else self._names[facet, value] for value in values
        }
        _keep(self._names, found)
        return {value: name for value, name in named.items() if name is not None}

    def topics(self) -> list[tuple[str, int]]:
        """Every topic with the number of its articles, most first, equal numbers by name."""
        if self._topics is None:
            counts: dict[str, int] = {}
            for value, count in self.view.walk(spelled_field("topic"), {"match_all": {}}):
                name = self.view.spelling("topic", split_spelled(value)[1])
                counts[name] = counts.get(name, 0) + count
            self._topics = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return self._topics

    # Words

    def occurs(self, term: str) -> bool:
        """Whether an article has this exact term."""
        self.learn_words([term])
        return self._occurring.get(term, False)

    def learn_words(self, terms: Iterable[str], deadline: Deadline = NEVER) -> None:
        """Find out which of some exact terms occur."""
        missing = [term for term in dict.fromkeys(terms) if term not in self._occurring]
        counts = self.tally([{"term": {EXACT: term}} for term in missing], deadline)
        _keep(self._occurring, {term: count > 0 for term, count in zip(missing, counts, strict=True)})

    def counts_holding(self, stream: str, terms: Sequence[str], deadline: Deadline = NEVER) -> list[int]:
        """How many articles have each of some terms."""
        return self.tally([{"term": {stream: term}} for term in terms], deadline)

    def counts_in_fields(self, terms: Sequence[str], deadline: Deadline = NEVER) -> list[int]:
        """How many articles have each of some exact terms, in the field where most do."""
        missing = [term for term in dict.fromkeys(terms) if term not in self._in_fields]
        fields = [stream_field(field.name, EXACT) for field in TEXT_FIELDS]
        counts = self.tally([{"term": {field: term}} for term in missing for field in fields], deadline)
        greatest = [max(counts[at : at + len(fields)]) for at in range(0, len(counts), len(fields))]
        found = dict(zip(missing, greatest, strict=True))
        counted = [found[term] if term in found else self._in_fields[term] for term in terms]
        _keep(self._in_fields, found)
        return counted

    def terms(self, beginning: str, deadline: Deadline = NEVER) -> list[str]:
        """The exact terms that begin so, shortest first; of more than 10,000 the shortest thousands."""
        found = self._terms.get(beginning)
        if found is None:
            found = self._list_terms(beginning, deadline)
            _keep(self._terms, {beginning: found})
        return found

    def _list_terms(self, beginning: str, deadline: Deadline) -> list[str]:
        terms, complete = self._terms_up_to(beginning, _MOST_CHARS, deadline)
        if complete:
            return terms
        for more in _MORE_CHARS:
            longer, complete = self._terms_up_to(beginning, len(beginning) + more, deadline)
            if not complete:
                break
            terms = longer
        return terms

    def _terms_up_to(self, beginning: str, chars: int, deadline: Deadline) -> tuple[list[str], bool]:
        """Those of so many characters at most, shortest first, and whether they are all."""
        begun = self.beginning_with(beginning, {"match_all": {}}, deadline, chars=chars)
        return sorted(begun.counts, key=lambda term: (len(term), term)), begun.complete

    def beginning_with(
        self, beginning: str, among: Json, deadline: Deadline = NEVER, *, chars: int = _MOST_CHARS
    ) -> Begun:
        """The exact terms that begin so, and in how many of some articles each is; of too many, the most frequent.

        Args:
            beginning: of the terms.
            among: query for the articles.
            deadline: when time is out.
            chars: how long a term may be.
        """
        pattern = f"{escaped(JOINED)}?{escaped(beginning)}.{{0,{max(0, chars - len(beginning))}}}"
        values = {"terms": {"field": "words", "include": pattern, "size": PAGE, "shard_size": PAGE}}
        query = {"bool": {"filter": [{"prefix": {EXACT: beginning}}, among]}}
        answer = self.view.ask({"size": 0, "query": query, "aggs": {"values": values}}, deadline)
        found = answer["aggregations"]["values"]
        counts: dict[str, int] = {}
        for bucket in found["buckets"]:
            term = bucket["key"].removeprefix(JOINED)
            counts[term] = counts.get(term, 0) + bucket["doc_count"]
        own = frozenset(bucket["key"] for bucket in found["buckets"])
        return Begun(counts, own.intersection(counts), not found["sum_other_doc_count"])

    def has_more_terms(self, beginning: str, limit: int, deadline: Deadline = NEVER) -> bool:
        return len(self.terms(beginning, deadline)) > limit

    def nearest(self, word: str, deadline: Deadline = NEVER) -> list[str]:
        """The words fewest edits away, most frequent first; see `search.spelling.Spelling.nearest`."""
        exact = letters_of(word)
        if not exact:
            return []
        found = self._near.get(exact)
        if found is None:
            found = self._look_near(exact, deadline)
            _keep(self._near, {exact: found})
        return found

    def _look_near(self, exact: str, deadline: Deadline) -> list[str]:
        for distance in (1, 2) if len(exact) >= TWO_EDITS_FROM_CHARS else (1,):
            likely = [
                each
                for each in self._suggested(exact, distance, deadline)
                if each.isalpha()
                and len(each) >= MIN_CHARS
                and each not in FUNCTION_WORDS
                and edits(each, exact, distance) == distance
            ]
            counts = self.counts_in_fields(likely, deadline)
            pairs = sorted((-count, each) for each, count in zip(likely, counts, strict=True) if count)
            if pairs:
                return [each for _, each in pairs]
        return []

    def _suggested(self, exact: str, distance: int, deadline: Deadline) -> list[str]:
        near = {
            "field": EXACT,
            "analyzer": "terms",
            "suggest_mode": "always",
            "max_edits": distance,
            "prefix_length": distance - 1,  # where words are two edits apart, they begin alike
            "min_word_length": 1,
            "accuracy": 0.0,
            "size": _NEAR,
            "shard_size": _NEAR,
            "max_inspections": 10,
            "max_term_freq": _FREQUENT,  # also for words that are in many articles
        }
        answer = self.view.ask({"size": 0, "suggest": {"text": exact, "near": {"term": near}}}, deadline)
        return [option["text"] for entry in answer["suggest"]["near"] for option in entry["options"]]

    # Clauses

    def learn_clauses(self, clauses: Iterable[TermClause], deadline: Deadline = NEVER) -> None:
        """Find out which spellings occur, and which words begin so."""
        asked = [each for clause in clauses for each in clause.alternatives if not _is_plain(each)]
        missing = [each for each in dict.fromkeys(asked) if each not in self._standing]
        counts = self.tally([standing([each], ALL_FIELDS) for each in missing], deadline)
        _keep(self._standing, {each: count > 0 for each, count in zip(missing, counts, strict=True)})
        for clause in clauses:
            if clause.beginning:
                self.terms(clause.beginning, deadline)

    def alternatives(self, clause: TermClause) -> Sequence[Alternative]:
        if clause.beginning:
            return [Alternative("exact", (term,)) for term in self.terms(clause.beginning)[: clause.limit]]
        return [each for each in clause.alternatives if _is_plain(each) or self._stands(each)]

    def _stands(self, alternative: Alternative) -> bool:
        if alternative not in self._standing:
            self.learn_clauses([TermClause((alternative,), ALL_FIELDS)])
        return self._standing.get(alternative, True)


class KnownWords:
    """Implements `search.evaluate.Words` for one question.

    Args:
        known: the view that is asked.
        deadline: when time is out.
    """

    def __init__(self, known: Known, deadline: Deadline) -> None:
        self._known = known
        self._deadline = deadline

    def occurs(self, term: str) -> bool:
        return self._known.occurs(term)

    def count(self, term: str) -> int:
        return self._known.counts_in_fields([term], self._deadline)[0]

    def beginning(self, word: str, between: Callable[[], None]) -> str:
        between()
        exact = letters_of(word)
        return exact if exact and self._known.terms(exact, self._deadline) else ""

    def nearest(self, word: str, limit: int, between: Callable[[], None]) -> list[str]:
        between()
        return self._known.nearest(word, self._deadline)[:limit]


def _is_plain(alternative: Alternative) -> bool:
    """Whether to look for an alternative costs next to nothing."""
    return alternative.spelling == 0 and len(alternative.terms) == 1


def _keep(facts: dict[Key, Value], more: Mapping[Key, Value]) -> None:
    if len(facts) + len(more) > _KEPT:
        facts.clear()
    facts.update(more)
