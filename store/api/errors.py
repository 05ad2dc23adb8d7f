"""Errors that a store raises; every message names the cause and a remedy.

StoreError
├── StoreBusy         the queue is full, settling is behind, a process that reads has ended: try again later
├── StoreUnavailable  the disk is full, read-only or locked; the file is gone or damaged
├── StoreMismatch     the file was made by another program or version
├── TooSlow           the answer would take too long
└── BadQuery          the query is malformed
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything that a writer or reader raises on purpose."""

    reason = "unavailable"
    """The cause in one word, by which refusals are counted."""


class StoreBusy(StoreError):
    """The bounded queue is full; nothing of the batch was taken; the sender may try again.

    `reason` is `behind` where what was committed waits too long to be settled, else `busy`.
    Of a lent reader: its process has ended; the same question may be asked again.
    """

    def __init__(self, message: str, reason: str = "busy") -> None:
        super().__init__(message)
        self.reason = reason


class StoreUnavailable(StoreError):
    """The medium refuses: nothing of the batch is kept, except with the reason `slow`.

    `reason` is `disk_full`, `read_only`, `locked`, `slow`, `cannot_open`, `damaged`, `gone`, `io` or
    `unavailable`.
    """

    def __init__(self, message: str, reason: str = "unavailable") -> None:
        super().__init__(message)
        self.reason = reason


class StoreMismatch(StoreError):
    """The data was written by another version of the schema; the message names the path."""

    reason = "mismatch"


class TooSlow(StoreError):
    """The answer would take longer than a reader may; the message suggests a smaller query."""


class BadQuery(StoreError):
    """The query is malformed; the message names the part and what is allowed."""
