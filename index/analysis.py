"""Text to terms: the one analyzer, for the index and for queries.

A text becomes tokens with their place in it. Each token has two terms: `exact` (NFKC, case folded, apostrophes
dropped) and `stem` (accents folded, English Snowball stem). What must stay apart is kept apart: C#, C++, .NET, AT&T
and 5G are whole tokens; acronyms are not stemmed (AWS is not "aw", GA is not "gas"); an acronym that spells a
function word (IT, US, WHO) has a term of its own in capitals beside the folded one, so capitals in a query ask for the
acronym and small letters for either. Words joined by hyphen or dot are indexed as their parts and, at the place of the
first part, as one word (multi-cloud: multi, cloud, multicloud). Scripts without spaces become overlapping pairs of
characters, with the single characters beside them.

Cleaning text of markup is `index.text`'s work; what a query does with the terms is `search.terms`'s.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import Stemmer

MAX_TERM_CHARS = 64

FUNCTION_WORDS = frozenset(
    """a about above after again against all also am among an and any are aren't as at be because been before being
    below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each
    either else ever few for from further had hadn't has hasn't have haven't having he he'd he'll he's her here here's
    hers herself him himself his how how's however i i'd i'll i'm i've if in into is isn't it it'd it'll it's its
    itself just let's may me might more most must my myself no nor not of off on once only or other ought our ours
    ourselves out over own per quite same shall shan't she she'd she'll she's should shouldn't since so some such than
    that that's the their theirs them themselves then there there's these they they'd they'll they're they've this
    those though through thus to too under until up upon us very via was wasn't we we'd we'll we're we've were weren't
    what what's when when's where where's whether which while who who's whom whose why why's will with within without
    won't would wouldn't yet you you'd you'll you're you've your yours yourself yourselves""".replace("'", "").split()
)
"""Words that never exclude an article outside quotes, as `exact` terms."""

# Snowball leaves words of up to three letters that end in -s to look like acronyms (aws, ios, aks), so those are not
# stemmed at all, save for these plurals.
_SHORT_STEMS = {"ads": "ad", "apps": "app", "ids": "id", "pcs": "pc", "tvs": "tv", "vms": "vm", "cds": "cd"}

# Letters that NFD does not take apart.
_PLAIN_LETTERS = str.maketrans({
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ħ": "h",
    "ŧ": "t",
})


def _mark_ranges() -> str:
    """Combining marks as a character class: Python's \\w leaves them out, which would cut Hindi or Thai words."""
    blocks = (range(0x300, 0x3100), range(0xA600, 0xAC00), range(0xFB1E, 0xFB1F), range(0xFE20, 0xFE30))
    marks = [code for block in blocks for code in block if unicodedata.category(chr(code)) in {"Mn", "Mc"}]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_W = rf"[\w{_mark_ranges()}]"
_APOSTROPHE = "['’ʼ＇]"
_TOKEN = re.compile(
    rf"""
    (?P<dotted>(?<!{_W})[^\W\d_](?:\.[^\W\d_])+(?!{_W})\.?)      # U.S.  A.I.
  | (?P<special>(?<!{_W})(?:[^\W\d_]\#(?![^\W\d_])               # C#  F#
                         |[^\W\d_]+\+\+(?!{_W})                  # C++
                         |\.(?i:net)(?!{_W})                     # .NET
                         |[^\W\d_]{{1,3}}&[^\W\d_]{{1,3}}(?!{_W})(?:{_APOSTROPHE}s\b)?))  # AT&T  R&D
  | (?P<number>(?<!{_W})v?\d+(?:[.,]\d+)+(?!{_W}))               # 3.0  1,000  v1.2
  | {_W}+(?:{_APOSTROPHE}{_W}+)*
    """,
    re.VERBOSE,
)
_UNSPACED_CHARACTER = (  # Thai, Lao, Myanmar, Khmer, kana, Han, Hangul
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
)
_UNSPACED = re.compile(f"{_UNSPACED_CHARACTER}+")
_BEGINNING = re.compile(rf"(?<!{_W})(?=\S)|(?={_UNSPACED_CHARACTER})")
_ONE_WORD = re.compile(rf"[^\W_]+(?:{_APOSTROPHE}[^\W_]+)*")
_JOINERS = frozenset("-‐‑.")
_MAX_JOINED_PARTS = 4
_MAX_ACRONYM_CHARS = 4  # a longer word in capitals is rather shouted (FERRY) than an acronym that must not be stemmed
_LONG_CAPITALS = re.compile(r"[^\W\d_]{6,}")
_POSSESSIVE = re.compile(rf"{_APOSTROPHE}[sS]$")
_APOSTROPHES = re.compile(_APOSTROPHE)
_ACCENTS = re.compile(r"[\u0300-\u036f]")

_snowball = Stemmer.Stemmer("english", 0)


class Token(NamedTuple):
    """One token: `text[start:end]` at `position`; an `extra` one stands beside another and has no length of its own."""

    start: int
    end: int
    position: int
    exact: str
    stem: str
    extra: bool = False


