"""Alerts as bands of the charts over time, and the same in words below them. Asked once for each page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final
from urllib.parse import quote

from flask import g

from alerting import Alert, AlertError, AlertQuery, Signal
from observer.components import time_format
from observer.components.alert_words import alert_words
from observer.drawing.alert_bands import Band
from observer.drawing.event_marks import EventMarks
from observer.request import context
from observer.request.links import scoped
from observer.request.page_request import current_scope, zone as reader_zone
from store.api import Window

_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class AlertsHere:
    """The alerts of a window."""

    bands: tuple[Band, ...] = ()
    """In the order of their begin."""
    more: bool = False
    """Whether there are others that are not shown."""


NOWHERE: Final = AlertsHere()


def alert_path(alert_id: str) -> str:
    """The path of an alert's page."""
    return f"/alerts/{quote(alert_id, safe='')}"


def with_alerts(events: EventMarks, window: Window, zone: tzinfo) -> EventMarks:
    """These marks and the alerts of the window as bands."""
    return replace(events, bands=alerts_in(window, zone).bands)


def alerts_here() -> AlertsHere:
    """The alerts of the page's time range."""
    return alerts_in(current_scope().window, reader_zone())


def alerts_in(window: Window, zone: tzinfo) -> AlertsHere:
    """The alerts that fired in a window; none where their file cannot be read, which the header says."""
    kept: dict[Window, AlertsHere] = g.setdefault("alert_bands", {})
    if window not in kept:
        kept[window] = _load(window, zone)
    return kept[window]


def _load(window: Window, zone: tzinfo) -> AlertsHere:
    file = context.alert_file()
    if file is None:
        return NOWHERE
    now = context.now_unix_nano()
    query = AlertQuery(
        states=frozenset(("firing", "resolved")),
        from_unix_nano=window.from_unix_nano,
        to_unix_nano=window.to_unix_nano,
        limit=_MOST,
    )
    try:
        found, more = file.alerts(query, now)
        if not found:
            return NOWHERE
        signals = {each.name: each.rule.signal for each in file.detectors(now) if each.rule}
    except AlertError:
        return NOWHERE
    bands = [band_of(alert, signals.get(alert.detector), zone) for alert in found]
    return AlertsHere(tuple(sorted(bands, key=lambda band: band.from_unix_nano)), more)


def band_of(alert: Alert, signal: Signal | None, zone: tzinfo) -> Band:
    """An alert as a band, with its words and the way to it."""
    begin = time_format.stamp(alert.started_unix_nano, zone)
    end = (
        f"to {time_format.stamp(alert.ended_unix_nano, zone)}"
        if alert.ended_unix_nano is not None
        else "until now"
    )
    return Band(
        alert.started_unix_nano,
        alert.ended_unix_nano,
        f"Alert, {alert.severity}, {begin} {end}: {alert_words(alert, signal)}",
        scoped(alert_path(alert.alert_id)),
        alert.severity,
    )
