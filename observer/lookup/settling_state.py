"""How far settling is: read from the store at most once a second, for all pages."""

from __future__ import annotations

import threading
import time
from typing import Final

from flask import Flask, current_app

from store.api import Reader, Settling, StoreError

_EXTENSION: Final = "settling_state"
_FRESH_S: Final = 1.0


class SettlingWatch:
    """Asks the store. Thread-safe: one request asks, the others take the last answer."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._asked_s = float("-inf")
        self._found = Settling()

    def now(self) -> Settling:
        """As it was within the last second; complete where the store does not answer, as others say."""
        if time.monotonic() - self._asked_s > _FRESH_S and self._lock.acquire(blocking=False):
            try:
                self._found = self._reader.settling()
            except StoreError:
                self._found = Settling()
            finally:
                self._asked_s = time.monotonic()
                self._lock.release()
        return self._found


def install(app: Flask, reader: Reader) -> None:
    """Give an application its watch, and its templates `settling_state()`."""
    app.extensions[_EXTENSION] = SettlingWatch(reader)
    app.jinja_env.globals["settling_state"] = settling_state


def settling_state() -> Settling:
    """How far settling of the current application's store is."""
    watch: SettlingWatch = current_app.extensions[_EXTENSION]
    return watch.now()
