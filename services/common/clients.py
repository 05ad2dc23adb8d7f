"""Calls to other services: channels that come back within a second, deadlines, one span per call.

A client span carries `server.address`, `server.port` and `peer.service`, and a
failed one a one-line status message. Knows how to call, not whom.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from typing import TypeVar

import grpc
from opentelemetry import propagate
from opentelemetry import trace
from opentelemetry.instrumentation.grpc._client import OpenTelemetryClientInterceptor
from opentelemetry.instrumentation.grpc.grpcext import intercept_channel
from opentelemetry.trace import Status
from opentelemetry.trace import StatusCode

from services.common.telemetry import Telemetry

Stub = TypeVar("Stub")

DEADLINE_S = 5.0
ORIGINAL_CODE_KEY = "original-status-code"
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_tolerated: ContextVar[frozenset[grpc.StatusCode]] = ContextVar("tolerated", default=frozenset())
_extra: ContextVar[Mapping[str, str]] = ContextVar("extra", default=MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Target:
    """A service that can be called: its address and the name that others know it by."""

    address: str
    peer_service: str

    def attributes(self) -> dict[str, str | int]:
        """The attributes of every client span that calls it."""
        host, _, port = self.address.rpartition(":")
        found: dict[str, str | int] = {"server.address": host.strip("[]"), "peer.service": self.peer_service}
        if port.isdigit():
            found["server.port"] = int(port)
        return found


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


def _original_code(error: grpc.RpcError) -> str:
    for key, value in (error.trailing_metadata() if isinstance(error, grpc.Call) else None) or ():
        if key == ORIGINAL_CODE_KEY:
            return f"Code({value})"
    return "".join(word.capitalize() for word in code_of(error).name.split("_"))


def rpc_error_text(error: grpc.RpcError) -> str:
    """The failed call as the original shop words it: `rpc error: code = … desc = …`."""
    return f"rpc error: code = {_original_code(error)} desc = {details_of(error)}"


class _ClientSpans(OpenTelemetryClientInterceptor):
    """The library's interceptor, told who is called, with one-line messages and expected failures."""

    def __init__(self, tracer: trace.Tracer, target: Target) -> None:
        super().__init__(tracer)  # type: ignore[no-untyped-call]  # the library ships no types
        self._attributes = target.attributes()

    def intercept_unary(
        self, request: Any, metadata: Any, client_info: Any, invoker: Callable[[Any, Any], Any]
    ) -> Any:
        method = client_info.full_method
        service, _, name = method.lstrip("/").partition("/")
        attributes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": name,
            "rpc.grpc.status_code": 0,
            **self._attributes,
            **_extra.get(),
        }
        with self._tracer.start_as_current_span(
            method,
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            carrier: dict[str, str] = OrderedDict(metadata or ())
            propagate.inject(carrier)
            try:
                return invoker(request, tuple(carrier.items()))
            except grpc.RpcError as error:
                code = code_of(error)
                span.set_attribute("rpc.grpc.status_code", code.value[0])
                if code not in _tolerated.get():
                    span.set_status(Status(StatusCode.ERROR, f"{code.name}: {details_of(error)}"))
                raise


class Connection:
    """A channel to one target; `stub` makes its callables, `close` ends it. Make it after any fork."""

    def __init__(self, target: Target, telemetry: Telemetry) -> None:
        self.target = target
        self._channel = grpc.insecure_channel(target.address, options=_OPTIONS)
        self._traced = intercept_channel(self._channel, _ClientSpans(telemetry.tracer, target))

    def stub(self, stub_class: Callable[[Any], Stub], *, deadline_s: float = DEADLINE_S) -> Stub:
        """A stub whose every call is traced and ends after `deadline_s` (`timeout=` overrides)."""
        stub = stub_class(self._traced)
        for name, call in list(vars(stub).items()):
            setattr(stub, name, partial(call, timeout=deadline_s))
        return stub

    def close(self) -> None:
        """End the channel and whatever it waits for."""
        self._channel.close()
