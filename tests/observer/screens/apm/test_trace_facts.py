"""The facts beside a waterfall: global tags, services, shares of time, codes."""

from __future__ import annotations

from dataclasses import replace

from observer.screens.apm.trace.trace_facts import TimeShare, failing_first, global_tags, status_code_of
from signals.trace_analysis import analyse
from tests.store.build import failing_checkout, span


def test_global_tags_are_those_that_travelled() -> None:
    spans = [
        replace(one, attributes={**one.attributes, "seat": "anna", "http.route": "/x", "own": one.span_id})
        for one in failing_checkout()
    ]
    tags = dict(global_tags(analyse(spans)))
    assert tags["seat"] == "anna"
    assert tags["Request type"] == "user"
    assert tags["Workflow"] == "frontend:/x"
    assert not {"http.route", "own"} & set(tags)
    synthetic = [replace(one, attributes={"user_agent.synthetic.type": "test"}) for one in spans]
    assert dict(global_tags(analyse(synthetic)))["Request type"] == "synthetic (test)"
    assert global_tags(analyse([])) == ()


def test_failing_services_come_first() -> None:
    services = failing_first(analyse(failing_checkout()).services)
    assert [each.error.value for each in services] == ["origin", "origin", "received"]


def test_nothing_and_almost_nothing_are_told_apart() -> None:
    assert TimeShare("Database", "database", 0.0, 0).words == "0.0 %"
    assert TimeShare("Database", "database", 0.0, 86_400).words == "< 0.1 %"
    assert TimeShare("External", "external", 66.6, 1).words == "66.6 %"


def test_the_code_of_a_span_is_what_its_protocol_says() -> None:
    assert status_code_of(span(1, attributes={"grpc.status_code": "401"})) == "401"
    assert status_code_of(span(1, attributes={"rpc.grpc.status_code": 0})) == ""
    assert status_code_of(span(1, attributes={"http.response.status_code": 500})) == "500"
