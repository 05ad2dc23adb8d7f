"""The page of one alert, and the part of it that keeps itself current."""

from __future__ import annotations

from flask import Response, render_template, request

from alerting import Alert, AlertFile, Rule, values_over_time
from observer.components.alert_bands import alert_path, band_of
from observer.components.deployment_marks import event_marks
from observer.drawing.event_marks import EventMarks
from observer.lookup.deployments import find_deployments
from observer.request import context
from observer.request.desk_session import csrf_token, hidden_from_class, is_desk, seat_of_events
from observer.request.links import address, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.alerts.actions import DURATIONS_MIN, unknown_alert
from observer.screens.alerts.alert_chart import AlertChart, alert_chart, chart_window, columns_of
from observer.screens.alerts.alert_page import AlertPage, Loaded, alert_page
from observer.screens.alerts.blueprint import blueprint
from observer.screens.alerts.leads import leads_of
from store.api import Reader, StoreError, Window

_CURRENT = "/-/alert"
_SETTLED_NS = 600 * 10**9
"""An alert that ended longer ago changes no more."""


@blueprint.get("/alerts/<path:alert_id>")
def alert(alert_id: str) -> str:
    """One alert."""
    page = _page(alert_id)
    return render_template(
        "alerts/alert.html",
        page=page,
        current_address=_current_address(page),
        may_act=is_desk(),
        csrf_token=csrf_token(),
        durations=DURATIONS_MIN,
        actions=alert_path(page.alert.alert_id),
    )


@blueprint.get(_CURRENT)
def current_alert() -> Response:
    """The changing part of the page of the alert `id`, if the asking page shows another; else 204."""
    query = Query(request.args, context.now_unix_nano())
    page = _page(query.text("id") or "")
    if page.mark == query.text("mark"):
        return Response(status=204)
    return Response(render_template("alerts/_alert.html", page=page, current_address=_current_address(page)))


def _current_address(page: AlertPage) -> str:
    ended = page.alert.ended_unix_nano
    if not current_scope().live or (ended is not None and context.now_unix_nano() - ended > _SETTLED_NS):
        return ""
    return address(_CURRENT, {"id": page.alert.alert_id, "mark": page.mark})


def _page(alert_id: str) -> AlertPage:
    file = context.alert_file()
    found = file.alert(alert_id, context.now_unix_nano()) if file else None
    if file is None or found is None:
        raise unknown_alert(alert_id)
    return _load(file, found)


def _load(file: AlertFile, found: Alert) -> AlertPage:
    now, reader = context.now_unix_nano(), context.reader()
    detector = file.detector(found.detector, now)
    rule = detector.rule if detector else None
    chart, no_chart = _chart(reader, found, rule, now)
    loaded = Loaded(
        alert=found,
        detector=detector,
        history=file.history(found.alert_id),
        evaluator=file.evaluator(now),
        chart=chart,
        no_chart=no_chart,
        leads=leads_of(reader, found, rule, now),
        now_unix_nano=now,
    )
    return alert_page(loaded, scoped(alert_path(found.alert_id)))


def _chart(reader: Reader, found: Alert, rule: Rule | None, now: int) -> tuple[AlertChart | None, str]:
    """The chart, or why there is none."""
    if rule is None:
        return None, "Its rule is gone, so that its value cannot be read again."
    window = chart_window(found, now)
    try:
        values = values_over_time(reader, rule, found.group, window, columns_of(window, rule))
        events = _events(reader, found, rule, window)
    except StoreError as error:
        return None, f"Its value cannot be read now: {error}"
    chart = alert_chart(found, rule, values, window, current_scope().zone, events)
    return chart, "" if chart else "The telemetry of that time is not in the store any more."


def _events(reader: Reader, found: Alert, rule: Rule, window: Window) -> EventMarks:
    """Deployments and changes of the time, and this alert as a band."""
    scope = current_scope()
    deployments = find_deployments(
        reader, window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    marks = event_marks(deployments, window, scope.zone, reader.changes(window, scope.environment))
    return EventMarks(marks.marks, marks.cut, (band_of(found, rule.signal, scope.zone),))
