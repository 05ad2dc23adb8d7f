"""Every fault as data: its flags, the lesson that finds it, the checks of every step, the answer.

Knows no code of the shop, the screens or the lab; they read it through `load`,
`names`, `flagd_document` and the check language in `incidents.checks`.
"""

from __future__ import annotations

from incidents.flagd_document import flagd_document, flagd_json
from incidents.loading import load, names
from incidents.model import Check, Flag, Incident, Step
from incidents.reading import IncidentError

DEFAULT = "invalid-token"
"""The incident of a lab that is started without `--incident`."""

__all__ = [
    "DEFAULT",
    "Check",
    "Flag",
    "Incident",
    "IncidentError",
    "Step",
    "flagd_document",
    "flagd_json",
    "load",
    "names",
]
