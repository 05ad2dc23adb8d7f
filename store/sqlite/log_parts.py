"""The form of a row of `log_parts`: up to 250 logs, in order of time, in columns that are compressed apart.

A row for each log cost 500 bytes with its indexes (docs/adr/035-log-parts.md). A search by text reads the
texts alone, one by service or severity the columns alone. Numbers are stored in the byte order of the
machine. Knows neither tables nor questions.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, count, pairwise
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

MOST_LOGS: Final = 250
"""Of a part: one log, or those of a trace, are read without many others."""
MOST_BYTES: Final = 1_000_000
"""Of the messages of a part; a single one may be larger."""
_LEVEL: Final = 3
"""Of zlib: 0.4 µs a log more than level 1, and a tenth less."""
_HEAD: Final = struct.Struct("=II")
"""How many logs, and the size of the JSON of their kinds."""
_COLUMNS: Final = (("Q", 8), ("Q", 8), ("H", 2))
_SIZE_BYTES: Final = 4
_HALF: Final = 1 << 31
_LONG_GAP_NS: Final = 60 * 10**9
_MOST_CUTS: Final = 8
_SEVERAL: Final = 16
"""Pieces with what is sought, after which it is known whether many have it."""

Checks = Mapping[int, int]
"""Numbers of resources and scopes to the CRC-32 of their bodies."""


class DamagedLogs(sqlite3.DatabaseError):
    """A part is not as it was written. The rest of the store is not concerned."""

    sqlite_errorname = "DAMAGED_LOGS"


class LogKind(NamedTuple):
    """What many logs of a part have in common."""

    service: str
    severity: int
    session: str
    """Empty without one."""
    resource: int
    """As `origins.id`, like the scope."""
    scope: int
    resource_check: int
    """CRC-32 of its body, like the scope's; 0 of a log that is still a row."""
    scope_check: int


class KeptLog(NamedTuple):
    """A log as it is stored: the columns of `logs`, nothing left out."""

    seq: int
    time: int
    severity: int
    service: str
    trace_id: bytes
    """Empty without one, like the span id."""
    span_id: bytes
    session: str
    body: str
    resource: int
    scope: int
    raw: bytes


class Packed(NamedTuple):
    """The compressed columns of a row of `log_parts`."""

    columns: bytes
    """Number, time, place of the kind of each; the kinds."""
    traces: bytes
    """The sizes of their ids and the ids, like the others."""
    spans: bytes
    texts: bytes
    raws: bytes


by_time: Final[Callable[[KeptLog], Any]] = itemgetter(1, 0)
"""The order of the logs of a part: time, then number."""


class Table(NamedTuple):
    """The columns of logs that every search needs, in order of time."""

    seqs: Sequence[int]
    times: Sequence[int]
    places: Sequence[int]
    """Of each log's kind."""
    kinds: Sequence[LogKind]


def kinds_of(logs: Sequence[KeptLog], checks: Checks) -> tuple[list[LogKind], array[int]]:
    """(the kinds of these logs, the place of each log's kind)."""
    place_of: defaultdict[tuple[Any, ...], int] = defaultdict(count().__next__)
    columns: Any = zip(*logs, strict=True)
    _, _, severities, services, _, _, sessions, _, resources, scopes, _ = columns
    keys = zip(services, severities, sessions, resources, scopes, strict=True)
    places = array("H", map(place_of.__getitem__, keys))
    kinds = [LogKind._make((*key, checks.get(key[3], 0), checks.get(key[4], 0))) for key in place_of]
    return kinds, places


def pack(logs: Sequence[KeptLog], checks: Checks) -> Packed:
    """Pack logs that are in order of time. Their texts must be what UTF-8 can encode."""
    kinds, places = kinds_of(logs, checks)
    columns: Any = zip(*logs, strict=True)
    seqs, times, _, _, traces, spans, _, bodies, _, _, raws = columns
    json = orjson.dumps([list(kind) for kind in kinds])
    table = b"".join(
        (
            _HEAD.pack(len(logs), len(json)),
            array("Q", seqs).tobytes(),
            array("Q", times).tobytes(),
            places.tobytes(),
            json,
        )
    )
    texts = [body.encode() for body in bodies]
    plain_columns = table, *map(_joined, (traces, spans, texts, raws))
    return Packed(*[zlib.compress(column, _LEVEL) for column in plain_columns])


def _joined(pieces: Sequence[bytes]) -> bytes:
    return b"".join((array("I", map(len, pieces)).tobytes(), *pieces))


def read_table(part: int, columns: bytes) -> Table:
    """The columns of a part. Raises DamagedLogs."""
    body = plain(part, columns)
    try:
        many, json_bytes = _HEAD.unpack_from(body)
        at, found = _HEAD.size, []
        for code, width in _COLUMNS:
            column = array(code)
            column.frombytes(body[at : at + many * width])
            found.append(column)
            at += many * width
        seqs, times, places = found
        kinds = [LogKind(*each) for each in orjson.loads(body[at : at + json_bytes])]
        if {len(column) for column in found} != {many} or max(places) >= len(kinds):
            raise ValueError("its columns do not fit each other")
    except (struct.error, ValueError, TypeError) as error:
        raise damaged(part, error) from error
    return Table(seqs, times, places, kinds)


