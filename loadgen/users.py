"""Locust's virtual users: two over plain HTTP, one with the RUM session of a browser.

One of the first has the routes, forms and weights of the original shop's load, the other
orders at an even pace; the third behaves like a person with a browser. All declare
themselves synthetic.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, TaskSet, constant_pacing, task

from loadgen.agent import Browser
from loadgen.locust_client import LocustClient
from loadgen.shopper import SYNTHETIC_HEADER, Shopper
from loadgen.student import CHECKOUT_FIELDS

PRODUCTS = (
    "0PUK6V6EV0",
    "1YMWWN1N4O",
    "2ZYFJ3GM2N",
    "66VCHSJNUP",
    "6E92ZMYYFZ",
    "9SIQT8TOJO",
    "L9ECAV7KIM",
    "LS4PSXUNUM",
    "OLJCESPC7Z",
)
CURRENCIES = ("EUR", "USD", "JPY", "CAD")
QUANTITIES = (1, 2, 3, 4, 5, 10)
BROWSERS = (
    Browser(automated=True),
    Browser(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/156.0.0.0 Safari/537.36",
        "Windows",
        screen="1920x1080",
        automated=True,
    ),
    Browser(
        "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
        "Linux",
        screen="1440x900",
        automated=True,
    ),
    Browser(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.1 Safari/605.1.15",
        "macOS",
        screen="1512x982",
        automated=True,
    ),
    Browser(
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/156.0.0.0 Mobile Safari/537.36",
        "Android",
        mobile=True,
        screen="412x915",
        automated=True,
    ),
)


class Seeded(FastHttpUser):
    """A user whose choices follow from the seed and its number within its class."""

    abstract = True
    seed: ClassVar[int | None] = None
    """Set before the first user is made; None makes each start differ."""
    pace: ClassVar[float] = 1.0
    """Think times are divided by this."""
    slowest_s: ClassVar[float] = 10.0
    quickest_s: ClassVar[float] = 1.0
    network_timeout = 30.0
    connection_timeout = 5.0
    _numbers: ClassVar[Iterator[int]] = itertools.count()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls._numbers = itertools.count()

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        number = next(type(self)._numbers)
        seed = None if self.seed is None else f"{self.seed}:{type(self).__name__}:{number}"
        # Workers count their users each for itself: without the worker's number, all would do the same.
        worker = getattr(environment.runner, "worker_index", -1)
        if seed is not None and worker >= 0:
            seed = f"{seed}:{worker}"
        self.rng = random.Random(seed)
        self.shop_url = (self.host or "").rstrip("/")
        self.browser_client = LocustClient(self.client)

    def wait_time(self) -> float:
        """Seconds to think before the next step."""
        return self.rng.uniform(self.quickest_s, self.slowest_s) / self.pace

    def think(self) -> None:
        """Wait for that time."""
        gevent.sleep(self.wait_time())

    def send(
        self, method: str, path: str, name: str, fields: dict[str, str] | None, *, follow: bool = True
    ) -> None:
        """Send a request without a browser; a declared synthetic one, counted under `name`."""
        headers = {SYNTHETIC_HEADER: "loadgen", "User-Agent": "hipster-lab-loadgen"}
        self.browser_client.send(
            method, self.shop_url + path, name=name, headers=headers, data=fields, follow=follow
        )


class Weighted(TaskSet):
    """Chooses the next task by the user's own generator instead of the process's."""

    def get_next_task(self) -> Any:
        """A random task; its weight is its probability."""
        return self.shopper.rng.choice(self.tasks)

    @property
    def shopper(self) -> Seeded:
        """The user whose tasks these are."""
        user = self.user
        assert isinstance(user, Seeded)
        return user


class Routes(Weighted):
    """The tasks of the original shop's load, with their weights."""

    def on_start(self) -> None:
        """Start at the home page."""
        self.index()

    @task(1)
    def index(self) -> None:
        self._get("/")

    @task(2)
    def set_currency(self) -> None:
        self._post("/setCurrency", {"currency_code": self.shopper.rng.choice(CURRENCIES)})

    @task(10)
    def browse_product(self) -> None:
        self._get(f"/product/{self.shopper.rng.choice(PRODUCTS)}", "/product/[id]")

    @task(2)
    def add_to_cart(self) -> None:
        product = self.shopper.rng.choice(PRODUCTS)
        self._get(f"/product/{product}", "/product/[id]")
        quantity = self.shopper.rng.choice(QUANTITIES)
        self._post("/cart", {"product_id": product, "quantity": str(quantity)}, "/cart [add]")

    @task(3)
    def view_cart(self) -> None:
        self._get("/cart")

    @task(1)
    def checkout(self) -> None:
        self.add_to_cart()
        self._post("/cart/checkout", dict(CHECKOUT_FIELDS))
        # The next visitor starts with an empty cart, whether or not this order was placed.
        self.shopper.browser_client.forget()

    def _get(self, path: str, name: str = "") -> None:
        self._send("GET", path, name or path, None)

    def _post(self, path: str, fields: dict[str, str], name: str = "") -> None:
        self._send("POST", path, name or path, fields)

    def _send(self, method: str, path: str, name: str, fields: dict[str, str] | None) -> None:
        self.shopper.send(method, path, name, fields)


