"""The interface through which a supervisor reports progress and events."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives progress and events, for display or for a log."""

    def progress(self, text: str) -> None:
        """Report the current step while starting."""

    def event(self, text: str) -> None:
        """Report an event worth a line, at any time."""

    def ready(self, seconds: float, detail: str) -> None:
        """Report that the lab is ready, `seconds` after the command was given."""
