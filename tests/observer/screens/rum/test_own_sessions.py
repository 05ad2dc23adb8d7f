"""A seat of a class sees its own sessions first, and everybody's on request."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import ClassScreens, page_of
from tests.observer.screens import Screens
from tests.observer.updates import updates_address

OWN = "attr=enduser.id%3Aanna"


def seats_of(page: LexborHTMLParser) -> set[str]:
    """The seats of the listed sessions."""
    return {text(node) for node in page.css("td[data-label=Seat]")}


def switch(page: LexborHTMLParser) -> list[tuple[str, str, bool]]:
    """The switch: label, address, whether it is current."""
    found = page.css('ul[aria-label="Whose seat"] a')
    return [(text(a), attribute(a, "href"), "aria-current" in a.attributes) for a in found]


@pytest.fixture(name="anna")
def _anna(in_class: ClassScreens) -> FlaskClient:
    return in_class.visitor("anna")


def test_the_own_sessions_come_first_with_a_switch_to_all(anna: FlaskClient) -> None:
    """There and back by plain links."""
    page = page_of(anna.get("/rum/sessions"))
    assert seats_of(page) == {"anna"}
    [mine, everybody] = switch(page)
    assert (mine[0], mine[2], everybody[0], everybody[2]) == (
        "My sessions",
        True,
        "Everybody's sessions",
        False,
    )
    assert not page.css(".chip"), "the filter is not one that the reader set"
    page = page_of(anna.get(everybody[1]))
    assert len(seats_of(page)) > 1
    assert [current for _, _, current in switch(page)] == [False, True]
    assert seats_of(page_of(anna.get(switch(page)[0][1]))) == {"anna"}


@pytest.mark.parametrize("query", ["sort=oldest", "whose=all", "since=1h", "live=0"])
def test_order_and_range_are_no_filter(anna: FlaskClient, query: str) -> None:
    """What is not a filter by an attribute leaves the own sessions alone."""
    assert seats_of(page_of(anna.get(f"/rum/sessions?{query}"))) == {"anna"}


@pytest.mark.parametrize("typed", ["Anna", " anna ", "ANNA"])
def test_a_seat_is_found_by_the_name_on_its_page(anna: FlaskClient, typed: str) -> None:
    """*Your seat: Anna*, says the lesson; only the spelling of the telemetry found her."""
    found = anna.get("/rum/sessions", query_string={"seat": typed})
    assert found.headers["Location"] == f"/rum/sessions?{OWN}"


def test_a_name_that_is_on_no_roster_is_searched_as_it_was_typed(anna: FlaskClient) -> None:
    found = anna.get("/rum/sessions", query_string={"seat": "Somebody Else"})
    assert found.headers["Location"] == "/rum/sessions?attr=enduser.id%3ASomebody+Else"


def test_a_filter_that_was_set_counts_alone(anna: FlaskClient) -> None:
    """A link to a neighbour's sessions shows these; emptying the form asks for all."""
    page = page_of(anna.get("/rum/sessions?attr=app:hipster-shop"))
    assert len(seats_of(page)) > 1
    assert [current for _, _, current in switch(page)] == [False, False]
    answer = anna.get("/rum/sessions?seat=&key=&value=")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/rum/sessions?seats=all")
    answer = anna.get("/rum/sessions?seat=bert&key=&value=")
    assert answer.headers["Location"] == "/rum/sessions?attr=enduser.id%3Abert"


def test_what_is_new_is_counted_of_what_is_shown(anna: FlaskClient) -> None:
    """The announcement follows the list."""
    assert OWN in updates_address(page_of(anna.get("/rum/sessions")))
    everybody = page_of(anna.get("/rum/sessions?seats=all"))
    assert OWN not in updates_address(everybody)


def test_an_empty_list_of_ones_own_leads_on(in_class: ClassScreens) -> None:
    """Who has not shopped yet finds the switch, and no filter that cannot be removed."""
    page = page_of(in_class.visitor("eve").get("/rum/sessions"))
    assert "No session of yours" in text(one(page, ".empty"))
    assert not page.css(".chip")
    assert [label for label, _, _ in switch(page)] == ["My sessions", "Everybody's sessions"]


def test_without_a_seat_and_in_open_mode_all_is_as_it_was(in_class: ClassScreens, screens: Screens) -> None:
    """Everybody's sessions, and no switch; the API knows no seat."""
    with screens.app.test_client() as client:
        client.get("/?seat=anna")
        pages = [in_class.visitor().get("/rum/sessions"), client.get("/rum/sessions")]
    for answer in pages:
        page = page_of(answer)
        assert len(seats_of(page)) > 1
        assert switch(page) == []
    answers = [
        visitor.get("/api/v1/rum/sessions").json for visitor in (in_class.visitor("anna"), screens.client)
    ]
    assert answers[0] == answers[1]


def test_an_unknown_choice_is_refused(anna: FlaskClient) -> None:
    """As every argument."""
    assert anna.get("/rum/sessions?seats=mine").status_code == 400
