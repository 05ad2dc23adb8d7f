"""The value of a signal from the store: now and by groups, or over time for one group.

Asks `store.api` readers only; every question has a window, a bound on groups and the reader's time limit.
Shares are numbers from 0 to 1, durations milliseconds, layout shifts plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from alerting.model import COUNTS, Rule, Signal
from alerting.rules import OPERATION, SERVICE
from store.api import Measure, MetricAggregation, MetricChart, MetricQuery, Reader, RumMetric, Window

_SERVICE_NAME: Final = "service.name"
_OPERATION_TAG: Final = ":operation"
"""By this name `ApmReader.breakdowns` groups by operation."""
_MS_NS: Final = 10**6
_CLS_UNITS: Final = 10**9
_MOST_COLUMNS: Final = 500

Group = tuple[tuple[str, str], ...]
"""(attribute, value) of each of `Signal.by`, in its order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signal is in one group."""

    value: float | None
    """None where there is no data."""
    amount: int
    """Requests, points or samples that it is made of; 1 of a metric whose points were not counted."""
    reason: str = ""
    """Why there is no data."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What a signal is in all groups of one window."""

    groups: Mapping[Group, Reading]
    left_out: int = 0
    """Groups beyond the bound."""
    unit: str = ""
    """Of a metric, as its sender named it."""


def read_groups(reader: Reader, signal: Signal, window: Window, *, minimum: int = 1) -> Readings:
    """The signal over the window in each group; without groups, in one whose key is empty.

    Groups without any data are not there. Raises StoreError.
    """
    if signal.kind == "metric":
        return _metric_groups(reader, signal, window, minimum)
    measures, left_out = (_requests if signal.kind == "requests" else _samples)(reader, signal, window)
    seconds = window.duration_ns / 1e9
    groups = {group: _reading(signal, measure, seconds, minimum) for group, measure in measures.items()}
    if not signal.by and signal.measure in COUNTS and not groups[()].amount:
        groups = {(): quiet(reader, window)}
    return Readings(groups, left_out)


def values_over_time(
    reader: Reader, rule: Rule, group: Mapping[str, str], window: Window, columns: int = 60
) -> Sequence[tuple[int, float | None]]:
    """(start of the column, value) of one group of a rule, in equal columns; None where there is no data.

    Each column is a window of its own: it is not smoothed over `Condition.window_ns`. Raises StoreError.
    """
    return [
        (start, value) for start, value, _ in weighted_over_time(reader, rule.signal, group, window, columns)
    ]


