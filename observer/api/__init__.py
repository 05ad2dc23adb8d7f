"""The JSON API under /api/v1: the numbers of every screen, and its OpenAPI document; Jaeger's query API."""

from __future__ import annotations

from observer.api import (
    alert_routes,
    apm_routes,
    change_routes,
    class_routes,
    coverage_routes,
    desk_routes,
    exam_routes,
    exemplar_routes,
    general_routes,
    jaeger_routes,
    logs_routes,
    metrics_routes,
    rum_routes,
)
from observer.api.routing import blueprint

ROUTES = (
    alert_routes,
    apm_routes,
    change_routes,
    class_routes,
    coverage_routes,
    desk_routes,
    exam_routes,
    exemplar_routes,
    general_routes,
    logs_routes,
    metrics_routes,
    rum_routes,
)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint", "jaeger_routes"]
