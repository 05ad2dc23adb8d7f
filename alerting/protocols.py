"""What the screens and the API may ask of alerts, and what people may do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from alerting.model import (
    Alert,
    AlertCounts,
    AlertQuery,
    Detector,
    EvaluatorState,
    Silence,
    Transition,
)


class AlertReader(Protocol):
    """Alerts, rules with their states, and the evaluator. Cost: a few indexed rows; no telemetry is read.

    Safe to call from many threads. Every method raises AlertError when the file fails.
    """

    def alerts(self, query: AlertQuery, now_unix_nano: int) -> tuple[Sequence[Alert], bool]:
        """Alerts that match: firing ones first, then pending, then resolved, each newest begin first.

        True if there are more than `query.limit`. Pending alerts that never fired are forgotten when
        their condition ends. `now_unix_nano` decides which silences are in force.
        """

    def alert(self, alert_id: str, now_unix_nano: int) -> Alert | None:
        """One alert. The id of one that was joined to a flapping alert leads to that one."""

    def history(self, alert_id: str, limit: int = 200) -> Sequence[Transition]:
        """Changes of an alert, oldest first; the newest `limit` of them."""

    def counts(self, now_unix_nano: int) -> AlertCounts:
        """How many alerts are open. Meant for every page: one short question."""

    def detectors(self, now_unix_nano: int) -> Sequence[Detector]:
        """Every rule by name, those too whose file cannot be used; without those that were deleted."""

    def detector(self, name: str, now_unix_nano: int) -> Detector | None:
        """One rule; a deleted one too, as long as an alert of it is kept."""

    def silences(self, now_unix_nano: int) -> Sequence[Silence]:
        """Silences in force, by rule and end."""

    def evaluator(self, now_unix_nano: int) -> EvaluatorState:
        """Whether rules are evaluated."""


class AlertWriter(Protocol):
    """What people do to alerts. Every method is one transaction and raises AlertError when the file fails."""

    def acknowledge(self, alert_id: str, by: str, note: str, at_unix_nano: int) -> Alert | None:
        """Note who has seen an open alert; a second acknowledgement replaces the first.

        Returns the alert, or None where there is none. A resolved alert is left as it is.
        """

    def silence(
        self,
        detector: str,
        until_unix_nano: int,
        by: str,
        note: str,
        at_unix_nano: int,
        labels: Mapping[str, str] | None = None,
    ) -> Silence:
        """Do not send alerts of a rule with all of these labels until a time."""

    def end_silence(self, silence_id: int, at_unix_nano: int) -> bool:
        """End one silence now; returns whether it was in force."""
