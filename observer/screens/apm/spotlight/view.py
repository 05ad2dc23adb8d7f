"""Tag Spotlight's view-model: a card per tag, with bars that compare its values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from observer.components.measures import share
from observer.components.number_format import plural
from observer.components.tag_labels import tag_label
from observer.drawing import bars
from observer.screens.apm.measure_view import MeasureView, measure_view
from observer.screens.apm.spotlight.tag_ranking import has_values, rank, usual_first
from store.api import Breakdown, Measure

VALUES_LIMIT = 8
"""Values shown on a card, those with the most requests."""
_CARDS_LIMIT = 12
_CARDS_LIMIT_SCANNED = 6
"""Cards shown while a filter makes each of them a scan."""
METRICS = {"requests": "Requests", "errors": "Errors", "root": "Root-cause errors", "p90": "Latency P90"}
"""What the bars of the cards can compare, with its label."""
_BAR_CLASSES = {"errors": "received", "root": "origin"}


@dataclass(frozen=True, slots=True)
class CardSelection:
    """Which tags get a card."""

    shown: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value of a tag."""

    value: str
    """Empty for requests without the tag."""
    href: str
    """This page filtered by the value."""
    bar: Markup
    measure: MeasureView


@dataclass(frozen=True, slots=True)
class Card:
    """One tag with its values, most requests first."""

    tag: str
    label: str
    """The tag in words; itself where it has none."""
    note: str
    """How much of it was counted; empty where it is complete."""
    rows: tuple[ValueRow, ...]
    more: str
    """What is shown of it where it has more values than fit; else empty."""
    api_href: str
    """The same in the JSON API, with more values."""


@dataclass(frozen=True, slots=True)
class CardHrefs:
    """Addresses that the cards link to."""

    filtered: Callable[[str, str], str]
    """This page filtered by a tag and its value."""
    api: Callable[[str], str]
    """All values of a tag in the JSON API."""


def select_tags(known: Sequence[str], requested: Sequence[str], where: Mapping[str, str]) -> CardSelection:
    """The tags to show: requested ones first, then the usual ones, without those filtered by."""
    ordered = [
        tag
        for tag in dict.fromkeys([*requested, *usual_first(known)])
        if tag in requested or tag not in where
    ]
    limit = max(_CARDS_LIMIT_SCANNED if where else _CARDS_LIMIT, len(requested))
    return CardSelection(tuple(ordered[:limit]), tuple(ordered[limit:]))


def build_cards(
    breakdowns: Iterable[Breakdown], requested: Sequence[str], metric: str, hrefs: CardHrefs
) -> tuple[Card, ...]:
    """The cards of these breakdowns: requested tags first, then those that separate errors best.

    Tags that no request carries get no card, unless they were requested.
    """
    shown = [each for each in breakdowns if each.tag in requested or has_values(each)]
    # The sort is stable: of equals, the usual tags stay first.
    shown.sort(key=lambda each: (each.tag not in requested, *rank(each)))
    return tuple(_card(each, metric, hrefs) for each in shown)


def _card(breakdown: Breakdown, metric: str, hrefs: CardHrefs) -> Card:
    most = max((_amount(each.measure, metric) for each in breakdown.values), default=0)
    rows = tuple(
        ValueRow(
            value=each.value,
            href=hrefs.filtered(breakdown.tag, each.value),
            bar=bars.meter(share(_amount(each.measure, metric), most), _BAR_CLASSES.get(metric, "")),
            measure=measure_view(each.measure),
        )
        for each in breakdown.values[:VALUES_LIMIT]
    )
    more = len(breakdown.values) > VALUES_LIMIT
    return Card(
        tag=breakdown.tag,
        label=tag_label(breakdown.tag),
        note=_note(breakdown),
        rows=rows,
        more=f"The {VALUES_LIMIT} most frequent values" if more else "",
        api_href=hrefs.api(breakdown.tag),
    )


def _note(breakdown: Breakdown) -> str:
    if breakdown.scanned:
        newest = ", newest only" if breakdown.truncated else ""
        return f"from {plural(breakdown.scanned, 'request')}{newest}"
    return "most frequent values" if breakdown.truncated else ""


def _amount(measure: Measure, metric: str) -> int:
    """The number that the bars compare."""
    if metric == "errors":
        return measure.errors
    if metric == "root":
        return measure.origin_errors
    if metric == "p90":
        return measure.latency.p90_ns or 0
    return measure.requests
