"""One bad character, field, item or part of a request costs its neighbours nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector import wire
from collector.intake import Encoding, Intake, Outcome, Signal
from collector.items import Undecodable
from store.decode import resource_attributes, scope_of
from tests.collector import build

SPAN: dict[str, Any] = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "good",
    "startTimeUnixNano": str(build.T0),
    "endTimeUnixNano": str(build.T0 + 1),
}
BAD = {**SPAN, "traceId": "ab-"}
LOG = {"timeUnixNano": str(build.T0), "body": {"stringValue": "good"}}


def take(
    body: bytes | dict[str, Any] | list[Any],
    encoding: Encoding = Encoding.JSON,
    signal: Signal = Signal.TRACES,
) -> tuple[Outcome, build.ListWriter]:
    """The outcome of one request, and the store that took it."""
    writer = build.ListWriter()
    intake = Intake(writer, max_in_flight_bytes=10**8)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return intake.take(signal, encoding, raw), writer


def request(*spans: object, **resourced: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}], **resourced}]}


def named(value: object, key: str = "service.name") -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": value}]}


def test_a_refusal_names_the_item_and_the_field() -> None:
    outcome, writer = take(request(SPAN, {**SPAN, "name": "odd", "flags": -1}))
    assert [row.name for row in writer.spans] == ["good"]
    assert outcome.rejected == 1
    assert outcome.message == "flags is out of range (resourceSpans[0].scopeSpans[0].spans[1] 'odd')"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"cut \xf0\x9f"', "cut \ufffd\ufffd"),
        (b'"line\nbreak"', "line\nbreak"),
        (b'"nul\x00"', "nul\x00"),
        (b'"nul\\u0000"', "nul\x00"),
    ],
)
def test_a_bad_character_in_json_costs_nothing(body: bytes, name: str) -> None:
    """A page that cuts a message within an emoji sends a lone surrogate."""
    raw = json.dumps(request({**SPAN, "name": "@"}, SPAN)).encode().replace(b'"@"', body)
    outcome, writer = take(raw)
    assert [row.name for row in writer.spans] == [name, "good"]
    assert outcome.rejected == 0
    assert ("U+FFFD" in outcome.message) is ("\ufffd" in name)


def test_bare_not_a_number_and_endless_digits_cost_one_item_at_most() -> None:
    """As Python's json module writes them."""
    attributes = [{"key": "n", "value": {"doubleValue": float("nan")}}]
    digits = json.dumps(request({**SPAN, "attributes": attributes}, {**SPAN, "flags": "@"}, SPAN))
    outcome, writer = take(digits.replace('"@"', "9" * 5_000).encode())
    assert (len(writer.spans), outcome.rejected) == (2, 1)
    assert "flags" in outcome.message


@pytest.mark.parametrize("levels", [40, 400, 3_000])
def test_a_value_that_nests_without_end_costs_one_item(levels: int) -> None:
    deep = '{"arrayValue":{"values":[' * levels + "{}" + "]}}" * levels
    raw = json.dumps(request(SPAN, {**SPAN, "attributes": [{"key": "deep", "value": "@"}]}))
    outcome, writer = take(raw.replace('"@"', deep).encode())
    assert (len(writer.spans), outcome.rejected) == (1, 1)
    assert "nests deeper" in outcome.message


@pytest.mark.parametrize("entry", [None, 7, "x", [], {"spans": [SPAN]}, {"scopeSpans": {}}])
def test_a_bad_resource_entry_costs_its_own_items(entry: object) -> None:
    document = request(SPAN)
    document["resourceSpans"].insert(0, entry)
    outcome, writer = take(document)
    assert (len(writer.spans), outcome.rejected) == (1, 1)
    assert "resourceSpans[0]" in outcome.message


@pytest.mark.parametrize("entry", [None, 7, {"logRecords": [LOG]}, {"spans": 7}, {"span": [SPAN]}])
def test_a_bad_scope_entry_costs_its_own_items(entry: object) -> None:
    document = request(SPAN)
    document["resourceSpans"][0]["scopeSpans"].append(entry)
    outcome, writer = take(document)
    assert (len(writer.spans), outcome.rejected) == (1, 1)
    assert "resourceSpans[0].scopeSpans[1]" in outcome.message


