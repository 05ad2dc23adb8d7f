"""The argument of an address that names the operation by which an incident is measured."""

from __future__ import annotations

from typing import Final

from observer.request.parameters import Query
from store.api import Operation

ARGUMENT: Final = "key"
"""Its value: a service, a colon and an operation; in the service a colon is written %3A."""


def chosen_operation(query: Query) -> Operation | None:
    """The operation that the address names; None without one. Raises Malformed."""
    pairs = query.attribute_pairs(ARGUMENT)
    return Operation(*pairs[-1]) if pairs else None
