"""What `?_explain=1` adds to the foot of a page: the questions that it asked the store, with their times."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components.number_format import count, plural
from observer.request import context


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question, as text for a table; `arguments` is hostile text."""

    method: str
    arguments: str
    milliseconds: str
    rows: str
    """`failed` where the store raised an error."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All questions of one page, in order."""

    summary: str
    """`3 questions to the store, 12.40 ms`."""
    rows: tuple[QuestionRow, ...]


def explanation() -> Explanation | None:
    """Of the current request, so far; None unless it has `_explain=1`."""
    calls = context.recorded_calls()
    if calls is None:
        return None
    rows = tuple(
        QuestionRow(
            call.method,
            call.arguments,
            _milliseconds(call.duration_ns),
            "failed" if call.rows is None else count(call.rows),
        )
        for call in calls
    )
    total = _milliseconds(sum(call.duration_ns for call in calls))
    return Explanation(f"{plural(len(rows), 'question')} to the store, {total} ms", rows)


def _milliseconds(ns: int) -> str:
    return f"{ns / 1e6:,.2f}"
