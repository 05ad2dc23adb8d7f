"""The addresses that the lesson sends a student to exist, filled with the ids of a real visit."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

import pytest

import incidents
from incidents.checks import NoAnswer, Outcome, run
from incidents.json_paths import filled_path
from incidents.model import Source
from lab.verify.polling_client import Patience, json_at
from lab.verify.repairing import Repairs
from tests.story.bench import Bench

pytestmark = pytest.mark.lab
SEAT = "reader"


def test_every_step_of_the_lesson_leads_to_a_page(bench: Bench) -> None:
    incident = incidents.load(incidents.DEFAULT)
    began = time.time_ns()
    assert bench.checkout(SEAT)["status"] == incident.checkout_status
    shop = bench.urls["shop"]
    known = {"seat": SEAT, "shop": shop, "began": began}

    def ask(source: Source, path: str) -> object:
        if source is Source.VISIT:
            raise NoAnswer("there was no visit")
        return json_at(bench.urls["observer"] + path)

    asked = [check for check in incident.checks if check.source is Source.API]

    def order_again() -> None:
        bench.checkout(SEAT)

    repairs = Repairs(bench.urls["observer"], SEAT, order_again)
    for result in run(asked, dict(known), ask, Patience(8).settle, repairs.made, repairs.reach):
        assert result.outcome is Outcome.HOLDS, result.detail
        known.update(result.kept)
    for step in incident.steps:
        screens = bench.urls["observer"]
        address = (
            step.screen.replace("{shop}", shop).replace("{seat}", SEAT)
            if step.screen.startswith("{shop}")
            else screens + filled_path(step.screen, known)
        )
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert "text/html" in answer.headers["Content-Type"], f"{step.name}: {address} is no page"
        except urllib.error.HTTPError as error:
            pytest.fail(f"{step.name}: {address} answers {error.code}")
