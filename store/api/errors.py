"""Errors that a store raises; every message names the cause and a remedy.

StoreError
├── StoreBusy         the queue is full: try again later
├── StoreUnavailable  the disk is full, read-only or locked
├── StoreMismatch     the file was made by another version
├── TooSlow           the answer would take too long
└── BadQuery          the query is malformed
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything that a writer or reader raises on purpose."""


class StoreBusy(StoreError):
    """The bounded queue is full; nothing of the batch was taken; the sender may try again."""


class StoreUnavailable(StoreError):
    """The medium refuses (full, read-only, locked); nothing of the batch was committed."""


class StoreMismatch(StoreError):
    """The data was written by another version of the schema; the message names the path."""


class TooSlow(StoreError):
    """The answer would take longer than a reader may; the message suggests a smaller query."""


class BadQuery(StoreError):
    """The query is malformed; the message names the part and what is allowed."""
