"""The workshop: an incident's lesson beside what has arrived of it, and the instructor's view of a class.

Knows incidents as data only. What telemetry cannot show, what somebody read or
understood, is never claimed.
"""

from __future__ import annotations

from observer.screens.workshop.routes import blueprint

__all__ = ["blueprint"]
