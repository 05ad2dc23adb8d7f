"""The contract of a writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from store.rows import Batch
from store.settling import Settling


@dataclass(frozen=True, slots=True)
class StoreNote:
    """What happened to the store as a whole, such as a file that was deleted and begun anew."""

    at_unix_nano: int
    text: str
    """One or two sentences for people."""


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """Whether a writer can write."""

    reason: str = ""
    """Why not: `StoreError.reason`; empty while it can."""
    message: str = ""
    """The same as one sentence with its remedy."""
    since_unix_nano: int = 0
    notes: tuple[StoreNote, ...] = ()
    """The newest ones, oldest first; they outlive the process."""
    settling: Settling = field(default_factory=Settling)


class Writer(Protocol):
    """Takes batches in. Safe to call from many threads. One writer process per store."""

    def write(self, batch: Batch) -> None:
        """Commit a batch whole; durable against the death of this process when it returns.

        Concurrent calls may share one commit. Spans and logs may come in any order;
        a span that comes twice (same trace and span id) is kept once, and what came
        first stays: `batch.repeated` and `batch.differing` say afterwards how many were
        there already, exactly so or with other content. So are the logs of a batch that repeats
        those of an earlier one exactly, if each has a time of its sender and the first came within
        the last hour. Rollups, sessions and summaries follow within half a second and survive a
        crash between: what was not aggregated is aggregated at the next start.

        Answers within 2 s, and more for a large batch, however slow the medium is. Raises StoreBusy
        or StoreUnavailable; then nothing of the batch is kept, unless the reason is `slow`: then it
        may still be committed, and sending it again keeps nothing twice.
        """

    def check_pace(self) -> None:
        """Raise StoreBusy with the reason `behind` while settling is too far behind what was committed.

        To be asked before a request with spans is decoded; it costs nothing and waits for nothing. So memory,
        and how late maps and lists are, have bounds however much is sent.
        """

    def health(self) -> WriterHealth:
        """Whether it can write, from memory: this never waits for the medium."""

    def close(self) -> None:
        """Aggregate what is open, and close. Idempotent."""
