"""Carts in Redis or Valkey: one hash per user, one span and one duration per command.

The hash maps product to quantity; it expires two days after its last change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

import redis
from opentelemetry import trace
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.metrics import Histogram, Meter, NoOpMeter
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.cart.carts import KEPT_S, MAX_QUANTITY, CartLine, LostConnections
from services.common.errors import InvalidRequest, Unavailable
from services.common.telemetry import histogram

Reply = TypeVar("Reply")

_TIMEOUT_S = 2.0


class _MeasuredRedis(redis.Redis):
    """A client that measures its commands; the instrumentation, which only makes spans, wraps it."""

    def __init__(self, durations: Histogram, **options: Any) -> None:
        super().__init__(**options)
        self._execute: Callable[..., Any] = super().execute_command
        self._durations = durations
        self._server = {"server.address": options["host"], "server.port": options["port"]}

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Like the library's."""
        if not is_instrumentation_enabled():
            return self._execute(*args, **options)
        attributes = {"db.system.name": "redis", "db.operation.name": str(args[0]), **self._server}
        started = perf_counter()
        try:
            return self._execute(*args, **options)
        except Exception as error:
            attributes["error.type"] = type(error).__name__
            raise
        finally:
            self._durations.record(perf_counter() - started, attributes)


class RedisCarts:
    """`Carts` in the server at `address` (host:port)."""

    def __init__(
        self, address: str, tracer_provider: trace.TracerProvider, meter: Meter | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        self._address = address
        self._redis: Any = _MeasuredRedis(
            histogram(meter or NoOpMeter("carts"), "db.client.operation.duration"),
            host=host.strip("[]"),
            port=int(port),
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # One retry, for a stale connection of the pool; more would exceed the caller's deadline.
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
        RedisInstrumentor.instrument_client(self._redis, tracer_provider=tracer_provider)

    def _run(self, command: Callable[[], Reply]) -> Reply:
        try:
            return command()
        except redis.RedisError as error:
            raise Unavailable(f"the carts in Redis at {self._address} cannot be used now: {error}") from error

    def add(self, user_id: str, line: CartLine, lost: LostConnections | None = None) -> None:
        """See `Carts.add`; the library's own pool loses no connection."""
        key = _key(user_id)
        total = self._run(lambda: self._redis.hincrby(key, line.product_id, line.quantity))
        if int(total) > MAX_QUANTITY:
            self._run(lambda: self._redis.hincrby(key, line.product_id, -line.quantity))
            raise InvalidRequest(f"a cart holds at most {MAX_QUANTITY} of one product")
        self._run(lambda: self._redis.expire(key, KEPT_S))

    def lines(
        self, user_id: str, slow_ms: float = 0.0, lost: LostConnections | None = None
    ) -> Sequence[CartLine]:
        """See `Carts.lines`; small hashes keep their order, very large ones may not. Never slower."""
        found = self._run(lambda: self._redis.hgetall(_key(user_id)))
        return [CartLine(product_id, int(quantity)) for product_id, quantity in found.items()]

    def empty(self, user_id: str, lost: LostConnections | None = None) -> None:
        """See `Carts.empty`."""
        self._run(lambda: self._redis.delete(_key(user_id)))

    def healthy(self) -> bool:
        """Whether the server answers a ping."""
        try:
            with suppress_instrumentation():
                return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _key(user_id: str) -> str:
    return f"cart:{user_id}"
