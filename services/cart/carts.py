"""The interface of a store of carts, and the limits of a cart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_QUANTITY = 2**31 - 1
# The cookie that identifies a shopper lives as long: an older cart cannot be reached again.
KEPT_S = 48 * 3600


@dataclass(frozen=True, slots=True)
class CartLine:
    """One product in a cart and how many of it."""

    product_id: str
    quantity: int


class Carts(Protocol):
    """A store of carts by user id. What `add` and `empty` changed is durable when they return.

    Every method raises Unavailable when the store cannot be reached, is full or locked.
    """

    def add(self, user_id: str, line: CartLine) -> None:
        """Add a line; quantities of the same product add up. Raises InvalidRequest above MAX_QUANTITY."""

    def lines(self, user_id: str, slow_ms: float = 0.0) -> Sequence[CartLine]:
        """The cart's lines in the order of addition; empty for a user without a cart.

        The database takes `slow_ms` longer, where it can be made to.
        """

    def empty(self, user_id: str) -> None:
        """Remove all lines."""

    def healthy(self) -> bool:
        """Whether the store answers. Makes no span."""

    def close(self) -> None:
        """Close files and connections."""