class Forms(NamedTuple):
    """The terms of one written word; `capitals` only for an acronym that spells a function word."""

    exact: str
    stem: str
    capitals: str = ""


def tokens(text: str, *, capitals: bool | None = None) -> list[Token]:
    """Analyze one value.

    Args:
        text: clean text; ranges of the tokens are code points in it.
        capitals: whether capitals tell acronyms; None decides by the text (one all in capitals tells nothing).

    Returns:
        Tokens by position; extras follow the token at whose position they stand.
    """
    if capitals is None:
        capitals = not all_in_capitals(text)
    found: list[Token] = []
    group: list[Token] = []  # the parts that joiners tie together, so far
    position = 0
    text = text.replace("_", " ")
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if group and not (start == group[-1].end + 1 and text[start - 1] in _JOINERS):
            _close(group, found, text)
        raw = match[0]
        if match.lastgroup is None and _UNSPACED.search(raw):
            _close(group, found, text)
            position = _unspaced(raw, start, position, found, capitals)
            continue
        forms = _forms(raw, match.lastgroup or "", capitals)
        if not forms.exact:
            continue
        token = Token(start, end, position, forms.exact, forms.stem)
        found.append(token)
        if forms.capitals:
            found.append(Token(start, end, position, forms.capitals, forms.capitals, extra=True))
        group.append(token)
        position += 1
    _close(group, found, text)
    return found


@lru_cache(maxsize=20_000)
def query_tokens(text: str, *, capitals: bool | None = None) -> tuple[Token, ...]:
    """What `tokens` says of a few typed words, which come again and again."""
    return tuple(tokens(text, capitals=capitals))


def piece_tokens(piece: str, *, capitals: bool) -> list[Token]:
    """What `tokens` says of a piece of text without white space; most are one plain word, which is told at a glance."""
    if not _ONE_WORD.fullmatch(piece) or (not piece.isascii() and _UNSPACED.search(piece)):
        return tokens(piece, capitals=capitals)
    forms = _forms(piece, "", capitals)
    if not forms.exact:
        return []
    token = Token(0, len(piece), 0, forms.exact, forms.stem)
    if not forms.capitals:
        return [token]
    return [token, Token(0, len(piece), 0, forms.capitals, forms.capitals, extra=True)]


def _close(group: list[Token], found: list[Token], text: str) -> None:
    """End a run of parts: several make one more token at the place of the first."""
    if 2 <= len(group) <= _MAX_JOINED_PARTS:
        joined = "".join(part.exact for part in group)
        if len(joined) <= MAX_TERM_CHARS:
            stem = _stem(joined)
            found.append(Token(group[0].start, group[-1].end, group[0].position, joined, stem, extra=True))
            last = group[-1]
            if text[last.start - 1 : last.end] in {".NET", ".Net"}:  # ASP.NET is .NET as well; example.net is not
                found.append(Token(last.start, last.end, last.position, ".net", ".net", extra=True))
    group.clear()


def _unspaced(raw: str, start: int, position: int, found: list[Token], capitals: bool) -> int:
    """Tokens of a run that holds a script without spaces; returns the next free position."""
    at = 0
    while at < len(raw):
        run = _UNSPACED.match(raw, at)
        if run is None:
            following = _UNSPACED.search(raw, at)
            end = following.start() if following else len(raw)
            forms = _forms(raw[at:end], "", capitals)
            if forms.exact:
                found.append(Token(start + at, start + end, position, forms.exact, forms.stem))
                position += 1
            at = end
            continue
        for i in range(run.start(), run.end()):
            single = fold(raw[i])
            if i + 1 < run.end():
                pair = fold(raw[i : i + 2])
                found.append(Token(start + i, start + i + 2, position, pair, pair))
                found.append(Token(start + i, start + i + 1, position, single, single, extra=True))
            else:
                found.append(Token(start + i, start + i + 1, position, single, single, extra=run.end() - at > 1))
            position += 1
        at = run.end()
    return position


def all_in_capitals(text: str) -> bool:
    """Whether a text shouts: no small letter, and a word too long for an acronym."""
    return text == text.upper() and text != text.lower() and _LONG_CAPITALS.search(text) is not None


def _forms(raw: str, kind: str, capitals: bool) -> Forms:
    """The forms of one token; of a very long one only the beginning counts."""
    return _cached_forms(raw[: 2 * MAX_TERM_CHARS], kind, capitals)


@lru_cache(maxsize=200_000)
def _cached_forms(raw: str, kind: str, capitals: bool) -> Forms:
    exact = fold(raw)
    if kind == "dotted":
        exact = exact.replace(".", "")
        return Forms(exact, exact, exact.upper() if exact in FUNCTION_WORDS else "")
    if kind == "number":
        exact = exact.replace(",", "")
        return Forms(exact, exact)
    if kind == "special":
        return Forms(exact, exact)
    if capitals and raw.isupper() and raw.isalpha() and 2 <= len(raw) <= _MAX_ACRONYM_CHARS:
        return Forms(exact, exact, exact.upper() if exact in FUNCTION_WORDS else "")
    if (
        capitals
        and 3 <= len(raw) <= _MAX_ACRONYM_CHARS + 1
        and raw.endswith("s")
        and raw[:-1].isupper()
        and raw[:-1].isalpha()
    ):
        return Forms(exact, exact[:-1])  # VMs, APIs
    return Forms(exact, _stem(exact))


