"""The money that failed requests asked for: amounts in the spans in error of their traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from signals.amounts import WORDS, Amount, amount_of
from store.decode import span_detail
from store.results import Refused
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.stored_spans import StoredSpan
from store.sqlite.table_layout import ERROR_FLAG

MAX_LOOKED: Final = 200
"""The newest failed requests whose traces are read: about 10 ms."""
_Name = tuple[str, str]
"""Service and name of a span."""


def refused_amounts(db: ReadSession, traces: Sequence[int]) -> Refused:
    """What the failed requests of these traces asked for, newest first; a trace comes once for each.

    A request counts once, though a call in it was tried several times: of the spans in error that
    name an amount, those named as the outermost count, as many as requests failed.
    """
    looked = Counter(traces[:MAX_LOOKED])
    sums: dict[str, Decimal] = {}
    known = 0
    for trace, found in _amounts_of(db, list(looked)).items():
        outermost = found[0][0]
        for _, amount in [one for one in found if one[0] == outermost][: looked[trace]]:
            sums[amount.currency] = sums.get(amount.currency, Decimal(0)) + amount.value
            known += 1
    return Refused(sums, known, looked.total())


def _amounts_of(db: ReadSession, traces: Sequence[int]) -> dict[int, list[tuple[_Name, Amount]]]:
    """The amounts of the spans in error of each trace that has any, by start."""
    found: dict[int, list[tuple[_Name, Amount]]] = {}
    # Bytes in bytes: a message is no text.
    spelled = [form.encode() for word in WORDS for form in (word, word.capitalize(), word.upper())]
    stored = stored_spans(db)
    for trace in traces:
        row = db.one("SELECT trace_id FROM traces WHERE id = ?", (trace,))
        failed = [
            span
            for span in (stored.of_trace(row[0]) if row else ())
            if span.flags & ERROR_FLAG and any(form in span.raw for form in spelled)
        ]
        for span in sorted(failed, key=_by_start):
            amount = amount_of(span_detail(span.raw).attributes)
            if amount is not None:
                found.setdefault(trace, []).append(((span.service, span.name), amount))
    return found


def _by_start(span: StoredSpan) -> tuple[int, int]:
    return span.start, span.seq
