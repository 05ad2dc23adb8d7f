"""Home: what arrives now, where to send more, what to click first; and the search by id."""

from __future__ import annotations

from observer.home.views import blueprint

__all__ = ["blueprint"]
