"""Cells of the pages that hold no count, or one that the table of numbers does not read, and why."""

from __future__ import annotations

NOT_COUNTS = frozenset({"P50", "P90", "P99", "Duration", "Time", "Services", "Value", "To"}) | {
    *("P90 before", "First seen", "Last seen"),
}
"""Labels of cells that hold no count."""
COUNTED_ELSEWHERE = {
    ("/apm", "#node-panel", "Requests"): "the breakdown's rows: its own note relates them to the requests",
    ("/apm", "#node-panel", "Errors"): "the same",
    ("/apm/services/frontend", ".versions", "Requests"): "of one version: as the breakdown by that tag",
    ("/apm/services/frontend", ".versions", "Errors"): "the same",
    ("/apm/services/frontend", ".versions", "Failed"): "its note says what it counts",
    ("/apm/tags", ".cards", "Requests"): "the cards' rows: the card's note relates them to the requests",
    ("/apm/tags", ".cards", "Errors"): "the same",
    ("/apm/tags", ".cards", "Root cause"): "the same",
    ("/apm/traces", "table.traces", "Errors"): "of one trace: compared by the API and the trace's own page",
}
"""(page, part of it, label) of cells with counts that no line above reads, and why."""
