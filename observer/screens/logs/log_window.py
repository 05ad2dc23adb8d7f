"""The window of the histogram: the page's time range, or that of all the logs of an id."""

from __future__ import annotations

from dataclasses import replace

from observer.screens.logs.filters import Selection
from signals.model import Log
from store.api import Page, Reader, Window

_LEAST_NS = 1_000_000_000
"""The shortest window for the logs of an id; within it 80 columns are 12 ms each."""


def histogram_window(selection: Selection, page: Page[Log], reader: Reader) -> Window:
    """The window to draw; that of an id has a margin of a twentieth at each end.

    `page` is the page of logs that is shown: if it holds all of them, nothing is read.
    """
    if not selection.by_id:
        return selection.query.window
    if selection.query.cursor is None and page.next_cursor is None:
        ends = list(page.items)
    else:
        ends = [
            log
            for oldest in (True, False)
            for log in reader.find_logs(
                replace(selection.query, cursor=None, limit=1, oldest_first=oldest)
            ).items
        ]
    if not ends:
        return selection.query.window
    start = min(log.time_unix_nano for log in ends)
    end = max(log.time_unix_nano for log in ends) + 1
    margin = max((end - start) // 20, (_LEAST_NS - (end - start)) // 2, 0)
    return Window(max(0, start - margin), end + margin)


def wider(window: Window, now_unix_nano: int) -> Window:
    """A window three times as long around the same middle, but not beyond now."""
    end = max(window.to_unix_nano, min(window.to_unix_nano + window.duration_ns, now_unix_nano + 1))
    return Window(max(0, window.from_unix_nano - window.duration_ns), end)
