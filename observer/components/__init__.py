"""The design system: page header, formats, safe text, keyboard, tables, and the page of patterns.

`base.html` and the templates of every screen use it. Must not know what any screen shows.
"""

from __future__ import annotations

from observer.components.routes import blueprint

__all__ = ["blueprint"]
