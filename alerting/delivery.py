"""Sends what waits on one way, in a thread of its own: evaluation never waits for a receiver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from alerting import outbox
from alerting.database import Database, note
from alerting.errors import AlertError
from alerting.http_post import DeliveryError
from alerting.outbox import Letter

_log = logging.getLogger("alerting")
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
_BATCH: Final = 20

Send = Callable[[Sequence[Letter]], Sequence[Letter]]
"""Sends the first of the letters and returns which it sent. Raises DeliveryError."""


class Delivery:
    """One way out. Its thread begins with the first call of `wake` and ends with `stop`."""

    def __init__(
        self, database: Database, way: str, send: Send, *, first_wait_s: float = FIRST_WAIT_S
    ) -> None:
        self._database = database
        self._way = way
        self._send = send
        self._first_wait_s = first_wait_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    def wake(self) -> None:
        """Something may wait."""
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"send-{self._way}", daemon=True)
            self._thread.start()

    def stop(self, within_s: float = 0.5) -> None:
        """Finish the message in work, or leave it for the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join(within_s)

    def _run(self) -> None:
        wait_s = self._first_wait_s
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if self._send_next():
                    wait_s = self._first_wait_s
                else:
                    self._wake.wait()
                continue
            except DeliveryError as error:
                self._note(f"Alerts wait to be sent by {self._way}: {error}.")
            except AlertError as error:
                _log.warning("%s: %s", self._way, error)
            except Exception:  # one message never stops the others
                _log.exception("could not send by %s", self._way)
            self._stopping.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _send_next(self) -> bool:
        letters = outbox.next_letters(self._database, self._way, _BATCH)
        if not letters:
            return False
        try:
            done = self._send(letters)
        except DeliveryError as error:
            if error.again:
                raise
            done = letters[:1]
            self._note(f"A message by {self._way} was given up: {error}.")
        else:
            self._failing = False
        outbox.sent(self._database, done)
        return True

    def _note(self, text: str) -> None:
        """Say it in the log, and once in the file until a message goes out."""
        _log.warning(text)
        if self._failing:
            return
        self._failing = True
        try:
            with self._database.transaction() as connection:
                note(connection, text, time.time_ns())
        except AlertError as error:
            _log.warning("%s: %s", self._way, error)
