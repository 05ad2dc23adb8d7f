"""What becomes of a span, a log record and a beacon on their way to a row."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import requests
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import otlp_json_groups, zipkin
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from collector.values import MAX_DEPTH
from signals import semantics
from signals.browser_events import is_browser
from signals.model import Attribute
from store.api import SpanRow
from tests.collector import build
from tests.collector.conftest import Running


def rows(request: Any) -> list[SpanRow]:
    return list(Decoder().traces(protobuf_groups(request.SerializeToString()), Refusals()).batch.spans)


def json_rows(document: Any) -> tuple[list[SpanRow], Refusals]:
    refused = Refusals()
    groups = otlp_json_groups.groups(json.dumps(document).encode(), "traces", refused)
    return list(Decoder().traces(groups, refused).batch.spans), refused


def zipkin_rows(spans: list[Any]) -> tuple[list[SpanRow], Refusals]:
    refused = Refusals()
    groups = zipkin.groups(json.dumps(spans).encode(), refused)
    return list(Decoder().traces(groups, refused).batch.spans), refused


def json_request(span: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


JSON_SPAN: dict[str, Any] = {
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "EEE19B7EC3C1B174",
    "parentSpanId": "",
    "name": "I/O",
    "kind": 3,
    "startTimeUnixNano": "1795343000000000000",
    "endTimeUnixNano": 1795343000000001000,
}
ZIPKIN_SPAN: dict[str, Any] = {
    "traceId": "90b3bf7d16bd3044",
    "id": "d3044986fd2355b6",
    "name": "click",
    "timestamp": 1795343049664800,
    "duration": 3900,
    "tags": {"app": "shop", "splunk.rumSessionId": "a" * 32, "http.status_code": "500"},
}


def test_the_row_says_what_the_span_says() -> None:
    request = build.traces(
        [
            build.span(
                1,
                parent_span_id=bytes(8),
                kind=Span.SPAN_KIND_CLIENT,
                attributes={"peer.service": "bank", "error": "true", "tenant.level": "gold", "n": 7},
            )
        ]
    )
    (row,) = rows(request)
    assert (row.service, row.name, row.kind) == ("shop", "work 1", 3)
    assert (row.parent_span_id, row.duration_ns) == (b"", 1_000_000)
    assert (row.error, row.peer, row.browser, row.session_id) == (True, "bank", False, "")
    assert row.tags["tenant.level"] == "gold"
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert Span.FromString(row.raw) == span


def test_a_span_is_kept_as_it_came_with_fields_nobody_knows() -> None:
    request = build.traces([])
    unknown = build.span(1).SerializeToString() + b"\xca\x3e\x03abc"
    request.resource_spans[0].scope_spans[0].spans.add().MergeFromString(unknown)
    (row,) = rows(request)
    assert b"abc" in row.raw


def test_a_span_that_ends_before_it_starts_takes_no_time() -> None:
    (row,) = rows(build.traces([build.span(1, end_time_unix_nano=1)]))
    assert row.duration_ns == 0


def test_without_a_service_name_the_conventions_name_it() -> None:
    (row,) = rows(build.traces([build.span(1)], service=""))
    assert row.service == "unknown_service"


def test_of_a_key_that_comes_twice_the_first_stays() -> None:
    span = build.span(1, attributes={"version": "1"})
    span.attributes.append(build.pair("version", "2"))
    (row,) = rows(build.traces([span]))
    assert row.tags["version"] == "1"


def test_tags_from_the_cache_are_those_of_the_semantics() -> None:
    rng = random.Random(7)
    decoder = Decoder()
    values: list[Attribute] = ["", "x", "y" * 300, 0, 1, True, False]
    for number in range(1, 300):
        keys = rng.sample((*semantics.PROMOTED, "other", "splunk.rumSessionId"), 6)
        own: dict[str, Attribute] = {key: rng.choice(values) for key in keys[:4]}
        of_resource: dict[str, Attribute] = {
            "service.name": "shop",
            keys[4]: rng.choice(values),
            keys[0]: rng.choice(values),
        }
        request = build.traces([build.span(number, attributes=own)], service="")
        request.resource_spans[0].resource.attributes.extend(
            build.pair(key, value) for key, value in of_resource.items()
        )
        (row,) = decoder.traces(protobuf_groups(request.SerializeToString()), Refusals()).batch.spans
        browser = is_browser(own, of_resource)
        assert row.browser == browser
        assert row.tags == semantics.tags_of(row.name, own, of_resource, browser=browser)


def test_nesting_is_bounded() -> None:
    deep = KeyValue(key="deep")
    value = deep.value
    for _ in range(MAX_DEPTH + 1):
        value = value.array_value.values.add()
    value.string_value = "here"
    span = build.span(1)
    span.attributes.append(deep)
    decoded = Decoder().traces(
        protobuf_groups(build.traces([span, build.span(2)]).SerializeToString()), Refusals()
    )
    assert [row.name for row in decoded.batch.spans] == ["work 2"]
    assert "nests deeper" in decoded.refused.message()


def test_nesting_beyond_all_reason_is_refused_not_followed() -> None:
    nested: Any = "here"
    for _ in range(200):
        nested = {"arrayValue": {"values": [nested if isinstance(nested, dict) else {"stringValue": nested}]}}
    document = json_request(JSON_SPAN | {"attributes": [{"key": "deep", "value": nested}]})
    refused = Refusals()
    groups = otlp_json_groups.groups(json.dumps(document).encode(), "traces", refused)
    assert not [item for group in groups for item in group.items]
    assert "nests deeper" in refused.message()


def test_a_broken_event_refuses_its_span() -> None:
    span = build.span(1)
    span.events.add(name="?XYZ?")
    body = build.traces([span, build.span(2)]).SerializeToString().replace(b"?XYZ?", b"?\xff\xfe\xfd?")
    decoded = Decoder().traces(protobuf_groups(body), Refusals())
    assert [row.name for row in decoded.batch.spans] == ["work 2"]


def test_the_cache_of_attributes_is_bounded_and_forgets_nothing_that_matters() -> None:
    decoder = Decoder()
    for first in range(0, 40_000, 2_000):
        spans = [build.span(1 + n, attributes={"orderId": f"o{n}"}) for n in range(first, first + 2_000)]
        body = build.traces(spans).SerializeToString()
        made = decoder.traces(protobuf_groups(body), Refusals()).batch.spans
        assert [row.tags["orderId"] for row in made] == [f"o{n}" for n in range(first, first + 2_000)]
    assert len(decoder._attributes.known.pairs) <= 32_768


def test_json_ids_integers_and_enums_in_every_allowed_form() -> None:
    attributes = [
        {"key": "a", "value": {"intValue": "9007199254740993"}},
        {"key": "b", "value": {"intValue": 7}},
        {"key": "c", "value": {"boolValue": False}},
        {"key": "d", "value": {"doubleValue": "NaN"}},
        {"key": "e", "value": {"bytesValue": "AAE="}},
        {"key": "f", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"stringValue": "y"}}]}}},
        {"key": "g", "value": {}},
        {"key": "h", "value": {"stringValue": ""}},
    ]
    made, refused = json_rows(
        json_request(
            JSON_SPAN
            | {
                "attributes": attributes,
                "kind": "SPAN_KIND_CLIENT",
                "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
                "newField": {"whatever": 1},
            }
        )
    )
    assert refused.count == 0
    (row,) = made
    assert row.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert (row.kind, row.error, row.duration_ns) == (3, True, 1000)
    span = Span.FromString(row.raw)
    values = {pair.key: pair.value for pair in span.attributes}
    assert values["a"].int_value == 9007199254740993
    assert values["c"].WhichOneof("value") == "bool_value"
    assert values["e"].bytes_value == b"\x00\x01"
    assert values["f"].kvlist_value.values[0].value.string_value == "y"
    assert values["g"].WhichOneof("value") is None
    assert values["h"].WhichOneof("value") == "string_value"


def test_json_with_the_original_field_names() -> None:
    span = {
        "trace_id": JSON_SPAN["traceId"],
        "span_id": JSON_SPAN["spanId"],
        "name": "x",
        "start_time_unix_nano": 1795343000000000000,
        "attributes": [{"key": "peer.service", "value": {"string_value": "bank"}}],
        "kind": 3,
    }
    made, refused = json_rows({"resource_spans": [{"scope_spans": [{"spans": [span]}]}]})
    assert refused.count == 0
    assert made[0].peer == "bank"


@pytest.mark.parametrize(
    "wrong",
    [
        {"traceId": "W4Dv95gDgQPSabYzgT/GDA=="},
        {"traceId": "5b8efff798038103"},
        {"spanId": 12},
        {"kind": "SPAN_KIND_ODD"},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": 1.5},
        {"startTimeUnixNano": True},
        {"startTimeUnixNano": 2**70},
        {"attributes": {"a": 1}},
        {"attributes": [{"key": "a", "value": {"intValue": "2000000000000000000000"}}]},
        {"attributes": [{"key": "a", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "a", "value": "bare"}]},
        {"attributes": [{"key": "a", "value": {"bytesValue": "***"}}]},
        {"events": [7]},
        {"flags": -1},
        {"name": 7},
        {"status": []},
    ],
    ids=str,
)
def test_json_spans_that_are_wrong_are_refused_alone(wrong: dict[str, Any]) -> None:
    document = json_request(JSON_SPAN | wrong)
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].append(JSON_SPAN)
    made, refused = json_rows(document)
    assert (len(made), refused.count) == (1, 1)
    assert refused.message()


def test_json_and_protobuf_come_to_the_same_row() -> None:
    made, _ = json_rows(json_request(JSON_SPAN))
    request = build.traces([], service="")
    request.resource_spans[0].scope_spans[0].spans.append(Span.FromString(made[0].raw))
    assert rows(request)[0]._replace(scope=b"", resource=b"") == made[0]


def test_zipkin_spans_are_padded_and_their_tags_stay_text() -> None:
    annotated = ZIPKIN_SPAN | {"annotations": [{"timestamp": 1795343049664900, "value": "fetchStart"}]}
    made, refused = zipkin_rows([annotated])
    assert refused.count == 0
    (row,) = made
    assert row.trace_id.hex() == "0" * 16 + "90b3bf7d16bd3044"
    assert (row.start_unix_nano, row.duration_ns) == (1795343049664800000, 3_900_000)
    assert (row.service, row.browser, row.session_id, row.error) == ("shop", True, "a" * 32, False)
    span = Span.FromString(row.raw)
    assert all(pair.value.WhichOneof("value") == "string_value" for pair in span.attributes)
    assert (span.events[0].name, span.events[0].time_unix_nano) == ("fetchStart", 1795343049664900000)


def test_zipkin_endpoints_kinds_and_status() -> None:
    foreign = ZIPKIN_SPAN | {
        "kind": "CLIENT",
        "localEndpoint": {"serviceName": "basket"},
        "remoteEndpoint": {"serviceName": "bank"},
        "tags": {"otel.status_code": "ERROR", "otel.status_description": "declined", "n": 7},
    }
    (row,), _ = zipkin_rows([foreign])
    assert (row.service, row.peer, row.kind, row.error, row.browser) == ("basket", "bank", 3, True, False)
    assert Span.FromString(row.raw).status.message == "declined"


@pytest.mark.parametrize(
    "wrong",
    [
        {"traceId": "abc"},
        {"traceId": "z" * 16},
        {"traceId": None},
        {"traceId": "0" * 32},
        {"id": ""},
        {"parentId": "12"},
        {"timestamp": "now"},
        {"timestamp": None},
        {"timestamp": -5},
        {"timestamp": 1e300},
        {"duration": -1},
        {"tags": ["x"]},
        {"annotations": [1]},
        {"annotations": [{"timestamp": "x", "value": "y"}]},
    ],
    ids=str,
)
def test_zipkin_spans_that_are_wrong_are_refused_alone(wrong: dict[str, Any]) -> None:
    made, refused = zipkin_rows([ZIPKIN_SPAN | wrong, 7, ZIPKIN_SPAN])
    assert (len(made), refused.count) == (1, 2)


@pytest.mark.parametrize("kind", ["zipkin", "otlp"])
def test_recorded_beacons_come_whole(running: Running, kind: str) -> None:
    expected = 0
    for beacon in build.recorded(kind):
        body = beacon["body"]
        expected += (
            len(body)
            if kind == "zipkin"
            else sum(len(scope["spans"]) for each in body["resourceSpans"] for scope in each["scopeSpans"])
        )
        answer = requests.post(
            f"{running.url}{beacon['path']}?{beacon['query']}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": beacon["headers"]["content-type"]},
            timeout=10,
        )
        assert answer.status_code == 200
    made = running.writer.spans
    assert len(made) == expected
    assert running.writer.rejected == 0
    assert {row.browser for row in made} == {True}
    assert len({row.session_id for row in made}) == 1
    assert {row.service for row in made} == {"online-boutique"}
    names = {row.name for row in made}
    assert {"session.start", "documentLoad", "documentFetch", "onerror", "click"} <= names
