"""Deployment events as marks of the charts over time. Pure but for the addresses of this request."""

from __future__ import annotations

from datetime import tzinfo

from observer.components import time_format
from observer.components.safe_text import plain
from observer.drawing.event_marks import EventMark, EventMarks
from observer.request.links import scoped
from observer.request.local_time import moment, time_text
from store.api import Deployment, Page, Window

_DAY_NS = 86_400 * 10**9
_PART = 48
"""Characters of each part of the words: they are the sender's, and may be long."""
_BODY = 90
_DESK = "/desk#plans"


def event_marks(found: Page[Deployment], window: Window, zone: tzinfo) -> EventMarks:
    """Marks of these events, each a link to its log record; to the desk where it is hidden and has none."""
    dated = window.duration_ns > _DAY_NS
    return EventMarks(
        tuple(
            EventMark(
                one.time_unix_nano,
                f"{_time(one.time_unix_nano, zone, dated=dated)} {deployment_words(one)}",
                scoped("/logs", log=one.log_id) if one.log_id else _DESK,
            )
            for one in found.items
        ),
        found.truncated,
    )


def _time(unix_nano: int, zone: tzinfo, *, dated: bool) -> str:
    return time_format.stamp(unix_nano, zone) if dated else time_text(moment(unix_nano, zone), exact=False)


def deployment_words(deployment: Deployment) -> str:
    """`paymentservice v350.10, release, finished, seat anna only: what the event says`."""
    of = deployment
    status = of.status or of.event.removeprefix("deployment").lstrip(".")
    parts = [
        " ".join(plain(part, _PART) for part in (of.service, of.version) if part),
        plain(of.name, _PART) if of.name != of.event else "",
        plain(status, _PART),
        f"in {plain(of.environment, _PART)}" if of.environment else "",
        f"seat {plain(of.seat, _PART)} only" if of.seat else "",
    ]
    body = f": {plain(of.body, _BODY)}" if of.body and of.body != of.event else ""
    return f"{', '.join(part for part in parts if part) or 'deployment'}{body}"
