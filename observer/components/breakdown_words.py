"""What a table of a tag's values leaves out and counts twice, in words: its sum is no riddle. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from observer.components.number_format import count, plural
from store.api import Breakdown, TagValue


def breakdown_note(breakdown: Breakdown, shown: Sequence[TagValue]) -> str:
    """How the rows that are shown relate to the requests that were counted; empty if they sum to them."""
    parts = []
    requests = breakdown.requests
    # A breakdown that does not count its values says only that something was cut.
    older = breakdown.older_left_out if breakdown.values_total else breakdown.truncated
    if breakdown.scanned:
        newest = ", newest only" if older else ""
        parts.append(f"from {plural(requests or breakdown.scanned, 'request')}{newest}")
    elif breakdown.truncated and not breakdown.values_total:
        parts.append("most frequent values")
    hidden = breakdown.values_total - len(shown)
    if hidden > 0:
        parts.append(f"{count(len(shown))} of {plural(breakdown.values_total, 'value')}")
    listed = sum(value.measure.requests for value in shown)
    if requests and listed > requests:
        parts.append(
            f"adds up to {count(listed)}: of {plural(requests, 'request')}, some have several values, "
            "and count under each"
        )
    return "; ".join(parts)
