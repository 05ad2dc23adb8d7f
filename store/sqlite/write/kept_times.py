"""At which times the series of a store have points: what is saved a second time is told from what is new."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from array import array
from bisect import bisect_left

import orjson

from store.sqlite.metric_blocks import ChunkTimes, read_block


class KeptTimes:
    """Eight bytes a point."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read those of the store behind `connection`; what is damaged there counts as not kept."""
        self._times: dict[bytes, array[int]] = {}
        digests: dict[int, bytes] = dict(connection.execute("SELECT id, digest FROM metric_series"))
        blocks = connection.execute(
            "SELECT c.body, b.body FROM metric_blocks b JOIN metric_chunks c ON c.id = b.chunk"
        )
        for times, body in blocks:
            try:
                found = [(series, run.times) for series, run in read_block(body, ChunkTimes(times))]
            except (zlib.error, struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError):
                continue
            for series, of_run in found:
                if series in digests:
                    self._of(digests[series]).extend(of_run)
        for (body,) in connection.execute("SELECT body FROM metric_recent"):
            try:
                points = orjson.loads(body)
            except ValueError:
                continue
            for series, _, time, _ in points:
                if series in digests:
                    self._of(digests[series]).append(time)
        self._times = {digest: array("q", sorted(times)) for digest, times in self._times.items()}

    def take(self, digest: bytes, time_unix_nano: int) -> bool:
        """Note a point of a series; False if there is one of this time already."""
        times = self._of(digest)
        if not times or time_unix_nano > times[-1]:
            times.append(time_unix_nano)
            return True
        place = bisect_left(times, time_unix_nano)
        if times[place] == time_unix_nano:
            return False
        times.insert(place, time_unix_nano)
        return True

    def _of(self, digest: bytes) -> array[int]:
        return self._times.setdefault(digest, array("q"))
