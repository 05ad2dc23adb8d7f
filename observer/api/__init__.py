"""The JSON API under /api/v1: every screen's numbers, and an OpenAPI document that describes it."""

from __future__ import annotations

from observer.api import apm as apm, general as general, logs as logs, rum as rum
from observer.api.contract import blueprint as blueprint

__all__ = ["blueprint"]
