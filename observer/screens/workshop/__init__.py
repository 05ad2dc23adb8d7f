"""The workshop: the lesson of an incident beside the telemetry of a seat that has arrived.

Knows incidents as data only. What telemetry cannot show, what a student read or
understood, is never claimed.
"""

from __future__ import annotations

from observer.screens.workshop.routes import blueprint

__all__ = ["blueprint"]
