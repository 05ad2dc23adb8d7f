"""What is part of the file format: numbers that may not change without a new schema number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signals.browser_events import RUM_TAGS
from signals.model import SpanError
from store.histogram import bucket_of
from store.queries import Window
from store.sqlite import store_file, table_layout
from store.sqlite.packed_requests import (
    OUTCOME_CODE,
    SET_CODE,
    START_CODE,
    PackedRequests,
    each,
    outcome_of,
    pack,
    split,
    unpack,
    worst_of,
)
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.table_layout import ERROR_CODES, METRICS, SESSION_TAGS, TAG_COLUMNS, SpanFlags, error_code

SCHEMA = Path(store_file.__file__).with_name("settled.sql").read_text(encoding="utf-8")


def test_stored_numbers_stay_what_files_hold() -> None:
    """The order of metrics and RUM tags, and the bits of a span, are in every file of schema 9."""
    assert store_file.SCHEMA_VERSION == 9
    assert (
        *("page_views", "page_load", "route_changes", "js_errors", "network_requests", "network_errors"),
        *("ttfb", "lcp", "inp", "cls", "long_tasks", "custom_events"),
    ) == METRICS
    assert (
        *("app", "environment", "app.version", "page", "operation", "browser.name", "browser.version"),
        *("os.name", "enduser.id", "user_agent.synthetic.type", "tenant.level", "http.status_code"),
    ) == RUM_TAGS
    assert [int(flag) for flag in SpanFlags] == [1, 2, 4]
    assert [error_code(error) for error in SpanError] == [0, 1, 2]
    assert [ERROR_CODES[error_code(error)] for error in SpanError] == list(SpanError)


def test_the_schema_has_the_numbers_of_the_code() -> None:
    """A partial index is used only by queries with its very condition, and every RUM tag has its column."""
    assert f"WHERE last - start > {table_layout.LONG_TRACE_NS};" in SCHEMA
    assert re.findall(r"\b(t\d+) +INTEGER", SCHEMA) == list(TAG_COLUMNS.values())
    narrow, *wider = table_layout.WIDTHS
    assert all(width % narrow == 0 for width in wider)


def test_a_session_is_indexed_by_what_describes_all_of_it() -> None:
    """Tags of one event (its page, its status) are found by a scan."""
    assert {"enduser.id", "browser.name", "app.version"} <= SESSION_TAGS
    assert not {"page", "operation", "http.status_code", "http.method"} & SESSION_TAGS


@pytest.mark.parametrize("duration_ns", [0, 1, 10**6, 10**9, (1 << 62) - 1])
@pytest.mark.parametrize("error", [0, 1])
@pytest.mark.parametrize("worst", [0, 1, 2])
def test_an_outcome_holds_bucket_and_errors_in_16_bits(duration_ns: int, error: int, worst: int) -> None:
    """Up to the longest duration that is stored."""
    bucket = bucket_of(duration_ns)
    outcome = outcome_of(bucket, error, worst)
    assert unpack(OUTCOME_CODE, pack(OUTCOME_CODE, [outcome]))[0] == outcome
    assert split(outcome) == (bucket, error, int(worst == 2))
    assert worst_of(outcome) == worst


@pytest.mark.parametrize(
    ("begin", "end", "kept"),
    [
        (0, 1000, [0, 1, 2]),
        (100, 101, [0]),
        (101, 1000, [1, 2]),
        (0, 150, [0, 1]),
        (151, 501, [2]),
        (501, 900, []),
    ],
)
def test_requests_of_a_window_are_taken_from_a_packed_row(begin: int, end: int, kept: list[int]) -> None:
    """From and including its begin, up to and excluding its end; arrays and single requests agree."""
    sets, outcomes, starts = [7, 8, 7], [10, 20, 30], [0, 49, 400]
    row = PackedRequests(
        100, 1, 500, pack(SET_CODE, sets), pack(OUTCOME_CODE, outcomes), pack(START_CODE, starts), None
    )
    window = Window(begin, end)
    (found,) = RequestColumns([row]).within(window).rows()
    assert list(unpack(SET_CODE, found.sets)) == [sets[place] for place in kept]
    assert list(unpack(OUTCOME_CODE, found.outcomes)) == [outcomes[place] for place in kept]
    assert list(unpack(START_CODE, found.starts)) == [starts[place] for place in kept]
    assert list(each(row, window)) == [(100 + starts[place], sets[place], outcomes[place]) for place in kept]
