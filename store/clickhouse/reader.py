"""`store.api.Reader` over ClickHouse, put together from its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from signals.deployments import Deployment, deployment_of
from store.clickhouse.affected import ClickHouseAffectedReader
from store.clickhouse.apm import ClickHouseApmReader
from store.clickhouse.changes import ClickHouseChangeReader
from store.clickhouse.connection import Values
from store.clickhouse.coverage import ClickHouseCoverageReader
from store.clickhouse.logs import ClickHouseLogReader
from store.clickhouse.metrics import ClickHouseMetricReader
from store.clickhouse.names import ClickHouseNameReader
from store.clickhouse.own_tables import NEWEST, NEWEST_LOGS, SESSIONS, VALUES, cut_minutes
from store.clickhouse.rum import ClickHouseRumReader
from store.clickhouse.schema import FACTS, LOGS, METRICS, TRACES
from store.clickhouse.seen_values import ENVIRONMENT, environment_sql
from store.clickhouse.span_rows import within
from store.clickhouse.tables import Table
from store.clickhouse.traces import ClickHouseTraceReader
from store.limitations import Limitation
from store.queries import Page, Window
from store.question_parts import limited
from store.results import LateArrivals, StoreStatus
from store.settling import Settling


class ClickHouseReader(
    ClickHouseTraceReader,
    ClickHouseNameReader,
    ClickHouseLogReader,
    ClickHouseApmReader,
    ClickHouseRumReader,
    ClickHouseAffectedReader,
    ClickHouseCoverageReader,
    ClickHouseChangeReader,
    ClickHouseMetricReader,
):
    """Reads what any writer put into the exporter's tables; while there are none, every answer is empty."""

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Of rows that have a number of arrival: what comes later is left out. Of others nothing is held."""
        if self.moment.upto is not None:
            yield
            return
        # Before the number: of what was settled, nothing is newer than it.
        known: dict[object, object] = {"settled": self.settled(), "settled samples": self.settled_samples()}
        numbers = [self._last_arrival(name) for name in (TRACES, LOGS)]
        with self.moment.begin(max(numbers), known):
            yield

    def late_arrivals(self, window: Window) -> LateArrivals | None:
        """Always None: when something arrived is not known of rows of the exporter."""
        return None

    def settling(self) -> Settling:
        """Always complete: all is computed from the rows when it is asked for."""
        return Settling()

    def status(self) -> StoreStatus:
        """Rows as they are stored, repetitions of a sender that were not recognized among them."""
        spans = self._bounds(TRACES)
        logs = self._bounds(LOGS)
        times = [bounds for bounds in (spans, logs) if bounds[0]]
        rows = self._query(FACTS, "SELECT Name, sum(Value) FROM {table} GROUP BY Name")
        facts = {str(name): int(value) for name, value in rows}
        return StoreStatus(
            spans=spans[0],
            logs=logs[0],
            sessions=self._sessions(),
            metric_points=self._count(METRICS),
            rejected=facts.get("rejected", 0),
            oldest_unix_nano=min((bounds[1] for bounds in times), default=None),
            newest_unix_nano=max((bounds[2] for bounds in times), default=None),
            last_received_unix_nano=max((bounds[3] for bounds in times), default=0) or None,
            bytes=self._bytes(),
            max_bytes=0,
            pruned_spans=0,
            pruned_logs=0,
            pruned_before_unix_nano=None,
            limitations=self._limitations(),
            prepared=self.is_prepared(),
            settled_unix_nano=settled.upto_unix_nano(spans[2]) if (settled := self.settled()) else None,
        )

    def environments(self, window: Window) -> Sequence[str]:
        found, parts = set[str](), [window]
        if self.has_own(VALUES):
            found, parts = self.seen_values(ENVIRONMENT, window), cut_minutes(window)
        for part in parts:
            rows = self.span_query(
                f"SELECT DISTINCT {environment_sql()} AS found FROM {{table}} "  # noqa: S608  # names of ours
                f"WHERE {within(part)} AND found != ''"
            )
            found |= {str(name) for (name,) in rows}
        return sorted(found)

    def deployments(self, window: Window, limit: int = 200) -> Page[Deployment]:
        limited(limit)
        table = self.table(LOGS)
        if table is None:
            return Page([])
        own = "LogAttributes['event.name']"
        event = f"if(EventName != '', EventName, {own})" if table.has("EventName") else own
        rows = self._rows(
            f"{within(window)} AND ({event} = 'deployment' OR startsWith({event}, 'deployment.'))",
            Values(),
            f"Timestamp DESC, {self._id()} DESC",
            limit + 1,
        )
        return Page([deployment_of(self._log(row)) for row in rows[:limit]], None, len(rows) > limit)

    def _bounds(self, name: str) -> tuple[int, int, int, int]:
        """(rows, first time, last time, last arrival or 0) of a table."""
        table = self.table(name)
        if table is None:
            return 0, 0, 0, 0
        time = "toUnixTimestamp64Nano"
        # Alone these are known of each part of a table: nothing is read.
        rows = self._query(
            name,
            f"SELECT count(), {time}(min(Timestamp)), {time}(max(Timestamp)) FROM {{table}}",  # noqa: S608  # names of ours
        )
        # A snowflake's time is in milliseconds.
        arrived = (self._last_arrival(name) >> 22) * 1_000_000
        return int(rows[0][0]), int(rows[0][1]), int(rows[0][2]), arrived

    def _limitations(self) -> tuple[Limitation, ...]:
        tables = [table for name in (TRACES, LOGS) if (table := self.table(name))]
        found = [Limitation.LATE, Limitation.DELETED, Limitation.WRITERS, Limitation.OLD_METRICS]
        if any(not table.has("LabArrival") for table in tables):
            found.insert(0, Limitation.ARRIVAL)
        if any(self._has_foreign_rows(table) for table in tables):
            found.insert(0, Limitation.TYPES)
        return tuple(found)

    def _has_foreign_rows(self, table: Table) -> bool:
        """Whether another writer filled some rows, or may have."""
        if not table.has("LabRaw"):
            return True
        own = NEWEST if table.name == TRACES else NEWEST_LOGS
        if self.has_own(own):
            return bool(self._query(own, "SELECT max(Others) FROM {table}")[0][0])
        return bool(self._query(table.name, "SELECT 1 FROM {table} WHERE empty(LabRaw) LIMIT 1"))

    def _last_arrival(self, name: str) -> int:
        table = self.table(name)
        if table is None or not table.has("LabArrival"):
            return 0
        own = NEWEST if name == TRACES else NEWEST_LOGS
        if self.has_own(own):
            return int(self._query(own, "SELECT max(Arrival) FROM {table}")[0][0])
        return int(self._query(name, "SELECT max(LabArrival) FROM {table}")[0][0])

    def _count(self, name: str) -> int:
        rows = self._query(name, "SELECT count() FROM {table}")
        return int(rows[0][0]) if rows else 0

    def _sessions(self) -> int:
        if self.is_prepared():
            rows = self._query(SESSIONS, "SELECT uniqExact(Session) FROM {table}")
            return int(rows[0][0])
        table = self.table(TRACES)
        if table is None:
            return 0
        session = table.column("LabSession")
        rows = self.span_query(
            f"SELECT uniqExactIf(name, name != '') FROM (SELECT coalesce(nullIf({session}, ''), "  # noqa: S608  # names of ours
            "SpanAttributes['splunk.rumSessionId']) AS name FROM {table})"
        )
        return int(rows[0][0])

    def _bytes(self) -> int:
        values = Values()
        rows = self._connections.rows(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active "  # noqa: S608  # a bound parameter
            f"AND database = {values.text(self._connections.address.database)}",
            values,
        )
        return int(rows[0][0] or 0)
