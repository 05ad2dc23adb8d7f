"""Keeps costly questions from starving the others: few run at once, and the cheapest goes first.

One that is cheaper than all that run does not wait for them: it runs beside them.

What a question costs is measured: the processor time that questions of the same shape took lately. A shape is
the route, the names of its arguments and the length of its time range. Equal questions asked at once are
answered once. Waiting is bounded, in time and in number. Knows no screen.
"""

from __future__ import annotations

import bisect
import itertools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, g, request

from observer.request.errors import Unavailable
from runtime.proxy import UNTRUSTED

CHEAP_S = 0.02
"""Processor seconds below which a question is answered at once: most pages of one thing."""
_AT_ONCE = 2
"""Others that run at once: they wait for the store, or compute in Python, where one thread runs at a time."""
_BESIDE = 2
"""So many more run that are cheaper than all of those that run: a page beside maps of six hours."""
_STEP_S = 0.01
"""Questions whose costs differ by less take turns in their order of arrival."""
_WAIT_S = 8.0
_RETRY_AFTER_S = 3
_WEIGHT = 0.4
"""Of the newest measurement."""
_MOST_SHAPES = 2_000
_ALWAYS_SHOWN = ("static", "healthz")
_COMPARED_HEADERS = (
    "Cookie",
    "Authorization",
    "Accept",
    "Accept-Encoding",
    "HX-Request",
    "HX-Target",
    "Host",
)
"""What an answer to the same address may depend on."""

Shape = tuple[object, ...]


class Busy(Unavailable):
    """Too many costly questions are being answered; the message says what to do."""

    code = "busy"
    wait_s = _RETRY_AFTER_S

    def __init__(self) -> None:
        super().__init__(
            "The screens are busy: others ask for much at the same time.",
            "Load this page again in a moment, or choose a shorter time range.",
        )


