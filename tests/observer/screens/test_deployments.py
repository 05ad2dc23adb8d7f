"""Deployment events of any application stand on every chart over time, and in the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from classroom import Deployment, hide_deployments
from observer.request.desk_session import SIGN_IN
from tests.fixtures.html import attribute, one
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, span
from tests.observer.class_screens import class_screens

NOW = 1_800_000_900 * S
EVIL = "<img src=x onerror=alert(1)>\u202e"
CHARTS = {
    "/rum?whose=all": 6,
    "/rum/tags?whose=all&metric=page_load": 2,
    "/rum/tags?whose=all&metric=page_views": 2,
    "/apm/services/bookings": 2,
    "/apm/tags?service=bookings": 2,
    "/apm/traces": 2,
    "/logs": 2,
}
"""Pages with charts over time, and how many: some are drawn for a desk and for a phone."""


def world() -> World:
    """Another company's application, with a release and a change for one user."""
    made = World(NOW)
    made.browser("a-session", 1, "documentLoad", NOW - 300 * S, _ms=80, **{"location.href": "http://x/"})
    for number in (11, 12, 13):
        at = NOW - (number - 10) * 150 * S
        made.backend("bookings", [span(f"{number:032x}", f"{number:016x}", "", "GET /b", 2, at, 9)])
    release = {"service.name": "bookings", "service.version": "2.1", "deployment.status": "succeeded"}
    made.log("pipeline", NOW - 400 * S, 9, "rolled out", _event="deployment.finished", **release)
    seat = {"enduser.id": EVIL, "deployment.name": "toggle", "deployment.environment.name": "other"}
    made.log("pipeline", NOW - 300 * S, 9, EVIL, **{"event.name": "deployment", **seat})
    return made


@pytest.fixture(scope="module", name="client")
def a_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with observing(world(), tmp_path_factory.mktemp("deployments")) as found:
        yield found


def page(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return LexborHTMLParser(answer.text)


@pytest.mark.parametrize("path", CHARTS)
def test_every_chart_over_time_marks_them(client: FlaskClient, path: str) -> None:
    """Each in words, as a link to its log record."""
    found = page(client, path)
    charts = found.css("svg.chart")
    assert len(charts) == CHARTS[path]
    for chart in charts:
        labels = [one(link, "title").text() for link in chart.css("a.chart-event")]
        assert len(labels) == 2, path
        assert labels[0].endswith("bookings 2.1, succeeded, in hipster-lab: rolled out")
        assert "pipeline, toggle, in other, seat <img" in labels[1]
        assert "U+202E" in labels[1]
        log = attribute(chart.css("a.chart-event")[0], "href")
        assert "rolled out" in page(client, log).css_first("main").text()  # type: ignore[union-attr]
    assert not found.css("img[onerror]")


@pytest.mark.parametrize("path", CHARTS)
def test_the_desk_of_a_class_sees_what_is_hidden_from_it(
    client: FlaskClient, tmp_path: Path, path: str
) -> None:
    """On every chart, and nobody else of the class does; what was told meanwhile counts once."""
    reader = client.application.extensions["observer"].reader
    with class_screens(reader, tmp_path, NOW) as found:
        desk, student = found.visitor(), found.visitor("anna")
        desk.post(SIGN_IN, data={"passcode": found.store.facts().passcode})
        hide_deployments(
            found.store,
            [
                Deployment(NOW - 250 * S, "incident"),
                Deployment(NOW - 400 * S, "incident"),
                Deployment(NOW - 300 * S, "repair", "x", "A repair", EVIL),
                Deployment(NOW - 86_400 * S, "incident"),
            ],
        )
        for visitor, marks in ((desk, 3), (student, 1)):
            charts = page(visitor, path).css("svg.chart")
            assert [len(chart.css("a.chart-event")) for chart in charts] == [marks] * CHARTS[path]
        for visitor, events in ((desk, 3), (student, 1)):
            answer = visitor.get("/api/v1/deployments?since=15m").json
            assert answer is not None
            assert len(answer["deployments"]) == events
        marks_of_desk = page(desk, path).css_first("svg.chart")
        assert marks_of_desk is not None
        hidden = [
            link for link in marks_of_desk.css("a.chart-event") if "Hidden" in one(link, "title").text()
        ]
        assert [attribute(link, "href") for link in hidden] == ["/desk#plans"]


def test_an_environment_hides_what_names_another(client: FlaskClient) -> None:
    for link in page(client, "/logs?env=hipster-lab").css("a.chart-event"):
        assert "rolled out" in one(link, "title").text()


def test_a_narrower_range_has_its_own(client: FlaskClient) -> None:
    assert not page(client, "/logs?since=4m").css("a.chart-event")
    assert page(client, "/logs?since=6m").css("a.chart-event")


def test_the_api_has_them_newest_first(client: FlaskClient) -> None:
    answer = client.get("/api/v1/deployments?since=15m").json
    assert answer is not None
    second, first = answer["deployments"]
    assert answer["truncated"] is False
    log_id = first.pop("log_id")
    assert first == {
        "time_unix_nano": NOW - 400 * S,
        "name": "deployment.finished",
        "service": "bookings",
        "version": "2.1",
        "status": "succeeded",
        "environment": "hipster-lab",
        "seat": "",
        "body": "rolled out",
    }
    assert (second["seat"], second["body"], second["name"]) == (EVIL, EVIL, "toggle")
    log = client.get(f"/api/v1/logs/{log_id}").json
    assert log is not None
    assert log["event_name"] == "deployment.finished"
    cut = client.get("/api/v1/deployments?limit=1").json
    assert cut == {"deployments": [second], "truncated": True}
    only = client.get("/api/v1/deployments?environment=hipster-lab").json
    assert only is not None
    assert [each["body"] for each in only["deployments"]] == ["rolled out"]


def test_an_events_name_is_on_the_logs_page(client: FlaskClient) -> None:
    answer = client.get("/api/v1/deployments?since=15m").json
    assert answer is not None
    log_id = answer["deployments"][1]["log_id"]
    assert "deployment.finished" in page(client, f"/logs?log={log_id}").css_first("main").text()  # type: ignore[union-attr]


@pytest.mark.parametrize("path", CHARTS)
def test_in_a_class_a_seat_sees_no_marks_of_other_seats(
    client: FlaskClient, tmp_path: Path, path: str
) -> None:
    """What an instructor or a neighbour did for another seat is not for its charts; the desk sees all."""
    reader = client.application.extensions["observer"].reader
    with class_screens(reader, tmp_path, NOW) as found:
        desk, anna = found.visitor("anna"), found.visitor("anna")
        desk.post(SIGN_IN, data={"passcode": found.store.facts().passcode})
        for visitor, shown in ((desk, [EVIL, ""]), (anna, [""]), (found.visitor(), [""])):
            for chart in page(visitor, path).css("svg.chart"):
                assert len(chart.css("a.chart-event")) == len(shown)
            answer = visitor.get("/api/v1/deployments?since=1h").json
            assert answer is not None
            assert [each["seat"] for each in answer["deployments"]] == shown
