"""Which columns the tables have: read from the server, never assumed, as the exporter's schema drifts."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from store.api import StoreMismatch
from store.clickhouse.connection import Connections, Values
from store.clickhouse.moment import Moment
from store.clickhouse.schema import NOT_OURS

_SPAN_DEFAULTS = {
    "TraceState": "''",
    "StatusMessage": "''",
    "ScopeName": "''",
    "ScopeVersion": "''",
    "LabFlags": f"toUInt8({NOT_OURS})",
    "LabPeer": "''",
    "LabTags": "map('', '')",
    "LabRaw": "''",
    "LabResource": "''",
    "LabScope": "''",
    "LabArrival": "toUInt64(0)",
    "LabShift": "toInt64(0)",
    "LabSession": "''",
    "EventName": "''",
    "SeverityText": "''",
    "TraceFlags": "toUInt8(0)",
}
"""What stands for a column that a version of the schema lacks."""
_REQUIRED = {
    "otel_traces": ("Timestamp", "TraceId", "SpanId", "ParentSpanId", "ServiceName", "SpanName", "SpanKind",
                    "Duration", "StatusCode", "SpanAttributes", "ResourceAttributes"),
    "otel_logs": ("Timestamp", "TraceId", "SpanId", "ServiceName", "Body", "SeverityNumber",
                  "LogAttributes", "ResourceAttributes"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, by name with their types."""

    name: str
    whole: str
    """What stands after FROM, whatever the moment."""
    columns: dict[str, str]
    moment: Moment

    @property
    def source(self) -> str:
        """What stands after FROM: the rows of the moment that this thread asks about."""
        if self.moment.upto is None or "LabArrival" not in self.columns:
            return self.whole
        return f"(SELECT * FROM {self.whole} WHERE LabArrival <= {self.moment.upto})"

    def column(self, name: str) -> str:
        """SQL for a column, or for what stands in its place."""
        return name if name in self.columns else _SPAN_DEFAULTS[name]

    def has(self, name: str) -> bool:
        """Whether the table has a column."""
        return name in self.columns


def find_table(connections: Connections, name: str, moment: Moment | None = None) -> Table | None:
    """A table of the exporter, None if there is none. StoreMismatch names a column that it lacks."""
    address, values = connections.address, Values()
    rows = connections.rows(
        "SELECT name, type FROM system.columns "
        f"WHERE database = {values.text(address.database)} AND table = {values.text(name)}",
        values,
    )
    if not rows:
        return None
    columns = {str(column): str(kind) for column, kind in rows}
    for column in _REQUIRED.get(name, ()):
        if column not in columns:
            raise StoreMismatch(f"The table {name} in {address.shown} has no column {column}.")
    source, maps = connections.source(name), as_maps(columns)
    if maps:
        replaced = ", ".join(f"{sql} AS `{column}`" for column, sql in maps.items())
        source = f"(SELECT * REPLACE({replaced}) FROM {source})"
    return Table(name, source, columns, moment or Moment())


def as_maps(columns: Mapping[str, str]) -> dict[str, str]:
    """SQL that gives the JSON columns of the exporter (`json: true`) as maps of text, by name."""
    found = {}
    for name, kind in columns.items():
        if kind.startswith("JSON"):
            found[name] = _map_of(f"`{name}`")
        elif kind.startswith("Array(JSON"):
            found[name] = f"arrayMap(each -> {_map_of('each')}, `{name}`)"
    return found


def _map_of(value: str) -> str:
    return f"mapFromArrays(JSONAllPaths({value}), JSONAllValues({value}))"
