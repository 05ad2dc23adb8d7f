"""Pages and API say what is odd about times and links, where the reader looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from observer.app import create_app
from observer.settings import Settings
from observer.trace_notes import clock_note, length, row_notes, session_clock_notes, trace_notes
from signals.model import OddTime, Span, SpanKind
from signals.trace_analysis import analyse
from store import open_reader, open_writer
from store.api import Batch, Window
from tests.store.build import MS, SECOND, T0, TRACE, log_row, row, span, span_id

MIN = 60 * SECOND
SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT
AHEAD = "clock is 9 min ahead; shown at its arrival"


@pytest.fixture(name="client", scope="module")
def screens_of_a_fast_clock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A trace with a link to nothing, a session and a log, all nine minutes ahead."""
    path: Path = tmp_path_factory.mktemp("odd") / "store.db"
    root = row(replace(span(1, kind=SERVER), start_unix_nano=T0 + 9 * MIN - 10 * MS))
    message = SpanMessage.FromString(root.raw)
    message.links.add(trace_id=b"x" * 16, span_id=b"y" * 8)
    page = span(2, name="documentLoad", browser=True, session="s", ms=300)
    page = replace(page, start_unix_nano=T0 + 9 * MIN - 300 * MS)
    writer = open_writer(path)
    for batch in (
        Batch([root._replace(raw=message.SerializeToString())]),
        Batch([row(page)]),
        Batch(logs=[log_row("a fast line", ms=9 * 60_000)]),
    ):
        batch.arrived_unix_nano = T0
        writer.write(batch)
    writer.close()
    reader = open_reader(path)
    yield create_app(reader, Settings(store_path=path), clock=lambda: T0 + SECOND).test_client()
    reader.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/apm/traces", "clock 9 min ahead"),
        (
            f"/apm/traces/{TRACE}",
            "shown at the time of arrival: the sender&#39;s clock is 9 min ahead.",
        ),
        (f"/apm/traces/{TRACE}?span={span_id(1)}", AHEAD),
        (f"/apm/traces/{TRACE}?span={span_id(1)}", "not here</span>"),
        ("/rum/sessions", "clock 9 min ahead"),
        ("/rum/sessions/s", AHEAD),
        (f"/rum/sessions/s?event={span_id(2)}", "It claims 2027-01-15T08:08:59Z."),
        ("/logs", "clock 9 min ahead"),
        ("/logs?log=3", AHEAD),
    ],
)
def test_pages_say_it(client: FlaskClient, address: str, words: str) -> None:
    """Lists with a badge, what is opened with a sentence; nothing stands in the future."""
    page = client.get(address).text
    assert words in page
    assert "in 8 min" not in page


def test_the_api_says_it(client: FlaskClient) -> None:
    """Each item has `clock_shift_ns` and `notes`; the newest time is that of the arrival."""
    trace = client.get(f"/api/v1/apm/traces/{TRACE}").get_json()
    items = [
        trace["spans"][0],
        client.get("/api/v1/apm/traces?since=15m").get_json()["traces"][0],
        client.get("/api/v1/rum/sessions?since=15m").get_json()["sessions"][0],
        client.get("/api/v1/rum/sessions/s").get_json()["session"],
        client.get("/api/v1/rum/sessions/s").get_json()["events"][0],
        client.get("/api/v1/logs?since=15m").get_json()["logs"][0],
    ]
    assert [item["clock_shift_ns"] for item in items] == [-9 * MIN] * 6
    assert all(AHEAD in item["notes"][0] for item in items)
    assert "leads to a span that is not here" in trace["spans"][0]["notes"][1]
    assert client.get("/api/v1/status").get_json()["newest_unix_nano"] <= T0 + 5 * SECOND


def test_a_child_that_outlives_its_parent_says_so() -> None:
    """In its panel; it is no irregularity that a trace would be marked for."""
    found = analyse([span(1, ms=100), span(2, 1, start_ms=50, ms=80)])
    assert row_notes(found.rows[1]) == (
        "It ends 30.0 ms after its parent: the parent did not wait for it, or gave up before.",
    )
    assert not found.rows[1].irregular
    assert trace_notes(found) == ()


def test_a_clock_that_jumps_within_a_session_is_said() -> None:
    """And a single stray event is no jump."""
    events: list[Span] = [span(number, browser=True, session="s") for number in range(1, 5)]
    fast = [replace(event, clock_shift_ns=-9 * MIN) for event in events]
    assert session_clock_notes(events) == ()
    assert session_clock_notes(fast) == (clock_note(-9 * MIN),)
    assert session_clock_notes(fast[:2] + events[2:]) == (
        "The browser's clock jumped, up to 9 min: 2 of 4 events are shown at their arrival.",
    )
    assert session_clock_notes([*events, fast[0]]) == (
        "One event has a stray time: it is shown at its arrival.",
    )
    assert session_clock_notes([replace(events[0], odd_time=OddTime.NO_END)]) == (
        "One event has an impossible start or end, and no duration.",
    )


def test_a_length_has_one_unit() -> None:
    """The largest of which there are two or more."""
    assert [length(seconds * SECOND) for seconds in (45, 540, 10_800, 172_800, 172 * 365 * 86_400)] == [
        "45 s", "9 min", "3 h", "2 days", "172 years",
    ]  # fmt: skip


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_waterfall_has_a_disagreeing_span_where_its_caller_waited(hours: int) -> None:
    """Its claimed time stays in its facts; the axis is as long as the request."""
    call = span(1, service="a", kind=CLIENT, ms=100)
    answer = replace(span(2, 1, "b", kind=SERVER, ms=80), start_unix_nano=T0 + hours * 3_600 * SECOND)
    found = analyse([call, answer])
    assert (found.start_unix_nano, found.duration_ns) == (T0, 100 * MS)
    shown = found.row(span_id(2))
    assert shown is not None
    assert shown.start_unix_nano == T0 + 10 * MS
    assert shown.span.start_unix_nano == answer.start_unix_nano
    assert "its bar where its caller's clock has it" in " ".join(row_notes(shown))


def test_lists_say_that_something_came_late_and_lead_to_it(tmp_path: Path) -> None:
    """It is kept at the time that it claims; a page of the last 15 minutes leads there."""
    path = tmp_path / "store.db"
    writer = open_writer(path)
    spans = [row(replace(span(1, kind=SERVER), start_unix_nano=T0 - 60 * MIN))]
    writer.write(Batch(spans, arrived_unix_nano=T0))
    writer.write(Batch([row(replace(span(2, kind=SERVER), start_unix_nano=T0))], arrived_unix_nano=T0))
    writer.close()
    reader = open_reader(path)
    client = create_app(reader, Settings(store_path=path), clock=lambda: T0 + SECOND).test_client()
    pages = [client.get(address).text for address in ("/apm/traces", "/logs", "/rum/sessions")]
    old = client.get("/apm/traces?from=2027-01-15T06:59:59Z&to=2027-01-15T07:00:01Z").text
    later = reader.late_arrivals(Window(T0 + SECOND, T0 + MIN))
    reader.close()
    for page in pages:
        assert "1 span arrived in this time and told of an earlier one" in page
        assert "from=2027-01-15T06%3A59%3A59.000Z" in page
    assert TRACE in old
    assert later is None
