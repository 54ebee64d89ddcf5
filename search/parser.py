"""Typed text -> query tree. It never fails: whatever is typed is a query, with notes on what was not used.

    words side by side    all of them (see `match`)          "in quotes"      exactly these words in this order
    a OR b, a AND b       either, both                       -word, NOT word  without it
    ( … )                 grouping                           clou*            words that begin so
    title: excerpt: body: author: topic: provider: type: category: url:      in this field only
    before:2021-03 after:2020 date:2021-12 date:2021-03..2021-06             published then (UTC)

OR binds its two neighbours (`a b OR c` is a with b or c), AND binds tighter, NOT tightest. Operators are capitals; in a
query all in capitals they are words like the others.

Of a long text the first clauses are used (`search.limits`): each word, phrase, prefix, value of a field, date or
address is one. What comes after that is not read at all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from index.analysis import all_in_capitals, query_tokens, word_forms
from index.schema import KEYWORD_FIELDS, TEXT_FIELDS
from index.urls import looks_like_address
from search.dates import period
from search.limits import DEFAULT_LIMITS, Limits
from search.query import Address, And, Everything, Keyword, Node, Not, Or, Phrase, Prefix, Range, Word, cut_text
from search.results import Note

_MAX_DEPTH = 20
_TEXT_FIELDS = frozenset(field.name for field in TEXT_FIELDS)
_DATE_FIELDS = frozenset({"before", "after", "date"})
_FIELDS = _TEXT_FIELDS | frozenset(KEYWORD_FIELDS) | _DATE_FIELDS | {"url"}

_LEXEME = re.compile(
    r"""
    \s+
  | (?P<quote>["“”„«»])
  | (?P<open>\()
  | (?P<close>\))
  | (?P<minus>-(?=[^\s\-]))
  | (?P<field>[a-zA-Z]+:(?=[^\s)]))
  | (?P<word>(?:[^\s()"“”„«»,;]|(?<=\d),(?=\d))+)
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_UNSAFE = re.compile(r'[\s()"“”„«»]')
_QUOTE_END = re.compile(r'["“”„«»]')


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as it was read; `text` is the beginning of it that was short enough."""

    tree: Node
    notes: tuple[Note, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str  # word, phrase, field, open, close, minus, and, or, not
    text: str
    start: int
    end: int


def parse(typed: str, limits: Limits = DEFAULT_LIMITS) -> Parsed:
    """Read what was typed; every text gives a tree.

    Args:
        typed: any text.
        limits: how many characters and clauses of it are used; the notes say where the rest begins.
    """
    text = cut_text(typed, limits.max_query_chars)
    cut = _cut_notes(typed, text, limits)
    if _PLAIN.fullmatch(text):  # most of what is typed; the rest of this module would say the same
        words = [Word(match[0], "", True, match.span()) for match in _PLAIN_WORD.finditer(text)]
        if len(words) <= limits.max_clauses:
            return Parsed(words[0] if len(words) == 1 else And(tuple(words), relaxable=True), cut, text)
    parser = _Parser(text, limits.max_clauses)
    tree = parser.sequence("", 0)
    address = text.strip()
    if _SCHEME.match(address) and looks_like_address(address) and tree != Address(address):
        tree = Or((Address(address), tree))  # an address with spaces, parentheses or quotes in it
    if isinstance(tree, Everything) and text.strip() not in {"", "*"} and not parser.notes:
        start = len(text) - len(text.lstrip())
        span = (start, start + len(address))
        parser.notes.append(
            Note("ignored", "There is nothing to search for in “{text}”.", {"text": address}, span=span)
        )
    return Parsed(tree, (*cut, *parser.notes), text)


def _cut_notes(typed: str, text: str, limits: Limits) -> tuple[Note, ...]:
    if text == typed:
        return ()
    values = {"limit": limits.max_query_chars}
    span = (len(text), len(typed))
    return (Note("ignored", "Only the first {limit} characters of the query were used.", values, span=span),)


def _lexemes(text: str, operators: bool) -> list[_Lexeme]:
    found: list[_Lexeme] = []
    at = 0
    while at < len(text):
        match = _LEXEME.match(text, at)
        assert match
        kind, start, at = match.lastgroup or "", match.start(), match.end()
        if kind == "quote":
            end = _QUOTE_END.search(text, at)
            inside = text[at : end.start() if end else len(text)]
            at = end.end() if end else len(text)
            found.append(_Lexeme("phrase", inside, start, at))
        elif kind == "field" and match[0][:-1].lower() not in _FIELDS:
            word = re.compile(r'[^\s()"“”„«»]+').match(text, start)
            assert word
            at = word.end()
            found.append(_Lexeme("word", word[0], start, at))
        elif kind == "word" and operators and match[0] in {"AND", "OR", "NOT"}:
            found.append(_Lexeme(match[0].lower(), match[0], start, at))
        elif kind:
            found.append(_Lexeme(kind, match[0], start, at))
    return found


class _Parser:
    def __init__(self, text: str, max_clauses: int) -> None:
        self.notes: list[Note] = []
        self._text = text
        self._max_clauses = max_clauses
        self._clauses = 0
        self._capitals = not all_in_capitals(text)
        self._lexemes = _lexemes(text, operators=self._capitals)
        self._at = 0

    def peek(self) -> str | None:
        return self._lexemes[self._at].kind if self._at < len(self._lexemes) else None

    def take(self) -> _Lexeme:
        self._at += 1
        return self._lexemes[self._at - 1]

    def sequence(self, field: str, depth: int) -> Node:
        """Clauses side by side, up to a closing parenthesis or the end."""
        nodes: list[Node] = []
        while self.peek() is not None:
            if self.peek() == "close":
                if depth:
                    break
                self.take()  # it closes nothing
                continue
            node = self._either(field, depth)
            if node is not None:
                nodes.append(node)
        return _join(nodes)

    def _either(self, field: str, depth: int) -> Node | None:
        return self._infix("or", Or, self._both, field, depth)

    def _both(self, field: str, depth: int) -> Node | None:
        return self._infix("and", And, self._unary, field, depth)

    def _infix(
        self,
        operator: str,
        make: Callable[[tuple[Node, ...]], Node],
        operand: Callable[[str, int], Node | None],
        field: str,
        depth: int,
    ) -> Node | None:
        first = operand(field, depth)
        if self.peek() != operator:
            return first
        nodes = [first]
        while self.peek() == operator:
            self.take()
            nodes.append(operand(field, depth))
        present = [node for node in nodes if node is not None]
        if len(present) > 1:
            return make(tuple(present))
        return present[0] if present else None

    def _unary(self, field: str, depth: int) -> Node | None:
        negated = False
        while self.peek() in {"not", "minus"}:
            self.take()
            negated = not negated
        node = self._primary(field, depth)
        if node is None or not negated:
            return node
        if isinstance(node, Everything):  # -(…) with nothing searchable inside
            return None
        return node.clause if isinstance(node, Not) else Not(node)  # -(-word) is the word

    def _primary(self, field: str, depth: int) -> Node | None:
        kind = self.peek()
        if kind in {None, "close", "and", "or"}:
            if kind in {"and", "or"} and self._at == 0:
                self.take()  # an operator with nothing before it
            return None
        if kind in {"not", "minus"}:
            return self._unary(field, depth)
        lexeme = self.take()
        if kind == "open":
            return self._group(field, depth)
        if kind == "field":
            while self.peek() == "field":
                lexeme = self.take()
            return self._primary(lexeme.text[:-1].lower(), depth)
        if kind == "phrase":
            return self._leaf(lexeme, field, quoted=True)
        return self._leaf(lexeme, field, quoted=False)

    def _group(self, field: str, depth: int) -> Node | None:
        if depth >= _MAX_DEPTH:
            self._note_depth(self._lexemes[self._at - 1])
            while self.peek() in {"open", "not", "minus", "field"}:
                self.take()
            return self._primary(field, depth)
        node = self.sequence(field, depth + 1)
        if self.peek() == "close":
            self.take()
        return None if isinstance(node, Everything) else node

    def _note_depth(self, opening: _Lexeme) -> None:
        """Say once that parentheses are too deep: where the first of them is."""
        values = {"depth": _MAX_DEPTH}
        note = Note(
            "ignored", "Parentheses deeper than {depth} were not used.", values, span=(opening.start, opening.end)
        )
        if all(each.message != note.message for each in self.notes):
            self.notes.append(note)

    def _leaf(self, lexeme: _Lexeme, field: str, *, quoted: bool) -> Node | None:
        """A clause, or the words that a slash divides; where there are enough, the text ends before it."""
        node = self._clause(lexeme, field, quoted=quoted)
        if node is None or isinstance(node, Everything):
            return node
        clauses = _loosened(node)
        room = self._max_clauses - self._clauses
        self._clauses += len(clauses)
        if len(clauses) <= room:
            return node
        first = clauses[room]
        start = first.span[0] if isinstance(first, Word) and room else self._start(lexeme, field)
        values = {"limit": self._max_clauses}
        self.notes.append(
            Note(
                "ignored",
                "Only the first {limit} words, phrases and fields of the query were used.",
                values,
                span=(start, len(self._text)),
            )
        )
        del self._lexemes[self._at :]
        return _join(list(clauses[:room])) if room else None

    def _start(self, lexeme: _Lexeme, field: str) -> int:
        """Where a clause begins: with the name of its field, if that stands right before it."""
        start = lexeme.start - len(field) - 1
        return start if field and self._text[max(0, start) : lexeme.start].lower() == f"{field}:" else lexeme.start

    def _clause(self, lexeme: _Lexeme, field: str, *, quoted: bool) -> Node | None:
        text = lexeme.text
        if field in _DATE_FIELDS:
            return self._range(lexeme, field)
        if field == "url":
            return Address(text)
        if field in KEYWORD_FIELDS:
            folded = " ".join(text.split()).casefold()
            return Keyword(field, folded.rstrip("*"), prefix=not quoted and folded.endswith("*"))
        if quoted:
            return Phrase(text, field, self._capitals) if query_tokens(text) else None
        if not field and looks_like_address(text):
            certain = _SCHEME.match(text) or text.lower().startswith("www.") or not query_tokens(text)
            return Address(text) if certain else Or((Address(text), self._word(lexeme, field)))  # asp.net/core
        if text == "*":
            return Everything()
        if text.endswith("*") and query_tokens(text):
            return self._prefix(text.rstrip("*"), field, lexeme.start)
        return self._words(lexeme, field)

    def _words(self, lexeme: _Lexeme, field: str) -> Node | None:
        """A word, or several that a slash divides: `CI/CD`."""
        words: list[Node] = []
        for match in re.finditer(r"[^/]+", lexeme.text):
            if word_forms(match[0], capitals=self._capitals).parts:
                span = (lexeme.start + match.start(), lexeme.start + match.end())
                words.append(Word(match[0], field, self._capitals, span))
        return _join(words) if words else None

    def _word(self, lexeme: _Lexeme, field: str) -> Word:
        return Word(lexeme.text, field, self._capitals, (lexeme.start, lexeme.end))

    def _prefix(self, text: str, field: str, start: int) -> Node:
        """`multi-clo*`: its parts as words, the last as the beginning of one."""
        last = [token for token in query_tokens(text) if not token.extra][-1]
        before = text[: last.start]
        prefix = Prefix(text[last.start :], field)
        if not query_tokens(before):
            return prefix
        return And((Word(before, field, self._capitals, (start, start + len(before))), prefix))

    def _range(self, lexeme: _Lexeme, field: str) -> Node | None:
        found = _parse_range(field, lexeme.text)
        if found is None:
            self.notes.append(
                Note(
                    "ignored",
                    "“{clause}” was not used: dates are written 2021, 2021-03 or 2021-03-09.",
                    {"clause": f"{field}:{lexeme.text}"},
                    span=(self._start(lexeme, field), lexeme.end),
                )
            )
        return found


def _parse_range(field: str, text: str) -> Range | None:
    first, dots, last = text.partition("..") if field == "date" else (text, "", "")
    start, end = period(first), period(last)
    if (first and not start) or (last and not end) or not (start or end):
        return None
    if field == "before":
        return Range(end=start[0]) if start else None
    if field == "after":
        return Range(start=start[1]) if start else None
    if not dots:
        return Range(*start) if start else None
    if start and end and start[0] >= end[1]:
        return None
    return Range(start[0] if start else None, end[1] if end else None)


def _join(nodes: list[Node]) -> Node:
    if len(nodes) > 1:
        nodes = [node for node in nodes if not isinstance(node, Everything)] or nodes[:1]
    if not nodes:
        return Everything()
    nodes = [inner for node in nodes for inner in _loosened(node)]
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes), relaxable=True)


def _loosened(node: Node) -> tuple[Node, ...]:
    """Parentheses around words side by side, as prose has them, say nothing that their absence would not."""
    return node.clauses if isinstance(node, And) and node.relaxable else (node,)


def render(node: Node) -> str:
    """The tree in the query language again: how the query was understood."""
    return _render(node, nested=False)


def _render(node: Node, *, nested: bool) -> str:
    match node:
        case Word(text, field):
            return _in_field(field, text)
        case Phrase(text, field):
            return _in_field(field, f'"{text}"')
        case Prefix(text, field):
            return _in_field(field, f"{text}*")
        case Keyword(field, text, prefix):
            return _in_field(field, f"{text}*" if prefix else f'"{text}"' if " " in text else text)
        case Address(text):
            return f'url:"{text}"' if _UNSAFE.search(text) else f"url:{text}"
        case Range(start, end):
            return _render_range(start, end)
        case Not(clause):
            return f"-{_render(clause, nested=True)}"
        case And(clauses, relaxable):
            joined = (" " if relaxable else " AND ").join(_render(clause, nested=True) for clause in clauses)
            return f"({joined})" if nested else joined
        case Or(clauses):
            joined = " OR ".join(_render(clause, nested=True) for clause in clauses)
            return f"({joined})" if nested else joined
        case Everything():
            return "*"


def _in_field(field: str, text: str) -> str:
    return f"{field}:{text}" if field else text


def _render_range(start: datetime | None, end: datetime | None) -> str:
    """In terms of whole days: `start` and `end` come from `_parse_range`."""
    if start is None:
        return f"before:{end.date().isoformat()}" if end else "*"
    if end is None:
        return f"date:{start.date().isoformat()}.."
    last = end - timedelta(microseconds=1)
    return f"date:{start.date().isoformat()}..{last.date().isoformat()}"
