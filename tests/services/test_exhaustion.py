"""What is used up: database connections that are not given back, and memory that is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.metrics import NoOpMeter

from services.cart import connection_pool
from services.cart.connection_pool import ConnectionPool, wait_time
from services.common.errors import Unavailable
from services.common.flags import CART_LOST_CONNECTIONS, SHIPPING_KEPT_LABELS, Flags
from services.common.seat import Shopper
from services.common.telemetry import make_logger
from services.shipping import labels
from services.shipping.labels import KeptLabels
from tests.helpers import eventually
from tests.metric_points import problems_of
from tests.services.mesh import Mesh, running_mesh, write_flags

ANNA = Shopper("anna", "gold")
MB = 1024**2
LOST = {"cart_lost_connections": {"connections": 2, "wait_ms": 80}}
WAIT_S = 0.08


class Opened:
    """Stands for a connection; `closed` once it is."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened() -> list[Opened]:
    return []


@pytest.fixture
def pool(opened: list[Opened]) -> Iterator[ConnectionPool]:
    def connect() -> Opened:
        opened.append(Opened())
        return opened[-1]

    made = ConnectionPool("made", connect, 2, WAIT_S, wait_time(NoOpMeter("made")))
    yield made
    made.close()


def test_a_connection_is_opened_when_it_is_needed_and_used_again(
    pool: ConnectionPool, opened: list[Opened]
) -> None:
    for _ in range(3):
        with pool.lend():
            assert pool.numbers()[:3] == (1, 0, 2)
    assert len(opened) == 1
    with pool.lend(), pool.lend():
        assert pool.numbers()[:3] == (2, 0, 2)
    assert pool.numbers()[:3] == (0, 2, 2)


def test_who_finds_none_waits_until_one_is_given_back(pool: ConnectionPool) -> None:
    got = threading.Event()

    def ask() -> None:
        with pool.lend():
            got.set()

    with ExitStack() as held:
        held.enter_context(pool.lend())
        held.enter_context(pool.lend())
        pool._patience_s = 30
        waiting = threading.Thread(target=ask)
        waiting.start()
        eventually(lambda: pool.numbers().pending == 1, "the third caller waits")
        assert not got.is_set()
    waiting.join(5)
    assert got.is_set()
    assert pool.numbers() == (0, 2, 2, 0, 0)


def test_who_waits_in_vain_is_told(pool: ConnectionPool) -> None:
    """All are really in use: none is taken from who uses it."""
    with (
        pool.lend(),
        pool.lend(),
        pytest.raises(Unavailable, match="no connection of the pool made was free"),
    ):
        pool.lend().__enter__()
    assert pool.numbers().timeouts == 1
    with pool.lend():
        assert pool.numbers().used == 1


def test_a_lost_connection_is_used_until_somebody_waited_for_it(
    pool: ConnectionPool, opened: list[Opened]
) -> None:
    for _ in range(2):
        with pool.lend(keep=True):
            pass
    assert pool.numbers()[:3] == (2, 0, 2)
    began = time.monotonic()
    with pool.lend() as taken:
        assert time.monotonic() - began >= WAIT_S
        assert taken is opened[0]
    assert pool.numbers() == (1, 1, 2, 0, 1)


def test_an_error_of_a_caller_gives_its_connection_back(pool: ConnectionPool) -> None:
    with pytest.raises(ZeroDivisionError), pool.lend():
        raise ZeroDivisionError
    assert pool.numbers()[:3] == (0, 1, 2)


def test_a_connection_that_cannot_be_opened_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect() -> Opened:
        raise OSError("no")

    broken = ConnectionPool("broken", connect, 2, WAIT_S, wait_time(NoOpMeter("broken")))
    for _ in range(3):
        with pytest.raises(OSError, match="no"):
            broken.lend().__enter__()
    assert broken.numbers()[:2] == (0, 0)


