"""Why an article matched: ranges to mark in its texts, and the best passage of its body.

The text is analyzed again and compared with what the query looked for; no markup is made here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from index.analysis import Token, all_in_capitals, piece_of, tokens
from search.results import Ranges, Snippet
from search.terms import TermClause

PASSAGE_CHARS = 240
_MAX_BODY_CHARS = 200_000  # the passage is looked for in this much of a body
_SENTENCE_ENDS = ".!?。！？\n"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one clause, or several together, look for in a text.

    Attributes:
        exact, stems: terms of either stream that count by themselves.
        beginnings: every exact term that begins so counts.
        sequences: stream, terms and relative positions of those that count together.
        terms: every term that is in any of these.
    """

    exact: frozenset[str]
    stems: frozenset[str]
    beginnings: tuple[str, ...]
    sequences: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...]
    terms: frozenset[str]

    @classmethod
    def of(cls, clauses: Sequence[TermClause]) -> "_Wanted":
        alternatives = [each for clause in clauses for each in clause.alternatives]
        single = [each for each in alternatives if len(each.terms) == 1]
        return cls(
            exact=frozenset(each.terms[0] for each in single if each.stream == "exact"),
            stems=frozenset(each.terms[0] for each in single if each.stream == "stem"),
            beginnings=tuple(clause.beginning for clause in clauses if clause.beginning),
            sequences=tuple((each.stream, each.terms, each.offsets) for each in alternatives if len(each.terms) > 1),
            terms=frozenset(term for each in alternatives for term in each.terms),
        )

    def candidates(self, text: str) -> list[Token]:
        """The tokens of `text` that may be wanted, and others beside them."""
        if self.beginnings or all_in_capitals(text):
            return tokens(text)
        pieces = text.split(" ")
        analyzed = list(map(piece_of, pieces))
        held = [i for i, piece in enumerate(analyzed) if not self.terms.isdisjoint(piece.terms)]
        if not held:
            return []
        starts = list(accumulate([len(piece) + 1 for piece in pieces], initial=0))
        positions = list(accumulate([piece.positions for piece in analyzed], initial=0))
        return [
            Token(
                starts[i] + token.start, starts[i] + token.end, positions[i] + token.position, token.exact, token.stem
            )
            for i in held
            for token in analyzed[i].tokens
        ]

    def spans(self, found: list[Token]) -> list[tuple[int, int]]:
        """Where what is wanted stands among these tokens."""
        spans = [(t.start, t.end) for t in found if t.exact in self.exact or t.stem in self.stems]
        if self.beginnings:
            spans += [(t.start, t.end) for t in found if t.exact.startswith(self.beginnings)]
        for stream, terms, offsets in self.sequences:
            spans += _places(found, stream, terms, offsets)
        return spans


class Highlighter:
    """Finds the terms of a query in texts."""

    def __init__(self, clauses: Sequence[TermClause]) -> None:
        self._wanted = {
            field: _Wanted.of([clause for clause in clauses if field in clause.fields])
            for field in ("title", "excerpt", "body")
        }
        self._body = [_Wanted.of([clause]) for clause in clauses if "body" in clause.fields]

    def ranges(self, text: str, field: str) -> Ranges:
        """What to mark in the value of `field`: half-open, sorted, not overlapping."""
        wanted = self._wanted[field]
        return merge(wanted.spans(wanted.candidates(text)))

    def snippet(self, text: str) -> Snippet | None:
        """The passage of a body that holds most of the query's words, None where the text holds none."""
        text = text[:_MAX_BODY_CHARS]
        found = self._wanted["body"].candidates(text)
        marks = sorted((start, end, i) for i, wanted in enumerate(self._body) for start, end in wanted.spans(found))
        if not marks:
            return None
        start, end = _window(text, marks)
        inside = [(first - start, last - start) for first, last, _ in marks if start <= first and last <= end]
        return Snippet(text[start:end], merge(inside))


def _places(found: list[Token], stream: str, terms: tuple[str, ...], offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Ranges of all tokens of each place where the terms stand at these relative positions."""
    if len(found) < len(terms):
        return []
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
