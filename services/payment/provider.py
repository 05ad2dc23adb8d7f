"""The call to ButtercupPayments: plain HTTP with a bearer token, one client span and its duration, by hand.

The span is the only telemetry about the provider, which exports none. It leaves
its own status unset, as the original does, so that the error of a refused token
begins in the Charge span (conventions would mark a client's 4xx). What a real
provider needs, the card and whose it is, travels in the body and nowhere else;
neither trace context nor baggage leaves the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from urllib.parse import urlsplit

import orjson
import urllib3
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_http_instrumentation

from protos import hipstershop_pb2 as pb
from services.common.errors import InvalidRequest, Unauthenticated, Unavailable
from services.common.seat import Shopper
from services.common.telemetry import Telemetry, histogram

SPAN_NAME = "buttercup.payments.api"
PEER = "ButtercupPayments"
_NO_ANSWER = "ButtercupPayments did not answer"


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge; with the same `reference`, a repeated one is not charged twice."""

    amount: pb.Money
    card: pb.CreditCardInfo
    digits: str
    reference: str
    shopper: Shopper = field(default_factory=Shopper)

    def body(self) -> bytes:
        """The JSON that the provider expects."""
        return orjson.dumps(
            {
                "amount": {
                    "currency_code": self.amount.currency_code,
                    "units": self.amount.units,
                    "nanos": self.amount.nanos,
                },
                "card": {
                    "number": self.digits,
                    "cvv": self.card.credit_card_cvv,
                    "expiration_year": self.card.credit_card_expiration_year,
                    "expiration_month": self.card.credit_card_expiration_month,
                },
                "customer": {
                    "id": self.shopper.seat,
                    "tier": self.shopper.tenant_level,
                    "test": self.shopper.synthetic,
                },
            }
        )


class Provider:
    """A client of ButtercupPayments at `url`. Make it after any fork."""

    def __init__(self, url: str, telemetry: Telemetry, timeout_s: float) -> None:
        self._url = f"{url}/charge"
        self._tracer = telemetry.tracer
        self._durations = histogram(telemetry.meter, "http.client.request.duration")
        self._pool = urllib3.PoolManager(maxsize=16)
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        self._measured: dict[str, str | int] = {
            "http.request.method": "POST",
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }
        self._attributes = {**self._measured, "peer.service": PEER, "url.full": self._url}

    def charge(self, charge: Charge, token: str) -> str:
        """Charge the card. Returns the provider's transaction id.

        Raises:
            Unauthenticated: the provider refused the token (401).
            InvalidRequest: it refused the charge itself (other 4xx).
            Unavailable: it was not reached, or answered 429, 5xx or no receipt.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        if charge.reference:
            headers["idempotency-key"] = charge.reference
        with self._tracer.start_as_current_span(
            SPAN_NAME,
            kind=trace.SpanKind.CLIENT,
            attributes=self._attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            started = perf_counter()
            try:
                with suppress_http_instrumentation():
                    answer = self._pool.request(
                        "POST",
                        self._url,
                        body=charge.body(),
                        headers=headers,
                        timeout=self._timeout_s,
                        retries=False,
                    )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                span.set_status(trace.StatusCode.ERROR, _NO_ANSWER)
                span.set_attribute("error.type", type(error).__name__)
                self._measure(started, {"error.type": type(error).__name__})
                raise Unavailable(_NO_ANSWER) from error
            span.set_attribute("http.response.status_code", answer.status)
            span.set_attribute("http.status_code", answer.status)
            self._measure(started, _response(answer.status))
        return _transaction_id(answer.status, answer.data)

    def _measure(self, started: float, ended: Mapping[str, str | int]) -> None:
        """Record the duration, within the span's context, which an exemplar takes its trace from."""
        self._durations.record(perf_counter() - started, {**self._measured, **ended})

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _response(status: int) -> dict[str, str | int]:
    """Returns what a metric says of an answer; a status that HTTP does not know is a failure without one."""
    try:
        HTTPStatus(status)
    except ValueError:
        return {"error.type": "_OTHER"}
    found: dict[str, str | int] = {"http.response.status_code": status}
    return {**found, "error.type": str(status)} if status >= 400 else found


def _transaction_id(status: int, data: bytes) -> str:
    if status == 401:
        raise Unauthenticated("Invalid request")
    if status == 429 or status >= 500:
        raise Unavailable(f"ButtercupPayments answered {status}")
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        content = {}
    if status >= 400:
        reason = content.get("error") if isinstance(content, dict) else None
        raise InvalidRequest(f"ButtercupPayments refused the charge: {reason or status}")
    transaction = content.get("transaction_id") if isinstance(content, dict) else None
    if not isinstance(transaction, str) or not transaction:
        raise Unavailable("ButtercupPayments answered without a transaction id")
    return transaction