def fold(raw: str) -> str:
    """The exact term: compatibility forms unified, case folded, apostrophes and a possessive s dropped."""
    folded = _alike(raw)
    if not raw.isascii():
        folded = "".join(folded.split())
    if "'" in folded or not raw.isascii():
        folded = _APOSTROPHES.sub("", _POSSESSIVE.sub("", folded))
    return folded[:MAX_TERM_CHARS]


def _alike(raw: str) -> str:
    """Compatibility forms unified, case folded."""
    if raw.isascii():
        return raw.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", raw).casefold())


def without_accents(exact: str) -> str:
    """A folded term in plain letters."""
    if exact.isascii():
        return exact
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", exact)).translate(_PLAIN_LETTERS)
    return unicodedata.normalize("NFC", plain)


def beginnings(text: str) -> str:
    """A text in plain letters with a mark wherever a word may begin.

    From one of its words on a text reads like a shorter one where `beginnings(shorter) in beginnings(text)`. In scripts
    without spaces any character may begin a word, as in `tokens`.

    Returns:
        White space and `_` are single spaces, none at an end; apostrophes are dropped. "" where nothing is left.
    """
    plain = _APOSTROPHES.sub("", without_accents(_alike(text))).replace("_", " ")
    return _BEGINNING.sub("\n", " ".join(plain.split()))  # a line break, as there is none left


def _stem(exact: str) -> str:
    base = without_accents(exact)
    if base in _SHORT_STEMS:
        return _SHORT_STEMS[base]
    if len(base) <= 3 or any(character.isdigit() for character in base):
        return base
    stem: str = _snowball.stemWord(base)
    return stem


@dataclass(frozen=True, slots=True)
class WordForms:
    """A typed word as the index knows it.

    Attributes:
        parts: the forms of its parts in order; one for most words.
        offsets: where each part stands, from the first.
        joined: the parts written as one, where there are several.
    """

    parts: tuple[Forms, ...]
    offsets: tuple[int, ...]
    joined: Forms | None


@lru_cache(maxsize=20_000)
def word_forms(text: str, *, capitals: bool) -> WordForms:
    """Analyze one typed word, e.g. `powerapps`, `multi-cloud`, `C#`, `東京都`."""
    found = tokens(text, capitals=capitals)
    parts: list[Forms] = []
    joined: Forms | None = None
    for token in found:
        if not token.extra:
            parts.append(Forms(token.exact, token.stem))
        elif token.exact.isupper() and token.exact.lower() == parts[-1].exact:
            parts[-1] = parts[-1]._replace(capitals=token.exact)
        elif token.start == found[0].start and token.end == max(other.end for other in found) and len(parts) > 1:
            joined = Forms(token.exact, token.stem)
    places = [token.position for token in found if not token.extra]
    return WordForms(tuple(parts), tuple(place - places[0] for place in places), joined)


def fingerprint() -> str:
    """What the analyzer does, as a hash: a library that stems or folds otherwise changes it."""
    sample = (
        "Café naïve Straße C# F# C++ .NET ASP.NET AT&T R&D U.S. A.I. IT US AWS VMs don't O’Reilly’s multi-cloud "
        "FERRY HIPAA PowerApps GPT-3 1,000 3.0 v1.2 running universities ＡＢＣ ﬁne 東京都 ภาษาไทย हिन्दी 한국어"
    )
    words = " ".join(sorted(FUNCTION_WORDS)) + repr(sorted(_SHORT_STEMS.items()))
    return hashlib.sha256((repr(tokens(sample)) + words).encode()).hexdigest()


class Pieces:
    """Every piece seen so far of texts not all in capitals: analyzed once, and found by the terms it holds.

    No token crosses a space, so the pieces between spaces say all that `tokens` says of a text. Threads may share this:
    a piece that two learn at a time is only noted twice.

    Attributes:
        known: the pieces.
        tokens: those of each piece, with their places in it.
        positions: how many each piece takes.
        held_tokens: how many are kept.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.tokens: dict[str, list[Token]] = {}
        self.positions: dict[str, int] = {}
        self.held_tokens = 0
        self._holding: dict[str, list[str]] = {}

    def learn(self, pieces: Iterable[str]) -> None:
        """Analyze those that are new."""
        for piece in pieces:
            if piece in self.known:
                continue
            found = self.tokens[piece] = piece_tokens(piece, capitals=True)
            self.positions[piece] = 1 + max((token.position for token in found), default=-1)
            for term in {term for token in found for term in (token.exact, token.stem)}:
                self._holding.setdefault(term, []).append(piece)
            self.held_tokens += 1 + len(found)
            self.known.add(piece)  # last, as whoever finds it here relies on the rest

    def holding(self, terms: Iterable[str]) -> set[str]:
        """The pieces that hold one of these terms, in either stream."""
        return set().union(*[self._holding.get(term, ()) for term in terms])
