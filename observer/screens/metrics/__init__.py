"""Metrics: the list of what there is, and one metric over time.

`list_routes` and `metric_routes` read the request, ask the store and render; the view-models are pure. No
metric, service or attribute is known by name.
"""

from __future__ import annotations

from observer.screens.metrics import list_routes, metric_routes, metric_updates
from observer.screens.metrics.blueprint import blueprint

ROUTES = (list_routes, metric_updates, metric_routes)
"""Importing a module of routes registers its addresses with the blueprint."""

__all__ = ["ROUTES", "blueprint"]
