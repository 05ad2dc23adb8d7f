"""A class that plays: students over HTTP, a desk that is looked at all the time, and a stranger.

Each thing that a student does is noted with what the desk must show of it, and since when its data was there.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

import incidents
from loadgen.requests_client import RequestsClient
from loadgen.shopper import Shopper
from loadgen.student import DEFAULT_PRODUCT, walk
from tests.helpers import eventually

Row = Mapping[str, Any]
TIMEOUT_S = 60.0
TWO_SECONDS = 2.0
BETWEEN_LOOKS_S = 0.1
STEPS = tuple(step.name for step in incidents.load("invalid-token").steps)
_ORDERS = "/api/v1/apm/traces?attr=http.route:/cart/checkout&limit=200"


@dataclass(frozen=True, slots=True)
class School:
    """Where the class is: addresses, codes, and the query of each seat's link."""

    shop: str
    screens: str
    join_code: str
    passcode: str
    links: Mapping[str, str]

    @classmethod
    def of(cls, shop: str, screens: str, printed: Mapping[str, Any]) -> School:
        """From what `lab class --json` prints."""
        links = {seat["seat"]: seat["url"].partition("?")[2] for seat in printed["seats"]}
        return cls(shop.rstrip("/"), screens.rstrip("/"), printed["join_code"], printed["passcode"], links)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a seat did, and how its row of the desk shows it.

    Its data is there since `at_s` of the monotonic clock; for an order since the API lists `trace_id`.
    """

    seat: str
    what: str
    shown: Callable[[Row], bool]
    at_s: float = 0.0
    trace_id: str = ""


@dataclass(slots=True)
class Diary:
    """The deeds of a class. Several threads append at once, which needs no lock."""

    deeds: list[Deed] = field(default_factory=list)

    def note(self, seat: str, what: str, shown: Callable[[Row], bool]) -> None:
        """Note a deed whose answer has just arrived."""
        self.deeds.append(Deed(seat, what, shown, at_s=time.monotonic()))


def reached(step: str) -> Callable[[Row], bool]:
    """Whether a row is at this step or beyond."""
    number = STEPS.index(step)
    return lambda row: row["step"] is not None and STEPS.index(row["step"]) >= number


def program(seat_cookies: requests.cookies.RequestsCookieJar | None = None) -> requests.Session:
    """An HTTP client without a proxy."""
    session = requests.Session()
    session.trust_env = False
    if seat_cookies is not None:
        session.cookies.update(seat_cookies)
    return session


class Student:
    """One seat over HTTP: its screens, and a shopper with a RUM session."""

    def __init__(self, school: School, seat: str, diary: Diary) -> None:
        self.seat = seat
        self.statuses: list[int] = []
        self._school = school
        self._diary = diary
        self.screens = program()
        self._client = RequestsClient(TIMEOUT_S)
        self.shopper = Shopper(school.shop, self._client, random.Random(seat), synthetic=False)
        self.traces: list[str] = []

    def sit(self) -> None:
        """Open the link."""
        answer = self.screens.get(
            f"{self._school.screens}/workshop?{self._school.links[self.seat]}", timeout=TIMEOUT_S
        )
        assert (answer.status_code, len(answer.history)) == (200, 1), answer.status_code
        self._diary.note(self.seat, "came", lambda row: row["state"] != "no-show")

    def look_around(self) -> None:
        """Open the shop, and order nothing."""
        assert self.shopper.visit(f"/?{self._school.links[self.seat]}").status == 200
        self.shopper.leave()

    def order(self) -> int:
        """Walk through the shop and place an order; returns its status."""
        entry = "/" if self.statuses else f"/?{self._school.links[self.seat]}"
        order = walk(self.shopper, self.seat, entry=entry, product=DEFAULT_PRODUCT, quantity=1)
        self.shopper.leave()
        self.statuses.append(order.status)
        self.traces.append(order.trace_id)
        number = len(self.statuses)
        self._diary.deeds.append(
            Deed(self.seat, f"order {number}", lambda row: row["orders"] >= number, trace_id=order.trace_id)
        )
        return order.status

    def open(self, step: str, path: str) -> None:
        """Open the page that a step leads to."""
        assert self.screens.get(self._school.screens + path, timeout=TIMEOUT_S).status_code == 200
        self._diary.note(self.seat, f"opened {step}", reached(step))

    def see_in_trace(self, service: str) -> str:
        """Wait until the first order's trace has spans of a service, which are evidence; returns its id."""
        address = f"{self._school.screens}/api/v1/apm/traces/{self.traces[0]}"

        def there() -> bool:
            answer = self.screens.get(address, timeout=TIMEOUT_S)
            spans = answer.json()["spans"] if answer.status_code == 200 else ()
            return any(span["service"] == service for span in spans)

        eventually(there, f"{self.seat} sees {service} in its trace", within_s=30)
        return self.traces[0]

    def answer(self, number: int, **given: str) -> None:
        """Answer the question, as the `number`th answer."""
        self._post("/workshop/answer", given)
        self._diary.note(self.seat, f"answer {number}", lambda row: row["answers"] >= number)

    def repair(self, name: str) -> None:
        """Press the button of a repair, and order until the services have followed, five times at most."""
        self._post("/workshop/repair", {"repair": name})
        self._diary.note(self.seat, f"repair {name}", lambda row: bool(row["repaired"]))
        assert 200 in (self.order() for _ in range(5)), self.statuses

    def _post(self, path: str, form: Mapping[str, str]) -> None:
        answer = self.screens.post(
            self._school.screens + path, data=form, timeout=TIMEOUT_S, allow_redirects=False
        )
        assert answer.status_code == 303, (self.seat, path, answer.status_code)

    def go(self) -> None:
        """Close the connections."""
        self._client.close()
        self.screens.close()


