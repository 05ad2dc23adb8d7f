"""A Locust file of the shape of the original shop's: a stranger's client, knowing only routes and forms.

Run by `locust -f`; it imports nothing of ours and declares nothing.
"""

from __future__ import annotations

import os
import random

import gevent.pool
from locust import HttpUser, TaskSet, between, events
from locust.env import Environment

PRODUCTS = [
    "0PUK6V6EV0",
    "1YMWWN1N4O",
    "2ZYFJ3GM2N",
    "66VCHSJNUP",
    "6E92ZMYYFZ",
    "9SIQT8TOJO",
    "L9ECAV7KIM",
    "LS4PSXUNUM",
    "OLJCESPC7Z",
]
PACE = float(os.environ.get("PACE", "1"))
ENOUGH = int(os.environ.get("ENOUGH", "0"))
"""Requests after which the run ends, however quick the machine; 0 leaves that to Locust's own options."""


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust leaves it untyped
def stop_when_enough(environment: Environment, **_: object) -> None:
    """End the run by what was done instead of by the clock."""
    pool = gevent.pool.Group()

    def count(**_: object) -> None:
        if ENOUGH and environment.stats.total.num_requests >= ENOUGH and environment.runner and not pool:
            # Beside the shopper who asks: it is itself among those who are stopped.
            pool.spawn(environment.runner.quit)

    environment.events.request.add_listener(count)  # type: ignore[no-untyped-call]  # likewise


def index(user: TaskSet) -> None:
    user.client.get("/")


def set_currency(user: TaskSet) -> None:
    user.client.post("/setCurrency", {"currency_code": random.choice(["EUR", "USD", "JPY", "CAD"])})


def browse_product(user: TaskSet) -> None:
    user.client.get("/product/" + random.choice(PRODUCTS))


def view_cart(user: TaskSet) -> None:
    user.client.get("/cart")


def add_to_cart(user: TaskSet) -> None:
    product = random.choice(PRODUCTS)
    user.client.get("/product/" + product)
    user.client.post("/cart", {"product_id": product, "quantity": random.choice([1, 2, 3, 4, 5, 10])})


def checkout(user: TaskSet) -> None:
    add_to_cart(user)
    user.client.post(
        "/cart/checkout",
        {
            "email": "someone@example.com",
            "street_address": "270 Brannan St",
            "zip_code": "94107",
            "city": "San Francisco",
            "state": "CA",
            "country": "United States",
            "credit_card_number": "4432-8015-6152-0454",
            "credit_card_expiration_month": "1",
            "credit_card_expiration_year": "2039",
            "credit_card_cvv": "672",
        },
    )


class Visit(TaskSet):
    tasks = {  # type: ignore[assignment]  # noqa: RUF012  # Locust's own way to weigh them
        index: 1,
        set_currency: 2,
        browse_product: 10,
        add_to_cart: 2,
        view_cart: 3,
        checkout: 1,
    }

    def on_start(self) -> None:
        index(self)


class WebsiteUser(HttpUser):
    tasks = [Visit]  # noqa: RUF012
    wait_time = between(1 / PACE, 10 / PACE)
