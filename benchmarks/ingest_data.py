"""Export requests for `benchmarks.ingest`: two sets of spans, encoded before anything is measured."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

SPANS_PER_TRACE = 40
_HOSTILE_SPANS = 512
_SHOP_TRACES = 13
SHOP_SPANS = SPANS_PER_TRACE * _SHOP_TRACES
"""Of a request of set B."""
_SHOP_STEP_NS = 864_000_000
"""Between two traces: 25,000 in six hours."""
SERVICES = tuple(f"service-{number}" for number in range(11))
_METHODS = ("GetProduct", "Convert", "GetCart", "Charge", "PlaceOrder")
_Trace = tuple[bytes, bool, Mapping[str, str]]
"""Id, whether it fails, and the tags that all its spans carry."""


def hostile(count: int, rng: random.Random) -> list[bytes]:
    """Set A: 15 attributes a span, user and tier drawn for every span, so that nearly every request of a
    trace has a tag set of its own. 512 spans a request, 40 a trace, 3 in 100 traces with an error.
    """
    made = []
    start = time.time_ns() - 60 * 10**9
    trace: _Trace = (b"", False, {})
    ids: list[bytes] = []
    for _ in range(count):
        request, groups = _request()
        for _ in range(_HOSTILE_SPANS):
            if len(ids) % SPANS_PER_TRACE == 0:
                trace, ids = (rng.randbytes(16), rng.random() < 0.03, {}), []
            start += 1000
            span = groups[rng.randrange(len(groups))].spans.add()
            parent = rng.choice(ids) if ids else b""
            ids.append(_add_span(rng, span, trace, parent, start, server=len(ids) % 2 == 0))
            tags = {
                "enduser.id": f"seat-{rng.randrange(30)}",
                "tenant.level": rng.choice(("gold", "silver", "bronze")),
                "thread.name": f"worker-{rng.randrange(10)}",
                "session.short": f"{rng.randrange(10**6):06d}",
            }
            _add(span, tags)
        made.append(request.SerializeToString())
    return made


def shop(count: int, rng: random.Random) -> list[bytes]:
    """Set B at once: see `shop_requests`."""
    return list(shop_requests(count, rng))


def shop_requests(count: int, rng: random.Random) -> Iterator[bytes]:
    """Set B: 13 attributes a span, user and tier carried by the trace, 25,000 traces in six hours, in order.

    Thirteen traces of 40 spans a request; 100 users, 3 tiers, 3 in 100 traces with an error. Every other
    span enters a service, which calls the next; 110 operations.
    """
    begin = time.time_ns() - count * _SHOP_TRACES * _SHOP_STEP_NS
    shape = random.Random(1)
    # A service is entered by a call of one that was entered before, and calls in turn.
    parents = [2 * shape.randrange(max(place // 2, 1)) + 1 for place in range(0, SPANS_PER_TRACE, 2)]
    for number in range(count):
        request, groups = _request()
        for each in range(_SHOP_TRACES):
            start = begin + (number * _SHOP_TRACES + each) * _SHOP_STEP_NS
            carried = {
                "enduser.id": f"user-{rng.randrange(100)}",
                "tenant.level": rng.choice(("gold", "silver", "bronze")),
            }
            trace: _Trace = (rng.randbytes(16), rng.random() < 0.03, carried)
            ids: list[bytes] = []
            kind = rng.randrange(len(_METHODS))
            for place in range(SPANS_PER_TRACE):
                entered, is_call = divmod(place, 2)
                span = groups[entered % len(groups)].spans.add()
                parent = ids[-1] if is_call else ids[parents[entered]] if ids else b""
                method = f"{_METHODS[kind]}{entered % 2 or ''}"
                at = start + place * 10**6
                ids.append(_add_span(rng, span, trace, parent, at, server=not is_call, method=method))
                _add(span, {"thread.name": f"worker-{rng.randrange(10)}"})
        yield request.SerializeToString()


SETS = {"A": hostile, "B": shop}


def spans_in(bodies: Sequence[bytes]) -> int:
    """The spans of encoded requests."""
    return sum(
        len(scope.spans)
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
    )


def _request() -> tuple[ExportTraceServiceRequest, list[ScopeSpans]]:
    request = ExportTraceServiceRequest()
    groups = []
    for service in SERVICES:
        resource_spans = request.resource_spans.add()
        for key, value in (
            ("service.name", service),
            ("service.version", "1.4.2"),
            ("deployment.environment.name", "benchmark"),
            ("host.name", "bench-1"),
            ("service.instance.id", f"{service}-1"),
        ):
            resource_spans.resource.attributes.add(key=key).value.string_value = value
        groups.append(resource_spans.scope_spans.add())
    return request, groups


def _add(span: Span, tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        span.attributes.add(key=key).value.string_value = value


def _add_span(
    rng: random.Random,
    span: Span,
    trace: _Trace,
    parent: bytes,
    start: int,
    *,
    server: bool,
    method: str = "",
) -> bytes:
    """Fill a span with what both sets have; returns its id."""
    span.trace_id, failing, carried = trace
    span.span_id, span.parent_span_id = rng.randbytes(8), parent
    span.kind = Span.SPAN_KIND_SERVER if server else Span.SPAN_KIND_CLIENT
    method = method or rng.choice(_METHODS)
    span.name = f"/hipstershop.Service/{method}"
    span.start_time_unix_nano, span.end_time_unix_nano = start, start + rng.randrange(10**5, 10**8)
    texts = {
        "rpc.system": "grpc",
        "rpc.service": "hipstershop.Service",
        "rpc.method": method,
        "server.address": f"10.0.0.{rng.randrange(20) if carried == {} else len(method)}",
        "network.transport": "tcp",
        "network.type": "ipv4",
        "code.function.name": f"{method}.handle",
        "order.kind": rng.choice(("new", "again")),
    }
    _add(span, {**texts, **carried})
    numbers = {"rpc.grpc.status_code": 0, "server.port": 50051, "thread.id": rng.randrange(99)}
    for key, number in numbers.items():
        span.attributes.add(key=key).value.int_value = number
    if failing and method.startswith("Charge"):
        span.status.code = 2  # type: ignore[assignment]  # the number of STATUS_CODE_ERROR
        span.status.message = "Invalid request"
    return span.span_id
