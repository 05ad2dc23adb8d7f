"""Whether telemetry is received and kept: what the collector says of itself, asked for at most once a second.

The collector is asked over HTTP and not by a file beside the store: it must be heard when the store's disk
or folder is what failed.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app

from observer.settings import Settings
from runtime import local_http
from store.api import Window

_EXTENSION: Final = "telemetry_state"
_FRESH_S: Final = 1.0
_TIMEOUT_S: Final = 0.3
_PATIENCE_S: Final = 4.0
"""A collector whose threads are all at work may answer late: it is silent when it does so for longer."""
_IN_HEADER: Final = 1
"""Past refusals, and notes, that a page's header shows; the home page has all."""
_NOW_IN_HEADER: Final = 3
"""Each metric with too many series is a refusal of its own: ten of them would fill every page."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Telemetry that was refused for one reason, from the first to the last time."""

    reason: str
    words: str
    """The reason for people: `disk full`."""
    message: str
    """The reason as a sentence with its remedy."""
    amount: str
    """`1,234 spans and 5 logs`; empty where nothing was sent meanwhile."""
    counts: Mapping[str, int]
    since_unix_nano: int
    until_unix_nano: int

    @property
    def were_refused(self) -> str:
        """`1,234 spans were refused`."""
        alone = sum(self.counts.values()) == 1
        return f"{self.amount or 'no items'} {'was' if alone else 'were'} refused"


@dataclass(frozen=True, slots=True)
class Note:
    """What happened to the store as a whole."""

    at_unix_nano: int
    text: str


@dataclass(frozen=True, slots=True)
class TelemetryState:
    """What the collector said last."""

    asked: bool = False
    """False where no collector is known: then nothing is."""
    silent_since_unix_nano: int | None = None
    """Since when it does not answer; None while it does."""
    writing: bool = True
    now: tuple[Refusal, ...] = ()
    past: tuple[Refusal, ...] = ()
    """The newest first."""
    notes: tuple[Note, ...] = ()
    """The newest first."""
    more: int = 0
    """Refusals and notes that were left out."""

    @property
    def is_receiving(self) -> bool:
        """Whether nothing is known to keep telemetry out."""
        return self.silent_since_unix_nano is None and self.writing

    @property
    def now_beyond_header(self) -> tuple[Refusal, ...]:
        """Present refusals that no header shows."""
        return self.now[_NOW_IN_HEADER:]

    def within(self, window: Window) -> TelemetryState:
        """What a header shows: of the present some, of the past the newest that concerns this time range."""
        past = [
            each
            for each in self.past
            if each.since_unix_nano < window.to_unix_nano and each.until_unix_nano >= window.from_unix_nano
        ]
        notes = [n for n in self.notes if window.from_unix_nano <= n.at_unix_nano < window.to_unix_nano]
        return TelemetryState(
            self.asked,
            self.silent_since_unix_nano,
            self.writing,
            self.now[:_NOW_IN_HEADER],
            tuple(past[:_IN_HEADER]),
            tuple(notes[:_IN_HEADER]),
            len(self.now_beyond_header) + len(past[_IN_HEADER:]) + len(notes[_IN_HEADER:]),
        )

    @property
    def mark(self) -> str:
        """Changes when something else is to be shown."""
        shown = (self.silent_since_unix_nano, self.now, self.past, self.notes, self.more)
        return f"{zlib.crc32(repr(shown).encode()):08x}"


class CollectorWatch:
    """Asks one collector. Thread-safe: one request asks, the others take the last answer."""

    def __init__(self, url: str, clock: Callable[[], int]) -> None:
        self._url = f"{url.rstrip('/')}/stats" if url else ""
        self._clock = clock
        self._ask_lock = threading.Lock()
        self._asked_s = float("-inf")
        self._failing_since_s = 0.0
        self._state = TelemetryState(asked=bool(url))

    def state(self) -> TelemetryState:
        """What it said within the last second, or says now."""
        if (
            self._url
            and time.monotonic() - self._asked_s > _FRESH_S
            and self._ask_lock.acquire(blocking=False)
        ):
            try:
                self._state = self._ask()
                self._asked_s = time.monotonic()
            finally:
                self._ask_lock.release()
        return self._state

    def _ask(self) -> TelemetryState:
        try:
            found = local_http.json_of(self._url, timeout_s=_TIMEOUT_S)
        except local_http.LocalHttpError as error:
            before = self._state
            self._failing_since_s = self._failing_since_s or time.monotonic()
            if error.timed_out and time.monotonic() - self._failing_since_s < _PATIENCE_S:
                return before
            since = before.silent_since_unix_nano or self._clock()
            return TelemetryState(True, since, before.writing, (), before.past, before.notes)
        self._failing_since_s = 0.0
        return read(found)


def install(app: Flask, settings: Settings, clock: Callable[[], int]) -> None:
    """Give an application its watch, and its templates `telemetry_state(window)`."""
    app.extensions[_EXTENSION] = CollectorWatch(settings.collector_url, clock)
    app.jinja_env.globals["telemetry_state"] = lambda window: telemetry_state().within(window)


def telemetry_state() -> TelemetryState:
    """What the collector of the current application says."""
    watch: CollectorWatch = current_app.extensions[_EXTENSION]
    return watch.state()


def read(document: object) -> TelemetryState:
    """The state that a `/stats` document tells, read leniently."""
    whole = document if isinstance(document, Mapping) else {}
    store = whole.get("store")
    refusals = whole.get("refusals")
    refusals = refusals if isinstance(refusals, Mapping) else {}
    notes = tuple(
        Note(_number(row, "at_unix_nano"), str(row.get("text", ""))) for row in _rows(whole.get("notes"))
    )
    return TelemetryState(
        asked=True,
        writing=not isinstance(store, Mapping) or store.get("writing") is not False,
        now=tuple(_refusal(row) for row in _rows(refusals.get("now"))),
        past=tuple(_refusal(row) for row in _rows(refusals.get("past"))),
        notes=tuple(reversed(notes)),
    )


def _refusal(row: Mapping[str, object]) -> Refusal:
    counts = row.get("counts")
    return Refusal(
        reason=str(row.get("reason", "")),
        words=str(row.get("words", "")),
        message=str(row.get("message", "")),
        amount=str(row.get("amount", "")),
        counts={
            str(name): number
            for name, number in (counts.items() if isinstance(counts, Mapping) else ())
            if isinstance(number, int)
        },
        since_unix_nano=_number(row, "since_unix_nano"),
        until_unix_nano=_number(row, "until_unix_nano"),
    )


def _rows(rows: object) -> list[Mapping[str, object]]:
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _number(row: Mapping[str, object], name: str) -> int:
    found = row.get(name)
    return found if isinstance(found, int) else 0
