"""Mysteries on a real lab: whom a fault hits, which link a healthy shop breaks, and that the lab starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

import incidents
from incidents import SeatState
from incidents.model import FaultKind
from tests.helpers import REPO, eventually
from tests.story.bench import Bench
from tests.story.test_broken_links import named

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

FIRST_BROKEN: Mapping[str, str] = {
    "retry-storm": "slow-order",
    "lost-context": "half-of-it",
    "silent-logs": "mail-line",
    "broken-link": "no-link",
    "third-party-script": "bad-inp",
    "pool-exhausted": "waiting-call",
    "memory-leak": "order-lost",
}
"""By mystery: the link that is about its fault, and that a healthy shop breaks before any other."""


def test_a_healthy_shop_breaks_the_very_link_that_a_mystery_is_about(bench: Bench) -> None:
    """None before it: what every order leaves behind is there in a healthy shop too."""
    with bench.running(incidents.load("none")):
        blamed = {
            name: named(bench.verify("--incident", name, "--within", "1.5", "--visits", "1")["steps"])[:1]
            for name in FIRST_BROKEN
        }
    assert blamed == {name: [link] for name, link in FIRST_BROKEN.items()}


def test_a_repair_for_one_seat_leaves_the_fault_to_all_others(bench: Bench) -> None:
    incident = incidents.load("broken-link")
    repaired = frozenset(repair.name for repair in incident.repairs)
    with bench.running(incident):
        bench.write_flags(incidents.flagd_json(incident, {"anna": SeatState(incident, repaired)}))
        eventually(lambda: bench.checkout("anna")["trace_id"], "the repairer's order is linked", within_s=5)
        assert bench.checkout("bert")["trace_id"] is None


@pytest.mark.parametrize(
    "name",
    [name for name in incidents.names() if incidents.load(name).question.kind is FaultKind.BROKEN_TELEMETRY],
)
def test_a_lab_becomes_ready_whatever_breaks_its_telemetry(bench: Bench, name: str) -> None:
    """The proof of readiness follows an order by the very telemetry; its seat is spared."""
    incident = incidents.load(name)
    where = (bench.urls["shop"], bench.urls["observer"], str(incident.checkout_status))
    with bench.running(incident):
        done = subprocess.run(
            [sys.executable, "-m", "lab.run.readiness_proof", *where],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert json.loads(done.stdout)["passed"], done.stdout
