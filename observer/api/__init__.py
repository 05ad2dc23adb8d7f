"""The JSON API under /api/v1: every screen's numbers, and an OpenAPI document that describes it."""

from __future__ import annotations

from observer.api import apm_routes, general_routes, logs_routes, rum_routes
from observer.api.routing import blueprint

ROUTES = (apm_routes, general_routes, logs_routes, rum_routes)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
