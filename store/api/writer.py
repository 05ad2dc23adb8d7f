"""The contract of a writer."""

from __future__ import annotations

from typing import Protocol

from store.rows import Batch


class Writer(Protocol):
    """Takes batches in. Safe to call from many threads. One writer process per store."""

    def write(self, batch: Batch) -> None:
        """Commit a batch whole; durable against the death of this process when it returns.

        Concurrent calls may share one commit. Spans and logs may come in any order;
        a span that comes twice (same trace and span id) is kept once, and what came
        first stays: `batch.repeated` and `batch.differing` say afterwards how many were
        there already, exactly so or with other content. Rollups, sessions and summaries
        follow within half a second and survive a crash between: what was not aggregated is
        aggregated at the next start.

        Raises StoreBusy or StoreUnavailable; then nothing of the batch is kept.
        """

    def close(self) -> None:
        """Aggregate what is open, and close. Idempotent."""
