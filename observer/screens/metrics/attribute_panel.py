"""The attributes of a metric's series: group by one, filter by a value. Pure but for this page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from observer.components.number_format import plural
from observer.request import links
from observer.screens.metrics import selection
from observer.screens.metrics.selection import Attributes

VALUES: Final = 20
_LONGEST: Final = 500
"""Characters of a value that a link filters by."""
_ATTRIBUTES: Final = 60


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """One value of an attribute."""

    text: str
    series: str
    """`3 series`"""
    href: str
    """Filters by it; empty where it is too long for an address."""
    without: str
    """Leaves it out; likewise."""


@dataclass(frozen=True, slots=True)
class MetricAttribute:
    """One attribute, with the values that most series have."""

    name: str
    number: str
    """`3 values`"""
    values: tuple[AttributeValue, ...]
    group_href: str
    """Groups by it, or no longer."""
    grouped: bool
    open: bool


@dataclass(frozen=True, slots=True)
class AttributePanel:
    """The attributes of a metric."""

    attributes: tuple[MetricAttribute, ...]
    left_out: str
    """`12 more attributes`; empty where all are listed."""


def attribute_panel(found: Attributes, by: tuple[str, ...], filtered: set[str]) -> AttributePanel:
    """The panel: those that tell series apart first, and of these the ones with few values."""
    ordered = sorted(found, key=lambda pair: (pair[0] not in by, len(pair[1]) == 1, len(pair[1]), pair[0]))
    more = len(ordered) - _ATTRIBUTES
    return AttributePanel(
        tuple(_attribute(name, values, by, name in filtered) for name, values in ordered[:_ATTRIBUTES]),
        plural(more, "more attribute") if more > 0 else "",
    )


def _attribute(
    name: str, values: Sequence[tuple[str, int]], by: tuple[str, ...], filtered: bool
) -> MetricAttribute:

    grouped = name in by
    most = f"{VALUES} values or more" if len(values) >= VALUES else plural(len(values), "value")
    return MetricAttribute(
        name=name,
        number=most,
        values=tuple(_value(name, value, number) for value, number in values),
        group_href=selection.without_pair("by", name) if grouped else selection.with_by(name),
        grouped=grouped,
        open=grouped or filtered,
    )


def _value(name: str, value: str, series: int) -> AttributeValue:
    short = len(name) + len(value) <= _LONGEST
    return AttributeValue(
        text=value,
        series=plural(series, "series", "series"),
        href=links.with_attribute(name, value) if short else "",
        without=links.without_value(name, value) if short else "",
    )
