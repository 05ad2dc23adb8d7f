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
class AlertFilters:
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


def filters_of(query: Query) -> AlertFilters:
    """The filters. Raises Malformed."""
    return AlertFilters(
        query.choice("state", tuple(STATES)) or "",
        query.choice("severity", SEVERITIES) or "",
        query.text("detector") or "",
    )


def load(file: AlertFile, filters: AlertFilters, window: Window, now: int) -> Loaded:
    """Alerts and rules that fit: open ones at any time, ended ones of the window. Raises AlertError."""
    opened, more = _open(file, filters, now)
    ended, more_ended = _ended(file, filters, window, now)
    every = file.detectors(now)
    fitting = [each for each in every if _fits(each, filters)]
    return Loaded(opened, ended, more or more_ended, fitting, every, file.evaluator(now))


def _open(file: AlertFile, filters: AlertFilters, now: int) -> tuple[list[Alert], bool]:
    if filters.state == "resolved":
        return [], False
    query = AlertQuery(
        states=frozenset(each for each in ("firing", "pending") if filters.state in ("", each)),
        no_data=filters.state == "no_data",
        detector=filters.detector,
        severities=filters.severities,
        limit=_LIMIT,
    )
    found, more = file.alerts(query, now)
    return list(found), more


def _ended(file: AlertFile, filters: AlertFilters, window: Window, now: int) -> tuple[list[Alert], bool]:
    if filters.state not in ("", "resolved"):
        return [], False
    query = AlertQuery(
        states=frozenset(("resolved",)),
        from_unix_nano=window.from_unix_nano,
        to_unix_nano=window.to_unix_nano,
        detector=filters.detector,
        severities=filters.severities,
        limit=_LIMIT,
    )
    found, more = file.alerts(query, now)
    return list(found), more


def _fits(detector: Detector, filters: AlertFilters) -> bool:
    severity = detector.rule.severity if detector.rule else ""
    return (
        filters.detector in ("", detector.name)
        and filters.severity in ("", severity)
        and (filters.state in ("", "resolved") or detector.state == filters.state)
    )
