"""The class: who sits where, how far each seat is, and what the instructor did.

Owns one SQLite file beside the telemetry, which survives a restart of the lab. Knows neither the shop, nor
the telemetry, nor HTTP: the observer writes what seats did, the lab's control process what the desk did.
"""

from __future__ import annotations

from classroom.codes import normalized_code
from classroom.model import (
    ALL_SEATS,
    Action,
    Answer,
    ClassFacts,
    Mark,
    MarkKind,
    Message,
    Repair,
    Seat,
    SeatFault,
)
from classroom.roster import MOST_SEATS, RosterError, names_in, numbered_names
from classroom.store import ClassError, ClassStore

__all__ = [
    "ALL_SEATS",
    "MOST_SEATS",
    "Action",
    "Answer",
    "ClassError",
    "ClassFacts",
    "ClassStore",
    "Mark",
    "MarkKind",
    "Message",
    "Repair",
    "RosterError",
    "Seat",
    "SeatFault",
    "names_in",
    "normalized_code",
    "numbered_names",
]
