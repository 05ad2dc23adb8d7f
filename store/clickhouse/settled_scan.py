"""Requests by an attribute that is not promoted, of settled traces: summed in the server.

Which spans belong to which request stands in the JSON of a trace; the attribute stands in the spans.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from signals.model import SpanError
from store.clickhouse.connection import Values
from store.clickhouse.own_tables import ARRIVALS, MINUTE_NS, SPANS, TRACE_BODIES
from store.clickhouse.settled import Settled
from store.clickhouse.span_rows import within
from store.clickhouse.stored_traces import PLACE_OF_ERROR
from store.histogram import bucket_of
from store.queries import Window
from store.tallies import Tally

MOST_SPANS: Final = 300_000
"""Spans of a window whose requests are broken down by an attribute that is not promoted."""
MOST_SPANS_OF_ONE: Final = 1_500_000
"""The same where only requests of one service count."""
_FEW: Final = 1_001
"""Of so few the durations themselves give the percentiles."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Which requests are counted, and by which attribute."""

    window: Window
    around: Window
    """Where their traces have spans."""
    service: str | None
    environment: str | None
    promoted: Mapping[str, str] = field(default_factory=dict)
    """Filters by promoted tags."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Filters by other attributes."""
    received: bool = False
    """Whether what only calls to others carry is left out of the values."""


def bounded(settled: Settled, window: Window, service: str | None) -> Window:
    """The newest part of a window that is broken down by such an attribute: all of it, or so many spans."""
    first, last = window.from_unix_nano // MINUTE_NS, window.to_unix_nano // MINUTE_NS
    rows = settled.connections.rows(
        f"SELECT Minute, sum(Spans) AS spans FROM {settled.source(ARRIVALS)} "
        f"WHERE Minute >= {first} AND Minute <= {last} GROUP BY Minute ORDER BY Minute DESC"
    )
    left, begin = MOST_SPANS if service is None else MOST_SPANS_OF_ONE, window.from_unix_nano
    for place, (minute, spans) in enumerate(rows):
        left -= int(spans)
        if left < 0:
            # The newest minute is looked at, whatever it has.
            begin = max(begin, (int(minute) + (1 if place else 0)) * MINUTE_NS)
            break
    return Window(begin, window.to_unix_nano)


def scan(settled: Settled, asked: Scan, tag: str) -> dict[str, Tally]:
    """The settled requests by the values of an attribute that is not promoted; "" stands for none."""
    values = Values()
    names = list(dict.fromkeys([tag, *asked.others]))
    place = {name: f"held{number}" for number, name in enumerate(names)}
    found = _values(place[tag], "own" if asked.received else "arrayConcat(own, calls)")
    carried = [
        f"has({_values(place[name], 'arrayConcat(own, calls)')}, {values.text(value)})"
        for name, value in asked.others.items()
    ]
    joined = f"({_requests(settled, asked, values)}) AS requests "
    for name in names:
        held = place[name]
        joined += (
            f"GLOBAL ANY LEFT JOIN ({_spans_with(settled, asked, name, held, values)}) AS of_{held} "
            f"ON requests.id = of_{held}.id "
        )
    rows = settled.connections.rows(
        f"SELECT arrayJoin({found}) AS value, error, origin, groupArray(duration) FROM {joined}"
        f"WHERE {' AND '.join(carried) or '1'} GROUP BY value, error, origin SETTINGS join_use_nulls = 0",
        values,
    )
    tallies: dict[str, Tally] = {}
    for value, error, origin, durations in rows:
        tally = tallies.setdefault(str(value), Tally())
        for bucket, number in Counter(map(bucket_of, durations)).items():
            tally.add(bucket, number, number * int(error), number * int(origin))
        if len(tally.values) <= _FEW:
            tally.values += durations[: _FEW + 1]
    return tallies


def _requests(settled: Settled, asked: Scan, values: Values) -> str:
    """SQL for one row of each settled request: its trace, what it measured, the ids of its spans."""
    opened = settled.open_traces(asked.window)
    origin = PLACE_OF_ERROR[SpanError.ORIGIN]
    among = ""
    if asked.service is not None:
        of_service = f"Service = {values.text(asked.service)}"
        among = f" AND TraceId GLOBAL IN ({settled.requested(asked.window, of_service)})"
    parts = [f"start >= {asked.window.from_unix_nano}", f"start < {asked.window.to_unix_nano}"]
    if asked.service is not None:
        parts.append(f"JSONExtractString(one, 1) = {values.text(asked.service)}")
    if asked.environment is not None:
        parts.append(f"JSONExtractString(one, 9) = {values.text(asked.environment)}")
    for tag, value in asked.promoted.items():
        key, text = values.text(tag), values.text(value)
        several = f"JSONExtract(one, 7, {key}, 'Array(String)')"
        single = f"JSONExtractString(one, 7, {key})"
        parts.append(f"(has({several}, {text}) OR (empty({several}) AND {single} = {text}))")
    return (
        "SELECT id, JSONExtractInt(one, 3) AS start, JSONExtractUInt(one, 4) AS duration, "
        f"JSONExtractBool(one, 5) AS error, JSONExtractInt(one, 6) = {origin} AS origin, "
        "JSONExtract(one, 10, 'Array(String)') AS own, JSONExtract(one, 11, 'Array(String)') AS calls "
        "FROM (SELECT TraceId AS id, arrayJoin(JSONExtractArrayRaw(Body, 'r')) AS one "
        f"FROM {settled.source(TRACE_BODIES)} WHERE {settled.published(asked.window)} AND Body != '' "
        f"AND First < {asked.around.to_unix_nano} AND Last >= {asked.around.from_unix_nano}"
        f"{f' AND TraceId GLOBAL NOT IN ({opened})' if opened else ''}{among}) WHERE {' AND '.join(parts)}"
    )


def _spans_with(settled: Settled, asked: Scan, name: str, held: str, values: Values) -> str:
    """SQL for the values of an attribute by span, of each trace with such spans."""
    key = values.text(name)
    value = f"if(mapContains(SpanAttributes, {key}), SpanAttributes[{key}], ResourceAttributes[{key}])"
    # A request's spans are of its service.
    of_service = "" if asked.service is None else f"ServiceName = {values.text(asked.service)} AND "
    return (
        f"SELECT TraceId AS id, mapFromArrays(groupArray(span), groupArray(value)) AS {held} FROM ("
        f"SELECT TraceId, leftPad(lower(SpanId), 16, '0') AS span, any({value}) AS value "
        f"FROM {settled.source(SPANS)} WHERE {within(asked.around)} AND {of_service}"
        f"(mapContains(SpanAttributes, {key}) OR mapContains(ResourceAttributes, {key})) "
        "GROUP BY TraceId, span) GROUP BY TraceId"
    )


def _values(held: str, ids: str) -> str:
    """SQL for the different values of some spans, by a map; [''] without any."""
    carrying = f"arrayFilter(each -> mapContains({held}, each), {ids})"
    found = f"arrayDistinct(arrayMap(each -> {held}[each], {carrying}))"
    return f"if(empty({found}), [''], {found})"
