"""Interceptors that give every gRPC call one span on either side, measure it, and pass the shopper on.

Written against gRPC's own interceptor classes and the OpenTelemetry API. The ones
of `opentelemetry-instrumentation-grpc` (README) have no hook for a
failed call, and put the caller's address and library on every span. Knows no service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Any, NamedTuple

import grpc
from opentelemetry import context as otel_context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Status, StatusCode

from services.common import seat

_UNTRACED = ("/grpc.health.", "/grpc.reflection.", "/hipsterlab.")
# The codes that the semantic conventions call an error of the server; the others are the caller's.
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
_tolerated: ContextVar[frozenset[grpc.StatusCode]] = ContextVar("tolerated", default=frozenset())
_untraced: ContextVar[bool] = ContextVar("untraced", default=False)
_TRACE_CONTEXT = ("traceparent", "tracestate")
_extra: ContextVar[Mapping[str, str]] = ContextVar("extra", default=MappingProxyType({}))

Behavior = Callable[[Any, grpc.ServicerContext], Any]
Continuation = Callable[[Any, Any], Any]


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


@contextmanager
def withholding_trace_context(active: bool = True) -> Iterator[None]:
    """Within it, calls carry the shopper and no trace context: the called service begins a trace of its own.

    Without effect unless `active`.
    """
    token = _untraced.set(active)
    try:
        yield
    finally:
        _untraced.reset(token)


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """Returns the status of a failed call; UNKNOWN when the error has none."""
    code = error.code() if isinstance(error, grpc.Call) else None
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


def details_of(error: grpc.RpcError) -> str:
    """Returns the message of a failed call on one line."""
    details = error.details() if isinstance(error, grpc.Call) else str(error)
    return " ".join((details or "").split())


class _CallFields(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str]]
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _CallDetails(_CallFields, grpc.ClientCallDetails):  # type: ignore[misc]  # ships no types
    """A call's details that can be made anew with other metadata: gRPC's class has no constructor."""


def _with_propagation(details: Any) -> _CallDetails:
    """Returns the call's details, the current trace context and baggage added to its metadata."""
    carrier: dict[str, str] = dict(details.metadata or ())
    propagate.inject(carrier)
    if _untraced.get():
        for name in _TRACE_CONTEXT:
            carrier.pop(name, None)
    return _CallDetails(
        details.method,
        details.timeout,
        tuple(carrier.items()),
        details.credentials,
        details.wait_for_ready,
        details.compression,
    )


def _rpc_attributes(method: str) -> dict[str, str | int]:
    service, _, name = method.lstrip("/").partition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name, "rpc.grpc.status_code": 0}


def _end_client_span(span: trace.Span, tolerated: frozenset[grpc.StatusCode], outcome: Any) -> None:
    code = outcome.code()
    if code is not grpc.StatusCode.OK:
        span.set_attribute("rpc.grpc.status_code", code.value[0])
        if code not in tolerated:
            span.set_status(Status(StatusCode.ERROR, f"{code.name}: {details_of(outcome)}"))
    span.end()


