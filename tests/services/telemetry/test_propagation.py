"""The shopper travels in W3C baggage, whatever its name and whatever comes in."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context

from services.common import seat
from services.common.telemetry import CachedBaggagePropagator


@pytest.mark.parametrize("name", ["Zoë 💺", "a=b,c;d", "100 % sure", 'say "hi"'])
def test_a_seat_travels_unharmed(name: str) -> None:
    propagator = CachedBaggagePropagator()
    token = seat.enter(seat.Shopper(name, "gold", synthetic=True))
    try:
        carriers: list[dict[str, str]] = [{}, {}]
        for carrier in carriers:
            propagator.inject(carrier)
    finally:
        seat.leave(token)
    assert carriers[0] == carriers[1]
    assert carriers[0]["baggage"].isascii()
    for carrier in carriers:
        arrived = propagator.extract(carrier, Context())
        assert seat.current(arrived) == seat.Shopper(name, "gold", synthetic=True)


@pytest.mark.parametrize("header", ["", ",,,", "=", "workshop.seat", "a=b;c=d", "x" * 9000])
def test_senseless_baggage_is_nobody(header: str) -> None:
    arrived = CachedBaggagePropagator().extract({"baggage": header}, Context())
    assert seat.current(arrived) == seat.Shopper()
