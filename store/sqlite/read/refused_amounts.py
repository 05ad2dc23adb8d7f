"""The money that failed requests asked for: amounts in the spans in error of their traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from signals.amounts import WORDS, Amount, amount_of
from store.decode import span_detail
from store.results import Refused
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_slots import SlotKey
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.stored_spans import StoredSpan
from store.sqlite.table_layout import ERROR_FLAG

MAX_LOOKED: Final = 200
"""The newest failed requests whose traces are read: about 10 ms."""
_AT_ONCE: Final = 100
_KNOWN_BYTES: Final = 1024**2
_Name = tuple[str, str]
"""Service and name of a span."""
_Amounts = list[tuple[_Name, Amount]]


class _Known(BoundedCache[int, tuple[SlotKey, "_Amounts"]]):
    """By trace: the slot in which it begins, and its amounts."""

    def __init__(self) -> None:
        super().__init__(_KNOWN_BYTES, lambda known: 300 + 500 * len(known[1]))


def refused_amounts(db: ReadSession, traces: Sequence[int], keys: Mapping[int, SlotKey | None]) -> Refused:
    """What the failed requests of these traces asked for, newest first; a trace comes once for each.

    `keys` are the slots of those traces whose amounts stay known until something is settled there.

    A request counts once, though a call in it was tried several times: of the spans in error that
    name an amount, those named as the outermost count, as many as requests failed.
    """
    looked = Counter(traces[:MAX_LOOKED])
    sums: dict[str, Decimal] = {}
    known = 0
    for trace, found in _amounts_of(db, list(looked), keys).items():
        if not found:
            continue
        outermost = found[0][0]
        for _, amount in [one for one in found if one[0] == outermost][: looked[trace]]:
            sums[amount.currency] = sums.get(amount.currency, Decimal(0)) + amount.value
            known += 1
    return Refused(sums, known, looked.total())


def _amounts_of(
    db: ReadSession, traces: Sequence[int], keys: Mapping[int, SlotKey | None]
) -> dict[int, _Amounts]:
    """The amounts of the spans in error of each trace, by start."""
    kept = db.shared.of(_Known)
    found: dict[int, _Amounts] = {}
    for trace in traces:
        known = kept.get(trace)
        if known is not None and known[0] == keys.get(trace):
            found[trace] = known[1]
    missing = [trace for trace in traces if trace not in found]
    if missing:
        new = _read_amounts(db, missing)
        found.update(new)
        kept.update({trace: (key, new[trace]) for trace in missing if (key := keys.get(trace)) is not None})
    return {trace: found[trace] for trace in traces}


def _read_amounts(db: ReadSession, traces: Sequence[int]) -> dict[int, _Amounts]:
    found: dict[int, _Amounts] = {trace: [] for trace in traces}
    # Bytes in bytes: a message is no text.
    spelled = [form.encode() for word in WORDS for form in (word, word.capitalize(), word.upper())]
    stored = stored_spans(db)
    for trace in traces:
        row = db.one("SELECT trace_id FROM traces WHERE id = ?", (trace,))
        named = stored.holding(row[0], spelled) if row else ()
        for span in sorted([span for span in named if span.flags & ERROR_FLAG], key=_by_start):
            amount = amount_of(span_detail(span.raw).attributes)
            if amount is not None:
                found[trace].append(((span.service, span.name), amount))
    return found


def _by_start(span: StoredSpan) -> tuple[int, int]:
    return span.start, span.seq
