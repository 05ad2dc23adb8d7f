"""What is summed and what is newest is asked first, and answers stay the ones of all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from signals.model import TraceId
from store.api import TraceQuery, Window
from store.clickhouse import session_events, settled
from store.clickhouse.own_tables import BLOCK, MINUTE_NS
from tests.store.build import SECOND, T0, span
from tests.store.prepared import SUMMED, Prepared, hostile, prepared, windows

pytestmark = pytest.mark.timeout(300)  # hundreds of answers, each asked of ClickHouse several times

MINUTES = 45


@pytest.fixture(name="store")
def _store() -> Iterator[Prepared]:
    store = prepared(before=hostile(11, 150, MINUTES))
    store.settle()
    yield store
    store.close()


def test_sums_count_while_nothing_new_is_settled(store: Prepared) -> None:
    """They are made after what they sum: a store that nobody writes to any more is summed, too."""
    begin = (T0 // MINUTE_NS // BLOCK + 1) * BLOCK
    window = Window(begin * MINUTE_NS, (begin + 3 * BLOCK) * MINUTE_NS)
    expected = store.plain.service_map(window), store.plain.services(window)
    database = store.connections.address.database
    for name in ("lab_request_cells", "lab_call_cells"):
        store.connections.run(
            f"ALTER TABLE {database}.{name} DELETE WHERE Width = 1 SETTINGS mutations_sync = 1"
        )
    assert (store.reader.service_map(window), store.reader.services(window)) == expected


@pytest.mark.parametrize("most", [200, 0])
def test_minutes_that_are_not_summed_count_by_themselves(
    store: Prepared, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Few are named in the question; of many the server is asked which they are."""
    monkeypatch.setattr(settled, "_MOST_UNSUMMED", most)
    store.write([span(1, 0, "late", "late", start_ms=22 * 60_000, trace_id=TraceId("e" * 32))])
    settler = store.settler()
    # One step settles; sums are made by one that finds nothing to settle.
    settler.step()
    settler.close()
    found = store.reader.settled()
    assert found is not None
    assert found.unsummed
    assert not found.dirty
    assert store.differences(*windows(MINUTES), names=SUMMED) == []


@pytest.mark.parametrize("most", [1, 4, 20])
def test_the_newest_sessions_are_looked_for_at_the_end(
    store: Prepared, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """One that began long before and goes on is not among the newest."""
    store.write(
        [
            span(1000 + 60 * number + place, 0, "page", "click", start_ms=minute * 60_000, browser=True,
                 session=f"v{number}", attributes={"splunk.rumSessionId": f"v{number}"})
            for number in range(30)
            for place, minute in enumerate((number, number + 1, 44))
        ]
    )  # fmt: skip
    strides = [(3, 9), (1,), (20, 160)]
    asked = [*windows(MINUTES), Window(T0, T0 + 20 * 60 * SECOND), Window.ALL]
    monkeypatch.setattr(session_events, "_STRIDES", ())
    expected = [store.reader.sessions_within(window, most) for window in asked]
    assert expected[-1][1]
    for several in strides:
        monkeypatch.setattr(session_events, "_STRIDES", several)
        assert [store.reader.sessions_within(window, most) for window in asked] == expected


@pytest.mark.parametrize("sort", ["newest", "slowest"])
@pytest.mark.parametrize("error", ["any", "origin"])
def test_traces_in_which_a_service_failed_are_those_with_its_error(
    store: Prepared, sort: Literal["newest", "slowest"], error: Literal["any", "origin"]
) -> None:
    window = windows(MINUTES)[0]
    every = store.reader.find_traces(TraceQuery(window, sort=sort, limit=200)).items
    failed = {"any": ("received", "origin"), "origin": ("origin",)}[error]
    for service in {one.name for trace in every for one in trace.services if one.name}:
        expected = [
            trace.trace_id
            for trace in every
            if any(one.name == service and one.error.value in failed for one in trace.services)
        ]
        assert expected
        query = TraceQuery(window, service=service, error=error, sort=sort, limit=200)
        for reader in (store.reader, store.plain):
            assert [each.trace_id for each in reader.find_traces(query).items] == expected
