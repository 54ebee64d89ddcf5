"""Settings: one table, read once at the edge, then passed along as a frozen value.

Order of precedence: command-line flag, environment `BROADSHEET_NAME`, `broadsheet.toml`, default.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from index.errors import UsageError

CONFIG_FILE = "broadsheet.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: `kind` is the type, `choices` the allowed words where not empty."""

    name: str
    kind: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


SETTINGS = (
    Setting("index", str, "index-data", "directory of the index"),
    Setting("engine", str, "whoosh", "where the index is: here, or on an OpenSearch cluster", ("whoosh", "opensearch")),
    Setting("opensearch_hosts", list, ["http://127.0.0.1:9200"], "addresses of the cluster's nodes"),
    Setting("opensearch_index", str, "broadsheet", "name of the index there, which is an alias"),
    Setting("opensearch_user", str, "", "user of the cluster; without one nobody signs in"),
    Setting("opensearch_password", str, "", "password of that user; better in the environment than in a file"),
    Setting("opensearch_ca", str, "", "file with the certificates that the cluster's own is signed by"),
    Setting("opensearch_shards", int, 1, "primary shards of a new index", least=1, most=1_024),
    Setting("opensearch_replicas", int, 1, "copies of each shard of a new index", least=0, most=100),
    Setting("unpublished", str, "hide", "whether `published: false` hides an article (at reindex)", ("hide", "show")),
    Setting(
        "exclude",
        list,
        [".git", "node_modules", "_site", "api", "_data"],
        "folders and files left out of an archive: names, or glob patterns of paths below it",
    ),
    Setting("max_file_bytes", int, 8_000_000, "a larger article file is rejected", least=1),
    Setting("max_query_chars", int, 1_000, "a longer query is cut, with a note", least=1),
    Setting(
        "max_clauses", int, 64, "words, phrases and the like of one query; more are not used, with a note", least=1
    ),
    Setting("max_expansion", int, 2_000, "words that the prefixes of one query may stand for", least=1),
    Setting("max_lookups", int, 8, "unknown words of one query for which near ones are looked for", least=0),
    Setting("max_values", int, 50, "facet values that one address may choose or exclude", least=1),
    Setting("max_depth", int, 10_000, "hits that can be paged through by number; cursors reach all", least=1),
    Setting("max_export_rows", int, 1_000_000, "articles that one export may hold", least=1),
    Setting("budget_ms", int, 2_000, "time for finding what one query asks; what is left then is not used", least=1),
    Setting("host", str, "127.0.0.1", "address that `serve` listens on"),
    Setting("port", int, 8000, "port that `serve` listens on; 0 picks a free one", least=0, most=65_535),
    Setting("workers", int, 2, "worker processes of `serve`", least=1),
    Setting("base_path", str, "", "path that the site is served below, such as /search"),
    Setting(
        "origin", str, "", "scheme and host of absolute addresses, such as https://example.org; else the request's"
    ),
    Setting("proxies", int, 0, "trusted proxies in front, whose X-Forwarded headers are believed", least=0),
    Setting("cors_origins", list, [], "origins whose pages may ask the API, such as https://example.org; * for all"),
    Setting(
        "rate_limit", str, "", "requests of one client to the API, such as 100/minute; without it there is no limit"
    ),
    Setting(
        "rate_limit_storage", str, "memory://", "where requests are counted; in memory, each worker counts its own"
    ),
    Setting(
        "access_log", str, "paths", "a line for each request, with or without its parameters", ("off", "paths", "full")
    ),
    Setting(
        "metrics", str, "local", "who may read /metrics: nobody, clients on this machine, all", ("off", "local", "all")
    ),
    Setting("count_queries", bool, False, "count what is searched, in the index directory, for `broadsheet queries`"),
    Setting("title", str, "Broadsheet", "name of the site, shown at the head of every page"),
    Setting("locale", str, "en_GB", "language of the interface, and how dates and numbers are written"),
    Setting("images", bool, True, "show the articles' pictures (they are loaded from where the archive says)"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the table; see `SETTINGS` for what each means."""

    index: str = "index-data"
    engine: str = "whoosh"
    opensearch_hosts: tuple[str, ...] = ("http://127.0.0.1:9200",)
    opensearch_index: str = "broadsheet"
    opensearch_user: str = ""
    opensearch_password: str = field(default="", repr=False)
    opensearch_ca: str = ""
    opensearch_shards: int = 1
    opensearch_replicas: int = 1
    unpublished: str = "hide"
    exclude: tuple[str, ...] = (".git", "node_modules", "_site", "api", "_data")
    max_file_bytes: int = 8_000_000
    max_query_chars: int = 1_000
    max_clauses: int = 64
    max_expansion: int = 2_000
    max_lookups: int = 8
    max_values: int = 50
    max_depth: int = 10_000
    max_export_rows: int = 1_000_000
    budget_ms: int = 2_000
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    base_path: str = ""
    origin: str = ""
    proxies: int = 0
    cors_origins: tuple[str, ...] = ()
    rate_limit: str = ""
    rate_limit_storage: str = "memory://"
    access_log: str = "paths"
    metrics: str = "local"
    count_queries: bool = False
    title: str = "Broadsheet"
    locale: str = "en_GB"
    images: bool = True

    @property
    def index_path(self) -> Path:
        return Path(self.index)


def load_settings(
    environment: Mapping[str, str] | None = None, directory: Path | None = None, **flags: Any
) -> Settings:
    """Read the settings from file, environment and flags.

    Args:
        environment: defaults to the process's own.
        directory: where `broadsheet.toml` is looked for, default the working directory.
        flags: values from the command line; None means "not given".

    Raises:
        UsageError: an unknown key in the file, or a value of the wrong kind; it names the setting.
    """
    environment = os.environ if environment is None else environment
    given = _read_file((directory or Path.cwd()) / CONFIG_FILE)
    for row in SETTINGS:
        text = environment.get(f"BROADSHEET_{row.name.upper()}")
        if text is not None:
            given[row.name] = text
    given.update({name: value for name, value in flags.items() if value is not None})
    table = {row.name: row for row in SETTINGS}
    unknown = sorted(set(given) - set(table))
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]!r} in {CONFIG_FILE}", setting=unknown[0])
    return replace(Settings(), **{name: _convert(table[name], value) for name, value in given.items()})


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _convert(row: Setting, value: Any) -> Any:
    """`value` as the row's type: environment and flags give text, the file gives TOML values."""
    wrong = UsageError(f"setting {row.name!r}: {value!r} is not {_expected(row)}", setting=row.name)
    if row.kind is bool:
        found = _BOOLEANS.get(str(value).strip().lower())
        if found is None:
            raise wrong
        return found
    if row.kind is int:
        if isinstance(value, bool | float):
            raise wrong
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise wrong from None
        if (row.least is not None and number < row.least) or (row.most is not None and number > row.most):
            raise wrong
        return number
    if row.kind is list:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise wrong
        return tuple(item.strip() for item in items if item.strip())
    if not isinstance(value, str) or (row.choices and value not in row.choices):
        raise wrong
    return value


def _expected(row: Setting) -> str:
    if row.choices:
        return "one of " + ", ".join(row.choices)
    names = {bool: "true or false", int: "a whole number", list: "a list of text", str: "text"}
    if row.most is not None:
        return f"{names[row.kind]} from {row.least} to {row.most}"
    return names[row.kind] + (f" of at least {row.least}" if row.least is not None else "")


assert [row.name for row in SETTINGS] == [item.name for item in fields(Settings)]
