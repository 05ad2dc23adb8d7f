"""RUM: what browsers saw. Overview, Tag Spotlight, sessions, one session's waterfall.

View-models are pure functions over the store's answers; `views` asks and places.
Knows no application, page or seat by name.
"""

from __future__ import annotations

from observer.rum import (
    aggregates as aggregates,  # their addresses join the blueprint
    sessionpage as sessionpage,
    views as views,
)
from observer.rum.blueprint import blueprint

__all__ = ["blueprint"]
