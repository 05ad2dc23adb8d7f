"""The design system: header, formats, hostile text, keys, theme, search, and the page of patterns.

Every area's templates extend `base.html`, which asks this package for what stands
around a page. Must not know what any area shows.
"""

from __future__ import annotations

from observer.components.routes import blueprint
from observer.request.page_request import current_scope, filtered, here, scoped

__all__ = ["blueprint", "current_scope", "filtered", "here", "scoped"]
