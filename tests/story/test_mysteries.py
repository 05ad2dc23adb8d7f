"""Each mystery on one real lab: it holds with its fault on, fails with the fault off, and can be mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import incidents
from incidents import SeatState
from incidents.checks import Outcome, Result, run
from incidents.model import Incident, Source
from lab.verify.polling_client import Patience, json_at
from lab.verify.student_visit import visit
from tests.helpers import REPO

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

FIRST_BROKEN: Mapping[str, str] = {
    "retry-storm": "slow-order",
    "lost-context": "half-of-it",
    "silent-logs": "mail-line",
    "broken-link": "no-link",
    "third-party-script": "bad-inp",
}
"""By mystery: the first link that a healthy shop breaks."""
EVERY_MYSTERY = pytest.mark.parametrize("name", FIRST_BROKEN)
SEEN_S = 1.2
"""The services look for a change of the flags every 0.4 seconds."""


@dataclass
class Lab:
    """A lab, whose flags can be changed from outside."""

    run_dir: Path
    urls: Mapping[str, str]

    def set(self, incident: Incident, for_seats: Mapping[str, SeatState] | None = None) -> None:
        """Write the flag file of an incident, and wait until the services have seen it."""
        fresh = self.run_dir / "flags.next"
        fresh.write_text(incidents.flagd_json(incident, for_seats or {}), "utf-8")
        fresh.replace(self.run_dir / "flags.json")
        time.sleep(SEEN_S)

    def verify(self, name: str, within_s: str) -> tuple[bool, dict[str, str]]:
        """Whether `lab verify` passes for an incident, and the detail of each step that does not hold."""
        where = ["--shop", self.urls["shop"], "--observer", self.urls["observer"]]
        command = [sys.executable, "-m", "lab.verify", *where, "--incident", name, "--within", within_s]
        done = subprocess.run(
            [*command, "--format", "json", "--driver", "script"],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        (found,) = json.loads(done.stdout)["incidents"]
        return found["passed"], {
            step["name"]: step["detail"] for step in found["steps"] if not step["passed"]
        }

    def walk(self, incident: Incident, seat: str) -> list[Result]:
        """The checks of a lesson whose repairs are made on the way, each followed by another order."""
        shop, entry = self.urls["shop"], f"{self.urls['shop']}/?seat={seat}"
        seen = [visit("script", shop, seat, entry)]
        patience = [Patience(8)]
        made: dict[str, int] = {}

        def ask(source: Source, path: str) -> Any:
            return seen[-1] if source is Source.VISIT else json_at(self.urls["observer"] + path)

        def reach(repair: str) -> None:
            self.set(incident, {seat: SeatState(incident, frozenset({*made, repair}))})
            made[repair] = time.time_ns()
            seen.append(visit("script", shop, seat, entry))
            patience.append(Patience(8))

        given = {"seat": seat, "shop": shop, "began": time.time_ns() - 60 * 10**9}
        return run(incident.checks, given, ask, lambda check: patience[-1].settle(check), made, reach)


@pytest.fixture(name="lab", scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("mysteries")
    environment = {**os.environ, "LAB_RUN_DIR": str(folder / "run")}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lab", *words],
            cwd=REPO,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    options = ("--detach", "--free-ports", "--no-load", "--incident", "none", "--data", str(folder / "data"))
    started = command("up", *options)
    try:
        assert started.returncode == 0, started.stderr
        urls = json.loads((folder / "run" / "status.json").read_text("utf-8"))["urls"]
        yield Lab(folder / "run", urls)
    finally:
        command("down")


@EVERY_MYSTERY
def test_a_mystery_holds_with_its_fault_and_after_its_repair(lab: Lab, name: str) -> None:
    """The student without a browser meets every link of the lesson, the ones after the repair too."""
    incident = incidents.load(name)
    lab.set(incident)
    results = lab.walk(incident, f"solver-of-{name}")
    assert {r.check.name: r.detail for r in results if r.outcome is not Outcome.HOLDS} == {}
    assert any(result.check.repair for result in results)


@EVERY_MYSTERY
def test_a_repair_for_one_seat_leaves_the_fault_to_all_others(lab: Lab, name: str) -> None:
    incident = incidents.load(name)
    repaired = frozenset(repair.name for repair in incident.repairs)
    lab.set(incident, {"somebody": SeatState(incident, repaired)})
    passed, details = lab.verify(name, "8")
    assert passed, details


@EVERY_MYSTERY
def test_a_mystery_fails_with_its_fault_off(lab: Lab, name: str) -> None:
    """Verification blames the link that the fault is about, and none before it."""
    lab.set(incidents.load("none"))
    passed, details = lab.verify(name, "2")
    broken = [
        step for step, detail in details.items() if not detail.startswith(("not reached", "not checked"))
    ]
    assert not passed
    assert broken[:1] == [FIRST_BROKEN[name]], broken


def test_a_lab_becomes_ready_whatever_breaks_its_telemetry(lab: Lab) -> None:
    """The proof of readiness follows an order by the very telemetry; its seat is spared these mysteries."""
    for name in ("lost-context", "silent-logs", "broken-link"):
        incident = incidents.load(name)
        lab.set(incident)
        command = [sys.executable, "-m", "lab.run.readiness_proof", lab.urls["shop"], lab.urls["observer"]]
        done = subprocess.run(
            [*command, str(incident.checkout_status)], cwd=REPO, capture_output=True, text=True, check=False
        )
        assert json.loads(done.stdout)["passed"], done.stdout
