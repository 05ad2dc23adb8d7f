"""The badge of alerts in every page's header, which keeps itself current."""

from __future__ import annotations

from flask import Response, render_template, request

from observer.components.alert_bands import alerts_here
from observer.components.open_alerts import alert_badge
from observer.screens.alerts.blueprint import blueprint

blueprint.add_app_template_global(alert_badge, "alert_badge")
blueprint.add_app_template_global(alerts_here, "alerts_here")


@blueprint.get("/-/alerts")
def current_badge() -> Response:
    """The badge, if the asking page shows another one; else 204."""
    found = alert_badge()
    if found.mark == request.args.get("mark"):
        return Response(status=204)
    return Response(render_template("alerts/_badge.html", badge=found))
