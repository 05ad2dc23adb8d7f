"""Home and search: what arrives, where to send more, where an id leads."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from observer.lookup.lab_status import lab_of
from observer.settings import Settings
from store.api import Limitation
from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import World
from tests.observer.screens import Screens


def test_home_says_what_arrives_and_where_to_send_more(screens: Screens) -> None:
    page = screens.page("/")
    counts = text(one(page, "#counts"))
    assert "Sessions 17" in counts
    assert "Last received" in counts
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318" in text(page)
    links = [a.attributes["href"] or "" for a in page.css("main a")]
    assert any(link.startswith(f"/rum/sessions/{seed.SESSION}") for link in links)
    assert any(link.startswith(f"/apm/traces/{seed.TRACE}") for link in links)


def test_home_says_what_its_store_cannot_tell(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = bool(screens.reader.status().limitations)
    assert bool(screens.page("/").css("#store-limitations")) == declared
    status = replace(screens.reader.status(), limitations=(Limitation.TYPES, Limitation.DELETED))
    monkeypatch.setattr(screens.reader, "status", lambda: status)
    assert "spans and logs are text; what was deleted is not remembered" in text(
        one(screens.page("/"), "#store-limitations")
    )
    assert screens.client.get("/api/v1/status").get_json()["limitations"] == [
        "attribute_types",
        "what_was_deleted",
    ]


def test_a_seat_is_kept_and_leads_to_the_shop_and_to_ones_sessions(screens: Screens) -> None:
    with screens.app.test_client() as client:
        first = client.get("/?seat=Zo%C3%AB+1").get_data(as_text=True)
        assert "http://localhost:8080/?seat=Zo%C3%AB+1" in first
        assert "attr=enduser.id%3AZo%C3%AB+1" in first
        assert "Open the shop as" in client.get("/").get_data(as_text=True)
        client.get("/?seat=")
        assert "Open the shop as" not in client.get("/").get_data(as_text=True)


def test_an_empty_store_says_what_to_do(bare: Screens) -> None:
    assert "Nothing received yet" in text(bare.page("/"))


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        (seed.TRACE, f"/apm/traces/{seed.TRACE}"),
        (seed.TRACE[-16:].upper(), f"/apm/traces/{seed.TRACE}"),
        (f"00-{seed.TRACE}-{seed.CHARGE_SPAN}-01", f"/apm/traces/{seed.TRACE}"),
        (seed.CHARGE_SPAN, f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}"),
        (seed.SESSION, f"/rum/sessions/{seed.SESSION}"),
        (seed.ORDER_ID, f"/apm/traces/{seed.ORDER_TRACE}"),
    ],
)
def test_an_id_goes_where_it_belongs(screens: Screens, wanted: str, leads_to: str) -> None:
    answer = screens.client.get("/search", query_string={"q": f" {wanted} "})
    assert (answer.status_code, answer.headers.get("Location")) == (303, leads_to)


def test_an_id_that_means_nothing_says_what_else_to_try(screens: Screens) -> None:
    page = screens.page("/search?q=%3Cscript%3Enothing")
    assert "Nothing here fits this" in text(page)
    assert not page.css("main script")


def test_the_labs_own_addresses_win(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    document = {
        "ready": True,
        "urls": {"shop": "http://h:1/", "otlp_http": "http://h:2"},
        "processes": [{"name": "frontend", "pid": 1, "state": "ready", "restarts": 2, "address": "h:1"}],
        "incident": "none",
    }
    file.write_text(json.dumps(document), "utf-8")
    lab = lab_of(Settings(lab_status_file=str(file), shop_url="http://other"))
    assert (lab.shop, lab.otlp_http, lab.ready, lab.incident) == ("http://h:1", "http://h:2", True, "none")
    assert lab.processes[0].restarts == 2


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"urls": 3, "processes": {"a": 1}}', '{"processes": [1, {}]}']
)
def test_a_broken_status_document_is_no_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "status.json"
    file.write_text(content, "utf-8")
    lab = lab_of(Settings(lab_status_file=str(file), shop_url="http://shop/"))
    assert (lab.shop, lab.processes, lab.ready) == ("http://shop", (), None)


def test_every_step_follows_the_taken_seat(screens: Screens) -> None:
    """Steps three and four showed everybody's traces and logs."""
    page = screens.page("/?seat=anna")
    links = [node.attributes["href"] or "" for node in page.css(".thread a")]
    assert "/apm/traces?error=origin&attr=enduser.id%3Aanna" in links
    assert "/logs?severity=error&attr=enduser.id%3Aanna" in links
    screens.client.get("/?seat=")


def test_home_tells_of_telemetry_that_was_lost_and_only_then(tmp_path: Path) -> None:
    world = World(time.time_ns())
    world.log("shop", world.now_unix_nano, 9, "all is well")
    with observing(world, tmp_path) as client:
        assert "dropped" not in client.get("/").get_data(as_text=True)
    world = World(time.time_ns())
    world.log("shop", world.now_unix_nano, 13, "Telemetry was dropped: its receiver was away")
    (tmp_path / "other").mkdir()
    with observing(world, tmp_path / "other") as client:
        assert "that telemetry was dropped" in client.get("/").get_data(as_text=True)
