"""The control interface: what it accepts, what it changes, and that it is closed without the token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import incidents
from classroom import ClassStore, Mark, MarkKind, Schedule, ScheduledAction, keep_schedule, schedule
from lab.control.app import create_app
from lab.control.changes import Changes
from lab.control.settings import Settings
from runtime import seat_generations
from tests.helpers import free_port

TOKEN = "the token"
INCIDENT = "invalid-token"


class Collector:
    """Receives deployment events as a collector does."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        records = self.records

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in body["resourceLogs"]:
                    for scope in resource["scopeLogs"]:
                        records.extend(scope["logRecords"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def attributes(self) -> list[dict[str, str]]:
        """The attributes of every event that came, as dicts."""
        return [
            {each["key"]: each["value"]["stringValue"] for each in record["attributes"]}
            for record in self.records
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClassStore]:
    store = ClassStore(tmp_path / "class.sqlite3")
    store.enrol(("Ana", "Ben"))
    store.begin_incident(INCIDENT, 1)
    yield store
    store.close()


def client_of(tmp_path: Path, store: ClassStore, otlp_url: str) -> FlaskClient:
    settings = Settings(
        token=TOKEN,
        seat_generations_file=tmp_path / "generations.json",
        flags_file=tmp_path / "flags.json",
        lab_status_file=tmp_path / "status.json",
        otlp_url=otlp_url,
        most_users=50,
    )
    return create_app(Changes(store, settings), TOKEN).test_client()


@pytest.fixture
def client(tmp_path: Path, store: ClassStore, collector: Collector) -> FlaskClient:
    return client_of(tmp_path, store, collector.url)


def act(client: FlaskClient, **action: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post("/v1/actions", json=action, headers={"Authorization": f"Bearer {TOKEN}"})
    return answer.status_code, answer.get_json()


def flags(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "flags.json").read_text("utf-8"))["flags"]
    return found


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", TOKEN])
def test_without_the_token_nothing_is_changed(client: FlaskClient, store: ClassStore, header: str) -> None:
    """Any process of the machine can reach a port on loopback."""
    answer = client.post("/v1/actions", json={"action": "lock"}, headers={"Authorization": header})

    assert answer.status_code == 401
    assert store.actions() == ()
    assert client.get("/healthz").status_code == 200


def test_an_incident_begins_for_all_or_for_one_seat(
    client: FlaskClient, store: ClassStore, tmp_path: Path, collector: Collector
) -> None:
    """The flag file follows at once, and a deployment event says when, not what."""
    assert act(client, action="incident", name="none", seats="all")[0] == 200
    status, answer = act(client, action="incident", name="price-typo", seats=["ben"])

    assert (status, answer["done"]) == (200, "The incident price-typo begins for Ben.")
    assert store.fault("ana").incident == "none"
    assert store.fault("ben").incident == "price-typo"
    assert "ben" in json.dumps(flags(tmp_path)["cart_price_typo"]["targeting"])
    assert [each.get("enduser.id") for each in collector.attributes()] == [None, "ben"]
    assert "price-typo" not in json.dumps(collector.records)
    assert all(record["eventName"] == "deployment" for record in collector.records)


def test_a_repair_holds_for_its_seat_until_it_is_broken_again(
    client: FlaskClient, store: ClassStore, tmp_path: Path, collector: Collector
) -> None:
    """Nobody else's flags change."""
    [first, *_] = incidents.load(INCIDENT).repairs
    assert act(client, action="repair", repairs=[first.name], seats=["ana"])[0] == 200
    assert set(store.fault("ana").repaired) == {first.name}
    assert "ana" in json.dumps(flags(tmp_path)[first.flags[0]]["targeting"])
    assert collector.attributes()[-1]["deployment.name"] == first.title

    assert act(client, action="break", seats=["ana"])[0] == 200
    assert store.fault("ana").repaired == {}
    assert "ana" not in json.dumps(flags(tmp_path))
    # A chart that says "Roll back" where it was taken back would lie.
    assert all(each["deployment.name"].startswith("Taken back: ") for each in collector.attributes()[1:])


def test_a_reset_and_a_jump_and_a_lock(client: FlaskClient, store: ClassStore) -> None:
    step = incidents.load(INCIDENT).steps[2].name
    status, answer = act(client, action="jump", name=step, seats=["ana"])
    assert (status, answer["done"]) == (
        200,
        f"Ana may go to step 3, {incidents.load(INCIDENT).steps[2].title}.",
    )
    assert [(mark.seat, mark.step, mark.kind) for mark in store.marks()] == [("ana", step, MarkKind.JUMPED)]
    assert act(client, action="reset", seats="all")[0] == 200
    assert store.marks() == ()
    assert act(client, action="lock", locked=True)[0] == 200
    assert store.facts().locked


def test_a_line_is_sent_and_everything_is_logged(client: FlaskClient, store: ClassStore) -> None:
    assert act(client, action="broadcast", text=" Five\n minutes ", seats="all", actor="desk")[0] == 200
    newest = store.newest_message("ana")

    assert newest is not None
    assert newest.text == "Five minutes"
    assert [(action.actor, action.action) for action in store.actions()] == [("desk", "broadcast")]


def test_a_seat_that_lost_its_link_to_a_neighbour_gets_a_new_code(
    client: FlaskClient, store: ClassStore
) -> None:
    store.take("ana", 5)
    before = store.seat("ana")
    assert act(client, action="free", seats=["ana"])[0] == 200
    after = store.seat("ana")

    assert before is not None
    assert after is not None
    assert after.code != before.code
    assert after.taken_unix_nano is None


@pytest.mark.parametrize(
    ("action", "part"),
    [
        ({"action": "explode"}, "There is no action"),
        ({"action": "incident"}, "needs a name"),
        ({"action": "incident", "name": "no-such"}, "no incident named"),
        ({"action": "repair", "seats": []}, "No seat was named"),
        ({"action": "repair", "seats": "ana"}, "neither"),
        ({"action": "repair", "seats": ["<b>"]}, "not a seat name"),
        ({"action": "repair", "seats": ["ana"], "repairs": ["magic"]}, "has no repair"),
        ({"action": "repair", "seats": ["ana"], "repairs": "magic"}, "not a list"),
        ({"action": "broadcast", "text": " "}, "nothing to send"),
        ({"action": "broadcast", "text": "x" * 301}, "text"),
        ({"action": "jump", "seats": ["ana"], "name": "no-such"}, "no step"),
        ({"action": "load", "users": -1}, "users"),
        ({"action": "load", "users": 51}, "too many"),
        ({"action": "free"}, "All seats"),
        ([], "not a JSON object"),
    ],
)
def test_a_malformed_action_changes_nothing_and_says_why(
    client: FlaskClient, store: ClassStore, action: Any, part: str
) -> None:
    answer = client.post("/v1/actions", json=action, headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 400
    assert part in answer.get_json()["error"]["message"]
    assert store.actions() == ()


def test_a_collector_that_does_not_answer_stops_nothing(tmp_path: Path, store: ClassStore) -> None:
    client = client_of(tmp_path, store, f"http://127.0.0.1:{free_port()}")

    assert act(client, action="incident", name="none", seats="all")[0] == 200
    assert store.facts().incident == "none"


def test_the_load_of_a_lab_without_status_is_an_error_with_a_remedy(client: FlaskClient) -> None:
    status, answer = act(client, action="load", users=5)

    assert status == 503
    assert answer["error"]["remedy"]


def test_all_seats_are_those_of_the_roster_and_those_that_were_seen(
    client: FlaskClient, store: ClassStore
) -> None:
    """An open lab has no roster."""
    store.mark(Mark("guest", INCIDENT, "buy", MarkKind.OPENED, 5))
    assert act(client, action="repair", seats="all")[0] == 200

    assert [fault.seat for fault in store.faults()] == ["ana", "ben", "guest"]


def test_freeing_a_seat_tells_the_shop(client: FlaskClient, store: ClassStore, tmp_path: Path) -> None:
    """By the file that it looks at, since it does not read the class's; an unknown seat is refused."""
    generations = seat_generations.SeatGenerations(tmp_path / "generations.json")
    assert act(client, action="free", seats=["ana"])[0] == 200
    assert (generations.of("ana"), generations.of("ben")) == (1, 0)
    status, answer = act(client, action="free", seats=["nobody"])
    assert status == 400
    assert "no seat nobody" in answer["error"]["message"]
    assert store.generations() == {"ana": 1}


def test_joining_is_closed_and_opened(client: FlaskClient, store: ClassStore) -> None:
    for is_open in (False, True):
        assert act(client, action="joining", open=is_open)[0] == 200
        assert store.facts().joining_open is is_open
    assert act(client, action="joining")[0] == 400


def test_a_healthy_shop_gets_a_release_by_its_version(
    client: FlaskClient, store: ClassStore, collector: Collector
) -> None:
    """A deployment event that names the version, and neither the incident nor what is wrong in it."""
    act(client, action="incident", name="none")
    status, answer = act(client, action="release", name=INCIDENT)

    assert (status, answer["done"]) == (200, "v350.10 is released for every seat.")
    assert store.fault("ana").incident == store.facts().incident == INCIDENT
    event = collector.attributes()[-1]
    assert (event["deployment.name"], event["service.version"]) == ("Release v350.10", "v350.10")
    assert "enduser.id" not in event
    assert INCIDENT not in json.dumps(collector.records)


def test_a_release_is_rolled_back_and_released_again_for_some_seats(
    client: FlaskClient, store: ClassStore, collector: Collector
) -> None:
    """The lesson goes on: nothing that the seats did is lost, and each event names whom it concerns."""
    store.mark(Mark("ana", INCIDENT, "buy", MarkKind.OPENED, 5))
    assert act(client, action="rollback", seats=["ana"])[1]["done"] == "Rolled back to v350.9 for Ana."
    assert set(store.fault("ana").repaired) == {"rollback"}
    event = collector.attributes()[-1]
    assert (event["service.version"], event["enduser.id"]) == ("v350.9", "ana")
    assert event["deployment.name"] == "Roll back paymentservice to v350.9"

    assert act(client, action="release", name=INCIDENT)[1]["done"] == "v350.10 is released for Ana."
    assert store.fault("ana").repaired == {}
    assert store.fault("ana").began_unix_nano == 1
    assert store.marks("ana")
    assert [each.get("enduser.id") for each in collector.attributes()] == ["ana", "ana"]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"action": "release", "name": INCIDENT}, "v350.10 runs already for every seat"),
        ({"action": "release", "name": "slow-provider"}, "slow-provider has nothing to release"),
        ({"action": "release", "name": "no-such"}, "no incident named"),
        ({"action": "release"}, "needs a name"),
    ],
)
def test_a_release_that_changes_nothing_is_refused(
    client: FlaskClient, store: ClassStore, action: dict[str, Any], said: str
) -> None:
    before = store.actions()
    status, answer = act(client, **action)
    assert (status, said in answer["error"]["message"]) == (400, True)
    assert store.actions() == before


