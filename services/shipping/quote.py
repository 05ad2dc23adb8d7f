"""The price of a shipment and its tracking id. Pure: no server, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from string import ascii_uppercase

from protos import hipstershop_pb2 as pb
from services.common import money
from services.common.errors import InvalidRequest

# The formula grows threefold every five items, to 177,000 USD for fifty. Many things go in several parcels.
ITEMS_PER_PARCEL = 10


def total_quantity(items: Iterable[pb.CartItem]) -> int:
    """The number of items to ship.

    Raises:
        InvalidRequest: a line has a negative quantity.
    """
    total = 0
    for item in items:
        if item.quantity < 0:
            raise InvalidRequest(f"quantity {item.quantity} of {item.product_id[:40]!r} is less than 0")
        total += item.quantity
    return total


def _parcel_usd(count: int) -> Decimal:
    return count + Decimal(3) ** (1 + Decimal(count) / 5) if count else Decimal(0)


def cost(count: int) -> pb.Money:
    """The price in USD of shipping `count` items: n + 3^(1 + n/5) per parcel, truncated to the cent."""
    full, rest = divmod(count, ITEMS_PER_PARCEL)
    return money.from_decimal("USD", full * _parcel_usd(ITEMS_PER_PARCEL) + _parcel_usd(rest))


def tracking_id(address: pb.Address, chance: Random) -> str:
    """`AB-<length of the address><3 digits>-<half the length><7 digits>`."""
    text = f"{address.street_address}, {address.city}, {address.state}"
    letters = "".join(chance.choice(ascii_uppercase) for _ in range(2))
    first, second = chance.randrange(1000), chance.randrange(10_000_000)
    return f"{letters}-{len(text)}{first:03d}-{len(text) // 2}{second:07d}"
