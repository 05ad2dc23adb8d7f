"""Numbers that schema.sql, the writing half and the reading half must agree on.

They are part of the file format: raise `store_file.SCHEMA_VERSION` with any change here.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final, get_args

from signals.attributes import SEAT
from signals.browser_events import RUM_TAGS
from signals.model import SpanError
from signals.semantics import PROMOTED
from store.queries import RumMetric

SECOND_NS: Final = 1_000_000_000


class SpanFlags(IntFlag):
    """Bits of `spans.flags`."""

    ERROR = 1
    PEER_IS_DATABASE = 2
    BROWSER = 4


ERROR_FLAG, DATABASE_FLAG, BROWSER_FLAG = (int(flag) for flag in SpanFlags)
"""The same as plain integers, for code that runs for each span: `&` of IntFlags takes 0.7 µs, not 0.02."""

ERROR_CODES: Final = (SpanError.NONE, SpanError.RECEIVED, SpanError.ORIGIN)
"""An error's place in a trace by its stored number (`traces.services`, packed outcomes)."""
NO_ERROR, ERROR_RECEIVED, ERROR_ORIGIN = range(3)

LOG_SLOT_NS: Final = 10 * SECOND_NS
"""Width of `log_cells.slot`."""
TAG_SET_SLOT_NS: Final = 600 * SECOND_NS
"""Width of `set_slots.slot`. Narrower slots let a search skip more, and cost a row per set each."""
REQUEST_SLOT_NS: Final = 60 * SECOND_NS
"""Width of `request_slots.slot`. Of narrower slots fewer requests are read again after a change."""
LONG_TRACE_NS: Final = 600 * SECOND_NS
"""Traces whose requests start further apart than this are found by the index `requests_long`.

SQLite uses a partial index only where a query repeats its condition, so the number in
schema.sql and the one in SQL text made of this constant must be the same.
"""

FINE_S: Final = 10
MIDDLE_S: Final = 60
COARSE_S: Final = 600
WIDTHS: Final = (FINE_S, MIDDLE_S, COARSE_S)
"""Values of `cells.width`: 10 s make short windows right, 1 min draws long series, 10 min sums cheaply.

Each is a multiple of the one before, so that a wide slot covers whole narrow ones.
"""

SERVICE_SERIES: Final = 1
"""`series.kind` of requests; subject: the service."""
CALL_SERIES: Final = 2
"""`series.kind` of calls; subject: the caller; item: the callee; value: one of the next four."""
REPORTED, INFERRED, INFERRED_DATABASE = "", "i", "d"
UNANSWERED: Final = "u"
"""Of a call to a service that has spans in the trace, none of them under the call."""
SAMPLE_SERIES: Final = 3
"""`series.kind` of RUM samples; subject: the metric; item: the kind of synthetic traffic, or nothing."""

SYNTHETIC_TAG: Final = "user_agent.synthetic.type"
SYNTHETIC_ITEMS: Final = frozenset({"", "test", "bot"})
"""The conventions' values, which have series of their own; any other is counted as `OTHER_ITEM`."""
OTHER_ITEM: Final = "(other)"

METRICS: Final[tuple[RumMetric, ...]] = get_args(RumMetric)
"""RUM metrics by their number in `samples.metric`: the order of `RumMetric` is part of the format."""
_NUMBER_OF: Final = {metric: number for number, metric in enumerate(METRICS)}
TAG_COLUMNS: Final = {tag: f"t{place}" for place, tag in enumerate(RUM_TAGS)}
"""RUM tags to their column in `samples`: the order of `RUM_TAGS` is part of the format."""

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
"""Tags that describe a whole session: it is found by them without a scan (`session_pairs`)."""
HAPPENED_TAGS: Final = frozenset({"page", "operation", "http.status_code"})
"""Tags of single events, every value of which a session is found by: it has no value of its own."""
FIRST_VALUE_TAGS: Final = frozenset({SEAT})
"""Of these a session keeps the first value by its time, of every other tag the newest."""


CLOCK_SHIFT: Final = ":clock_shift"
"""Among the tags of a row of `traces` and the attributes of one of `sessions`: what was added to the times
of its sender, whose clock was wrong. No tag is named so, and rows of a right clock do without."""

KEPT_POINTS: Final = "metric_points_kept"
"""The counter of the metric points that are in the store; `metric_points` counted those of before, which were
not kept."""
PRUNED_POINTS: Final = "pruned_metric_points"


def error_code(error: SpanError) -> int:
    """The stored number of an error's place. A chain of `is`, as an enum's hash is slow."""
    if error is SpanError.NONE:
        return NO_ERROR
    return ERROR_ORIGIN if error is SpanError.ORIGIN else ERROR_RECEIVED


def metric_number(metric: str) -> int:
    """The number of a RUM metric in `samples.metric`. Raises KeyError for any other name."""
    return _NUMBER_OF[metric]  # type: ignore[index]  # a KeyError is what callers expect


def synthetic_item(value: str) -> str:
    """The item of the series in which samples of this synthetic traffic are counted."""
    return value if value in SYNTHETIC_ITEMS else OTHER_ITEM
