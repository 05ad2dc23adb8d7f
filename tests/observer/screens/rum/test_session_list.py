"""The list of sessions as a view-model: its query, rows and form, and what is new since it was drawn."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from observer.components.session_rows import session_rows
from observer.components.updates import Update
from observer.request.scope import parse_scope
from observer.screens.rum.sessions.list_updates import seen_of, update_of
from observer.screens.rum.sessions.typed_filters import TypedFilters
from observer.screens.rum.sessions.view import ListSelection, session_list_view, session_query
from signals.model import SessionId
from store.api import Page, SessionSummary

S = 10**9
NOW = 10**18
SCOPE = parse_scope({"env": "lab"}, NOW, ZoneInfo("UTC"))
SUMMARY = SessionSummary(SessionId("0123456789"), NOW, 4 * S, "shop", "lab", 2, 1, 0, 9, NOW, {})


def test_a_row_has_a_short_id_and_its_share_of_the_longest() -> None:
    longest, shorter = session_rows([SUMMARY, replace(SUMMARY, session_id=SessionId("a/b"), duration_ns=S)])
    assert (longest.short_id, longest.share) == ("01234567…", 1)
    assert (shorter.short_id, shorter.share, shorter.path) == ("a/b", 0.25, "/rum/sessions/a%2Fb")


def test_the_query_joins_filters_environment_and_traffic() -> None:
    people = session_query(SCOPE, ListSelection({"app": "shop"}, "people", "errors"), "c")
    assert people.attributes == {"app": "shop", "environment": "lab"}
    assert people.excluded == {"user_agent.synthetic.type": "test"}
    assert (people.sort, people.cursor) == ("errors", "c")
    synthetic = session_query(SCOPE, ListSelection({}, "synthetic", "newest"), None)
    assert synthetic.attributes["user_agent.synthetic.type"] == "test"
    assert synthetic.excluded == {}


@pytest.mark.parametrize(("seat", "left_out"), [("lab-probe", False), ("verify-01ab", False), ("anna", True)])
def test_a_proof_that_is_asked_for_by_name_is_listed(seat: str, left_out: bool) -> None:
    """Whoever looks for a seat of the lab's own finds it, though it is nobody's."""
    asked = ListSelection({"enduser.id": seat}, "people", "newest")
    assert asked.leaves_out_synthetic is left_out
    assert bool(session_query(SCOPE, asked, None).excluded) is left_out


def test_defaults_stay_out_of_addresses() -> None:
    default = ListSelection({}, "people", "newest")
    assert (default.whose_argument, default.sort_argument) == (None, None)
    other = ListSelection({}, "all", "errors")
    assert (other.whose_argument, other.sort_argument) == ("all", "errors")
    assert [(name, current) for name, _, current in other.pills] == [
        (None, False),
        ("synthetic", False),
        ("all", True),
    ]


def test_an_empty_list_names_the_time_range_and_the_filters() -> None:
    found = session_list_view(Page(()), (0, False), ListSelection({"app": "x"}, "all", "newest"), SCOPE)
    assert found.empty_title == "No session in last 15 minutes that matches"
    assert found.shown == ""
    fixed = replace(SCOPE, since=None)
    shown = session_list_view(Page((SUMMARY,)), (312, True), ListSelection({}, "all", "pages"), fixed)
    assert (shown.empty_title, shown.shown) == (
        "No session in this time range",
        "1 of at least 312 sessions shown",
    )
    assert shown.caption == "Sessions, most pages first"


def test_typed_filters_replace_those_of_the_address() -> None:
    before = {"enduser.id": "ben", "page": "/", "app": "shop"}
    typed = TypedFilters(" anna ", "page", "/cart")
    assert typed.applied_to(before) == {"app": "shop", "enduser.id": "anna", "page": "/cart"}
    assert typed.problem == ""
    assert TypedFilters("", "", "").applied_to(before) == {"page": "/", "app": "shop"}


@pytest.mark.parametrize(
    ("key", "value", "missing", "problem"),
    [
        ("page", "", (False, True), "Which value of page"),
        ("", "/cart", (True, False), "has the value /cart"),
    ],
)
def test_half_a_typed_filter_is_a_problem_and_changes_nothing(
    key: str, value: str, missing: tuple[bool, bool], problem: str
) -> None:
    typed = TypedFilters("anna", key, value)
    assert (typed.name_missing, typed.value_missing) == missing
    assert problem in typed.problem
    assert typed.applied_to({"page": "/"}) == {"page": "/", "enduser.id": "anna"}


def test_a_session_is_new_if_it_began_later_and_counts_once_more_for_a_new_error() -> None:
    seen = seen_of(session_rows([SUMMARY]))
    assert update_of([SUMMARY], seen, 0) == Update(0, "")
    assert update_of([replace(SUMMARY, network_errors=1)], seen, 0) == Update(1, "new errors in 1 session")
    other = replace(SUMMARY, session_id=SessionId("b"))
    assert update_of([SUMMARY, other], seen, NOW - 1) == Update(1, "1 new session")
    assert update_of([SUMMARY, other], seen, NOW) == Update(0, "")


def test_a_whole_page_of_new_sessions_may_be_more() -> None:
    many = [replace(SUMMARY, session_id=SessionId(str(n))) for n in range(50)]
    assert update_of(many, "", 0).words == "50+ new sessions"
