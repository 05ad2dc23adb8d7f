"""Who is shopping: the seat, tenant level and synthetic mark that travel with every call.

They travel as W3C baggage, set by the storefront alone (it is the edge: what
comes in from outside is dropped there), and are put as attributes on every span
and log of the request. What a seat's name may be and how its link is signed is
in `runtime.seats`. Knows neither pages nor cookies.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass

from opentelemetry import baggage, context as otel_context, trace
from opentelemetry.context import Context

from runtime.seats import is_of_the_lab

SEAT_KEY = "workshop.seat"
TENANT_KEY = "tenant.level"
SYNTHETIC_KEY = "user_agent.synthetic.type"
ATTRIBUTE_OF = {
    SEAT_KEY: "enduser.id",
    TENANT_KEY: "tenant.level",
    SYNTHETIC_KEY: "user_agent.synthetic.type",
}
TENANT_LEVELS = ("gold", "silver", "bronze")
SYNTHETIC_TYPE = "test"
SYNTHETIC_HEADER = "X-Synthetic"
PEOPLE = "people"
SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who a request belongs to; empty text means unknown.

    The lab's own proofs shop under seats that are nobody's: their telemetry says that it is of a test, while
    they meet the faults that people meet, which is what they prove.
    """

    seat: str = ""
    tenant_level: str = ""
    synthetic: bool = False
    """Declared by its sender; decides which faults it meets."""

    @property
    def traffic(self) -> str:
        """`people` or `synthetic`: the key that flags are chosen by."""
        return SYNTHETIC if self.synthetic else PEOPLE

    def attributes(self) -> dict[str, str]:
        """The span and log attributes of this shopper."""
        return {ATTRIBUTE_OF[key]: value for key, value in _entries(self)}


def _entries(shopper: Shopper) -> list[tuple[str, str]]:
    entries = [
        (SEAT_KEY, shopper.seat),
        (TENANT_KEY, shopper.tenant_level),
        (SYNTHETIC_KEY, SYNTHETIC_TYPE if shopper.synthetic or is_of_the_lab(shopper.seat) else ""),
    ]
    return [(key, value) for key, value in entries if value]


def enter(shopper: Shopper) -> Token[Context]:
    """Make `shopper` the one of the current context, in place of any that came in.

    Marks the current span too, which began before the shopper was known. Give
    the token to `leave` when the request ends.
    """
    context = baggage.clear()
    for key, value in _entries(shopper):
        context = baggage.set_baggage(key, value, context)
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(shopper.attributes())
    return otel_context.attach(context)


def leave(token: Token[Context]) -> None:
    """Undo `enter`."""
    otel_context.detach(token)


def current(context: Context | None = None) -> Shopper:
    """The shopper of the current (or the given) context."""
    entries = baggage.get_all(context)
    name = str(entries.get(SEAT_KEY, ""))
    return Shopper(
        seat=name,
        tenant_level=str(entries.get(TENANT_KEY, "")),
        synthetic=bool(entries.get(SYNTHETIC_KEY)) and not is_of_the_lab(name),
    )


def attributes(context: Context | None = None) -> Mapping[str, str]:
    """The attributes that the current (or the given) context's baggage puts on a span or log."""
    entries = baggage.get_all(context)
    if not entries:
        return entries  # type: ignore[return-value]  # empty: no value has any type
    return {name: str(entries[key]) for key, name in ATTRIBUTE_OF.items() if key in entries}
