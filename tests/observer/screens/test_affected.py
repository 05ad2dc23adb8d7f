"""The panel "Who is affected" on Tag Spotlight, service page and trace list, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.components.affected_panel import affected_panel
from store.api import Affected, Reach
from tests.fixtures.html import one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, span

NOW = 1_800_000_900 * S


def world() -> World:
    """Two people meet the fault, one of them three times; a third does not; a program meets it, too."""
    made = World(NOW)
    requests = [("anna", True), ("anna", True), ("anna", True), ("ben", True), ("cleo", False), ("", True)]
    for number, (user, failed) in enumerate(requests, 0x51):
        who = {"enduser.id": user, "colour": f"c{number}"} if user else {"user_agent.synthetic.type": "bot"}
        error = {"_error": "refused"} if failed else {}
        at = NOW - number * S
        entry = span(f"{number:032x}", f"{number:016x}", "", "GET /b", 2, at, 9, **who, **error)
        made.backend("bookings", [entry])
    return made


@pytest.fixture(scope="module", name="client")
def a_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with observing(world(), tmp_path_factory.mktemp("affected")) as found:
        yield found


def panel(client: FlaskClient, path: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """The panel's sentence, and its rows by label: people, synthetic."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    found = one(LexborHTMLParser(answer.text), ".affected")
    rows = {
        text(one(row, "th")): (text(row.css("td")[0]), text(row.css("td")[1]))
        for row in found.css("tbody tr")
    }
    return text(one(found, "header span")), rows


@pytest.mark.parametrize(
    ("path", "counted"),
    [
        ("/apm/tags?service=bookings", "Requests"),
        ("/apm/services/bookings", "Requests"),
        ("/apm/traces", "Traces"),
    ],
)
def test_the_panel_counts_people_apart_from_programs(client: FlaskClient, path: str, counted: str) -> None:
    sentence, rows = panel(client, path)
    assert sentence == "2 people."
    assert rows == {
        counted: ("5", "1"),
        "Failed": ("4 80.0 %", "1 100.0 %"),
        "Sessions affected": ("0", "0"),
        "People affected": ("2", "0"),
    }


def test_the_panel_follows_the_filters(client: FlaskClient) -> None:
    for path in ("/apm/tags?service=bookings&attr=enduser.id:anna", "/apm/traces?attr=enduser.id:anna"):
        sentence, rows = panel(client, path)
        assert (sentence, rows["Failed"]) == ("1 person.", ("3 100.0 %", "0"))
    sentence, _ = panel(client, "/apm/traces?attr=enduser.id:cleo")
    assert sentence == "Nobody: no request of a person failed."


def test_a_search_that_reads_spans_counts_when_asked(client: FlaskClient) -> None:
    """It would double its cost; Tag Spotlight has no panel for such a filter."""
    found = LexborHTMLParser(client.get("/apm/traces?attr=colour:c81").text)
    assert not found.css(".affected")
    asks = [link.attributes["href"] for link in found.css("a") if text(link) == "Count who is affected"]
    assert panel(client, str(asks[0]))[0] == "1 person."
    assert not LexborHTMLParser(client.get("/apm/tags?attr=colour:c81").text).css(".affected")


def test_the_api_counts_the_same(client: FlaskClient) -> None:
    answer = client.get("/api/v1/apm/affected?service=bookings&operation=GET+/b&error=origin&since=15m").json
    assert answer == {
        "requests": 5,
        "failed": 4,
        "sessions": 0,
        "people": 2,
        "unattributed": 0,
        "synthetic": {"requests": 1, "failed": 1, "sessions": 0, "people": 0, "unattributed": 1},
        "since_unix_nano": None,
        "truncated": False,
    }
    refused = client.get("/api/v1/apm/affected?attr=colour:red")
    assert refused.status_code == 400


def test_what_was_cut_is_a_lower_bound_and_says_since_when() -> None:
    found = Affected(Reach(30_000, 500, 40, 30, 1), Reach(), NOW - 60 * S)
    shown = affected_panel(found, UTC)
    assert shown.sentence == "At least 30 people in 40 sessions."
    assert [row.real for row in shown.rows] == [
        "at least 30,000",
        "at least 500",
        "at least 40",
        "at least 30",
    ]
    assert shown.notes == (
        "1 failed request belongs to no session and names no enduser.id.",
        "Counted among the newest requests only, since 2027-01-15 08:14:00.",
    )
    assert affected_panel(Affected(Reach(5), Reach(), NOW), UTC).sentence == "Nobody, as far as was counted."
    unknown = affected_panel(Affected(Reach(5, 2, 0, 0, 2), Reach()), UTC)
    assert unknown.sentence.startswith("Unknown")
    assert unknown.notes == ("2 failed requests belong to no session and name no enduser.id.",)
