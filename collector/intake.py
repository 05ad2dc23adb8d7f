"""Decodes, commits and counts the requests of every transport; returns only after the commit.

Owns admission (how many bytes may be in work at once) and the numbers of `/stats`.
Does not know HTTP or gRPC.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from collector import otlp_json_groups, zipkin
from collector.framing import protobuf_groups
from collector.items import Group, Refusals, Undecodable, named
from collector.refusals import SERIES, Refused
from collector.rows import Decoded, Decoder
from store.api import Batch, SpanRow, StoreBusy, StoreError, Writer

RETRY_AFTER_S = 1
_LOG_EVERY_S = 10.0
_SHOWN_REQUESTS = frozenset({"busy", "too_large"})
"""Refusals of unread requests that people are told of: not those of a stop, nor a sender's mistakes."""
_SUBJECT = 200
"""Characters of a metric's name that an episode of refusals is told by."""

_DIFFERS = "a span of this id is kept already, with other content"

_log = logging.getLogger("collector")


class Signal(Enum):
    """The signal of a request; the value is OTLP's name of it."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"

    @property
    def items(self) -> str:
        """The name of the signal's items in `/stats`."""
        return {"traces": "spans", "logs": "logs", "metrics": "metric_points"}[self.value]


class Encoding(Enum):
    """The encoding of a body."""

    PROTOBUF = "protobuf"
    JSON = "json"
    ZIPKIN = "zipkin"


class Overloaded(Exception):
    """Too much is in work: the sender should retry after RETRY_AFTER_S; the message is the reason."""


class Unavailable(Exception):
    """The store cannot write at present: the sender should retry later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a request that was accepted, at least in part."""

    accepted: int
    rejected: int
    message: str
    """The reasons of rejection, and what was kept with a change, in one line; may be empty."""


