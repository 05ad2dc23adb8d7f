"""Storage of telemetry: the contract for writing and reading, and the engines behind it.

Knows neither its writers nor its readers. Other rooms import `store` and `store.api`
only; an engine is reached through `open_writer` and `open_reader`, which import it when
they are called: callers that need the contract alone do not load one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from store.address import Place as Place, file_of as file_of, shown as shown
from store.api import Reader, ReaderProcesses, Writer

if TYPE_CHECKING:
    from store.settling_process import SettlingProcess

DEFAULT_MAX_BYTES: Final = 2 * 1024**3
DEFAULT_MAX_AGE_S: Final = 7 * 24 * 3600.0
DEFAULT_MAX_SERIES_OF_METRIC: Final = 2_000
DEFAULT_MAX_SERIES: Final = 20_000


def open_writer(
    place: Place,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_age_s: float = DEFAULT_MAX_AGE_S,
    max_series_of_metric: int = DEFAULT_MAX_SERIES_OF_METRIC,
    max_series: int = DEFAULT_MAX_SERIES,
    apart: bool = False,
) -> Writer:
    """The writer of the store at `place`, a file or an address, which is created if it does not exist.

    `max_bytes` bounds the data (the file may be a little larger), `max_age_s` the
    time in the store, the last two how many series of metrics may be alive at once: with a point
    within the last hour. Raises StoreUnavailable (another writer, no right to write, a
    full disk, no answer) and StoreMismatch (the file of another program, a malformed address).
    A file of another schema is carried over or set aside. A server has bounds of its own: of these
    only `max_age_s` is followed there, for tables that do not exist yet. `apart`: what is derived from spans
    is computed by a process of its own, a fork where this one has no thread yet; else by the writer's thread.
    """
    path = file_of(place)
    if path is None:
        from store.clickhouse.opening import open_clickhouse_writer

        return open_clickhouse_writer(str(place), max_age_s)
    from store.sqlite.write.metric_ingest import SeriesBounds
    from store.sqlite.write.writer import SqliteWriter

    series = SeriesBounds(max_series_of_metric, max_series)
    process = None
    if apart:
        from store.sqlite.write.settler_process import SettlerProcess

        process = SettlerProcess(path)
    try:
        return SqliteWriter(path, max_bytes=max_bytes, max_age_s=max_age_s, series=series, apart=process)
    except BaseException:
        if process is not None:
            process.end()
        raise


def open_reader(place: Place, *, time_limit_s: float | None = None, frugal: bool = False) -> Reader:
    """A reader of the store at `place`; TooSlow where it needs more than `time_limit_s`, 10 by default.

    A `frugal` one needs little memory, for a process that asks little. The store need not exist yet:
    until its writer creates it, every answer is empty; when the file is replaced, the next answer is
    from the new one. Raises StoreMismatch for a malformed address; a server is asked when a question comes.
    """
    path = file_of(place)
    if path is None:
        from store.clickhouse.opening import open_clickhouse_reader

        return open_clickhouse_reader(str(place), time_limit_s)
    from store.sqlite.read.read_connection import TIME_LIMIT_S
    from store.sqlite.read.reader import SqliteReader

    return SqliteReader(path, TIME_LIMIT_S if time_limit_s is None else time_limit_s, frugal=frugal)


def start_settling(place: Place) -> SettlingProcess | None:
    """A process that settles the store, started again if it dies; None for a place that needs none.

    Of several over one store, one works at a time. It waits until the store is prepared. An engine inside one
    process (`chdb://`) is open in that one only.
    """
    if file_of(place) is not None or str(place).startswith("chdb:"):
        return None
    from store.settling_process import SettlingProcess

    return SettlingProcess(str(place))


def open_reader_processes(reader: Reader, most: int) -> ReaderProcesses:
    """Up to `most` processes that read what `reader`, one of `open_reader`, reads; none is started yet.

    They have a lower priority, and end after a minute without a question, with this process, and when they
    need much memory. Raises TypeError for a reader of another kind.
    """
    from store.sqlite.read.reader import SqliteReader
    from store.sqlite.read.reader_pool import ReaderPool

    if not isinstance(reader, SqliteReader):
        raise TypeError(f"{type(reader).__name__} is no reader of a file")
    return ReaderPool(reader, most)
