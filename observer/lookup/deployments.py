"""The deployment events that a reader of the screens is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import classroom
from store.api import Deployment, Page, Reader, Window

LIMIT: Final = 100
"""Events that are marked on a chart, the newest: as many as a wide one keeps apart."""
_LOOKED_THROUGH: Final = 1_000
"""Events among which those of one seat are looked for: thirty seats repair and break again all evening."""
_HIDDEN_BODY: Final = "Hidden from the class."


def find_deployments(
    reader: Reader,
    window: Window,
    environment: str | None = None,
    limit: int = LIMIT,
    *,
    hidden: Sequence[classroom.Deployment],
    for_seat: str | None = None,
) -> Page[Deployment]:
    """The events of a window, newest first; with an environment, without those that name another one.

    With `for_seat` without those of other seats: for a seat, which may be empty, only what concerns all and
    itself.

    `hidden` are deployments that the class must not see yet and this reader may: they have no log record.
    One that was sent meanwhile, of the same time and seat, counts once. `truncated` says that older ones
    were left out.
    """
    page = reader.deployments(window, limit if for_seat is None else max(limit, _LOOKED_THROUGH))
    sent = {(one.time_unix_nano, one.seat) for one in page.items}
    unsent = [
        _of_hidden(one)
        for one in hidden
        if window.from_unix_nano <= one.time_unix_nano < window.to_unix_nano
        and (one.time_unix_nano, one.seat) not in sent
    ]
    found = sorted([*page.items, *unsent], key=lambda one: one.time_unix_nano, reverse=True)
    if for_seat is not None:
        found = [one for one in found if one.seat in ("", for_seat)]
    shown = [one for one in found[:limit] if not environment or one.environment in ("", environment)]
    return Page(shown, None, page.truncated or len(found) > limit)


def _of_hidden(one: classroom.Deployment) -> Deployment:
    return Deployment(
        log_id="",
        time_unix_nano=one.time_unix_nano,
        event="deployment",
        name=one.title or one.kind,
        deployment_id="",
        service="",
        version="",
        status="",
        environment="",
        seat=one.seat,
        body=_HIDDEN_BODY,
    )
