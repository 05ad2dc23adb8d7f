"""Generates realistic telemetry for benchmarks: traces of an eleven-service shop, logs, browser spans.

Traces are copied from templates with new ids and times, so that a million spans take
seconds, not minutes. Deterministic for a seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from signals.model import Attributes
from signals.semantics import peer_of, tags_of
from store.api import AttributeNames, Batch, LogRow, SpanRow

MS = 1_000_000
SECOND = 1_000_000_000
INTERNAL, SERVER, CLIENT = 1, 2, 3
_TIERS = ("gold", "silver", "bronze")
_CALLS = (
    ("cartservice", "GetCart", "cart.db"),
    ("productcatalogservice", "GetProduct", ""),
    ("productcatalogservice", "GetProduct", ""),
    ("currencyservice", "Convert", ""),
    ("currencyservice", "Convert", ""),
    ("shippingservice", "GetQuote", ""),
    ("recommendationservice", "ListRecommendations", ""),
    ("adservice", "GetAds", ""),
)
_SCOPE = InstrumentationScope(name="benchmark", version="1").SerializeToString()


@dataclass(slots=True)
class _Node:
    """One span of a template."""

    parent: int
    service: str
    name: str
    kind: int
    offset_ns: int
    duration_ns: int
    attributes: dict[str, str | int | bool]
    error: bool = False


def _pairs(attributes: Attributes) -> list[KeyValue]:
    pairs = []
    for key, value in attributes.items():
        if isinstance(value, bool):
            pairs.append(KeyValue(key=key, value=AnyValue(bool_value=value)))
        elif isinstance(value, int):
            pairs.append(KeyValue(key=key, value=AnyValue(int_value=value)))
        else:
            pairs.append(KeyValue(key=key, value=AnyValue(string_value=str(value))))
    return pairs


def _resource(service: str) -> dict[str, str | int | bool]:
    return {
        "service.name": service,
        "service.version": "1.0.0",
        "service.instance.id": f"{service}-1",
        "deployment.environment.name": "bench",
        "telemetry.sdk.language": "python",
        "host.name": "bench-host",
    }


class Filler:
    """Makes batches whose traces are spread evenly over a time range."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._resources: dict[str, bytes] = {}
        self._names = AttributeNames()
        self._templates = [
            self._page(),
            self._page(),
            self._page(),
            self._checkout(fail=False),
            self._checkout(fail=True),
        ]

    def batches(
        self, spans: int, logs: int, *, from_unix_nano: int, to_unix_nano: int, size: int = 512
    ) -> Iterator[Batch]:
        """Yield about this number of spans and logs, in batches of `size` spans; 1 in 12 is a browser's."""
        made_spans = made_logs = 0
        rows: list[SpanRow] = []
        log_rows: list[LogRow] = []
        while made_spans < spans:
            share = made_spans / spans
            start = from_unix_nano + round((to_unix_nano - from_unix_nano) * share)
            new_spans, new_logs = self.trace(start, logs=max(0, round(logs * share) - made_logs + 1))
            rows += new_spans
            log_rows += new_logs
            made_spans += len(new_spans)
            made_logs += len(new_logs)
            if len(rows) >= size:
                yield Batch(rows, log_rows, names=self._names)
                rows, log_rows = [], []
        if rows:
            yield Batch(rows, log_rows, names=self._names)

    def trace(self, start: int, logs: int = 8) -> tuple[list[SpanRow], list[LogRow]]:
        """One request: its backend trace with the browser's spans, and its logs."""
        draw = self._random
        template = draw.choices(self._templates, weights=(30, 30, 28, 8, 4))[0]
        trace_id = draw.randbytes(16)
        ids = [draw.randbytes(8) for _ in template]
        stretch = draw.lognormvariate(0, 0.4)
        carried = {"tenant.level": draw.choice(_TIERS), "enduser.id": f"student-{draw.randrange(100)}"}
        rows = []
        for place, node in enumerate(template):
            attributes = {**node.attributes, **carried}
            if node.name == "POST /cart/checkout":
                attributes["orderId"] = draw.randbytes(8).hex()
            if node.name.endswith("Charge") and node.kind == SERVER:
                attributes["version"] = "v350.10" if node.error else "v350.9"
            rows.append(self._row(node, attributes, trace_id, ids, place, start, stretch))
        rows += self._browser(start, trace_id, ids[0], carried["enduser.id"], template[0].name)
        return rows, [self._log(rows[number % len(template)], number) for number in range(logs)]

    def _row(
        self,
        node: _Node,
        attributes: dict[str, str | int | bool],
        trace_id: bytes,
        ids: list[bytes],
        place: int,
        start: int,
        stretch: float,
    ) -> SpanRow:
        started = start + round(node.offset_ns * stretch)
        duration = round(node.duration_ns * stretch)
        parent = ids[node.parent] if node.parent >= 0 else b""
        self._names.add_all(attributes)
        message = Span(
            trace_id=trace_id,
            span_id=ids[place],
            parent_span_id=parent,
            name=node.name,
            kind=node.kind,  # type: ignore[arg-type]  # the stubs want the enum's own type
            start_time_unix_nano=started,
            end_time_unix_nano=started + duration,
            attributes=_pairs(attributes),
        )
        if node.error:
            message.status.code = 2  # type: ignore[assignment]  # as above
        resource = _resource(node.service)
        if node.service not in self._resources:
            self._resources[node.service] = Resource(attributes=_pairs(resource)).SerializeToString()
        peer, database = peer_of(node.kind, attributes)
        return SpanRow(
            trace_id,
            ids[place],
            parent,
            node.service,
            node.name,
            node.kind,
            started,
            duration,
            node.error,
            peer,
            database,
            "",
            False,
            tags_of(node.name, attributes, resource, browser=False),
            self._resources[node.service],
            _SCOPE,
            message.SerializeToString(),
        )

    def _browser(self, start: int, linked: bytes, linked_span: bytes, user: str, name: str) -> list[SpanRow]:
        trace_id = self._random.randbytes(16)
        session = f"{start // (600 * SECOND):08x}{user}"
        method, path = name.split(" ", 1)
        common: dict[str, str | int | bool] = {
            "splunk.rumSessionId": session,
            "app": "bench-shop",
            "environment": "bench",
            "app.version": "1",
            "enduser.id": user,
            "location.href": f"http://shop{path}",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36",
        }
        fetch = {
            "component": "fetch",
            "http.method": method,
            "http.url": f"http://shop{path}",
            "http.status_code": "200",
            "link.traceId": linked.hex(),
            "link.spanId": linked_span.hex(),
        }
        nodes = [
            _Node(
                -1,
                "bench-shop",
                "documentLoad",
                INTERNAL,
                0,
                300 * MS,
                {**common, "component": "document-load"},
            ),
            _Node(-1, "bench-shop", f"HTTP {method}", CLIENT, 0, 80 * MS, {**common, **fetch}),
        ]
        if self._random.random() < 0.1:
            error = {
                "component": "error",
                "error": "true",
                "error.object": "TypeError",
                "error.message": "x is undefined",
            }
            nodes.append(_Node(-1, "bench-shop", "onerror", INTERNAL, 5 * MS, 0, {**common, **error}))
        ids = [self._random.randbytes(8) for _ in nodes]
        rows = []
        for place, node in enumerate(nodes):
            plain = self._row(node, node.attributes, trace_id, ids, place, start, 1.0)
            tags = tags_of(node.name, node.attributes, {}, browser=True)
            rows.append(
                plain._replace(session_id=session, browser=True, peer="", peer_is_database=False, tags=tags)
            )
        return rows

    def _log(self, span: SpanRow, number: int) -> LogRow:
        failed = span.error
        body = f"{span.name} failed: Invalid request" if failed else f"{span.name} handled request {number}"
        severity = 17 if failed else 9
        attributes: Attributes = {"version": "1", "logger": "bench", "number": number}
        self._names.add_all(attributes)
        record = LogRecord(
            time_unix_nano=span.start_unix_nano + MS,
            severity_number=severity,  # type: ignore[arg-type]  # the stubs want the enum's own type
            body=AnyValue(string_value=body),
            trace_id=span.trace_id,
            span_id=span.span_id,
            attributes=_pairs(attributes),
        )
        return LogRow(
            span.start_unix_nano + MS,
            severity,
            body,
            span.service,
            span.trace_id,
            span.span_id,
            "",
            span.resource,
            _SCOPE,
            record.SerializeToString(),
        )

    def _page(self) -> list[_Node]:
        """A product page: the storefront and the services that it calls."""
        path = f"/product/{self._random.randrange(9)}"
        nodes = [_server(-1, "frontend", f"GET {path}", 0, 90 * MS, {"http.route": "/product/<id>"})]
        for place, (service, rpc, database) in enumerate(_CALLS):
            _call(nodes, 0, "frontend", service, rpc, (2 + 10 * place) * MS, 8 * MS, database)
        return nodes

    def _checkout(self, *, fail: bool) -> list[_Node]:
        """An order; a failing one attempts the charge three times."""
        nodes = [
            _server(-1, "frontend", "POST /cart/checkout", 0, 600 * MS, {"http.route": "/cart/checkout"})
        ]
        nodes[0].error = fail
        order = _call(nodes, 0, "frontend", "checkoutservice", "PlaceOrder", 5 * MS, 590 * MS, "", error=fail)
        for place, (service, rpc, database) in enumerate(_CALLS[:6]):
            _call(nodes, order, "checkoutservice", service, rpc, (10 + 10 * place) * MS, 8 * MS, database)
        if fail:
            gone = _client(order, "checkoutservice", "Charge", 75 * MS, 2 * MS, "paymentservice")
            gone.error = True
            nodes.append(gone)
        for attempt in range(2 if fail else 1):
            started = (100 + 200 * attempt) * MS
            charge = _call(
                nodes, order, "checkoutservice", "paymentservice", "Charge", started, 180 * MS, "", error=fail
            )
            nodes.append(
                _client(charge, "paymentservice", "pay", started + 3 * MS, 170 * MS, "ButtercupPayments")
            )
        if not fail:
            _call(
                nodes,
                order,
                "checkoutservice",
                "emailservice",
                "SendOrderConfirmation",
                400 * MS,
                20 * MS,
                "",
            )
        return nodes


