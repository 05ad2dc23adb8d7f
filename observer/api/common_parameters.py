"""The parameters that several routes take: how they are declared and how they are read."""

from __future__ import annotations

from observer.api.routing import Parameter
from observer.api.schemas import text, whole
from observer.request.parameters import Query
from store.api import Reader, Window

MAX_LIMIT = 1000
_COLUMNS = 60
_MAX_COLUMNS = 500
_FAST_CLOCKS_NS = 300 * 10**9
"""Browsers' clocks may be ahead: lists of the last minutes have what is dated up to five minutes later."""
_EMPTY_STORE_NS = 900 * 10**9
"""The window of sums over a store that holds nothing yet."""

_TIME = (
    "ISO 8601 (UTC without an offset), or a Unix time in seconds, milliseconds, microseconds or "
    "nanoseconds, by its magnitude"
)
WINDOW = (
    Parameter(
        "since",
        "how far back from now: a number and s, m, h, d or w, such as 90s, 15m, 2h, 7d or 1w; a year at "
        "most; without `from` and `to`",
        text(),
    ),
    Parameter("from", f"the beginning, 1970 by default: {_TIME}", text()),
    Parameter("to", "the end, exclusive, now by default: written as `from`, and later", text()),
)
"""Without any of them: all that the store keeps."""
ATTR = Parameter(
    "attr",
    "an attribute's name, a colon and its value; repeat it and all must hold; in the name a colon is "
    "written %3A and a percent sign %25; what OTLP keeps beside attributes has names, too: event.name, "
    "scope.name, scope.version, scope.schema_url, resource.schema_url, flags, trace_state, link.trace_id, "
    "link.span_id, dropped_attributes_count, and of logs observed_time_unix_nano and severity_text",
    text(),
    repeated=True,
)
LIKE = Parameter(
    "like",
    "as `attr`, but a part of the value is enough, in any case and Unicode form",
    text(),
    repeated=True,
)
SERVICE = Parameter("service", "a service's name", text())
ENVIRONMENT = Parameter("environment", "a deployment environment", text())
CURSOR = Parameter("cursor", "`next` of the previous answer", text())
COLUMNS = Parameter("columns", f"how many equal columns, 1 to {_MAX_COLUMNS}; {_COLUMNS} by default", whole())


def limit(default: int) -> Parameter:
    """The parameter `limit` with this default."""
    return Parameter("limit", f"how many at most, 1 to {MAX_LIMIT}; {default} by default", whole())


def limit_of(query: Query, default: int) -> int:
    """The value of `limit`. Raises Malformed."""
    return query.whole("limit", default, 1, MAX_LIMIT)


def columns_of(query: Query) -> int:
    """The value of `columns`. Raises Malformed."""
    return query.whole("columns", _COLUMNS, 1, _MAX_COLUMNS)


def list_window(query: Query) -> Window:
    """The window of a list, with room for fast clocks where the request names no end. Raises Malformed."""
    window = query.window()
    if window is None:
        return Window.ALL
    if query.has("to"):
        return window
    return Window(window.from_unix_nano, window.to_unix_nano + _FAST_CLOCKS_NS)


def summed_window(query: Query, reader: Reader) -> Window:
    """The window of sums over time: all that the store keeps where the request names none. Raises Malformed.

    Not `Window.ALL`, whose equal columns would be years long.
    """
    window = query.window()
    if window is not None:
        return window
    status = reader.status()
    newest = max(query.now_unix_nano, status.newest_unix_nano or 0) + 1
    oldest = status.oldest_unix_nano
    return Window(min(oldest, newest - 1) if oldest is not None else newest - _EMPTY_STORE_NS, newest)
