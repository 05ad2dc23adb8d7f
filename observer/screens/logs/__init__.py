"""Logs: search, count, read and follow logs.

`routes` reads the request, queries the store and renders; the view-models are pure. No service,
field or message is known by name.
"""

from __future__ import annotations

from observer.screens.logs.routes import blueprint

__all__ = ["blueprint"]
