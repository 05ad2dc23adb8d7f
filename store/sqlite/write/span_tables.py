"""Puts spans into their tables, those of the backend as parts of traces; the first of an id stays.

Of the others it is found out whether they are the same once more, or have other content. Must run inside
the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import filterfalse
from operator import itemgetter
from typing import Any, Final

import orjson
from cachetools import LRUCache

from store.decode import is_same_span
from store.rows import Batch, SpanRow
from store.sqlite.row_checks import span_check
from store.sqlite.stored_spans import StoredSpan, of_connection
from store.sqlite.table_layout import BROWSER_FLAG, DATABASE_FLAG, ERROR_FLAG
from store.sqlite.trace_parts import MOST_BYTES, MOST_SPANS, Origins, can_hold, pack, part_check
from store.sqlite.write.row_values import encodable_span

_INSERT_ROW: Final = (
    "INSERT INTO spans (seq, trace_id, span_id, parent_span_id, service, name, kind, start, "
    "duration, flags, peer, session_id, resource, scope, raw, checksum) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PART: Final = "INSERT INTO trace_parts (seq, trace_id, n, checksum, body) VALUES (?, ?, ?, ?, ?)"
_INSERT_IDS: Final = "INSERT INTO part_ids (trace_id, seq, ids) VALUES (?, ?, ?)"
_LARGE: Final = 1_000
"""The ids of a trace that has at least so many spans are remembered: reading them again for each request
would take time that grows with the trace …"""
_REMEMBERED: Final = 200_000
"""… so many in all: 20 MB."""
_TRACE, _IDS, _BROWSER, _RAW = itemgetter(0), itemgetter(0, 1), itemgetter(12), itemgetter(16)
"""Of a span, by place: in half of the time that a step of Python takes."""
_Browsers = list[tuple[int, SpanRow]]


class SpanTables:
    """The tables `spans`, `trace_parts` and `part_ids`. Used by the writer's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.stored = of_connection(connection)
        self._large: LRUCache[bytes, set[bytes]] = LRUCache(_REMEMBERED, getsizeof=len)

    def forget(self) -> None:
        """Forget what is stored: the transaction was rolled back, or spans were deleted."""
        self._large.clear()

    def new_of(self, batch: Batch, spans: Sequence[SpanRow]) -> Sequence[SpanRow]:
        """Those of the spans whose ids are not stored, each once; counts the others on the batch."""
        known = self._known(set(map(_TRACE, spans)))
        if not known and len(set(map(_IDS, spans))) == len(spans):
            return spans
        new: dict[tuple[bytes, bytes], SpanRow] = {}
        again: dict[bytes, list[SpanRow]] = {}
        for span in spans:
            trace_id, span_id = key = span[0], span[1]
            if key in new or span_id in known.get(trace_id, ()):
                again.setdefault(trace_id, []).append(span)
            else:
                new[key] = span
        self.stored.forget_bodies()
        for trace_id, repeated in again.items():
            kept = self.stored.kept(trace_id, [span[1] for span in repeated])
            for span in repeated:
                self._compare(batch, span, new.get((trace_id, span[1])), kept.get(span[1]))
        for trace_id, ids in known.items():
            if len(ids) >= _LARGE:
                ids.update([span_id for trace, span_id in new if trace == trace_id])
                self._remember(trace_id, ids)
        return list(new.values())

    def _compare(self, batch: Batch, span: SpanRow, new: SpanRow | None, kept: StoredSpan | None) -> None:
        mine = span.raw, span.resource, span.scope
        if new is not None:
            first = new.raw, new.resource, new.scope
        elif kept is not None:
            first = kept.raw, self.stored.body_of(kept.resource), self.stored.body_of(kept.scope)
        else:
            first = mine
        if is_same_span(first, mine):
            batch.repeated += 1
        else:
            batch.differing += 1
            batch.first_differing = batch.first_differing or span

    def _known(self, traces: set[bytes]) -> dict[bytes, set[bytes]]:
        """The ids of the stored spans of each of these traces that has any."""
        found = {trace_id: ids for trace_id in traces if (ids := self._large.get(trace_id)) is not None}
        found |= self.stored.ids_of(traces - found.keys() if found else traces)
        return found

    def _remember(self, trace_id: bytes, ids: set[bytes]) -> None:
        self._large.pop(trace_id, None)
        if len(ids) <= _REMEMBERED:
            self._large[trace_id] = ids

    def insert(
        self, spans: Sequence[SpanRow], after: int, origins: Origins
    ) -> tuple[Sequence[SpanRow], _Browsers]:
        """Insert spans that are new, and number them from `after` + 1.

        Returns them as they are stored, and those of browsers with their numbers.
        """
        try:
            return spans, self._insert(spans, after, origins)
        except (UnicodeEncodeError, orjson.JSONEncodeError):
            # Rows before the one that failed are in; parts come after all rows.
            self._connection.execute("DELETE FROM spans WHERE seq > ?", (after,))
            spans = [encodable_span(span) for span in spans]
            return spans, self._insert(spans, after, origins)

    def _insert(self, spans: Sequence[SpanRow], after: int, origins: Origins) -> _Browsers:
        traces: defaultdict[bytes, list[SpanRow]] = defaultdict(list)
        rows = list(filter(_BROWSER, spans))
        for span in filterfalse(_BROWSER, spans) if rows else spans:
            traces[span[0]].append(span)
        parts, ids = [], []
        seq = after + 1
        for trace_id, whole in traces.items():
            if not can_hold(whole):
                rows += whole
                continue
            for part in _cut(whole):
                body = pack(part, origins)
                parts.append(
                    (
                        *(seq, bytearray(trace_id), len(part)),
                        *(part_check(seq, trace_id, len(part), body), bytearray(body)),
                    )
                )
                ids.append((bytearray(trace_id), seq, bytearray().join([span[1] for span in part])))
                seq += len(part)
        numbered = list(enumerate(rows, seq))
        if numbered:
            self._connection.executemany(_INSERT_ROW, [_row(seq, span, origins) for seq, span in numbered])
        self._connection.executemany(_INSERT_PART, parts)
        self._connection.executemany(_INSERT_IDS, ids)
        return [each for each in numbered if each[1].browser]


