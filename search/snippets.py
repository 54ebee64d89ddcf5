"""Why an article matched: ranges to mark in its texts, and the best passage of its body.

The text is analyzed again and compared with what the query looked for; no markup is made here.
"""

from collections.abc import Sequence

from index.analysis import Token, tokens
from search.results import Ranges, Snippet
from search.terms import TermClause

PASSAGE_CHARS = 240
_MAX_BODY_CHARS = 200_000  # the passage is looked for in this much of a body
_SENTENCE_ENDS = ".!?。！？\n"


class Highlighter:
    """Finds the terms of a query in texts."""

    def __init__(self, clauses: Sequence[TermClause]) -> None:
        self._clauses = [
            (
                clause.fields,
                {a.terms[0] for a in clause.alternatives if a.stream == "exact" and len(a.terms) == 1},
                {a.terms[0] for a in clause.alternatives if a.stream == "stem" and len(a.terms) == 1},
                [(a.stream, a.terms, a.offsets) for a in clause.alternatives if len(a.terms) > 1],
                clause.beginning,
            )
            for clause in clauses
        ]

    def ranges(self, text: str, field: str) -> Ranges:
        """What to mark in the value of `field`: half-open, sorted, not overlapping."""
        if not self._clauses:
            return ()
        return merge([span for spans in self._spans(tokens(text), field) for span in spans])

    def snippet(self, text: str) -> Snippet | None:
        """The passage of a body that holds most of the query's words, None where the text holds none."""
        if not self._clauses:
            return None
        text = text[:_MAX_BODY_CHARS]
        by_clause = self._spans(tokens(text), "body")
        marks = sorted((start, end, number) for number, spans in enumerate(by_clause) for start, end in spans)
        if not marks:
            return None
        start, end = _window(text, marks)
        inside = [(first - start, last - start) for first, last, _ in marks if start <= first and last <= end]
        return Snippet(text[start:end], merge(inside))

    def _spans(self, found: list[Token], field: str) -> list[list[tuple[int, int]]]:
        """For each clause the ranges where it occurs."""
        spans: list[list[tuple[int, int]]] = []
        for fields, exact, stems, sequences, beginning in self._clauses:
            if field not in fields:
                continue
            spans.append([(t.start, t.end) for t in found if t.exact in exact or t.stem in stems])
            if beginning:
                spans[-1] += [(t.start, t.end) for t in found if t.exact.startswith(beginning)]
            for stream, terms, offsets in sequences:
                spans[-1] += _places(found, stream, terms, offsets)
        return spans


def _places(found: list[Token], stream: str, terms: tuple[str, ...], offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Ranges of all tokens of each place where the terms stand at these relative positions."""
    by_place = {(t.position, t.exact if stream == "exact" else t.stem): (t.start, t.end) for t in found}
    places = []
    for position, term in list(by_place):
        if term == terms[0]:
            wanted = [(position - offsets[0] + offset, term) for offset, term in zip(offsets, terms, strict=True)]
            if all(key in by_place for key in wanted):
                places.append((by_place[wanted[0]][0], by_place[wanted[-1]][1]))
    return places


def merge(spans: list[tuple[int, int]]) -> Ranges:
    """Overlapping ranges made one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _window(text: str, marks: list[tuple[int, int, int]]) -> tuple[int, int]:
    """The part of `text` of about `PASSAGE_CHARS` with most different clauses, then most marks, then the first."""
    best, best_last, best_key, last = 0, 0, (-1, -1), 0
    for first in range(len(marks)):
        last = max(last, first)
        while last + 1 < len(marks) and marks[last + 1][1] - marks[first][0] <= PASSAGE_CHARS:
            last += 1
        inside = marks[first : last + 1]
        key = (len({number for _, _, number in inside}), len(inside))
        if key > best_key:
            best, best_last, best_key = first, last, key
    start = _sentence_start(text, marks[best][0])
    shown = max(mark[1] for mark in marks[best : best_last + 1])
    end = min(len(text), max(start + PASSAGE_CHARS, shown))
    if end < len(text):
        space = text.rfind(" ", shown, end)
        end = space if space > 0 else end
    return start, end


def _sentence_start(text: str, at: int) -> int:
    """Where to begin so that the mark at `at` is well inside: at its sentence if that is near, else at a word."""
    least = max(0, at - PASSAGE_CHARS // 3)
    near = max((text.rfind(sign, least, at) for sign in _SENTENCE_ENDS), default=-1)
    start = near + 1 if near >= 0 else least
    if near < 0 and least > 0:
        start = text.find(" ", least, at) + 1 or least
    while start < at and text[start].isspace():
        start += 1
    return start
