"""Deployments and changes as marks of the charts over time. Pure but for the addresses of this request."""

from __future__ import annotations

from datetime import tzinfo

from observer.components import time_format
from observer.components.safe_text import plain
from observer.drawing.event_marks import EventMark, EventMarks
from observer.request.links import filtered, scoped
from observer.request.local_time import moment, time_text
from signals.changes import FLAG_KEY, FLAG_VARIANT
from store.api import Change, Deployment, Page, Window

_DAY_NS = 86_400 * 10**9
_PART = 48
"""Characters of each part of the words: they are the sender's, and may be long."""
_BODY = 90
_ID = 12
"""Of the id of a process, which is long and says nothing by itself."""
_DESK = "/desk#plans"
_NO_CHANGES: Page[Change] = Page(())


def event_marks(
    found: Page[Deployment], window: Window, zone: tzinfo, changes: Page[Change] = _NO_CHANGES
) -> EventMarks:
    """Marks of these events, each a link to its log record; to the desk where it is hidden and has none.

    The mark of a change is a link to the first traces, or sessions, with what is new.
    """
    dated = window.duration_ns > _DAY_NS
    marks = [
        EventMark(
            one.time_unix_nano,
            f"{_time(one.time_unix_nano, zone, dated=dated)} {deployment_words(one)}",
            scoped("/logs", log=one.log_id) if one.log_id else _DESK,
        )
        for one in found.items
    ]
    marks += [
        EventMark(
            one.unix_nano,
            f"{_time(one.unix_nano, zone, dated=dated)} {change_words(one)}",
            _first_with(one),
            of="change",
        )
        for one in changes.items
    ]
    return EventMarks(tuple(marks), found.truncated or changes.truncated)


def change_words(change: Change) -> str:
    """`paymentservice version v350.10 first seen, before it v350.9`."""
    service, value, before = (plain(part, _PART) for part in (change.service, change.value, change.before))
    if change.kind in ("version", "page"):
        return f"{service} {change.tag} {value} first seen, before it {before}"
    if change.kind == "flag":
        return f"{service} flag {plain(change.tag, _PART)} first seen as {value}, before it {before}"
    return f"{service} new process, {plain(change.tag, _PART)} {plain(change.value, _ID)}"


def _first_with(change: Change) -> str:
    attributes = {change.tag: change.value}
    if change.kind == "page":
        return filtered("/rum/sessions", attributes, whose="all", sort="oldest")
    if change.kind == "flag":
        attributes = {FLAG_KEY: change.tag, FLAG_VARIANT: change.value}
    return filtered("/apm/traces", attributes, service=change.service, sort="oldest")


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
