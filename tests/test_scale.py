"""Scale on paper: the document is what the script prints, and simulated queues lose where arithmetic says."""

from __future__ import annotations

import pytest

from benchmarks import queues, sizing
from tests.helpers import REPO


def test_the_document_has_the_tables_of_the_script() -> None:
    """Line by line: `python -m benchmarks.sizing`."""
    document = (REPO / "docs" / "scale.md").read_text("utf-8").splitlines()

    assert [line for line in sizing.lines() if line not in document] == []


@pytest.mark.parametrize("students", sizing.CLASSES)
def test_no_bound_is_planned_above_what_a_plan_may_use(students: int) -> None:
    """And one namespace less would be."""
    needs = sizing.class_needs(students)

    assert max(sizing.used(students / needs.namespaces).values()) <= sizing.BUSY
    if needs.namespaces > 1:
        assert max(sizing.used(students / (needs.namespaces - 1)).values()) > sizing.BUSY


@pytest.mark.parametrize("rate_s", [100.0, 1_000.0, 8_000.0])
def test_an_absent_receiver_loses_when_the_queue_is_full(rate_s: float) -> None:
    """After capacity divided by rate, give or take the waves of arrivals."""
    found = queues.longest_outage_s(rate_s, 8_211, queues.SDK_SPANS)

    assert found == pytest.approx(queues.SDK_SPANS / rate_s, rel=0.15, abs=0.2)


def test_a_burst_loses_when_what_is_over_the_commits_fills_the_queue() -> None:
    found = queues.greatest_burst(1_000.0, 8_211, queues.SDK_SPANS)

    assert found == pytest.approx((8_211 + queues.SDK_SPANS / queues.BURST_S) / 1_000, rel=0.1)


def test_nothing_is_lost_below_the_bounds() -> None:
    assert queues.lost(1_000.0, 8_211, queues.SDK_SPANS) == 0
    assert queues.lost(9_000.0, 8_211, queues.SDK_SPANS, burst=3.0) > 0


def test_twice_as_many_need_twice_as_much() -> None:
    """Of what is shared out by namespaces or shards; a plan that grows otherwise has a slip in it."""
    one, two = sizing.rate_needs(1_000_000), sizing.rate_needs(2_000_000)

    assert two.disk_tb == pytest.approx(2 * one.disk_tb)
    assert one.shards <= two.shards <= 2 * one.shards
