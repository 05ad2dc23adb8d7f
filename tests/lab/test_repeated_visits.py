"""A fault that hits a part of the visitors is sought by as many visits as its incident allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

import incidents
from lab.verify import incident_run
from lab.verify.lab_under_test import Addresses
from lab.verify.visit_result import Visit

WHERE = Addresses("http://shop.test", "http://screens.test")


def visits_of(monkeypatch: pytest.MonkeyPatch, name: str, durations_ms: list[int], most: int) -> list[float]:
    """The duration of the order at every visit that was made; the last is the one that was taken."""
    left: Iterator[int] = iter(durations_ms)
    made: list[float] = []

    def visit(*_: object) -> Visit:
        made.append(next(left))
        checkout = {"status": 200, "order_id": "o", "duration_ms": made[-1]}
        return {
            "driver": "script",
            "cart": {"total": "USD 1.00"},
            "checkout": {**checkout, "total_paid": "USD 1.00"},
        }

    monkeypatch.setattr(incident_run, "visit", visit)
    monkeypatch.setattr(incident_run, "choose_driver", lambda _: ("script", "a test"))
    incident = incidents.load(name)
    assert incident.visits >= most
    allowed = replace(incident, visits=most)
    _, _, seen = incident_run._visited(allowed, WHERE, "script", lambda _: None)
    assert seen["checkout"]["duration_ms"] == made[-1]
    return made


def test_visits_end_with_the_first_that_met_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert visits_of(monkeypatch, "slow-tenant", [200, 300, 2000, 2000], 4) == [200, 300, 2000]


def test_visits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert visits_of(monkeypatch, "slow-tenant", [200] * 9, 3) == [200] * 3


def test_a_fault_that_hits_everybody_takes_one_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it saw."""
    assert visits_of(monkeypatch, "none", [200] * 9, 1) == [200]
