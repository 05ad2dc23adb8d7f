"""Whether rules are evaluated, and how many alerts fire, for pages and the API; never an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerting import AlertCounts, AlertError, AlertFile

STATES: Final = ("running", "late", "away", "never", "not kept", "unreadable")
NOT_KEPT: Final = "No rules are evaluated here: no process of alerts runs beside these screens."


@dataclass(frozen=True, slots=True)
class AlertingState:
    """What the file of alerts says."""

    state: str
    """One of `STATES`."""
    last_pass_unix_nano: int | None
    interval_ns: int
    rules: int
    message: str
    counts: AlertCounts

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return self.counts.firing


def alerting_state(alert_file: AlertFile | None, now_unix_nano: int) -> AlertingState:
    """The state that a file of alerts tells."""
    if alert_file is None:
        return AlertingState("not kept", None, 0, 0, NOT_KEPT, AlertCounts())
    try:
        found = alert_file.evaluator(now_unix_nano)
        counts = alert_file.counts(now_unix_nano)
    except AlertError as error:
        return AlertingState("unreadable", None, 0, 0, f"{error} {error.remedy}", AlertCounts())
    return AlertingState(
        found.state, found.last_pass_unix_nano, found.interval_ns, found.rules, found.message, counts
    )
