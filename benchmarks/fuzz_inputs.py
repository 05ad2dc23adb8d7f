"""The inputs of the fuzz run: malformed and odd requests, each made from a seed and a number alone.

Knows what our listeners understand, to be wrong in every way near it; opens no connection.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.fuzz_values import (
    ARGUMENTS,
    CHECKOUT,
    CONTENT_TYPES,
    FORM,
    FORM_FIELDS,
    FORMS,
    METHODS,
    ODD,
    PAGES,
    RAW_HEADERS,
    SHOP_PAGES,
)
from observer.api.routing import ROUTES

_NOW_NS = 1_795_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Input:
    """Bytes for a listener; `rpc` is a gRPC method instead of an HTTP request."""

    target: str
    """`otlp`, `shop`, `observer`, `buttercup`, `control` or `grpc`."""
    data: bytes
    rpc: str = ""
    head_only: bool = False
    """The answer has no body whatever its length says."""
    raw: bool = False
    """Not a complete request, so that there may be no answer."""


def http_request(method: str, path: str, body: bytes = b"", content_type: str = "", *headers: bytes) -> bytes:
    """A well-formed request that keeps its connection."""
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1", "replace"), b"Host: 127.0.0.1", *headers]
    if content_type:
        lines.append(b"Content-Type: " + content_type.encode())
    if body or method == "POST":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def odd(chance: Random) -> bytes:
    """A value that somebody did not think of, or random bytes."""
    if chance.random() < 0.15:
        return chance.randbytes(chance.randrange(40))
    return chance.choice(ODD)


def otlp_http(chance: Random) -> Input:
    """An export: a document that is nearly right, in either encoding, compressed or not."""
    signal = chance.choice(("traces", "logs", "metrics"))
    body = _protobuf(chance, signal) if chance.random() < 0.5 else _json(chance, signal)
    content_type = chance.choice(CONTENT_TYPES)
    if chance.random() < 0.7:
        content_type = "application/json" if body[:1] in b"{[" else "application/x-protobuf"
    headers: list[bytes] = []
    if chance.random() < 0.2:
        body = gzip.compress(body, 1) if chance.random() < 0.7 else body
        headers.append(b"Content-Encoding: " + chance.choice((b"gzip", b"identity", b"br", b"x-gzip", b"")))
    return Input("otlp", http_request("POST", f"/v1/{signal}", body, content_type, *headers))


def grpc(chance: Random) -> Input:
    """An export over gRPC."""
    signal = chance.choice(("traces", "logs", "metrics"))
    name = {"traces": "trace", "logs": "logs", "metrics": "metrics"}[signal]
    rpc = f"/opentelemetry.proto.collector.{name}.v1.{name.capitalize()}Service/Export"
    if chance.random() < 0.02:
        rpc = chance.choice(("/x/Export", rpc[:-1], "/grpc.health.v1.Health/Check"))
    return Input("grpc", _protobuf(chance, signal), rpc)


def beacon(chance: Random) -> Input:
    """What a browser's agent sends, to the collector or through the shop."""
    target = "otlp" if chance.random() < 0.8 else "shop"
    if chance.random() < 0.3:
        body = _json(chance, "traces")
        return Input(target, http_request("POST", "/v1/rumotlp", body, "text/plain"))
    spans = [_zipkin(chance) for _ in range(chance.randrange(4))]
    body = _damaged(chance, json.dumps(_changed(chance, spans)).encode())
    return Input(target, http_request("POST", "/v1/rum", body, chance.choice(CONTENT_TYPES)))


def shop(chance: Random) -> Input:
    """A page or a form of the shop."""
    if chance.random() < 0.4:
        path = chance.choice(SHOP_PAGES).replace("{}", _quoted(odd(chance)))
        return Input(
            "shop",
            http_request("GET", f"{path}?{_query(chance, ('seat', 'sig'))}", b"", "", *_cookies(chance)),
        )
    path = chance.choice(("/cart", "/cart/checkout", "/cart/empty", "/setCurrency"))
    names = (
        ("product_id", "quantity", "currency_code", *CHECKOUT)
        if path == "/cart/checkout"
        else ("product_id", "quantity", "currency_code")
    )
    return Input("shop", http_request("POST", path, _query(chance, names).encode(), FORM, *_cookies(chance)))


def api(chance: Random) -> Input:
    """A route of the API with odd arguments."""
    route = chance.choice(ROUTES).path
    parts = [_quoted(odd(chance)) or "x" if part.startswith("<") else part for part in route.split("/")]
    method = "GET" if chance.random() < 0.97 else chance.choice(METHODS[:-1])
    path = f"/api/v1{'/'.join(parts)}?{_query(chance, ARGUMENTS)}"
    return Input(
        "observer", http_request(method, path, b"", "", *_cookies(chance)), head_only=method == "HEAD"
    )


