"""The settings table: file, environment, flags, in this order of strength."""

from pathlib import Path

import pytest

from index.errors import UsageError
from index.settings import SETTINGS, Settings, load_settings

ROOT = Path(__file__).parent.parent


def test_defaults_are_those_of_the_table(tmp_path: Path) -> None:
    found = load_settings({}, tmp_path)
    assert found == Settings()
    for row in SETTINGS:
        value = getattr(found, row.name)
        assert (list(value) if isinstance(value, tuple) else value) == row.default


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    (tmp_path / "broadsheet.toml").write_text('port = 1\nindex = "file"\nworkers = 3\nexclude = ["a", "b/*"]\n')
    found = load_settings(
        {"BROADSHEET_PORT": "2", "BROADSHEET_INDEX": "environment"}, tmp_path, index="flag", port=None
    )
    assert (found.index, found.port, found.workers, found.exclude) == ("flag", 2, 3, ("a", "b/*"))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PORT", "eighty", "setting 'port': 'eighty' is not a whole number from 0 to 65535"),
        ("PORT", "-1", "setting 'port': '-1' is not a whole number from 0 to 65535"),
        ("UNPUBLISHED", "maybe", "setting 'unpublished': 'maybe' is not one of hide, show"),
        ("IMAGES", "perhaps", "setting 'images': 'perhaps' is not true or false"),
    ],
)
def test_a_wrong_value_names_its_setting(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings({f"BROADSHEET_{name}": text}, tmp_path)
    assert str(caught.value) == said
    assert caught.value.setting == name.lower()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("colour = 1", "unknown setting 'colour'"),
        ("port = true", "not a whole number"),
        ("port =", "broadsheet.toml"),
        ("exclude = [1]", "not a list of text"),
        ("title = 7", "not text"),
    ],
)
def test_a_wrong_file_is_said(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "broadsheet.toml").write_text(toml)
    with pytest.raises(UsageError, match=said):
        load_settings({}, tmp_path)


def test_every_setting_is_documented() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in SETTINGS:
        assert f"`{row.name}`" in readme
