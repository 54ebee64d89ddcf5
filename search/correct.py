"""Did you mean: the likelier of two spellings in place of words that hardly any article holds."""

from collections.abc import Sequence

from search.evaluate import Words
from search.limits import Deadline, Limits
from search.query import Word

_RARE = 3  # a word in more articles than these is hardly misspelt
_GAIN = 30  # a suggested word is at least this many times as frequent


def corrected(text: str, words: Sequence[tuple[Word, int]], spelling: Words, limits: Limits, deadline: Deadline) -> str:
    """The text with likelier words in place of rare ones; as it is where there are none.

    Args:
        text: what was typed.
        words: each word of it, and how many articles hold it.
        spelling: the archive's words.
        limits: for how many words others are looked for.
        deadline: when time is out.

    Raises:
        OutOfTimeError: it is.
    """
    found = text
    rare = [pair for pair in words if pair[1] <= _RARE][: limits.max_lookups]
    for word, count in sorted(rare, key=lambda pair: pair[0].span, reverse=True):
        if not count and spelling.occurs(word.text.casefold()):  # it is there, only not in capitals
            continue
        nearest = spelling.nearest(word.text, 1, deadline.check)
        if nearest and spelling.count(nearest[0]) >= max(1, count * _GAIN):
            start, end = word.span
            found = found[:start] + nearest[0] + found[end:]
    return found
