"""What the page of alerts asks the file of alerts, by the filters of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alerting import SEVERITIES, Alert, AlertFile, AlertQuery, Detector, Severity
from observer.request.parameters import Query
from observer.screens.alerts.alert_list import Loaded
from store.api import Window

STATES: Final[Mapping[str, str]] = {
    "firing": "Firing",
    "pending": "Pending",
    "no_data": "No data",
    "resolved": "Ended",
}
_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters of an address; an empty text means any."""

    state: str
    severity: str
    detector: str

    @property
    def is_any(self) -> bool:
        """Whether nothing is filtered."""
        return not (self.state or self.severity or self.detector)

    @property
    def severities(self) -> frozenset[Severity]:
        """As a query takes them."""
        return frozenset(each for each in SEVERITIES if each == self.severity)


def chosen_by(query: Query) -> Chosen:
    """The filters. Raises Malformed."""
    return Chosen(
        query.choice("state", tuple(STATES)) or "",
        query.choice("severity", SEVERITIES) or "",
        query.text("detector") or "",
    )


def load(file: AlertFile, chosen: Chosen, window: Window, now: int) -> Loaded:
    """Alerts and rules that fit: open ones at any time, ended ones of the window. Raises AlertError."""
    opened, more = _open(file, chosen, now)
    ended, more_ended = _ended(file, chosen, window, now)
    every = file.detectors(now)
    fitting = [each for each in every if _fits(each, chosen)]
    return Loaded(opened, ended, more or more_ended, fitting, every, file.evaluator(now))


def _open(file: AlertFile, chosen: Chosen, now: int) -> tuple[list[Alert], bool]:
    if chosen.state == "resolved":
        return [], False
    wanted = AlertQuery(
        states=frozenset(each for each in ("firing", "pending") if chosen.state in ("", each)),
        no_data=chosen.state == "no_data",
        detector=chosen.detector,
        severities=chosen.severities,
        limit=_LIMIT,
    )
    found, more = file.alerts(wanted, now)
    return list(found), more


def _ended(file: AlertFile, chosen: Chosen, window: Window, now: int) -> tuple[list[Alert], bool]:
    if chosen.state not in ("", "resolved"):
        return [], False
    wanted = AlertQuery(
        states=frozenset(("resolved",)),
        from_unix_nano=window.from_unix_nano,
        to_unix_nano=window.to_unix_nano,
        detector=chosen.detector,
        severities=chosen.severities,
        limit=_LIMIT,
    )
    found, more = file.alerts(wanted, now)
    return list(found), more


def _fits(detector: Detector, chosen: Chosen) -> bool:
    severity = detector.rule.severity if detector.rule else ""
    return (
        chosen.detector in ("", detector.name)
        and chosen.severity in ("", severity)
        and (chosen.state in ("", "resolved") or detector.state == chosen.state)
    )