class Watch(threading.Thread):
    """Looks at the API's list of orders and then at the desk, again and again, as two programs would."""

    def __init__(self, school: School) -> None:
        super().__init__(name="watch", daemon=True)
        self._school = school
        self._stopped = threading.Event()
        self.desk = program()
        opened = self.desk.post(
            f"{school.screens}/api/v1/desk/session", json={"passcode": school.passcode}, timeout=TIMEOUT_S
        )
        self.token: str = opened.json()["token"]
        self.visible: dict[str, float] = {}
        """When the API first listed each trace."""
        self.looks: list[tuple[float, Mapping[str, Row]]] = []
        """When the desk was asked, and its rows by seat."""

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.wait(BETWEEN_LOOKS_S):
            self.look()

    def look(self) -> Mapping[str, Row]:
        """One look at both; returns the rows of the desk."""
        listed = self._json(_ORDERS)["traces"]
        now = time.monotonic()
        for trace in listed:
            self.visible.setdefault(trace["trace_id"], now)
        asked_s = time.monotonic()
        rows = {row["seat"]: row for row in self._json("/api/v1/class/seats")["seats"]}
        self.looks.append((asked_s, rows))
        return rows

    def stop(self) -> None:
        """End the looking."""
        self._stopped.set()
        self.join(TIMEOUT_S)

    def late(self, deed: Deed) -> float | None:
        """How long after its data was there the desk was last asked without showing a deed; None: never."""
        since = self.visible.get(deed.trace_id) if deed.trace_id else deed.at_s
        assert since is not None, f"{deed.seat}: the API does not list {deed.what}"
        missing = [at_s for at_s, rows in self.looks if at_s >= since and not deed.shown(rows[deed.seat])]
        return missing[-1] - since if missing else None

    def _json(self, path: str) -> Any:
        answer = self.desk.get(self._school.screens + path, timeout=TIMEOUT_S)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.json()


class Stranger:
    """Tries what is not theirs, from outside and from a seat; `answers` holds each attempt's status."""

    def __init__(self, school: School, seated: requests.Session, victim: str) -> None:
        """`seated` is the client of a seat that misbehaves."""
        self._school = school
        self._seated = seated
        self._victim = victim
        self.answers: dict[str, list[int]] = {}

    def act(self) -> None:
        """Everything, once or several times."""
        screens, shop, out = self._school.screens, self._school.shop, program()
        elsewhere = {"Origin": "http://evil.example"}
        unsigned = f"seat={self._victim}"
        for _ in range(12):
            self._note("passcode", out.post(f"{screens}/api/v1/desk/session", json={"passcode": "AAAA"}))
        for _ in range(3):
            self._note("code", out.post(f"{screens}/join", data={"code": "wrong"}, allow_redirects=False))
        for base in (f"{screens}/workshop", f"{shop}/"):
            self._note("unsigned", out.get(f"{base}?{unsigned}", allow_redirects=False))
            self._note("forged", out.get(f"{base}?{unsigned}&sig={'0' * 32}", allow_redirects=False))
        for path in ("/workshop/repair", "/workshop/answer", "/join"):
            form = {"repair": "rollback", "code": self._school.join_code}
            self._note(
                "cross-site",
                self._seated.post(screens + path, data=form, headers=elsewhere, allow_redirects=False),
            )
        self._note(
            "for another",
            self._seated.post(
                f"{screens}/workshop/repair",
                data={"seat": self._victim, "repair": "rollback"},
                allow_redirects=False,
            ),
        )
        for path in ("/api/v1/class/seats", "/api/v1/class/actions"):
            ask = self._seated.post if path.endswith("actions") else self._seated.get
            self._note("desk", ask(screens + path, json={"action": "reset"}))
        for base in (screens, shop):
            self._note("host", out.get(f"{base}/", headers={"Host": "evil.example"}))
        self._note("flags", self._seated.get(f"{shop}/_flags"))
        for number in range(100):
            self._note("ghosts", self._seated.post(f"{shop}/v1/rum", json=[_ghost(number)]))
        out.close()

    def _note(self, attempt: str, answer: requests.Response) -> None:
        self.answers.setdefault(attempt, []).append(answer.status_code)


def _ghost(number: int) -> dict[str, Any]:
    """A beacon of a seat that does not exist."""
    return {
        "traceId": f"{number + 1:032x}",
        "id": f"{number + 1:016x}",
        "name": "documentLoad",
        "timestamp": time.time_ns() // 1000,
        "duration": 1000,
        "tags": {"app": "hipster-shop", "splunk.rumSessionId": f"{number:032x}", "enduser.id": "ghost"},
    }
