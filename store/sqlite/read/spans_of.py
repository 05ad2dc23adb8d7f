"""The stored spans as a read session sees them, in the model's form."""

# ruff: noqa: S608 - what is put into SQL text is our own

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from signals.model import Span
from store.sqlite.read.attribute_scan import Condition
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import span_of
from store.sqlite.read.shared import BoundedCache
from store.sqlite.stored_spans import StoredSpan, StoredSpans
from store.sqlite.table_layout import BROWSER_FLAG
from store.sqlite.trace_parts import DamagedPart, Messages

_SEARCHED_BYTES: Final = 4 * 1024**2
"""Ten searches of as many traces as one reads."""


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


def traces_with_span(db: ReadSession, condition: Condition, needle: bytes) -> tuple[str, list[object]]:
    """SQL that is true for the traces `t` that have a backend span `s` for which the condition is true.

    With its values. The condition may name `s.raw`, `s.resource` and `s.scope`. It must be the same for all
    messages without the bytes `needle`, and for as long as its text and values are.
    """
    sql, values = condition.sql, condition.values
    rows = (
        f"EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = t.trace_id AND NOT s.flags & {BROWSER_FLAG} "
        f"AND ({sql}))"
    )
    if not db.one("SELECT 1 FROM sqlite_master WHERE name = 'part_ids'"):
        return rows, [*values]
    search = hashlib.blake2b(repr((sql, values)).encode(), digest_size=16)
    part = _Part(needle, condition.likely, search.digest(), db.shared.of(_Searched))
    # A name for each condition of a statement.
    suffix = search.hexdigest()
    db.add_function(f"part_known_{suffix}", 1, part.known)
    db.add_function(f"part_note_{suffix}", 2, part.note)
    db.add_function(f"part_likely_{suffix}", 2, part.likely)
    db.add_function(f"part_all_{suffix}", 2, part.all)
    db.add_function(f"part_raw_{suffix}", 2, part.raw)
    spans = " UNION ALL ".join(
        f"SELECT part_raw_{suffix}(p.seq, j.key) AS raw, j.value ->> 0 AS resource, j.value ->> 1 AS scope "
        f"FROM trace_parts p CROSS JOIN json_each(part_{which}_{suffix}(p.seq, p.body)) j WHERE p.seq = i.seq"
        for which in ("likely", "all")
    )
    # With a limit, which changes nothing, SQLite makes each row once and not again for each column asked, and
    # all spans only after the likely one.
    parts = (
        "EXISTS (SELECT 1 FROM part_ids i WHERE i.trace_id = t.trace_id "
        f"AND coalesce(part_known_{suffix}(i.seq), part_note_{suffix}(i.seq, EXISTS ("
        f"SELECT 1 FROM ({spans} LIMIT -1) s WHERE {sql}))))"
    )
    return f"({rows} OR {parts})", [*values, *values]


class _Searched(BoundedCache[tuple[bytes, int], bool]):
    """Whether a part has a span for which a condition is true, by condition and part: neither changes."""

    def __init__(self) -> None:
        super().__init__(_SEARCHED_BYTES, lambda _: 200)


class _Part:
    """The part whose spans SQLite looks at, decompressed once."""

    def __init__(self, needle: bytes, likely: Sequence[bytes], condition: bytes, searched: _Searched) -> None:
        self._needle = needle
        self._likely = likely
        self._condition = condition
        self._searched = searched
        self._seq = 0
        self._messages: Messages | None = None
        """None of a damaged part."""
        self._raws: Sequence[bytes] = ()

    def known(self, seq: int) -> bool | None:
        """Whether a span of the part fulfils the condition; None if the part was not searched yet."""
        return self._searched.get((self._condition, seq))

    def note(self, seq: int, found: int) -> bool:
        """Keep and return what was found in a part; of a damaged one it is not kept."""
        if seq == self._seq and self._messages is not None:
            self._searched.update({(self._condition, seq): bool(found)})
        return bool(found)

    def likely(self, seq: int, body: bytes) -> str:
        """[[resource, scope]] of the span that most likely fulfils the condition, [] if none is likely."""
        self._seq, self._messages = seq, None
        try:
            self._messages = Messages(seq, body)
        except DamagedPart:
            return "[]"
        found = self._messages.first_with(self._likely)
        if found is None:
            return "[]"
        (resource, scope), raw = found
        self._raws = (raw,)
        return f"[[{resource},{scope}]]"

    def all(self, seq: int, _body: bytes) -> str:
        """[[resource, scope], …] of its spans as JSON; none of one that is damaged."""
        assert seq == self._seq, "the likely span is asked for before all"
        if self._messages is None:
            return "[]"
        origins, self._raws = self._messages.divided(self._needle)
        return "[" + ",".join([f"[{resource},{scope}]" for resource, scope in origins]) + "]"

    def raw(self, seq: int, place: int) -> bytes:
        """The message of one of the spans of the part that were asked for last."""
        assert seq == self._seq, "SQLite reads a part to its end before the next one"
        return self._raws[place]
