"""Logs: search, count, read and follow what services said.

View-models are pure; `views` asks and places. A log is known by its own words and
ids alone: nothing here knows a service, a field or a message by name.
"""

from __future__ import annotations

from observer.screens.logs.routes import blueprint

__all__ = ["blueprint"]
