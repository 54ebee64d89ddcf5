"""Why an article matched: ranges to mark in its texts, and the best passage of its body.

The text is analyzed again and compared with what the query looked for; no markup is made here.
"""

from collections import Counter
from collections.abc import Sequence

from index.analysis import Pieces, all_in_capitals, tokens
from search.results import Ranges, Snippet
from search.terms import TermClause

PASSAGE_CHARS = 240
_MAX_BODY_CHARS = 200_000  # the passage is looked for in this much of a body
_SENTENCE_ENDS = ".!?。！？\n"

_Tokens = list[tuple[int, int, int, str, str, bool]]
"""As `Token`; plain tuples are made in a fifth of the time, and dozens of them on every page."""

_MAX_TOKENS = 200_000  # kept of pieces, some 400 bytes each; beyond that they are learned anew


class _Known:
    """The pieces that all threads share."""

    pieces = Pieces()

    @classmethod
    def now(cls) -> Pieces:
        if cls.pieces.held_tokens > _MAX_TOKENS:
            cls.pieces = Pieces()
        return cls.pieces


class _Wanted:
    """What some clauses look for in a text."""

    def __init__(self, clauses: Sequence[TermClause]) -> None:
        alternatives = [each for clause in clauses for each in clause.alternatives]
        single = [each for each in alternatives if len(each.terms) == 1]
        self._exact = {each.terms[0] for each in single if each.stream == "exact"}
        self._stems = {each.terms[0] for each in single if each.stream == "stem"}
        self._sequences = [each for each in alternatives if len(each.terms) > 1]
        self._beginnings = tuple([clause.beginning for clause in clauses if clause.beginning])
        self._known = _Known.now()
        self._look_up()

    def _look_up(self) -> None:
        """Find the known pieces that hold a wanted term, and those that hold each term of a sequence."""
        self._looked_through = len(self._known.known)
        holding = self._known.holding
        self._pieces = holding(self._exact | self._stems)
        self._sequence_pieces = [[holding((term,)) for term in each.terms] for each in self._sequences]

    def candidates(self, text: str) -> _Tokens:
        """Those tokens of a text that may be wanted, and others beside them."""
        if self._beginnings or all_in_capitals(text):
            return list(tokens(text))
        pieces = text.split(" ")
        if not self._known.known.issuperset(pieces):
            self._known.learn(pieces)
        if len(self._known.known) != self._looked_through:  # by this one's learning or by another's
            self._look_up()
        looked_for, positions = self._pieces, None
        for holding in self._sequence_pieces:
            if not any(each.isdisjoint(pieces) for each in holding):
                looked_for, positions = looked_for.union(*holding), self._known.positions
        found: _Tokens = []
        start = position = done = 0
        for i in [i for i, piece in enumerate(pieces) if piece in looked_for]:
            start += sum(map(len, pieces[done:i])) + i - done
            if positions is not None:  # nothing but a sequence asks for them
                position += sum(map(positions.__getitem__, pieces[done:i]))
            done = i
            found += [
                (start + first, start + end, position + place, exact, stem, extra)
                for first, end, place, exact, stem, extra in self._known.tokens[pieces[i]]
            ]
        return found

    def spans(self, found: _Tokens) -> list[tuple[int, int]]:
        """Where what is wanted stands among the candidates of a text."""
        spans = [(start, end) for start, end, _, exact, stem, _ in found if exact in self._exact or stem in self._stems]
        if self._beginnings:
            spans += [(start, end) for start, end, _, exact, *_ in found if exact.startswith(self._beginnings)]
        for each in self._sequences:
            if len(found) >= len(each.terms):
                spans += _places(found, each.stream, each.terms, each.offsets)
        return spans


class Highlighter:
    """Finds the terms of a query in texts."""

    def __init__(self, clauses: Sequence[TermClause]) -> None:
        self._clauses = clauses
        self._made: dict[tuple[TermClause, ...], _Wanted] = {}
        self._by_field: dict[str, _Wanted] = {}

    def ranges(self, text: str, field: str) -> Ranges:
        """What to mark in the value of `field`: half-open, sorted, not overlapping."""
        wanted = self._wanted(field)
        return merge(wanted.spans(wanted.candidates(text)))

    def snippet(self, text: str) -> Snippet | None:
        """The passage of a body that holds most of the query's words, None where the text holds none."""
        text = text[:_MAX_BODY_CHARS]
        found = self._wanted("body").candidates(text)
        clauses = [clause for clause in dict.fromkeys(self._clauses) if "body" in clause.fields]
        by_clause = [self._of([clause]).spans(found) for clause in clauses]
        marks = sorted((start, end, number) for number, spans in enumerate(by_clause) for start, end in spans)
        if not marks:
            return None
        start, end = _window(text, marks)
        inside = [(first - start, last - start) for first, last, _ in marks if start <= first and last <= end]
        return Snippet(text[start:end], merge(inside))

    def _wanted(self, field: str) -> _Wanted:
        wanted = self._by_field.get(field)
        if wanted is None:
            wanted = self._by_field[field] = self._of([clause for clause in self._clauses if field in clause.fields])
        return wanted

    def _of(self, clauses: list[TermClause]) -> _Wanted:
        """What these clauses want, made once: the fields are mostly asked for the same."""
        key = tuple(clauses)
        if key not in self._made:
            self._made[key] = _Wanted(key)
        return self._made[key]


def _places(found: _Tokens, stream: str, terms: tuple[str, ...], offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Ranges of all tokens of each place where the terms stand at these relative positions."""
    by_place = {
        (position, exact if stream == "exact" else stem): (start, end) for start, end, position, exact, stem, _ in found
    }
    places = []
    for position, term in list(by_place):
        if term == terms[0]:
            wanted = [(position - offsets[0] + offset, term) for offset, term in zip(offsets, terms, strict=True)]
            if all(key in by_place for key in wanted):
                places.append((by_place[wanted[0]][0], by_place[wanted[-1]][1]))
    return places


def merge(spans: list[tuple[int, int]]) -> Ranges:
    """Overlapping ranges made one."""
    if len(spans) < 2:
        return tuple(spans)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _window(text: str, marks: list[tuple[int, int, int]]) -> tuple[int, int]:
    """The part of `text` of about `PASSAGE_CHARS` with most different clauses, then most marks, then the first."""
    best, best_last, best_key, last = 0, 0, (-1, -1), -1
    inside: Counter[int] = Counter()  # marks from `first` to `last` by clause, kept as the window slides
    for first, mark in enumerate(marks):
        while last < first or (last + 1 < len(marks) and marks[last + 1][1] - mark[0] <= PASSAGE_CHARS):
            last += 1
            inside[marks[last][2]] += 1
        key = (len(inside), last + 1 - first)
        if key > best_key:
            best, best_last, best_key = first, last, key
        inside[mark[2]] -= 1
        if not inside[mark[2]]:
            del inside[mark[2]]
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
