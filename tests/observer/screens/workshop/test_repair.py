"""A repair through the real control process: it mends the shop for one seat and for nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from lab.control.app import create_app
from lab.control.changes import Changes
from lab.control.settings import Settings
from runtime.wsgi import Limits, WsgiServer
from tests.fixtures.html import one, text
from tests.helpers import free_port
from tests.observer.screens.workshop.guide import ANNA, BEN, Guide, guided, page, post

TOKEN = "the token"
FLAG, STALE = "payment_invalid_token", "checkout_stale_endpoint"


@pytest.fixture(params=[True, False], ids=["class", "open"])
def guide(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Guide]:
    """Screens beside a control process, in class mode and without."""
    port = free_port()
    with guided(
        tmp_path, class_mode=request.param, control_url=f"http://127.0.0.1:{port}", control_token=TOKEN
    ) as found:
        control = Settings(
            token=TOKEN,
            flags_file=tmp_path / "flags.json",
            lab_status_file=tmp_path / "status.json",
            # Nothing listens there: a deployment event that cannot be sent is logged, no more.
            otlp_url=f"http://127.0.0.1:{free_port()}",
        )
        app = create_app(Changes(found.kept, control), TOKEN)
        server = WsgiServer(app, "127.0.0.1", port, Limits(threads=2))
        server.start()
        try:
            yield found
        finally:
            server.stop()


def flags(guide: Guide) -> dict[str, Any]:
    """The flags that the shop reads."""
    found: dict[str, Any] = json.loads((guide.folder / "flags.json").read_text("utf-8"))["flags"]
    return found


def targeted(guide: Guide, flag: str) -> str:
    """What a flag says of single seats."""
    return json.dumps(flags(guide)[flag].get("targeting", {}))


def test_a_repair_mends_the_fault_for_its_seat_alone(guide: Guide) -> None:
    """The flag file names the seat at that flag, and no other seat and no other flag."""
    anna = guide.browser(ANNA)
    answer = post(anna, "repair", repair="rollback")

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("#step-rollback")
    assert guide.kept.fault(ANNA).repaired.keys() == {"rollback"}
    assert guide.kept.fault(BEN).repaired == {}
    assert ANNA in targeted(guide, FLAG)
    assert BEN not in targeted(guide, FLAG)
    assert ANNA not in targeted(guide, STALE)
    panel = one(page(anna), "#repair-rollback")
    assert "In force for your seat" in text(panel)
    assert "Break it again" in text(panel)
    assert "In force" not in text(one(page(guide.browser(BEN)), "#repair-rollback"))
    assert guide.kept.actions(1)[0].actor == "seat anna"


def test_break_it_again_undoes_a_repair(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    post(anna, "repair", repair="rollback")
    post(anna, "repair", repair="endpoints")
    assert post(anna, "break", repair="rollback").status_code == 303

    assert guide.kept.fault(ANNA).repaired.keys() == {"endpoints"}
    assert ANNA not in targeted(guide, FLAG)
    assert ANNA in targeted(guide, STALE)


@pytest.mark.parametrize("name", ["", "no-such", "Rollback", "rollback,endpoints"])
def test_only_repairs_of_the_lesson_are_made(guide: Guide, name: str) -> None:
    assert post(guide.browser(ANNA), "repair", repair=name).status_code == 400
    assert guide.kept.actions() == ()


def test_a_seat_repairs_for_itself(guide: Guide) -> None:
    """In class mode nobody acts for another; in open mode the form may name one: `lab verify` does."""
    of_anna = post(guide.browser(ANNA), "repair", repair="rollback", seat=BEN)
    of_nobody = post(guide.browser(), "repair", repair="rollback", seat="verify-1")
    in_class = guide.settings.class_mode

    assert of_anna.status_code == (403 if in_class else 303)
    assert of_nobody.status_code == (403 if in_class else 303)
    assert guide.kept.fault(ANNA).repaired == {}
    assert bool(guide.kept.fault(BEN).repaired) is not in_class
    assert bool(guide.kept.fault("verify-1").repaired) is not in_class


def test_verification_repairs_for_its_own_seat(guide: Guide) -> None:
    """In a class `lab verify` signs the cookie of a seat that no roster has; nobody else can."""
    assert post(guide.browser("verify-1"), "repair", repair="rollback", seat="verify-1").status_code == 303
    assert guide.kept.fault("verify-1").repaired.keys() == {"rollback"}
    if guide.settings.class_mode:
        assert post(guide.browser("stranger"), "repair", repair="rollback").status_code == 400
        forged = guide.browser()
        forged.set_cookie("workshop_seat", f"verify-2.{'0' * 32}")
        assert post(forged, "repair", repair="rollback").status_code == 400


def test_a_page_of_another_site_repairs_nothing(guide: Guide) -> None:
    """The shop is another site, too: same host, another port."""
    for headers in (
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:8080"},
    ):
        assert post(guide.browser(ANNA), "repair", headers, repair="rollback", seat=ANNA).status_code == 403
    assert guide.kept.actions() == ()


def test_a_repair_is_not_made_by_a_link(guide: Guide) -> None:
    answer = guide.browser(ANNA).get("/workshop/repair?repair=rollback")

    assert answer.status_code == 405
    assert guide.kept.actions() == ()


def _without_control(guide: Guide, **changes: Any) -> FlaskClient:
    secret = guide.settings.seat_secret
    return guide.browser(ANNA, type(guide.settings)(seat_secret=secret, control_token=TOKEN, **changes))


def test_without_a_control_process_the_page_says_so(guide: Guide) -> None:
    """`lab verify` takes 501 as `not offered`; a process that does not answer is another matter."""
    assert post(_without_control(guide), "repair", repair="rollback").status_code == 501
    silent = _without_control(guide, control_url=f"http://127.0.0.1:{free_port()}")
    answer = post(silent, "repair", repair="rollback")

    assert answer.status_code == 503
    assert "control process does not answer" in answer.text
