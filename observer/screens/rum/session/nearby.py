"""What else may belong to a session whose requests link to no trace: what its seat did at that time. Pure.

Seat and time are no proof, as a link is: another visit of the same person fits, too. The screen says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.request.links import address
from observer.request.parameters import spell_attribute
from signals.attributes import SEAT
from store.api import SessionSummary

_MARGIN_NS = 5 * 10**9
"""Clocks of browser and services differ by this at most; a backend may go on after the last event."""
_NS_PER_MS = 10**6


@dataclass(frozen=True, slots=True)
class Nearby:
    """Searches by seat and time in place of links."""

    seat: str
    """Empty where the session names none: then the time alone is searched."""
    traces_address: str
    logs_address: str


def nearby(summary: SessionSummary, kept: Mapping[str, str]) -> Nearby:
    """The searches for a session. `kept` are arguments that every address keeps, without a time range."""
    seat = summary.attributes.get(SEAT, "")
    end = max(summary.last_seen_unix_nano, summary.start_unix_nano + summary.duration_ns)
    args = {
        **kept,
        "from": str(max(0, summary.start_unix_nano - _MARGIN_NS) // _NS_PER_MS),
        "to": str((end + _MARGIN_NS) // _NS_PER_MS),
        "attr": spell_attribute(SEAT, seat) if seat else "",
    }
    return Nearby(seat, address("/apm/traces", args), address("/logs", args))
