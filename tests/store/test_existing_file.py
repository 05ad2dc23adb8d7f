"""A store file that an earlier version wrote opens, answers, and takes more.

`tests/data/stores/schema-6.sqlite3.gz` was written by the writer of revision 07d0f6f: the failing
checkout (its browser's request linked), five requests of `shop`, one session, two logs.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

import store
from signals.model import SessionId, SpanKind, TraceId
from store.api import Batch, LogQuery, Reader, SessionQuery, TraceQuery
from tests.helpers import REPO, eventually
from tests.store.build import TRACE, log_row, row, span
from tests.store.house import WINDOW

AGE_S = 100 * 365 * 86_400.0
"""The file's clock is T0's, so that nothing of it may be pruned by age."""


@pytest.fixture(name="path")
def an_existing_file(tmp_path: Path) -> Path:
    """A copy of the stored file."""
    path = tmp_path / "store.sqlite3"
    path.write_bytes(gzip.decompress((REPO / "tests/data/stores/schema-6.sqlite3.gz").read_bytes()))
    return path


@pytest.fixture(name="reader")
def its_reader(path: Path) -> Iterator[Reader]:
    """A reader of that copy."""
    reader = store.open_reader(path)
    yield reader
    reader.close()


def test_a_file_of_an_earlier_version_answers(reader: Reader) -> None:
    """Every family of queries finds what was stored."""
    status = reader.status()
    assert (status.spans, status.logs, status.sessions, status.metric_points) == (19, 2, 1, 0)
    assert len(reader.spans_of_trace(TRACE)) == 10
    assert {name: one.requests for name, one in reader.services(WINDOW).items()} == {
        "checkoutservice": 1,
        "frontend": 1,
        "paymentservice": 2,
        "shop": 5,
    }
    assert len(reader.service_map(WINDOW).edges) == 3
    gold = TraceQuery(WINDOW, attributes={"tenant.level": "gold"})
    assert [one.trace_id[-1] for one in reader.find_traces(gold).items] == ["5", "3", "1"]
    ordered = TraceQuery(WINDOW, attributes={"order.id": "o2"})
    assert [one.trace_id[-1] for one in reader.find_traces(ordered).items] == ["2"]
    scanned = TraceQuery(WINDOW, attributes={"colour": "c4"})
    assert [one.trace_id[-1] for one in reader.find_traces(scanned).items] == ["4"]
    assert [log.body for log in reader.find_logs(LogQuery(WINDOW, trace_id=TRACE)).items] == [
        "charge refused"
    ]
    assert reader.count_logs(LogQuery(WINDOW, text="hello", environment="lab")) == 1
    (session,) = reader.find_sessions(SessionQuery(WINDOW, {"enduser.id": "anna"})).items
    assert (session.session_id, session.page_views, session.errors) == ("s1", 1, 1)
    link = reader.browser_of_trace(TRACE)
    assert link is not None
    assert link.session_id == "s1"
    assert reader.rum_measures(WINDOW)["network_errors"].requests == 1
    assert len(reader.rum_errors(WINDOW)[0]) == 1
    assert reader.deployments(WINDOW).items == []


def test_a_file_of_an_earlier_version_takes_more_and_counts_nothing_twice(path: Path, reader: Reader) -> None:
    """Late spans of an old trace replace its earlier contribution; an old session grows."""
    writer = store.open_writer(path, max_age_s=AGE_S)
    late = span(11, 3, "mailservice", "Send", kind=SpanKind.SERVER, start_ms=492, ms=1)
    click = span(
        105,
        service="",
        name="click",
        start_ms=900,
        browser=True,
        session="s1",
        trace_id=TraceId(f"{105:032x}"),
        attributes={"splunk.rumSessionId": "s1"},
    )
    writer.write(Batch([row(late), row(click)]))
    eventually(lambda: "mailservice" in reader.services(WINDOW), "the late span is aggregated")
    assert {name: one.requests for name, one in reader.services(WINDOW).items()} == {
        "checkoutservice": 1,
        "frontend": 1,
        "mailservice": 1,
        "paymentservice": 2,
        "shop": 5,
    }
    summary = reader.trace_summaries([TRACE])[TRACE]
    assert (summary.spans, summary.session_id) == (11, "s1")
    session = reader.session(SessionId("s1"))
    assert session is not None
    assert session.events == 5
    writer.write(Batch(logs=[log_row("released", event_name="deployment")]))
    assert [one.body for one in reader.deployments(WINDOW).items] == ["released"]
    writer.close()
