"""A world of telemetry by hand: browser spans, backend spans and logs, sent as senders send them.

Written through the collector's intake, so what the screens read is what arrives there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.intake import Encoding, Intake, Signal
from store.api import Writer

Json = dict[str, Any]
MS = 1_000_000
S = 1_000_000_000


@dataclass
class World:
    """Collects what was sent, then hands it to a writer."""

    now_unix_nano: int
    first: int = 0
    """Ids of browser spans count up from here: what comes later needs others."""

    def __post_init__(self) -> None:
        self.beacons: list[Json] = []
        self.resource_spans: list[Json] = []
        self.resource_logs: list[Json] = []

    def send(self, writer: Writer) -> None:
        """Write everything; returns when it is committed."""
        intake = Intake(writer, max_in_flight_bytes=1 << 28)
        if self.beacons:
            intake.take(Signal.TRACES, Encoding.ZIPKIN, json.dumps(self.beacons).encode())
        spans = json.dumps({"resourceSpans": self.resource_spans}).encode()
        intake.take(Signal.TRACES, Encoding.JSON, spans)
        intake.take(Signal.LOGS, Encoding.JSON, json.dumps({"resourceLogs": self.resource_logs}).encode())

    def browser(self, session: str, page: int, name: str, at_ns: int, **tags: Any) -> Json:
        """One beacon span; `_id`, `_trace`, `_parent`, `_ms` and `_kind` set what is no tag."""
        number = self.first + len(self.beacons) + 1
        given = {k: v for k, v in tags.items() if not k.startswith("_")}
        span: Json = {
            "traceId": tags.get("_trace", f"{number:032x}"),
            "id": tags.get("_id", f"{number:016x}"),
            "name": name,
            "timestamp": at_ns // 1000,
            "duration": int(tags.get("_ms", 0) * 1000),
            "tags": {
                "app": "hipster-shop",
                "environment": "hipster-lab",
                "deployment.environment": "hipster-lab",
                "app.version": "1.0",
                "splunk.rumSessionId": session,
                "splunk.scriptInstance": f"{abs(hash(session)) % 10**8:08x}{page:08x}",
                "splunk.rumVersion": "2.5.1",
                "telemetry.sdk.language": "webjs",
                "telemetry.sdk.name": "@splunk/otel-web",
                "process.runtime.name": "browser",
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36",
                "user_agent.os.name": "Linux",
                **{k: str(v) for k, v in given.items()},
            },
        }
        if "_parent" in tags:
            span["parentId"] = tags["_parent"]
        if "_kind" in tags:
            span["kind"] = tags["_kind"]
        if "_notes" in tags:
            span["annotations"] = [{"value": k, "timestamp": v // 1000} for k, v in tags["_notes"].items()]
        self.beacons.append(span)
        return span

    def backend(self, service: str, spans: Sequence[Json], **resource: str) -> None:
        attributes = {
            "service.name": service,
            "deployment.environment.name": "hipster-lab",
            "telemetry.sdk.language": "python",
            "host.name": "lab",
            **resource,
        }
        self.resource_spans.append(
            {
                "resource": {"attributes": pairs(attributes)},
                "scopeSpans": [{"scope": {"name": "lab"}, "spans": list(spans)}],
            }
        )

    def log(self, service: str, at_ns: int, severity: int, body: str, **fields: Any) -> None:
        record: Json = {
            "timeUnixNano": str(at_ns),
            "severityNumber": severity,
            "body": {"stringValue": body},
            "attributes": pairs({k: v for k, v in fields.items() if not k.startswith("_")}),
        }
        if fields.get("_trace"):
            record["traceId"], record["spanId"] = fields["_trace"], fields.get("_span", "")
        resource = {"deployment.environment.name": "hipster-lab"}
        if service:
            resource["service.name"] = service
        self.resource_logs.append(
            {
                "resource": {"attributes": pairs(resource)},
                "scopeLogs": [{"scope": {"name": "structlog"}, "logRecords": [record]}],
            }
        )


def pairs(values: Mapping[str, Any]) -> list[Json]:
    """A mapping as OTLP JSON attributes."""
    return [{"key": k, "value": _value(v)} for k, v in values.items()]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": str(value)}


def span(trace: str, own: str, parent: str, name: str, kind: int, at_ns: int, ms: float, **more: Any) -> Json:
    """One backend span in OTLP JSON; `_error` is its status message, all else are attributes."""
    made: Json = {
        "traceId": trace,
        "spanId": own,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(at_ns),
        "endTimeUnixNano": str(at_ns + round(ms * MS)),
        "attributes": pairs({k: v for k, v in more.items() if not k.startswith("_")}),
    }
    if parent:
        made["parentSpanId"] = parent
    if "_error" in more:
        made["status"] = {"code": 2, "message": more["_error"]}
    return made
