"""Who is answered, and what a browser may do with the answer.

A page of any site can have its own name resolved to 127.0.0.1 and then read what is served there (DNS rebinding). The
name that the browser asked for stands in the ``Host`` header, so only names that are known to be ours are answered.
The port in it is not looked at: through a tunnel it is another one, and a stranger's page gains nothing by it.
"""

import re
from collections.abc import Collection

from flask import Flask, Response, request

from gpucheck.web.refusal import RefusalError

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
METHODS = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; style-src {style}; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY.format(style="'self'"),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]{0,5})?", re.IGNORECASE)


def install(app: Flask, hosts: Collection[str]) -> None:
    """Look at every request before anything else does, and at every answer after everything else."""
    known = LOCAL | {host.lower() for host in hosts}

    @app.before_request
    def check() -> None:
        if host_in(request.environ.get("HTTP_HOST", "")) not in known:
            raise RefusalError(
                403,
                "This inventory is not shown under that name.",
                "Open it as http://127.0.0.1 with its port, or start it with --allow-host NAME.",
            )
        if request.method not in METHODS:
            raise RefusalError(405, "These pages are only read; nothing is changed by them.")
        if not _invited():
            raise RefusalError(403, "Another site's page asked for this.", "Open the address yourself.")

    @app.after_request
    def protect(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if answer.status_code == 405:
            answer.headers["Allow"] = ", ".join(METHODS)
        return answer


def host_in(header: str) -> str:
    """The name in a ``Host`` header, without its port; nothing where it is none."""
    found = _HOST.fullmatch(header)
    return found[1].lower() if found else ""


def _invited() -> bool:
    """Whether a person opened the address, or one of our own pages asked for it.

    Another site cannot read an answer, but could learn from the time that it takes whether a search finds something.
    Browsers say who asks (Fetch Metadata); whoever says nothing is no browser.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    opened = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"
    return site in ("none", "same-origin") or opened
