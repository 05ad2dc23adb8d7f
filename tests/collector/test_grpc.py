"""The gRPC port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # ships no types
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.server import start
from collector.settings import Settings
from store.api import StoreBusy, StoreUnavailable
from tests.collector import build
from tests.collector.conftest import MAX_REQUEST_BYTES, Running

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


@pytest.fixture
def channel(running: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(running.grpc_address) as channel:
        yield channel


def call(
    channel: grpc.Channel, method: str, body: bytes, compression: grpc.Compression | None = None
) -> bytes:
    answer: bytes = channel.unary_unary(method)(body, timeout=10, compression=compression)
    return answer


def refusal(channel: grpc.Channel, method: str, body: bytes) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, method, body)
    return raised.value


def test_every_signal_is_taken(running: Running, channel: grpc.Channel) -> None:
    spans = build.traces([build.span(1), build.span(2, span_id=b"")]).SerializeToString()
    response = ExportTraceServiceResponse.FromString(call(channel, TRACES, spans))
    assert response.partial_success.rejected_spans == 1
    records = build.logs([LogRecord(time_unix_nano=build.T0)]).SerializeToString()
    assert ExportLogsServiceResponse.FromString(call(channel, LOGS, records)) == ExportLogsServiceResponse()
    assert call(channel, METRICS, build.metrics(3).SerializeToString()) == b""
    assert (len(running.writer.spans), len(running.writer.logs)) == (1, 1)
    assert len(running.writer.batches[-1].metrics) == 3


def test_gzip_and_empty_requests(running: Running, channel: grpc.Channel) -> None:
    body = build.traces([build.span(1)]).SerializeToString()
    call(channel, TRACES, body, grpc.Compression.Gzip)
    assert len(running.writer.spans) == 1
    assert call(channel, TRACES, b"") == b""


def test_undecodable_is_final(running: Running, channel: grpc.Channel) -> None:
    error = refusal(channel, TRACES, b"\x0a\xff\xff\xff\xff\x07")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_too_large_is_final(running: Running, channel: grpc.Channel) -> None:
    error = refusal(channel, TRACES, b"\0" * (MAX_REQUEST_BYTES + 1))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata() or ())


def test_a_bomb_is_too_large(running: Running, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, TRACES, b"\0" * (32 * 1024 * 1024), grpc.Compression.Gzip)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (StoreBusy("the queue is full"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (StoreUnavailable("the disk is full"), grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_a_store_that_refuses_means_try_again(
    running: Running, channel: grpc.Channel, cause: Exception, status: grpc.StatusCode
) -> None:
    running.writer.refusal = cause
    error = refusal(channel, TRACES, build.traces([build.span(1)]).SerializeToString())
    assert error.code() is status
    details = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    retry = RetryInfo()
    assert details.details[0].Unpack(retry)
    assert retry.retry_delay.seconds >= 1
    assert details.message == str(cause)


def test_spans_wait_while_settling_is_behind(running: Running, channel: grpc.Channel) -> None:
    """With the time after which to try again, without which senders would drop them."""
    running.writer.behind = StoreBusy("the oldest has waited for 2.1 s", "behind")
    error = refusal(channel, TRACES, build.traces([build.span(1)]).SerializeToString())
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    retry = RetryInfo()
    assert details.details[0].Unpack(retry)
    assert retry.retry_delay.seconds >= 1
    assert call(channel, METRICS, build.metrics(1).SerializeToString()) == b""


def _no_message() -> Iterator[bytes]:
    threading.Event().wait(20)
    yield b""


def test_calls_without_their_message_hold_up_nobody(running: Running) -> None:
    """Half-open calls, on several connections, far more than there are worker threads."""
    body = build.traces([build.span(1)]).SerializeToString()
    options = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as stack:
        for _ in range(4):
            channel = stack.enter_context(grpc.insecure_channel(running.grpc_address, options))
            begin = channel.stream_unary(TRACES)
            for _ in range(20):
                stack.callback(begin.future(_no_message()).cancel)
        sender = stack.enter_context(grpc.insecure_channel(running.grpc_address, options))
        began = time.monotonic()
        call(sender, TRACES, body)

        assert time.monotonic() - began < 5
    assert len(running.writer.spans) == 1


def test_a_call_whose_message_does_not_come_is_refused() -> None:
    """After the time that a body may take."""
    settings = Settings(otlp_grpc_port=0, otlp_http_port=0, body_s=1)
    collector = start(settings, build.ListWriter())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{collector.grpc_port}") as channel:
            with pytest.raises(grpc.RpcError) as raised:
                channel.stream_unary(TRACES)(_no_message())
            assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            with pytest.raises(grpc.RpcError) as raised:
                channel.stream_unary(TRACES)(iter(()))
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    finally:
        collector.stop()
