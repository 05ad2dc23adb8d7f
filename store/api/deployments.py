"""The contract for reading deployment events."""

from __future__ import annotations

from typing import Protocol

from signals.deployments import Deployment
from store.queries import Page, Window


class DeploymentReader(Protocol):
    """Deployment events: what was released or changed, and when."""

    def deployments(self, window: Window, limit: int = 200) -> Page[Deployment]:
        """The deployment events of a window, newest first; `truncated` if older ones were left out.

        Which log records are such events is decided in `signals.deployments`, when they are
        written. Cost: that of the events that are returned, not of the logs of the window.
        """
