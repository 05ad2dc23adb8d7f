"""The class: who sits where, how far each seat is, and what the instructor did.

Owns one SQLite file beside the telemetry, which survives a restart of the lab. Knows neither the shop, nor
the telemetry, nor HTTP: the observer writes what seats did, the lab's control process what the desk did.
"""

from __future__ import annotations

from classroom.codes import normalized_code
from classroom.model import (
    ALL_SEATS,
    EXPLANATION,
    Action,
    Answer,
    ClassFacts,
    Deployment,
    Mark,
    MarkKind,
    Message,
    Repair,
    Seat,
    SeatFault,
)
from classroom.plans import (
    EXAM,
    GAME_DAY,
    Exam,
    Schedule,
    ScheduledAction,
    exam,
    forget_hidden_deployments,
    hidden_deployments,
    hide_deployments,
    keep_exam,
    keep_schedule,
    schedule,
)
from classroom.roster import MOST_SEATS, RosterError, is_numbered, names_in, numbered_names
from classroom.scores import WRONG_ANSWER, Score, exam_scores
from classroom.seat_table import RosterChange
from classroom.store import ClassError, ClassStore

__all__ = [
    "ALL_SEATS",
    "EXAM",
    "EXPLANATION",
    "GAME_DAY",
    "MOST_SEATS",
    "WRONG_ANSWER",
    "Action",
    "Answer",
    "ClassError",
    "ClassFacts",
    "ClassStore",
    "Deployment",
    "Exam",
    "Mark",
    "MarkKind",
    "Message",
    "Repair",
    "RosterChange",
    "RosterError",
    "Schedule",
    "ScheduledAction",
    "Score",
    "Seat",
    "SeatFault",
    "exam",
    "exam_scores",
    "forget_hidden_deployments",
    "hidden_deployments",
    "hide_deployments",
    "is_numbered",
    "keep_exam",
    "keep_schedule",
    "names_in",
    "normalized_code",
    "numbered_names",
    "schedule",
]
