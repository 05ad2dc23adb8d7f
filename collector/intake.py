"""One way in for every transport: decode, commit, count; an answer only after the commit.

Owns admission (how much may be worked on at once) and the numbers of `/stats`;
must not know HTTP or gRPC.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from collector import otlp_json, zipkin
from collector.rows import Decoded, Decoder, Group, Refusals, Undecodable, protobuf_groups
from store.api import Batch, StoreBusy, StoreError, Writer

RETRY_AFTER_S = 1
_COMPLAIN_EVERY_S = 10.0

_log = logging.getLogger("collector")


class Signal(Enum):
    """What a request carries; the value is OTLP's word for it."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"

    @property
    def items(self) -> str:
        """What the signal's items are called in `/stats`."""
        return {"traces": "spans", "logs": "logs", "metrics": "metric_points"}[self.value]


class Encoding(Enum):
    """How the items are written."""

    PROTOBUF = "protobuf"
    JSON = "json"
    ZIPKIN = "zipkin"


class Overloaded(Exception):
    """No room now: the sender should try again after RETRY_AFTER_S; the message says why."""


class Unavailable(Exception):
    """The store cannot take anything at present; the sender should try again later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request that was answered with success."""

    accepted: int
    rejected: int
    message: str
    """Why items were rejected, in one line; empty if none was."""


class Intake:
    """Takes requests of any transport to the store. Safe to call from many threads."""

    def __init__(
        self,
        writer: Writer,
        *,
        max_in_flight_bytes: int,
        now_unix_nano: Callable[[], int] = time.time_ns,
    ) -> None:
        self._writer = writer
        self._decoder = Decoder(now_unix_nano)
        self._max_in_flight_bytes = max_in_flight_bytes
        self._lock = threading.Lock()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._draining = False
        self._started_s = time.monotonic()
        self._received = {signal.items: 0 for signal in Signal}
        self._rejected = {signal.items: 0 for signal in Signal}
        self._refused = {"undecodable": 0, "too_large": 0, "busy": 0, "unavailable": 0, "unsupported": 0}
        self._requests = 0
        self._complained_s: dict[str, float] = {}

    def take(self, signal: Signal, encoding: Encoding, body: bytes) -> Outcome:
        """Decode and commit one request's body; when this returns, what was accepted is kept.

        Raises Undecodable (final), Overloaded and Unavailable (try again).
        """
        with self._admitted(len(body)):
            try:
                decoded = self._decode(signal, encoding, body)
            except Undecodable as error:
                self.count_refused("undecodable", f"{signal.value} in {encoding.value}: {error}")
                self._tell_store_of_undecodable()
                raise
            self._commit(decoded.batch)
        accepted = len(decoded.batch)
        with self._lock:
            self._received[signal.items] += accepted
            self._rejected[signal.items] += decoded.refused.count
        outcome = Outcome(accepted, decoded.refused.count, decoded.refused.message())
        if outcome.rejected:
            self._complain("rejected", f"{signal.items}: {outcome.message}", count=outcome.rejected)
        return outcome

    def count_refused(self, why: str, message: str) -> None:
        """Count a request that was refused whole; `why` is one of the words of `/stats`."""
        with self._lock:
            self._refused[why] += 1
        self._complain(why, message)

    def drain(self) -> None:
        """Refuse whatever comes from now on; what is in flight goes on."""
        with self._lock:
            self._draining = True

    @property
    def in_flight(self) -> int:
        """Requests between admission and answer."""
        return self._in_flight

    def stats(self) -> dict[str, object]:
        """The counts since the start, for people and for the lab."""
        with self._lock:
            return {
                "uptime_s": round(time.monotonic() - self._started_s, 3),
                "requests": self._requests,
                "received": dict(self._received),
                "rejected": dict(self._rejected),
                "refused_requests": dict(self._refused),
                "queue": {
                    "requests": self._in_flight,
                    "bytes": self._in_flight_bytes,
                    "max_bytes": self._max_in_flight_bytes,
                },
                "draining": self._draining,
            }

    def _complain(self, why: str, message: str, **fields: object) -> None:
        """Log the first of its kind, and then no more than one every few seconds."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._complained_s.get(why, float("-inf")) < _COMPLAIN_EVERY_S:
                return
            self._complained_s[why] = now_s
        _log.warning(message, extra={"fields": {"refused": why, **fields}})

    @contextmanager
    def _admitted(self, size_bytes: int) -> Iterator[None]:
        with self._lock:
            self._requests += 1
            # One request of any allowed size must always be able to pass.
            full = bool(self._in_flight) and self._in_flight_bytes + size_bytes > self._max_in_flight_bytes
            stopping = self._draining
            if not full and not stopping:
                self._in_flight += 1
                self._in_flight_bytes += size_bytes
        if stopping:
            self.count_refused("unavailable", "the collector is stopping")
            raise Unavailable("the collector is stopping")
        if full:
            self.count_refused("busy", "the collector is working on as much as it may")
            raise Overloaded("the collector is working on as much as it may")
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1
                self._in_flight_bytes -= size_bytes

    def _decode(self, signal: Signal, encoding: Encoding, body: bytes) -> Decoded:
        refused = Refusals()
        groups: list[Group]
        if encoding is Encoding.PROTOBUF:
            groups = protobuf_groups(body)
        elif encoding is Encoding.JSON:
            groups = otlp_json.groups(body, signal.value, refused)
        else:
            groups = zipkin.groups(body, refused)
        make = {
            Signal.TRACES: self._decoder.traces,
            Signal.LOGS: self._decoder.logs,
            Signal.METRICS: self._decoder.metrics,
        }[signal]
        return make(groups, refused)

    def _commit(self, batch: Batch) -> None:
        if not len(batch) and not batch.rejected:
            return
        try:
            self._writer.write(batch)
        except StoreBusy as error:
            self.count_refused("busy", str(error))
            raise Overloaded(str(error)) from error
        except StoreError as error:
            self.count_refused("unavailable", str(error))
            raise Unavailable(str(error)) from error

    def _tell_store_of_undecodable(self) -> None:
        try:
            self._writer.write(Batch(rejected=1))
        except StoreError:
            return  # the sender learns of its own fault; the count stays in `/stats`
