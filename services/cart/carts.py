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


@dataclass(frozen=True, slots=True)
class LostConnections:
    """The fault of a caller whose statements do not give their database connection back.

    Its statements share a pool of `connections`; who waits `wait_ms` gets one that was lost.
    """

    connections: int
    wait_ms: float


class Carts(Protocol):
    """A store of carts by user id. What `add` and `empty` changed is durable when they return.

    Every method raises Unavailable when the store cannot be reached, is full or locked, or has no free
    connection.
    `lost` is a fault of the caller, where the store can have it.
    """

    def add(self, user_id: str, line: CartLine, lost: LostConnections | None = None) -> None:
        """Add a line; quantities of the same product add up. Raises InvalidRequest above MAX_QUANTITY."""

    def lines(
        self, user_id: str, slow_ms: float = 0.0, lost: LostConnections | None = None
    ) -> Sequence[CartLine]:
        """The cart's lines in the order of addition; empty for a user without a cart.

        The database takes `slow_ms` longer, where it can be made to.
        """

    def empty(self, user_id: str, lost: LostConnections | None = None) -> None:
        """Remove all lines."""

    def healthy(self) -> bool:
        """Whether the store answers. Makes no span."""

    def close(self) -> None:
        """Close files and connections."""
