"""On a roster of names the code of the class gives nobody's seat: a late-comer says who is there."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from observer.screens.join.routes import JOINS_PER_ADDRESS
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import NAMES, ClassScreens, page_of
from tests.observer.screens.join.test_join import join, slug_of


def named(visitor: FlaskClient, code: str, name: str) -> TestResponse:
    """Send the code with a name."""
    return visitor.post("/join", data={"code": code, "name": name})


def test_the_code_of_the_class_asks_who_is_there(in_class: ClassScreens) -> None:
    """No seat of a name is given, free as they all are; the page asks, and keeps the code."""
    code = in_class.store.facts().join_code
    in_class.store.free("bert")
    answer = join(in_class.visitor(), code)
    page = page_of(answer)
    assert "Who are you?" in text(page)
    assert attribute(one(page, "#code"), "value") == code
    assert page.css("#name[autofocus]")
    assert not page.css("[role=alert]")
    assert not slug_of(answer)
    assert all(seat.taken_unix_nano is None for seat in in_class.store.seats())


def test_a_late_comer_gets_a_new_seat(in_class: ClassScreens) -> None:
    """Under the typed name, at the end of the roster; the desk sees who came, and from where."""
    code = in_class.store.facts().join_code
    visitor = in_class.visitor()
    answer = named(visitor, code, " Zoë  <b>Late</b> ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workshop")
    late = in_class.store.seats()[-1]
    assert (late.name, late.slug) == ("Zoë <b>Late</b>", slug_of(answer))
    assert late.taken_unix_nano is not None
    page = page_of(visitor.get("/workshop"))
    assert "Your seat: Zoë <b>Late</b>" in text(page)
    assert not page.css("main b")
    [noted] = in_class.store.actions()
    assert (noted.action, noted.seats) == ("join", late.slug)
    assert "a new seat for Zoë <b>Late</b>" in noted.detail


@pytest.mark.parametrize("name", ["Anna", " anna ", "ANNA", "\uff21nna", "eve", "An-na"])
def test_a_name_on_the_roster_is_refused(in_class: ClassScreens, name: str) -> None:
    """The page says what to do; nothing is given, and the name stays typed."""
    answer = named(in_class.visitor(), in_class.store.facts().join_code, name)
    page = page_of(answer, 409)
    assert "Use the code on your strip, or ask your instructor." in text(one(page, "[role=alert]"))
    assert attribute(one(page, "#name"), "value") == name
    assert len(in_class.store.seats()) == len(NAMES)
    assert not slug_of(answer)


def test_a_name_needs_the_code_of_the_class(in_class: ClassScreens) -> None:
    """With a wrong code nobody is seated; with a seat's own the name says nothing."""
    assert named(in_class.visitor(), "WRONG", "Zoë").status_code == 403
    assert slug_of(named(in_class.visitor(), in_class.seat("eve").code, "Zoë")) == "eve"
    assert len(in_class.store.seats()) == len(NAMES)


def test_late_comers_keep_to_the_limits_on_joining(in_class: ClassScreens) -> None:
    """So many from one address; none while joining is closed. Refused names count for nothing."""
    code, router = in_class.store.facts().join_code, "203.0.113.7"
    for _ in range(JOINS_PER_ADDRESS + 5):
        assert named(in_class.visitor(address=router), code, "Anna").status_code == 409
    for number in range(JOINS_PER_ADDRESS):
        visitor = in_class.visitor(address=router)
        assert (
            named(visitor, code, f"Late {chr(97 + number // 26)}{chr(97 + number % 26)}").status_code == 303
        )
    assert named(in_class.visitor(address=router), code, "One More").status_code == 429
    in_class.store.set_joining(False)
    assert named(in_class.visitor(), code, "One More").status_code == 403
    assert len(in_class.store.seats()) == len(NAMES) + JOINS_PER_ADDRESS


def test_where_a_seat_cannot_be_given_up_no_late_comer_is_enrolled(in_class: ClassScreens) -> None:
    """Without a control process the first seat stays, and the name is free to be said again."""
    browser = in_class.visitor("anna")
    form = {"code": in_class.store.facts().join_code, "name": "Zoë", "change": "anna"}
    assert browser.post("/join", data=form).status_code == 503
    assert len(in_class.store.seats()) == len(NAMES)
