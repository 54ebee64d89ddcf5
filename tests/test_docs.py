"""What the documents say exists, and what exists is said."""

import re
from pathlib import Path
from typing import get_args

from click import Context, Option

from search.results import NoteKind
from web.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_links_lead_to_files() -> None:
    for document, folder in ((README, ROOT), (ARCHITECTURE, ROOT / "docs")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document):
            assert (folder / target).exists(), target


def test_every_module_has_its_place_in_the_architecture() -> None:
    for layer in ("index", "search"):
        for path in (ROOT / layer).glob("*.py"):
            if path.name != "__init__.py":
                assert f"(../{layer}/{path.name})" in ARCHITECTURE, path


def test_every_command_and_option_in_readme_exists() -> None:
    for name in COMMANDS:
        assert f"broadsheet {name}" in README or f"`{name}`" in README, name
    context = Context(cli)
    options = {"--help"}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command
        options |= {option for each in command.params if isinstance(each, Option) for option in each.opts}
    commands = " ".join(re.findall(r"broadsheet [^\n`]*", README)) + " ".join(re.findall(r"`(--[a-z-]+)`", README))
    assert set(re.findall(r"--[a-z-]+", commands)) <= options


def test_every_kind_of_note_is_documented() -> None:
    for kind in get_args(NoteKind):
        assert f"`{kind}`" in README, kind


def test_the_checks_call_readmes_test_command() -> None:
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
