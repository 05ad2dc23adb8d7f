"""How bad, since when, what is slow, what differs: on the screens and as JSON, of a mesh that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser, LexborNode

from observer.components.compared import Compared
from observer.components.impact import impact
from observer.components.slowest import change_of, slowest
from observer.settings import Settings
from store.api import Affected, Latency, Measure, Operation, Reach, Refused
from tests.fixtures.html import one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, span

NOW = 1_800_000_900 * S
_BOOK = Operation("desk", "POST /book")


def world() -> World:
    """A hotel: bookings of people fail with version 2 of the room service, which is slower, too.

    The quarter of an hour before knows version 1 only.
    """
    made = World(NOW)
    for number in range(1, 41):
        new = number <= 20
        at = NOW - number * 10 * S - (0 if new else 900 * S)
        failed = new and number % 2 == 0
        trace, own, child = f"{number + 0xC000:032x}", f"{number:016x}", f"{number + 0x900:016x}"
        status = {"_error": "no room"} if failed else {}
        who = {"user_agent.synthetic.type": "bot"} if number == 20 else {"enduser.id": f"guest{number % 5}"}
        entry = span(trace, own, "", "POST /book", 2, at, 90 if new else 20, **who, **status)
        call = span(
            trace, f"{number + 0x500:016x}", own, "Reserve", 3, at, 80 if new else 10,
            **{"peer.service": "rooms"}, **status,
        )  # fmt: skip
        reserve = span(
            trace, child, f"{number + 0x500:016x}", "Reserve", 2, at, 80 if new else 10,
            **{
                "version": "2" if failed else "1",
                "booking.amount": 80.5,
                "booking.currency": "CHF",
            },
            **status,
        )  # fmt: skip
        made.backend("desk", [entry, call])
        made.backend("rooms", [reserve], **{"service.version": "9.1", "service.instance.id": "i1"})
    return made


@pytest.fixture(scope="module", name="client")
def a_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with observing(world(), tmp_path_factory.mktemp("hotel")) as found:
        yield found


def page(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return LexborHTMLParser(answer.text)


def words(node: LexborNode) -> str:
    """The text of an element as it is read: no blank before a sign."""
    return re.sub(r" +([.:;])", r"\1", text(node))


@pytest.mark.parametrize("path", ["/", "/apm?service=rooms", "/apm/services/rooms"])
def test_one_line_says_how_bad_it_is_for_whom(client: FlaskClient, path: str) -> None:
    """The operation is found from the data: the one at which the failures of people begin."""
    found = one(page(client, path), ".impact")
    assert "POST /book of desk: the operation with the most errors that people meet" in words(found)
    people, synthetic = [words(line) for line in found.css(".impact-line")]
    assert people.startswith("People: ")
    assert "of 19 failed for good" in people
    assert "CHF" in people
    assert synthetic.startswith("Synthetic traffic: 1 of 1 failed for good (100.0 %)")
    assert synthetic.endswith("CHF 80.50 refused.")


def test_what_only_refreshes_the_counts_of_home_asks_for_no_more(client: FlaskClient) -> None:
    """They are asked for every few seconds by every reader."""
    again = client.get("/?_explain=1", headers={"HX-Request": "true"}).text
    assert 'id="counts"' in again
    for question in ("affected", "operation_measures", "failing_operations"):
        assert question not in again
        assert question in client.get("/?_explain=1").text


def test_any_operation_can_be_chosen(client: FlaskClient) -> None:
    found = one(page(client, "/?key=rooms:Reserve"), ".impact")
    assert "Reserve of rooms: chosen here" in words(found)
    assert one(found, "option[selected]").attributes["value"] == "rooms:Reserve"
    unknown = one(page(client, "/?key=no:such"), ".impact")
    assert "People: none tried." in words(unknown)


def test_the_api_says_the_same(client: FlaskClient) -> None:
    found = client.get("/api/v1/apm/impact?since=15m").get_json()
    assert (found["service"], found["operation"]) == _BOOK
    assert found["people"]["requests"] == 19
    assert found["people"]["failed"] == 9
    assert found["people"]["failed_for_good"] + found["people"]["recovered"] == 9
    lost = found["people"]["failed_for_good"]
    assert found["people"]["refused"] == [{"currency": "CHF", "amount": str(Decimal("80.5") * lost)}]
    assert found["synthetic"]["failed_for_good"] == 1


def test_versions_stand_side_by_side_each_with_its_meaning(client: FlaskClient) -> None:
    found = one(page(client, "/apm/services/rooms"), ".versions")
    assert [text(one(row, "code")) for row in found.css("tr.group")] == ["service.version", "version"]
    rows = {text(one(row, "th a")): text(row) for row in found.css("tbody tr:not(.group)")}
    assert set(rows) == {"9.1", "1", "2"}
    assert "10 of 10 (100.0 %)" in rows["2"]
    assert "0 of 10" in rows["1"]
    api = client.get("/api/v1/apm/versions?service=rooms&since=15m").get_json()["versions"]
    two = next(row for row in api if (row["tag"], row["value"]) == ("version", "2"))
    assert (two["key_requests"], two["key_failed"], two["requests"]) == (10, 10, 10)
    assert two["first_seen_unix_nano"] == NOW - 200 * S
    seen = client.get("/api/v1/apm/seen?tag=version&value=2&value=3").get_json()["values"]
    assert [(row["value"], row["first_seen_exact"]) for row in seen] == [("2", True)]


def test_a_new_version_is_a_mark_on_the_charts(client: FlaskClient) -> None:
    (found,) = client.get("/api/v1/apm/changes?since=15m").get_json()["changes"]
    assert (found["service"], found["tag"], found["value"], found["before"]) == ("rooms", "version", "2", "1")
    for path in ("/apm/services/rooms", "/apm/services/desk", "/apm/traces", "/apm/tags?service=rooms"):
        marks = page(client, path).css("a.chart-event.change")
        assert marks, path
        assert "rooms version 2 first seen, before it 1" in text(one(marks[0], "title"))
    href = page(client, "/apm/services/rooms").css("a.chart-event.change")[0].attributes["href"]
    assert href
    first = page(client, href).css("tbody tr[data-row]")
    assert len(first) == 10


@pytest.mark.parametrize("path", ["/apm/traces", "/apm/tags"])
def test_a_filter_says_since_when_its_value_is_seen(client: FlaskClient, path: str) -> None:
    found = text(one(page(client, f"{path}?service=rooms&attr=version:2"), ".sighting"))
    assert "version = 2 first seen 2027-01-15 08:11:40" in found


def test_lists_begin_with_the_oldest_where_the_address_says_so(client: FlaskClient) -> None:
    whole = [row.attributes.get("id") for row in page(client, "/apm/traces").css("tbody tr[data-row]")]
    turned = page(client, "/apm/traces?sort=oldest")
    assert [row.attributes.get("id") for row in turned.css("tbody tr[data-row]")][::-1] == whole
    assert "oldest first" in text(one(turned, "main"))
    assert text(one(turned, "#t-sort option[selected]")) == "Oldest first"
    refused = client.get("/apm/traces?sort=sideways")
    assert refused.status_code == 400


def test_what_is_slow_stands_beside_what_it_was_before(client: FlaskClient) -> None:
    rows = [text(row) for row in one(page(client, "/"), ".slowest").css("tbody tr")]
    assert len(rows) == 2
    assert rows[0].startswith("POST /book desk 20")
    assert "times as long" in rows[0]
    found = client.get("/api/v1/apm/slowest?since=15m").get_json()["operations"]
    assert [(row["operation"], row["requests"], row["before"]["requests"]) for row in found] == [
        ("POST /book", 20, 20),
        ("Reserve", 20, 20),
    ]


def test_a_slow_edge_is_framed_on_the_map(client: FlaskClient) -> None:
    found = page(client, "/apm")
    assert len(found.css("g.slower text.label")) == 1
    assert "\u00d7" in text(one(found, "g.slower text.label"))
    legend = text(one(found, ".map-legend"))
    assert "compared with the 3 min 20 s of the 15 min before that have data" in legend
    (edge,) = client.get("/api/v1/apm/map?since=15m").get_json()["edges"]
    assert edge["requests_before"] == 20
    assert edge["p90_ns_before"] < edge["p90_ns"]
    alone = page(client, "/apm?since=1h")
    assert "nothing to compare with: no request in the 1 h before" in text(one(alone, ".map-legend"))


def test_money_is_said_only_where_it_is_known() -> None:
    def line(refused: Refused | None, lost: int = 3) -> str:
        reach = Reach(requests=10, failed=lost, people=1, sessions=1, refused=refused)
        found = impact(_BOOK, "", Affected(reach, Reach()), (), UTC)
        return "; ".join(found.sides[0].details)

    assert "refused revenue not known" in line(Refused({}, 0, 3))
    assert line(Refused({"JPY": Decimal(1200)}, 1, 3)).endswith("JPY 1,200 refused, known of 1 of 3")
    both = Refused({"USD": Decimal("0.10"), "EUR": Decimal("5.005")}, 3, 3)
    assert line(both).endswith("EUR 5.005, USD 0.10 refused")
    assert "refused" not in line(Refused({}, 0, 0), lost=0)


def test_nothing_failed_and_nothing_was_chosen() -> None:
    found = impact(None, "", None, (), UTC)
    assert found.sides == ()
    assert found.operation == ""


def test_a_duration_is_compared_only_with_enough() -> None:
    ms = 1_000_000
    assert change_of(300 * ms, 100 * ms, 50).slower
    assert change_of(300 * ms, 100 * ms, 50).words == "3.0 times as long: 100 ms before"
    assert not change_of(300 * ms, 290 * ms, 50).slower
    assert not change_of(3_000, 1_000, 50).slower, "microseconds"
    assert change_of(300 * ms, 100 * ms, 2).words == "too few before: 2"
    assert change_of(300 * ms, None, 0).words == "none before"
    assert change_of(100 * ms, 300 * ms, 50).words == "faster: 300 ms before"


def test_what_was_asked_for_rarely_is_not_ranked() -> None:
    measures = {
        "rare": Measure(1, latency=Latency(p90_ns=9 * S)),
        "often": Measure(9, latency=Latency(p90_ns=S)),
    }
    found = slowest(
        measures, {}, Compared(60 * S, 60 * S, 0), lambda n: (n, ""), lambda n: n, lambda one: one.p90_ns
    )
    assert [row.name for row in found.rows] == ["often"]
    assert found.left_out == "1 with fewer than 5 not ranked"
    assert found.note == "nothing to compare with: no request in the 1 min before"


def test_the_setting_names_operations() -> None:
    settings = Settings(key_operations="desk:POST /book; a%3Ab : c:d ;nonsense;:x")
    assert settings.measured_operations == (_BOOK, Operation("a:b", "c:d"))
