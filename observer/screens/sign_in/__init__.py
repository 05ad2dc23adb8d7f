"""The way into the desk and out of it: the page that asks for the passcode."""

from __future__ import annotations

from observer.screens.sign_in.routes import blueprint

__all__ = ["blueprint"]