class Pieces:
    """Bytes of the logs of a part, one behind the other."""

    def __init__(self, whole: bytes, ends: Sequence[int]) -> None:
        """`ends`: where the first begins, and where each ends."""
        self.whole = whole
        self._ends = ends

    def __getitem__(self, place: int) -> bytes:
        return self.whole[self._ends[place] : self._ends[place + 1]]

    @cached_property
    def lower(self) -> Pieces:
        """The same with the capitals of ASCII as small letters."""
        return Pieces(self.whole.lower(), self._ends)

    def all(self) -> list[bytes]:
        """Each of them."""
        whole = self.whole
        return [whole[begin:end] for begin, end in pairwise(self._ends)]

    def equal_to(self, piece: bytes) -> list[int]:
        """The places of those that are these bytes, and no others; not for none."""
        whole, ends, size = self.whole, self._ends, len(piece)
        if not isinstance(ends, range) or ends.step != size:
            return [place for place in self.with_bytes(piece) if self[place] == piece]
        found = []
        at = whole.find(piece)
        while at >= 0:
            place, off = divmod(at, size)
            if not off:
                found.append(place)
            at = whole.find(piece, at + (1 if off else size))
        return found

    def with_bytes(self, needle: bytes, *others: bytes) -> list[int]:
        """The places of those that hold these bytes, and others, in order."""
        whole, ends = self.whole, self._ends
        found: list[int] = []
        at = whole.find(needle)
        while at >= 0:
            # An empty piece ends where it begins: the last one that begins there has the bytes.
            place = bisect_right(ends, at) - 1
            if not needle or (len(found) >= _SEVERAL and 4 * len(found) > place):
                # So many have them that each is looked into.
                found, others = list(range(len(ends) - 1)), (needle, *others)
                break
            if at + len(needle) <= ends[place + 1]:
                found.append(place)
                at = whole.find(needle, ends[place + 1])
            else:
                at = whole.find(needle, at + 1)
        if found and others:
            pieces = self.all()
            for other in others:
                found = [place for place in found if other in pieces[place]]
        return found


def joined(pieces: Sequence[bytes]) -> Pieces:
    """Pieces that were apart."""
    return Pieces(b"".join(pieces), list(accumulate(map(len, pieces), initial=0)))


def read_pieces(part: int, many: int, column: bytes) -> Pieces:
    """The ids, texts or messages of a part's logs. Raises DamagedLogs."""
    body = plain(part, column)
    sizes = body[: many * _SIZE_BYTES]
    try:
        ends = _ends(sizes)
        if len(sizes) != many * _SIZE_BYTES or ends[-1] != len(body) - len(sizes):
            raise ValueError("its pieces do not make up its length")
    except ValueError as error:
        raise damaged(part, error) from error
    return Pieces(body[len(sizes) :], ends)


def _ends(packed: bytes) -> Sequence[int]:
    """Where pieces of these sizes begin and end. Ids mostly are of one size."""
    sizes = array("I")
    sizes.frombytes(packed)
    if sizes and sizes[0] and sizes[0] == sizes[-1] and packed == packed[:_SIZE_BYTES] * len(sizes):
        return range(0, sizes[0] * len(sizes) + 1, sizes[0])
    return list(accumulate(sizes, initial=0))


def plain(part: int, body: bytes) -> bytes:
    """A column that was compressed. Raises DamagedLogs."""
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise damaged(part, error) from error


def damaged(part: int, error: Exception) -> DamagedLogs:
    """The error of a part that cannot be read."""
    return DamagedLogs(f"part {part} of the logs is damaged: {error}")


def unpack(part: int, packed: Packed, checks: dict[int, tuple[int, int]] | None = None) -> list[KeptLog]:
    """All logs of a part, in order of time. Raises DamagedLogs.

    `checks` is filled with the checksums of (resource, scope) of each log, by its number.
    """
    table = read_table(part, packed.columns)
    many, found = len(table.seqs), []
    pieces = [read_pieces(part, many, column).all() for column in packed[1:]]
    rows = zip(table.seqs, table.times, table.places, *pieces, strict=True)
    for seq, time, place, trace_id, span_id, text, raw in rows:
        kind = table.kinds[place]
        if checks is not None:
            checks[seq] = kind.resource_check, kind.scope_check
        ids, origins = (trace_id, span_id, kind.session), (kind.resource, kind.scope)
        found.append(KeptLog(seq, time, kind.severity, kind.service, *ids, text.decode(), *origins, raw))
    return found


def part_check(numbers: Sequence[int], packed: Packed) -> int:
    """The checksum of a row of `log_parts`: its first five columns but `id`, and the compressed ones."""
    found = crc32(" ".join(map(str, numbers)).encode())
    for column in packed:
        found = crc32(column, crc32(b" %d " % len(column), found))
    return found - _HALF


def cut_up(logs: Sequence[KeptLog]) -> list[Sequence[KeptLog]]:
    """Logs in order of time as parts of bounded size, each of a short time as far as that is possible.

    A sender whose clock is wrong would stretch the time of a part, which every search in that time reads.
    """
    times = [log.time for log in logs]
    gaps = sorted(((after - before, place) for place, (before, after) in enumerate(pairwise(times), 1)))
    cuts = sorted(place for gap, place in gaps[-_MOST_CUTS:] if gap > _LONG_GAP_NS)
    found: list[Sequence[KeptLog]] = []
    for begin, end in pairwise([0, *cuts, len(logs)]):
        size, first = 0, begin
        for place in range(begin, end):
            size += len(logs[place].raw)
            if place - first >= MOST_LOGS or (size > MOST_BYTES and place > first):
                found.append(logs[first:place])
                first, size = place, len(logs[place].raw)
        found.append(logs[first:end])
    return found