class ClientSpans(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # ships no types
    """Client spans that name the called service; a failed one has a one-line message.

    `attributes` are put on every span. Codes named by `tolerating` are not errors.
    """

    def __init__(self, tracer: trace.Tracer, attributes: Mapping[str, str | int]) -> None:
        self._tracer = tracer
        self._target = dict(attributes)
        self._attributes: dict[str, dict[str, str | int]] = {}

    def intercept_unary_unary(
        self, continuation: Continuation, client_call_details: Any, request: Any
    ) -> Any:
        """Calls within a new span, which ends when the call does; returns the call."""
        method = client_call_details.method
        attributes = self._attributes.get(method)
        if attributes is None:
            attributes = self._attributes[method] = {**_rpc_attributes(method), **self._target}
        extra = _extra.get()
        span = self._tracer.start_span(
            method, kind=trace.SpanKind.CLIENT, attributes={**attributes, **extra} if extra else attributes
        )
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            outcome = continuation(_with_propagation(client_call_details), request)
        except BaseException:
            span.end()
            raise
        finally:
            otel_context.detach(token)
        outcome.add_done_callback(partial(_end_client_span, span, _tolerated.get()))
        return outcome


class ClientBaggage(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # ships no types
    """Passes the shopper on without a span, for a process whose telemetry is switched off."""

    def intercept_unary_unary(
        self, continuation: Continuation, client_call_details: Any, request: Any
    ) -> Any:
        """Calls with the current baggage in the metadata; returns the call."""
        if not seat.attributes():
            return continuation(client_call_details, request)
        return continuation(_with_propagation(client_call_details), request)


def _wrapped(handler: Any, behavior: Behavior) -> Any:
    """Returns a handler like `handler` that runs `behavior`."""
    return grpc.unary_unary_rpc_method_handler(
        behavior, handler.request_deserializer, handler.response_serializer
    )


def _is_unary(handler: Any) -> bool:
    return handler is not None and not handler.request_streaming and not handler.response_streaming


class ServerSpans(grpc.ServerInterceptor):  # type: ignore[misc]  # ships no types
    """Server spans and `durations` of every unary RPC but health checks and the lab's own."""

    def __init__(self, tracer: trace.Tracer, durations: Histogram) -> None:
        self._tracer = tracer
        self._durations = durations
        self._handlers: dict[str, Any] = {}

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Returns the method's handler with a span around it; it is made once per method."""
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = continuation(handler_call_details)
        if method.startswith(_UNTRACED) or not _is_unary(handler):
            return handler
        known = self._handlers[method] = _wrapped(handler, self._spanned(method, handler.unary_unary))
        return known

    def _spanned(self, method: str, behavior: Behavior) -> Behavior:
        attributes = _rpc_attributes(method)
        tracer, record = self._tracer, self._durations.record
        outcomes = {code: _outcome(method, code) for code in grpc.StatusCode}

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            incoming = propagate.extract(dict(context.invocation_metadata()), Context())
            span = tracer.start_span(method, incoming, trace.SpanKind.SERVER, attributes)
            token = otel_context.attach(trace.set_span_in_context(span, incoming))
            code = grpc.StatusCode.OK
            started = perf_counter()
            try:
                return behavior(request, context)
            except Exception as error:
                code = _record_failure(span, context, error)
                raise
            finally:
                # Within the span's context, which an exemplar takes its trace from.
                record(perf_counter() - started, outcomes[code])
                otel_context.detach(token)
                span.end()

        return call


def _outcome(method: str, code: grpc.StatusCode) -> dict[str, str]:
    """Returns the attributes of a call's duration, by the conventions for metrics, newer than the spans'."""
    attributes = {
        "rpc.system.name": "grpc",
        "rpc.method": method.lstrip("/"),
        "rpc.response.status_code": code.name,
    }
    return {**attributes, "error.type": code.name} if code in _SERVER_FAULTS else attributes


def _record_failure(span: trace.Span, context: grpc.ServicerContext, error: Exception) -> grpc.StatusCode:
    """Marks the span of a call that raised: in error only for the server's own faults, by the conventions.

    Returns the status that the caller gets.
    """
    code = context.code()
    if code is None:
        # Not `context.abort`, which raises too but sets a code first.
        span.record_exception(error)
        span.set_status(StatusCode.ERROR, type(error).__name__)
        return grpc.StatusCode.UNKNOWN
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    if code in _SERVER_FAULTS:
        details = context.details() or b""
        text = details.decode("utf-8", "replace") if isinstance(details, bytes) else details
        span.set_status(StatusCode.ERROR, f"{code.name}: {text}")
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN


class ServerBaggage(grpc.ServerInterceptor):  # type: ignore[misc]  # ships no types
    """Takes the shopper in without a span, for a process whose telemetry is switched off."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Returns the handler, within the caller's baggage where there is some."""
        handler = continuation(handler_call_details)
        metadata: Sequence[tuple[str, Any]] = handler_call_details.invocation_metadata or ()
        carrier = {key: value for key, value in metadata if key == "baggage"}
        if not carrier or not _is_unary(handler):
            return handler
        behavior = handler.unary_unary

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            token = otel_context.attach(propagate.extract(carrier, Context()))
            try:
                return behavior(request, context)
            finally:
                otel_context.detach(token)

        return _wrapped(handler, call)
