"""The parameters that several routes take, and how a request's window is read."""

from __future__ import annotations

from observer.api.routing import Parameter
from observer.api.schemas import text, whole
from observer.request.parameters import Query
from store.api import Reader, Window

MAX_LIMIT = 1000
_FAST_CLOCKS_NS = 300 * 10**9
"""Browsers whose clocks run ahead by up to five minutes still count as seen in the last minutes."""

WINDOW = (
    Parameter("since", "how far back from now, such as 90s, 15m, 2h or 7d", text()),
    Parameter("from", "the beginning: nanoseconds since 1970, or RFC 3339", text()),
    Parameter("to", "the end, exclusive; now by default", text()),
)
"""Without any of them: all that the store keeps."""
ATTR = Parameter(
    "attr",
    "an attribute's name, a colon and its value; repeat it and all must hold; in the name a colon is "
    "written %3A and a percent sign %25",
    text(),
    repeated=True,
)
SERVICE = Parameter("service", "a service's name", text())
ENVIRONMENT = Parameter("environment", "a deployment environment", text())
CURSOR = Parameter("cursor", "`next` of the answer before", text())
COLUMNS = Parameter("columns", "how many equal columns, 1 to 500; 60 by default", whole())


def limit(default: int) -> Parameter:
    """The parameter `limit` with this default."""
    return Parameter("limit", f"how many at most, 1 to {MAX_LIMIT}; {default} by default", whole())


def list_window(query: Query) -> Window:
    """The window of a list: open at its end where the request says only how far back."""
    window = query.window()
    if window is None:
        return Window.ALL
    if query.has("to"):
        return window
    return Window(window.from_unix_nano, window.to_unix_nano + _FAST_CLOCKS_NS)


def summed_window(query: Query, reader: Reader) -> Window:
    """The window of what is summed over time: all that the store keeps where the request names none."""
    window = query.window()
    if window is not None:
        return window
    status = reader.status()
    newest = max(query.now_unix_nano, status.newest_unix_nano or 0) + 1
    oldest = status.oldest_unix_nano
    return Window(min(oldest, newest - 1) if oldest is not None else newest - 900 * 10**9, newest)
