"""Words, phrases and prefixes of a query -> the terms to look for.

A clause of words becomes a `TermClause`: alternatives, any of which is an occurrence, with how much it counts. Nothing
here reads postings; what the archive holds is asked through `Vocabulary`.
"""

from dataclasses import dataclass
from dataclasses import field as field_
from functools import lru_cache
from typing import Literal, Protocol

from index.analysis import FUNCTION_WORDS, Forms, query_tokens, word_forms
from index.schema import TEXT_FIELDS
from search.query import Phrase, Prefix, Word

EXACT_WEIGHT = 0.3
"""How much more an occurrence in the very form that was typed counts than one that only shares the stem."""

ALL_FIELDS = tuple(field.name for field in TEXT_FIELDS)

_MIN_PART_CHARS = 2
_PLANNED = 20_000


class Vocabulary(Protocol):
    """What the archive's words are."""

    def occurs(self, term: str) -> bool:
        """Whether a visible article has this exact term in any field."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Terms that count as an occurrence when they stand at these relative positions in one field.

    Those of one `spelling` add up. Of several spellings of a word (powerapps, "power apps") the one that counts most in
    a field counts there: multi-cloud, indexed as its parts and joined, is one occurrence.
    """

    stream: Literal["exact", "stem"]
    terms: tuple[str, ...]
    weight: float = 1.0
    offsets: tuple[int, ...] = (0,)
    spelling: int = 0


@dataclass(frozen=True, slots=True)
class TermClause:
    """One clause of words.

    Attributes:
        alternatives: what counts as an occurrence.
        fields: those it looks in.
        beginning: instead of alternatives: every exact term that begins so counts, the `limit` shortest of them.
    """

    alternatives: tuple[Alternative, ...]
    fields: tuple[str, ...]
    beginning: str = ""
    limit: int = 0
    _hash: int = field_(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.alternatives, self.fields, self.beginning, self.limit)))

    def __hash__(self) -> int:  # clauses are looked up more often than made
        return self._hash


def _fields(name: str) -> tuple[str, ...]:
    return (name,) if name else ALL_FIELDS


def forms_of(word: Word) -> tuple[Forms, ...]:
    """The forms of the parts of a typed word; one for most."""
    return word_forms(word.text, capitals=word.capitals).parts


def is_function_word(word: Word) -> bool:
    """Whether a typed word says too little to exclude an article: "the", but not "IT" in capitals."""
    return not word.field and _says_little(word.text, word.capitals)


@lru_cache(maxsize=20_000)
def _says_little(text: str, capitals: bool) -> bool:
    parts = word_forms(text, capitals=capitals).parts
    return all(part.exact in FUNCTION_WORDS and not part.capitals for part in parts)


class Planner:
    """Words, phrases and prefixes to clauses, for one vocabulary; what was planned before is kept."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._planned: dict[object, TermClause] = {}

    def word(self, word: Word, neighbours: tuple[Word, ...]) -> TermClause:
        """See `word_clause`."""
        beside = [(each.text, each.field, each.capitals, each.span < word.span) for each in neighbours]
        key = (word.text, word.field, word.capitals, *beside)
        return self._planned.get(key) or self._plan(key, word_clause(word, neighbours, self._vocabulary))

    def phrase(self, phrase: Phrase) -> TermClause:
        """See `phrase_clause`."""
        return self._planned.get(phrase) or self._plan(phrase, phrase_clause(phrase))

    def prefix(self, prefix: Prefix, limit: int) -> TermClause:
        """See `prefix_clause`."""
        key = (prefix, limit)
        return self._planned.get(key) or self._plan(key, prefix_clause(prefix, limit))

    def _plan(self, key: object, clause: TermClause) -> TermClause:
        if len(self._planned) >= _PLANNED:
            self._planned.clear()
        self._planned[key] = clause
        return clause


def word_clause(word: Word, neighbours: tuple[Word, ...], vocabulary: Vocabulary) -> TermClause:
    """The occurrences of one typed word.

    Args:
        word: the word.
        neighbours: the words typed right before and after it; `power apps` finds PowerApps, too.
        vocabulary: tells which joined and divided spellings exist.
    """
    forms = word_forms(word.text, capitals=word.capitals)
    found: list[Alternative] = []
    if len(forms.parts) > 1:
        found.append(Alternative("stem", tuple(part.stem for part in forms.parts), 1.0, forms.offsets))
        found.append(Alternative("exact", tuple(part.exact for part in forms.parts), EXACT_WEIGHT, forms.offsets))
        if forms.joined:
            found += _single(forms.joined, spelling=1)
    else:
        found += _single(forms.parts[0])
        found += _divided(forms.parts[0], vocabulary)
        found += _joined_with(word, neighbours, vocabulary)
    return TermClause(tuple(dict.fromkeys(found)), _fields(word.field))


def _single(forms: Forms, spelling: int = 0) -> list[Alternative]:
    if forms.capitals:
        return [Alternative("exact", (forms.capitals,), 1 + EXACT_WEIGHT, spelling=spelling)]
    return [
        Alternative("stem", (forms.stem,), spelling=spelling),
        Alternative("exact", (forms.exact,), EXACT_WEIGHT, spelling=spelling),
    ]


def _divided(forms: Forms, vocabulary: Vocabulary) -> list[Alternative]:
    """powerapps -> "power apps", where both are words of the archive that carry meaning."""
    word = forms.exact
    if forms.capitals or not word.isalpha() or word in FUNCTION_WORDS:
        return []
    pairs = [(word[:cut], word[cut:]) for cut in range(_MIN_PART_CHARS, len(word) - _MIN_PART_CHARS + 1)]
    return [
        Alternative("exact", pair, 1.0, (0, 1), spelling=1 + i)
        for i, pair in enumerate(pairs)
        if not FUNCTION_WORDS.intersection(pair) and all(vocabulary.occurs(part) for part in pair)
    ]


def _joined_with(word: Word, neighbours: tuple[Word, ...], vocabulary: Vocabulary) -> list[Alternative]:
    found: list[Alternative] = []
    for neighbour in neighbours:
        first, second = sorted((word, neighbour), key=lambda each: each.span)
        if first.field != second.field or is_function_word(first) or is_function_word(second):
            continue
        joined = word_forms(first.text + second.text, capitals=False)
        if len(joined.parts) == 1 and not joined.joined and vocabulary.occurs(joined.parts[0].exact):
            found += _single(joined.parts[0], spelling=-1 - len(found))
    return found


def phrase_clause(phrase: Phrase) -> TermClause:
    """Exactly these words side by side; capitals of an acronym that spells a function word count."""
    found = query_tokens(phrase.text, capitals=phrase.capitals)
    placed: dict[int, str] = {}
    for token in found:
        if not token.extra or token.exact.isupper():
            placed[token.position] = token.exact
    first = min(placed)
    terms, offsets = tuple(placed.values()), tuple(position - first for position in placed)
    return TermClause((Alternative("exact", terms, 1 + EXACT_WEIGHT, offsets),), _fields(phrase.field))


def prefix_clause(prefix: Prefix, limit: int) -> TermClause:
    """Every word that begins so, at most `limit` of them."""
    beginning = query_tokens(prefix.text, capitals=False)[0].exact
    return TermClause((), _fields(prefix.field), beginning, limit)


def stand_in_clause(words: list[str], fields: tuple[str, ...]) -> TermClause:
    """Any of these words of the archive, in place of one that occurs nowhere."""
    found: list[Alternative] = []
    for word in words:
        found += _single(word_forms(word, capitals=False).parts[0])
    return TermClause(tuple(dict.fromkeys(found)), fields)