def _cut(spans: Sequence[SpanRow]) -> Iterator[Sequence[SpanRow]]:
    """The spans of a trace in parts of bounded size."""
    if len(spans) <= MOST_SPANS and sum(map(len, map(_RAW, spans))) <= MOST_BYTES:
        yield spans
        return
    begin = size = 0
    for place, span in enumerate(spans):
        size += len(span[16])  # raw
        if place - begin >= MOST_SPANS or (size > MOST_BYTES and place > begin):
            yield spans[begin:place]
            begin, size = place, len(span[16])
    yield spans[begin:]


def _row(seq: int, span: SpanRow, origins: Mapping[bytes, tuple[int, int]]) -> tuple[Any, ...]:
    (
        trace_id, span_id, parent, service, name, kind, start, duration, error, peer, database,
        session, browser, _, resource, scope, raw, _,
    ) = span  # fmt: skip
    flags = error * ERROR_FLAG | database * DATABASE_FLAG | browser * BROWSER_FLAG
    resource_id, resource_check = origins[resource]
    scope_id, scope_check = origins[scope]
    # `bytearray`, as `sqlite3` sends every `bytes` through its adapters: 3.4 µs a row, not 5.3.
    return (
        seq, bytearray(trace_id), bytearray(span_id), bytearray(parent) if parent else None,
        service, name, kind, start, duration, flags, peer, session or None,
        resource_id, scope_id, bytearray(raw),
        span_check(
            seq, trace_id + span_id + parent, (service, name, peer, session),
            (kind, duration, flags), start, (resource_check, scope_check), raw,
        ),
    )  # fmt: skip
