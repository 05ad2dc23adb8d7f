"""Faults that make the shop slow without an error: each does what its incident says, and to nobody else."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from opentelemetry import trace

import incidents
from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.buttercup.server import DELAY
from services.cart import sqlite_carts
from services.cart.carts import CartLine
from services.cart.sqlite_carts import SqliteCarts
from services.common import seat
from services.common.flags import Flags
from services.common.seat import Shopper
from services.common.telemetry import make_logger
from services.common.telemetry.attributes import undeclared
from tests.helpers import eventually
from tests.services.mesh import Mesh, running_mesh

MS = 1_000_000


def recommend(mesh: Mesh, shopper: Shopper, *shown: str) -> list[str]:
    """The recommendations beside these products, asked for by this shopper."""
    with mesh.stub("recommendationservice", rpc.RecommendationServiceStub) as recommendations:
        token = seat.enter(shopper)
        try:
            request = pb.ListRecommendationsRequest(user_id=str(uuid4()), product_ids=shown)
            return list(recommendations.ListRecommendations(request).product_ids)
        finally:
            seat.leave(token)


def calls_of_the_catalogue(mesh: Mesh) -> dict[str, int]:
    """How often recommendationservice called which method, since the mesh was told to forget."""
    methods = [
        str((span.attributes or {})["rpc.method"])
        for span in mesh.spans("recommendationservice")
        if span.kind is trace.SpanKind.CLIENT
    ]
    return {method: methods.count(method) for method in methods}


@pytest.mark.parametrize("item_by_item", [False, True])
def test_recommendations_ask_the_catalogue_once_or_for_every_item(tmp_path: Path, item_by_item: bool) -> None:
    with running_mesh(tmp_path, {"recommendation_item_by_item": item_by_item}) as mesh:
        found = recommend(mesh, Shopper("anna"), "OLJCESPC7Z")
        assert len(set(found)) == 5
        assert "OLJCESPC7Z" not in found
        expected = {"ListProducts": 1} | ({"GetProduct": 8} if item_by_item else {})
        assert calls_of_the_catalogue(mesh) == expected
        assert not [p for span in mesh.spans() for p in undeclared("span", span.attributes)]


def test_a_cart_on_a_slow_disk_is_a_slow_statement(tmp_path: Path) -> None:
    """The time is SQLite's own, in the span of the statement; the cart is the right one."""
    with running_mesh(tmp_path, {"cart_slow_query_ms": {"min": 60, "max": 70}}) as mesh:
        mesh.place_order(Shopper("anna", "gold"))
        reads = [
            span
            for span in mesh.spans("cartservice")
            if "SELECT" in str((span.attributes or {}).get("db.query.text", ""))
        ]
        assert reads, "the cart was read"
        for span in reads:
            attributes = dict(span.attributes or {})
            assert (span.end_time or 0) - (span.start_time or 0) >= 60 * MS
            assert "read_slow_disk(?)" in str(attributes["db.query.text"])
            assert attributes["db.namespace"] == "carts"
            assert not undeclared("span", attributes)


def test_a_slow_disk_is_read_once_a_statement_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one shopper's statement waits, others read and write."""
    reading, go_on = threading.Event(), threading.Event()
    waits: list[float] = []

    class Disk:
        def wait(self, seconds: float) -> None:
            waits.append(seconds)
            reading.set()
            assert go_on.wait(10)

    monkeypatch.setattr(sqlite_carts, "_pause", Disk())
    carts = SqliteCarts(tmp_path / "carts.sqlite3", trace.NoOpTracerProvider())
    slow, other = str(uuid4()), str(uuid4())
    for product in ("a", "b", "c"):
        carts.add(slow, CartLine(product, 1))
    found: list[object] = []
    reader = threading.Thread(target=lambda: found.extend(carts.lines(slow, 500)))
    reader.start()
    try:
        assert reading.wait(10)
        carts.add(other, CartLine("d", 2))
        assert carts.lines(other) == [CartLine("d", 2)]
    finally:
        go_on.set()
        reader.join(10)
        carts.close()
    assert found == [CartLine("a", 1), CartLine("b", 1), CartLine("c", 1)]
    assert waits == [0.5], "however many lines the cart has"


def test_the_provider_keeps_one_tier_waiting(tmp_path: Path) -> None:
    """By the incident's own flag file, and for shoppers of every kind."""
    file = tmp_path / "flags.json"
    incident = incidents.load("slow-tenant")
    file.write_text(incidents.flagd_json(incident), "utf-8")
    flags = Flags(file, make_logger({}), [DELAY])
    try:
        eventually(lambda: flags.delay_range_ms(DELAY, Shopper())[1] > 0, "the file is read", within_s=3)
        slow = {
            (level, synthetic): flags.delay_range_ms(DELAY, Shopper("anna", level, synthetic))[0] > 1_000
            for level in seat.TENANT_LEVELS
            for synthetic in (False, True)
        }
        assert slow == {key: key[0] == "gold" for key in slow}
        assert json.loads(flags.states()[0].people)["max"] < 1_000
    finally:
        flags.close()
