"""The lesson beside the telemetry that has arrived."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import incidents
from incidents import loading
from incidents.checks import NoAnswer
from incidents.model import Source
from observer.screens.workshop.lesson_markup import inline, paragraphs
from observer.screens.workshop.progress import askable, progress
from tests.fixtures.html import one, text
from tests.observer.screens import Screens


def test_marks_are_two_and_everything_else_is_escaped() -> None:
    assert inline("press `APM` <b>now</b> **please**") == (
        "press <code>APM</code> &lt;b&gt;now&lt;/b&gt; <strong>please</strong>"
    )
    assert len(paragraphs("\none\ntwo\n\nthree\n")) == 2


def test_what_only_a_visitor_saw_is_left_out_with_all_that_hangs_on_it() -> None:
    kept = askable(incidents.load("invalid-token").checks)
    names = {check.name for check in kept}
    assert all(check.source is Source.API for check in kept)
    assert all(set(check.needs) <= names for check in kept)
    assert "session" in names


def test_without_a_seat_nothing_is_judged_and_links_wait() -> None:
    found = progress(incidents.load("invalid-token"), {"shop": "http://shop"}, None)
    assert {step.state for step in found.steps} == {"unseen"}
    assert all(step.href is None or "{" not in step.href for step in found.steps)


def test_nothing_has_arrived_yet_is_said_of_every_step_that_hangs_on_it() -> None:
    def ask(_source: Source, _path: str) -> Any:
        raise NoAnswer("nothing of it has arrived yet")

    found = progress(incidents.load("invalid-token"), {"seat": "eve", "shop": "http://shop"}, ask)
    assert {step.state for step in found.steps} == {"waiting", "unseen"}


def test_what_a_visitor_sees_is_implied_by_what_it_follows_from() -> None:
    """Telemetry knows no total of USD 0.00; it knows the error that caused it."""
    incident = incidents.load("invalid-token")
    buy = progress(incident, {"seat": "eve", "shop": "http://shop"}, None).steps[0]
    causes = {cause for check in buy.step.checks for cause in check.follows}

    assert causes == {"javascript-error", "charge-refused"}
    assert buy.state == "unseen"
    assert replace(buy, implied=True).state == "arrived"


def test_every_incident_has_a_lesson_page(screens: Screens) -> None:
    for name in incidents.names():
        page = screens.page(f"/workshop?incident={name}&seat=anna")
        assert text(one(page, "h1")) == incidents.load(name).title
    assert screens.client.get("/workshop?incident=unheard-of").status_code == 404


def test_a_malformed_incident_is_one_line_and_takes_no_page_down(
    screens: Screens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lessons' pages name it, its own address says what is wrong; it may be the default."""
    data = tmp_path / "data"
    shutil.copytree(loading.DATA, data)
    data.joinpath(f"{incidents.DEFAULT}.toml").write_text('title = "<b>"\nsummary = 3\n', "utf-8")
    monkeypatch.setattr(loading, "DATA", data)
    data.joinpath("broken.toml").write_text("[flags.no_such]\nvalue = true\n", "utf-8")

    for path in ("/workshop", "/workshop?incident=none"):
        notices = [text(node) for node in screens.page(path).css(".notice.warn")]
        told = [
            notice for notice in notices if "broken.toml: flags.no_such: is no flag of the shop" in notice
        ]
        assert len(told) == 1, f"{path}: {notices}"
        assert any(notice.startswith(f"{incidents.DEFAULT}.toml: summary: is 3") for notice in notices)
    assert "is no flag of the shop" in text(screens.page("/workshop?incident=broken", 404))


def test_a_seats_telemetry_fills_in_the_lesson(screens: Screens) -> None:
    page = screens.page("/workshop?seat=anna")
    links = [a.attributes["href"] or "" for a in page.css(".lesson h3 a")]
    assert "/rum/sessions?attr=enduser.id:anna" in links
    assert any(link.startswith("/logs?trace_id=") for link in links)
    there = {node.attributes["id"] for node in page.css("li:has(.marks .yes)")}
    assert {"step-session", "step-script", "step-checkout", "step-log"} <= there
    stranger = screens.page("/workshop?seat=nobody")
    assert not stranger.css("li:has(.marks .yes), li.done")


def test_an_unknown_running_incident_is_said_to_be_unknown(screens: Screens) -> None:
    assert "not known here" in text(screens.page("/workshop"))
