"""currencyservice: exact conversion through the euro.

Rates are decimals from `rates.json` (units per euro, a day of the European
Central Bank). A result is truncated to the currency's smallest unit; an amount already in the
currency is returned unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib import resources

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common import money
from services.common.errors import InvalidRequest, StartError
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """currencyservice's settings."""


def load_rates() -> Mapping[str, Decimal]:
    """Units of each currency per euro, in the order in which the shop shows them.

    Raises:
        StartError: a rate is not a positive decimal.
    """
    text = resources.files("services.currency").joinpath("rates.json").read_text("utf-8")
    rates = {}
    for code, rate in json.loads(text).items():
        try:
            rates[code] = Decimal(rate)
        except InvalidOperation:
            rates[code] = Decimal(0)
        if not 0 < rates[code] < Decimal("Infinity"):
            raise StartError(f"cannot use rates.json: the rate of {code} is {rate!r}, not a decimal above 0.")
    return rates


class CurrencyServicer(rpc.CurrencyServiceServicer):
    """Serves `hipstershop.CurrencyService`."""

    def __init__(self, rates: Mapping[str, Decimal]) -> None:
        self._rates = rates

    def GetSupportedCurrencies(
        self, request: pb.Empty, context: grpc.ServicerContext
    ) -> pb.GetSupportedCurrenciesResponse:
        """The codes of all currencies, in their fixed order."""
        return pb.GetSupportedCurrenciesResponse(currency_codes=list(self._rates))

    def Convert(self, request: pb.CurrencyConversionRequest, context: grpc.ServicerContext) -> pb.Money:
        """The amount in another currency."""
        amount: pb.Money = getattr(request, "from")
        from_rate, to_rate = self._rate(amount.currency_code), self._rate(request.to_code)
        if amount.currency_code == request.to_code:
            money.nanos_of(amount)
            return amount
        return money.converted(amount, request.to_code, from_rate, to_rate)

    def _rate(self, code: str) -> Decimal:
        rate = self._rates.get(code)
        if rate is None:
            known = ", ".join(self._rates)
            raise InvalidRequest(f"unknown currency {code[:8]!r}: it must be one of {known}")
        return rate


def mount(_service: ServiceContext[Settings]) -> ServicerHandle:
    """Read the rates and make the servicer."""
    return ServicerHandle(CurrencyServicer(load_rates()))


BACKEND = Backend(
    service="currencyservice",
    short_name="currency",
    title="converts money exactly.",
    settings=Settings,
    rpc_service="hipstershop.CurrencyService",
    register=rpc.add_CurrencyServiceServicer_to_server,
    mount=mount,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
