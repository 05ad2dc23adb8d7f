"""Exact money: what the `Money` message means, as whole billionths of a unit.

Sums and multiples are integer arithmetic; a conversion is one exact decimal
division, cut to the currency's smallest unit at its end, so that lines that are shown
add up to the total that is shown. Nothing here knows a rate or a service.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal

from protos import hipstershop_pb2 as pb
from services.common.errors import InvalidRequest

NANOS_PER_UNIT = 1_000_000_000
NANOS_PER_CENT = NANOS_PER_UNIT // 100
_USUAL_DECIMALS = 2
# By ISO 4217. HUF has two there; its last coin below the forint was withdrawn in 1999.
_WHOLE = {"BIF", "CLP", "DJF", "GNF", "HUF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"}
_WHOLE |= {"VUV", "XAF", "XOF", "XPF"}
_THOUSANDTHS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
_TEN_THOUSANDTHS = {"CLF", "UYW"}
_OTHER_DECIMALS = (
    dict.fromkeys(_WHOLE, 0) | dict.fromkeys(_THOUSANDTHS, 3) | dict.fromkeys(_TEN_THOUSANDTHS, 4)
)
_MAX_UNITS = 2**63 - 1
# Wide enough for any int64 amount with nine decimals times a rate of ten digits.
_EXACT = Context(prec=60, rounding=ROUND_DOWN)


def nanos_of(money: pb.Money) -> int:
    """The amount in billionths of a unit.

    Raises:
        InvalidRequest: the nanos are out of range or their sign differs from the units'.
    """
    units, nanos = money.units, money.nanos
    if not -NANOS_PER_UNIT < nanos < NANOS_PER_UNIT or (units > 0 > nanos) or (units < 0 < nanos):
        raise InvalidRequest(f"not an amount of money: units {units}, nanos {nanos}")
    return units * NANOS_PER_UNIT + nanos


def from_nanos(currency_code: str, total_nanos: int) -> pb.Money:
    """The message for an amount in billionths of a unit.

    Raises:
        InvalidRequest: the amount does not fit 64-bit units.
    """
    sign = -1 if total_nanos < 0 else 1
    units, nanos = divmod(abs(total_nanos), NANOS_PER_UNIT)
    if units > _MAX_UNITS:
        raise InvalidRequest("the amount is too large")
    return pb.Money(currency_code=currency_code, units=sign * units, nanos=sign * nanos)


def add(first: pb.Money, second: pb.Money) -> pb.Money:
    """The sum of two amounts of one currency.

    Raises:
        InvalidRequest: the currencies differ, an amount is malformed, or the sum is too large.
    """
    if first.currency_code != second.currency_code:
        raise InvalidRequest(f"cannot add {second.currency_code} to {first.currency_code}")
    return from_nanos(first.currency_code, nanos_of(first) + nanos_of(second))


def times(money: pb.Money, quantity: int) -> pb.Money:
    """The amount taken `quantity` times.

    Raises:
        InvalidRequest: the amount is malformed or the product too large.
    """
    return from_nanos(money.currency_code, nanos_of(money) * quantity)


def decimals(currency_code: str) -> int:
    """How many digits an amount of this currency has after the dot: 2 for USD, 0 for JPY, 3 for KWD."""
    return _OTHER_DECIMALS.get(currency_code, _USUAL_DECIMALS)


def smallest_nanos(currency_code: str) -> int:
    """The smallest unit that is paid in a currency, in billionths of its unit: a cent, a yen."""
    nanos: int = NANOS_PER_UNIT // 10 ** decimals(currency_code)
    return nanos


def from_decimal(currency_code: str, amount: Decimal) -> pb.Money:
    """The amount cut (towards zero) to the currency's smallest unit.

    Raises:
        InvalidRequest: the amount does not fit 64-bit units.
    """
    smallest = smallest_nanos(currency_code)
    count = int(_EXACT.multiply(amount, Decimal(NANOS_PER_UNIT // smallest)).to_integral_value(ROUND_DOWN))
    return from_nanos(currency_code, count * smallest)


def converted(money: pb.Money, to_code: str, from_rate: Decimal, to_rate: Decimal) -> pb.Money:
    """`money` in another currency, cut to its smallest unit; both rates are units per euro.

    Raises:
        InvalidRequest: the amount is malformed or the result too large.
    """
    nanos = Decimal(nanos_of(money))
    product = _EXACT.multiply(nanos, to_rate)
    return from_decimal(to_code, _EXACT.divide(product, _EXACT.multiply(from_rate, Decimal(NANOS_PER_UNIT))))


def shown(money: pb.Money) -> str:
    """`USD 67.99`, `JPY 7600`: code, space, units, and the digits that the currency has; others are cut."""
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    digits = decimals(money.currency_code)
    fraction = abs(money.nanos) // smallest_nanos(money.currency_code)
    return f"{money.currency_code} {sign}{abs(money.units)}" + (f".{fraction:0{digits}d}" if digits else "")
