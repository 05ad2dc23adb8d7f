"""Relays RUM beacons to the receiver of telemetry, so that pages send to their own origin only.

The response is the receiver's own, status and reason, or 503 when it cannot be reached. While it is
restarted, beacons wait. To keep threads free for the shop, few beacons are sent at
once, each for a short time, and while the receiver hangs or stays away the others
are refused at once. Bodies are passed on unread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from services.common.telemetry import ShopLogger

MAX_BODY_BYTES = 1024 * 1024
PLAIN_JSON = {"Content-Type": "application/json", "Content-Encoding": "identity"}
"""The headers of a body that was read and written anew."""
_FORWARDED_HEADERS = ("Content-Type", "Content-Encoding", "User-Agent")
_MAX_CONCURRENT = 4
_WAIT_S = 1.5
_RETRY_S = 0.1
_TIMEOUT = urllib3.Timeout(connect=0.5, read=2.0)
_LOG_EVERY_S = 30.0
_MAX_REASON_BYTES = 8 * 1024
"""Of the receiver's response, as much is read and passed on; its reasons are far shorter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The response to a beacon: an HTTP status, and a sentence when it was not accepted."""

    status: int
    problem: str = ""
    body: bytes = b""
    """The receiver's own words, passed on as they came; then there is no sentence of ours."""
    content_type: str = ""


class Relay:
    """Relays to one receiver. Construct it after any fork; `close` ends its connections."""

    def __init__(self, zipkin_url: str, logger: ShopLogger) -> None:
        self._zipkin_url = zipkin_url
        self._otlp_url = zipkin_url.removesuffix("/v1/rum") + "/v1/rumotlp"
        self._log = logger
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=_MAX_CONCURRENT)
        self._slots = threading.BoundedSemaphore(_MAX_CONCURRENT)
        self._closing = threading.Event()
        self._unreachable_since: float | None = None
        self._logged_at = float("-inf")

    def zipkin(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Relay a beacon of Zipkin spans."""
        return self._send(self._zipkin_url, body, headers)

    def otlp(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Relay a beacon of OTLP JSON."""
        return self._send(self._otlp_url, body, headers)

    def close(self) -> None:
        """Cancel waiters and close idle connections."""
        self._closing.set()
        self._pool.clear()

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        if not self._slots.acquire(timeout=0 if self._circuit_open() else _WAIT_S):
            return self._unreachable("too many beacons are waiting for it")
        try:
            return self._forward(url, body, headers)
        finally:
            self._slots.release()

    def _forward(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        forwarded = {name: headers[name] for name in _FORWARDED_HEADERS if name in headers}
        while True:
            try:
                response = self._pool.request(
                    "POST",
                    url,
                    body=body,
                    headers=forwarded,
                    timeout=_TIMEOUT,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                outcome = _outcome_of(response)
            except urllib3.exceptions.ReadTimeoutError as error:
                # Timed out: do not retry, and do not wait for the next beacon either.
                self._unreachable_since = float("-inf")
                return self._unreachable(type(error).__name__)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if self._unreachable_since is None:
                    self._unreachable_since = time.monotonic()
                if self._circuit_open() or self._closing.wait(_RETRY_S):
                    return self._unreachable(type(error).__name__)
                continue
            self._unreachable_since = None
            return outcome

    def _circuit_open(self) -> bool:
        """Whether the circuit is open: the receiver has been away for longer than `_WAIT_S`."""
        since = self._unreachable_since
        return since is not None and time.monotonic() - since >= _WAIT_S

    def _unreachable(self, why: str) -> Outcome:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            self._log.warning("RUM beacons are not relayed: their receiver is away", why=why)
        return Outcome(503, "the receiver of telemetry is away; the shop works without it")


def _outcome_of(response: urllib3.BaseHTTPResponse) -> Outcome:
    """The receiver's response, with its reason if that is JSON of a bounded length.

    Anything else that a receiver may send is not shown under the shop's own address.
    """
    reason = response.read(_MAX_REASON_BYTES + 1)
    if len(reason) > _MAX_REASON_BYTES:
        # What was not read would stand before the next response of the connection.
        response.close()
    else:
        response.release_conn()
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if reason and len(reason) <= _MAX_REASON_BYTES and content_type == "application/json":
        return Outcome(response.status, body=reason, content_type=content_type)
    if response.status < 400:
        return Outcome(response.status)
    return Outcome(response.status, "the receiver of telemetry did not take the beacon")
