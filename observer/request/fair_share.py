"""Keeps costly questions from starving the others.

With reader processes, costly questions take turns, one for each process, and all others run at once.
Processes are started when costly questions meet; until one is ready, costly questions take turns here.
Without reader processes few questions run at once, and the cheapest goes first: one that is
cheaper than all that run does not wait for them.

What a question costs is measured (`question_costs.py`). Equal questions asked at once are answered once.
Waiting is bounded, in time and in number. Knows no screen.
"""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from dataclasses import dataclass, field

from flask import Flask, Response, g, request

from observer.request.errors import Unavailable
from observer.request.question_costs import CHEAP_S, Costs, Shape, is_costly, is_long, shape_of
from runtime.proxy import UNTRUSTED
from store.api import LentReader, Reader, ReaderProcesses

_AT_ONCE = 2
"""Others that run at once: they wait for the store, or compute in Python, where one thread runs at a time."""
_BESIDE = 2
"""So many more run that are cheaper than all of those that run: a page beside maps of six hours."""
_STEP_S = 0.01
"""Questions whose costs differ by less take turns in their order of arrival."""
_WAIT_S = 8.0
_RETRY_AFTER_S = 3
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


class Busy(Unavailable):
    """Too many costly questions are being answered; the message says what to do."""

    code = "busy"
    wait_s = _RETRY_AFTER_S

    def __init__(self) -> None:
        super().__init__(
            "The screens are busy: others ask for much at the same time.",
            "Load this page again in a moment, or choose a shorter time range.",
        )


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

    def resize(self, at_once: int) -> None:
        """From now on so many run at once."""
        with self._lock:
            self._at_once = at_once
            self._call()

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

    def enter_at_once(self) -> bool:
        """Take a turn if one is free and nobody waits for it; False else."""
        with self._lock:
            if self._waiting or len(self._running) >= self._at_once:
                return False
            self._running[threading.get_ident()] = 0
            return True

    def leave(self) -> None:
        """End the turn of this thread: the cheapest of those that wait has the next."""
        with self._lock:
            self._running.pop(threading.get_ident(), None)
            self._call()

    def _call(self) -> None:
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


class _Turns:
    """Where a question is answered, and which ones wait for others.

    With reader processes costly questions take turns, as many as there are processes, and the others none.
    Without, all that are not cheap take turns in this process.
    """

    def __init__(self, share: FairShare, processes: ReaderProcesses | None) -> None:
        self._share = share
        self._processes = processes
        if processes is not None:
            processes.watch(lambda ready: share.resize(ready or _AT_ONCE))

    def enter(self, cost_s: float, *, costly: bool) -> None:
        """Wait for the turn that the request has until `leave`, if it needs one. Raises Busy.

        A question that was never asked costs 0: if it may be costly it takes a turn, but waits for none.
        """
        processes = self._processes
        if processes is None:
            self._share.enter(cost_s)
            g.turn = self._share
        elif costly:
            if self._share.running:
                processes.start_one()
            if cost_s:
                self._share.enter(cost_s)
            elif not self._share.enter_at_once():
                return
            g.turn = self._share
            # While none is ready, this process answers.
            g.lent = processes.lend()

    def leave(self) -> float:
        """End the turn of the request. Returns the processor seconds of its reader process."""
        lent: LentReader | None = g.pop("lent", None)
        if lent is not None:
            lent.give_back()
        turn: FairShare | None = g.pop("turn", None)
        if turn is not None:
            turn.leave()
        return lent.processor_s if lent is not None else 0.0


def lent_reader() -> Reader | None:
    """The reader process that the current request has to itself, if it has one."""
    lent: LentReader | None = g.get("lent")
    return lent.reader if lent is not None else None


def install(app: Flask, threads: int, processes: ReaderProcesses | None = None) -> None:
    """Measure every request of an application, and admit costly ones one after the other.

    First of all `before_request` functions, and last of the `after_request` ones: it wraps their work.
    """
    share = FairShare(max(1, threads // 2), beside=_BESIDE if processes is None else 0)
    turns = _Turns(share, processes)
    app.extensions["fair-share"] = share

    @app.before_request
    def _begin() -> Response | None:
        if "outermost" in g:
            # A page asks this application's own API: that is a part of its answer, and shares its `g`.
            return None
        g.outermost = request.environ
        g.began_s = time.thread_time()
        if request.endpoint in _ALWAYS_SHOWN or request.method not in ("GET", "HEAD"):
            return None
        g.shape = shape_of(request.args)
        long = is_long(request.args)
        cost_s = share.costs.of(g.shape)
        unknown = not cost_s and long and processes is not None
        if cost_s < CHEAP_S and not unknown:
            return None
        if (answer := _answer_of_another(share)) is not None:
            return answer
        turns.enter(cost_s, costly=unknown or is_costly(cost_s, long=long))
        # What was waited is no work.
        g.began_s = time.thread_time()
        return None

    @app.after_request
    def _keep(answer: Response) -> Response:
        flight: _Flight | None = g.get("flight") if _is_outermost() else None
        shared = answer.status_code == 200 and not answer.is_streamed and "Set-Cookie" not in answer.headers
        if flight is not None and shared:
            flight.answer = answer.status_code, list(answer.headers.items()), answer.get_data()
        return answer

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        if not _is_outermost():
            return
        g.pop("outermost")
        elsewhere_s = turns.leave()
        if g.pop("flight", None) is not None:
            share.land(g.pop("question"))
        shape: Shape | None = g.pop("shape", None)
        if shape is not None:
            share.costs.note(shape, elsewhere_s + time.thread_time() - g.began_s)


def _answer_of_another(share: FairShare) -> Response | None:
    """What an equal request was answered meanwhile; None where this one has to be answered. Raises Busy."""
    question = _question()
    flight, own = share.join(question)
    if own:
        g.flight, g.question = flight, question
    elif share.follow(flight) and flight.answer is not None:
        g.pop("shape")
        status, headers, body = flight.answer
        return Response(body, status, headers)
    return None


def _is_outermost() -> bool:
    return g.get("outermost") is request.environ


def _question() -> tuple[object, ...]:
    """What two requests have in common that may get the same answer."""
    headers = (request.headers.get(name) for name in _COMPARED_HEADERS)
    origin = (request.remote_addr, UNTRUSTED in request.environ, request.scheme, request.script_root)
    return request.method, request.full_path, *origin, *headers
