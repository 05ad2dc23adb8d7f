"""Which tags and measures of browsers have a meaning of their own to every engine."""

from __future__ import annotations

from typing import Final, get_args

from signals.attributes import SEAT
from signals.browser_events import RUM_TAGS
from signals.semantics import PROMOTED
from store.queries import RumMetric

SYNTHETIC_TAG: Final = "user_agent.synthetic.type"
METRICS: Final[tuple[RumMetric, ...]] = get_args(RumMetric)
"""RUM metrics by their number in SQLite's `samples.metric`: the order is part of its format."""
_OF_ONE_EVENT: Final = frozenset(
    {
        "link.traceId",
        "link.spanId",
        "operation",
        "page",
        "http.status_code",
        "http.method",
        "http.request.method",
        "http.response.status_code",
    }
)
SESSION_TAGS: Final = frozenset({*PROMOTED, *RUM_TAGS}) - _OF_ONE_EVENT
"""Tags that describe a whole session: it is found by them without a scan (SQLite's `session_pairs`)."""
HAPPENED_TAGS: Final = frozenset({"page", "operation", "http.status_code"})
"""Tags of single events, every value of which a session is found by: it has no value of its own."""
FIRST_VALUE_TAGS: Final = frozenset({SEAT})
"""Of these a session keeps the first value by its time, of every other tag the newest."""
