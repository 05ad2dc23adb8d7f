"""The deployment events that a reader of the screens is shown."""

from __future__ import annotations

from typing import Final

from signals.deployments import INSTRUCTOR
from store.api import Deployment, Page, Reader, Window

LIMIT: Final = 100
"""Events that are marked on a chart, the newest: as many as can be told apart on a wide one."""


def visible(deployment: Deployment, *, for_instructor: bool) -> bool:
    """Whether the reader may see an event: what is for the instructor is hidden from everybody else."""
    return for_instructor or deployment.audience != INSTRUCTOR


def find_deployments(
    reader: Reader,
    window: Window,
    environment: str | None = None,
    limit: int = LIMIT,
    *,
    for_instructor: bool,
) -> Page[Deployment]:
    """The visible events of a window, newest first; with an environment, without those that name another one.

    `truncated` says that older ones were not read.
    """
    page = reader.deployments(window, limit)
    shown = [
        one
        for one in page.items
        if visible(one, for_instructor=for_instructor)
        and (not environment or one.environment in ("", environment))
    ]
    return Page(shown, None, page.truncated)
