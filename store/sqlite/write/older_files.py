"""A store file of another schema at the start: carried over into a new file, or set aside under a dated name.

Nothing is deleted: the former file stays beside the store. The new file is made under another name and
put in place when it is whole, so that a start that is killed meanwhile begins again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from store.sqlite import store_file
from store.sqlite.store_file import READ_AS_THEY_ARE, SCHEMA_VERSION, SUFFIXES, unavailable
from store.sqlite.table_layout import KEPT_POINTS
from store.sqlite.write.carried_rows import Carried, CarryingOver, StoredLog, StoredSpan
from store.sqlite.write.damaged_file import Row
from store.sqlite.write.saved_metrics import SavedMetrics
from store.sqlite.write.setting_aside import set_aside

_LOG = logging.getLogger(__name__)
OLDEST: Final = 1
"""Since this schema, `spans`, `logs` and `origins` have had the columns that are carried over."""
_PROGRESS_EVERY_S: Final = 2.0
_NEW: Final = ".carried"
"""What the name of the file ends with that is being made."""
_SPANS = (
    "SELECT s.trace_id, s.span_id, coalesce(s.parent_span_id, x''), s.service, s.name, s.kind, s.start, "
    "s.duration, s.flags, s.peer, coalesce(s.session_id, ''), coalesce(r.body, x''), coalesce(c.body, x''), "
    "s.raw FROM spans s LEFT JOIN origins r ON r.id = s.resource LEFT JOIN origins c ON c.id = s.scope "
    "ORDER BY s.seq"
)
_LOGS = (
    "SELECT l.time, l.severity, l.service, coalesce(l.trace_id, x''), coalesce(l.span_id, x''), "
    "coalesce(l.session_id, ''), l.body, coalesce(r.body, x''), coalesce(c.body, x''), l.raw FROM logs l "
    "LEFT JOIN origins r ON r.id = l.resource LEFT JOIN origins c ON c.id = l.scope ORDER BY l.seq"
)


_METRIC_TABLES: Final[Mapping[str, str]] = {
    "metrics": "id, name, unit, kind, temporality, monotonic, description, folded",
    "metric_resources": "id, body",
    "metric_series": "id, metric, digest, service, resource, scope, attributes, first, last, arrived",
    "metric_recent": "id, arrived, points, body",
    "metric_chunks": "id, resource, level, arrived, points, body",
    "metric_blocks": "chunk, metric, first, last, body",
    "metric_exemplars": "id, series, time, arrived, value, trace_id, span_id, attributes",
}
"""Tables of metrics and their columns, as `saved_metrics` reads them. Schemas before 6 had none."""


def see_to_schema(path: Path, note: Callable[[str], None]) -> bool:
    """See that the file at `path` is of our schema, or none: one of another is carried over or set aside.

    Returns whether it was another. The file of another program is left to `check_version`. Raises
    StoreUnavailable where files cannot be renamed or the new one cannot be written.
    """
    version = _schema_of(path)
    if version is None or version in (SCHEMA_VERSION, *READ_AS_THEY_ARE):
        return False
    if OLDEST <= version < SCHEMA_VERSION:
        try:
            note(_carry_over(path, version))
        except (sqlite3.DatabaseError, UnicodeError) as error:
            _delete_new(path)
            note(_put_away(path, version, f"it could not be read to its end ({error})"))
        return True
    is_newer = version > SCHEMA_VERSION
    note(_put_away(path, version, "a newer version wrote it" if is_newer else "no version wrote that number"))
    return True


def _schema_of(path: Path) -> int | None:
    """The schema's number of a file of ours; None if there is none, or it is not ours, or it is damaged."""
    try:
        if not path.stat().st_size:
            return None
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=store_file.BUSY_TIMEOUT_S,
            isolation_level=None,
        )
    except (OSError, sqlite3.Error):
        return None
    try:
        application, version = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("application_id", "user_version")
        )
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return version if application == store_file.APPLICATION_ID else None


def _put_away(path: Path, version: int, reason: str) -> str:
    kept = _renamed(path, version)
    return (
        f"{path} has schema {version}, and this program has schema {SCHEMA_VERSION}: {reason}. It was set "
        f"aside as {kept}, and a new store was begun."
    )


def _renamed(path: Path, version: int) -> Path | None:
    try:
        return set_aside(path, f"schema-{version}")
    except OSError as error:
        raise unavailable(path, error) from error


