"""What an engine may declare that it, or tables which others fill, cannot tell."""

from __future__ import annotations

from enum import Enum


class Limitation(Enum):
    """One thing that is not known; the value is the word of the API.

    Nothing is guessed in its place: values that lost their types say so themselves (`Span.as_text`).
    """

    TYPES = "attribute_types"
    """Of some rows attributes are text, lists and maps are JSON; what their sender left out is not known."""
    ARRIVAL = "order_of_arrival"
    """No live tail of logs, and no view of one moment over several questions."""
    LATE = "late_arrivals"
    """When something arrived that tells of an earlier time."""
    DELETED = "what_was_deleted"
    """An id that is not there may have been: nothing remembers it."""
    WRITERS = "when_a_collector_ran"
    """Why there is nothing from a part of a window."""
    OLD_METRICS = "old_metrics"
    """Metrics are asked of the newest points only."""
