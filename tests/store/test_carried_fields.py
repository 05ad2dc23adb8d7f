"""What OTLP carries beside attributes is found by a name, and every value to its last digit."""

from __future__ import annotations

import math

import pytest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from signals.model import SpanKind
from store.api import LogQuery, LogRow, SpanRow, TraceQuery, with_schema_url
from tests.store.build import TRACE, key_values, log_row, row, span
from tests.store.house import House

BIG = 2**53 + 1
SCOPE = with_schema_url(
    InstrumentationScope(
        name="io.example.lib", version="1.2.3", attributes=key_values({"team": "blue"})
    ).SerializeToString(),
    b"https://example.org/schema/1.27",
)


def _full_span() -> SpanRow:
    plain = row(span(1, 0, "shop", "GET /", kind=SpanKind.SERVER))
    message = SpanMessage.FromString(plain.raw)
    message.trace_state = "vendor=value"
    message.flags = 0x301
    message.dropped_attributes_count = 7
    message.dropped_events_count = 8
    message.dropped_links_count = 9
    message.status.message = "went wrong"
    message.events.add(
        name="cache.miss",
        attributes=[*key_values({"cache.key": "k1", "size": BIG})],
        dropped_attributes_count=2,
    )
    message.links.add(
        trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_state="l=1", attributes=key_values({"why": "batch"})
    )
    message.attributes.append(KeyValue(key="big", value=AnyValue(int_value=BIG)))
    message.attributes.append(KeyValue(key="odd", value=AnyValue(double_value=math.nan)))
    message.attributes.append(KeyValue(key="endless", value=AnyValue(double_value=-math.inf)))
    message.attributes.append(KeyValue(key="nothing", value=AnyValue()))
    pair = KeyValue(key="a", value=AnyValue(int_value=BIG))
    message.attributes.append(KeyValue(key="map", value=AnyValue(kvlist_value=KeyValueList(values=[pair]))))
    listed = ArrayValue(values=[AnyValue(string_value="x"), AnyValue(int_value=2)])
    message.attributes.append(KeyValue(key="list", value=AnyValue(array_value=listed)))
    return plain._replace(raw=message.SerializeToString(), scope=SCOPE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event.name", "cache.miss"),
        ("cache.key", "k1"),
        ("size", str(BIG)),
        ("link.trace_id", "01" * 16),
        ("link.span_id", "02" * 8),
        ("link.trace_state", "l=1"),
        ("why", "batch"),
        ("trace_state", "vendor=value"),
        ("w3c.tracestate", "vendor=value"),
        ("flags", str(0x301)),
        ("dropped_attributes_count", "7"),
        ("dropped_events_count", "8"),
        ("otel.dropped_links_count", "9"),
        ("status_message", "went wrong"),
        ("scope.name", "io.example.lib"),
        ("otel.scope.version", "1.2.3"),
        ("scope.schema_url", "https://example.org/schema/1.27"),
        ("team", "blue"),
        ("big", str(BIG)),
        ("odd", "NaN"),
        ("endless", "-Infinity"),
        ("nothing", ""),
        ("nothing", "null"),
        ("map", f'{{"a": {BIG}}}'),
        ("list", '["x", 2]'),
        ("list", '["x",2]'),
    ],
)
def test_a_span_is_found_by_all_that_it_carries(house: House, name: str, value: str) -> None:
    house.write([_full_span()])
    house.settled(TRACE, 1)
    assert house.found(attributes={name: value}) == [TRACE]
    assert house.found(attributes={name: f"{value}1"}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("big", str(BIG - 1)),
        ("size", str(BIG + 1)),
        ("odd", "null"),
        ("odd", ""),
        ("nothing", "NaN"),
        ("endless", "Infinity"),
        ("map", f'{{"a": {BIG - 1}}}'),
        ("team", "red"),
        ("event.name", "cache"),
    ],
)
def test_and_by_nothing_else(house: House, name: str, value: str) -> None:
    house.write([_full_span()])
    house.settled(TRACE, 1)
    assert house.found(attributes={name: value}) == []


@pytest.mark.parametrize(
    ("name", "part"),
    [("event.name", "MISS"), ("why", "BAT"), ("team", "Blu"), ("scope.name", "EXAMPLE"), ("big", "740993")],
)
def test_a_part_is_enough_where_parts_are_asked_for(house: House, name: str, part: str) -> None:
    house.write([_full_span()])
    house.settled(TRACE, 1)
    assert [
        one.trace_id for one in house.reader.find_traces(TraceQuery(house.window, like={name: part})).items
    ] == [TRACE]


def _full_log() -> LogRow:
    plain = log_row("hello", event_name="order.placed", attributes={"big": BIG})
    record = LogRecord.FromString(plain.raw)
    record.observed_time_unix_nano = 1_800_000_000_000_000_123
    record.flags = 1
    record.dropped_attributes_count = 4
    record.severity_text = "NOTICE"
    return plain._replace(raw=record.SerializeToString(), scope=SCOPE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event.name", "order.placed"),
        ("event_name", "order.placed"),
        ("observed_time_unix_nano", "1800000000000000123"),
        ("flags", "1"),
        ("dropped_attributes_count", "4"),
        ("severity_text", "NOTICE"),
        ("scope.name", "io.example.lib"),
        ("scope", "io.example.lib"),
        ("scope.version", "1.2.3"),
        ("team", "blue"),
        ("big", str(BIG)),
    ],
)
def test_a_log_is_found_by_all_that_it_carries(house: House, name: str, value: str) -> None:
    house.write(logs=[_full_log(), log_row("another", attributes={"big": BIG - 1})])
    found = house.reader.find_logs(LogQuery(house.window, attributes={name: value})).items
    assert [log.body for log in found] == ["hello"]
    rest = house.reader.find_logs(LogQuery(house.window, excluded=[(name, value)])).items
    assert [log.body for log in rest] == ["another"]
