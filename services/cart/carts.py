"""What every store of carts promises, and the limits of a cart. No engine here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_OF_ONE = 2**31 - 1
# The cookie that names a shopper lives as long; nobody can come back for an older cart.
KEPT_S = 48 * 3600


@dataclass(frozen=True, slots=True)
class Line:
    """One product in a cart and how many of it."""

    product_id: str
    quantity: int


class Carts(Protocol):
    """A store of carts by user id. What `add` and `empty` did when they return outlives the process.

    Every method raises `Unavailable` when the store is away, full or locked.
    """

    def add(self, user_id: str, line: Line) -> None:
        """Put a line in; the same product's quantities add up. `InvalidRequest` beyond a cart's limits."""

    def lines(self, user_id: str) -> Sequence[Line]:
        """The cart's lines, the first put in first; none for a user without a cart."""

    def empty(self, user_id: str) -> None:
        """Take everything out; nothing happens to a cart that is empty."""

    def healthy(self) -> bool:
        """Whether the store answers now. Not traced."""

    def close(self) -> None:
        """Let go of files and connections."""