def weighted_over_time(
    reader: Reader, signal: Signal, group: Mapping[str, str], window: Window, columns: int
) -> list[tuple[int, float | None, int]]:
    """(start of the column, value, what it is made of) of one group, in equal columns. Raises StoreError."""
    columns = max(1, min(columns, _MOST_COLUMNS))
    if signal.kind == "metric":
        chart = _chart(reader, signal, window, columns, group)
        points = chart.groups[0].points if chart.groups else ()
        return [(start, _finite(value), 1) for start, value in points]
    width = max(1, -(-window.duration_ns // columns))
    if signal.kind == "requests":
        service, operation, where = _narrowed(signal, group)
        found = reader.series(service, window, columns, operation, signal.environment or None, where)
    else:
        found = reader.rum_series(cast(RumMetric, signal.name), window, columns, _of_browsers(signal, group))
    return [
        (
            point.start_unix_nano,
            _reading(signal, point.measure, width / 1e9, 1).value,
            point.measure.requests,
        )
        for point in found
    ]


def began(columns: Iterable[tuple[int, float | None, int]], threshold: float, sign: int) -> int | None:
    """The start of the column from which on values lie beyond the threshold as a whole; None if none does.

    The point where the sum of what exceeds the threshold, weighted by requests, is least: from there on it
    grows. `sign` is 1 for above and -1 for below.
    """
    total = least = 0.0
    start: int | None = None
    for begin, value, weight in columns:
        if value is None:
            continue
        excess = sign * (value - threshold)
        # What lies on the threshold is not beyond it.
        if start is None and excess > 0:
            start = begin
        total += excess * max(1, weight)
        if total < least or (total == least and excess <= 0):
            least, start = total, None
    return start


def _requests(reader: Reader, signal: Signal, window: Window) -> tuple[dict[Group, Measure], int]:
    environment = signal.environment or None
    if not signal.by:
        service, operation, where = _narrowed(signal, {})
        return {(): reader.series(service, window, 1, operation, environment, where)[0].measure}, 0
    by = signal.by[0]
    if by == SERVICE:
        return _most(by, reader.services(window, environment).items(), signal.most_groups)
    tag = _OPERATION_TAG if by == OPERATION else by
    service, operation, where = _narrowed(signal, {})
    if operation is not None:
        where = {**where, _OPERATION_TAG: operation}
    found = reader.breakdowns(service, (tag,), window, where, signal.most_groups, environment)[tag]
    values = [(each.value, each.measure) for each in found.values if each.value]
    return _grouped(by, values), max(0, found.values_total - len(found.values))


def _samples(reader: Reader, signal: Signal, window: Window) -> tuple[dict[Group, Measure], int]:
    metric = cast(RumMetric, signal.name)
    where = _of_browsers(signal, {})
    if not signal.by:
        return {(): reader.rum_measures(window, where).get(metric, Measure())}, 0
    by = signal.by[0]
    found = reader.rum_breakdowns(metric, (by,), window, where, signal.most_groups)[by]
    values = [(each.value, each.measure) for each in found.values if each.value]
    return _grouped(by, values), max(0, found.values_total - len(found.values))


def _most(by: str, found: Iterable[tuple[str, Measure]], most: int) -> tuple[dict[Group, Measure], int]:
    order = sorted(found, key=lambda pair: (-pair[1].requests, pair[0]))
    return _grouped(by, order[:most]), max(0, len(order) - most)


def _grouped(by: str, values: Iterable[tuple[str, Measure]]) -> dict[Group, Measure]:
    return {((by, value),): measure for value, measure in values}


def _narrowed(signal: Signal, group: Mapping[str, str]) -> tuple[str | None, str | None, Mapping[str, str]]:
    """(service, operation, other tags) of a group's requests."""
    where = {**signal.where, **group}
    service = where.pop(SERVICE, signal.service) if SERVICE in signal.by else signal.service
    operation = where.pop(OPERATION, signal.operation) if OPERATION in signal.by else signal.operation
    return service or None, operation or None, where


def _of_browsers(signal: Signal, group: Mapping[str, str]) -> Mapping[str, str]:
    where = {**signal.where, **group}
    return {**where, "environment": signal.environment} if signal.environment else where


def _reading(signal: Signal, measure: Measure, seconds: float, minimum: int) -> Reading:
    amount = measure.requests
    if signal.measure in COUNTS:
        counted = measure.errors if signal.measure == "errors" else amount
        return Reading(counted / seconds if signal.measure == "rate" else float(counted), amount)
    if amount < minimum or not amount:
        noun = "requests" if signal.kind == "requests" else "samples"
        found = f"{amount} of the {minimum} {noun} that are needed" if amount else f"no {noun}"
        return Reading(None, amount, f"There were {found}.")
    return Reading(_VALUES[signal.measure](measure, signal), amount)


def _latency(name: str) -> Callable[[Measure, Signal], float | None]:
    def value(measure: Measure, signal: Signal) -> float | None:
        found: int | None = getattr(measure.latency, name)
        if found is None:
            return None
        return found / (_CLS_UNITS if signal.name == "cls" else _MS_NS)

    return value


_VALUES: Final[Mapping[str, Callable[[Measure, Signal], float | None]]] = {
    "error_share": lambda measure, _: measure.errors / measure.requests,
    "failed_share": lambda measure, _: measure.errors / measure.requests,
    "origin_share": lambda measure, _: measure.origin_errors / measure.requests,
    **{name: _latency(f"{name}_ns") for name in ("p50", "p75", "p90", "p99")},
}


def quiet(reader: Reader, window: Window) -> Reading:
    """A count of nothing: 0, unless no telemetry at all arrived since the window began."""
    received = reader.status().last_received_unix_nano
    if received is None or received < window.from_unix_nano:
        return Reading(None, 0, "No telemetry was received.")
    return Reading(0.0, 0)


def _metric_groups(reader: Reader, signal: Signal, window: Window, minimum: int) -> Readings:
    chart = _chart(reader, signal, window, 1)
    if chart.info is None:
        return Readings({(): Reading(None, 0, f"There is no metric {signal.name}.")} if not signal.by else {})
    amounts: dict[Group, float] = {}
    if minimum > 1:
        counted = _chart(reader, signal, window, 1, agg="count")
        amounts = {_key(signal, each.attributes): each.points[0][1] or 0.0 for each in counted.groups}
    groups = {}
    for each in chart.groups:
        key = _key(signal, each.attributes)
        value = _finite(each.points[0][1]) if each.points else None
        amount = int(amounts.get(key, 1 if value is not None else 0))
        if value is None or amount < minimum:
            found = f"{amount} of the {minimum} points that are needed" if amount else "no points"
            groups[key] = Reading(None, amount, f"There were {found}.")
        else:
            groups[key] = Reading(value, amount)
    if not signal.by and not groups:
        groups[()] = Reading(None, 0, "No series matches.")
    unit = f"{chart.info.unit}/s" if signal.measure == "rate" else chart.info.unit
    return Readings(groups, chart.truncated, unit)


def _key(signal: Signal, attributes: Mapping[str, str]) -> Group:
    return tuple((name, attributes.get(name, "")) for name in signal.by)


def _chart(
    reader: Reader,
    signal: Signal,
    window: Window,
    columns: int,
    group: Mapping[str, str] | None = None,
    agg: str = "",
) -> MetricChart:
    narrowing = {**signal.where, **(group or {})}
    if signal.service:
        narrowing[_SERVICE_NAME] = signal.service
    return reader.metric_chart(
        MetricQuery(
            window,
            signal.name,
            cast(MetricAggregation, agg or signal.measure),
            signal.by if group is None else (),
            narrowing,
            unit=signal.unit or None,
            columns=columns,
            limit=signal.most_groups,
        )
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
