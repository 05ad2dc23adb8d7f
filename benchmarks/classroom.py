"""A class of students at human pace: threads that walk through the shop, each with a seat and a RUM session.

People, not synthetic traffic: nothing declares them so. Owns their walk and what they
saw; must not know how it is checked.
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
    """Seconds a student thinks between two steps: drawn evenly from this range."""

    shortest_s: float = 5.0
    longest_s: float = 15.0

    @property
    def middle_s(self) -> float:
        return (self.shortest_s + self.longest_s) / 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as a student's browser saw it; `status` 0 means that nobody answered."""

    name: str
    milliseconds: float
    status: int
    at_s: float


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """A click on *Place order*: whose, in which RUM session, and what came of it."""

    seat: str
    session_id: str
    order: Order


@dataclass(slots=True)
class Seen:
    """What a class saw. Several students add to it at once: appending is all that they do."""

    answers: list[Answer] = field(default_factory=list)
    orders: list[PlacedOrder] = field(default_factory=list)
    beacons_sent: int = 0
    beacons_failed: int = 0
    spans_sent: int = 0
    sessions: int = 0

    def milliseconds(self, *names: str) -> list[float]:
        """How long the requests of these names took."""
        return [answer.milliseconds for answer in self.answers if answer.name in names]

    def pages_p95_ms(self) -> float:
        """95 in 100 pages were there within this."""
        return quantile(self.milliseconds(*PAGES), 0.95)

    def failed_pages(self) -> int:
        """Pages that did not come or came with an error."""
        return sum(1 for answer in self.answers if answer.name in PAGES and not 200 <= answer.status < 400)


class TimedClient:
    """`loadgen.shopper.Client` that notes how long each answer took."""

    def __init__(self, seen: Seen) -> None:
        self._client = RequestsClient(_TIMEOUT_S)
        self._seen = seen

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
        begun = time.perf_counter()
        reply = self._client.send(method, url, name=name, headers=headers, data=data)
        took_ms = (time.perf_counter() - begun) * 1000
        self._seen.answers.append(Answer(name, took_ms, reply.status, time.monotonic()))
        return reply

    def set_cookie(self, name: str, value: str) -> None:
        """See `Client`."""
        self._client.set_cookie(name, value)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Student(threading.Thread):
    """One student: comes in within one think time, then orders again and again until told to go home."""

    def __init__(self, shop_url: str, seat: str, pace: Pace, seen: Seen, home: threading.Event) -> None:
        super().__init__(name=seat, daemon=True)
        self.seat = seat
        self._pace = pace
        self._seen = seen
        self._home = home
        self._rng = random.Random(seat)
        self._client = TimedClient(seen)
        self.shopper = Shopper(shop_url, self._client, self._rng, synthetic=False)

    def run(self) -> None:
        """Walk until sent home, then close the tab."""
        self._home.wait(self._rng.uniform(0, self._pace.longest_s))
        entry = f"/?seat={self.seat}"
        while not self._home.is_set():
            self._walk(entry)
            self._thought()
            entry = "/"
        self.shopper.leave()
        self._client.close()

    def _walk(self, entry: str) -> None:
        shopper = self.shopper
        shopper.visit(entry, "/")
        products = shopper.page.products() if shopper.page else []
        if not products or not self._thought():
            return
        product = self._rng.choice(products)
        if shopper.visit(f"/product/{product}", "/product/[id]").status != 200:
            return
        if not self._thought():
            return
        shopper.add_to_cart(product, 1)
        if not shopper.page or not shopper.page.total:
            shopper.visit("/cart")
        if not self._thought():
            return
        form = shopper.page.form("checkout") if shopper.page else None
        order = shopper.place_order(form.fields if form else CHECKOUT_FIELDS)
        self._seen.orders.append(PlacedOrder(self.seat, shopper.rum.id, order))

    def _thought(self) -> bool:
        """Think; False if it is time to go home."""
        return not self._home.wait(self._rng.uniform(self._pace.shortest_s, self._pace.longest_s))


@dataclass(slots=True)
class Classroom:
    """The students who are in; more may come at any time."""

    shop_url: str
    pace: Pace = field(default_factory=Pace)
    seen: Seen = field(default_factory=Seen)
    _students: list[Student] = field(default_factory=list)
    _home: threading.Event = field(default_factory=threading.Event)

    def admit(self, count: int) -> None:
        """So many more students."""
        first = len(self._students) + 1
        for number in range(first, first + count):
            student = Student(self.shop_url, f"student-{number:03d}", self.pace, self.seen, self._home)
            self._students.append(student)
            student.start()

    @property
    def students(self) -> Sequence[Student]:
        """Who is in."""
        return self._students

    def send_home(self) -> Seen:
        """Let everybody finish the request in hand and leave; gives what they saw."""
        self._home.set()
        for student in self._students:
            student.join(_TIMEOUT_S)
        shoppers = [student.shopper for student in self._students]
        self.seen.beacons_sent = sum(shopper.beacons_sent for shopper in shoppers)
        self.seen.beacons_failed = sum(shopper.beacons_failed for shopper in shoppers)
        self.seen.spans_sent = sum(shopper.spans_sent for shopper in shoppers)
        self.seen.sessions = sum(1 for shopper in shoppers if shopper.rum.announced)
        return self.seen
