"""Kinds of browser events on screen: their labels and colours, and the pills that filter by them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from signals.browser_events import rum_is_network_error
from signals.session_events import SessionEvent

LABELS = {
    "document": "Document load",
    "document_fetch": "Document fetch",
    "resource": "Resource",
    "fetch": "Fetch",
    "action": "User action",
    "error": "JavaScript error",
    "longtask": "Long task",
    "vital": "Web vital",
    "route": "Route change",
    "custom": "Custom event",
    "session": "Session",
}
"""The label of one event of each kind."""

COLOURS = {"document_fetch": "document"}
"""Kinds that share the colour of another kind."""

_CONSOLE_ERROR = "console.error"


@dataclass(frozen=True, slots=True)
class Pill:
    """One choice of the filter over a session's events."""

    name: str
    """The value of the argument `kind`; empty for all events."""
    label: str
    colour: str
    count: int
    chosen: bool


_PILLS = (
    ("documents", "Document loads", "document", ("document",)),
    ("document-fetches", "Document fetches", "document", ("document_fetch",)),
    ("errors", "JavaScript errors", "error", ("error",)),
    ("network-errors", "Network errors", "error", ()),
    ("fetch", "Fetch and XHR", "fetch", ("fetch",)),
    ("resources", "Resources", "resource", ("resource",)),
    ("actions", "User actions", "action", ("action",)),
    ("vitals", "Web vitals", "vital", ("vital",)),
    ("longtasks", "Long tasks", "longtask", ("longtask",)),
    ("routes", "Route changes", "route", ("route",)),
    ("custom", "Custom events", "custom", ("custom",)),
    ("session", "Session", "session", ("session",)),
)
RESOURCES = "resources"
PILL_NAMES = tuple(name for name, *_ in _PILLS)
_NETWORK_ERRORS = "network-errors"
_ERRORS = "errors"
_KINDS = {name: kinds for name, _, _, kinds in _PILLS}


def label_of(event: SessionEvent) -> str:
    """The first line of an event's row: `Fetch`, `Console error`, `Uncaught error`."""
    if event.kind == "error":
        if is_console_error(event):
            return "Console error, again" if event.repeats else "Console error"
        name = event.span.name.lower()
        if name == "onerror":
            return "Uncaught error"
        if name == "unhandledrejection":
            return "Unhandled rejection"
    return LABELS.get(event.kind, "Custom event")


def colour_of(kind: str) -> str:
    """The name of the kind's colour among the `--kind-…` tokens."""
    return COLOURS.get(kind, kind) if kind in LABELS else "custom"


def is_console_error(event: SessionEvent) -> bool:
    """Whether the event is a `console.error` line rather than a thrown error."""
    return event.span.name.lower() == _CONSOLE_ERROR


def is_counted_error(event: SessionEvent) -> bool:
    """Whether the event is a JavaScript error that counts: a console line about a thrown one does not."""
    return event.kind == "error" and not event.repeats


def is_network_error(event: SessionEvent) -> bool:
    """Whether the event is a request that failed, by the rule that the store counts with."""
    return event.error and rum_is_network_error(event.span.name, event.span.attributes)


def matches_pill(event: SessionEvent, pill: str) -> bool:
    """Whether the pill of this name shows the event; an empty name shows every event."""
    if not pill:
        return True
    if pill == _NETWORK_ERRORS:
        return is_network_error(event)
    if pill == _ERRORS:
        return is_counted_error(event)
    return event.kind in _KINDS[pill]


def pills(events: Sequence[SessionEvent], chosen: str) -> tuple[Pill, ...]:
    """The pill for all events, and one for each kind that occurs or is chosen, with their counts."""
    found = [Pill("", "All", "", len(events), not chosen)]
    of_kind = Counter(event.kind for event in events)
    failed = sum(is_network_error(event) for event in events)
    thrown = sum(is_counted_error(event) for event in events)
    for name, label, colour, kinds in _PILLS:
        number = {_NETWORK_ERRORS: failed, _ERRORS: thrown}.get(name, sum(of_kind[kind] for kind in kinds))
        if number or name == chosen:
            found.append(Pill(name, label, colour, number, name == chosen))
    return tuple(found)
