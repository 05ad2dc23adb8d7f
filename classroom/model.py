"""What is known of a class. Times are nanoseconds since the Unix epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

ALL_SEATS = ""
"""In a message or an action: every seat."""


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """The class as a whole. `join_code` gives a free seat, `passcode` opens the desk."""

    join_code: str
    passcode: str
    incident: str
    """The incident of every seat that has none of its own; empty before the first."""
    incident_since_unix_nano: int
    locked: bool
    """Whether explanations stay closed until the instructor opens them."""
    joining_open: bool = True
    """Whether the code of the class gives free seats. A seat's own link and code always hold."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A place on the roster. `slug` is the seat's name in telemetry and links, `name` the person's own."""

    slug: str
    name: str
    code: str
    """Gives this very seat again, to a student who lost the link."""
    position: int
    taken_unix_nano: int | None
    """When its link was first opened; None for a seat that is still free."""
    generation: int = 0
    """How often it was freed: its links and cookies are signed for one generation."""


class MarkKind(Enum):
    """What a seat did at a step of a lesson."""

    OPENED = "opened"
    """It opened the page that the step leads to."""
    ARRIVED = "arrived"
    """Its telemetry confirmed every check of the step."""
    EXPECTED = "expected"
    HINT = "hint"
    MEANING = "meaning"
    """It unfolded that text."""
    JUMPED = "jumped"
    """The instructor led it to the step."""
    SHOWN = "shown"
    """The instructor opened the text for it; at the end of the lesson, the explanation."""


EXPLANATION = "explanation"
"""Stands for the end of a lesson where marks name a step."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The first time that a seat did this at a step."""

    seat: str
    incident: str
    step: str
    kind: MarkKind
    at_unix_nano: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to an incident's question, and which of its parts were right."""

    seat: str
    incident: str
    at_unix_nano: int
    service: str
    tag: str
    kind: str
    evidence: str
    right: frozenset[str]
    """Of `service`, `tag`, `kind`, `evidence`: the parts that were right."""
    complete: bool
    """Whether every part that the question asks for was right."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair of an incident that is in force for one seat."""

    seat: str
    incident: str
    name: str
    at_unix_nano: int


@dataclass(frozen=True, slots=True)
class SeatFault:
    """The incident of one seat, since when it counts, and what of it is mended.

    `began_unix_nano` is the latest of: the incident began for all, it was given to this seat, the seat was
    reset.
    """

    seat: str
    incident: str
    began_unix_nano: int
    repaired: dict[str, int] = field(default_factory=dict)
    """The names of the repairs in force and since when."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """That an incident began, a repair came into force or was taken back. It never names the cause."""

    time_unix_nano: int
    kind: str
    """`incident`, `release`, `repair` or `break`."""
    repair: str = ""
    title: str = ""
    """What a repair or a release does, for people."""
    seat: str = ALL_SEATS
    """The only seat it concerns."""
    version: str = ""
    """What runs from then on, where that is announced by name."""


@dataclass(frozen=True, slots=True)
class Message:
    """A line from the instructor to one seat, or to all (`ALL_SEATS`)."""

    message_id: int
    seat: str
    text: str
    at_unix_nano: int


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of the log of what was done to the class."""

    action_id: int
    at_unix_nano: int
    actor: str
    """`desk`, `command line`, `game day`, or `seat NAME`."""
    action: str
    seats: str
    """The seats it concerns, separated by commas; `ALL_SEATS` for all."""
    detail: str