def test_a_bad_attribute_of_a_resource_or_scope_is_left_out_and_told() -> None:
    resource = named({"stringValue": "shop"})
    resource["attributes"] += [{"key": "pid", "value": {"intValue": "x"}}, 7]
    document = request(SPAN, resource=resource)
    document["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": "lib", **named({"oddValue": 1}, "k")}
    outcome, writer = take(document)
    (row,) = writer.spans
    assert (row.service, outcome.rejected) == ("shop", 0)
    assert "attribute 'pid': intValue is not a whole number" in outcome.message
    assert resource_attributes(row.resource) == {"service.name": "shop"}
    assert scope_of(row.scope).name == "lib"


@pytest.mark.parametrize("resource", [7, [], {"attributes": {}}, named({"intValue": "x"}), named("bare")])
def test_items_whose_service_cannot_be_read_are_refused(resource: object) -> None:
    document = request(SPAN, SPAN, resource=resource)
    document["resourceSpans"] += request(SPAN, resource=None)["resourceSpans"]
    outcome, writer = take(document)
    assert ([row.service for row in writer.spans], outcome.rejected) == (["unknown_service"], 2)


def spoiled(old: bytes, new: bytes, *, service: str = "shop") -> bytes:
    assert len(old) == len(new)
    return build.traces([build.span(1), build.span(2)], service).SerializeToString().replace(old, new)


def test_text_that_is_not_utf8_costs_its_span() -> None:
    outcome, writer = take(spoiled(b"work 1", b"work\xff\xfe"), Encoding.PROTOBUF)
    assert ([row.name for row in writer.spans], outcome.rejected) == (["work 2"], 1)
    assert "a span cannot be read: name is not UTF-8 (resourceSpans[0].scopeSpans[0].spans[0])" in (
        outcome.message
    )


def test_text_of_a_resource_that_is_not_utf8_is_left_out_unless_it_is_the_service() -> None:
    request = build.traces([build.span(1)])
    request.resource_spans[0].resource.attributes.append(build.pair("path", "@@@@"))
    raw = request.SerializeToString()
    outcome, writer = take(raw.replace(b"@@@@", b"\xff\xfe\xfd\xfc"), Encoding.PROTOBUF)
    (row,) = writer.spans
    assert (row.service, outcome.rejected) == ("shop", 0)
    assert "attribute 'path' is not UTF-8" in outcome.message
    assert resource_attributes(row.resource) == {"service.name": "shop"}
    outcome, writer = take(raw.replace(b"shop", b"\xff\xfe\xfd\xfc"), Encoding.PROTOBUF)
    assert (writer.spans, outcome.rejected) == ([], 1)
    assert "service.name" in outcome.message


def test_text_of_a_scope_that_is_not_utf8_costs_no_item() -> None:
    outcome, writer = take(spoiled(b"tests", b"te\xff\xfes"), Encoding.PROTOBUF)
    assert (len(writer.spans), outcome.rejected) == (2, 0)
    assert scope_of(writer.spans[0].scope).name == "te\ufffd\ufffds"


def test_a_part_that_is_no_protobuf_costs_its_own_items() -> None:
    """Protobuf's parser refuses the message as a whole: the parts are read one by one."""
    good = build.traces([build.span(1)]).resource_spans[0].SerializeToString()
    scoped = build.traces([build.span(2)]).resource_spans[0].scope_spans[0].SerializeToString()
    parts = wire.ResourcedParts(scoped=[b"\xff\xff\xff", scoped]).SerializeToString()
    body = wire.RequestParts(resourced=[b"\xff\xff\xff", good, parts]).SerializeToString()
    outcome, writer = take(body, Encoding.PROTOBUF)
    assert [row.name for row in writer.spans] == ["work 1", "work 2"]
    assert outcome.rejected == 2
    assert "resourceSpans[0]" in outcome.message
    assert "resourceSpans[2].scopeSpans[0]" in outcome.message


