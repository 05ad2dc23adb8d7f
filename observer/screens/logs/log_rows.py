"""The rows of the table of logs; the same for the page and for the live tail. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from observer.request.local_time import moment
from observer.trace_notes import clock_note, skew_words
from signals.attributes import text_of
from signals.model import Log, Severity
from signals.severity import differs_from_severity
from store.api import Window

_DAY_NS = 86_400 * 10**9
_FIELDS_IN_LINE = 6
_MARKS = {Severity.ERROR: "error origin", Severity.FATAL: "error origin"}
"""Values of `data-mark`, by which the keyboard finds errors."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the table."""

    log: Log
    line: str
    sender_severity: str
    """The severity text of the sender, where it differs from the severity shown; else empty."""
    without_trace: bool
    skew: str
    """`9 min ahead`: how wrong its sender's clock is; empty where it seems right."""
    clock_note: str
    """The same in a sentence."""
    mark: str
    """`error`, `error origin`, or empty."""
    order: str
    """Sorts as text, oldest first: by time, then by arrival."""


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows of the table."""

    rows: tuple[LogRow, ...]
    dated: bool
    """Whether the times are shown with their date."""

    @property
    def time_style(self) -> str:
        """The style of the times, as the filter `when` knows it."""
        return "exact" if self.dated else "clock"


def log_rows(logs: Sequence[Log], window: Window, now_unix_nano: int, zone: tzinfo) -> LogRows:
    """The rows of these logs, in their order."""
    return LogRows(tuple(_row(log) for log in logs), needs_date(logs, window, now_unix_nano, zone))


def _row(log: Log) -> LogRow:
    return LogRow(
        log=log,
        line=first_line(log),
        sender_severity=sender_severity(log),
        without_trace=not log.trace_id,
        skew=skew_words(log.clock_shift_ns),
        clock_note=clock_note(log.clock_shift_ns),
        mark=_MARKS.get(log.severity, ""),
        order=f"{log.time_unix_nano:020}{log.log_id:>020}",
    )


def sender_severity(log: Log) -> str:
    """The severity text of the sender where it differs from the severity shown, else empty."""
    return log.severity_text if differs_from_severity(log.severity_text, log.severity) else ""


def needs_date(logs: Sequence[Log], window: Window, now_unix_nano: int, zone: tzinfo) -> bool:
    """Whether a time of day is ambiguous: the window is longer than a day, or a log is not of today."""
    if window.duration_ns > _DAY_NS:
        return True
    times = [log.time_unix_nano for log in logs]
    # If the first and the last are of today, those between them are.
    ends = (min(times), max(times)) if times else ()
    today = moment(now_unix_nano, zone).date()
    return any(moment(end, zone).date() != today for end in ends)


def first_line(log: Log) -> str:
    """The message, or the first few attributes of a log without one."""
    return log.body or ", ".join(
        f"{k}={text_of(v)}" for k, v in list(log.attributes.items())[:_FIELDS_IN_LINE]
    )
