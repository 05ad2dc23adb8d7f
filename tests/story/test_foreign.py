"""Telemetry of strangers, through the real collector and screens: nothing depends on our own names."""

from __future__ import annotations

import hashlib
import json
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from tests.helpers import eventually
from tests.story.bench import Bench

pytestmark = pytest.mark.lab

Json = dict[str, Any]


def tracer(bench: Bench, service: str) -> Tracer:
    """A stranger's service: the plain SDK with its own resource."""
    provider = TracerProvider(
        resource=Resource({"service.name": service, "deployment.environment": "abroad"})
    )
    endpoint = f"{bench.urls['otlp_http']}/v1/traces"
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    found = provider.get_tracer("stranger")
    assert isinstance(found, Tracer)
    return found


@contextmanager
def span(by: Tracer, name: str, kind: SpanKind, *, failed: str = "", **tags: object) -> Iterator[Span]:
    attributes = {key.replace("__", "."): value for key, value in tags.items()}
    with by.start_as_current_span(name, kind=kind, attributes=attributes) as made:  # type: ignore[arg-type]
        yield made
        if failed:
            made.set_status(Status(StatusCode.ERROR, failed))


def services(found: Json) -> dict[str, str]:
    """Each service of a trace with its colour."""
    return {one["name"]: one["error"] for one in found["services"]}


def test_a_foreign_mesh_gets_its_errors_its_map_and_its_logs(bench: Bench) -> None:
    gate, ledger, mail = (tracer(bench, name) for name in ("turnstile", "ledger", "pigeon-post"))
    with (
        span(
            gate,
            "GET /tickets",
            SpanKind.SERVER,
            failed="bad gateway",
            http__method="GET",
            http__status_code=502,
        ),
        span(gate, "POST", SpanKind.CLIENT, failed="502", http__method="POST", net__peer__name="ledger"),
        span(ledger, "Book/Write", SpanKind.SERVER, failed="book is full", rpc__system="grpc") as origin,
    ):
        with span(ledger, "INSERT", SpanKind.CLIENT, db__system="postgresql", db__name="bookkeeping"):
            pass
        with (
            span(ledger, "send letters", SpanKind.PRODUCER, messaging__system="rabbitmq"),
            span(mail, "receive letters", SpanKind.CONSUMER, messaging__system="rabbitmq"),
        ):
            pass
        at = origin.get_span_context()
    trace_id, span_id = trace.format_trace_id(at.trace_id), trace.format_span_id(at.span_id)
    line = log_export("ledger", "The book is full", trace_id, span_id)
    assert bench.post("/v1/logs", line) == 200

    def whole() -> Json:
        found: Json = bench.ask(f"/apm/traces/{trace_id}")
        assert found["complete"], found["notes"]
        assert len(services(found)) >= 3, services(found)
        return found

    found = eventually(whole, "the foreign trace is whole")
    colours = services(found)
    seen = {name: colours[name] for name in ("turnstile", "ledger", "pigeon-post")}
    assert seen == {"turnstile": "received", "ledger": "origin", "pigeon-post": "none"}
    inferred = {one["service"] for one in found["spans"] if one["inferred"]}
    assert "bookkeeping" in inferred, f"the database is inferred by its name, not {inferred}"
    (log,) = bench.ask(f"/logs?trace_id={trace_id}&span_id={span_id}")["logs"]
    assert (log["service"], log["body"], log["severity"]) == ("ledger", "The book is full", "error")

    def mapped() -> bool:
        nodes = {node["service"]: node for node in bench.ask("/apm/map?since=15m")["nodes"]}
        return bool(nodes["ledger"]["origin_errors"] == 1 and nodes["turnstile"]["origin_errors"] == 0)

    eventually(mapped, "the map counts the origin error at ledger alone")


def log_export(service: str, body: str, trace_id: str, span_id: str) -> bytes:
    """An OTLP JSON export of one error line."""
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": 17,
        "severityText": "E",
        "body": {"stringValue": body},
        "traceId": trace_id,
        "spanId": span_id,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    content = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    return json.dumps(content).encode()


