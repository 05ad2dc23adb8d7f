"""The edge of the mesh: removes from a request what may not come from outside.

Baggage is dropped: only the storefront sets it. Of the query only the seat is kept,
because nothing else is read from it, and what is removed can be neither traced nor
logged, such as a card number. The trace context is kept, so that a browser's span
and ours share a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlencode

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

STATIC_PATH = "/static/"
SEAT_PARAMETER = "seat"
SIGNATURE_PARAMETER = "sig"
SIGNATURE_KEY = "hipstershop.seat_signature"
_MAX_QUERY_LENGTH = 2048


class Edge:
    """WSGI middleware around the application."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Remove baggage and query arguments, then call the application."""
        environ.pop("HTTP_BAGGAGE", None)
        query = environ.get("QUERY_STRING", "")
        if query and not environ.get("PATH_INFO", "").startswith(STATIC_PATH):
            given = _parameters(query)
            kept = given.get(SEAT_PARAMETER, [])[:1]
            environ["QUERY_STRING"] = urlencode([(SEAT_PARAMETER, name) for name in kept])
            environ[SIGNATURE_KEY] = given.get(SIGNATURE_PARAMETER, [""])[0]
        return self._app(environ, start_response)


def _parameters(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query[:_MAX_QUERY_LENGTH], keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return {}
