"""What an error of a transaction means: of the medium or of a batch, and what the batch's sender is told."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from store.api import StoreError, StoreUnavailable

_LOG = logging.getLogger(__name__)


def is_of_medium(error: Exception) -> bool:
    """Whether the disk or the file failed, rather than the content of a batch."""
    return isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError | OSError) and not isinstance(
        error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.InterfaceError | sqlite3.ProgrammingError
    )


def is_of_text_index(error: Exception) -> bool:
    """Whether only the index of the logs' text is damaged: the store itself is whole."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_CORRUPT_VTAB"


def for_sender(path: Path, error: Exception | None) -> StoreError | None:
    """What `write` raises for an error of its transaction; None if there was none."""
    if error is None or isinstance(error, StoreError):
        return error
    _LOG.error("a batch cannot be stored", exc_info=error)
    return StoreUnavailable(
        f"{path} refused a batch ({type(error).__name__}: {error}): nothing of it was kept."
    )
