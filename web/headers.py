"""Headers that every answer carries: what a browser may load for a page, and what it may tell others about it.

What the API gives is data: a browser that shows it as a document loads nothing for it and runs nothing in it.
"""

from flask import Flask, Response, request

from index.settings import Settings

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
"""The Content-Security-Policy of answers of the API that are no pages."""


def security_headers(settings: Settings) -> dict[str, str]:
    """Our own files only, no inline script or style, no frames; pictures from elsewhere where the setting allows it."""
    pictures = "'self' https:" if settings.images else "'self'"
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        f"img-src {pictures}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        # What was searched stands in the address and is nobody else's business.
        "Referrer-Policy": "same-origin",
    }


def register_headers(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer of `app`, errors and static files too."""
    headers = security_headers(settings)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(headers)
        if request.path.startswith("/api/") and response.mimetype != "text/html":
            response.headers["Content-Security-Policy"] = DATA_POLICY
        return response
