"""What Schemathesis loads beside the API's description (`tests/schemathesis.toml`)."""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.hooks import HookContext

from index.settings import Settings
from search.query import FACETS
from web.params import EXCLUDE, end_of, start_of

SITE = Settings()
NAMES = (*FACETS, *EXCLUDE.values())


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _options: dict[str, Any]) -> None:
    """Mend valid data where one parameter does not go with another.

    JSON Schema knows single parameters only: it cannot say that dates are in order, that a page is not deeper than the
    site serves, that no page stands beside a cursor, and how many values all facets may have together. That such
    requests are refused is tested by hand. Invalid data stays invalid; but beyond 64 KB an address is refused by the
    server, which knows nothing of problem documents.
    """
    query = case.query
    if not query or case.meta is None:
        return
    valid = case.meta.generation.mode is GenerationMode.POSITIVE
    most = SITE.max_values // len(NAMES) if valid else SITE.max_values + 1
    for name in NAMES:
        if isinstance(query.get(name), list):
            query[name] = query[name][:most]
    if not valid:
        return
    if "from" in query and "to" in query and start_of(query["from"]) >= end_of(query["to"]):
        query["from"], query["to"] = query["to"], query["from"]
    if "cursor" in query:
        query.pop("page", None)
    if case.operation.path == "/search" and "page" in query:
        query["page"] = min(int(query["page"]), SITE.max_depth // max(int(query.get("size", 10)), 1))
