"""The stored spans as a read session sees them, in the model's form."""

# ruff: noqa: S608 - what is put into SQL text is our own

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from signals.model import Span
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import span_of
from store.sqlite.stored_spans import StoredSpan, StoredSpans
from store.sqlite.table_layout import BROWSER_FLAG
from store.sqlite.trace_parts import DamagedPart, raws_in


def stored_spans(db: ReadSession, *, leave_out_damaged: bool = True) -> StoredSpans:
    """Those of this snapshot. Of a page's many traces, a damaged part is left out; see `StoredSpans`."""
    return StoredSpans(db.each, leave_out_damaged=leave_out_damaged)


def decoded(stored: StoredSpans, spans: Iterable[StoredSpan]) -> list[Span]:
    """Spans of a store in the model's form."""
    return [
        span_of(
            (
                *(span.trace_id, span.span_id, span.parent, span.service, span.name, span.kind, span.start),
                *(span.duration, span.flags, span.peer, span.session, span.raw),
                *(stored.body_of(span.resource), stored.body_of(span.scope)),
            )
        )
        for span in spans
    ]


def traces_with_span(db: ReadSession, condition: str, needle: bytes) -> tuple[str, int]:
    """SQL that is true for the traces `t` that have a backend span `s` for which the condition is true.

    With how often the values of the condition are needed. The condition may name `s.raw`, `s.resource` and
    `s.scope`. It must be the same for all messages without the bytes `needle`.
    """
    rows = (
        f"EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = t.trace_id AND NOT s.flags & {BROWSER_FLAG} "
        f"AND ({condition}))"
    )
    if not db.one("SELECT 1 FROM sqlite_master WHERE name = 'part_ids'"):
        return rows, 1
    part = _Part(needle)
    # A name for each condition of a statement.
    suffix = hashlib.blake2b(condition.encode("utf-8", "replace"), digest_size=8).hexdigest()
    db.add_function(f"part_origins_{suffix}", 2, part.origins)
    db.add_function(f"part_raw_{suffix}", 2, part.raw)
    # With a limit, which changes nothing, SQLite makes each row once and not again for each column asked.
    parts = (
        f"EXISTS (SELECT 1 FROM (SELECT part_raw_{suffix}(p.seq, j.key) AS raw, j.value ->> 0 AS resource, "
        "j.value ->> 1 AS scope FROM part_ids i CROSS JOIN trace_parts p ON p.seq = i.seq "
        f"CROSS JOIN json_each(part_origins_{suffix}(p.seq, p.body)) j "
        f"WHERE i.trace_id = t.trace_id LIMIT -1) s WHERE {condition})"
    )
    return f"({rows} OR {parts})", 2


class _Part:
    """The part whose spans SQLite looks at, decoded once."""

    def __init__(self, needle: bytes) -> None:
        self._needle = needle
        self._seq = 0
        self._raws: Sequence[bytes] = ()

    def origins(self, seq: int, body: bytes) -> str:
        """[[resource, scope], …] of its spans as JSON; none of one that is damaged."""
        try:
            origins, self._raws = raws_in(seq, body, self._needle)
        except DamagedPart:
            return "[]"
        self._seq = seq
        return "[" + ",".join([f"[{resource},{scope}]" for resource, scope in origins]) + "]"

    def raw(self, seq: int, place: int) -> bytes:
        """The message of one of the spans of the part whose origins were asked for last."""
        assert seq == self._seq, "SQLite reads a part to its end before the next one"
        return self._raws[place]