def screens(chance: Random) -> Input:
    """A page or a form of the screens with odd arguments."""
    if chance.random() < 0.2:
        body = _query(chance, FORM_FIELDS).encode()
        return Input("observer", http_request("POST", chance.choice(FORMS), body, FORM, *_cookies(chance)))
    path = chance.choice(PAGES)
    while "{}" in path:
        path = path.replace("{}", _quoted(odd(chance)), 1)
    return Input(
        "observer", http_request("GET", f"{path}?{_query(chance, ARGUMENTS)}", b"", "", *_cookies(chance))
    )


def raw(chance: Random) -> Input:
    """Something on a socket that is not quite HTTP."""
    target = chance.choice(("otlp", "shop", "observer", "buttercup", "control"))
    line = [
        chance.choice(METHODS).encode(),
        b"/" + odd(chance),
        chance.choice((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"", b"ICY")),
    ]
    headers = [chance.choice(RAW_HEADERS) for _ in range(chance.choice((0, 1, 2, 5, 150)))]
    headers += [b"Host: " + (b"127.0.0.1" if chance.random() < 0.6 else odd(chance))]
    headers += [b"X-%d: %s" % (n, odd(chance)) for n in range(chance.randrange(3))]
    data = chance.choice((b" ", b" ", b"\t", b"")).join(line) + b"\r\n" + b"\r\n".join(headers) + b"\r\n\r\n"
    data += chance.choice((b"", b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"zz\r\n", b"x" * 100))
    if chance.random() < 0.3:
        data = _damaged(chance, data)
    return Input(target, data, raw=True)


def _cookies(chance: Random) -> list[bytes]:
    found = []
    if chance.random() < 0.3:
        name = chance.choice(
            (b"workshop_seat", b"theme", b"zone", b"shop_session-id", b"shop_currency", b"workshop_desk")
        )
        found.append(b"Cookie: " + name + b"=" + quote_from_bytes(odd(chance)).encode())
    if chance.random() < 0.1:
        found.append(b"Referer: http://" + quote_from_bytes(odd(chance), safe="/[]:").encode())
    if chance.random() < 0.1:
        found.append(
            chance.choice(
                (
                    b"HX-Request: true",
                    b"Accept-Encoding: gzip",
                    b"Sec-Fetch-Site: cross-site",
                    b"If-None-Match: *",
                )
            )
        )
    return found


def _quoted(value: bytes) -> str:
    return quote_from_bytes(value[:3_000], safe="")


def _query(chance: Random, names: Sequence[str]) -> str:
    pairs = []
    for _ in range(chance.randrange(5)):
        value = (
            _quoted(odd(chance))
            if chance.random() < 0.95
            else chance.choice(("%", "%zz", "a=b=c", "&&", ";", "+"))
        )
        pairs.append(f"{chance.choice(names)}={value}")
    return "&".join(pairs)


def _attributes(chance: Random) -> list[dict[str, Any]]:
    values: tuple[Any, ...] = (
        {"stringValue": odd(chance).decode("utf-8", "replace")[:500]}, {"intValue": chance.choice(("1",
        1, "x", 2**70, None))}, {"doubleValue": chance.choice((1.5, "NaN", "Infinity", None))},
        {"boolValue": True}, {"arrayValue": {"values": [{}]}}, {"kvlistValue": {"values": [{"key": "a",
        "value": {}}]}}, {"bytesValue": "AA=="}, {}, None,
    )  # fmt: skip
    keys = ("service.name", "http.status_code", "enduser.id", "error", "", "a" * 300, "version")
    return [{"key": chance.choice(keys), "value": chance.choice(values)} for _ in range(chance.randrange(4))]


def _span(chance: Random) -> dict[str, Any]:
    start = _NOW_NS + chance.choice((0, 10**9, -(10**9), 10**18, -_NOW_NS))
    return {
        "traceId": chance.choice(
            (chance.randbytes(16).hex(), "0" * 32, "x", base64.b64encode(chance.randbytes(16)).decode())
        ),
        "spanId": chance.choice((chance.randbytes(8).hex(), "0" * 16, "")),
        "parentSpanId": chance.choice(("", chance.randbytes(8).hex())),
        "name": odd(chance).decode("utf-8", "replace")[:300],
        "kind": chance.choice((0, 1, 2, 3, "SPAN_KIND_SERVER", 99, None)),
        "startTimeUnixNano": chance.choice((str(start), start, "x", -1)),
        "endTimeUnixNano": chance.choice((str(start + 10**7), str(start - 10**7), "0", 2**64)),
        "attributes": _attributes(chance),
        "events": [{"name": "exception", "attributes": _attributes(chance)}] if chance.random() < 0.2 else [],
        "status": chance.choice(({}, {"code": 2}, {"code": "STATUS_CODE_ERROR", "message": "m"}, None)),
    }


