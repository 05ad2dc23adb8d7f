"""Home: the newest telemetry, where to send more, where to start; and the search by id."""

from __future__ import annotations

from observer.screens.home.routes import blueprint

__all__ = ["blueprint"]
