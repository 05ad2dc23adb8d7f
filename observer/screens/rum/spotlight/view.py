"""RUM Tag Spotlight: one metric's totals, and a card for each tag with its values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.components.number_format import count, plural
from observer.components.tag_labels import tag_label
from observer.screens.rum.metrics import Metric, value_text
from store.api import Breakdown, Measure

_CARD_VALUES = 12
PERCENTILES = ("P50", "P75", "P99")


@dataclass(frozen=True, slots=True)
class CardValue:
    """One value of a tag."""

    value: str
    """Empty where the tag is absent."""
    count: int
    share: float
    """Of the most frequent value's count, 0 to 1."""
    has_errors: bool
    failed: str
    """How many failed; empty where none did, or where the metric itself counts failures."""
    percentiles: tuple[tuple[str, str], ...]
    """Name and value of each, for metrics that are times or scores."""
    chosen: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One tag with its values."""

    tag: str
    label: str
    values: tuple[CardValue, ...]
    notes: tuple[str, ...]
    """What is not shown, and how the values were counted, in sentences."""


def card_of(breakdown: Breakdown, metric: Metric, attributes: Mapping[str, str]) -> Card:
    """The card of one tag; `attributes` are the filters of the page."""
    values = breakdown.values
    most = max((value.measure.requests for value in values), default=0) or 1
    return Card(
        tag=breakdown.tag,
        label=tag_label(breakdown.tag),
        values=tuple(
            CardValue(
                value=value.value,
                count=value.measure.requests,
                share=value.measure.requests / most,
                has_errors=bool(value.measure.errors),
                failed=""
                if metric.counts_failures or not value.measure.errors
                else count(value.measure.errors),
                percentiles=percentile_texts(metric, value.measure),
                chosen=attributes.get(breakdown.tag) == value.value,
            )
            for value in values[:_CARD_VALUES]
        ),
        notes=_notes(breakdown),
    )


def _notes(breakdown: Breakdown) -> tuple[str, ...]:
    cut = []
    more = len(breakdown.values) - _CARD_VALUES
    if more > 0:
        cut.append(f"{plural(more, 'more value')} not shown.")
    if breakdown.truncated:
        cut.append("The scan stopped at its limit: older events were not counted.")
    scanned = f"From {plural(breakdown.scanned, 'row')} read for this question." if breakdown.scanned else ""
    return tuple(note for note in (" ".join(cut), scanned) if note)


def cards_of(
    breakdowns: Sequence[Breakdown], metric: Metric, attributes: Mapping[str, str]
) -> tuple[Card, ...]:
    """The cards of the tags that have a value, or are filtered by."""
    cards = (card_of(breakdown, metric, attributes) for breakdown in breakdowns)
    return tuple(card for card in cards if any(value.value or value.chosen for value in card.values))


def percentile_texts(metric: Metric, measure: Measure) -> tuple[tuple[str, str], ...]:
    """(`P50`, `437 ms`) and so on; empty for a metric that is only counted."""
    if not metric.timed:
        return ()
    latency = measure.latency
    values = (latency.p50_ns, latency.p75_ns, latency.p99_ns)
    return tuple(
        (name, value_text(metric.name, value)) for name, value in zip(PERCENTILES, values, strict=True)
    )


def totals_of(metric: Metric, total: Measure) -> tuple[tuple[str, str], ...]:
    """(`Samples`, `1,234`), how many failed if any did, and the percentiles."""
    failed = (("Failed", count(total.errors)),) if total.errors else ()
    return (("Samples", count(total.requests)), *failed, *percentile_texts(metric, total))
