"""The repairs of a lesson as verification makes them: through the screens, then the shop is visited again.

The one place that knows how a repair is requested.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from incidents.checks import NoAnswer, Outcome, Result
from runtime import local_http, seats

PATH = "/workshop/repair"
TIMEOUT_S = 5.0
IN_FORCE_S = 1.0
"""The services look for a change of the flags every 0.4 seconds."""
_NOT_OFFERED = frozenset({404, 405, 501})
_pause = threading.Event()


class Repairs:
    """Makes each repair once for one seat; `revisit` is called as soon as it is in force.

    `made` holds when, in nanoseconds since the Unix epoch; `refused` those that the screens do not offer.
    """

    def __init__(self, observer: str, seat: str, revisit: Callable[[], None], secret: str = "") -> None:
        """`secret` signs the seat's cookie, as a class wants it; empty in open mode."""
        self._url = observer + PATH
        self._seat = seat
        self._cookie = f"{seats.COOKIE}={seats.cookie_value(seat, secret)}" if secret else ""
        self._revisit = revisit
        self.made: dict[str, int] = {}
        self.refused: set[str] = set()

    def reach(self, repair: str) -> None:
        """Make the repair unless it was tried before.

        Raises NoAnswer when it fails, and CannotVisit when the shop cannot be visited again.
        """
        if repair in self.made or repair in self.refused:
            return
        try:
            status = local_http.send(
                self._url,
                {"seat": self._seat, "repair": repair},
                timeout_s=TIMEOUT_S,
                cookie=self._cookie,
            ).status
        except local_http.LocalHttpError as error:
            raise NoAnswer(f"the repair {repair} was not answered: {error}") from error
        if status in _NOT_OFFERED:
            self.refused.add(repair)
            return
        if status >= 400:
            raise NoAnswer(f"the repair {repair} was refused with {status}")
        _pause.wait(IN_FORCE_S)
        self.made[repair] = time.time_ns()
        self._revisit()

    def without_refused(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results; those that need a repair that the screens do not offer were not checked."""
        unchecked: set[str] = set()
        for result in results:
            check = result.check
            if check.repair in self.refused or unchecked.intersection(check.needs):
                unchecked.add(check.name)
                detail = "not checked: these screens offer no repair"
                yield replace(result, outcome=Outcome.NOT_CHECKED, detail=detail)
            else:
                yield result
