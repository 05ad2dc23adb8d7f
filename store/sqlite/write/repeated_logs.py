"""Recognizes a log batch that is sent again: a sender that missed our answer cannot know that it was kept.

A span has an id, a log has none. So the digest of a whole batch is kept for a while, in the transaction
of its logs (docs/adr/021). Must run inside the writer's transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from store.rows import LogRow

KEPT_NS: Final = 3600 * 10**9
"""Longer than any sender of ours or of OpenTelemetry repeats a batch (5 minutes)."""
_MOST: Final = 50_000
"""Digests, all of which are in memory: 5 MB."""
_FORGET_EVERY_NS: Final = 60 * 10**9
_DIGEST_BYTES: Final = 16
_TIME_TAG: Final = b"\x09"
"""What a record with a time begins with: field 1 as 64 bits. Serializers write fields in order."""


class RepeatedLogs:
    """The digests of the log batches of the last hour."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now
        self._known: set[bytes] | None = None
        self._next_forget_ns = 0

    def is_repeated(self, logs: Sequence[LogRow]) -> bool:
        """Whether the very same batch was kept within the last hour; if not, remember it.

        Logs without any time of their sender are never a repetition: "still alive" may well be said
        twice in the same words.
        """
        if not all(_has_time(log.raw) for log in logs):
            return False
        now = self._now()
        if self._known is None or now >= self._next_forget_ns or len(self._known) >= 2 * _MOST:
            self._known = self._remembered(now)
        digest = _digest(logs)
        if digest in self._known:
            return True
        self._known.add(digest)
        self._connection.execute("INSERT INTO log_batches (digest, time) VALUES (?, ?)", (digest, now))
        return False

    def invalidate(self) -> None:
        """Read them anew: a transaction was rolled back."""
        self._known = None

    def _remembered(self, now: int) -> set[bytes]:
        """Those in the table, from which the old ones are deleted."""
        self._next_forget_ns = now + _FORGET_EVERY_NS
        self._connection.execute(
            "DELETE FROM log_batches WHERE time < ? OR id <= (SELECT max(id) FROM log_batches) - ?",
            (now - KEPT_NS, _MOST),
        )
        return {digest for (digest,) in self._connection.execute("SELECT digest FROM log_batches")}


def _digest(logs: Sequence[LogRow]) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    origin: tuple[bytes, bytes] | None = None
    for log in logs:
        if (log.resource, log.scope) != origin:
            origin = (log.resource, log.scope)
            digest.update(b"%d %d " % (len(log.resource), len(log.scope)) + log.resource + log.scope)
        digest.update(b"%d " % len(log.raw) + log.raw)
    return digest.digest()


def _has_time(raw: bytes) -> bool:
    if raw.startswith(_TIME_TAG) and raw[1:9] != bytes(8):
        return True
    try:
        record = LogRecord.FromString(raw)
    except DecodeError:
        return False
    return bool(record.time_unix_nano or record.observed_time_unix_nano)
