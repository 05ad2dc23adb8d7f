"""OTLP/gRPC: the three export services on raw bytes.

Owns the service names and the mapping of outcomes to gRPC statuses. Does not know
what the items mean or how they are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from collector import responses
from collector.intake import RETRY_AFTER_S, Encoding, Intake, Overloaded, Signal, Unavailable
from collector.items import Undecodable
from collector.responses import Code

_SERVICES = {
    "opentelemetry.proto.collector.trace.v1.TraceService": Signal.TRACES,
    "opentelemetry.proto.collector.logs.v1.LogsService": Signal.LOGS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": Signal.METRICS,
}
# gRPC refuses calls above this without RetryInfo, so senders drop them: far more than any sender needs.
_MAX_CALLS_PER_THREAD = 64


def create(intake: Intake, *, threads: int, max_request_bytes: int) -> grpc.Server:
    """A server that is neither bound nor started."""
    server = grpc.server(
        ThreadPoolExecutor(threads, thread_name_prefix="otlp-grpc"),
        maximum_concurrent_rpcs=threads * _MAX_CALLS_PER_THREAD,
        options=[
            ("grpc.max_receive_message_length", max_request_bytes),
            # A port that another process holds must be refused, not shared.
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ],
    )
    for service, signal in _SERVICES.items():
        handler = grpc.unary_unary_rpc_method_handler(_export(intake, signal))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    return server


def _export(intake: Intake, signal: Signal) -> Callable[[bytes, Any], bytes]:
    def export(body: bytes, context: Any) -> bytes:
        try:
            outcome = intake.take(signal, Encoding.PROTOBUF, body)
        except Undecodable as error:
            _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, Code.INVALID_ARGUMENT, str(error), None)
        except Overloaded as error:
            _refuse(
                context,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                Code.RESOURCE_EXHAUSTED,
                str(error),
                RETRY_AFTER_S,
            )
        except Unavailable as error:
            _refuse(context, grpc.StatusCode.UNAVAILABLE, Code.UNAVAILABLE, str(error), RETRY_AFTER_S)
        else:
            return responses.success_protobuf(signal, outcome)
        return b""

    return export


def _refuse(context: Any, status: grpc.StatusCode, code: Code, message: str, retry_s: int | None) -> None:
    details = responses.status_protobuf(code, message, retry_s)
    context.set_trailing_metadata((("grpc-status-details-bin", details),))
    context.abort(status, message)