def _json(chance: Random, signal: str) -> bytes:
    key, scope, items = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[signal]
    made = [_span(chance) if signal == "traces" else _record(chance) for _ in range(chance.randrange(4))]
    document = {
        key: [
            {"resource": {"attributes": _attributes(chance)}, scope: [{"scope": {"name": "f"}, items: made}]}
        ]
    }
    changed = _changed(chance, document)
    if chance.random() < 0.02:
        return b"[" * 3_000 + b"]" * chance.choice((0, 3_000))
    return _damaged(chance, json.dumps(changed).encode())


def _record(chance: Random) -> dict[str, Any]:
    return {
        "timeUnixNano": chance.choice((str(_NOW_NS), 0, "x")),
        "severityNumber": chance.choice((9, 17, 99, -1, "SEVERITY_NUMBER_WARN")),
        "severityText": chance.choice(("INFO", "", "x" * 100)),
        "body": chance.choice(
            ({"stringValue": odd(chance).decode("utf-8", "replace")[:500]}, {"intValue": 1}, {}, None, "text")
        ),
        "attributes": _attributes(chance),
        "traceId": chance.choice((chance.randbytes(16).hex(), "", "zz")),
    }


def _zipkin(chance: Random) -> dict[str, Any]:
    return {
        "traceId": chance.randbytes(16).hex(),
        "id": chance.choice((chance.randbytes(8).hex(), "", "g" * 16)),
        "name": chance.choice(("documentLoad", "click", "onerror", "webvitals", "routeChange")),
        "timestamp": chance.choice((_NOW_NS // 1_000, 0, -1, "x", 2**63)),
        "duration": chance.choice((1_000, 0, -1, None, 1e300)),
        "localEndpoint": {"serviceName": "fuzz"},
        "tags": {
            name: odd(chance).decode("utf-8", "replace")[:300]
            for name in ("app", "splunk.rumSessionId", "component", "error.message")
        },
    }


def _protobuf(chance: Random, signal: str) -> bytes:
    kind: Callable[[], Any] = {
        "traces": ExportTraceServiceRequest,
        "logs": ExportLogsServiceRequest,
        "metrics": ExportMetricsServiceRequest,
    }[signal]
    message = kind()
    if signal == "traces":
        group = message.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = "fuzz"
        for _ in range(chance.randrange(4)):
            start = _NOW_NS + chance.randrange(10**12)
            span = group.scope_spans.add().spans.add(
                trace_id=chance.randbytes(chance.choice((16, 16, 8, 0))),
                span_id=chance.randbytes(chance.choice((8, 8, 0))),
                name="fuzz",
                start_time_unix_nano=chance.choice((start, 0, 2**64 - 1)),
                end_time_unix_nano=chance.choice((start + 10**6, 0, 2**64 - 1)),
            )
            span.attributes.add(key="k").value.int_value = chance.choice((0, -1, 2**63 - 1))
    elif signal == "logs":
        record = message.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=_NOW_NS)
        record.body.string_value = "fuzz \x00 é"
    else:
        message.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge.data_points.add()
    return _damaged(chance, bytes(message.SerializeToString()))


def _changed(chance: Random, document: Any) -> Any:
    """The document with one part replaced, left out or doubled, sometimes."""
    if chance.random() < 0.4:
        return document
    places = list(_places(document))
    if not places:
        return document
    holder, key = chance.choice(places)
    holder[key] = chance.choice((None, [], {}, "", -1, 2**70, True, [None], {"x": 1}, "\x00", holder[key]))
    return document


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in list(pairs):
        yield part, key
        yield from _places(value)


def _damaged(chance: Random, data: bytes) -> bytes:
    """The bytes as they are, or cut, with bytes changed, put in or repeated."""
    if chance.random() < 0.6 or not data:
        return data
    place = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
        case 2:
            return data[:place] + odd(chance) + data[place:]
        case _:
            return data[:place] + data[place // 2 :]


KINDS: dict[str, tuple[float, Callable[[Random], Input]]] = {
    "raw HTTP": (0.40, raw),
    "OTLP over HTTP": (0.22, otlp_http),
    "OTLP over gRPC": (0.10, grpc),
    "beacons": (0.12, beacon),
    "API parameters": (0.10, api),
    "screens": (0.03, screens),
    "shop": (0.03, shop),
}
"""Name -> share of the inputs, and what makes one. Pages cost a hundred times what a refusal does."""


def make(seed: int, number: int) -> tuple[str, Input]:
    """The kind and the input of a number: the same for a seed on every machine."""
    chance = Random(f"{seed}:{number}")
    name = chance.choices([*KINDS], [share for share, _ in KINDS.values()])[0]
    return name, KINDS[name][1](chance)
