"""One span per call on either side of gRPC, and the shopper on all of them.

The interceptors are the instrumentation library's, told what the lab's spans
carry and relieved of what costs time and tells nothing (a loop-back caller's
address and library on every span, two context managers, a wrapper per call).
Knows no service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import grpc
from opentelemetry import context as otel_context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.grpc._client import OpenTelemetryClientInterceptor
from opentelemetry.instrumentation.grpc._server import (
    OpenTelemetryServerInterceptor,
    _OpenTelemetryServicerContext,
    _wrap_rpc_behavior,
)
from opentelemetry.instrumentation.grpc.grpcext import UnaryClientInterceptor
from opentelemetry.trace import Status, StatusCode

from services.common import seat

_UNTRACED = ("/grpc.health.", "/grpc.reflection.", "/hipsterlab.")
_tolerated: ContextVar[frozenset[grpc.StatusCode]] = ContextVar("tolerated", default=frozenset())
_extra: ContextVar[Mapping[str, str]] = ContextVar("extra", default=MappingProxyType({}))


@contextmanager
def tolerating(*codes: grpc.StatusCode) -> Iterator[None]:
    """Within it, calls that end with one of `codes` are expected to: their spans are not errors."""
    token = _tolerated.set(frozenset(codes))
    try:
        yield
    finally:
        _tolerated.reset(token)


@contextmanager
def marking(attributes: Mapping[str, str]) -> Iterator[None]:
    """Within it, client spans carry `attributes` too."""
    token = _extra.set(attributes)
    try:
        yield
    finally:
        _extra.reset(token)


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The status of a failed call."""
    code = error.code() if isinstance(error, grpc.Call) else None
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def details_of(error: grpc.RpcError) -> str:
    """The message of a failed call on one line."""
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    return " ".join((details or "").split())


def _rpc_attributes(method: str) -> dict[str, str | int]:
    service, _, name = method.lstrip("/").partition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name, "rpc.grpc.status_code": 0}


class ClientSpans(OpenTelemetryClientInterceptor):
    """Client spans that say who is called; one-line messages; expected failures are no errors."""

    def __init__(self, tracer: trace.Tracer, attributes: Mapping[str, str | int]) -> None:
        super().__init__(tracer)  # type: ignore[no-untyped-call]  # the library ships no types
        self._target = dict(attributes)
        self._known: dict[str, dict[str, str | int]] = {}

    def intercept_unary(
        self, request: Any, metadata: Any, client_info: Any, invoker: Callable[[Any, Any], Any]
    ) -> Any:
        """Call with a span around it."""
        method = client_info.full_method
        attributes = self._known.get(method)
        if attributes is None:
            attributes = self._known[method] = {**_rpc_attributes(method), **self._target}
        extra = _extra.get()
        span = self._tracer.start_span(
            method, kind=trace.SpanKind.CLIENT, attributes={**attributes, **extra} if extra else attributes
        )
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            carrier: dict[str, str] = dict(metadata or ())
            propagate.inject(carrier)
            return invoker(request, tuple(carrier.items()))
        except grpc.RpcError as error:
            code = code_of(error)
            span.set_attribute("rpc.grpc.status_code", code.value[0])
            if code not in _tolerated.get():
                span.set_status(Status(StatusCode.ERROR, f"{code.name}: {details_of(error)}"))
            raise
        finally:
            otel_context.detach(token)
            span.end()


class BaggageClient(UnaryClientInterceptor):
    """What is left of `ClientSpans` when telemetry is off: the shopper still travels."""

    def intercept_unary(
        self, request: Any, metadata: Any, client_info: Any, invoker: Callable[[Any, Any], Any]
    ) -> Any:
        """Call without a span."""
        if not seat.attributes():
            return invoker(request, metadata)
        carrier: dict[str, str] = dict(metadata or ())
        propagate.inject(carrier)
        return invoker(request, tuple(carrier.items()))


_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class _Answering(_OpenTelemetryServicerContext):
    """Marks the span of an aborted call: in error only for the server's own faults, by the conventions."""

    def abort(self, code: grpc.StatusCode, details: str) -> Any:
        """End the call with `code`; always raises."""
        self._active_span.set_attribute("rpc.grpc.status_code", code.value[0])
        if code in _SERVER_FAULTS:
            self._active_span.set_status(StatusCode.ERROR, f"{code.name}: {details}")
        return self._servicer_context.abort(code, details)


class ServerSpans(OpenTelemetryServerInterceptor):
    """Server spans for all RPCs but health checks and the lab's own; one wrapper per method."""

    def __init__(self, tracer: trace.Tracer) -> None:
        super().__init__(tracer)  # type: ignore[no-untyped-call]  # the library ships no types
        self._handlers: dict[str, Any] = {}

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The handler with a span around it."""
        method = handler_call_details.method
        if method.startswith(_UNTRACED):
            return continuation(handler_call_details)
        known = self._handlers.get(method)
        if known is None:
            handler = continuation(handler_call_details)
            if handler is None or handler.response_streaming:
                return handler
            known = self._handlers[method] = _wrap_rpc_behavior(
                handler, lambda behavior, _requests, _responses: self._spanned(method, behavior)
            )
        return known

    def _spanned(self, method: str, behavior: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        attributes = _rpc_attributes(method)
        tracer = self._tracer
        answering: Callable[[Any, Any], Any] = _Answering

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            incoming = propagate.extract(dict(context.invocation_metadata()), Context())
            span = tracer.start_span(method, incoming, trace.SpanKind.SERVER, attributes)
            token = otel_context.attach(trace.set_span_in_context(span, incoming))
            try:
                return behavior(request, answering(context, span))
            except Exception as error:
                # Aborting raises a bare Exception, after the status was set.
                if type(error) is not Exception:
                    span.record_exception(error)
                    span.set_status(StatusCode.ERROR, type(error).__name__)
                raise
            finally:
                otel_context.detach(token)
                span.end()

        return call


class BaggageServer(grpc.ServerInterceptor):  # type: ignore[misc]  # ships no types
    """What is left of `ServerSpans` when telemetry is off: the shopper still arrives."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The handler, within the caller's baggage where there is some."""
        handler = continuation(handler_call_details)
        metadata: Sequence[tuple[str, Any]] = handler_call_details.invocation_metadata or ()
        carrier = {key: value for key, value in metadata if key == "baggage"}
        if handler is None or handler.response_streaming or not carrier:
            return handler

        def carried(behavior: Callable[[Any, Any], Any], *_: Any) -> Callable[[Any, Any], Any]:
            def call(request: Any, context: grpc.ServicerContext) -> Any:
                token = otel_context.attach(propagate.extract(carrier, Context()))
                try:
                    return behavior(request, context)
                finally:
                    otel_context.detach(token)

            return call

        return _wrap_rpc_behavior(handler, carried)