def test_nothing_is_rolled_back_where_nothing_was_released(client: FlaskClient) -> None:
    act(client, action="incident", name="none")
    assert "Nothing that was released runs" in act(client, action="rollback")[1]["error"]["message"]


def test_a_release_reaches_those_who_have_something_else(
    client: FlaskClient, store: ClassStore, collector: Collector
) -> None:
    act(client, action="incident", name="price-typo", seats=["ben"])
    assert act(client, action="release", name=INCIDENT)[1]["done"] == "v350.10 is released for Ben."
    assert store.fault("ben").incident == INCIDENT
    assert store.fault("ana").began_unix_nano == 1


def test_an_incident_by_hand_makes_a_healthy_time_void(client: FlaskClient, store: ClassStore) -> None:
    """Else the schedule would begin it once more, and everybody's progress with it."""
    later = ScheduledAction(2**62, {"action": "release", "name": INCIDENT, "seats": "all"})
    keep_schedule(store, Schedule("Healthy first", 1, False, (later,)))
    act(client, action="incident", name="price-typo", seats=["ana"])
    assert schedule(store)
    act(client, action="incident", name="none")
    assert schedule(store) is None

    keep_schedule(store, Schedule("Healthy first", 1, False, (later,)))
    done = act(client, action="release", name=INCIDENT)[1]["done"]
    assert done == "v350.10 is released for every seat. The schedule Healthy first is void."


def test_a_conflict_has_a_status_of_its_own(client: FlaskClient) -> None:
    act(client, action="exam", seed=7)
    status, answer = act(client, action="exam", seed=8)
    assert (status, answer["error"]["code"]) == (409, "conflict")
