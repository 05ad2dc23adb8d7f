"""Follows a failed checkout from the student's seat to the log line, through the JSON API only.

Knows the public API and how the checkout of the incident `invalid-token` fails;
must not know the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from benchmarks.classroom import CHECKOUT, PlacedOrder
from benchmarks.measure import get_json

ORIGINS = frozenset({"checkoutservice", "paymentservice"})
_SINCE = "since=3h"


class Broken(Exception):
    """A link that does not hold; the message names it and the reason."""


def broken_links(observer_url: str, orders: Iterable[PlacedOrder]) -> list[str]:
    """One line for every order with a broken link; empty when all links hold."""
    found = []
    for placed in orders:
        try:
            follow(f"{observer_url}/api/v1", placed)
        except (Broken, OSError, LookupError, ValueError) as error:
            found.append(f"{placed.seat}, trace {placed.order.trace_id or 'unknown'}: {error}")
    return found


def follow(api: str, placed: PlacedOrder) -> None:
    """Check seat, session, event, link, trace, origins and log line in turn. Raises Broken."""
    sessions = get_json(f"{api}/rum/sessions?attr=enduser.id:{quote(placed.seat)}&{_SINCE}")["sessions"]
    if placed.session_id not in [session["session_id"] for session in sessions]:
        raise Broken(f"the seat's sessions do not include {placed.session_id}")
    _event(get_json(f"{api}/rum/sessions/{placed.session_id}")["events"], placed)
    trace = get_json(f"{api}/apm/traces/{placed.order.trace_id}")
    failing = _failing_charges(trace, placed)
    logs = get_json(f"{api}/logs?trace_id={placed.order.trace_id}&{_SINCE}&limit=200")["logs"]
    _log_line(logs, failing)


def _event(events: Sequence[Mapping[str, Any]], placed: PlacedOrder) -> None:
    order = placed.order
    event = next((event for event in events if event["span_id"] == order.rum_span_id), None)
    if event is None:
        raise Broken(f"the session has no event {order.rum_span_id} for POST {CHECKOUT}")
    if event["kind"] != "fetch" or event["http_status"] != 500 or not event["error"]:
        raise Broken(f"the event is {event['kind']} with status {event['http_status']}")
    if event["apm"] != {"trace_id": order.trace_id, "span_id": order.span_id}:
        raise Broken(f"the event's APM link is {event['apm']}")


def _failing_charges(trace: Mapping[str, Any], placed: PlacedOrder) -> set[str]:
    """Ids of the spans of paymentservice that are in error."""
    if not trace["complete"]:
        raise Broken(f"the trace is not complete ({len(trace['spans'])} spans)")
    browser = trace["browser"]
    if not browser or browser["session_id"] != placed.session_id:
        raise Broken(f"the trace names the browser session {browser}")
    services = {span["service"] for span in trace["spans"] if span["error"] == "origin"}
    if not services >= ORIGINS:
        raise Broken(f"errors begin in {', '.join(sorted(services)) or 'no service'}")
    return {
        span["span_id"]
        for span in trace["spans"]
        if span["service"] == "paymentservice" and span["error"] != "none"
    }


def _log_line(logs: Sequence[Mapping[str, Any]], failing: set[str]) -> None:
    errors = [log for log in logs if log["service"] == "paymentservice" and log["severity"] == "error"]
    if not errors:
        raise Broken(f"none of its {len(logs)} log lines is an error of paymentservice")
    if not all(log["span_id"] in failing for log in errors):
        raise Broken("an error line of paymentservice names no failing span of the trace")
