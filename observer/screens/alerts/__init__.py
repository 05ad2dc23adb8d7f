"""Alerts: those that are open and those that ended, the rules that make them, one alert in full.

`list_routes.py` and `alert_routes.py` ask, `alert_list.py` and `alert_page.py` are the pure view-models,
`actions.py` acknowledges and silences.
"""

from __future__ import annotations

from observer.screens.alerts import actions, alert_routes, badge, list_routes
from observer.screens.alerts.blueprint import blueprint

ROUTES = (list_routes, alert_routes, actions, badge)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
