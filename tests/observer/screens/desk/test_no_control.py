"""Where no control process runs, as in containers: the desk says so, and offers nothing that would fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.app import create_app
from observer.settings import Settings
from tests.fixtures.html import one, text
from tests.observer.class_screens import class_screens, page_of
from tests.observer.screens import Screens
from tests.observer.screens.desk.conftest import Desk

ACTING = "button[name=action]"


def test_every_button_that_acts_is_disabled(screens: Screens, tmp_path: Path, world_now: int) -> None:
    """On the desk and on the page of a seat, with a sentence that says why and what to do instead."""
    with class_screens(screens.reader, tmp_path, world_now) as found:
        browser = found.visitor()
        browser.post("/desk/sign-in", data={"passcode": found.store.facts().passcode})
        for path in ("/desk", "/desk/seats/anna"):
            page = page_of(browser.get(path))
            assert "no control process of a lab runs" in text(one(page, "#no-control"))
            assert "docker compose run --rm flags" in text(one(page, "#no-control"))
            assert page.css(ACTING)
            assert len(page.css(f"fieldset[disabled] {ACTING}")) == len(page.css(ACTING)), path


def test_a_desk_that_acts_says_nothing_of_it(desk: Desk) -> None:
    for path in ("/desk", "/desk/seats/anna"):
        page = page_of(desk.browser.get(path))
        assert not page.css("#no-control, fieldset[disabled]")
        assert page.css(ACTING)


def test_nobody_is_offered_to_give_up_a_seat(screens: Screens, tmp_path: Path, world_now: int) -> None:
    """It could not be freed."""
    with class_screens(screens.reader, tmp_path, world_now) as found:
        assert "/join?change=1" not in found.visitor("anna").get("/workshop").text
    with class_screens(screens.reader, tmp_path, world_now, control_url="http://127.0.0.1:9") as found:
        assert "/join?change=1" in found.visitor("anna").get("/workshop").text


@pytest.mark.parametrize("address", ["172.18.0.1", "192.168.1.77"])
def test_whoever_comes_from_outside_reads_why_it_is_closed(screens: Screens, address: str) -> None:
    """From another container's network the machine's own loopback is an address like any other."""
    client = create_app(screens.reader, Settings()).test_client()
    client.environ_base["REMOTE_ADDR"] = address
    answer = client.get("/desk")
    assert answer.status_code == 403
    assert "as in containers" in answer.text
