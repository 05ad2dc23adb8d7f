"""The money that failed requests asked for: amounts in the spans in error of their traces."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from signals.amounts import WORDS, Amount, amount_of
from store.decode import span_detail
from store.results import Refused
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import ERROR_FLAG

MAX_LOOKED: Final = 200
"""The newest failed requests whose traces are read: about 10 ms."""
_AT_ONCE: Final = 100
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
    named = " OR ".join(["instr(s.raw, ?)"] * len(spelled))
    for part in _parts(traces):
        rows = db.each(
            "SELECT t.id, s.service, s.name, s.raw FROM traces t "
            "CROSS JOIN spans s ON s.trace_id = t.trace_id "
            f"WHERE t.id IN ({', '.join('?' * len(part))}) AND s.flags & {ERROR_FLAG} AND ({named}) "
            "ORDER BY t.id, s.start, s.seq",
            (*part, *spelled),
        )
        for trace, service, name, raw in rows:
            amount = amount_of(span_detail(raw).attributes)
            if amount is not None:
                found.setdefault(trace, []).append(((service, name), amount))
    return found


def _parts(values: Sequence[int]) -> list[Sequence[int]]:
    return [values[begin : begin + _AT_ONCE] for begin in range(0, len(values), _AT_ONCE)]
