"""Alerts and detectors by the API: what is read, who may change it, where links lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from alerting import AlertFile
from observer.app import create_app
from observer.settings import Settings
from store.api import Reader
from tests.fixtures.alerts import evaluate
from tests.observer.api.conftest import Ask
from tests.observer.class_screens import SECRET
from tests.observer.screens import Screens

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture(name="own")
def _own(screens: Screens, tmp_path: Path) -> Iterator[FlaskClient]:
    """An observer of its own over the seeded store, on this machine."""
    with_alerts = AlertFile(tmp_path / "alerts.db")
    clock = screens.app.extensions["observer"].clock
    evaluate(screens.reader, tmp_path, clock())
    yield create_app(screens.reader, Settings(), clock, alert_file=with_alerts).test_client()
    with_alerts.close()


def change(client: FlaskClient, path: str, expect: int = 200, **body: Any) -> Any:
    token = client.post("/api/v1/desk/session", json={"passcode": ""}, base_url="http://127.0.0.1").json
    answer = client.post(
        f"/api/v1{path}",
        json=body,
        base_url="http://127.0.0.1",
        headers={"X-CSRF-Token": (token or {}).get("token", "")},
    )
    assert answer.status_code == expect, answer.text
    return answer.json


def first(client: FlaskClient, **args: str) -> Any:
    return client.get("/api/v1/alerts", query_string=args).get_json()["alerts"][0]


def test_alerts_lead_to_the_moment_that_they_began(ask: Ask) -> None:
    """Map, traces, logs with a real range, the trace and the session of the first failure."""
    alerts = ask("/alerts", state="firing")["alerts"]
    alert = next(each for each in alerts if each["labels"].get("service.name") == "frontend")
    links = alert["links"]

    failed = ask("/apm/traces", service="frontend", error="any", sort="oldest", limit=1)["traces"][0]
    assert links["trace"] == f"/apm/traces/{failed['trace_id']}"
    assert links["session"] == f"/rum/sessions/{failed['session_id']}"
    assert links["page"] == f"/alerts/{alert['alert_id']}"
    assert links["metric"] is None
    for name in ("map", "traces", "logs"):
        assert "service=frontend" in links[name]
        assert "from=" in links[name]
        assert "to=" in links[name]


def test_links_of_alerts_are_answered(client: FlaskClient, ask: Ask) -> None:
    """Each page is there, and the list of traces holds the one that the alert names.

    A service whose failures belong to no kept trace has no link to one; the storefront has every link.
    """
    alerts = ask("/alerts", state="firing")["alerts"]
    for alert in alerts:
        for name in ("page", "map", "traces", "logs", "trace", "session"):
            link = alert["links"][name]
            assert link is None or client.get(link).status_code == 200, (alert["labels"], name)
    links = next(each["links"] for each in alerts if each["labels"].get("service.name") == "frontend")
    for name in ("map", "traces", "logs", "trace", "session"):
        assert links[name], name
    assert links["trace"].rpartition("/")[2] in client.get(links["traces"]).text


def test_alerts_are_filtered(ask: Ask) -> None:
    """By state, severity, rule and time; an unknown word is refused."""
    every = ask("/alerts")["alerts"]
    assert {each["state"] for each in every} == {"firing", "pending"}
    assert [each["state"] for each in every] == sorted(each["state"] for each in every)
    assert {each["state"] for each in ask("/alerts", state="pending")["alerts"]} == {"pending"}
    assert ask("/alerts", severity="info")["alerts"] == []
    assert {each["detector"] for each in ask("/alerts", detector="script-errors")["alerts"]} == {
        "script-errors"
    }
    assert ask("/alerts", from_="2020-01-01T00:00:00Z", to="2020-01-02T00:00:00Z")["alerts"] == []
    assert ask("/alerts", limit="1")["truncated"]
    assert "one of" in ask("/alerts", expect=400, state="loud")["error"]["remedy"]


def test_one_alert_has_its_history(ask: Ask) -> None:
    """An alert that is not kept is a 404."""
    alert_id = ask("/alerts", state="firing")["alerts"][0]["alert_id"]
    found = ask(f"/alerts/{alert_id}")
    assert [each["what"] for each in found["history"]] == ["pending", "firing"]
    ask("/alerts/none", expect=404)


def test_detectors_say_what_they_found_and_what_is_wrong_with_a_file(ask: Ask) -> None:
    """State, value and threshold by group; the problem of a malformed file."""
    rules = {each["name"]: each for each in ask("/detectors")["detectors"]}

    assert rules["checkout-failing"]["state"] == "firing"
    assert rules["script-errors"]["state"] == "pending"
    assert "is not TOML" in rules["malformed"]["problem"]
    assert rules["malformed"]["signal"] is None
    assert {"orders-failing", "checkout-slow", "charges-refused"} <= set(rules)
    assert ask("/status")["alerting"]["state"] == "running"
    assert ask("/status")["alerting"]["firing"] == len(ask("/alerts", state="firing")["alerts"])


def test_whoever_sits_at_the_machine_acknowledges_and_silences(own: FlaskClient) -> None:
    """With the token of a session; what was done is shown."""
    alert = first(own)
    done = change(own, f"/alerts/{alert['alert_id']}/acknowledge", note="on it", by="ann")["alert"]
    assert (done["acknowledged"]["by"], done["acknowledged"]["note"]) == ("ann", "on it")

    silence = change(own, f"/detectors/{alert['detector']}/silence", minutes=5)["silence"]
    assert first(own)["silenced"]
    assert change(own, f"/silences/{silence['silence_id']}/end")["ended"]
    assert not first(own)["silenced"]
    assert not change(own, f"/silences/{silence['silence_id']}/end")["ended"]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/alerts/none/acknowledge", 404, {}),
        ("/detectors/none/silence", 404, {"minutes": 5}),
        ("/detectors/checkout-failing/silence", 400, {}),
        ("/detectors/checkout-failing/silence", 400, {"minutes": 0}),
        ("/detectors/checkout-failing/silence", 400, {"minutes": True}),
        ("/detectors/checkout-failing/silence", 400, {"minutes": 10**9}),
        ("/detectors/checkout-failing/silence", 400, {"minutes": 5, "labels": ["x"]}),
        ("/detectors/checkout-failing/silence", 400, {"minutes": 5, "until": 3}),
        ("/alerts/none/acknowledge", 400, {"note": 3}),
    ],
)
def test_a_malformed_change_is_refused(
    own: FlaskClient, path: str, status: int, body: dict[str, Any]
) -> None:
    """And nothing is changed."""
    change(own, path, status, **body)


def test_without_the_token_nothing_is_changed(own: FlaskClient) -> None:
    """A page elsewhere cannot acknowledge, even through the browser of somebody at the machine."""
    alert = first(own)
    path = f"/api/v1/alerts/{alert['alert_id']}/acknowledge"
    assert own.post(path, json={}, base_url="http://127.0.0.1").status_code == 403
    assert own.post(path, json={}, environ_overrides={"REMOTE_ADDR": "10.0.0.9"}).status_code == 403
    assert first(own)["acknowledged"] is None


def test_in_a_class_only_the_desk_may(screens: Screens, tmp_path: Path) -> None:
    """A student reads alerts and changes none."""
    alert_file = AlertFile(tmp_path / "alerts.db")
    clock = screens.app.extensions["observer"].clock
    evaluate(screens.reader, tmp_path, clock())
    app = create_app(screens.reader, Settings(seat_secret=SECRET), clock, alert_file=alert_file)
    client = app.test_client()
    alert = client.get("/api/v1/alerts", base_url="http://127.0.0.1").get_json()["alerts"][0]
    path = f"/api/v1/alerts/{alert['alert_id']}/acknowledge"

    assert client.post(path, json={}, base_url="http://127.0.0.1").status_code == 401
    alert_file.close()


def test_where_no_alerts_are_kept_there_are_none(screens: Screens) -> None:
    """Screens beside a collector alone."""
    assert screens.client.get("/api/v1/alerts").get_json()["alerts"] == []
    assert screens.client.get("/api/v1/detectors").get_json()["evaluator"]["state"] == "not kept"
    assert screens.client.get("/api/v1/status").get_json()["alerting"]["state"] == "not kept"
    assert screens.client.get("/api/v1/alerts/none").status_code == 404


def test_a_file_that_cannot_be_read_is_said(screens: Screens, tmp_path: Path) -> None:
    """Alerts answer 503 with a remedy, the status goes on."""
    path = tmp_path / "alerts.db"
    path.write_bytes(b"no database" * 500)
    reader: Reader = screens.reader
    client = create_app(reader, Settings(), lambda: 1, alert_file=AlertFile(path)).test_client()

    refused = client.get("/api/v1/alerts")
    assert refused.status_code == 503
    assert refused.get_json()["error"]["remedy"]
    assert client.get("/api/v1/status").get_json()["alerting"]["state"] == "unreadable"
