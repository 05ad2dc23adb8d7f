"""What browsers measured, from the settler's rows: every event once, with its tags.

A minute is settled together with the number of spans that it had, as traces are. Events of a minute that is
not settled, and of those beside it, as an error may be said twice across their border, are read from spans.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from store.clickhouse.connection import Connections, Values
from store.clickhouse.own_tables import ARRIVALS, EVENT_MINUTES, MINUTE_NS, SAMPLES
from store.clickhouse.settled import together
from store.clickhouse.settled_sql import dirty_sql
from store.queries import Window
from store.tallies import Tally

_MOST_OPEN: Final = 200
"""With more minutes that are not settled, events are read."""
_FEW: Final = 1_001
"""Of so few the values themselves give the percentiles."""


@dataclass(frozen=True, slots=True)
class SettledSamples:
    """The rows as of one version."""

    connections: Connections
    at: int
    dirty: Sequence[int]

    def open_parts(self, window: Window) -> list[Window] | None:
        """The parts of a window whose events are read; None if that is most of it."""
        begin, end = window.from_unix_nano // MINUTE_NS - 1, window.to_unix_nano // MINUTE_NS + 1
        near = {minute + beside for minute in self.dirty if begin <= minute <= end for beside in (-1, 0, 1)}
        if len(near) > min(_MOST_OPEN, window.duration_ns // MINUTE_NS // 2 + 3):
            return None
        parts = [
            Window(
                max(part.from_unix_nano, window.from_unix_nano), min(part.to_unix_nano, window.to_unix_nano)
            )
            for part in together(sorted(near))
            if part.from_unix_nano < window.to_unix_nano and part.to_unix_nano > window.from_unix_nano
        ]
        return [part for part in parts if part.duration_ns > 0]

    def tallies(
        self, key: str, window: Window, where: Mapping[str, str], metric: str | None
    ) -> dict[Any, Tally]:
        """The samples of a window by a key, SQL over the columns; those of the open parts are left out."""
        values = Values()
        condition = self._condition(window, where, metric, values)
        rows = self.connections.rows(
            f"SELECT {key} AS key, Bucket, count(), sum(Failed) FROM {self._source} WHERE {condition} "
            "GROUP BY key, Bucket",
            values,
        )
        found: dict[Any, Tally] = {}
        for name, bucket, number, failed in rows:
            found.setdefault(name, Tally()).add(int(bucket), int(number), int(failed), 0)
        few = {name for name, tally in found.items() if tally.requests <= _FEW}
        if few:
            rows = self.connections.rows(
                f"SELECT {key} AS key, groupArray({_FEW + 1})(Value) FROM {self._source} WHERE {condition} "
                f"GROUP BY key HAVING count() <= {_FEW}",
                values,
            )
            for name, several in rows:
                if name in few:
                    found[name].values += several
        return found

    def errors_seen(self, error_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """The first and the last time of errors, of those outside the open parts."""
        values = Values()
        rows = self.connections.rows(
            f"SELECT ErrorId, min(Start), max(Start) FROM {self._source} "
            f"WHERE {self._condition(Window.ALL, {}, 'js_errors', values)} "
            f"AND ErrorId IN {values.texts(error_ids)} GROUP BY ErrorId",
            values,
        )
        return {str(name): (int(first), int(last)) for name, first, last in rows}

    def newest_errors(self, window: Window, where: Mapping[str, str], most: int) -> list[int]:
        """The times of the newest errors outside the open parts, newest first."""
        values = Values()
        rows = self.connections.rows(
            f"SELECT Start FROM {self._source} WHERE {self._condition(window, where, 'js_errors', values)} "
            f"ORDER BY Start DESC LIMIT {most}",
            values,
        )
        return [int(start) for (start,) in rows]

    @property
    def _source(self) -> str:
        return self.connections.source(SAMPLES)

    def _condition(self, window: Window, where: Mapping[str, str], metric: str | None, values: Values) -> str:
        begin, end = window.from_unix_nano // MINUTE_NS, window.to_unix_nano // MINUTE_NS
        minutes = (
            f"{self.connections.source(EVENT_MINUTES)} "
            f"WHERE Version <= {self.at} AND Minute >= {begin} AND Minute <= {end}"
        )
        parts = [
            f"Home >= {begin} AND Home <= {end}",
            f"(Home, Version) GLOBAL IN (SELECT Minute, max(Version) FROM {minutes} GROUP BY Minute)",
            f"Start >= {window.from_unix_nano} AND Start < {window.to_unix_nano}",
        ]
        parts += [
            f"NOT (Start >= {part.from_unix_nano} AND Start < {part.to_unix_nano})"
            for part in self.open_parts(window) or ()
        ]
        if metric is not None:
            parts.append(f"Metric = {values.text(metric)}")
        parts += [f"`{tag}` = {values.text(value)}" for tag, value in where.items()]
        return " AND ".join(parts)


def read_settled_samples(connections: Connections) -> SettledSamples | None:
    """The newest version, and what is not settled; None while nothing is."""
    rows = connections.rows(f"SELECT max(Version) FROM {connections.source(EVENT_MINUTES)}")
    at = int(rows[0][0])
    if not at:
        return None
    dirty_minutes = dirty_sql(connections.source(ARRIVALS), connections.source(EVENT_MINUTES), at)
    dirty = connections.rows(f"SELECT Minute FROM ({dirty_minutes}) ORDER BY Minute")
    return SettledSamples(connections, at, [int(minute) for (minute,) in dirty])
