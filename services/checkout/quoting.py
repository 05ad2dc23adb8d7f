"""Asking shippingservice for a quote: once, or again and again while it is slow.

With the flag `checkout_quote_retries` every attempt but the last is given up after a
deadline that a slow shippingservice cannot keep. It goes on with the work of each of them.
"""

from __future__ import annotations

from typing import Any

import grpc

from protos import hipstershop_pb2 as pb
from services.common import seat
from services.common.clients import code_of, rpc_error_text
from services.common.flags import Flags
from services.common.telemetry import ShopLogger


class Quoting:
    """Gets quotes from `shipping`, a stub of shippingservice with a deadline of its own."""

    def __init__(self, shipping: Any, flags: Flags, logger: ShopLogger) -> None:
        self._shipping = shipping
        self._flags = flags
        self._log = logger

    def quote(self, request: pb.GetQuoteRequest) -> pb.GetQuoteResponse:
        """The price of the shipment.

        Raises grpc.RpcError when the last attempt failed, or an earlier one other than by its deadline.
        """
        deadline_ms, retries = self._flags.checkout_quote_retries(seat.current())
        for remaining in range(retries, 0, -1):
            try:
                found: pb.GetQuoteResponse = self._shipping.GetQuote(request, timeout=deadline_ms / 1000)
            except grpc.RpcError as error:
                if code_of(error) is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
                self._log.warning(
                    "Retrying GetQuote", error=rpc_error_text(error), RetriesRemaining=remaining
                )
            else:
                return found
        last: pb.GetQuoteResponse = self._shipping.GetQuote(request)
        return last
