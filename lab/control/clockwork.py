"""Performs scheduled actions at their times; what was missed while the lab was down is due at once."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

from classroom import GAME_DAY, ClassError, ClassStore, keep_schedule, schedule
from lab.control.action_request import parse
from lab.control.changes import Changes
from lab.errors import LabError

TICK_S = 0.25
_log = logging.getLogger("control")


class Clockwork:
    """A thread that looks at the class's schedule several times a second."""

    def __init__(self, store: ClassStore, changes: Changes) -> None:
        self._store = store
        self._changes = changes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            try:
                while self.tick(time.time_ns()):
                    pass
            except (LabError, ClassError) as error:
                _log.warning("a scheduled action failed: %s", error)

    def tick(self, now_unix_nano: int) -> bool:
        """Perform one action that is due; returns whether there was one. Raises LabError or ClassError."""
        # The schedule may be stopped or replaced while an action runs.
        with self._changes.schedule_lock:
            plan = schedule(self._store)
            due = plan.next_due(now_unix_nano) if plan else None
            if plan is None or due is None:
                return False
            plan = plan.with_done(due)
            # Kept first: an action that fails must not be tried for ever.
            keep_schedule(self._store, plan)
        actor = plan.title if plan.secret else "schedule"
        request = parse({"actor": actor, **due.action, "secret": plan.secret})
        try:
            done = self._changes.perform(replace(request, plan=GAME_DAY))
            _log.info("%s: %s", actor, done)
        finally:
            if plan.secret and plan.is_over:
                self._changes.reveal(GAME_DAY)
        return True
