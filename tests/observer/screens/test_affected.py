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
    """Two people meet the fault, one of them three times; a third does not; a program meets it, too.

    Dora asks for something else, in vain at first.
    """
    made = World(NOW)
    for number, error in ((0x91, {"_error": "busy"}), (0x90, {})):
        at = NOW - number * S
        entry = span(
            f"{number:032x}", f"{number:016x}", "", "GET /c", 2, at, 9, **{"enduser.id": "dora"}, **error
        )
        made.backend("rooms", [entry])
        other = span(f"{number + 8:032x}", f"{number:016x}", "", "GET /d", 2, at, 9)
        made.backend("rooms", [other])
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


@pytest.mark.parametrize("path", ["/apm/tags?service=bookings", "/apm/services/bookings"])
def test_the_panel_counts_people_apart_from_programs(client: FlaskClient, path: str) -> None:
    sentence, rows = panel(client, path)
    assert sentence == (
        "4 of 5 requests failed: 2 people, none of them got through on a later try; "
        "1 more of synthetic traffic."
    )
    assert rows == {
        "Requests": ("5", "1"),
        "Failed": ("4 80.0 %", "1 100.0 %"),
        "Failed for good": ("4", "1"),
        "Recovered by a later try": ("0", "0"),
        "Sessions affected": ("0", "0"),
        "People affected": ("2", "0"),
        "of them got through on a later try": ("0", "0"),
    }


def test_of_traces_no_later_try_is_known(client: FlaskClient) -> None:
    sentence, rows = panel(client, "/apm/traces?service=bookings")
    assert sentence == "4 of 5 traces failed: 2 people; 1 more of synthetic traffic."
    assert rows == {
        "Traces": ("5", "1"),
        "Failed": ("4 80.0 %", "1 100.0 %"),
        "Sessions affected": ("0", "0"),
        "People affected": ("2", "0"),
    }


@pytest.mark.parametrize("path", ["/apm/services/rooms", "/apm/tags?service=rooms"])
def test_the_reader_chooses_the_operation(client: FlaskClient, path: str) -> None:
    """Of all requests of the service, those of one operation: its orders."""
    sign = "&" if "?" in path else "?"
    page = LexborHTMLParser(client.get(path).text)
    offered = [option.attributes["value"] for option in page.css("#affected-of option")]
    assert offered == ["", "GET /c", "GET /d"]
    assert panel(client, path)[1]["Requests"][0] == "4"
    sentence, rows = panel(client, f"{path}{sign}affected=GET+/c")
    assert sentence == "1 of 2 requests failed: 1 person, who got through on a later try."
    assert rows["Failed for good"] == ("0", "0")
    assert rows["Recovered by a later try"] == ("1", "0")
    chosen = LexborHTMLParser(client.get(f"{path}{sign}affected=GET+/c").text)
    assert one(chosen, "#affected-of option[selected]").attributes["value"] == "GET /c"
    assert panel(client, f"{path}{sign}affected=nothing+like+it")[0].startswith("Nobody")


def test_the_panel_follows_the_filters(client: FlaskClient) -> None:
    for path in ("/apm/tags?service=bookings&attr=enduser.id:anna", "/apm/traces?attr=enduser.id:anna"):
        sentence, rows = panel(client, path)
        assert sentence.startswith("3 of 3 "), path
        assert ("failed: 1 person" in sentence, rows["Failed"]) == (True, ("3 100.0 %", "0"))
    sentence, _ = panel(client, "/apm/traces?attr=enduser.id:cleo")
    assert sentence == "Nobody: no trace of a person failed."


def test_a_search_that_reads_spans_counts_when_asked(client: FlaskClient) -> None:
    """It would double its cost; Tag Spotlight has no panel for such a filter."""
    found = LexborHTMLParser(client.get("/apm/traces?attr=colour:c81").text)
    assert not found.css(".affected")
    asks = [link.attributes["href"] for link in found.css("a") if text(link) == "Count who is affected"]
    assert panel(client, str(asks[0]))[0] == "1 of 1 trace failed: 1 person."
    assert not LexborHTMLParser(client.get("/apm/tags?attr=colour:c81").text).css(".affected")


def test_the_api_counts_the_same(client: FlaskClient) -> None:
    answer = client.get("/api/v1/apm/affected?service=bookings&operation=GET+/b&error=origin&since=15m").json
    assert answer == {
        "requests": 5,
        "failed": 4,
        "sessions": 0,
        "people": 2,
        "unattributed": 0,
        "recovered": 0,
        "failed_for_good": 4,
        "people_recovered": 0,
        "recovered_inside": 0,
        "refused": [],
        "refused_known": 0,
        "refused_looked": 4,
        "synthetic": {
            "requests": 1,
            "failed": 1,
            "sessions": 0,
            "people": 0,
            "unattributed": 1,
            "recovered": 0,
            "failed_for_good": 1,
            "people_recovered": 0,
            "recovered_inside": 0,
            "refused": [],
            "refused_known": 0,
            "refused_looked": 1,
        },
        "since_unix_nano": None,
        "truncated": False,
    }
    again = client.get("/api/v1/apm/affected?service=rooms&operation=GET+/c&since=15m").json
    assert again is not None
    assert (again["failed"], again["recovered"], again["people_recovered"]) == (1, 1, 1)
    refused = client.get("/api/v1/apm/affected?attr=colour:red")
    assert refused.status_code == 400


def test_what_was_cut_is_a_lower_bound_and_says_since_when() -> None:
    found = Affected(Reach(30_000, 500, 40, 30, 1), Reach(), NOW - 60 * S)
    shown = affected_panel(found, UTC)
    assert shown.sentence == (
        "At least 500 of 30,000 requests failed: 30 people in 40 sessions, "
        "none of them got through on a later try."
    )
    assert [row.real for row in shown.rows] == [
        "at least 30,000",
        "at least 500",
        "at least 500",
        "none so far",
        "at least 40",
        "at least 30",
        "none so far",
    ]
    assert shown.notes == (
        "A person is a distinct enduser.id, else a session; "
        "a later try is one of the same session and operation.",
        "1 failed request belongs to no session and names no enduser.id.",
        "Counted among the newest requests only, since 2027-01-15 08:14:00.",
    )
    assert affected_panel(Affected(Reach(5), Reach(), NOW), UTC).sentence == "Nobody, as far as was counted."
    unknown = affected_panel(Affected(Reach(5, 2, 0, 0, 2), Reach()), UTC)
    assert "of whom is unknown" in unknown.sentence
    assert unknown.notes[1:] == ("2 failed requests belong to no session and name no enduser.id.",)


def test_the_sentence_says_what_a_student_asks() -> None:
    """How many orders, how many people, how many of them got through, how many were programs'."""
    real = Reach(requests=241, failed=76, sessions=33, people=31, recovered=5, people_recovered=4)
    synthetic = Reach(requests=40, failed=12, people=0, unattributed=12)
    assert affected_panel(Affected(real, synthetic), UTC).sentence == (
        "76 of 241 requests failed: 31 people in 33 sessions, 4 of them got through on a later try; "
        "12 more of synthetic traffic."
    )
