"""Meaning of attributes, whichever convention they follow."""

from __future__ import annotations

import pytest

from signals.model import Attributes
from signals.semantics import is_error, peer_of, tags_of, workflow_of

CLIENT, SERVER, PRODUCER = 3, 2, 4


@pytest.mark.parametrize(
    ("status", "attributes", "error"),
    [
        (2, {}, True),
        (0, {}, False),
        (1, {"error": True}, True),
        (0, {"error": "true"}, True),
        (0, {"error": "TypeError"}, True),
        (0, {"error": 1}, True),
        (0, {"error": ""}, False),
        (0, {"error": "0"}, False),
        (0, {"error": "False"}, False),
        (0, {"error": 0}, False),
        (0, {"error": None}, False),
        (0, {"http.status_code": 500}, False),
    ],
)
def test_a_span_is_in_error_by_its_status_or_a_set_error_attribute(
    status: int, attributes: Attributes, error: bool
) -> None:
    assert is_error(status, attributes) is error


@pytest.mark.parametrize(
    ("kind", "attributes", "peer"),
    [
        (CLIENT, {"peer.service": "Bank", "server.address": "h", "server.port": 1}, ("Bank", False)),
        (CLIENT, {"peer.service": "carts", "db.system": "redis"}, ("carts", True)),
        (CLIENT, {"db.system": "postgresql", "db.name": "orders", "server.address": "h"}, ("orders", True)),
        (CLIENT, {"db.system.name": "postgresql", "db.namespace": "orders"}, ("orders", True)),
        (CLIENT, {"db.system": "redis", "server.address": "h", "server.port": 6379}, ("redis", True)),
        (CLIENT, {"db.system": "redis", "db.namespace": "0"}, ("redis:0", True)),
        (CLIENT, {"db.system": "sqlite", "db.name": "/var/data/cart.db"}, ("cart.db", True)),
        (CLIENT, {"db.system": "sqlite", "db.name": ":memory:"}, ("sqlite", True)),
        (CLIENT, {"server.address": "bank.example", "server.port": "443"}, ("bank.example:443", False)),
        (CLIENT, {"net.peer.name": "old", "net.peer.port": 80}, ("old:80", False)),
        (CLIENT, {"server.address": "::1", "server.port": 80}, ("[::1]:80", False)),
        (CLIENT, {"url.full": "https://u:p@bank.example:8443/x?y"}, ("bank.example:8443", False)),
        (PRODUCER, {"messaging.system": "kafka", "messaging.destination.name": "orders"}, ("orders", False)),
        (PRODUCER, {"messaging.system": "kafka", "messaging.destination": "letters"}, ("letters", False)),
        (PRODUCER, {"messaging.system": "x", "messaging.url": "tcp://u:p@mq:61616"}, ("mq:61616", False)),
        (CLIENT, {}, ("", False)),
        (SERVER, {"peer.service": "x", "db.system": "redis"}, ("", False)),
    ],
)
def test_a_peer_is_named_by_the_best_attribute_that_a_call_carries(
    kind: int, attributes: Attributes, peer: tuple[str, bool]
) -> None:
    assert peer_of(kind, attributes) == peer


def test_a_spans_own_attribute_wins_over_its_resources() -> None:
    tags = tags_of(
        "x",
        {"version": "own", "tenant.level": "", "other": 1},
        {"version": "r", "host.name": "h", "tenant.level": "gold"},
        browser=False,
    )
    assert tags == {"version": "own", "host.name": "h"}


def test_a_workflow_is_the_service_and_the_route() -> None:
    assert workflow_of("frontend", "POST /cart/checkout", {}) == "frontend:/cart/checkout"
    assert workflow_of("frontend", "POST", {"http.route": "/x/<id>"}) == "frontend:/x/<id>"
    assert workflow_of("pay", "grpc.Pay/Charge", {}) == "pay:grpc.Pay/Charge"
