"""Carts in one SQLite file, with a database span for every statement.

Statements share a small pool of connections. Carts unchanged for two days are deleted when the service
starts and every hour.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation import dbapi
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeter, NoOpMeterProvider

from runtime.sqlite_files import is_damage, see_that_it_can_be_written, set_aside_if
from services.cart.carts import KEPT_S, MAX_QUANTITY, CartLine, LostConnections
from services.cart.connection_pool import ConnectionPool, observe_pools, wait_time
from services.common.errors import InvalidRequest, StartError, Unavailable

DATABASE = "carts"
LEAKY = "carts-v2"
"""The pool of the code that does not give its connections back."""
_CONNECTIONS = 4
"""A cart's statements take microseconds, and SQLite has one writer anyway."""
_LOG = logging.getLogger(__name__)
_pause = threading.Event()
_BUSY_S = 2.0
_PRUNE_EVERY_S = 3600.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cart_item (
    user_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    added_unix_ns INTEGER NOT NULL,
    touched_unix_s INTEGER NOT NULL,
    PRIMARY KEY (user_id, product_id)
) WITHOUT ROWID
"""
_COLUMNS = {"user_id", "product_id", "quantity", "added_unix_ns", "touched_unix_s"}
_ADD = (
    "INSERT INTO cart_item VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id, product_id) "
    "DO UPDATE SET quantity = quantity + excluded.quantity, touched_unix_s = excluded.touched_unix_s "
    "WHERE quantity + excluded.quantity <= ?"
)
_LINES = "SELECT product_id, quantity FROM cart_item WHERE user_id = ? ORDER BY added_unix_ns, product_id"
# The function is constant within a statement, so SQLite runs it once, however many lines there are.
_SLOW_LINES = _LINES.replace("user_id = ?", "user_id = read_slow_disk(?)")
_EMPTY = "DELETE FROM cart_item WHERE user_id = ?"
_PRUNE = "DELETE FROM cart_item WHERE touched_unix_s < ?"


def _see_to_file(path: Path) -> None:
    """Set a file aside that is damaged, or whose carts have another form, so that the shop starts."""
    if not _is_unusable(path):
        return
    kept = set_aside_if(path, "unusable", lambda: _is_unusable(path))
    if kept is not None:
        _LOG.error(
            "the file of carts %s is damaged or of another version: it is kept as %s, a new one was begun",
            path,
            kept,
        )


def _is_unusable(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        try:
            columns = {row[1] for row in connection.execute("PRAGMA table_info(cart_item)")}
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return True
            raise
    return bool(columns) and columns != _COLUMNS


class _NamedDatabase(dbapi.DatabaseApiIntegration):
    """Gives the spans the database's name: a SQLite connection does not have it."""

    def get_connection_attributes(self, connection: object) -> None:
        self.name = self.database = DATABASE


