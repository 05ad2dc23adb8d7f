"""Passes RUM beacons on to whoever receives telemetry, so that pages talk to their own origin only.

Honest: the answer is the receiver's own, or 503 when it is away. A receiver that
is away for a moment (it is being restarted) loses nothing: its beacons wait. Never
in the shop's way for long: few beacons travel at once, each for a short time, and
while the receiver hangs or stays away the rest are refused at once. Does not look
into what it carries.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from services.common.telemetry import ShopLogger

MAX_BODY_BYTES = 1024 * 1024
_PASSED_ON = ("Content-Type", "Content-Encoding", "User-Agent")
_AT_ONCE = 4
_PATIENCE_S = 1.5
_RETRY_S = 0.1
_TIMEOUT = urllib3.Timeout(connect=0.5, read=2.0)
_TELL_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a beacon: an HTTP status, and a sentence when it was not taken."""

    status: int
    problem: str = ""


class Relay:
    """Relays to one receiver. Make it after any fork; `close` ends its connections."""

    def __init__(self, zipkin_url: str, logger: ShopLogger) -> None:
        self._zipkin_url = zipkin_url
        self._otlp_url = zipkin_url.removesuffix("/v1/rum") + "/v1/rumotlp"
        self._log = logger
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=_AT_ONCE)
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._closing = threading.Event()
        self._away_since: float | None = None
        self._told_at = float("-inf")

    def zipkin(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Pass on a beacon of Zipkin spans."""
        return self._send(self._zipkin_url, body, headers)

    def otlp(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Pass on a beacon of OTLP JSON."""
        return self._send(self._otlp_url, body, headers)

    def close(self) -> None:
        """Let nobody wait any longer, and close idle connections."""
        self._closing.set()
        self._pool.clear()

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        if not self._places.acquire(timeout=0 if self._gave_up() else _PATIENCE_S):
            return self._away("too many beacons are waiting for it")
        try:
            return self._travel(url, body, headers)
        finally:
            self._places.release()

    def _travel(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        passed_on = {name: headers[name] for name in _PASSED_ON if name in headers}
        while True:
            try:
                answer = self._pool.request(
                    "POST", url, body=body, headers=passed_on, timeout=_TIMEOUT, retries=False, redirect=False
                )
            except urllib3.exceptions.ReadTimeoutError as error:
                # It had its time: whoever hangs is not waited for again.
                self._away_since = float("-inf")
                return self._away(type(error).__name__)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if self._away_since is None:
                    self._away_since = time.monotonic()
                if self._gave_up() or self._closing.wait(_RETRY_S):
                    return self._away(type(error).__name__)
                continue
            self._away_since = None
            if answer.status < 400:
                return Outcome(answer.status)
            return Outcome(answer.status, "the receiver of telemetry did not take the beacon")

    def _gave_up(self) -> bool:
        """Whether the receiver has been away for so long that waiting for it is in vain."""
        since = self._away_since
        return since is not None and time.monotonic() - since >= _PATIENCE_S

    def _away(self, why: str) -> Outcome:
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._log.warning("RUM beacons are not relayed: their receiver is away", why=why)
        return Outcome(503, "the receiver of telemetry is away; the shop works without it")