def test_the_names_of_before_2022_are_read_and_told() -> None:
    library = {"instrumentationLibrary": {"name": "old", "version": "1"}, "spans": [SPAN]}
    outcome, writer = take({"resourceSpans": [{"instrumentationLibrarySpans": [library]}]})
    assert (len(writer.spans), outcome.rejected) == (1, 0)
    assert scope_of(writer.spans[0].scope)[:2] == ("old", "1")
    assert "instrumentationLibrarySpans was read as scopeSpans" in outcome.message
    record = {"instrumentationLibraryLogs": [{"logs": [{**LOG, "name": "old.event"}]}]}
    _, writer = take({"resourceLogs": [record]}, signal=Signal.LOGS)
    assert [row.event for row in writer.logs] == ["old.event"]
    scoped = wire.Scoped(items=[build.span(1).SerializeToString()])
    body = wire.Request(resourced=[wire.Resourced(old_scoped=[scoped])]).SerializeToString()
    outcome, writer = take(body, Encoding.PROTOBUF)
    assert (len(writer.spans), "scopeSpans" in outcome.message) == (1, True)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"one": "two"}, "it has no resourceSpans, but 'one'"),
        ({"resourceSpan": []}, "it has no resourceSpans"),
        ({"resourceLogs": [{}]}, "it is one of logs; send it to /v1/logs"),
        ([], "a list of Zipkin spans goes to /v1/rum"),
        ({"resourceSpans": 7}, "resourceSpans is not a list"),
    ],
)
def test_a_document_that_is_none_is_refused_whole(document: Any, told: str) -> None:
    with pytest.raises(Undecodable, match=told.replace("/", "\\/")):
        take(document)


@pytest.mark.parametrize("document", [{}, {"resourceSpans": []}, {"resourceSpans": [{"resource": {}}]}])
def test_an_empty_request_is_a_success(document: dict[str, Any]) -> None:
    assert take(document)[0] == Outcome(0, 0, "")


def test_items_of_another_signal_are_refused_and_counted() -> None:
    both = request(SPAN) | {"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG, LOG]}]}]}
    outcome, writer = take(both)
    assert (len(writer.spans), outcome.rejected) == (1, 2)
    assert "send logs to /v1/logs" in outcome.message
    spans = build.traces([build.span(1), build.span(2, attributes={"a": 1})]).SerializeToString()
    logs = build.logs([LogRecord(time_unix_nano=build.T0)]).SerializeToString()
    for body, signal, count in (
        (spans, Signal.LOGS, 2),
        (logs, Signal.TRACES, 1),
        (spans, Signal.METRICS, 2),
    ):
        outcome, writer = take(body, Encoding.PROTOBUF, signal)
        assert (outcome.accepted, outcome.rejected) == (0, count), (signal, outcome)
    with pytest.raises(Undecodable, match="fields that OTLP does not know"):
        take(b"\x12\x00", Encoding.PROTOBUF)
    assert ExportTraceServiceRequest.FromString(b"\x12\x00")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"intValue": "9223372036854775808"}, "out of range"),
        ({"intValue": -9223372036854775809}, "more digits"),
        ({"intValue": 9007199254740994.0}, "more digits"),
        ({"intValue": "1_0"}, "not a whole number"),
        ({"doubleValue": "1_0"}, "not a number"),
        ({"doubleValue": "1e999"}, "out of range"),
        ({"stringValue": "a", "boolValue": True}, "of two kinds"),
        ({"uintValue": 1}, "of no kind"),
    ],
)
def test_a_value_that_would_be_kept_otherwise_is_refused(value: dict[str, Any], told: str) -> None:
    outcome, writer = take(request(SPAN, {**SPAN, **named(value, "k")}))
    assert (len(writer.spans), outcome.rejected) == (1, 1)
    assert "attribute 'k': " in outcome.message
    assert told in outcome.message


def test_a_beacon_keeps_what_its_endpoints_say_and_refuses_version_1() -> None:
    base = {"traceId": "a" * 32, "id": "b" * 16, "timestamp": build.T0 // 1000 + 0.5, "name": "x"}
    beacon = [
        {**base, "remoteEndpoint": {"serviceName": "bank", "ipv4": "10.0.0.1", "port": 443}},
        {**base, "binaryAnnotations": [{"key": "a"}]},
        {**base, "tags": {"deep": json.loads("[" * 50 + "]" * 50)}},
        {**base, "name": "cut \ud83d"},
    ]
    outcome, writer = take(beacon, Encoding.ZIPKIN)
    assert [row.name for row in writer.spans] == ["x", "cut \ufffd"]
    assert (writer.spans[0].start_unix_nano % 1_000, outcome.rejected) == (500, 2)
    assert b"10.0.0.1" in writer.spans[0].raw
    assert "version 2" in outcome.message
    assert "spans[1] 'x'" in outcome.message


def test_reasons_are_bounded_however_many_there_are() -> None:
    spans = [{**SPAN, **named({"intValue": "x"}, f"key {number}")} for number in range(3_000)]
    outcome, _ = take(request(*spans))
    assert outcome.rejected == 3_000
    assert len(outcome.message) < 2_000
    assert "one of many other reasons (2000 times" in outcome.message
