"""Style sheet, script and icon: their addresses name their content, so that a browser asks for each once."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

A_YEAR_S = 365 * 24 * 60 * 60


def register_assets(app: Flask) -> None:
    """Give templates `asset(name)`, and browsers leave to keep what they load by such an address."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:8]

    def asset(name: str) -> str:
        return url_for("static", filename=name, v=version(name))

    def named_by_content() -> bool:
        # During an upgrade an old server may be asked for the new one's files; what it gives is not kept as those.
        return request.args.get("v") == version((request.view_args or {})["filename"])

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in {200, 304} and named_by_content():
            response.cache_control.no_cache = None
            response.cache_control.public = True
            response.cache_control.max_age = A_YEAR_S
            response.cache_control.immutable = True
        return response

    app.jinja_env.globals["asset"] = asset
