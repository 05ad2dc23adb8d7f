"""What the readers of each protocol share: the tables as they are found, and the traces derived from them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from store.api import StoreMismatch
from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.derived import Traces
from store.clickhouse.moment import Moment
from store.clickhouse.own_tables import (
    ARRIVALS,
    LONG,
    MINUTE_NS,
    PROGRESS,
    SAMPLES,
    SPANS,
    TRACE_BODIES,
    VALUES,
)
from store.clickhouse.preparing import INDEX, has_value_index, is_complete, is_filled
from store.clickhouse.schema import LOGS, TRACES
from store.clickhouse.settled import Settled, read_settled
from store.clickhouse.settled_samples import SettledSamples, read_settled_samples
from store.clickhouse.span_rows import SpanRows
from store.clickhouse.tables import Table, find_table
from store.queries import Window

_ASKED_AGAIN_S: Final = 10.0
"""So long after it was not there, tables of our own are looked for again."""


class Part:
    """A part of a reader. Tables are looked for until they are there: a writer may come later."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._found: dict[str, Table] = {}
        self.moment = Moment()
        self._lock = threading.Lock()
        self._span_rows: dict[str, tuple[SpanRows, Traces]] = {}
        self._prepared = False
        self._asked_s = 0.0
        self._filled: set[str] = set()

    def table(self, name: str) -> Table | None:
        """A table, None while there is none."""
        found = self._found.get(name)
        if found is None:
            try:
                found = find_table(self._connections, name, self.moment)
            except StoreMismatch as error:
                if "UNKNOWN_DATABASE" in str(error):
                    return None
                raise
            if found is not None:
                self._found[name] = found
        return found

    @property
    def span_rows(self) -> SpanRows | None:
        """Reads spans; None while there is no table."""
        found = self._readers()
        return found[0] if found else None

    @property
    def traces(self) -> Traces | None:
        """Derives traces; None while there is no table."""
        found = self._readers()
        return found[1] if found else None

    def spans_table(self) -> Table:
        """The table of spans, which must be there: the copy of our own, if it is complete."""
        table = self.spans()
        assert table is not None
        return table

    def is_prepared(self) -> bool:
        """Whether there are tables of our own, with all that the table of spans has."""
        if not self._prepared and time.monotonic() >= self._asked_s:
            names = (PROGRESS, TRACE_BODIES, SPANS)
            self._prepared = all(self.table(name) for name in names) and is_complete(self._connections)
            self._asked_s = time.monotonic() + _ASKED_AGAIN_S
        return self._prepared

    def has_own(self, name: str) -> bool:
        """Whether a table of our own that came later is there, with what was there before it."""
        if not self.is_prepared():
            return False
        if name not in self._filled and self.table(name) is not None and is_filled(self._connections, name):
            self._filled.add(name)
        return name in self._filled

    def has_value_index(self) -> bool:
        """Whether our copy of the spans has an index of the values of their attributes."""
        if not self.is_prepared():
            return False
        if INDEX not in self._filled and has_value_index(self._connections):
            self._filled.add(INDEX)
        return INDEX in self._filled

    def seen_values(self, name: str, window: Window = Window.ALL) -> set[str]:
        """What VALUES has of a name; of minutes that the window cuts nothing."""
        values = Values()
        first, last = -(-window.from_unix_nano // MINUTE_NS), window.to_unix_nano // MINUTE_NS
        rows = self._query(
            VALUES,
            f"SELECT DISTINCT Value FROM {{table}} WHERE Name = {values.text(name)} "  # noqa: S608  # bound
            f"AND Minute >= {first} AND Minute < {last}",
            values,
        )
        return {str(value) for (value,) in rows}

    def settled(self) -> Settled | None:
        """What the settler has computed, as of one version within a snapshot; None without any."""
        if not self.is_prepared():
            return None
        bodies = self.table(TRACE_BODIES)
        lengths = bodies is not None and bodies.has("Duration")
        long = self.table(LONG) is not None
        return self.moment.once(
            "settled", lambda: read_settled(self._connections, lengths=lengths, long=long)
        )

    def settled_samples(self) -> SettledSamples | None:
        """What the settler has of browsers' events, likewise."""
        if not self.is_prepared() or self.table(SAMPLES) is None:
            return None
        return self.moment.once("settled samples", lambda: read_settled_samples(self._connections))

    def spans(self) -> Table | None:
        """The table of spans, or the copy of our own; None while there is none."""
        table = self.table(TRACES)
        return self.table(SPANS) if table is not None and self.is_prepared() else table

    def _readers(self) -> tuple[SpanRows, Traces] | None:
        table = self.spans()
        if table is None:
            return None
        with self._lock:
            if table.name not in self._span_rows:
                rows = SpanRows(self._connections, table)
                self._span_rows[table.name] = rows, Traces(self._connections, rows, self.settled)
            return self._span_rows[table.name]

    def span_query(self, sql: str, values: Values | None = None) -> Sequence[Row]:
        """Rows of a question in which `{table}` stands for the spans; none while there is no table."""
        table = self.spans()
        return [] if table is None else self._query(table.name, sql, values)

    def log_query(self, sql: str, values: Values | None = None, raw: Sequence[str] = ()) -> Sequence[Row]:
        """The same of logs."""
        return self._query(LOGS, sql, values, raw)

    def data_window(self) -> Window:
        """From the first span to the last; of tables of our own, their minutes."""
        return self.moment.once("data", self._data_window)

    def _data_window(self) -> Window:
        if self.is_prepared():
            rows = self._query(ARRIVALS, "SELECT min(Minute), max(Minute), count() FROM {table}")
            first, last, count = (int(each) for each in rows[0])
            return Window(first * MINUTE_NS, (last + 1) * MINUTE_NS) if count else Window(0, 0)
        rows = self.span_query(
            "SELECT toUnixTimestamp64Nano(min(Timestamp)), toUnixTimestamp64Nano(max(Timestamp)), count() "
            "FROM {table}"
        )
        return Window(rows[0][0], rows[0][1] + 1) if rows and rows[0][2] else Window(0, 0)

    def _query(
        self, name: str, sql: str, values: Values | None = None, raw: Sequence[str] = ()
    ) -> Sequence[Row]:
        table = self.table(name)
        if table is None:
            return []
        return self._connections.rows(sql.replace("{table}", table.source), values, raw)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._connections.close()
