"""The contract for searching and counting logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signals.log_fields import LogField
from signals.model import Log
from store.queries import LogQuery, Page
from store.results import LogHistogram


class LogReader(Protocol):
    """Logs: pages, counts, histograms and fields."""

    def find_logs(self, query: LogQuery) -> Page[Log]:
        """Logs that match. Within traces, a span or a session: the cost of these.

        For an attribute that is not indexed, a bounded number of rows is read; a page that
        is `truncated` for that has a cursor, with which the search goes on where it stopped.
        """

    def count_logs(self, query: LogQuery) -> int:
        """How many match, regardless of `limit` and `cursor`.

        Constant without text and attributes; with them every row of the window is read.
        """

    def log(self, log_id: str) -> Log | None:
        """One log by its id."""

    def newest_log_id(self) -> str:
        """The id of the log that arrived last ("0" before any did): a live tail begins there. Constant."""

    def log_histogram(self, query: LogQuery, columns: int = 60) -> LogHistogram:
        """Counts by severity over the window, in equal columns, empty ones included.

        With a frequent text or an attribute, the newest rows of the window up to a bound.
        """

    def log_fields(self, query: LogQuery, top: int = 5) -> tuple[Sequence[LogField], bool]:
        """Fields of the newest matching logs with their top values; True if it was cut short.

        Every log has the record's field `severity`, so its count is the number of logs read.
        """
