"""What the documents say exists, and what exists is said."""

import re
from pathlib import Path
from typing import get_args

import yaml
from click import Context, Option

from index.settings import SETTINGS
from search.results import NoteKind
from web.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPENSEARCH = (ROOT / "docs" / "OPENSEARCH.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_links_lead_to_files() -> None:
    for document, folder in ((README, ROOT), (ARCHITECTURE, ROOT / "docs"), (OPENSEARCH, ROOT / "docs")):
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


def test_the_example_of_a_cluster_is_whole() -> None:
    folder = ROOT / "examples" / "opensearch"
    compose = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {"node1", "node2", "node3", "web1", "web2", "proxy"} <= set(services)
    made = {f"./made/{name}" for name in re.findall(r"[\w.]+", (folder / "prepare.sh").read_text(encoding="utf-8"))}
    for service in services.values():
        for source in (volume.split(":")[0] for volume in service.get("volumes", ())):
            node_file = re.fullmatch(r"\./made/node\d\.(pem|key)", source)
            assert not source.startswith("./") or node_file or source in made or (folder / source).exists(), source
    given = {name for service in services.values() for name in service.get("environment", ())}
    names = {name for name in given if name.startswith("BROADSHEET_")}
    assert names
    assert names <= {f"BROADSHEET_{row.name.upper()}" for row in SETTINGS}


def test_the_documents_name_settings_that_exist() -> None:
    known = {row.name for row in SETTINGS}
    assert set(re.findall(r"\bopensearch_[a-z]+", OPENSEARCH)) <= known
    assert {name for name in known if name.startswith("opensearch_") and "password" not in name} <= set(
        re.findall(r"\bopensearch_[a-z]+", OPENSEARCH)
    )


def test_every_kind_of_note_is_documented() -> None:
    for kind in get_args(NoteKind):
        assert f"`{kind}`" in README, kind


def test_the_checks_call_readmes_test_command() -> None:
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
