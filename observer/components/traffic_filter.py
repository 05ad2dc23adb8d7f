"""Whose traffic a page counts: that of people, synthetic traffic, or all of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.components.number_format import plural
from observer.request.scope import WHOSE
from signals.attributes import SYNTHETIC, SYNTHETIC_DECLARED
from store.api import Measure, RumMetric

LABELS = tuple(zip(WHOSE, ("People", "Synthetic", "All traffic"), strict=True))

Measures = Mapping[RumMetric, Measure]


@dataclass(frozen=True, slots=True)
class TrafficPill:
    """One choice of traffic."""

    name: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic that a page counts."""

    whose: str
    """One of WHOSE."""
    requested: str | None
    """The argument of the address; None where the page chose by itself."""
    note: str
    """What is counted and what is left out, in a sentence; empty where no choice is offered."""

    @property
    def pills(self) -> tuple[TrafficPill, ...]:
        """The choices."""
        return traffic_pills(self.whose)

    @property
    def narrowed(self) -> bool:
        """Whether the address asks for a part of the traffic, so that counting all of it may find more."""
        return self.requested is not None and self.requested != "all"


def traffic_pills(current: str) -> tuple[TrafficPill, ...]:
    """The choices of traffic, of which one is current."""
    return tuple(TrafficPill(name, label, name == current) for name, label in LABELS)


def conditions(
    environment: str | None, attributes: Mapping[str, str], whose: str
) -> Mapping[str, str] | None:
    """The store's conditions; a filter by the synthetic type itself takes precedence over `whose`."""
    found = dict(attributes)
    if environment:
        found["environment"] = environment
    if whose == "people":
        found.setdefault(SYNTHETIC, "")
    elif whose == "synthetic":
        found.setdefault(SYNTHETIC, SYNTHETIC_DECLARED)
    return found or None


def chosen(requested: str | None, attributes: Mapping[str, str], any_people: bool) -> str:
    """Whose traffic is counted: as requested, else people's if there is any: no page looks empty."""
    if requested:
        return requested
    return "people" if any_people and SYNTHETIC not in attributes else "all"


def note(whose: str, requested: str | None, people: Measures, everything: Measures) -> str:
    """What is counted and how much is left out, in a sentence."""
    synthetic = max(0, _views(everything) - _views(people))
    if whose == "people":
        apart = f"; {plural(synthetic, 'synthetic page view')} set apart" if synthetic else ""
        return f"Counts people's browsers only{apart}."
    if whose == "synthetic":
        return f"Counts synthetic traffic only; {plural(_views(people), 'page view')} of people set apart."
    if people or not everything:
        return "Counts all traffic, people's and synthetic."
    chose = "" if requested else ", so this counts all traffic"
    return f"No person's browser reported in this time range{chose}: everything here is synthetic."


def requests_note(whose: str) -> str:
    """What a page of requests counts, in a sentence."""
    return {
        "people": "Counts requests that do not declare themselves synthetic.",
        "synthetic": "Counts synthetic requests only.",
    }.get(whose, "Counts all traffic, people's and synthetic.")


def _views(measures: Measures) -> int:
    return measures["page_views"].requests if "page_views" in measures else 0
