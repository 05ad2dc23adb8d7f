"""Why a RUM screen has nothing to show. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components.number_format import plural
from store.api import StoreStatus


@dataclass(frozen=True, slots=True)
class NoData:
    """What the store holds outside of what a screen asked for."""

    sessions: str
    """`12 sessions`; empty where no browser has reported yet."""
    newest_unix_nano: int | None
    """The time of the newest telemetry of any kind."""


def no_data(status: StoreStatus) -> NoData:
    """The explanation that an empty screen gives."""
    return NoData(plural(status.sessions, "session") if status.sessions else "", status.newest_unix_nano)
