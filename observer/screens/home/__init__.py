"""Home: what arrives now, where to send more, what to click first; and the search by id."""

from __future__ import annotations

from observer.screens.home.routes import blueprint

__all__ = ["blueprint"]
