"""A class of students at human pace: threads that order in the shop, each with a seat and a RUM session.

They do not declare themselves as synthetic, so they count as people. Owns their path and
records their requests; must not know how these are checked.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measure import quantile
from loadgen.requests_client import RequestsClient
from loadgen.shopper import Order, Reply, Shopper
from loadgen.student import CHECKOUT_FIELDS

BEACON = "/v1/rum"
CHECKOUT = "/cart/checkout"
PAGES = ("/", "/product/[id]", "/cart [add]", "/cart")
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Think time between two steps in seconds: uniform over this range."""

    shortest_s: float = 5.0
    longest_s: float = 15.0

    @property
    def middle_s(self) -> float:
        """The mean think time in seconds."""
        return (self.shortest_s + self.longest_s) / 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of a student; `status` 0 means that there was no answer."""

    name: str
    milliseconds: float
    status: int
    at_s: float


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """A click on *Place order*: its seat, its RUM session and its result."""

    seat: str
    session_id: str
    order: Order


@dataclass(slots=True)
class Observations:
    """The requests and orders of a class. Several threads append at once, which needs no lock."""

    answers: list[Answer] = field(default_factory=list)
    orders: list[PlacedOrder] = field(default_factory=list)
    beacons_sent: int = 0
    beacons_failed: int = 0
    spans_sent: int = 0
    sessions: int = 0

    def milliseconds(self, *names: str) -> list[float]:
        """Durations of the requests with these names."""
        return [answer.milliseconds for answer in self.answers if answer.name in names]

    def pages_p95_ms(self) -> float:
        """The 95th percentile of the pages' durations; 0 without pages."""
        return quantile(self.milliseconds(*PAGES), 0.95)

    def failed_pages(self) -> int:
        """Pages without an answer, or with an error status."""
        return sum(1 for answer in self.answers if answer.name in PAGES and not 200 <= answer.status < 400)


class TimedClient:
    """A `loadgen.shopper.Client` that records the duration of each request."""

    def __init__(self, observed: Observations) -> None:
        self._client = RequestsClient(_TIMEOUT_S)
        self._seen = observed

    def send(
        self,
        method: str,
        url: str,
        *,
        name: str,
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | None = None,
    ) -> Reply:
        """See `Client`."""
        started = time.perf_counter()
        reply = self._client.send(method, url, name=name, headers=headers, data=data)
        took_ms = (time.perf_counter() - started) * 1000
        self._seen.answers.append(Answer(name, took_ms, reply.status, time.monotonic()))
        return reply

    def set_cookie(self, name: str, value: str) -> None:
        """See `Client`."""
        self._client.set_cookie(name, value)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Student(threading.Thread):
    """One student: starts within one think time, then orders repeatedly until stopped."""

    def __init__(
        self, shop_url: str, seat: str, pace: Pace, observed: Observations, stopped: threading.Event
    ) -> None:
        super().__init__(name=seat, daemon=True)
        self.seat = seat
        self._pace = pace
        self._seen = observed
        self._stopped = stopped
        self._rng = random.Random(seat)
        self._client = TimedClient(observed)
        self.shopper = Shopper(shop_url, self._client, self._rng, synthetic=False)

    def run(self) -> None:
        """Order until stopped, then close the tab."""
        self._stopped.wait(self._rng.uniform(0, self._pace.longest_s))
        entry = f"/?seat={self.seat}"
        while not self._stopped.is_set():
            self._follow_path(entry)
            self._think()
            entry = "/"
        self.shopper.leave()
        self._client.close()

    def _follow_path(self, entry: str) -> None:
        shopper = self.shopper
        shopper.visit(entry, "/")
        products = shopper.page.products() if shopper.page else []
        if not products or not self._think():
            return
        product = self._rng.choice(products)
        if shopper.visit(f"/product/{product}", "/product/[id]").status != 200:
            return
        if not self._think():
            return
        shopper.add_to_cart(product, 1)
        if not shopper.page or not shopper.page.total:
            shopper.visit("/cart")
        if not self._think():
            return
        form = shopper.page.form("checkout") if shopper.page else None
        order = shopper.place_order(form.fields if form else CHECKOUT_FIELDS)
        self._seen.orders.append(PlacedOrder(self.seat, shopper.rum.id, order))

    def _think(self) -> bool:
        """Wait for a think time; False when stopped meanwhile."""
        return not self._stopped.wait(self._rng.uniform(self._pace.shortest_s, self._pace.longest_s))


@dataclass(slots=True)
class Classroom:
    """The running students; more can be added at any time."""

    shop_url: str
    pace: Pace = field(default_factory=Pace)
    observed: Observations = field(default_factory=Observations)
    _students: list[Student] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def admit(self, count: int) -> None:
        """Start this number of further students."""
        first = len(self._students) + 1
        for number in range(first, first + count):
            student = Student(self.shop_url, f"student-{number:03d}", self.pace, self.observed, self._stopped)
            self._students.append(student)
            student.start()

    @property
    def students(self) -> Sequence[Student]:
        """The running students."""
        return self._students

    def stop(self) -> Observations:
        """Let each student finish the current request and leave; returns what they recorded."""
        self._stopped.set()
        for student in self._students:
            student.join(_TIMEOUT_S)
        shoppers = [student.shopper for student in self._students]
        self.observed.beacons_sent = sum(shopper.beacons_sent for shopper in shoppers)
        self.observed.beacons_failed = sum(shopper.beacons_failed for shopper in shoppers)
        self.observed.spans_sent = sum(shopper.spans_sent for shopper in shoppers)
        self.observed.sessions = sum(1 for shopper in shoppers if shopper.rum.announced)
        return self.observed
