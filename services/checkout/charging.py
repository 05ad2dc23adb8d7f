"""Charging a card through paymentservice: up to four attempts, and the address of each.

Waits 25, 50 and 100 ms between them and repeats only an error that another
attempt may avoid. With the flag `checkout_stale_endpoint` the first attempt goes to the
drained address of the retired payment release v350.8, whose port this process
binds without listening, so that no other process can answer there. An attempt that is
repeated carries the order's id as idempotency key: no card is charged twice.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common.clients import Connection, Target, code_of, details_of, marking, rpc_error_text, within
from services.common.errors import Failed, InvalidRequest
from services.common.flags import Flags
from services.common.money import NANOS_PER_UNIT, nanos_of
from services.common.seat import Shopper
from services.common.telemetry import ShopLogger, Telemetry, counter

PEER = "paymentservice"
RETIRED_VERSION = "v350.8"
WAITS_MS = (25, 50, 100)
ATTEMPT_DEADLINE_S = 4.0
ANSWER_S = 1.0
"""Kept of the caller's time to ship, confirm or say what went wrong."""
LEAST_ATTEMPT_S = 0.5
REFERENCE_KEY = "idempotency-key"
# A second attempt may reach another replica, another version or a restarted process.
RETRYABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)
_pause = threading.Event()


class DrainedAddress:
    """A loopback port that is bound and never listens: every connection to it is refused."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Release the port."""
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Order:
    """The order that a charge pays for."""

    order_id: str
    amount: pb.Money
    card: pb.CreditCardInfo
    shopper: Shopper


class Charging:
    """Charges cards through the payment service. Make it after any fork."""

    def __init__(self, address: str, telemetry: Telemetry, flags: Flags) -> None:
        self._log: ShopLogger = telemetry.log
        self._refused = counter(telemetry.meter, "hipstershop.revenue.refused")
        self._flags = flags
        self._drained = DrainedAddress()
        self._current = Connection(Target(address, PEER), telemetry)
        self._retired = Connection(Target(self._drained.address, PEER), telemetry)
        self._payment = self._current.stub(rpc.PaymentServiceStub, deadline_s=ATTEMPT_DEADLINE_S)
        self._stale = self._retired.stub(rpc.PaymentServiceStub, deadline_s=ATTEMPT_DEADLINE_S)

    def charge(self, order: Order, time_left_s: Callable[[], float]) -> str:
        """Charge the card. Returns the transaction id.

        `time_left_s` is how long the caller still waits, 0 when it has gone: an attempt ends before, and
        none begins that could not end well.

        Raises:
            InvalidRequest: the card itself was refused.
            Failed: every attempt failed; the message holds the chain of causes.
        """
        try:
            return self._charge(order, time_left_s)
        except (InvalidRequest, Failed):
            self._refused.add(
                nanos_of(order.amount) / NANOS_PER_UNIT, {"amount.currency_code": order.amount.currency_code}
            )
            raise

    def _charge(self, order: Order, time_left_s: Callable[[], float]) -> str:
        for attempt in range(len(WAITS_MS) + 1):
            try:
                return self._attempt(order, attempt, time_left_s() - ANSWER_S)
            except grpc.RpcError as error:
                if code_of(error) is grpc.StatusCode.INVALID_ARGUMENT:
                    raise InvalidRequest(details_of(error)) from error
                cause = f"could not charge the card: {rpc_error_text(error)}"
                too_late = time_left_s() < ANSWER_S + LEAST_ATTEMPT_S
                last = code_of(error) not in RETRYABLE or attempt == len(WAITS_MS) or too_late
                if last:
                    self._log.error("failed to charge card", error=cause, order_id=order.order_id)
                    raise Failed(f"failed to charge card: {cause}") from error
                self._log.warning(
                    "Retrying chargeCard",
                    error=cause,
                    RetriesRemaining=len(WAITS_MS) - attempt,
                    Sleep=f"{WAITS_MS[attempt]}ms",
                )
                _pause.wait(WAITS_MS[attempt] / 1000)
        raise AssertionError("the last attempt either returns or raises")

    def _attempt(self, order: Order, attempt: int, left_s: float) -> str:
        request = pb.ChargeRequest(amount=order.amount, credit_card=order.card)
        metadata = ((REFERENCE_KEY, order.order_id),)
        if attempt == 0 and self._flags.checkout_stale_endpoint(order.shopper):
            self._log.info(
                "Charging through the payment endpoint of a retired release",
                endpoint=self._drained.address,
                endpoint_version=RETIRED_VERSION,
            )
            with marking({"payment.endpoint.version": RETIRED_VERSION}), within(left_s):
                return str(self._stale.Charge(request, metadata=metadata).transaction_id)
        with within(left_s):
            return str(self._payment.Charge(request, metadata=metadata).transaction_id)

    def close(self) -> None:
        """Close both channels and release the drained port."""
        self._current.close()
        self._retired.close()
        self._drained.close()
