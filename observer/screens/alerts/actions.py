"""What people do to alerts: acknowledge, silence, end a silence. For the desk, or at the machine alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from alerting import Alert, AlertFile
from observer.request import context
from observer.request.desk_session import desk_only
from observer.request.errors import Malformed, Unavailable, Unknown, shortened
from observer.request.responses import redirect_within
from observer.screens.alerts.blueprint import blueprint
from runtime.installation import COMMAND

DURATIONS_MIN: Final[Mapping[str, str]] = {
    "15": "15 minutes",
    "60": "1 hour",
    "240": "4 hours",
    "1440": "1 day",
    "10080": "1 week",
}
_MINUTE_NS: Final = 60 * 10**9
_DESK: Final = "desk"
_MACHINE: Final = "somebody at this machine"


@blueprint.post("/alerts/<alert_id>/acknowledge")
@desk_only
def acknowledge(alert_id: str) -> Response:
    """Note who has seen an alert."""
    found = _file().acknowledge(alert_id, _by(), request.form.get("note", ""), context.now_unix_nano())
    if found is None:
        raise unknown_alert(alert_id)
    return _back()


@blueprint.post("/alerts/<alert_id>/silence")
@desk_only
def silence_alert(alert_id: str) -> Response:
    """Send nothing of an alert, or of its whole rule, for a while."""
    file, now = _file(), context.now_unix_nano()
    found = file.alert(alert_id, now)
    if found is None:
        raise unknown_alert(alert_id)
    _silence(file, found.detector, labels_to_silence(found), now)
    return _back()


@blueprint.post("/detectors/<name>/silence")
@desk_only
def silence_rule(name: str) -> Response:
    """Send nothing of a rule for a while."""
    file, now = _file(), context.now_unix_nano()
    if file.detector(name, now) is None:
        raise Unknown(
            f"There is no rule {shortened(name)!r}.", "The page of alerts lists those that there are."
        )
    _silence(file, name, {}, now)
    return _back()


@blueprint.post("/silences/<int:silence_id>/end")
@desk_only
def end_silence(silence_id: int) -> Response:
    """Send alerts again that a silence held back."""
    _file().end_silence(min(silence_id, 2**63 - 1), context.now_unix_nano())
    return _back()


def labels_to_silence(alert: Alert) -> Mapping[str, str]:
    """The labels of a silence: those of the alert's group, or none where the whole rule was chosen."""
    return {} if request.form.get("whole") == "1" else dict(alert.group)


def unknown_alert(alert_id: str) -> Unknown:
    """The error of an id that no alert has."""
    return Unknown(
        f"There is no alert {shortened(alert_id)!r}.",
        "It may have been forgotten: the page of alerts lists those that there are.",
    )


def _silence(file: AlertFile, detector: str, labels: Mapping[str, str], now: int) -> None:
    minutes = request.form.get("minutes", "")
    if minutes not in DURATIONS_MIN:
        raise Malformed("There is no such length of a silence.", "Choose one of the list.")
    until = now + int(minutes) * _MINUTE_NS
    file.silence(detector, until, _by(), request.form.get("note", ""), now, labels)


def _by() -> str:
    given = request.form.get("by", "").strip()
    return given or (_DESK if context.settings().class_mode else _MACHINE)


def _back() -> Response:
    return redirect_within(request.form.get("next") or "/alerts", 303)


def _file() -> AlertFile:
    file = context.alert_file()
    if file is None:
        raise Unavailable(
            "No alerts are kept here: no process of alerts runs beside these screens.",
            f"Start the lab: `{COMMAND} up`.",
        )
    return file
