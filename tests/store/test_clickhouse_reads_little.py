"""What is asked of a prepared store reads a part of it: no question that the screens put needs every span."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from observer.lookup.resolve import Unresolved, resolve
from signals.model import TraceId
from store.api import TooSlow, TraceQuery, Window
from store.clickhouse import settled_scan
from store.clickhouse.preparing import execute, plan
from tests.store.build import SECOND, T0, failing_checkout
from tests.store.prepared import SUMMED, Prepared, hostile, prepared, windows

pytestmark = pytest.mark.timeout(300)  # hundreds of answers, each asked of ClickHouse several times

COPIES = 3_000
LEFT = 10_000
"""Rows that a question may read: a third of what is stored."""
ABSENT = "0123456789abcdef"


@pytest.fixture(name="large", scope="module")
def _large() -> Iterator[Prepared]:
    """30,000 spans, copied by the server, and settled."""
    store = prepared()
    store.write(failing_checkout())
    database = store.connections.address.database
    moved = (
        "Timestamp + toIntervalMillisecond(number * 800) AS Timestamp, "
        "concat(leftPad(lower(hex(number + 16)), 16, '0'), substring(TraceId, 17)) AS TraceId, "
        "leftPad(lower(hex(sipHash64(number, SpanId))), 16, '0') AS SpanId, "
        "if(ParentSpanId = '', '', leftPad(lower(hex(sipHash64(number, ParentSpanId))), 16, '0')) "
        "AS ParentSpanId"
    )
    store.connections.run(
        f"INSERT INTO {database}.otel_traces SELECT * EXCEPT number REPLACE({moved}) "
        f"FROM (SELECT * FROM {database}.otel_traces, numbers({COPIES}) AS numbers)"
    )
    store.settle()
    yield store
    store.close()


@pytest.fixture(name="little")
def _little(large: Prepared, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """It, while a question may read a third of it."""
    assert large.count("lab_spans") > 3 * LEFT - LEFT // 2
    monkeypatch.setattr("store.clickhouse.connection._MAX_ROWS", LEFT)
    return large


def test_an_id_that_nothing_has_is_looked_for_in_indexes(little: Prepared) -> None:
    """As a trace, a span, a session and an order, whole and as a part of a name.

    Eight to fifteen digits of a span's id read all of them, and nothing else.
    """
    for text in (ABSENT, ABSENT * 2, ABSENT[:7]):
        assert isinstance(resolve(little.reader, text), Unresolved)
    with pytest.raises(TooSlow):
        resolve(little.plain, ABSENT)


def test_a_browser_is_looked_for_by_what_it_names(little: Prepared) -> None:
    assert little.reader.browser_of_trace(TraceId("9" * 32)) is None


QUESTIONS: dict[str, Callable[[Prepared, Window], object]] = {
    "environments": lambda store, window: store.reader.environments(window),
    "rum_apps": lambda store, window: store.reader.rum_apps(window),
    "services_holding": lambda store, _: store.reader.services_holding("front"),
    "values_holding": lambda store, _: store.reader.values_holding("version", "v"),
    "status": lambda store, _: store.reader.status(),
    "slowest": lambda store, window: store.reader.find_traces(TraceQuery(window, sort="slowest", limit=5)),
    "lasting": lambda store, window: store.reader.find_traces(TraceQuery(window, min_ns=3600 * SECOND)),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_list_over_all_times_reads_little(little: Prepared, name: str) -> None:
    window = Window(T0 - SECOND, T0 + COPIES * SECOND)
    QUESTIONS[name](little, window)


def test_a_moment_reads_no_table_of_spans(little: Prepared) -> None:
    with little.reader.snapshot():
        assert little.reader.data_window().duration_ns > 0


def test_a_breakdown_by_any_attribute_counts_the_newest_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of all services sooner than of one; what requests themselves have is counted in full."""
    store = prepared(before=hostile(7, 80, 20))
    store.settle()
    window = windows(20)[0]
    whole = store.reader.breakdowns(None, ["odd", "version"], window)
    monkeypatch.setattr(settled_scan, "MOST_SPANS", 100)
    found = store.reader.breakdowns(None, ["odd", "version"], window)
    assert found["version"] == whole["version"]
    assert found["odd"].older_left_out
    assert not whole["odd"].older_left_out
    assert 0 < found["odd"].requests < whole["odd"].requests
    begins = [
        Window(begin, window.to_unix_nano)
        for begin in range(window.from_unix_nano, window.to_unix_nano, 60 * SECOND)
    ]
    counts = [store.plain.breakdowns(None, ["odd"], part)["odd"].requests for part in begins]
    assert found["odd"].requests in counts
    assert all(first >= second for first, second in pairwise(counts))
    narrowed = begins[counts.index(found["odd"].requests)]
    assert store.plain.breakdowns(None, ["odd"], narrowed)["odd"].values == found["odd"].values
    assert not store.reader.breakdowns("frontend", ["odd"], window)["odd"].older_left_out
    filtered = store.reader.breakdowns(None, ["version"], window, {"odd": "x"})["version"]
    assert filtered.older_left_out
    store.close()


def test_a_store_that_was_prepared_before_is_brought_up_to_date() -> None:
    """It answers before, and the same after: what was there is put into the tables that it lacked."""
    spans = hostile(8, 60, 12)
    store = prepared(before=spans[::2])
    database = store.connections.address.database
    for name in ("values", "apps", "newest", "newest_logs"):
        store.connections.run(f"DROP TABLE {database}.lab_{name}_mv")
        store.connections.run(f"DROP TABLE {database}.lab_{name}")
    store.connections.run(f"DROP TABLE {database}.lab_long")
    store.connections.run(f"ALTER TABLE {database}.lab_spans DROP INDEX idx_value")
    store.connections.run(f"ALTER TABLE {database}.lab_traces DROP COLUMN Duration")
    store.connections.run(f"ALTER TABLE {database}.lab_progress DELETE WHERE startsWith(Name, 'complete ')")
    store.settle()
    store.write(spans[1::2])
    assert store.differences(windows(12)[0]) == []
    planned = plan(store.connections)
    assert not planned.complete
    execute(store.connections, planned, lambda _: None)
    assert plan(store.connections).complete
    store.settle()
    again = Prepared(
        store.connections, type(store.reader)(store.reader._connections), store.plain, store.writer
    )
    assert again.differences(windows(12)[0], names=[*SUMMED, "environments", "rum_apps"]) == []
    assert again.reader.has_own("lab_values")
    assert store.differences(windows(12)[0], names=SUMMED) == []
    store.close()