def test_a_foreign_page_is_a_session_with_its_error_and_its_link(bench: Bench) -> None:
    with span(tracer(bench, "greenhouse"), "POST /water", SpanKind.SERVER) as entry:
        at = entry.get_span_context()
    linked = trace.format_trace_id(at.trace_id)
    session = secrets.token_hex(16)
    common = {
        "app": "garden",
        "environment": "abroad",
        "splunk.rumSessionId": session,
        "location.href": "https://garden.test/beds",
        "gardener": "flora",
    }
    beacon = [
        zipkin("documentLoad", common, component="document-load"),
        zipkin(
            "onerror", common, **{"error": "true", "error.object": "RangeError", "error.message": "too wet"}
        ),
        zipkin(
            "HTTP POST",
            common,
            **{
                "component": "fetch",
                "http.method": "POST",
                "http.url": "https://garden.test/water",
                "http.status_code": "503",
                "link.traceId": linked,
                "link.spanId": trace.format_span_id(at.span_id),
            },
        ),
    ]
    assert bench.post("/v1/rum", json.dumps(beacon).encode(), "text/plain;charset=UTF-8") in (200, 202, 204)
    listed = eventually(
        lambda: bench.ask("/rum/sessions?attr=gardener:flora&since=15m")["sessions"],
        "the foreign session is listed",
    )
    assert (listed[0]["session_id"], listed[0]["app"]) == (session, "garden")
    events = bench.ask(f"/rum/sessions/{session}")["events"]
    kinds = {event["kind"]: event for event in events}
    assert {"document", "error", "fetch"} <= set(kinds), sorted(kinds)
    assert kinds["error"]["error"] is True
    assert (kinds["fetch"]["http_status"], kinds["fetch"]["error"]) == (503, True)
    assert kinds["fetch"]["apm"]["trace_id"] == linked
    browser = bench.ask(f"/apm/traces/{linked}")["browser"]
    assert browser["session_id"] == session, "the trace names the page it came from"


def zipkin(name: str, common: dict[str, str], **tags: str) -> Json:
    """One browser span as the agent's Zipkin mode writes it."""
    return {
        "id": secrets.token_hex(8),
        "traceId": secrets.token_hex(16),
        "name": name,
        "timestamp": time.time_ns() // 1000,
        "duration": 1200,
        "tags": {**common, **tags},
    }


def renamed(text: str) -> str:
    """Another name, the same for the same name."""
    return "n" + hashlib.sha256(text.encode()).hexdigest()[:10]


def disguised(export: Json, trace_id: str) -> list[Json]:
    """Every span of an OTLP JSON trace as an export of its own, renamed and in no order."""
    exports = []
    for block in export["resourceSpans"]:
        for one in block["resource"].get("attributes", ()):
            if one["key"] == "service.name":
                one["value"] = {"stringValue": renamed(one["value"]["stringValue"])}
        for scope in block["scopeSpans"]:
            for span_ in scope["spans"]:
                span_["traceId"], span_["name"] = trace_id, renamed(span_["name"])
                for one in span_.get("attributes", ()):
                    if one["key"] == "peer.service":
                        one["value"] = {"stringValue": renamed(one["value"]["stringValue"])}
                alone = {"resource": block["resource"], "scopeSpans": [{"spans": [span_]}]}
                exports.append({"resourceSpans": [alone]})
    random.Random(7).shuffle(exports)
    return exports


def test_our_failing_trace_renamed_and_shuffled_gets_the_same_colours(bench: Bench) -> None:
    trace_id = bench.checkout()["trace_id"]

    def settled(of: str, spans: int) -> Json:
        found: Json = bench.ask(f"/apm/traces/{of}")
        assert found["complete"], found["notes"]
        assert len(found["spans"]) >= spans, f"{len(found['spans'])} spans"
        return found

    eventually(
        lambda: services(bench.ask(f"/apm/traces/{trace_id}"))["paymentservice"] == "origin", "it failed"
    )

    def whole() -> tuple[Json, Json]:
        """The trace and its download, holding the same spans: more may come between the two."""
        seen, download = settled(trace_id, 20), bench.ask(f"/apm/traces/{trace_id}/otlp")
        of_services = [
            block
            for block in download["resourceSpans"]
            if any(one["key"] == "service.name" for one in block["resource"].get("attributes", ()))
        ]
        exported = sum(len(scope["spans"]) for block in of_services for scope in block["scopeSpans"])
        assert exported == sum(not one["inferred"] for one in seen["spans"]), "spans still come"
        return seen, download

    before, download = eventually(whole, "our own failing trace is whole")
    disguise = secrets.token_hex(16)
    for export in disguised(download, disguise):
        assert bench.post("/v1/traces", json.dumps(export).encode()) == 200
    after = eventually(lambda: settled(disguise, len(before["spans"])), "the disguised trace is whole")

    expected = {renamed(name): colour for name, colour in services(before).items()}
    unknown = {name for name in services(after) if name not in expected}
    seen = {name: colour for name, colour in services(after).items() if name in expected}
    assert seen == {name: colour for name, colour in expected.items() if name in seen}
    assert not {services(after)[name] for name in unknown} - {"none"}, "only inferred names may differ"
    colours = sorted(
        (one["kind"], one["error"], one["inferred"], one["duration_ns"]) for one in before["spans"]
    )
    assert colours == sorted(
        (one["kind"], one["error"], one["inferred"], one["duration_ns"]) for one in after["spans"]
    )
    assert after["performance"] == pytest.approx(before["performance"])
