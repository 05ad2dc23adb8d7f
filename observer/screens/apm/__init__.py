"""The APM area: service map, services, Tag Spotlight, trace search, one trace, the dialog over a session.

Each screen is a folder: `routes.py` reads the request and asks the store, `view.py` makes the
view-model, a template in templates/apm places it. Knows no service by name.
"""

from __future__ import annotations

from observer.screens.apm import metric_place
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.dialog import routes as dialog_routes
from observer.screens.apm.service import routes as service_routes
from observer.screens.apm.service_map import routes as map_routes
from observer.screens.apm.services import routes as services_routes
from observer.screens.apm.spotlight import routes as spotlight_routes
from observer.screens.apm.trace import routes as trace_routes
from observer.screens.apm.traces import routes as traces_routes

ROUTES = (
    map_routes,
    services_routes,
    service_routes,
    spotlight_routes,
    traces_routes,
    trace_routes,
    dialog_routes,
    metric_place,
)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