class Intake:
    """Commits the requests of all transports to the store. Thread-safe."""

    def __init__(
        self,
        writer: Writer,
        *,
        max_in_flight_bytes: int,
        now_unix_nano: Callable[[], int] = time.time_ns,
        refused: Refused | None = None,
    ) -> None:
        self._writer = writer
        self._episodes = refused or Refused()
        self._now_unix_nano = now_unix_nano
        self._decoder = Decoder(now_unix_nano)
        self._max_in_flight_bytes = max_in_flight_bytes
        self._lock = threading.Lock()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._draining = False
        self._started_s = time.monotonic()
        self._received = {signal.items: 0 for signal in Signal}
        self._rejected = {signal.items: 0 for signal in Signal}
        self._repeated = {Signal.TRACES.items: 0, Signal.METRICS.items: 0}
        self._refused = {"undecodable": 0, "too_large": 0, "busy": 0, "unavailable": 0, "unsupported": 0}
        self._requests = 0
        self._logged_s: dict[str, float] = {}

    def take(self, signal: Signal, encoding: Encoding, body: bytes) -> Outcome:
        """Decode and commit the body of one request. When this returns, all accepted items are committed.

        Raises Undecodable (do not retry), Overloaded and Unavailable (retry).
        """
        with self._admitted(signal, len(body)):
            try:
                decoded = self._decode(signal, encoding, body)
            except Undecodable as error:
                self.count_refused("undecodable", f"{signal.value} in {encoding.value}: {error}")
                self._record_undecodable()
                raise
            decoded.batch.arrived_unix_nano = self._now_unix_nano()
            self._commit(decoded.batch)
        batch, refused = decoded.batch, decoded.refused
        if batch.differing:
            refused.add(_DIFFERS, batch.differing, lambda: _span_named(batch.first_differing))
        for reason, count in batch.folded.items():
            refused.add(reason.message, count)
            sentence = f"{reason.message[:1].upper()}{reason.message[1:]}."
            self._episodes.add(SERIES, sentence, {signal.items: count}, reason.metric[:_SUBJECT])
        accepted = len(batch) - batch.differing - sum(batch.folded.values())
        with self._lock:
            self._received[signal.items] += accepted
            self._rejected[signal.items] += refused.count
            self._repeated[Signal.TRACES.items] += batch.repeated
            self._repeated[Signal.METRICS.items] += batch.repeated_points
        outcome = Outcome(accepted, refused.count, refused.message())
        if outcome.rejected:
            self._log_seldom("rejected", f"{signal.items}: {outcome.message}", count=outcome.rejected)
        return outcome

    def count_refused(self, why: str, message: str, reason: str = "") -> None:
        """Count a request that was refused as a whole; `why` is a key of `refused_requests` in `/stats`.

        `reason` is the one told to people, if it is more exact.
        """
        with self._lock:
            self._refused[why] += 1
        if why in _SHOWN_REQUESTS:
            self._episodes.add(reason or why, message, {"requests": 1})
        self._log_seldom(why, message)

    def drain(self) -> None:
        """Refuse new requests; those in flight continue."""
        with self._lock:
            self._draining = True

    @property
    def in_flight(self) -> int:
        """Requests between admission and answer."""
        return self._in_flight

    def stats(self) -> dict[str, object]:
        """The counts since the start, as `/stats` shows them; never waits for the store."""
        health = self._writer.health()
        episodes = self._episodes.document(health)
        with self._lock:
            return {
                "uptime_s": round(time.monotonic() - self._started_s, 3),
                "requests": self._requests,
                "received": dict(self._received),
                "rejected": dict(self._rejected),
                # Of those received: exact repetitions of what was kept already.
                "repeated": dict(self._repeated),
                "refused_requests": dict(self._refused),
                "queue": {
                    "requests": self._in_flight,
                    "bytes": self._in_flight_bytes,
                    "max_bytes": self._max_in_flight_bytes,
                },
                "draining": self._draining,
                "store": {
                    "writing": not health.reason,
                    "reason": health.reason,
                    "message": health.message,
                    "since_unix_nano": health.since_unix_nano,
                },
                "settling": {
                    "state": health.settling.state(time.time_ns()),
                    "up_to_unix_nano": health.settling.up_to_unix_nano,
                },
                "refusals": episodes,
                "notes": [{"at_unix_nano": note.at_unix_nano, "text": note.text} for note in health.notes],
            }

    def _log_seldom(self, why: str, message: str, **fields: object) -> None:
        """Log a warning, at most one of the same `why` in `_LOG_EVERY_S`."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._logged_s.get(why, float("-inf")) < _LOG_EVERY_S:
                return
            self._logged_s[why] = now_s
        _log.warning(message, extra={"fields": {"refused": why, **fields}})

    @contextmanager
    def _admitted(self, signal: Signal, size_bytes: int) -> Iterator[None]:
        behind = self._pace_of(signal)
        with self._lock:
            self._requests += 1
            # A single request may be as large as the size limit allows, whatever this limit is.
            full = bool(self._in_flight) and self._in_flight_bytes + size_bytes > self._max_in_flight_bytes
            stopping = self._draining
            if not full and not stopping and behind is None:
                self._in_flight += 1
                self._in_flight_bytes += size_bytes
        if stopping:
            self.count_refused("unavailable", "the collector is stopping")
            raise Unavailable("the collector is stopping")
        if full:
            self.count_refused("busy", "the requests in work have reached the limit")
            raise Overloaded("the requests in work have reached the limit")
        if behind is not None:
            self.count_refused("busy", str(behind), behind.reason)
            raise Overloaded(str(behind))
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1
                self._in_flight_bytes -= size_bytes

    def _pace_of(self, signal: Signal) -> StoreBusy | None:
        """Why spans have to wait; logs and metrics, which are not settled in traces, never do for this."""
        if signal is Signal.TRACES:
            try:
                self._writer.check_pace()
            except StoreBusy as error:
                return error
        return None

    def _decode(self, signal: Signal, encoding: Encoding, body: bytes) -> Decoded:
        refused = Refusals()
        groups: list[Group]
        if encoding is Encoding.PROTOBUF:
            groups = protobuf_groups(body, refused, signal.value)
        elif encoding is Encoding.JSON:
            groups = otlp_json_groups.groups(body, signal.value, refused)
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
        except StoreError as error:
            busy = isinstance(error, StoreBusy)
            self._count_unkept("busy" if busy else "unavailable", error, batch)
            raise (Overloaded if busy else Unavailable)(str(error)) from error

    def _count_unkept(self, why: str, error: StoreError, batch: Batch) -> None:
        """Count a batch that the store did not keep, by its items."""
        counts = {"spans": len(batch.spans), "logs": len(batch.logs), "metric_points": len(batch.metrics)}
        with self._lock:
            self._refused[why] += 1
        self._episodes.add(error.reason, str(error), counts)
        self._log_seldom(why, str(error))

    def _record_undecodable(self) -> None:
        try:
            self._writer.write(Batch(rejected=1))
        except StoreError:
            return  # The sender gets its error anyway, and `/stats` has counted it.


def _span_named(span: SpanRow | None) -> str:
    return named(f"trace {span.trace_id.hex()}, span {span.span_id.hex()},", span.name) if span else ""
