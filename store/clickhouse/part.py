"""What the readers of each protocol share: the tables as they are found, and the traces derived from them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from store.api import StoreMismatch
from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.derived import Traces
from store.clickhouse.moment import Moment
from store.clickhouse.schema import LOGS, TRACES
from store.clickhouse.span_rows import SpanRows
from store.clickhouse.tables import Table, find_table
from store.queries import Window


class Part:
    """A part of a reader. Tables are looked for until they are there: a writer may come later."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._found: dict[str, Table] = {}
        self.moment = Moment()
        self._lock = threading.Lock()
        self._span_rows: SpanRows | None = None
        self._traces: Traces | None = None

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
        table = self.table(TRACES)
        with self._lock:
            if self._span_rows is None and table is not None:
                self._span_rows = SpanRows(self._connections, table)
                self._traces = Traces(self._connections, self._span_rows)
            return self._span_rows

    @property
    def traces(self) -> Traces | None:
        """Derives traces; None while there is no table."""
        return None if self.span_rows is None else self._traces

    def spans_table(self) -> Table:
        """The table of spans, which must be there."""
        table = self.table(TRACES)
        assert table is not None
        return table

    def span_query(self, sql: str, values: Values | None = None) -> Sequence[Row]:
        """Rows of a question in which `{table}` stands for the spans; none while there is no table."""
        return self._query(TRACES, sql, values)

    def log_query(self, sql: str, values: Values | None = None, raw: Sequence[str] = ()) -> Sequence[Row]:
        """The same of logs."""
        return self._query(LOGS, sql, values, raw)

    def data_window(self) -> Window:
        """From the first span to the last."""
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
