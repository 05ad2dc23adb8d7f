"""Settles what browsers measured, minute by minute, for the settler, which holds the lease."""

# ruff: noqa: S608 - what is put into SQL text are checked names and numbers of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signals.browser_events import RUM_TAGS
from store.clickhouse.browser_events import BrowserEvent, read_events
from store.clickhouse.connection import Connections, clean
from store.clickhouse.own_tables import ARRIVALS, EVENT_MINUTES, MINUTE_NS, SAMPLES, SPANS
from store.clickhouse.settled import together
from store.clickhouse.settled_rows import Columns, columns_of
from store.clickhouse.span_rows import SpanRows
from store.clickhouse.tables import find_table
from store.histogram import bucket_of
from store.rum_errors import describe_error


def with_neighbours(connections: Connections, minutes: Mapping[int, int]) -> dict[int, int]:
    """These minutes, and those beside them that were settled before, with their spans.

    An error that is said again counts once, across the border of two minutes, too.
    """
    beside = {minute + step for minute in minutes for step in (-1, 1)} - minutes.keys()
    if not beside:
        return dict(minutes)
    listed = ", ".join(map(str, sorted(beside)))
    rows = connections.rows(
        f"SELECT Minute, sum(Spans) FROM {connections.source(ARRIVALS)} WHERE Minute IN ({listed}) "
        f"AND Minute GLOBAL IN (SELECT Minute FROM {connections.source(EVENT_MINUTES)} "
        f"WHERE Minute IN ({listed})) GROUP BY Minute"
    )
    return {**minutes, **{int(minute): int(spans) for minute, spans in rows}}


def write_samples(connections: Connections, minutes: Mapping[int, int], version: int) -> None:
    """Write what the browsers' events of these minutes measure; it counts when it is published."""
    table = find_table(connections, SPANS)
    if table is None:
        return
    rows = SpanRows(connections, table)
    for part in together(sorted(minutes)):
        events, _ = read_events(rows, part)
        if columns := sample_columns(events, version):
            connections.insert(SAMPLES, columns, "")


def sample_columns(events: Sequence[BrowserEvent], version: int) -> Columns:
    """Columns of SAMPLES."""
    names = ("Home", "Version", "Start", "Metric", "Value", "Bucket", "Failed", "ErrorId", *RUM_TAGS)
    rows = []
    for event in events:
        tags = [clean(event.tags.get(tag, "")) for tag in RUM_TAGS]
        for metric, value, failed in event.samples:
            error = ""
            if metric == "js_errors":
                error = describe_error(event.span.name, event.span.attributes)[0]
            rows.append((
                event.start // MINUTE_NS, version, event.start, metric, value, bucket_of(value), int(failed),
                error, *tags,
            ))  # fmt: skip
    return columns_of(names, rows)


def forgotten(connections: Connections, before: int) -> list[tuple[int, int]]:
    """The (minute, version) of rows that no reader looks at any more: others followed, or never published."""
    published = f"SELECT Minute, max(Version) FROM {connections.source(EVENT_MINUTES)}"
    rows = connections.rows(
        f"SELECT DISTINCT Home, Version FROM {connections.source(SAMPLES)} WHERE Version < {before} "
        f"AND (Home, Version) GLOBAL NOT IN ({published} GROUP BY Minute) "
        f"AND (Home, Version) GLOBAL NOT IN ({published} WHERE Version < {before} GROUP BY Minute) LIMIT 1000"
    )
    return [(int(home), int(version)) for home, version in rows]
