"""The RUM area: the overview, Tag Spotlight, the list of sessions, one session.

One folder per screen: `routes` reads the request, queries the store and renders, `view`
builds the view-model, templates/rum place it. No application, page or seat is known by name.
"""

from __future__ import annotations

from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.overview import routes as overview_routes
from observer.screens.rum.session import routes as session_routes
from observer.screens.rum.sessions import routes as sessions_routes
from observer.screens.rum.spotlight import routes as spotlight_routes

ROUTES = (overview_routes, spotlight_routes, sessions_routes, session_routes)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
