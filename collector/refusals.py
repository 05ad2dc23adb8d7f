"""What was refused and why, in episodes: "between 10:02 and 10:05, 1,234 spans: disk full". Thread-safe.

Owns the beginning and the end of an episode, its counts, and a small file beside the store by which they
outlive the process. Only what a well-behaved sender loses or has to repeat is told here: items that are
malformed are counted in `/stats`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from store.api import WriterHealth

SERIES: Final = "series"
"""The reason of points whose metric has too many series."""
QUIET_S: Final = 3.0
"""An episode is over when nothing was refused for so long, and the store can write …"""
AGAIN_S: Final = 60.0
"""… and goes on when the same happens again so soon: a disk that is nearly full takes small batches only."""
_QUIET_OF_SERIES_S: Final = 90.0
"""SDKs send their metrics every 60 s by default: a metric that has too many series has them all the while."""
_AGAIN_OF_SERIES_S: Final = 600.0
_MOST_OPEN: Final = 10
"""Subjects of one reason that have an episode of their own; the rest is told with the last of them."""
_KEPT: Final = 50
_SHOWN_NAME: Final = 48
_SAVE_EVERY_S: Final = 2.0
_MOST_BYTES: Final = 1_000_000
_WORDS: Final[Mapping[str, str]] = {
    "busy": "overload",
    "behind": "overload, more spans than can be settled in time",
    "too_large": "larger than the limit",
    "disk_full": "disk full",
    "read_only": "the store is read-only",
    "locked": "the store is locked by another program",
    "slow": "the disk does not answer in time",
    "cannot_open": "the store cannot be opened",
    "damaged": "the store is damaged",
    "io": "reading or writing the store failed",
    "mismatch": "the store's file is another program's",
    SERIES: "too many series of metrics",
}
_OTHER: Final = "the store failed"
_log = logging.getLogger("collector")


@dataclass(slots=True)
class _Episode:
    reason: str
    message: str
    since_unix_nano: int
    until_unix_nano: int
    """The time of the last refusal."""
    counts: dict[str, int] = field(default_factory=dict)
    """Items by kind; `requests` are those that were refused before they were read."""
    subject: str = ""
    """What it was about, where one reason has several: the name of a metric."""

    def is_same(self, reason: str, subject: str) -> bool:
        return (self.reason, self.subject) == (reason, subject)

    def document(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "words": _words(self.reason, self.subject),
            "message": self.message,
            "subject": self.subject,
            "since_unix_nano": self.since_unix_nano,
            "until_unix_nano": self.until_unix_nano,
            "counts": dict(self.counts),
            "amount": _amount(self.counts),
        }


class Refused:
    """The episodes of refusal, those of earlier runs included."""

    def __init__(self, file: Path | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        """`file` keeps them; None keeps them in memory only."""
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._open: list[_Episode] = []
        self._past = _read(file) if file else []
        self._next_save_s = 0.0

    def add(self, reason: str, message: str, counts: Mapping[str, int], subject: str = "") -> None:
        """Note a refusal of so many items. Refusals of one reason and different subjects are told apart."""
        now = self._clock()
        with self._lock:
            self._close_quiet(now, "")
            episode = self._running(reason, subject) or self._begin(reason, message, now, subject)
            episode.message = message
            episode.until_unix_nano = max(now, episode.until_unix_nano)
            for name, number in counts.items():
                if number:
                    episode.counts[name] = episode.counts.get(name, 0) + number
            due = time.monotonic() >= self._next_save_s
        if due:
            self.save()

    def _running(self, reason: str, subject: str) -> _Episode | None:
        """The open episode that a refusal belongs to; None where it begins one."""
        alike = [each for each in self._open if each.reason == reason]
        found = next((each for each in alike if each.subject == subject), None)
        return found or (alike[-1] if len(alike) >= _MOST_OPEN else None)

    def _begin(self, reason: str, message: str, now: int, subject: str) -> _Episode:
        for episode in reversed(self._past):
            again_s = _AGAIN_OF_SERIES_S if reason == SERIES else AGAIN_S
            soon = 0 <= now - episode.until_unix_nano < again_s * 1e9
            if episode.is_same(reason, subject) and soon:
                self._past = [each for each in self._past if each is not episode]
                break
        else:
            episode = _Episode(reason, message, now, now, subject=subject)
        self._open.append(episode)
        return episode

    def document(self, health: WriterHealth) -> dict[str, list[dict[str, Any]]]:
        """`now` and `past` episodes, the newest first; a store that cannot write is one without counts."""
        now = self._clock()
        with self._lock:
            closed = self._close_quiet(now, health.reason)
            for episode in self._open:
                if episode.reason == health.reason:
                    episode.since_unix_nano = min(episode.since_unix_nano, health.since_unix_nano)
            running = [episode.document() for episode in reversed(self._open)]
            past = [episode.document() for episode in reversed(self._past)]
        if closed:
            self.save()
        if health.reason and health.reason not in (each["reason"] for each in running):
            since = health.since_unix_nano
            running.insert(0, _Episode(health.reason, health.message, since, now).document())
        return {"now": running, "past": past}

    def save(self) -> None:
        """Write them down; a disk that takes nothing now will later."""
        if self._file is None:
            return
        with self._lock:
            self._next_save_s = time.monotonic() + _SAVE_EVERY_S
            episodes = [*self._past, *self._open][-_KEPT:]
            content = json.dumps([episode.document() for episode in episodes])
        temporary = self._file.with_name(self._file.name + ".new")
        try:
            temporary.write_text(content, "utf-8")
            temporary.replace(self._file)
        except OSError as error:
            _log.info("%s is not written: %s", self._file, error.strerror)

    def _close_quiet(self, now: int, holding: str) -> bool:
        """Move episodes that are over to the past, except the one that the store's trouble keeps up."""
        over = [
            episode
            for episode in self._open
            if episode.reason != holding and now - episode.until_unix_nano > _quiet_s(episode.reason) * 1e9
        ]
        self._open = [each for each in self._open if each not in over]
        self._past = [*self._past, *over][-_KEPT:]
        return bool(over)


def _quiet_s(reason: str) -> float:
    return _QUIET_OF_SERIES_S if reason == SERIES else QUIET_S


def _words(reason: str, subject: str) -> str:
    if reason == SERIES and subject:
        return f"too many series of metric {subject[:_SHOWN_NAME]!r}"
    return _WORDS.get(reason, _OTHER)


def _amount(counts: Mapping[str, int]) -> str:
    """`1,234 spans and 1 log`; empty for nothing."""
    parts = [
        f"{number:,} {name.replace('_', ' ')}"
        if number != 1
        else f"1 {name.replace('_', ' ').removesuffix('s')}"
        for name, number in counts.items()
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _read(file: Path) -> list[_Episode]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return []
        rows = json.loads(file.read_text("utf-8"))
        return [
            _Episode(
                str(row["reason"]),
                str(row["message"]),
                int(row["since_unix_nano"]),
                int(row["until_unix_nano"]),
                {str(name): int(number) for name, number in row["counts"].items()},
                str(row.get("subject", "")),
            )
            for row in rows[-_KEPT:]
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []
