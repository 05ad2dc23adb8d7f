"""What the instructor must know after leading seats to a step. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from observer.lookup.class_seats import ClassSeat

JUMP = "jump"
_NAMED = 5


def notes(seats: Sequence[ClassSeat], chosen: Collection[str] | None) -> tuple[str, ...]:
    """A sentence on those of the chosen seats (None: all) without an order: their links lead nowhere yet."""
    without = [
        seat.name
        for seat in seats
        if (chosen is None or seat.seat in chosen) and not seat.orders and seat.led_number != 1
    ]
    if not without:
        return ()
    more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
    have = "has" if len(without) == 1 else "have"
    who = f"{', '.join(name[:40] for name in without[:_NAMED])}{more}"
    return (f"{who} {have} no order yet: the links of later steps appear with one. Order first.",)
