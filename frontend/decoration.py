"""What decorates a page and is not needed on it: advertisements, recommendations.

A decoration that fails costs the page itself, and at most `ALLOWANCE_S` for all of a page's
decorations together. One that failed three times in a row is not asked for five seconds, so
that a dead service does not slow every page; then one page tries it again. Whatever is left out is
an error span, of the call or of the call that was not made, and a line in the log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from opentelemetry.trace import Status, StatusCode

from services.common.clients import rpc_error_text, within
from services.common.telemetry import Telemetry

T = TypeVar("T")

ALLOWANCE_S = 0.28
"""A person waits 300 ms at most for what a page does without; the rest is for what the page does itself."""
FAILURES_IN_A_ROW = 3
PAUSE_S = 5.0
ENOUGH_S = 0.1
"""A decoration that failed with less time than this says nothing about its service."""
NOT_ASKED = "circuit_breaker.open"
"""The span in place of a call that was not made."""


class Allowance:
    """The time that the decorations of one page may still take."""

    def __init__(self, seconds: float = ALLOWANCE_S) -> None:
        self._left_s = seconds

    @contextmanager
    def spend(self, keep_s: float = 0.0) -> Iterator[float]:
        """Gives what is left without `keep_s`, in seconds; calls within end after that."""
        began = time.monotonic()
        given_s = max(0.0, self._left_s - keep_s)
        try:
            with within(given_s):
                yield given_s
        finally:
            self._left_s = max(0.0, self._left_s - (time.monotonic() - began))


class Decoration:
    """One optional service: asks it for pages, and leaves it alone for a while when it fails."""

    def __init__(
        self, service: str, telemetry: Telemetry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service = service
        self._tracer = telemetry.tracer
        self._log = telemetry.log
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_again_at = 0.0

    def load(self, ask: Callable[[], T], otherwise: T, allowance: Allowance, keep_s: float = 0.0) -> T:
        """What `ask` returns; `otherwise` when its calls fail, take too long, or are not made.

        `keep_s` of the allowance is left to others.
        """
        if not self._may_ask():
            self._record_skipped()
            return otherwise
        with allowance.spend(keep_s) as given_s:
            try:
                found = ask()
            except grpc.RpcError as error:
                self._log.warning(f"A page goes without {self._service}", error=rpc_error_text(error))
                if given_s >= ENOUGH_S:
                    self._failed()
                return otherwise
        with self._lock:
            self._failures = 0
        return found

    def _may_ask(self) -> bool:
        with self._lock:
            if self._failures < FAILURES_IN_A_ROW:
                return True
            now = self._clock()
            if now < self._closed_again_at:
                return False
            # This page tries; the others of the meantime do not.
            self._closed_again_at = now + PAUSE_S
            return True

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._closed_again_at = self._clock() + PAUSE_S

    def _record_skipped(self) -> None:
        why = f"{self._service} was not asked: its last {FAILURES_IN_A_ROW} calls or more failed"
        with self._tracer.start_as_current_span(NOT_ASKED, attributes={"error.type": NOT_ASKED}) as span:
            span.set_status(Status(StatusCode.ERROR, why))
