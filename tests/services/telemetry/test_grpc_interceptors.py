"""One span per call on either side: what it carries, when it is an error, and what has none."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from services.common import seat, telemetry
from services.common.clients import Target
from services.common.telemetry import (
    ClientBaggage,
    ClientSpans,
    Identity,
    ServerBaggage,
    ServerSpans,
    histogram,
)
from tests.helpers import eventually

METHOD = "/example.Service/Do"
Behavior = Callable[[bytes, grpc.ServicerContext], bytes]


class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # ships no types
    """Serves every method by one behavior, as bytes; `/example.Service/Stream` as a stream."""

    def __init__(self, behavior: Behavior) -> None:
        self._behavior = behavior

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method.endswith("/Stream"):
            return grpc.unary_stream_rpc_method_handler(lambda request, _context: iter([request, request]))
        return grpc.unary_unary_rpc_method_handler(self._behavior)


class Both:
    """A client and a server in this process, and the spans of both."""

    def __init__(self, behavior: Behavior, *, enabled: bool = True) -> None:
        self._memory = InMemorySpanExporter()
        built = telemetry.build(
            Identity("both"), span_processors=[SimpleSpanProcessor(self._memory)], stream=io.StringIO()
        )
        durations = histogram(built.meter, "rpc.server.call.duration")
        server = ServerSpans(built.tracer, durations) if enabled else ServerBaggage()
        self.server = grpc.server(ThreadPoolExecutor(2), interceptors=[server])
        self.server.add_generic_rpc_handlers((Handlers(behavior),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        target = Target(f"127.0.0.1:{self.port}", "example")
        client = ClientSpans(built.tracer, target.attributes()) if enabled else ClientBaggage()
        self.channel = grpc.intercept_channel(grpc.insecure_channel(target.address), client)

    def method(self, name: str = METHOD) -> Any:
        """A callable of the client, without serialization."""
        kind = self.channel.unary_stream if name.endswith("/Stream") else self.channel.unary_unary
        return kind(name)

    def spans(self, kind: SpanKind, count: int = 1) -> list[ReadableSpan]:
        """The ended spans of that kind, once there are `count`."""

        def ended() -> list[ReadableSpan]:
            return [span for span in self._memory.get_finished_spans() if span.kind is kind]

        eventually(lambda: len(ended()) >= count, f"{count} {kind.name} spans end", within_s=3)
        return ended()

    def all_spans(self) -> int:
        """How many spans ended so far."""
        return len(self._memory.get_finished_spans())

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0).wait()


@contextmanager
def both(behavior: Behavior, *, enabled: bool = True) -> Iterator[Both]:
    pair = Both(behavior, enabled=enabled)
    try:
        yield pair
    finally:
        pair.close()


def echo(request: bytes, _context: grpc.ServicerContext) -> bytes:
    return request


def aborting(code: grpc.StatusCode, details: str) -> Behavior:
    def behavior(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, details)
        raise AssertionError("abort always raises")

    return behavior


def test_a_call_has_one_span_on_either_side_of_one_trace() -> None:
    with both(echo) as pair, telemetry.marking({"extra": "yes"}):
        assert pair.method()(b"x", timeout=3) == b"x"
        (client,), (server,) = pair.spans(SpanKind.CLIENT), pair.spans(SpanKind.SERVER)
        port = pair.port
    rpc = {
        "rpc.system": "grpc",
        "rpc.service": "example.Service",
        "rpc.method": "Do",
        "rpc.grpc.status_code": 0,
    }
    target = {"server.address": "127.0.0.1", "server.port": port, "peer.service": "example"}
    assert dict(client.attributes or {}) == {**rpc, **target, "extra": "yes"}
    assert dict(server.attributes or {}) == rpc
    assert client.name == server.name == METHOD
    assert client.context
    assert server.parent
    assert server.parent.span_id == client.context.span_id
    assert client.status.status_code is server.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.INTERNAL, StatusCode.ERROR),
        (grpc.StatusCode.UNAVAILABLE, StatusCode.ERROR),
        (grpc.StatusCode.NOT_FOUND, StatusCode.UNSET),
        (grpc.StatusCode.UNAUTHENTICATED, StatusCode.UNSET),
    ],
)
def test_the_server_is_in_error_for_its_own_faults_and_the_client_for_any(
    code: grpc.StatusCode, status: StatusCode
) -> None:
    with both(aborting(code, "it\nfailed for Zoë")) as pair:
        with pytest.raises(grpc.RpcError) as error:
            pair.method()(b"x", timeout=3)
        (client,), (server,) = pair.spans(SpanKind.CLIENT), pair.spans(SpanKind.SERVER)
    assert telemetry.code_of(error.value) is code
    assert client.status.status_code is StatusCode.ERROR
    assert client.status.description == f"{code.name}: it failed for Zoë"
    assert server.status.status_code is status
    if status is StatusCode.ERROR:
        assert server.status.description == f"{code.name}: it\nfailed for Zoë"
    for span in (client, server):
        assert (span.attributes or {})["rpc.grpc.status_code"] == code.value[0]
        assert span.events == ()


def test_a_tolerated_code_is_no_error() -> None:
    with both(aborting(grpc.StatusCode.NOT_FOUND, "gone")) as pair:
        with telemetry.tolerating(grpc.StatusCode.NOT_FOUND), pytest.raises(grpc.RpcError):
            pair.method()(b"x", timeout=3)
        (client,) = pair.spans(SpanKind.CLIENT)
    assert client.status.status_code is StatusCode.UNSET
    assert (client.attributes or {})["rpc.grpc.status_code"] == grpc.StatusCode.NOT_FOUND.value[0]


def test_an_exception_that_nobody_expected_is_recorded() -> None:
    def behavior(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        raise KeyError("x")

    with both(behavior) as pair:
        with pytest.raises(grpc.RpcError):
            pair.method()(b"x", timeout=3)
        (server,) = pair.spans(SpanKind.SERVER)
    assert (server.status.status_code, server.status.description) == (StatusCode.ERROR, "KeyError")
    assert [event.name for event in server.events] == ["exception"]


def test_a_server_that_is_away_is_an_error_on_one_line() -> None:
    with both(echo) as pair:
        call = pair.method()
        pair.server.stop(0).wait()
        with pytest.raises(grpc.RpcError):
            call(b"x", timeout=3)
        (client,) = pair.spans(SpanKind.CLIENT)
    assert (client.status.description or "").startswith("UNAVAILABLE: ")
    assert "\n" not in (client.status.description or "")


def test_the_span_of_a_call_in_the_background_ends_with_it() -> None:
    with both(aborting(grpc.StatusCode.INTERNAL, "late")) as pair:
        call = pair.method().future(b"x", timeout=3)
        assert telemetry.code_of(call.exception(3)) is grpc.StatusCode.INTERNAL
        (client,) = pair.spans(SpanKind.CLIENT)
    assert client.status.description == "INTERNAL: late"


def test_a_closed_channel_leaves_no_span_open() -> None:
    with both(echo) as pair:
        call = pair.method()
        pair.channel.close()
        with pytest.raises(ValueError, match="closed channel"):
            call(b"x", timeout=3)
        assert pair.spans(SpanKind.CLIENT)[0].status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("method", ["/grpc.health.v1.Health/Check", "/hipsterlab.FlagService/GetFlags"])
def test_health_checks_and_the_labs_own_calls_have_no_server_span(method: str) -> None:
    with both(echo) as pair:
        assert pair.method(method)(b"x", timeout=3) == b"x"
        pair.spans(SpanKind.CLIENT)
        assert pair.method()(b"x", timeout=3) == b"x"
        (server,) = pair.spans(SpanKind.SERVER)
    assert server.name == METHOD


def test_a_stream_passes_untouched() -> None:
    with both(echo) as pair:
        assert list(pair.method("/example.Service/Stream")(b"x", timeout=3)) == [b"x", b"x"]
        assert pair.all_spans() == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_the_shopper_arrives_with_telemetry_and_without(enabled: bool) -> None:
    def behavior(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        return seat.current().seat.encode()

    with both(behavior, enabled=enabled) as pair:
        call = pair.method()
        assert call(b"x", timeout=3) == b""
        token = seat.enter(seat.Shopper("Zoë"))
        try:
            assert call(b"x", timeout=3).decode() == "Zoë"
        finally:
            seat.leave(token)
        assert call(b"x", timeout=3) == b""
        assert (pair.all_spans() > 0) is enabled


def test_a_call_without_its_trace_context_begins_a_trace_and_keeps_the_shopper() -> None:
    """Only within the block, and only when it is active."""
    seen: list[seat.Shopper] = []

    def behavior(request: bytes, _context: grpc.ServicerContext) -> bytes:
        seen.append(seat.current())
        return request

    with both(behavior) as pair:
        token = seat.enter(seat.Shopper("anna"))
        try:
            with telemetry.withholding_trace_context():
                pair.method()(b"x", timeout=3)
            with telemetry.withholding_trace_context(False):
                pair.method()(b"x", timeout=3)
            pair.method()(b"x", timeout=3)
        finally:
            seat.leave(token)
        servers = pair.spans(SpanKind.SERVER, 3)
    assert [span.parent is None for span in servers] == [True, False, False]
    assert seen == [seat.Shopper("anna")] * 3
