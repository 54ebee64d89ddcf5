"""The API against its own description, by the requests that Schemathesis makes up: all of its phases and checks."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

EXAMPLES = os.environ.get("BROADSHEET_SCHEMATHESIS_EXAMPLES", "10")
"""Requests a route that are made up at random, besides those that try the bounds of each parameter."""


def test_every_answer_is_as_described(site: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    config = ROOT / "tests" / "schemathesis.toml"
    # With a database of examples Hypothesis spends most of its time on making them simpler.
    options = [
        "--checks",
        "all",
        "--max-examples",
        EXAMPLES,
        "--generation-database",
        "none",
        "--seed",
        "1",
        "--no-color",
    ]
    done = subprocess.run(
        [program, "--config-file", config, "run", *options, f"{site}/api/v1/openapi.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 selected / 9 total" in done.stdout