def test_lost_connections_come_back_when_nobody_asks_any_more(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool.lend(keep=True):
        pass
    assert pool.numbers().used == 1
    monkeypatch.setattr(connection_pool, "_IDLE_FOR_S", 0.0)
    eventually(lambda: pool.numbers().used == 0, "the pool is whole again")


def test_many_callers_of_lost_connections_wait_no_longer_than_one(pool: ConnectionPool) -> None:
    """As a class does: each waits its time, and none is turned away."""
    waited: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        with pool.lend(keep=True):
            waited.append(time.monotonic() - began)

    for _ in range(2):
        ask()
    together = [threading.Thread(target=ask) for _ in range(20)]
    for each in together:
        each.start()
    for each in together:
        each.join(10)
    assert len(waited) == 22
    assert pool.numbers().used == 2


def cart_calls(mesh: Mesh) -> list[float]:
    """How long each call of cartservice took, in seconds."""
    return [
        ((span.end_time or 0) - (span.start_time or 0)) / 1e9
        for span in mesh.spans("cartservice")
        if span.kind is trace.SpanKind.SERVER
    ]


def test_lost_connections_make_calls_wait_before_their_statement(tmp_path: Path) -> None:
    """The wait is in the call's span and in no other; the metrics count it, by pool."""
    with running_mesh(tmp_path, LOST) as mesh:
        mesh.place_order(ANNA)
        mesh.forget()
        mesh.place_order(ANNA)
        statements = [span for span in mesh.spans("cartservice") if span.kind is trace.SpanKind.CLIENT]
        assert statements
        assert min(cart_calls(mesh)) >= WAIT_S
        points = {point.series(): point for point in mesh.points("cartservice")}
        assert not [line for point in points.values() for line in problems_of(point)]
        pool, name = ("db.client.connection.pool.name", "carts-v2"), "db.client.connection"
        waited = points[f"{name}.wait_time", (pool,)]
        assert points[f"{name}.timeouts", (pool,)].value == waited.value - 2
        assert points[f"{name}.max", (pool,)].value == 2
        assert points[f"{name}.count", (pool, ("db.client.connection.state", "used"))].value == 2
        assert points[f"{name}.count", (pool, ("db.client.connection.state", "idle"))].value == 0
        calls = {span.context.span_id for span in mesh.spans("cartservice") if span.context}
        assert {exemplar.span_id for exemplar in waited.exemplars} & calls


def test_a_healthy_cart_waits_for_no_connection(healthy: Mesh) -> None:
    healthy.place_order(ANNA)
    pools = {
        point.attributes["db.client.connection.pool.name"]
        for point in healthy.points("cartservice", "db.client.connection.count")
    }
    assert pools == {"carts"}
    assert [point.value for point in healthy.points("cartservice", "db.client.connection.timeouts")] == [0]


@pytest.mark.parametrize(
    "value",
    [{"connections": 0, "wait_ms": 5}, {"connections": 2, "wait_ms": 9_000}, {"connections": "a"}, {}],
)
def test_a_senseless_pool_is_no_fault(tmp_path: Path, value: dict[str, object]) -> None:
    write_flags(tmp_path / "flags.json", {"cart_lost_connections": value})
    flags = Flags(tmp_path / "flags.json", make_logger({}), [CART_LOST_CONNECTIONS])
    try:
        assert flags.cart_lost_connections(ANNA) == (0, 0.0)
    finally:
        flags.close()


@pytest.mark.parametrize("value", [{"mb": 0, "limit_mb": 60}, {"mb": 9, "limit_mb": 5000}, {"mb": 70}, {}])
def test_a_limit_that_a_laptop_would_feel_is_no_fault(tmp_path: Path, value: dict[str, object]) -> None:
    write_flags(tmp_path / "flags.json", {"shipping_kept_labels": value})
    flags = Flags(tmp_path / "flags.json", make_logger({}), [SHIPPING_KEPT_LABELS])
    try:
        assert flags.shipping_kept_labels(ANNA) == (0, 0)
    finally:
        flags.close()


class Time:
    """A clock that is set by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_labels_are_kept_until_the_process_is_killed() -> None:
    clock, killed = Time(), threading.Event()
    kept = KeptLabels(killed.set, clock)
    for number in range(1, 4):
        kept.keep(2, 8)
        assert kept.kept_bytes() == number * 2 * MB
        assert not killed.is_set()
        clock.now += labels.EVERY_S
    kept.keep(2, 8)
    assert killed.is_set()


def test_however_many_orders_there_are_one_label_is_kept_in_ten_seconds() -> None:
    clock = Time()
    kept = KeptLabels(lambda: None, clock)
    for _ in range(50):
        kept.keep(1, 90)
        clock.now += 0.1
    assert kept.kept_bytes() == MB


def test_who_has_not_the_fault_keeps_nothing_and_the_rest_is_forgotten_in_the_end() -> None:
    clock = Time()
    kept = KeptLabels(lambda: None, clock)
    kept.keep(0, 0)
    assert kept.kept_bytes() == 0
    kept.keep(3, 90)
    clock.now += labels.FORGOTTEN_AFTER_S / 2
    kept.keep(0, 0)
    assert kept.kept_bytes() == 3 * MB
    clock.now += labels.FORGOTTEN_AFTER_S
    kept.keep(0, 0)
    assert kept.kept_bytes() == 0
