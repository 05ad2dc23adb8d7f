"""The instructor's page: every seat of a class, the flags that the shop runs, links for the class."""

from __future__ import annotations

from observer.screens.instructor.routes import blueprint

__all__ = ["blueprint"]
