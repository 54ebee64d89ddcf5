"""Notes: what they say in English, and that each sentence is a literal that can be translated."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from conftest import ROOT

from search.notes import partial_note, stand_in_note, unfinished_note
from search.results import Note, NoteKind


def calls(path: Path) -> Iterator[tuple[ast.Call, dict[str, ast.Dict]]]:
    """Every call of `Note` in a module, with the dictionaries that names before it stand for."""
    named: dict[str, ast.Dict] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Dict() as value):
                named[name] = value
            case ast.Call(func=ast.Name("Note")):
                yield node, dict(named)


def test_every_note_is_a_literal_whose_names_are_those_of_its_values() -> None:
    kinds = set()
    for path in sorted((ROOT / "search").glob("*.py")):
        for call, named in calls(path):
            where = f"{path.name}:{call.lineno}"
            kind, message, values = call.args[:3]
            assert isinstance(kind, ast.Constant), where
            kinds.add(kind.value)
            assert isinstance(message, ast.Constant), where
            assert isinstance(message.value, str), where
            values = named[values.id] if isinstance(values, ast.Name) else values
            assert isinstance(values, ast.Dict), where
            keys = {key.value if isinstance(key, ast.Constant) else None for key in values.keys}
            placeholders = [part[1:] for part in Formatter().parse(message.value) if part[1] is not None]
            assert {name for name, _, _ in placeholders} == keys, where
            assert all((form, conversion) == ("", None) for _, form, conversion in placeholders), where
    assert kinds == set(get_args(NoteKind))


def test_values_stand_in_their_places_and_are_not_read_themselves() -> None:
    note = Note("ignored", "{text} and {count}", {"text": "{count} {0} {", "count": 12_345})
    assert note.text == "{count} {0} { and 12,345"


@pytest.mark.parametrize("some", [True, False])
@pytest.mark.parametrize(("words", "enough"), [(2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 2), (1234, 2)])
def test_a_partial_note_says_how_many_words_hold(words: int, enough: int, some: bool) -> None:
    note = partial_note("typed", words, enough, some=some)
    holding = "Few articles hold" if some else "No article holds"
    which = "both words" if words == 2 else f"all {words:,} words"
    least = {1: "one", 2: "two", 3: "three"}[enough]
    assert note.text == f"{holding} {which}; those with at least {least} follow."
    assert (note.kind, note.query, note.match) == ("partial", "typed", "all")


@pytest.mark.parametrize(
    ("nearest", "instead"),
    [(["a"], "“a”"), (["a", "b"], "“a” or “b”"), (["a", "b", "c"], "“a”, “b” or “c”")],
)
def test_a_stand_in_note_names_the_words_in_its_place(nearest: list[str], instead: str) -> None:
    note = stand_in_note("typed words", "words", nearest)
    assert note.text == f"“words” occurs nowhere; searched for {instead} instead."
    assert (note.kind, note.query, note.match) == ("stand_in", "typed words", "all")


def test_a_note_on_an_unfinished_word_names_it() -> None:
    note = unfinished_note("typed wor", "wor")
    assert note.text == "“wor” occurs nowhere; searched for words that begin so instead."
    assert (note.kind, note.query, note.match) == ("stand_in", "typed wor", "all")
