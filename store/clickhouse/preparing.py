"""Makes the tables of our own: what is missing, and a copy of the spans that were there before."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from store.api import StoreMismatch
from store.clickhouse.address import Address
from store.clickhouse.connection import Connections, Values
from store.clickhouse.own_tables import (
    BACKFILLED,
    LATER,
    OF_SPAN,
    PROGRESS,
    SPANS,
    Found,
    OwnTable,
    own_tables,
    statements_of,
)
from store.clickhouse.schema import LOGS, TRACES, prepare
from store.clickhouse.span_rows import within
from store.clickhouse.tables import find_table
from store.queries import Window

COMPLETE: Final = "complete"
"""What PROGRESS holds when the copy has all that was there before."""
INDEX: Final = "idx_value"
"""The index of the values of attributes in our copy of the spans."""
_HOUR_NS: Final = 3600 * 10**9
_TTL: Final = re.compile(r"\bTTL (.+?)(?: SETTINGS .*)?$", re.DOTALL)
_AGE: Final = re.compile(
    r"toDateTime\(Timestamp\) \+ toInterval(Second|Minute|Hour|Day|Week)\((\d+)\)", re.IGNORECASE
)
_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Plan:
    """What `prepare` would make."""

    address: Address
    found: Found
    tables: Sequence[OwnTable]
    missing: frozenset[str]
    complete: bool
    """Whether the copy is."""


def plan(connections: Connections) -> Plan:
    """What there is and what is missing. Raises StoreMismatch where there is no table of spans."""
    address = connections.address
    if address.cluster:
        known = {str(name) for (name,) in connections.rows("SELECT DISTINCT cluster FROM system.clusters")}
        if address.cluster not in known:
            named = ", ".join(sorted(known)) or "none"
            raise StoreMismatch(
                f"{address.shown} knows no cluster {address.cluster!r} (it knows: {named}): give one of them."
            )
    found = _found(connections)
    tables = own_tables(found)
    values = Values()
    rows = connections.rows(
        f"SELECT name FROM system.tables WHERE database = {values.text(address.database)}", values
    )
    there = {str(name) for (name,) in rows}
    missing = {table.name for table in tables if table.name not in there}
    missing |= {f"{table.name}_mv" for table in tables if table.source and f"{table.name}_mv" not in there}
    complete = not missing and is_complete(connections) and not _later(connections)
    complete = complete and all(is_filled(connections, each.name) for each in _backfilled(tables))
    return Plan(address, found, tables, frozenset(missing), complete)


def execute(connections: Connections, planned: Plan, progress: Callable[[str], None]) -> int:
    """Make what is missing and copy what was there before; returns the spans that were copied.

    May be killed and run again: what was copied twice counts once.
    """
    source = connections.source
    for table in planned.tables:
        for statement in statements_of(table, planned.address, planned.found):
            connections.run(statement)
    on = f" ON CLUSTER {planned.address.cluster}" if planned.address.cluster else ""
    for table_name, added in _later(connections):
        for action in added:
            connections.run(f"ALTER TABLE {planned.address.database}.{table_name}{on} {action}")
    # A copy that begins now goes through all the views.
    begun = connections.rows(f"SELECT 1 FROM {source(PROGRESS)} WHERE Name = 'hour' LIMIT 1")
    copied = 0 if is_complete(connections) else _copy(connections, planned, progress)
    for table in _backfilled(planned.tables):
        if not is_filled(connections, table.name):
            through = table.source == SPANS and not begun and SPANS in planned.missing
            if not through:
                _backfill(connections, planned, table, progress)
            _note(connections, f"{COMPLETE} {table.name}", 1)
    return copied


def is_filled(connections: Connections, name: str) -> bool:
    """Whether a table of a view that came later has what was there before it."""
    values = Values()
    mark = values.text(f"{COMPLETE} {name}")
    rows = connections.rows(
        f"SELECT 1 FROM {connections.source(PROGRESS)} WHERE Name = {mark} LIMIT 1", values
    )
    return bool(rows)


def has_value_index(connections: Connections) -> bool:
    """Whether the copy of the spans has INDEX."""
    return all(table != SPANS for table, _ in _later(connections))


def _backfilled(tables: Sequence[OwnTable]) -> list[OwnTable]:
    return [table for table in tables if table.name in BACKFILLED]


def _later(connections: Connections) -> list[tuple[str, tuple[str, str]]]:
    """(table, what adds and fills it) of each column and index that a table of ours lacks."""
    values = Values()
    database = values.text(connections.address.database)
    rows = connections.rows(
        f"SELECT table, name FROM system.columns WHERE database = {database} UNION ALL "
        f"SELECT table, name FROM system.data_skipping_indices WHERE database = {database}",
        values,
    )
    known = {(str(table), str(name)) for table, name in rows}
    there = {table for table, _ in known}
    return [
        (table, (add, fill))
        for table, name, add, fill in LATER
        if table in there and (table, name) not in known
    ]


def _note(connections: Connections, name: str, value: int) -> None:
    connections.run(
        f"INSERT INTO {connections.address.database}.{PROGRESS} (Name, Value) VALUES ('{name}', {value})"
    )


def _backfill(
    connections: Connections, planned: Plan, table: OwnTable, progress: Callable[[str], None]
) -> None:
    """What a view would have made of the rows that were there before it; to do it twice changes nothing."""
    source = f"{planned.address.database}.{table.source}"
    hour = f"intDiv(toUnixTimestamp64Nano(Timestamp), {_HOUR_NS})"
    hours = connections.rows(f"SELECT DISTINCT {hour} AS hour FROM {source} ORDER BY hour", unlimited=True)
    for place, (number,) in enumerate(hours):
        begin = int(number) * _HOUR_NS
        inside = within(Window(begin, begin + _HOUR_NS))
        select = table.select.replace("{source}", f"(SELECT * FROM {source} WHERE {inside})")
        connections.run(
            f"INSERT INTO {planned.address.database}.{table.name} {select} "
            "SETTINGS max_partitions_per_insert_block = 0, deduplicate_insert_select = 'disable'"
        )
        progress(f"filled {table.name}, {place + 1} of {len(hours)} hours")


def is_complete(connections: Connections) -> bool:
    """Whether the copy has what was there before it was made."""
    rows = connections.rows(f"SELECT 1 FROM {connections.source(PROGRESS)} WHERE Name = '{COMPLETE}' LIMIT 1")
    return bool(rows)


def with_spans(connections: Connections, max_age_s: float = 0) -> None:
    """Make the tables of spans and logs where there are none, as a collector of ours does."""
    if find_table(connections, TRACES) is None:
        prepare(connections, max_age_s)


def _copy(connections: Connections, planned: Plan, progress: Callable[[str], None]) -> int:
    database = planned.address.database
    copy = next(table for table in planned.tables if table.name == SPANS)
    select = copy.select.replace("{source}", f"{database}.{planned.found.table.name}")
    columns = ", ".join([*(f"`{name}`" for name in planned.found.columns), *OF_SPAN])
    hour = f"intDiv(toUnixTimestamp64Nano(Timestamp), {_HOUR_NS})"
    source = f"{database}.{planned.found.table.name}"
    hours = connections.rows(
        f"SELECT {hour} AS hour, count() FROM {source} GROUP BY hour ORDER BY hour DESC", unlimited=True
    )
    rows = connections.rows(f"SELECT Value FROM {database}.{PROGRESS} WHERE Name = 'hour'")
    done, copied = {int(value) for (value,) in rows}, 0
    for place, (number, spans) in enumerate(hours):
        if number in done:
            continue
        connections.run(
            f"INSERT INTO {database}.{SPANS} ({columns}) {select} WHERE {hour} = {int(number)} "
            f"AND Timestamp >= fromUnixTimestamp64Nano(toInt64({int(number) * _HOUR_NS})) "
            "SETTINGS max_partitions_per_insert_block = 0, deduplicate_insert_select = 'disable'"
        )
        _note(connections, "hour", int(number))
        copied += int(spans)
        progress(f"copied {copied:,} spans, {place + 1} of {len(hours)} hours that have any")
    _note(connections, COMPLETE, 1)
    return copied


def _found(connections: Connections) -> Found:
    table = find_table(connections, TRACES)
    address, values = connections.address, Values()
    if table is None:
        raise StoreMismatch(
            f"There is no table {TRACES} in {address.shown}: let a collector write to it first."
        )
    where = f"database = {values.text(address.database)}"
    columns = connections.rows(
        f"SELECT name, type FROM system.columns WHERE {where} AND table = '{TRACES}' "
        "AND default_kind IN ('', 'DEFAULT') ORDER BY position",
        values,
    )
    made = connections.rows(
        f"SELECT engine, engine_full FROM system.tables WHERE {where} AND name = '{TRACES}'", values
    )
    engine, text = (str(each) for each in made[0])
    expression = match[1].strip() if (match := _TTL.search(text)) else ""
    age = _AGE.fullmatch(expression)
    logs = find_table(connections, LOGS)
    seconds = int(age[2]) * _UNITS[age[1].lower()] if age else None if expression else 0
    return Found(
        table,
        {str(name): str(kind) for name, kind in columns},
        engine.startswith("Replicated"),
        seconds,
        expression,
        logs is not None and logs.has("LabArrival"),
    )
