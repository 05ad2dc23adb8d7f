"""Reading deployment events."""

from __future__ import annotations

import pytest

from store.api import BadQuery, Deployment, Window
from tests.store.build import MS, T0, log_row
from tests.store.house import House


def test_a_deployment_event_is_found_with_what_it_says(house: House) -> None:
    """Its own attributes come first; what it does not say of itself, its resource may."""
    told = {
        "deployment.name": "release 350.10",
        "deployment.id": "d-7",
        "deployment.status": "succeeded",
        "deployment.environment.name": "lab",
        "service.name": "paymentservice",
        "service.version": "v350.10",
        "enduser.id": "anna",
    }
    resource = {"deployment.environment": "staging", "service.version": "9.9"}
    house.write(
        logs=[
            log_row("rolled out", ms=1, event_name="deployment.finished", attributes=told, resource=resource),
            log_row("by attribute", ms=2, attributes={"event.name": "deployment"}, resource=resource),
        ]
    )
    second, first = house.reader.deployments(house.window).items
    assert first == Deployment(
        log_id=first.log_id,
        time_unix_nano=T0 + MS,
        event="deployment.finished",
        name="release 350.10",
        deployment_id="d-7",
        service="paymentservice",
        version="v350.10",
        status="succeeded",
        environment="lab",
        seat="anna",
        body="rolled out",
    )
    log = house.reader.log(first.log_id)
    assert log is not None
    assert (log.body, log.event_name) == ("rolled out", "deployment.finished")
    assert (second.event, second.name) == ("deployment", "deployment")
    assert (second.service, second.version, second.environment) == ("shop", "9.9", "staging")
    assert (second.seat, second.status) == ("", "")


def test_anothers_version_is_not_that_of_the_sender(house: House) -> None:
    house.write(
        logs=[
            log_row(
                "",
                event_name="deployment",
                attributes={"service.name": "x"},
                resource={"service.version": "9"},
            )
        ]
    )
    (found,) = house.reader.deployments(house.window).items
    assert (found.service, found.version) == ("x", "")


def test_other_logs_are_no_deployment_events(house: House) -> None:
    """Neither a body nor a longer name makes one; the record's own name comes before the attribute."""
    house.write(
        logs=[
            log_row("deployment"),
            log_row("x", event_name="deployments"),
            log_row("x", event_name="pre.deployment.finished"),
            log_row("x", event_name="Deployment"),
            log_row("x", event_name="other", attributes={"event.name": "deployment"}),
        ]
    )
    assert house.reader.deployments(Window.ALL).items == []


def test_the_newest_of_a_window_are_kept(house: House) -> None:
    """However late they came; the answer says when it was cut."""
    times = (5, 1, 4, 2, 3)
    house.write(logs=[log_row(f"d{ms}", ms=ms, event_name="deployment.x") for ms in times])
    page = house.reader.deployments(Window(T0 + 2 * MS, T0 + 5 * MS), limit=2)
    assert ([one.body for one in page.items], page.truncated) == (["d4", "d3"], True)
    page = house.reader.deployments(Window(T0 + 2 * MS, T0 + 5 * MS), limit=3)
    assert ([one.body for one in page.items], page.truncated) == (["d4", "d3", "d2"], False)
    for limit in (0, 1001):
        with pytest.raises(BadQuery):
            house.reader.deployments(Window.ALL, limit)
