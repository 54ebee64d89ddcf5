"""Imports point one way: web -> search -> index. They stand at the top of a module, where this test sees them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("index", "search", "web")  # each may import itself and those before it
ENGINE_MODULES = {"index/schema.py", "index/codec.py", "index/codec_terms.py"}

MODULES = [path.relative_to(ROOT) for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path: Path) -> None:
    above = LAYERS[LAYERS.index(path.parts[0]) + 1 :]
    assert not [name for name in imports(path) if name.partition(".")[0] in above]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_the_engine_modules_import_whoosh(path: Path) -> None:
    if str(path) not in ENGINE_MODULES:
        assert not [name for name in imports(path) if name.partition(".")[0] == "whoosh"]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_the_modules_about_opensearch_need_its_client(path: Path) -> None:
    if path.parent.name != "opensearch":
        names = list(imports(path))
        assert not [
            name for name in names if name.startswith(("opensearchpy", "index.opensearch", "search.opensearch"))
        ]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nothing_unpickles_or_evaluates(path: Path) -> None:
    assert not {"pickle", "marshal", "shelve"} & {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_import_hides_in_a_function(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not [
        inner for node in functions for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
