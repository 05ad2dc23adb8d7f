"""On a real lab, every lesson holds with its fault on, its repairs too, and fails with its fault off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

import incidents
from incidents import Incident, SeatState
from incidents.answers import Answer, judge
from incidents.checks import NoAnswer
from incidents.model import Source
from tests.story.bench import Bench
from tests.story.proxies import Passing, proxy
from tests.story.test_broken_links import named

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
EVERY = pytest.mark.parametrize("name", incidents.names())
WITHIN_S = "1.5"
PROVEN_BY_A_SOUND_BACKEND = frozenset({"price-typo", "broken-link", "third-party-script"})
"""Only the browser sees the fault: what a student shows is a trace in which nothing is wrong."""


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


def evidence_in(bench: Bench, incident: Incident, began: int) -> list[str]:
    """The ids of traces and logs since then with which the right answer is right altogether."""
    question = incident.question
    traces = bench.ask(f"/apm/traces?from={began}&limit=100")["traces"]
    logs = bench.ask(f"/logs?from={began}&limit=200")["logs"]

    def ask(_source: Source, path: str) -> Any:
        try:
            return bench.ask(path.removeprefix("/api/v1"))
        except OSError as error:
            raise NoAnswer(str(error)) from error

    found = []
    for identity in (*(trace["trace_id"] for trace in traces), *(log["log_id"] for log in logs)):
        answer = Answer(question.services[0], "".join(question.tags[:1]), question.kind.title, identity)
        if judge(question, answer, ask, {"began": began}).right:
            found.append(identity)
    return found


def failures(result: dict[str, Any]) -> str:
    return json.dumps({name: result["steps"][name]["detail"] for name in named(result["steps"])}, indent=1)


@EVERY
def test_a_lesson_holds_with_its_fault_on_and_its_repairs_mend_it(bench: Bench, name: str) -> None:
    incident = incidents.load(name)
    began = time.time_ns()
    with bench.running(incident), screens_that_repair(bench, incident) as screens:
        result = bench.verify("--incident", name, observer=screens)
    assert result["code"] == 0, failures(result)
    assert all(step["passed"] for step in result["steps"].values()), "nothing was left out"
    assert evidence_in(bench, incident, began), "the visit left a trace or log that proves the answer"


@EVERY
def test_a_lesson_fails_with_its_fault_off(bench: Bench, name: str) -> None:
    """For the healthy shop, that is with a fault on."""
    healthy = name == "none"
    with bench.running(incidents.load("invalid-token" if healthy else "none")):
        began = time.time_ns()
        result = bench.verify("--incident", name, "--within", WITHIN_S, "--visits", "2")
        evidence = evidence_in(bench, incidents.load(name), began)
    assert result["code"] == 1, "a lesson whose fault is not there must not hold"
    broken = named(result["steps"])
    assert broken, "it says which link is missing"
    if name not in PROVEN_BY_A_SOUND_BACKEND:
        assert not evidence, f"{evidence[0]} is taken for evidence, and there is no fault"
    for link in broken:
        assert "; saw " in result["steps"][link]["detail"], "and what was seen in its place"
