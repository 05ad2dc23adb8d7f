"""Whatever is answered with success is found again, value by value; what is not is counted.

The environment variable PROPERTY_EXAMPLES says how many random exports each test sends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st

import store
from collector.intake import Encoding, Intake, Outcome, Signal
from signals.model import Log, Span, TraceId
from store.api import LogQuery, Reader, Window
from tests.collector import beacons, exports as made
from tests.collector.exports import Export, Item, first_wins, same

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "15"))
bounded = settings(max_examples=EXAMPLES, deadline=None, database=None, phases=(Phase.generate,))


def _set(name: str, value: object) -> Callable[[dict[str, Any]], Any]:
    return lambda item: {**item, name: value}


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda item: {key: value for key, value in item.items() if key != name}


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"stringValue": "here"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


JSON_SPOILED: list[Callable[[Any], Any]] = [
    lambda _item: None,
    lambda item: [item],
    lambda _item: {},
    _without("traceId"),
    _set("traceId", "W4Dv95gDgQPSabYzgT/GDA=="),
    _set("spanId", "ab"),
    _set("name", 7),
    _set("eventName", ["x"]),
    _set("kind", "SPAN_KIND_ODD"),
    _set("kind", 2**40),
    _set("severityNumber", 99),
    _set("timeUnixNano", {"low": 1, "high": 2}),
    _set("startTimeUnixNano", -1),
    _set("flags", 2**32),
    _set("droppedAttributesCount", "many"),
    _set("attributes", {"a": 1}),
    _set("attributes", [{"key": "n", "value": {"intValue": str(2**63)}}]),
    _set("attributes", [{"key": "n", "value": {"intValue": 2.0**60}}]),
    _set("attributes", [{"key": "n", "value": {"intValue": "1", "stringValue": "1"}}]),
    _set("attributes", [{"key": "n", "value": {"oddValue": 1}}]),
    _set("attributes", [{"key": "n", "value": _nested(40)}]),
    _set("attributes", [{"key": "n", "value": _nested(400)}]),
    _set("body", "bare"),
    _set("events", [7]),
    _set("links", [{"traceId": "ab"}]),
    _set("status", []),
    _set("futureField", {"x": [1]}),
]
"""Ways to spoil an item in JSON; a few of them leave it valid."""

PROTOBUF_SPOILED: list[Callable[[bytes], bytes]] = [
    lambda _raw: b"",
    lambda raw: raw[:-1],
    lambda raw: b"\xff" + raw,
    lambda raw: raw + b"\x2a\x02\xff\xfe",  # a span's name, or a log's body
    lambda raw: raw + b"\x1a\x02\xc3\x28",  # a span's trace state, or a log's severity text
    lambda raw: raw + b"\x4a\x04\x0a\x02\xff\xfe",  # an attribute's key, or a log's trace id
    lambda raw: raw + b"\x30\x63",  # a span's kind
    lambda raw: raw + b"\xd2\x0f\x01x",  # a field of the future
]


class World:
    """A store, and the intake that writes to it."""

    def __init__(self, path: Path) -> None:
        self.writer = store.open_writer(path)
        self.intake = Intake(self.writer, max_in_flight_bytes=10**8)
        self.reader: Reader = store.open_reader(path)

    def take(self, signal: Signal, encoding: Encoding, body: bytes, sent: int) -> Outcome:
        """Send a request; every item of it is kept or refused, and what was kept is in the store."""
        before = self._kept()
        outcome = self.intake.take(signal, encoding, body)
        assert outcome.accepted + outcome.rejected == sent, outcome
        assert bool(outcome.message) >= bool(outcome.rejected)
        assert self._kept() - before == outcome.accepted
        return outcome

    def take_again(self, signal: Signal, encoding: Encoding, body: bytes, first: Outcome) -> None:
        """The same request once more has the same answer and adds nothing."""
        before = self._kept()
        assert self.intake.take(signal, encoding, body) == first
        assert self._kept() == before

    def _kept(self) -> int:
        status = self.reader.status()
        return status.spans + status.logs

    def span(self, item: Item) -> Span:
        (found,) = self.reader.spans_of_trace(TraceId(item.trace.hex()))
        return found

    def log(self, item: Item) -> Log:
        (found,) = self.reader.find_logs(LogQuery(Window.ALL, trace_id=TraceId(item.trace.hex()))).items
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made_world = World(tmp_path_factory.mktemp("kept") / "telemetry.db")
    yield made_world
    made_world.reader.close()
    made_world.writer.close()


def _check_origins(found: Span | Log, sent: Export) -> None:
    assert same(found.resource, first_wins(sent.resource))
    assert (found.scope, found.scope_version) == sent.scope
    assert same(found.scope_extras.attributes, first_wins(sent.scope_pairs))
    assert (found.resource_extras.schema_url, found.scope_extras.schema_url) == sent.schema_urls
    assert found.service == "property"


def _check_span(found: Span, item: Item) -> None:
    assert found.span_id == item.span.hex()
    assert (found.name, found.kind, found.trace_state, found.flags) == (
        item.name, item.kind, item.state, item.flags,
    )  # fmt: skip
    assert (found.start_unix_nano, found.duration_ns) == (item.start, max(0, item.end - item.start))
    assert (found.status, found.status_message) == item.status
    assert same(found.attributes, first_wins(item.pairs))
    assert found.dropped == item.dropped
    for event, sent in zip(found.events, item.events, strict=True):
        assert (event.name, event.time_unix_nano, event.dropped_attributes) == (
            sent.name, sent.time, sent.dropped,
        )  # fmt: skip
        assert same(event.attributes, first_wins(sent.pairs))
    for link, linked in zip(found.links, item.links, strict=True):
        assert (link.trace_id, link.span_id) == (linked.trace.hex(), linked.span.hex())
        assert (link.trace_state, link.flags, link.dropped_attributes) == (
            linked.state, linked.flags, linked.dropped,
        )  # fmt: skip
        assert same(link.attributes, first_wins(linked.pairs))


def _check_log(found: Log, item: Item) -> None:
    assert (found.time_unix_nano, found.observed_unix_nano) == (item.start, item.end)
    assert (found.span_id, found.event_name, found.flags) == (item.span.hex(), item.name, item.flags)
    assert found.severity_text == item.severity[1]
    assert not item.severity[0] or found.severity_number == item.severity[0]
    assert same(found.value, item.body)
    assert same(found.attributes, first_wins(item.pairs))
    assert found.dropped_attributes == item.dropped[0]


def _check(world: World, signal: Signal, encoding: Encoding, export: Export, body: bytes) -> None:
    outcome = world.take(signal, encoding, body, len(export.items))
    assert outcome.rejected <= sum(item.spoil is not None for item in export.items), outcome.message
    for item in export.items:
        if item.spoil is not None:
            continue
        found = world.span(item) if signal is Signal.TRACES else world.log(item)
        _check_origins(found, export)
        if isinstance(found, Span):
            _check_span(found, item)
        else:
            _check_log(found, item)
    if signal is Signal.TRACES:
        world.take_again(signal, encoding, body, outcome)


@bounded
@given(export=made.exports(JSON_SPOILED))
def test_spans_in_json(world: World, export: Export) -> None:
    body = made.otlp_json(export, "traces", made.span_document)
    _check(world, Signal.TRACES, Encoding.JSON, export, body)


@bounded
@given(export=made.exports(JSON_SPOILED))
def test_logs_in_json(world: World, export: Export) -> None:
    body = made.otlp_json(export, "logs", made.log_document)
    _check(world, Signal.LOGS, Encoding.JSON, export, body)


@bounded
@given(export=made.exports(PROTOBUF_SPOILED))
def test_spans_in_protobuf(world: World, export: Export) -> None:
    _check(world, Signal.TRACES, Encoding.PROTOBUF, export, made.protobuf(export, made.span_message))


@bounded
@given(export=made.exports(PROTOBUF_SPOILED))
def test_logs_in_protobuf(world: World, export: Export) -> None:
    _check(world, Signal.LOGS, Encoding.PROTOBUF, export, made.protobuf(export, made.log_message))


@bounded
@given(items=st.lists(made.items(beacons.ZIPKIN_SPOILED), min_size=1, max_size=5))
def test_spans_in_beacons(world: World, items: list[Item]) -> None:
    body = json.dumps(
        [item.spoil(beacons.beacon(item)) if item.spoil else beacons.beacon(item) for item in items]
    )
    outcome = world.take(Signal.TRACES, Encoding.ZIPKIN, body.encode(), len(items))
    for item in items:
        if item.spoil is None:
            found = world.span(item)
            assert (found.span_id, found.name, found.browser) == (item.span.hex(), item.name, True)
            assert found.start_unix_nano == item.start // 1000 * 1000
            tags = {key: beacons.tag_text(value) for key, value in item.pairs}
            assert same(found.attributes, {"app": "property", "process.runtime.name": "browser", **tags})
            assert [event.name for event in found.events] == [event.name for event in item.events]
    world.take_again(Signal.TRACES, Encoding.ZIPKIN, body.encode(), outcome)
