"""The APM area: service map, services, Tag Spotlight, trace search, one trace, the dialog over a session.

Routes ask the store, pure modules make view-models, templates in templates/apm place
them. Knows no service by name.
"""

from __future__ import annotations

from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.services import routes as services_routes
from observer.screens.apm.spotlight import routes as spotlight_routes
from observer.screens.apm.trace import routes as trace_routes
from observer.screens.apm.traces import routes as traces_routes

ROUTES = (services_routes, spotlight_routes, trace_routes, traces_routes)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
