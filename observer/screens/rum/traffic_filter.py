"""Whose traffic is counted: people's, synthetic, or all; and what is said of what is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.components.number_format import plural
from store.api import Measure, RumMetric

SYNTHETIC = "user_agent.synthetic.type"
SYNTHETIC_DECLARED = "test"
WHOSE = ("people", "synthetic", "all")
LABELS = (("people", "People"), ("synthetic", "Synthetic"), ("all", "All traffic"))

Measures = Mapping[RumMetric, Measure]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The choice that a page counts by."""

    whose: str
    asked: str | None
    """As the address says; None where the page chose by itself."""
    note: str
    """What is counted and what is set apart, in a sentence."""


def where_of(environment: str | None, attributes: Mapping[str, str], whose: str) -> Mapping[str, str] | None:
    """The store's conditions; a filter by the synthetic type itself wins over the choice."""
    found = dict(attributes)
    if environment:
        found["environment"] = environment
    if whose == "people":
        found.setdefault(SYNTHETIC, "")
    elif whose == "synthetic":
        found.setdefault(SYNTHETIC, SYNTHETIC_DECLARED)
    return found or None


def chosen(asked: str | None, attributes: Mapping[str, str], any_people: bool) -> str:
    """Whose traffic is counted: people's where there is any, else all, so that no page looks empty."""
    if asked:
        return asked
    return "people" if any_people and SYNTHETIC not in attributes else "all"


def note(whose: str, asked: str | None, people: Measures, everything: Measures) -> str:
    """What is counted, and how much is not."""

    def views(measures: Measures) -> int:
        return measures["page_views"].requests if "page_views" in measures else 0

    others = max(0, views(everything) - views(people))
    if whose == "people":
        apart = f"; {plural(others, 'synthetic page view')} set apart" if others else ""
        return f"Counts people's browsers only{apart}."
    if whose == "synthetic":
        return f"Counts synthetic traffic only; {plural(views(people), 'page view')} of people set apart."
    if people or not everything:
        return "Counts all traffic, people's and synthetic."
    chose = "" if asked else ", so this counts all traffic"
    return f"No person's browser reported in this time range{chose}: everything here is synthetic."
