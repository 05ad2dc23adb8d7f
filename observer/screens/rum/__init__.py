"""The RUM area: the overview, Tag Spotlight, the list of sessions, one session.

Routes ask the store, pure modules make view-models, templates in templates/rum place
them. Knows no application, page or seat by name.
"""

from __future__ import annotations

from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.overview import routes as overview_routes
from observer.screens.rum.session import routes as session_routes
from observer.screens.rum.sessions import routes as sessions_routes

ROUTES = (overview_routes, session_routes, sessions_routes)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
