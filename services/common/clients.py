"""Calls to other services: channels that come back within a second, deadlines, one span per call.

A client span carries `server.address`, `server.port` and `peer.service`, and a
failed one a one-line status message. Knows how to call, not whom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

import grpc

from services.common.telemetry import (
    ClientBaggage,
    ClientSpans,
    Telemetry,
    code_of,
    details_of,
    marking,
    tolerating,
)

__all__ = [
    "DEADLINE_S",
    "ORIGINAL_CODE_KEY",
    "Connection",
    "Target",
    "code_of",
    "details_of",
    "marking",
    "rpc_error_text",
    "tolerating",
    "within",
]

Stub = TypeVar("Stub")

DEADLINE_S = 3.0
_ends_at: ContextVar[float] = ContextVar("ends_at", default=inf)
ORIGINAL_CODE_KEY = "original-status-code"
# An attempt to connect ends after the least backoff, too: with 100 ms, a busy machine's first calls failed.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Within it, all calls together end after `seconds`: each waits for what is left, or its own deadline.

    An outer limit that ends earlier stays.
    """
    token = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


def _limited(call: Callable[..., Any], deadline_s: float) -> Callable[..., Any]:
    def limited(request: Any, timeout: float = deadline_s, **options: Any) -> Any:
        return call(request, timeout=max(0.0, min(timeout, _ends_at.get() - time.monotonic())), **options)

    return limited


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


def _original_code(error: grpc.RpcError) -> str:
    for key, value in (error.trailing_metadata() if isinstance(error, grpc.Call) else None) or ():
        if key == ORIGINAL_CODE_KEY:
            return f"Code({value})"
    return "".join(word.capitalize() for word in code_of(error).name.split("_"))


def rpc_error_text(error: grpc.RpcError) -> str:
    """The failed call as the original shop words it: `rpc error: code = … desc = …`."""
    return f"rpc error: code = {_original_code(error)} desc = {details_of(error)}"


class Connection:
    """A channel to one target; `stub` makes its callables, `close` ends it. Make it after any fork."""

    def __init__(self, target: Target, telemetry: Telemetry) -> None:
        self.target = target
        self._channel = grpc.insecure_channel(target.address, options=_OPTIONS)
        interceptor = (
            ClientSpans(telemetry.tracer, target.attributes()) if telemetry.enabled else ClientBaggage()
        )
        self._traced = grpc.intercept_channel(self._channel, interceptor)

    def stub(self, stub_class: Callable[[Any], Stub], *, deadline_s: float = DEADLINE_S) -> Stub:
        """A stub whose calls are traced and end after `deadline_s`, `timeout=` or what is left `within`."""
        stub = stub_class(self._traced)
        for name, call in list(vars(stub).items()):
            setattr(stub, name, _limited(call, deadline_s))
        return stub

    def close(self) -> None:
        """End the channel and whatever it waits for."""
        self._channel.close()
