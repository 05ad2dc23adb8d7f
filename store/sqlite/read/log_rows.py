"""Logs by their blocks and places, decoded; they are kept, as they never change.

Whoever opens a log, or goes on in a list, sees the same hundred again, and fields are counted each time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from signals.log_fields import LogWithFields
from signals.model import Attributes, Log, Severity
from store.decode import log_attributes, resource_attributes
from store.sqlite.log_parts import DamagedLogs
from store.sqlite.read.log_blocks import Block
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.row_mapping import log_of
from store.sqlite.read.shared import BoundedCache

_LOG = logging.getLogger(__name__)
_LOGS_BYTES: Final = 2 * 1024**2
_FIELDS_BYTES: Final = 2 * 1024**2
"""Pages of logs, and what is counted of 300 logs, a few times each."""


class FieldsOfLog(NamedTuple):
    """What `signals.log_fields` counts of a log."""

    severity: Severity
    service: str
    attributes: Attributes
    resource: Attributes


class _Kept(NamedTuple):
    """A log, or its fields, of a message of a size."""

    log: Any
    raw_bytes: int


class _KnownLogs(BoundedCache[int, _Kept]):
    """Logs by their numbers, of which none is given twice."""

    def __init__(self) -> None:
        super().__init__(_LOGS_BYTES, lambda kept: 1_200 + 5 * kept.raw_bytes)


class _KnownFields(BoundedCache[int, _Kept]):
    """Fields of logs by their numbers."""

    def __init__(self) -> None:
        super().__init__(_FIELDS_BYTES, lambda kept: 600 + 3 * kept.raw_bytes)


class LogRows:
    """Reads logs of one snapshot."""

    def __init__(self, db: ReadSession) -> None:
        self._db = db
        self._bodies: dict[int, bytes | None] = {}
        self._logs = db.shared.of(_KnownLogs)
        self._fields = db.shared.of(_KnownFields)

    def logs(self, places: Iterable[tuple[Block, int]]) -> list[Log]:
        """Logs by their blocks and places; those that are damaged are left out."""
        found: list[Log] = []
        fresh: dict[int, _Kept] = {}
        for block, place in places:
            key = block.table.seqs[place]
            known = self._logs.get(key)
            if known is None:
                try:
                    known = fresh[key] = _Kept(self.log(block, place), len(block.raws[place]))
                except DamagedLogs as error:
                    _LOG.warning("left out: %s", error)
                    continue
            found.append(known.log)
        self._logs.update(fresh)
        return found

    def log(self, block: Block, place: int) -> Log:
        """One of them, decoded. Raises DamagedLogs."""
        return log_of(self._row(block, place))

    def with_fields(self, places: Iterable[tuple[Block, int]]) -> list[LogWithFields]:
        """What is counted of logs, as `logs`: a third of the work."""
        found: list[LogWithFields] = []
        fresh: dict[int, _Kept] = {}
        of_logs, of_fields = self._logs.get, self._fields.get
        for block, place in places:
            key = block.table.seqs[place]
            known = of_fields(key) or of_logs(key)
            if known is None:
                try:
                    known = fresh[key] = self._with_fields(block, place)
                except DamagedLogs as error:
                    _LOG.warning("left out: %s", error)
                    continue
            found.append(known.log)
        self._fields.update(fresh)
        return found

    def _with_fields(self, block: Block, place: int) -> _Kept:
        kind, raw = block.kind(place), block.raws[place]
        resource = resource_attributes(self._body(kind.resource) or b"")
        fields = FieldsOfLog(Severity.of(kind.severity), kind.service, log_attributes(raw), resource)
        return _Kept(fields, len(raw))

    def _row(self, block: Block, place: int) -> Row:
        """Number, time, severity, text, service, ids, session, message, and the bodies of its origins."""
        kind = block.kind(place)
        return (
            *(block.table.seqs[place], block.table.times[place], kind.severity, block.texts[place].decode()),
            *(kind.service, block.traces[place], block.spans[place], kind.session, block.raws[place]),
            *(self._body(kind.resource), self._body(kind.scope)),
        )

    def _body(self, origin: int) -> bytes | None:
        if origin not in self._bodies:
            row: Any = self._db.one("SELECT body FROM origins WHERE id = ?", (origin,))
            self._bodies[origin] = row[0] if row else None
        return self._bodies[origin]
