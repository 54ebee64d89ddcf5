"""Suggestions on a cluster while someone types; what they are is told in `search.suggest`.

Two things differ. Which word goes on best after the one before is told by how many articles have the two side by
side, where the embedded engine counts occurrences in the first articles; and a word counts as an archive's own where it
is one in some article of those that the rest of the text finds.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from index.analysis import FUNCTION_WORDS, query_tokens
from index.opensearch.connection import Json
from index.schema import EXACT
from search.evaluate import evaluate, holding_all
from search.limits import Deadline, Limits, OutOfTimeError
from search.opensearch.choices import Choices
from search.opensearch.dsl import matching, standing
from search.opensearch.known import Known
from search.opensearch.pages import Asked, page_of
from search.opensearch.rows import ClusterRows
from search.parser import parse
from search.query import And, Everything, Filters, Node, Query, Word
from search.results import Suggestion
from search.suggest import (
    BESIDE,
    MAX_TITLES,
    MAX_TOPICS,
    TITLE_POSTINGS,
    TITLES_SEEN,
    TRIES,
    beginnings_of,
    is_negated,
    key_of,
    last_word,
    reads_as,
    replaced,
    stem_of,
    text_before,
    title_clauses,
    words_alone,
)
from search.terms import ALL_FIELDS, Alternative


@dataclass(frozen=True, slots=True)
class _Completed:
    """A suggestion of words, in how many articles its last word follows the one before, and how many hold all."""

    suggestion: Suggestion
    after: int
    full: int


def suggestions(text: str, limit: int, known: Known, limits: Limits, deadline: Deadline) -> tuple[Suggestion, ...]:
    """Words, then topics, then titles, as many as there is time for."""
    if limit < 1 or not text.strip() or len(text) > limits.max_query_chars:
        return ()
    asked = _Completions(known, limits, deadline)
    tree = parse(text, limits).tree
    topics: list[Suggestion] = []
    titles: list[Suggestion] = []
    completed: list[Suggestion] = []
    words = words_alone(tree, text)
    with suppress(OutOfTimeError):
        if words:
            topics = asked.topics(text)
            titles = asked.titles(words, finished=text[-1].isspace())
        last = last_word(tree, len(text))
        wanted = max(1, limit - len(topics) - len(titles))
        completed = asked.words(text, tree, last, wanted) if last else []
    return tuple([*completed, *topics, *titles][:limit])


class _Completions:
    def __init__(self, known: Known, limits: Limits, deadline: Deadline) -> None:
        self._known = known
        self._limits = limits
        self._deadline = deadline

    def _rows(self) -> ClusterRows:
        return ClusterRows(self._known, self._limits, self._deadline)

    # Words

    def words(self, text: str, tree: Node, last: Word, wanted: int) -> list[Suggestion]:
        """The text completed with likely words; of forms that find the same, with the likelier one."""
        negated = is_negated(tree, last)
        found: dict[tuple[str, int], _Completed] = {}
        for beginning in beginnings_of(last):
            before = text[last.span[0] : beginning.start]
            rest = replaced(tree, last, replace(last, text=before) if query_tokens(before) else Everything())
            among = {"match_all": {}} if negated else self._found_by(rest)
            terms = self._terms(beginning.prefix, among, wanted * TRIES, capitals=last.capitals)
            after = {} if negated else self._after(before or text_before(tree, last, text), terms[:BESIDE])
            terms.sort(key=lambda term: -after.get(term, 0))
            for first in range(0, len(terms), wanted):
                if len(found) >= wanted:
                    break
                for term, completed in self._completed(text[: beginning.start], terms[first : first + wanted]):
                    found.setdefault((stem_of(term), completed.full), replace(completed, after=after.get(term, 0)))
            if found:
                break
        # Without a word, what is most frequent finds least.
        likely = found.values() if negated else sorted(found.values(), key=lambda each: (-each.after, -each.full))
        return [each.suggestion for each in likely][:wanted]

    def _completed(self, beginning: str, terms: Sequence[str]) -> list[tuple[str, _Completed]]:
        """Some terms with what they find at the end of a text; those that find something."""
        texts = {beginning + term: term for term in terms if reads_as(term)}
        texts = {text: term for text, term in texts.items() if len(text) <= self._limits.max_query_chars}
        trees = {text: parse(text, self._limits).tree for text in texts}
        rows = self._rows()
        rows.prepare(trees.values())
        found = []
        for text, tree in trees.items():
            evaluation = evaluate(tree, text, "auto", rows, self._deadline)
            full = rows.count(evaluation.found if evaluation.every is None else evaluation.every)
            total = rows.count(evaluation.found)
            if full and not evaluation.partial and not rows.out_of_time:
                found.append((texts[text], _Completed(Suggestion("words", text, total), 0, full)))
        return found

    def _found_by(self, rest: Node) -> Json:
        rows = self._rows()
        rows.prepare([rest])
        return matching(holding_all(rest, rows, self._deadline), self._known)

    def _terms(self, prefix: str, among: Json, limit: int, *, capitals: bool) -> list[str]:
        """The `limit` terms that begin so and stand in most of some articles, equal ones by name."""
        begun = self._known.beginning_with(prefix, among, self._deadline)
        pairs = [
            (-count, term)
            for term, count in begun.counts.items()
            if term in begun.own and term.lower() not in FUNCTION_WORDS
        ]
        if capitals:
            acronyms = [word.upper() for word in sorted(FUNCTION_WORDS) if word.startswith(prefix)]
            queries = [{"bool": {"filter": [{"term": {EXACT: acronym}}, among]}} for acronym in acronyms]
            counts = self._known.tally(queries, self._deadline) if queries else []
            pairs += [(-count, acronym) for acronym, count in zip(acronyms, counts, strict=True) if count]
        return [term for _, term in sorted(pairs)[:limit]]

    def _after(self, before: str, terms: Sequence[str]) -> dict[str, int]:
        """In how many articles each term stands right after the word before."""
        found = [token for token in query_tokens(before) if not token.extra]
        if not found or not terms:
            return {}
        pairs = [Alternative("exact", (found[-1].exact, term), 1.0, (0, 1)) for term in terms]
        counts = self._known.tally([standing([pair], ALL_FIELDS) for pair in pairs], self._deadline)
        return dict(zip(terms, counts, strict=True))

    # Topics

    def topics(self, text: str) -> list[Suggestion]:
        """Topics that begin with the text, or go on with it from one of their words on; most articles first."""
        key = key_of(text) + (" " if text[-1].isspace() else "")
        found = (Suggestion("topic", name, count) for name, count in self._known.topics() if key in f"{key_of(name)} ")
        return list(islice(found, MAX_TOPICS))

    # Titles

    def titles(self, words: tuple[Word, ...], *, finished: bool) -> list[Suggestion]:
        """Titles of articles that hold all the words there, best ranked first."""
        clauses = title_clauses(words, finished=finished, vague=self._is_vague)
        if not clauses:
            return []
        tree = And(tuple(clauses))
        rows = self._rows()
        rows.prepare([tree])
        evaluation = evaluate(tree, "", "all", rows, self._deadline)
        if evaluation.partial:
            return []
        query = Query(size=TITLES_SEEN, facets={})
        choices = Choices(Filters(), self._known, self._deadline)
        found: dict[str, Suggestion] = {}
        for hit in page_of(Asked(query, evaluation, choices, self._known, self._deadline)).hits:
            found.setdefault(hit.article.title.casefold(), Suggestion("title", hit.article.title, 1, hit.article.id))
        return list(found.values())[:MAX_TITLES]

    def _is_vague(self, prefix: str) -> bool:
        begun = self._known.beginning_with(prefix, {"match_all": {}}, self._deadline)
        too_many = len(begun.counts) > self._limits.max_expansion
        return not begun.complete or too_many or sum(begun.counts.values()) > TITLE_POSTINGS
