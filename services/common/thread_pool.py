"""A pool of threads that says how full it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from services.common.telemetry import Occupancy


class CountingThreadPool(ThreadPoolExecutor):
    """`size` threads; `occupancy` may be asked at any time."""

    def __init__(self, size: int, name: str) -> None:
        super().__init__(size, thread_name_prefix=name)
        self._size = size
        self._counting = threading.Lock()
        self._accepted = self._begun = self._done = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Like the library's; the work counts as pending, then as a thread in use."""
        with self._counting:
            self._accepted += 1
        try:
            submitted = super().submit(self._counted, fn, *args, **kwargs)
        except BaseException:
            with self._counting:
                self._accepted -= 1
            raise
        submitted.add_done_callback(self._forget_cancelled)
        return submitted

    def _counted(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self._counting:
            self._begun += 1
        try:
            return fn(*args, **kwargs)
        finally:
            with self._counting:
                self._done += 1

    def _forget_cancelled(self, ended: Future[Any]) -> None:
        if ended.cancelled():
            with self._counting:
                self._accepted -= 1

    def occupancy(self) -> Occupancy:
        """Returns how many threads are in use and how many calls wait for one."""
        with self._counting:
            return Occupancy(self._begun - self._done, self._size, self._accepted - self._begun)
