"""A trace as a file: every value and every library survives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector import otlp_json_groups
from collector.items import Refusals
from observer import serializers
from observer.api.otlp_download import otlp_json, otlp_logs_json
from observer.request.responses import json_bytes
from signals.model import (
    Attribute,
    Attributes,
    Dropped,
    Event,
    Link,
    Log,
    ResourceExtras,
    ScopeExtras,
    Severity,
    SpanId,
    SpanKind,
    TraceId,
)
from store.decode import value_of
from tests.store.build import span


def test_a_download_keeps_every_kind_of_value() -> None:
    values: Attributes = {"n": 1, "f": 0.5, "b": True, "x": b"\x00", "l": [1, "a"], "m": {"k": None}}
    one = span(1, kind=SpanKind.SERVER, attributes=values)
    text = otlp_json([one, replace(one, attributes={"bad": "\ud800", "nan": float("nan")})]).decode()
    for part in ('"intValue":"1"', '"doubleValue":0.5', '"bytesValue":"AA=="', '"NaN"'):
        assert part in text


def test_a_download_keeps_the_version_of_each_library() -> None:
    """Spans of two versions of one library were put under its bare name."""
    one = replace(span(1), scope="lib", scope_version="1.2")
    sent = json.loads(otlp_json([one, replace(one, scope_version="2.0")]))
    scopes = [each["scope"] for each in sent["resourceSpans"][0]["scopeSpans"]]
    assert scopes == [{"name": "lib", "version": "1.2"}, {"name": "lib", "version": "2.0"}]


def test_a_download_keeps_all_that_the_protocol_carries() -> None:
    """What is not there is left out, as OTLP's JSON does."""
    event = Event("e", 7, {"a": 1}, 2)
    link = Link(TraceId("1" * 32), SpanId("2" * 16), {}, "v=w", 3, 4)
    one = replace(
        span(1),
        events=(event,),
        links=(link,),
        trace_state="a=b",
        flags=0x301,
        dropped=Dropped(1, 2, 3),
        scope_extras=ScopeExtras({"s": True}, 5, "https://example.com/scope"),
        resource_extras=ResourceExtras(6, "https://example.com/resource"),
    )
    (group,) = json.loads(otlp_json([one]))["resourceSpans"]
    assert (group["schemaUrl"], group["resource"]["droppedAttributesCount"]) == (
        "https://example.com/resource",
        6,
    )
    (scoped,) = group["scopeSpans"]
    assert (scoped["schemaUrl"], scoped["scope"]["droppedAttributesCount"]) == (
        "https://example.com/scope",
        5,
    )
    assert scoped["scope"]["attributes"] == [{"key": "s", "value": {"boolValue": True}}]
    (sent,) = scoped["spans"]
    names = ("traceState", "flags", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount")
    assert [sent[name] for name in names] == ["a=b", 0x301, 1, 2, 3]
    assert sent["events"][0]["droppedAttributesCount"] == 2
    assert [sent["links"][0][name] for name in ("traceState", "flags", "droppedAttributesCount")] == [
        "v=w", 3, 4,
    ]  # fmt: skip
    assert "flags" not in json.loads(otlp_json([span(1)]))["resourceSpans"][0]["scopeSpans"][0]["spans"][0]


@pytest.mark.parametrize("value", [b"\x00", 2**53 + 1, [None, {"a": 0.5}], "text", None, False])
def test_a_log_comes_back_with_the_type_of_its_body(value: Attribute) -> None:
    log = Log(
        log_id="1", time_unix_nano=5, severity=Severity.INFO, severity_number=9, body="x", service="shop",
        trace_id=TraceId("1" * 32), span_id=None, session_id=None, attributes={"n": float("nan")},
        resource={}, scope="lib", event_name="e", value=value, observed_unix_nano=6, flags=1,
    )  # fmt: skip
    body = otlp_logs_json([log])
    (group,) = otlp_json_groups.groups(body, "logs", refused := Refusals())
    record = LogRecord.FromString(group.items[0])
    assert refused.count == 0
    assert value_of(record.body) == value
    assert (record.event_name, record.observed_time_unix_nano, record.flags) == ("e", 6, 1)
    assert str(record.attributes[0].value.double_value) == "nan"


def test_the_api_tells_what_is_no_number_from_what_is_not_there() -> None:
    told = serializers.log(
        Log(
            log_id="1", time_unix_nano=5, severity=Severity.INFO, severity_number=9, body="x", service="shop",
            trace_id=None, span_id=None, session_id=None, resource={}, scope="",
            attributes={"nan": float("nan"), "list": [float("-inf"), b"\x01"], "nothing": None, "n": 2**60},
        )
    )  # fmt: skip
    assert json.loads(json_bytes(told["attributes"])) == {
        "nan": "NaN", "list": ["-Infinity", "01"], "nothing": None, "n": 2**60,
    }  # fmt: skip
    assert (told["value"], told["observed_unix_nano"]) == (None, None)
