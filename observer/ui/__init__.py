"""The design system: header, formats, hostile text, keys, theme, search, and the page of patterns.

Every area's templates extend `base.html`, which asks this package for what stands
around a page. Must not know what any area shows.
"""

from __future__ import annotations

from observer.ui.request import current_scope, filtered, here, scoped
from observer.ui.views import blueprint

__all__ = ["blueprint", "current_scope", "filtered", "here", "scoped"]
