"""What the services share, one piece at a time: money, seats, redaction, chance, preloading."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import pytest
from opentelemetry import baggage, context as otel_context

from protos import hipstershop_pb2 as pb
from services.common import money, randomness, redaction, seat
from services.common.errors import InvalidRequest
from tests.helpers import REPO


def test_money_adds_multiplies_and_converts_exactly() -> None:
    price = pb.Money(currency_code="USD", units=67, nanos=990_000_000)
    assert money.shown(money.times(price, 3)) == "USD 203.97"
    assert money.shown(money.add(price, pb.Money(currency_code="USD", nanos=10_000_000))) == "USD 68.00"
    assert money.shown(money.converted(price, "EUR", Decimal("1.1305"), Decimal("1.0"))) == "EUR 60.14"
    owed = pb.Money(currency_code="USD", units=-1, nanos=-500_000_000)
    assert money.shown(owed) == "USD -1.50"
    assert money.shown(money.add(price, owed)) == "USD 66.49"


@pytest.mark.parametrize(
    ("code", "shown", "converted"),
    [
        ("USD", "USD 7.98", "USD 56.70"),
        ("JPY", "JPY 7", "JPY 56"),
        ("KRW", "KRW 7", "KRW 56"),
        ("HUF", "HUF 7", "HUF 56"),
        ("KWD", "KWD 7.987", "KWD 56.707"),
        ("CLF", "CLF 7.9876", "CLF 56.7078"),
        ("???", "??? 7.98", "??? 56.70"),
    ],
)
def test_money_has_the_digits_of_its_currency(code: str, shown: str, converted: str) -> None:
    """ISO 4217: shown and converted to the smallest unit that is paid, so that lines add up to totals."""
    assert money.shown(pb.Money(currency_code=code, units=7, nanos=987_654_321)) == shown
    euro = pb.Money(currency_code="EUR", units=7, nanos=100_000_000)
    price = money.converted(euro, code, Decimal(1), Decimal("7.98702"))
    assert money.shown(price) == converted
    assert money.nanos_of(price) % money.smallest_nanos(code) == 0
    assert money.shown(pb.Money(currency_code=code, nanos=-1)).startswith(f"{code} -0")


def test_money_refuses_what_is_none() -> None:
    euro = pb.Money(currency_code="EUR", units=1)
    with pytest.raises(InvalidRequest, match="cannot add EUR to USD"):
        money.add(pb.Money(currency_code="USD"), euro)
    with pytest.raises(InvalidRequest, match="not an amount"):
        money.nanos_of(pb.Money(units=1, nanos=1_000_000_000))
    with pytest.raises(InvalidRequest, match="too large"):
        money.times(pb.Money(units=2**62), 4)


@pytest.mark.parametrize("name", ["lab-probe", "verify-01ab"])
def test_the_labs_own_proofs_count_as_synthetic_and_meet_the_faults_of_people(name: str) -> None:
    """They are nobody's customers, and prove what a student will see."""
    token = seat.enter(seat.Shopper(name, "gold"))
    try:
        assert seat.current() == seat.Shopper(name, "gold")
        assert seat.current().traffic == "people"
        assert seat.attributes()["user_agent.synthetic.type"] == "test"
        assert seat.current().attributes()["user_agent.synthetic.type"] == "test"
    finally:
        seat.leave(token)
    assert "user_agent.synthetic.type" not in seat.Shopper("verifier", "gold").attributes()


def test_entering_replaces_foreign_baggage() -> None:
    outer = otel_context.attach(baggage.set_baggage("foreign", "x"))
    try:
        token = seat.enter(seat.Shopper("anna", "gold", synthetic=True))
        assert seat.current() == seat.Shopper("anna", "gold", synthetic=True)
        assert seat.current().traffic == "synthetic"
        assert "foreign" not in baggage.get_all()
        seat.leave(token)
        assert seat.current() == seat.Shopper()
        assert seat.current().traffic == "people"
    finally:
        otel_context.detach(outer)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("credit_card_number", "anything", redaction.REDACTED),
        ("cvv", 672, redaction.REDACTED),
        ("text", "paid with 4432-8015-6152-0454 today", f"paid with {redaction.REDACTED} today"),
        ("text", "4432801561520454", redaction.REDACTED),
        ("text", "not a card: 4432801561520455", "not a card: 4432801561520455"),
        ("cardNumberEnding", "0454", "0454"),
        ("token", "test-20e26e90-356b-432e-a2c6-956fc03f5609", "test-20e26e90-356b-432e-a2c6-956fc03f5609"),
        ("order_id", "11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111"),
        ("units", 4432801561520454, 4432801561520454),
    ],
)
def test_card_data_is_masked_and_nothing_else(name: str, value: object, kept: object) -> None:
    assert redaction.redact(name, value) == kept


def test_chance_repeats_by_seed_and_purpose() -> None:
    def draws(seed: int | None, *purpose: str) -> list[float]:
        chance = randomness.stream(seed, *purpose)
        return [chance.random() for _ in range(3)]

    assert draws(1, "a") == draws(1, "a")
    assert draws(1, "a") != draws(1, "b")
    assert draws(1, "a") != draws(2, "a")
    assert draws(None, "a") != draws(None, "a")


def test_preloading_starts_nothing_and_reads_no_setting() -> None:
    """After it the process has one thread, and gRPC was never used."""
    probe = """
import importlib, os, threading
read = set()
class Watched(type(os.environ)):
    def __getitem__(self, key):
        read.add(key)
        return super().__getitem__(key)
os.environ.__class__ = Watched
import sys
from lab.plan.topology import OF_ONE_PROCESS, PRELOAD
for module in PRELOAD:
    importlib.import_module(module)
early = [module for module in OF_ONE_PROCESS if module in sys.modules]
assert not early, f"imported before the fork although one process needs it: {early}"
ours = [key for key in read if key.startswith(("HIPSTERLAB_", "PORT", "LISTEN_", "DEPLOYMENT_"))]
assert not ours, ours
assert threading.active_count() == 1, threading.enumerate()
pid = os.fork()
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe],
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_generated_code_is_what_the_protos_give() -> None:
    from protos.__main__ import differing

    assert differing() == []
