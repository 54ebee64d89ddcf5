"""Notes that have a sentence for each case; the others are made where what they say is found out.

A sentence is never put together from parts: in other languages these would stand in another order.
"""

from search.results import Note


def partial_note(text: str, words: int, enough: int, *, some: bool) -> Note:
    """Says that articles follow which hold some of the words.

    Args:
        text: what was typed.
        words: how many words there are, 2 or more.
        enough: how many of them the articles hold that follow: 1 of two, else 2 or 3.
        some: whether any article holds all of them.
    """
    if words == 2:
        if some:
            return Note("partial", "Few articles hold both words; those with at least one follow.", {}, text, "all")
        return Note("partial", "No article holds both words; those with at least one follow.", {}, text, "all")
    values = {"count": words}
    if enough == 2:
        if some:
            return Note(
                "partial", "Few articles hold all {count} words; those with at least two follow.", values, text, "all"
            )
        return Note(
            "partial", "No article holds all {count} words; those with at least two follow.", values, text, "all"
        )
    if some:
        return Note(
            "partial", "Few articles hold all {count} words; those with at least three follow.", values, text, "all"
        )
    return Note("partial", "No article holds all {count} words; those with at least three follow.", values, text, "all")


def stand_in_note(text: str, word: str, nearest: list[str]) -> Note:
    """Says which words, one to three, stand in for one that occurs nowhere.

    Args:
        text: what was typed.
        word: the one that occurs nowhere.
        nearest: the words in its place.
    """
    match nearest:
        case [first]:
            values = {"word": word, "first": first}
            return Note("stand_in", "“{word}” occurs nowhere; searched for “{first}” instead.", values, text, "all")
        case [first, second]:
            values = {"word": word, "first": first, "second": second}
            return Note(
                "stand_in",
                "“{word}” occurs nowhere; searched for “{first}” or “{second}” instead.",
                values,
                text,
                "all",
            )
        case _:
            first, second, third = nearest
            values = {"word": word, "first": first, "second": second, "third": third}
            return Note(
                "stand_in",
                "“{word}” occurs nowhere; searched for “{first}”, “{second}” or “{third}” instead.",
                values,
                text,
                "all",
            )


def unfinished_note(text: str, word: str) -> Note:
    """Says that the words which begin with one that occurs nowhere stand in for it.

    Args:
        text: what was typed.
        word: the one that occurs nowhere.
    """
    return Note(
        "stand_in", "“{word}” occurs nowhere; searched for words that begin so instead.", {"word": word}, text, "all"
    )


def suggestion_note(corrected: str) -> Note:
    """Asks whether other words were meant.

    Args:
        corrected: what was typed with these in it.
    """
    return Note("suggestion", "Did you mean “{query}”?", {"query": corrected}, corrected)


def cut_note() -> Note:
    """Says that the numbers are of some of the articles."""
    return Note(
        "ignored", "Time ran out: only a part of the articles was looked at, and the numbers are those of it.", {}
    )
