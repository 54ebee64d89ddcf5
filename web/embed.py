"""The search box that other sites include: one script, `embed.js`, at an address that never changes.

It is no static file: browsers keep those for a year by an address that names their content, which no other site could
write down, and the script finds the site one step above its own address.
"""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, request

blueprint = Blueprint("embed", __name__)

KEPT_S = 60 * 60
"""How long a browser may use the script without asking; about as long as sites lag behind an upgrade."""

_SCRIPT = (Path(__file__).parent / "embed.js").read_bytes()
_ETAG = hashlib.sha256(_SCRIPT).hexdigest()


@blueprint.get("/embed.js")
def script() -> Response:
    response = Response(_SCRIPT, content_type="text/javascript; charset=utf-8")
    response.set_etag(_ETAG)
    response.cache_control.public = True
    response.cache_control.max_age = KEPT_S
    # Pages that isolate themselves (COEP) load from elsewhere only what says that it may be loaded.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response
