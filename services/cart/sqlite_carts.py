"""Carts in one SQLite file, with a database span for every statement.

One connection and a lock: a cart's statements take microseconds, and SQLite has
one writer anyway. Carts unchanged for two days are deleted when the service
starts and every hour.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation import dbapi
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider

from runtime.sqlite_files import see_that_it_can_be_written
from services.cart.carts import KEPT_S, MAX_QUANTITY, CartLine
from services.common.errors import InvalidRequest, StartError, Unavailable

DATABASE = "carts"
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
    ) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pruned_at = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            see_that_it_can_be_written(path)
            self._plain = sqlite3.connect(
                path, timeout=_BUSY_S, check_same_thread=False, isolation_level=None
            )
            self._plain.execute("PRAGMA journal_mode = WAL")
            self._plain.execute("PRAGMA synchronous = NORMAL")
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
        self._traced = self._with_spans(self._plain)

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
    def _cursor(self) -> Iterator[Any]:
        with self._lock:
            cursor = self._traced.cursor()
            try:
                yield cursor
            except sqlite3.Error as error:
                raise Unavailable(f"the carts in {self._path.name} cannot be used now: {error}") from error
            finally:
                cursor.close()

    def add(self, user_id: str, line: CartLine) -> None:
        """See `Carts.add`."""
        now_s = int(time.time())
        self._prune(now_s)
        with self._cursor() as cursor:
            cursor.execute(
                _ADD, (user_id, line.product_id, line.quantity, time.time_ns(), now_s, MAX_QUANTITY)
            )
            if cursor.rowcount == 0:
                raise InvalidRequest(f"a cart holds at most {MAX_QUANTITY} of one product")

    def lines(self, user_id: str, slow_ms: float = 0.0) -> Sequence[CartLine]:
        """See `Carts.lines`."""
        query, cursors = (_SLOW_LINES, self._slow_cursor(slow_ms)) if slow_ms else (_LINES, self._cursor())
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

    def empty(self, user_id: str) -> None:
        """See `Carts.empty`."""
        with self._cursor() as cursor:
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
