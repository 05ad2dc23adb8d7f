"""The same telemetry in SQLite and in ClickHouse: the API answers the same, and every page answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import store
from observer.app import create_app
from observer.settings import Settings
from signals.model import SessionId, TraceId
from store.api import Reader
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from store.clickhouse.lease import Lease
from store.clickhouse.preparing import execute, plan
from store.clickhouse.settler import Settler
from tests.fixtures import seed
from tests.helpers import eventually
from tests.store.clickhouse_house import new_url, require_engine

pytestmark = pytest.mark.timeout(300)  # hundreds of answers, each asked of ClickHouse several times

_PERCENTILE = re.compile(r"p\d+_ns")
_OF_THE_ENGINE = {"log_id", "next_cursor", "cursor", "scanned"}
"""Fields whose values are a store's own."""
_WITH_IDS = {"logs?limit=200", "deployments"}
"""Answers with a log's number of arrival."""
_ANSWERS = [
    "apm/services",
    "apm/map",
    "apm/traces",
    "apm/traces?error=origin",
    f"apm/traces/{seed.TRACE}",
    "apm/operations?service=frontend",
    "apm/series?service=paymentservice",
    "apm/tags?service=paymentservice&tag=version",
    "apm/affected?service=frontend",
    "apm/slowest",
    "apm/versions?service=paymentservice",
    "apm/changes",
    "rum/sessions",
    f"rum/sessions/{seed.SESSION}",
    "rum/apps",
    "rum/measures",
    "rum/series?metric=page_views",
    "rum/tags?metric=page_views&tag=page",
    "rum/errors",
    "environments",
    "deployments",
    "logs?limit=200",
    "metrics",
]


@pytest.fixture(scope="module", name="clients")
def _clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, ...]]:
    """(over SQLite, over ClickHouse, two over another that is prepared), at the same fixed time."""
    require_engine()
    places: list[str | Path] = [tmp_path_factory.mktemp("engines") / "store.db", new_url(), new_url()]
    world = seed.measured(seed.story())
    readers: list[Reader] = []
    found = []
    for place in places:
        writer = store.open_writer(place)
        world.send(writer)
        writer.close()
    _prepare(str(places[-1]))
    for place in (*places, places[-1]):
        readers.append(reader := store.open_reader(place))
        eventually(lambda: reader.session(SessionId(seed.SESSION)), "the seeded session")
        eventually(lambda: reader.trace_summaries([TraceId(seed.TRACE)]), "the seeded trace")
        app = create_app(reader, Settings(shop_url=seed.SHOP), clock=lambda: world.now_unix_nano)
        found.append(app.test_client())
    yield tuple(found)
    for reader in readers:
        reader.close()


def _prepare(url: str) -> None:
    """Make tables of our own, and settle all but what is new."""
    connections = Connections(read_address(url))
    execute(connections, plan(connections), lambda _: None)
    settler = Settler(connections, Lease(connections, settle_s=0), behind_s=0)
    while settler.step():
        pass
    settler.close()


def comparable(value: Any) -> Any:
    """An answer without what is a store's own; of percentiles, rounded to buckets, whether known."""
    if isinstance(value, dict):
        return {
            key: one is not None if _PERCENTILE.fullmatch(key) else comparable(one)
            for key, one in value.items()
            if key not in _OF_THE_ENGINE
        }
    return [comparable(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", _ANSWERS)
def test_the_api_answers_the_same(clients: tuple[FlaskClient, ...], path: str) -> None:
    answers = [client.get(f"/api/v1/{path}") for client in clients[:3]]
    assert [one.status_code for one in answers] == [200] * 3, [one.text[:300] for one in answers]
    first, *others = (json.dumps(comparable(one.get_json()), indent=1, sort_keys=True) for one in answers)
    for other in others:
        assert first.splitlines() == other.splitlines()
    if path not in _WITH_IDS:
        # Of one engine to the digit, with tables of our own and without.
        assert answers[1].get_json() == answers[2].get_json()


@pytest.mark.parametrize("path", _ANSWERS)
def test_two_observers_over_one_store_show_the_same(clients: tuple[FlaskClient, ...], path: str) -> None:
    """To the byte, whichever is asked: behind one Service, a reader meets both in turn."""
    first, second = (client.get(f"/api/v1/{path}") for client in clients[2:])
    assert first.status_code == 200, first.text[:300]
    assert first.data.splitlines() == second.data.splitlines()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/apm",
        "/apm?service=paymentservice",
        "/apm/traces",
        f"/apm/traces/{seed.TRACE}",
        "/rum",
        "/rum/sessions",
        f"/rum/sessions/{seed.SESSION}",
        "/logs",
        "/metrics",
        "/alerts",
    ],
)
def test_every_page_answers(clients: tuple[FlaskClient, ...], path: str) -> None:
    """And the home page says whether the store is prepared."""
    plain, prepared = (client.get(path) for client in clients[1:3])
    assert (plain.status_code, prepared.status_code) == (200, 200), plain.text[-500:] + prepared.text[-500:]
    if path == "/":
        assert "Not prepared" in plain.text
        assert "Prepared:" in prepared.text


def test_status_says_whether_the_store_is_prepared(clients: tuple[FlaskClient, ...]) -> None:
    found = [client.get("/api/v1/status").get_json() for client in clients[:3]]
    assert [one["prepared"] for one in found] == [None, False, True]
    assert found[1]["settled_unix_nano"] is None
    # All but the minute that is not over.
    assert found[2]["oldest_unix_nano"] < found[2]["settled_unix_nano"] <= found[2]["newest_unix_nano"]