class HttpShopper(Seeded):
    """Shops over plain HTTP, like the original's load; makes no RUM data."""

    weight = 1
    tasks = [Routes]  # noqa: RUF012  # Locust's interface


class RegularBuyer(Seeded):
    """Orders at an even pace, over plain HTTP: one of them, however many other users there are.

    The others' orders come by chance, at times ten seconds apart, and a rule about orders has nothing to
    read between them. Of a fault that a third of the orders meets, ten orders tell in time.
    """

    fixed_count = 1
    every_s: ClassVar[float] = 1.0

    def wait_time(self) -> float:
        """Seconds until the next order is due; 0 where this one took longer."""
        return float(constant_pacing(self.every_s / self.pace)(self))

    @task
    def order(self) -> None:
        """One product, ordered by a new visitor."""
        self.browser_client.forget()
        fields = {"product_id": self.rng.choice(PRODUCTS), "quantity": "1"}
        # Without the cart's page, whose rendering costs as much as the order.
        self.send("POST", "/cart", "/cart [add]", fields, follow=False)
        self.send("POST", "/cart/checkout", "/cart/checkout", dict(CHECKOUT_FIELDS))


class RumShopper(Seeded):
    """Shops like a person with a browser; every trip is a RUM session of its own."""

    weight = 2
    slowest_s = 3.0
    order_share: ClassVar[float] = 0.8

    @task
    def trip(self) -> None:
        """From the home page over a few products to the cart, and mostly on to an order."""
        self.browser_client.forget()
        shopper = Shopper(
            self.shop_url,
            self.browser_client,
            self.rng,
            synthetic=True,
            browser=self.rng.choice(BROWSERS),
        )
        if not self._shop(shopper):
            return
        if self.rng.random() < self.order_share:
            self.think()
            form = shopper.page.form("checkout") if shopper.page else None
            shopper.place_order(form.fields if form else CHECKOUT_FIELDS)
            self.think()
        shopper.leave()

    def _shop(self, shopper: Shopper) -> bool:
        """Fill the cart and view it; False if the shop does not answer."""
        if not shopper.visit("/").status:
            return False
        for product in self.rng.sample(PRODUCTS, self.rng.randint(1, 4)):
            self.think()
            if shopper.visit(f"/product/{product}", "/product/[id]").status != 200:
                return False
            self.think()
            quantity = self.rng.choice(QUANTITIES[:3])
            if shopper.add_to_cart(product, quantity).status != 200:
                return False
        return True