class SqliteCarts:
    """`Carts` in the file at `path`, created if it is missing."""

    def __init__(
        self,
        path: Path,
        tracer_provider: trace.TracerProvider,
        meter_provider: MeterProvider | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pruned_at = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            see_that_it_can_be_written(path)
            _see_to_file(path)
            self._plain = self._connected()
            self._plain.execute("PRAGMA journal_mode = WAL")
            self._plain.execute(_SCHEMA)
            # A file of a medium that is read-only opens well, and fails at the first order.
            self._plain.execute("BEGIN IMMEDIATE")
            self._plain.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise StartError(
                f"cannot keep carts in {path}: {error}; set CART_DB to a file that can be written."
            ) from error
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider or NoOpMeterProvider()
        meter = meter or NoOpMeter("carts")
        self._waits = wait_time(meter)
        self._pool = ConnectionPool(DATABASE, self._traced, _CONNECTIONS, _BUSY_S, self._waits)
        self._leaky: tuple[LostConnections, ConnectionPool] | None = None
        observe_pools(meter, self._pools)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_S, check_same_thread=False, isolation_level=None
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _traced(self) -> Any:
        return self._with_spans(self._connected())

    def _pools(self) -> tuple[ConnectionPool, ...]:
        leaky = self._leaky
        return (self._pool, leaky[1]) if leaky else (self._pool,)

    def _pool_for(self, lost: LostConnections | None) -> ConnectionPool:
        if lost is None:
            return self._pool
        with self._lock:
            if self._leaky is None or self._leaky[0] != lost:
                if self._leaky is not None:
                    self._leaky[1].close()
                made = ConnectionPool(LEAKY, self._traced, lost.connections, lost.wait_ms / 1000, self._waits)
                self._leaky = (lost, made)
            return self._leaky[1]

    def _with_spans(self, connection: sqlite3.Connection) -> Any:
        return dbapi.instrument_connection(
            __name__,
            connection,
            "sqlite",
            tracer_provider=self._tracer_provider,
            meter_provider=self._meter_provider,
            db_api_integration_factory=_NamedDatabase,
        )

    @contextmanager
    def _cursor(self, lost: LostConnections | None = None) -> Iterator[Any]:
        """A cursor of a pooled connection, which a caller with the fault does not give back."""
        try:
            with (
                self._pool_for(lost).lend(keep=lost is not None) as connection,
                closing(connection.cursor()) as cursor,
            ):
                yield cursor
        except sqlite3.Error as error:
            raise Unavailable(f"the carts in {self._path.name} cannot be used now: {error}") from error

    def add(self, user_id: str, line: CartLine, lost: LostConnections | None = None) -> None:
        """See `Carts.add`."""
        now_s = int(time.time())
        self._prune(now_s)
        with self._cursor(lost) as cursor:
            cursor.execute(
                _ADD, (user_id, line.product_id, line.quantity, time.time_ns(), now_s, MAX_QUANTITY)
            )
            if cursor.rowcount == 0:
                raise InvalidRequest(f"a cart holds at most {MAX_QUANTITY} of one product")

    def lines(
        self, user_id: str, slow_ms: float = 0.0, lost: LostConnections | None = None
    ) -> Sequence[CartLine]:
        """See `Carts.lines`; a slow statement has a connection of its own."""
        query, cursors = (
            (_SLOW_LINES, self._slow_cursor(slow_ms)) if slow_ms else (_LINES, self._cursor(lost))
        )
        with cursors as cursor:
            cursor.execute(query, (user_id,))
            return [CartLine(product_id, quantity) for product_id, quantity in cursor.fetchall()]

    @contextmanager
    def _slow_cursor(self, slow_ms: float) -> Iterator[Any]:
        """A cursor of a connection of its own, so that nobody else waits for its statement."""

        def read_slow_disk(value: str) -> str:
            _pause.wait(slow_ms / 1000)
            return value

        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)) as connection:
                connection.create_function("read_slow_disk", 1, read_slow_disk, deterministic=True)
                with closing(self._with_spans(connection).cursor()) as cursor:
                    yield cursor
        except sqlite3.Error as error:
            raise Unavailable(f"the carts in {self._path.name} cannot be used now: {error}") from error

    def empty(self, user_id: str, lost: LostConnections | None = None) -> None:
        """See `Carts.empty`."""
        with self._cursor(lost) as cursor:
            cursor.execute(_EMPTY, (user_id,))

    def healthy(self) -> bool:
        """Whether the file can be read and its folder is still there."""
        try:
            with self._lock:
                self._plain.execute("SELECT 1 FROM cart_item LIMIT 1").fetchone()
        except sqlite3.Error:
            return False
        return self._path.exists()

    def close(self) -> None:
        """Close the file."""
        for pool in self._pools():
            pool.close()
        with self._lock:
            self._plain.close()

    def _prune(self, now_s: int) -> None:
        """Delete expired carts; makes no span."""
        if time.monotonic() - self._pruned_at < _PRUNE_EVERY_S and self._pruned_at:
            return
        self._pruned_at = time.monotonic()
        try:
            with self._lock:
                self._plain.execute(_PRUNE, (now_s - KEPT_S,))
        except sqlite3.Error as error:
            raise Unavailable(f"the carts in {self._path.name} cannot be used now: {error}") from error
