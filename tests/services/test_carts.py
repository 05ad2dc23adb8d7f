"""Both stores of carts keep the same promises."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from opentelemetry import trace

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.cart.carts import MAX_QUANTITY, CartLine, Carts
from services.cart.redis_carts import RedisCarts
from services.cart.sqlite_carts import SqliteCarts
from services.common.errors import InvalidRequest, StartError, Unavailable
from services.common.seat import Shopper
from services.common.telemetry.attributes import undeclared
from tests.helpers import eventually, free_port, required_in_ci
from tests.metric_points import problems_of
from tests.services.mesh import running_mesh

Reopen = Callable[[], Carts]
SILENT = trace.NoOpTracerProvider()


@pytest.fixture(scope="module")
def redis_addr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        required_in_ci("redis-server or valkey-server is not installed")
        raise AssertionError("unreachable")
    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    try:
        eventually(answers, "redis-server answers")
        yield f"127.0.0.1:{port}"
    finally:
        client.close()
        process.terminate()
        process.wait(5)


@pytest.fixture(params=["sqlite", "redis"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    if request.param == "sqlite":
        return lambda: SqliteCarts(tmp_path / "new" / "carts.sqlite3", SILENT)
    address = request.getfixturevalue("redis_addr")
    return lambda: RedisCarts(address, SILENT)


def test_lines_add_up_keep_their_order_and_survive_a_restart(reopen: Reopen) -> None:
    carts, user, other = reopen(), str(uuid4()), str(uuid4())
    assert carts.lines(user) == []
    for line in (CartLine("b", 1), CartLine("a", 2), CartLine("b", 3)):
        carts.add(user, line)
    carts.add(other, CartLine("c", 1))
    carts.close()
    carts = reopen()
    assert carts.lines(user) == [CartLine("b", 4), CartLine("a", 2)]
    carts.empty(user)
    carts.empty(user)
    assert carts.lines(user) == []
    assert carts.lines(other) == [CartLine("c", 1)]
    assert carts.healthy()
    carts.close()


def test_a_cart_has_a_limit(reopen: Reopen) -> None:
    carts, user = reopen(), str(uuid4())
    carts.add(user, CartLine("a", MAX_QUANTITY))
    with pytest.raises(InvalidRequest, match="at most"):
        carts.add(user, CartLine("a", 1))
    assert carts.lines(user) == [CartLine("a", MAX_QUANTITY)]
    carts.close()


def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="set CART_DB"):
        SqliteCarts(tmp_path / "file" / "carts.sqlite3", SILENT)


@pytest.mark.parametrize("content", [b"noise" * 2_000, None])
def test_a_file_of_carts_that_cannot_be_used_is_set_aside(tmp_path: Path, content: bytes | None) -> None:
    """Damaged, or with carts of another form: the shop starts with a new one, and keeps the former."""
    path = tmp_path / "carts.sqlite3"
    if content is None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE cart_item (user_id TEXT, product TEXT)")
        other.commit()
        other.close()
    else:
        path.write_bytes(content)
    carts = SqliteCarts(path, SILENT)
    assert len(list(tmp_path.glob("carts.sqlite3.unusable-*"))) == 1
    assert carts.lines("anna") == []


def test_a_locked_database_is_unavailable_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cart.sqlite_carts._BUSY_S", 0.05)
    carts, user = SqliteCarts(tmp_path / "carts.sqlite3", SILENT), str(uuid4())
    carts.add(user, CartLine("a", 1))
    intruder = sqlite3.connect(tmp_path / "carts.sqlite3", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        carts.add(user, CartLine("a", 1))
    assert carts.lines(user) == [CartLine("a", 1)], "reading goes on"
    intruder.execute("ROLLBACK")
    intruder.close()
    carts.add(user, CartLine("a", 1))
    assert carts.lines(user) == [CartLine("a", 2)]
    carts.close()


def test_a_database_that_vanished_is_not_healthy(tmp_path: Path) -> None:
    carts = SqliteCarts(tmp_path / "carts.sqlite3", SILENT)
    assert carts.healthy()
    (tmp_path / "carts.sqlite3").unlink()
    assert not carts.healthy()
    carts.close()


def test_redis_away_is_unavailable_and_not_healthy() -> None:
    carts = RedisCarts(f"127.0.0.1:{free_port()}", SILENT)
    assert not carts.healthy()
    with pytest.raises(Unavailable, match="Redis"):
        carts.lines(str(uuid4()))
    carts.close()


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_database_spans_name_their_database(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    redis_addr = request.getfixturevalue("redis_addr") if engine == "redis" else ""
    with running_mesh(tmp_path, redis_addr=redis_addr) as mesh:
        mesh.place_order(Shopper("anna", "gold"))
        with mesh.stub("cartservice", rpc.CartServiceStub) as carts:
            carts.GetCart(pb.GetCartRequest(user_id=str(uuid4())))
        database = [span for span in mesh.spans("cartservice") if span.kind is trace.SpanKind.CLIENT]
        assert database
        durations = mesh.points("cartservice", "db.client.operation.duration")
        assert {point.attributes["db.system.name"] for point in durations} == {engine}
        assert not [line for point in durations for line in problems_of(point)]
        assert sum(point.value for point in durations) == len(database)
        exemplars = {each.span_id for point in durations for each in point.exemplars}
        assert exemplars
        assert exemplars <= {span.context.span_id for span in database}
        for span in database:
            attributes = dict(span.attributes or {})
            assert engine in (attributes.get("db.system"), attributes.get("db.system.name"))
            assert not undeclared("span", attributes)
            assert span.status.status_code is trace.StatusCode.UNSET
            if engine == "sqlite":
                assert attributes["db.namespace"] == "carts"