class Costs:
    """The processor time of questions by their shape, as a moving average; bounded, thread-safe."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[Shape, float] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, shape: Shape) -> float:
        """Seconds that such a question will take; 0 for one that was never asked."""
        with self._lock:
            return self._seconds.get(shape, 0.0)

    def note(self, shape: Shape, seconds: float) -> None:
        """Note what one question took."""
        with self._lock:
            known = self._seconds.pop(shape, seconds)
            self._seconds[shape] = known + _WEIGHT * (seconds - known)
            while len(self._seconds) > _MOST_SHAPES:
                self._seconds.popitem(last=False)


@dataclass(slots=True)
class _Flight:
    """A question that is being answered."""

    done: threading.Event = field(default_factory=threading.Event)
    answer: tuple[int, list[tuple[str, str]], bytes] | None = None
    """None where it failed, or may not be given to others."""


@dataclass(slots=True)
class _Waiter:
    rank: tuple[int, int]
    """Cheapest first, and of about the same cost who came first."""
    thread: int
    called: threading.Event = field(default_factory=threading.Event)
    refused: bool = False


class FairShare:
    """Admits questions by their cost. `most_waiting` threads may wait, so that others are free."""

    def __init__(
        self, most_waiting: int, *, at_once: int = _AT_ONCE, beside: int = 0, wait_s: float = _WAIT_S
    ) -> None:
        self.costs = Costs()
        self._most_waiting = most_waiting
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._at_once = at_once
        self._beside = beside
        self._running: dict[int, int] = {}
        """The steps of cost of those that run, by the thread that answers them."""
        self._arrivals = itertools.count()
        self._waiting: list[_Waiter] = []
        self._flights: dict[object, _Flight] = {}
        self._followers = threading.BoundedSemaphore(max(1, most_waiting // 2))

    @property
    def running(self) -> int:
        """How many turns are taken."""
        return len(self._running)

    def enter(self, cost_s: float) -> None:
        """Wait for a turn. Raises Busy after a while, and at once where too many cheaper ones wait."""
        with self._lock:
            step, thread = int(cost_s / _STEP_S), threading.get_ident()
            # Who waits has no room, and whoever is cheaper than all of them stands before them.
            ahead = bool(self._waiting) and self._waiting[0].rank[0] <= step
            if not ahead and self._has_room(step):
                self._running[thread] = step
                return
            waiter = self._line_up(step, thread)
        called = waiter.called.wait(self._wait_s)
        with self._lock:
            if not called and waiter in self._waiting:
                self._waiting.remove(waiter)
                waiter.refused = True
        if waiter.refused:
            raise Busy

    def leave(self) -> None:
        """End the turn of this thread: the cheapest of those that wait has the next."""
        with self._lock:
            self._running.pop(threading.get_ident(), None)
            while self._waiting and self._has_room(self._waiting[0].rank[0]):
                waiter = self._waiting.pop(0)
                self._running[waiter.thread] = waiter.rank[0]
                waiter.called.set()

    def _has_room(self, step: int) -> bool:
        running = self._running
        if len(running) < self._at_once:
            return True
        return len(running) < self._at_once + self._beside and step < min(running.values())

    def _line_up(self, step: int, thread: int) -> _Waiter:
        waiter = _Waiter((step, next(self._arrivals)), thread)
        if len(self._waiting) >= self._most_waiting:
            costliest = self._waiting[-1]
            if costliest.rank <= waiter.rank:
                raise Busy
            self._waiting.pop()
            costliest.refused = True
            costliest.called.set()
        bisect.insort(self._waiting, waiter, key=lambda each: each.rank)
        return waiter

    def join(self, question: object) -> tuple[_Flight, bool]:
        """The flight of a question, and whether the caller is the one to answer it."""
        with self._lock:
            found = self._flights.get(question)
            if found is not None:
                return found, False
            made = self._flights[question] = _Flight()
            return made, True

    def follow(self, flight: _Flight) -> bool:
        """Wait until another thread has answered it; False at once where too many wait so. Raises Busy."""
        if not self._followers.acquire(blocking=False):
            return False
        try:
            if not flight.done.wait(self._wait_s):
                raise Busy
            return True
        finally:
            self._followers.release()

    def land(self, question: object) -> None:
        """Tell those who wait for a question that it was answered, or that it never will be."""
        with self._lock:
            flight = self._flights.pop(question, None)
        if flight is not None:
            flight.done.set()


def install(app: Flask, threads: int) -> None:
    """Measure every request of an application, and admit costly ones one after the other.

    First of all `before_request` functions, and last of the `after_request` ones: it wraps their work.
    """
    share = FairShare(max(1, threads // 2), beside=_BESIDE)
    app.extensions["fair-share"] = share

    @app.before_request
    def _begin() -> Response | None:
        g.began_s = time.thread_time()
        if request.endpoint in _ALWAYS_SHOWN or request.method not in ("GET", "HEAD"):
            return None
        g.shape = _shape(request.args)
        cost_s = share.costs.of(g.shape)
        if cost_s < CHEAP_S:
            return None
        question = _question()
        flight, own = share.join(question)
        if not own:
            if share.follow(flight) and flight.answer is not None:
                g.pop("shape")
                status, headers, body = flight.answer
                return Response(body, status, headers)
        else:
            g.flight, g.question = flight, question
        share.enter(cost_s)
        g.admitted = True
        # What was waited is no work.
        g.began_s = time.thread_time()
        return None

    @app.after_request
    def _keep(answer: Response) -> Response:
        flight: _Flight | None = g.get("flight")
        shared = answer.status_code == 200 and not answer.is_streamed and "Set-Cookie" not in answer.headers
        if flight is not None and shared:
            flight.answer = answer.status_code, list(answer.headers.items()), answer.get_data()
        return answer

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        if g.pop("admitted", False):
            share.leave()
        if g.pop("flight", None) is not None:
            share.land(g.pop("question"))
        shape: Shape | None = g.pop("shape", None)
        if shape is not None:
            share.costs.note(shape, time.thread_time() - g.began_s)


def _question() -> tuple[object, ...]:
    """What two requests have in common that may get the same answer."""
    headers = (request.headers.get(name) for name in _COMPARED_HEADERS)
    origin = (request.remote_addr, UNTRUSTED in request.environ, request.scheme, request.script_root)
    return request.method, request.full_path, *origin, *headers


def _shape(args: Mapping[str, str]) -> Shape:
    rule = request.url_rule.rule if request.url_rule else ""
    return rule, tuple(sorted({name[:40] for name in args})[:12]), _length(args)


def _length(args: Mapping[str, str]) -> object:
    """A coarse length of the time range, as it is written: no more is known before it is parsed."""
    if since := args.get("since", ""):
        return since[:8]
    try:
        nanos = int(args["to"]) - int(args["from"])
        return int(math.log2(nanos)) if nanos > 0 else ""
    except (KeyError, ValueError):
        return args.get("from", "")[:13], args.get("to", "")[:13]
