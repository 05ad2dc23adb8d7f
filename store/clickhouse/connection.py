"""Connections to ClickHouse: a client for each thread, bound parameters, limits, errors of the contract."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from store.api import StoreBusy, StoreError, StoreMismatch, StoreUnavailable, TooSlow
from store.clickhouse.address import Address

TIME_LIMIT_S: Final = 10.0
_MAX_ROWS: Final = 200_000_000
"""Rows that one question may read: about ten seconds on two cores."""
_TOO_SLOW: Final = frozenset({158, 159, 160, 241, 307, 396})
_BUSY: Final = frozenset({202, 252})
_MISMATCH: Final = frozenset({16, 47, 60, 81})
Row = Sequence[Any]


class Values:
    """The values of a statement, each bound by the server under a name of its own."""

    def __init__(self) -> None:
        self.by_name: dict[str, object] = {}

    def text(self, value: str) -> str:
        """What stands for a text in SQL."""
        return self._bind(clean(value), "String")

    def texts(self, values: Sequence[str]) -> str:
        """What stands for a list of texts."""
        return self._bind([clean(value) for value in values], "Array(String)")

    def _bind(self, value: object, kind: str) -> str:
        name = f"p{len(self.by_name)}"
        self.by_name[name] = value
        return f"{{{name}:{kind}}}"


def clean(text: str) -> str:
    """The text as UTF-8 can hold it: lone surrogates become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Connections:
    """A client for each thread that asks."""

    def __init__(self, address: Address, time_limit_s: float = TIME_LIMIT_S) -> None:
        self.address = address
        self._time_limit_s = time_limit_s
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[Any] = []

    def rows(
        self, sql: str, values: Values | None = None, raw: Sequence[str] = (), *, unlimited: bool = False
    ) -> Sequence[Row]:
        """The rows of a question; `raw` names columns that are given as bytes."""
        settings = {} if unlimited else {
            "max_execution_time": self._time_limit_s, "max_rows_to_read": _MAX_ROWS,
        }  # fmt: skip
        with self._errors():
            found = self._client().query(
                sql,
                parameters=values.by_name if values and values.by_name else None,
                settings=settings,
                column_formats=dict.fromkeys(raw, "bytes"),
            )
            return found.result_rows  # type: ignore[no-any-return]  # the client has no types

    def run(self, sql: str, values: Values | None = None) -> None:
        """Execute a statement without an answer."""
        with self._errors():
            self._client().command(sql, parameters=values.by_name if values and values.by_name else None)

    def source(self, table: str) -> str:
        """What stands after FROM for a table of this database, on all servers of the cluster."""
        address = self.address
        if address.cluster:
            return f"cluster('{address.cluster}', {address.database}, {table})"
        return f"{address.database}.{table}"

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str) -> None:
        """Insert columns; the server has them when this returns. With a token, a repetition is no second."""
        settings = {
            "async_insert": 0,
            "insert_deduplicate": 1,
            "insert_deduplication_token": token,
            # What views made of the insert is no second, either. Old times lie in many partitions.
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "max_partitions_per_insert_block": 0,
        }
        with self._errors():
            self._client().insert(
                table,
                list(columns.values()),
                column_names=list(columns),
                database=self.address.database,
                column_oriented=True,
                settings=settings,
            )

    def close(self) -> None:
        """Close every client. Idempotent."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()

    def _client(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = _connect(self.address)
            with self._lock:
                self._clients.append(client)
        return client

    @contextmanager
    def _errors(self) -> Iterator[None]:
        driver = _driver()
        try:
            yield
        except StoreError:
            raise
        except driver.Error as error:
            raise _translated(error, self.address) from error
        except (OSError, UnicodeError) as error:
            raise StoreUnavailable(f"{self.address.shown} does not answer: {error}") from error


def _driver() -> Any:
    try:
        from clickhouse_connect.driver import exceptions
    except ImportError:
        raise StoreUnavailable(
            "ClickHouse needs a library that is not installed: pip install 'hipster-lab[clickhouse]'.",
            "cannot_open",
        ) from None
    return exceptions


def _connect(address: Address) -> Any:
    _driver()
    import clickhouse_connect

    if address.path:
        return clickhouse_connect.get_client(interface="chdb", path=address.path)
    return clickhouse_connect.get_client(
        host=address.host,
        port=address.port,
        username=address.user,
        password=address.password,
        secure=address.secure,
        autogenerate_session_id=False,
        connect_timeout=3,
        send_receive_timeout=60,
    )


def _of_network(error: BaseException) -> str:
    """Why there was no answer, in the system's words; empty where there was one."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        if isinstance(found, TimeoutError):
            return "no answer in time"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror[:80]
        # The client's pool keeps the reason beside the cause.
        reason = getattr(found, "reason", None)
        found = reason if isinstance(reason, BaseException) else found.__cause__ or found.__context__
    return ""


def _translated(error: Any, address: Address) -> StoreError:
    """The contract's error for one of the server's."""
    code = getattr(error, "code", None)
    if code is None and (reason := _of_network(error)):
        return StoreUnavailable(f"{address.shown} does not answer ({reason}): see whether the server runs.")
    message = str(error).strip().splitlines()[0][:300] if str(error) else type(error).__name__
    if code in _TOO_SLOW:
        return TooSlow("The answer would take too long: choose a shorter time, or fewer conditions.")
    if code in _BUSY:
        return StoreBusy(f"{address.shown} has too much to do at once: try again.")
    if code in _MISMATCH:
        return StoreMismatch(f"The tables in {address.shown} are not as expected: {message}")
    return StoreUnavailable(f"{address.shown} refuses: {message}")
