"""What a writer may rely on."""

from __future__ import annotations

import threading
from dataclasses import replace

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from signals.model import ResourceExtras, ScopeExtras, SpanKind
from store.api import Batch, LogQuery, with_schema_url
from tests.store.build import TRACE, log_row, row, span
from tests.store.build_metrics import metric_row
from tests.store.house import House


def test_a_batch_is_there_when_write_returns(house: House) -> None:
    house.write([span(1), span(2, 1)], [log_row("hello", trace_id=TRACE)])
    assert [one.span_id for one in house.reader.spans_of_trace(TRACE)] == [
        "0000000000000001",
        "0000000000000002",
    ]
    assert [log.body for log in house.reader.find_logs(LogQuery(house.window, trace_id=TRACE)).items] == [
        "hello"
    ]


def test_a_span_comes_back_as_it_was(house: House) -> None:
    sent = span(
        7,
        3,
        "shop",
        "GET /cart",
        kind=SpanKind.SERVER,
        ms=12.5,
        error=True,
        attributes={"text": "ä", "yes": True, "count": 3, "part": 0.5},
    )
    house.write([sent])
    assert house.reader.spans_of_trace(TRACE) == [sent]


def test_of_a_span_that_comes_twice_the_first_stays(house: House) -> None:
    house.write([span(1, name="first")])
    house.write([span(1, name="second"), span(1, name="third")])
    assert [one.name for one in house.reader.spans_of_trace(TRACE)] == ["first"]
    assert house.reader.status().spans == 1


def test_a_writer_says_what_was_there_already(house: House) -> None:
    """An exact repetition is a success; the same id with other content is not kept, and counted."""
    first, other = row(span(1, name="first")), row(span(1, name="second"))
    house.write([first])
    batch = Batch([first, other, row(span(2)), row(span(2))], rejected=1)
    house.writer.write(batch)
    assert (batch.repeated, batch.differing, batch.first_differing) == (2, 1, other)
    again = Batch([first._replace(scope=b"")])
    house.writer.write(again)
    assert (again.repeated, again.differing) == (0, 1)
    status = house.reader.status()
    assert (status.spans, status.rejected) == (2, 3)


def test_a_span_that_only_differs_in_the_order_of_its_fields_is_the_same(house: House) -> None:
    sent = row(span(1, 2, attributes={"a": 1}))
    reordered = Span.FromString(sent.raw)
    trace_id = reordered.trace_id
    reordered.ClearField("trace_id")
    raw = reordered.SerializeToString() + Span(trace_id=trace_id).SerializeToString()
    assert raw != sent.raw
    house.write([sent])
    batch = Batch([sent._replace(raw=raw)])
    house.writer.write(batch)
    assert (batch.repeated, batch.differing) == (1, 0)


def test_what_was_refused_is_not_counted_in_place_of_what_is_kept(house: House) -> None:
    """It came when the first was no longer in memory."""
    house.write([span(1, service="kept", kind=SpanKind.SERVER)])
    house.settled(TRACE, 1)
    house.write([span(1, service="refused", kind=SpanKind.SERVER), span(2, 1, service="kept")])
    house.settled(TRACE, 2)
    assert list(house.reader.services(house.window)) == ["kept"]


def test_schema_urls_and_scopes_come_back(house: House) -> None:
    scope = InstrumentationScope(name="lib", version="2", dropped_attributes_count=3)
    scope.attributes.add(key="a").value.bool_value = True
    sent = row(span(1))
    resource = with_schema_url(sent.resource, b"https://example.com/1")
    house.write(
        [sent._replace(resource=resource, scope=with_schema_url(scope.SerializeToString(), b"u" * 300))],
        [log_row("x", trace_id=TRACE)._replace(resource=resource, scope=scope.SerializeToString())],
    )
    (found,) = house.reader.spans_of_trace(TRACE)
    assert (found.scope, found.scope_version) == ("lib", "2")
    assert found.scope_extras == ScopeExtras({"a": True}, 3, "u" * 300)
    assert found.resource_extras == ResourceExtras(0, "https://example.com/1")
    assert found.resource == {"service.name": "shop"}
    (log,) = house.reader.find_logs(LogQuery(house.window, trace_id=TRACE)).items
    assert (log.scope, log.scope_version) == ("lib", "2")
    assert log.resource_extras.schema_url == "https://example.com/1"


def test_status_counts_everything(house: House) -> None:
    points = [metric_row("gauge", number, seconds=number) for number in range(5)]
    house.writer.write(Batch([row(span(1))], [log_row("a"), log_row("b")], metrics=points, rejected=2))
    status = house.reader.status()
    assert (status.spans, status.logs, status.metric_points, status.rejected) == (1, 2, 5, 2)
    assert status.oldest_unix_nano is not None
    assert status.newest_unix_nano is not None
    assert status.last_received_unix_nano is not None


def test_many_threads_write_at_once_and_nothing_is_lost(house: House) -> None:
    def send(thread: int) -> None:
        for number in range(20):
            house.write([span(thread * 1000 + number + 1)])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.reader.status().spans == 160
    assert len(house.reader.spans_of_trace(TRACE)) == 160


def test_hostile_text_and_times_are_kept(house: House) -> None:
    odd = row(span(1))._replace(
        name="bad \ud800 text", service="n\0l", start_unix_nano=2**64 - 1, duration_ns=2**63
    )
    early = row(span(2))._replace(start_unix_nano=0)
    house.write([odd, early], [log_row("fine")._replace(body="bad \udfff body", time_unix_nano=2**64 - 1)])
    assert house.reader.status().spans == 2
    assert house.reader.status().logs == 1
    house.settled(TRACE, 2)


def test_a_batch_with_hostile_text_counts_every_span(house: House) -> None:
    """The spans before one with a lone surrogate were stored, and missing in the count."""
    odd = row(span(3))._replace(name="bad \ud800 text")
    house.write([span(1), span(2), odd, span(4)])
    assert len(house.reader.spans_of_trace(TRACE)) == 4
    assert house.reader.status().spans == 4


def test_an_unreadable_span_is_kept_with_what_was_extracted(house: House) -> None:
    house.write([row(span(1, service="shop"))._replace(raw=b"\xff\xff\xff")])
    (found,) = house.reader.spans_of_trace(TRACE)
    assert (found.service, found.attributes) == ("shop", {})


def test_logs_and_spans_may_come_in_any_order_or_alone(house: House) -> None:
    house.write(logs=[log_row("before its span", trace_id=TRACE, span="00000000000000aa")])
    house.write([replace(span(2), span_id=span(0xAA).span_id)])
    assert len(house.reader.spans_of_trace(TRACE)) == 1
    assert house.reader.count_logs(LogQuery(house.window, span_id="00000000000000aa")) == 1
