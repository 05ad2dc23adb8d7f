"""A small file beside the store: what the store held last, and what happened to it as a whole.

By it the next start notices a store that is gone, empty or older than what was written, and tells a
damaged store of ours from any file at a mistyped path. The store works without it.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.api import StoreNote

_LOG = logging.getLogger(__name__)
_SAVE_EVERY_S: Final = 5.0
_NOTES: Final = 20
_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store held: counts, the last number that it gave, and the time (Unix nanoseconds)."""

    spans: int = 0
    logs: int = 0
    seq: int = 0
    at_unix_nano: int = 0

    def __str__(self) -> str:
        return f"{self.spans:,} spans and {self.logs:,} logs"


class LastRun:
    """That file: read when it is made, written seldom, and when something happened."""

    def __init__(self, path: Path) -> None:
        """Of the store at `path`."""
        self._path = path.with_name(path.name + ".last")
        self._saved_s = float("-inf")
        found = self._read()
        self.contents: Contents | None = _contents(found)
        """What the store held when the last writer wrote this down; None if none did."""
        self.notes: tuple[StoreNote, ...] = _notes(found)

    def note(self, text: str, at_unix_nano: int) -> None:
        """Keep a note, and log it."""
        _LOG.error("%s", text)
        self.notes = (*self.notes, StoreNote(at_unix_nano, text))[-_NOTES:]

    def save(self, contents: Contents, *, now: bool = False) -> None:
        """Write it down if the last time was a while ago, or `now`. A failure is logged only."""
        if not now and time.monotonic() - self._saved_s < _SAVE_EVERY_S:
            return
        unchanged = contents == self.contents
        self._saved_s = time.monotonic()
        if unchanged and not now:
            return
        self.contents = contents
        document = {
            "spans": contents.spans,
            "logs": contents.logs,
            "seq": contents.seq,
            "at_unix_nano": contents.at_unix_nano,
            "notes": [[note.at_unix_nano, note.text] for note in self.notes],
        }
        temporary = self._path.with_name(self._path.name + ".new")
        try:
            temporary.write_text(json.dumps(document), "utf-8")
            temporary.replace(self._path)
        except OSError as error:
            _LOG.info("%s is not written: %s", self._path, error.strerror)

    def _read(self) -> dict[str, object]:
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                return {}
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def missing_since(last: Contents | None, seq: int, path: Path, *, new: bool) -> str:
    """The sentence for a store that lacks what the last run wrote; empty if it lacks nothing.

    `seq` is the last number that the store gave, `new` whether it was made just now.
    """
    if last is None or seq >= last.seq:
        return ""
    if new:
        return (
            f"{path} was gone or empty at the start, and a new one was begun: what it held, {last}, is not "
            "there. If it was moved, stop the lab and move it back."
        )
    return (
        f"{path} is older than what was written last: {last.seq - seq:,} spans and logs are missing. It was "
        "cut off or replaced by an earlier copy while nothing wrote it."
    )


def _contents(document: dict[str, object]) -> Contents | None:
    numbers = [document.get(name) for name in ("spans", "logs", "seq", "at_unix_nano")]
    whole = [number for number in numbers if isinstance(number, int)]
    return Contents(*whole) if len(whole) == len(numbers) else None


def _notes(document: dict[str, object]) -> tuple[StoreNote, ...]:
    rows = document.get("notes")
    if not isinstance(rows, list):
        return ()
    return tuple(
        StoreNote(row[0], row[1])
        for row in rows[-_NOTES:]
        if isinstance(row, list) and len(row) == 2 and isinstance(row[0], int) and isinstance(row[1], str)
    )
