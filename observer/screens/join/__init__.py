"""Joining a class: a code gives a free seat, or gives one's own seat back."""

from __future__ import annotations

from observer.screens.join.routes import blueprint

__all__ = ["blueprint"]
