"""Every fault as data: its flags, the lesson that finds it, the checks of every step, the answer.

Knows no code of the shop, the screens or the lab; they read it through `load`, `load_all`,
`names`, `flagd_document`, the check language in `incidents.checks` and `incidents.answers`.
"""

from __future__ import annotations

from incidents.flagd_document import SeatState, flagd_document, flagd_json
from incidents.loading import load, load_all, names
from incidents.model import Check, FaultKind, Flag, Incident, IncidentQuestion, Release, Repair, Step
from incidents.reading import IncidentError

DEFAULT = "invalid-token"
"""The incident of a lab that is started without `--incident`."""

__all__ = [
    "DEFAULT",
    "Check",
    "FaultKind",
    "Flag",
    "Incident",
    "IncidentError",
    "IncidentQuestion",
    "Release",
    "Repair",
    "SeatState",
    "Step",
    "flagd_document",
    "flagd_json",
    "load",
    "load_all",
    "names",
]
