"""Numbers that schema.sql, the writing half and the reading half must agree on.

They are part of the file format: raise `store_file.SCHEMA_VERSION` with any change here.
"""

from __future__ import annotations

from typing import Final

from signals.browser_events import RUM_TAGS
from signals.model import SpanError
from store.coverage_slots import (
    COARSE_S as COARSE_S,
    FINE_S as FINE_S,
    MIDDLE_S as MIDDLE_S,
    WIDTHS as WIDTHS,
)
from store.row_model import (
    BROWSER_FLAG as BROWSER_FLAG,
    DATABASE_FLAG as DATABASE_FLAG,
    ERROR_FLAG as ERROR_FLAG,
    SpanFlags as SpanFlags,
)
from store.tags import (
    FIRST_VALUE_TAGS as FIRST_VALUE_TAGS,
    HAPPENED_TAGS as HAPPENED_TAGS,
    METRICS as METRICS,
    SESSION_TAGS as SESSION_TAGS,
    SYNTHETIC_TAG as SYNTHETIC_TAG,
)

SECOND_NS: Final = 1_000_000_000

ERROR_CODES: Final = (SpanError.NONE, SpanError.RECEIVED, SpanError.ORIGIN)
"""An error's place in a trace by its stored number (`traces.services`, packed outcomes)."""
NO_ERROR, ERROR_RECEIVED, ERROR_ORIGIN = range(3)

LOG_SLOT_NS: Final = 10 * SECOND_NS
"""Width of `log_cells.slot`."""
TAG_SET_SLOT_NS: Final = 600 * SECOND_NS
"""Width of `set_slots.slot`. Narrower slots let a search skip more, and cost a row per set each."""
REQUEST_SLOT_NS: Final = 60 * SECOND_NS
"""Width of `request_slots.slot`. Of narrower slots fewer requests are read again after a change."""
SAMPLE_SLOT_NS: Final = 60 * SECOND_NS
"""Width of `sample_slots.slot`."""
SPAN_ID_BLOCK: Final = 32_768
"""Numbers of the sequence in a block of `span_id_blocks` …"""
SPAN_ID_BYTES: Final = 3
"""… and how many bytes of an id it holds behind the first: with 4 of them, as `/search` asks for at least,
one id in 130,000 is looked for in a block in vain."""
LONG_TRACE_NS: Final = 600 * SECOND_NS
"""Traces whose requests start further apart than this are found by the index `requests_long`.

SQLite uses a partial index only where a query repeats its condition, so the number in
schema.sql and the one in SQL text made of this constant must be the same.
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

SYNTHETIC_ITEMS: Final = frozenset({"", "test", "bot"})
"""The conventions' values, which have series of their own; any other is counted as `OTHER_ITEM`."""
OTHER_ITEM: Final = "(other)"

_NUMBER_OF: Final = {metric: number for number, metric in enumerate(METRICS)}
TAG_COLUMNS: Final = {tag: f"t{place}" for place, tag in enumerate(RUM_TAGS)}
"""RUM tags to their column in `samples`: the order of `RUM_TAGS` is part of the format."""


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
