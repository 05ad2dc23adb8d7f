"""On a real lab, every lesson holds with its fault on, its repairs too, and fails with its fault off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

import incidents
from incidents import Incident, SeatState
from tests.story.bench import Bench
from tests.story.proxies import Passing, proxy
from tests.story.test_broken_links import named

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
EVERY = pytest.mark.parametrize("name", incidents.names())
WITHIN_S = "1.5"


@contextmanager
def screens_that_repair(bench: Bench, incident: Incident) -> Iterator[str]:
    """The screens' address, behind a proxy that makes the repairs by writing the lab's flag file."""
    made: dict[str, set[str]] = {}

    class Repairing(Passing):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert self.path == "/workshop/repair", self.path
            (seat,), (repair,) = form["seat"], form["repair"]
            assert incident.repair(repair) is not None, repair
            made.setdefault(seat, set()).add(repair)
            seats = {seat: SeatState(incident, frozenset(names)) for seat, names in made.items()}
            bench.write_flags(incidents.flagd_json(incident, seats))
            self.send_response(303)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with proxy(bench.urls["observer"], Repairing) as screens:
        yield screens.url


def failures(result: dict[str, Any]) -> str:
    return json.dumps({name: result["steps"][name]["detail"] for name in named(result["steps"])}, indent=1)


@EVERY
def test_a_lesson_holds_with_its_fault_on_and_its_repairs_mend_it(bench: Bench, name: str) -> None:
    incident = incidents.load(name)
    with bench.running(incident), screens_that_repair(bench, incident) as screens:
        result = bench.verify("--incident", name, observer=screens)
    assert result["code"] == 0, failures(result)
    assert all(step["passed"] for step in result["steps"].values()), "nothing was left out"


@EVERY
def test_a_lesson_fails_with_its_fault_off(bench: Bench, name: str) -> None:
    """For the healthy shop, that is with a fault on."""
    healthy = name == "none"
    with bench.running(incidents.load("invalid-token" if healthy else "none")):
        result = bench.verify("--incident", name, "--within", WITHIN_S, "--visits", "2")
    assert result["code"] == 1, "a lesson whose fault is not there must not hold"
    broken = named(result["steps"])
    assert broken, "it says which link is missing"
    for link in broken:
        assert "; saw " in result["steps"][link]["detail"], "and what was seen in its place"
