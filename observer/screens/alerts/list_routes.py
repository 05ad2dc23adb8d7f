"""The page of alerts and rules, and the part of it that keeps itself current."""

from __future__ import annotations

from flask import Response, render_template, request

from alerting import SEVERITIES, AlertFile
from observer.components.alert_bands import alert_path
from observer.lookup.alerting_state import NOT_KEPT
from observer.request import context
from observer.request.desk_session import csrf_token, is_desk
from observer.request.links import here_at, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.alerts.actions import DURATIONS_MIN
from observer.screens.alerts.alert_list import AlertList, alert_list
from observer.screens.alerts.blueprint import blueprint
from observer.screens.alerts.loading import STATES, AlertFilters, filters_of, load

_CURRENT = "/-/alert-lists"


@blueprint.get("/alerts")
def alerts() -> str:
    """Open alerts, those that ended in the time range, and every rule."""
    filters = filters_of(Query(request.args, context.now_unix_nano()))
    file = context.alert_file()
    found = _view(file, filters) if file else None
    rule = next((each for each in found.detectors if each.name == filters.detector), None) if found else None
    return render_template(
        "alerts/list.html",
        view=found,
        not_kept=NOT_KEPT,
        states=STATES,
        severities=SEVERITIES,
        filters=filters,
        rule=rule,
        current_address=_current_address(found),
        may_act=is_desk(),
        csrf_token=csrf_token(),
        durations=DURATIONS_MIN,
    )


@blueprint.get(_CURRENT)
def current_lists() -> Response:
    """The lists, if the asking page shows others; else 204."""
    query = Query(request.args, context.now_unix_nano())
    filters, file = filters_of(query), context.alert_file()
    found = _view(file, filters) if file else None
    if found is None or found.mark == query.text("mark"):
        return Response(status=204)
    page = render_template(
        "alerts/_lists.html", view=found, filters=filters, current_address=_current_address(found)
    )
    return Response(page)


def _view(file: AlertFile, filters: AlertFilters) -> AlertList:
    loaded = load(file, filters, current_scope().window, context.now_unix_nano())
    return alert_list(loaded, lambda alert_id: scoped(alert_path(alert_id)))


def _current_address(found: AlertList | None) -> str:
    """Where the lists ask for themselves again; empty where the page is paused."""
    return here_at(_CURRENT, mark=found.mark) if found and current_scope().live else ""