def _carry_over(path: Path, version: int) -> str:
    """Make a new file of the rows, put it in the place of the old one, and return the sentence about it."""
    _delete_new(path)
    new = path.with_name(path.name + _NEW)
    _LOG.warning("%s has schema %d: its spans, logs and metrics are carried over", path, version)
    source = sqlite3.connect(path, timeout=store_file.BUSY_TIMEOUT_S, isolation_level=None)
    try:
        held = _points_held(source)
        carried = _carried(source, new)
    finally:
        source.close()
    kept = _renamed(path, version)
    try:
        new.rename(path)
    except OSError as error:
        raise unavailable(path, error) from error
    _delete_new(path)
    return (
        f"{path} had schema {version}: its {carried.spans:,} spans and {carried.logs:,} logs were carried "
        f"over into schema {SCHEMA_VERSION}.{_metrics_words(carried, held)} It is kept as {kept}: delete "
        "that when nothing is missing."
    )


def _metrics_words(carried: Carried, held: int | None) -> str:
    """A sentence about the metrics of a file that had any."""
    elsewhere = "have a form that is not known here, and are in the former file only."
    if held is None and not carried.points:
        return f" Its metrics {elsewhere}"
    if held is not None and carried.points < held:
        rest = f"the other {held - carried.points:,} {elsewhere}"
        return f" Of its {held:,} points of metrics {carried.points:,} were, too; {rest}"
    exemplars = f" with {carried.exemplars:,} exemplars" if carried.exemplars else ""
    return f" So were {carried.points:,} points of metrics{exemplars}." if carried.points else ""


def _points_held(source: sqlite3.Connection) -> int | None:
    """How many points of metrics the file counts; None where it has metrics and does not count them."""
    row = source.execute("SELECT value FROM facts WHERE name = ?", (KEPT_POINTS,)).fetchone()
    if row and isinstance(row[0], int):
        return row[0]
    has_metrics = source.execute("SELECT 1 FROM sqlite_master WHERE name = 'metric_series'").fetchone()
    return None if has_metrics else 0


def _carried(source: sqlite3.Connection, new: Path) -> Carried:
    target = CarryingOver(new, _Progress())
    try:
        for row in _rows(source, _SPANS):
            target.add_span(StoredSpan(*row))
        for row in _rows(source, _LOGS):
            target.add_log(StoredLog(*row))
        _carry_metrics(source, target)
    except BaseException:
        target.close()
        raise
    return target.finish()


def _carry_metrics(source: sqlite3.Connection, target: CarryingOver) -> None:
    """Carry over the metrics that have the form of ours; those of another stay behind."""
    try:
        tables = {name: _table(source, name) for name in _METRIC_TABLES}
    except sqlite3.OperationalError:
        # A table or a column is not there.
        return
    saved = SavedMetrics(*(tables[name] for name in ("metrics", "metric_resources", "metric_series")))
    for point in saved.settled(tables["metric_chunks"], tables["metric_blocks"]):
        target.add_point(point)
    for point in saved.recent(tables["metric_recent"]):
        target.add_point(point)
    for series, exemplar in saved.exemplars(tables["metric_exemplars"]):
        target.add_exemplar(series, exemplar)


def _table(source: sqlite3.Connection, name: str) -> Iterator[Row]:
    """The rows of a table as they lie in the file. Raises OperationalError at once if it has another form."""
    columns = _METRIC_TABLES[name]
    known = {row[1] for row in source.execute(f"PRAGMA table_info({name})")}
    check = ", checksum" if "checksum" in known else ""
    question = f"SELECT rowid, {columns}{check} FROM {name} ORDER BY rowid"  # noqa: S608  # names of ours
    source.execute(f"EXPLAIN {question}").close()
    # A file has the number of a row once, and nothing in the column that is an alias of it.
    own = columns.startswith("id, ")
    return (Row(row[0], (None, *row[2:]) if own else row[1:]) for row in _rows(source, question))


def _rows(source: sqlite3.Connection, question: str) -> Iterator[tuple[Any, ...]]:
    cursor = source.execute(question)
    cursor.arraysize = 500
    while rows := cursor.fetchmany():
        yield from rows


class _Progress:
    """Says in the log how far it is, every two seconds."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + _PROGRESS_EVERY_S

    def __call__(self, what: str, count: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PROGRESS_EVERY_S
            _LOG.warning("carried over so far: %s %s", f"{count:,}", what)


def _delete_new(path: Path) -> None:
    """Delete what a start that was killed has left of a new file."""
    for suffix in (*SUFFIXES, ".lock"):
        path.with_name(f"{path.name}{_NEW}{suffix}").unlink(missing_ok=True)
