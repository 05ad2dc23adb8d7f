"""What kinds of browser events there are on screen: their words, their pills, which belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from signals.browser_events import rum_is_network_error
from signals.session_events import SessionEvent

WORDS = {
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
"""How one event of each kind is called."""

COLOURS = {"document_fetch": "document"}
"""Kinds that share another's colour."""

_CONSOLE = "console.error"


@dataclass(frozen=True, slots=True)
class Pill:
    """One choice of the filter over a session's events."""

    name: str
    """As in the address: `kind=…`; empty for all."""
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
_KINDS = {name: kinds for name, _, _, kinds in _PILLS}


def word_of(event: SessionEvent) -> str:
    """The first line of a row: `Fetch`, `Console error`, `Uncaught error`."""
    if event.kind == "error":
        name = event.span.name.lower()
        if name == _CONSOLE:
            return "Console error"
        if name == "onerror":
            return "Uncaught error"
        if name == "unhandledrejection":
            return "Unhandled rejection"
    return WORDS.get(event.kind, "Custom event")


def colour_of(kind: str) -> str:
    """The colour's name among the `--kind-…` tokens."""
    return COLOURS.get(kind, kind) if kind in WORDS else "custom"


def is_network_error(event: SessionEvent) -> bool:
    """A request that failed, as the store counts them."""
    return event.error and rum_is_network_error(event.span.name, event.span.attributes)


def fits(event: SessionEvent, pill: str) -> bool:
    """Whether an event is one of those that a pill shows; an empty pill shows all."""
    if not pill:
        return True
    if pill == _NETWORK_ERRORS:
        return is_network_error(event)
    return event.kind in _KINDS[pill]


def pills(events: Sequence[SessionEvent], chosen: str) -> tuple[Pill, ...]:
    """All, and each kind that occurs (or is chosen), with its count."""
    found = [Pill("", "All", "", len(events), not chosen)]
    of_kind = Counter(event.kind for event in events)
    failed = sum(is_network_error(event) for event in events)
    for name, label, colour, kinds in _PILLS:
        number = failed if name == _NETWORK_ERRORS else sum(of_kind[kind] for kind in kinds)
        if number or name == chosen:
            found.append(Pill(name, label, colour, number, name == chosen))
    return tuple(found)
