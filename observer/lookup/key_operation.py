"""The operation by which an incident is measured: a shop's orders, a hotel's bookings, whatever fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from store.api import Affected, Measure, Operation, Reader, Window

_OFFERED: Final = 30
"""Operations of a choice."""


@dataclass(frozen=True, slots=True)
class KeyOperation:
    """The operation, how it was found, and the others that can be chosen instead."""

    of: Operation | None
    """None where nothing was chosen or configured, and nothing failed."""
    why: str
    """How it was found, in words."""
    offered: tuple[Operation, ...]
    found: Affected | None
    """Who met its failures; None without an operation."""


def key_operation(
    reader: Reader,
    window: Window,
    environment: str | None,
    configured: Sequence[Operation],
    chosen: Operation | None,
    measures: Mapping[Operation, Measure] | None = None,
) -> KeyOperation:
    """The chosen one; else the first configured one that has requests; else that with most failures.

    `measures` are offered, too, most requests first.
    """
    ranked = reader.failing_operations(window, environment)
    failing = [one.of for one in ranked]
    busiest = sorted((measures or {}).items(), key=lambda one: (-one[1].errors, -one[1].requests, one[0]))
    known = [*configured, *failing, *(of for of, _ in busiest)]
    offered = tuple(dict.fromkeys([*([chosen] if chosen else []), *known]))[:_OFFERED]
    if chosen is not None:
        return KeyOperation(chosen, "chosen here", offered, _affected(reader, chosen, window, environment))
    for of in configured:
        found = _affected(reader, of, window, environment)
        if found.real.requests or found.synthetic.requests:
            return KeyOperation(of, "by the setting KEY_OPERATIONS", offered, found)
    if failing:
        met = "that people meet" if ranked[0].real else "of synthetic traffic: people met none"
        why = f"the operation with the most errors {met}"
        return KeyOperation(failing[0], why, offered, _affected(reader, failing[0], window, environment))
    return KeyOperation(None, "", offered, None)


def _affected(reader: Reader, of: Operation, window: Window, environment: str | None) -> Affected:
    return reader.affected(of.service, window, operation=of.operation, environment=environment, amounts=True)