def _server(
    parent: int, service: str, name: str, offset: int, duration: int, attributes: dict[str, str | int | bool]
) -> _Node:
    common: dict[str, str | int | bool] = {
        "server.port": 5000,
        "network.protocol.version": "1.1",
        "thread.id": 12345,
    }
    return _Node(parent, service, name, SERVER, offset, duration, {**common, **attributes})


def _client(parent: int, service: str, name: str, offset: int, duration: int, peer: str) -> _Node:
    attributes: dict[str, str | int | bool] = {
        "peer.service": peer,
        "server.address": "127.0.0.1",
        "server.port": 50051,
        "rpc.system": "grpc",
        "rpc.method": name,
        "rpc.grpc.status_code": 0,
    }
    return _Node(parent, service, name, CLIENT, offset, duration, attributes)


def _call(
    nodes: list[_Node],
    parent: int,
    caller: str,
    service: str,
    rpc: str,
    offset: int,
    duration: int,
    database: str,
    *,
    error: bool = False,
) -> int:
    """Add a client span, its server span, and a database query if any; returns the server span's index."""
    client = _client(parent, caller, rpc, offset, duration, service)
    client.error = error
    nodes.append(client)
    attributes: dict[str, str | int | bool] = {
        "rpc.system": "grpc",
        "rpc.method": rpc,
        "rpc.grpc.status_code": 0,
    }
    server = _server(
        len(nodes) - 1, service, f"/hipstershop.{rpc}", offset + MS, duration - 2 * MS, attributes
    )
    server.error = error
    nodes.append(server)
    place = len(nodes) - 1
    if database:
        query: dict[str, str | int | bool] = {
            "db.system": "sqlite",
            "db.name": database,
            "db.statement": "SELECT 1",
        }
        nodes.append(_Node(place, service, "SELECT", CLIENT, offset + 2 * MS, 2 * MS, query))
    return place
