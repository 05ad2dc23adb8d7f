"""The desk: every seat of the class live, actions on the class, the sheet to print, the results."""

from __future__ import annotations

from observer.screens.desk.routes import blueprint

__all__ = ["blueprint"]
