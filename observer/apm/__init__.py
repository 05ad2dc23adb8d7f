"""The APM area: service map, services, Tag Spotlight, traces and the waterfall, the dialog over a session.

Views ask the store, pure modules make view-models, templates in templates/apm place
them. Knows no service by name.
"""

from __future__ import annotations

from observer.apm import search as search, services as services, spotlight as spotlight, traces as traces
from observer.apm.blueprint import blueprint as blueprint

__all__ = ["blueprint"]
