"""What goes out: Alertmanager's payload by webhook and log events by OTLP, whatever the receiver does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from alerting import otlp_events, webhook
from alerting.delivery import Delivery
from alerting.http_post import DeliveryError, post_json
from alerting.outbox import OTLP, WEBHOOK, Letter, next_letters
from alerting.senders import otlp_sender, webhook_sender
from alerting.settings import Settings
from tests.alerting.receiver import receiving
from tests.alerting.telemetry import NOW_S, ORDERS, Desk, Telemetry, rule_text
from tests.helpers import eventually, free_port
from tests.store.build import SECOND, T0


@pytest.fixture(name="firing")
def _firing(tmp_path: Path, shop: Telemetry) -> Iterator[Desk]:
    """An alert that fires, queued on both ways."""
    desk = Desk(tmp_path, shop, ways=(WEBHOOK, OTLP))
    desk.rule(
        "orders",
        rule_text(
            {**ORDERS, "by": ["tenant.level"]},
            {"above": 0.1, "window": "20s"},
            description="For shoppers.",
            runbook="https://example.org/runbook",
            labels={"team": "checkout"},
        ),
    )
    shop.requests(at_s=[NOW_S - 5, NOW_S - 3], errors=2, attributes={"tenant.level": "gold"})
    desk.evaluate()
    yield desk
    desk.close()


@contextmanager
def delivering(desk: Desk, url: str, timeout_s: float = 0.3) -> Iterator[Delivery]:
    send = webhook_sender(
        Settings(webhook_url=url, webhook_timeout_s=timeout_s, observer_url="http://screens")
    )
    assert send
    delivery = Delivery(desk.database, WEBHOOK, send, first_wait_s=0.01)
    delivery.wake()
    try:
        yield delivery
    finally:
        delivery.stop()


def waiting(desk: Desk, way: str = WEBHOOK) -> Sequence[Letter]:
    return next_letters(desk.database, way, 100)


def test_the_webhook_sends_what_alertmanager_sends(firing: Desk) -> None:
    """Version 4, with every field that receivers read; then the end, with the same fingerprint."""
    with receiving() as receiver, delivering(firing, receiver.url) as delivery:
        eventually(lambda: receiver.bodies, "a message")
        firing.telemetry.requests(at_s=[NOW_S + 25], attributes={"tenant.level": "gold"})
        firing.evaluate(NOW_S + 30)
        delivery.wake()
        eventually(lambda: len(receiver.bodies) == 2, "the end of the alert")

    begun, over = receiver.bodies
    assert receiver.paths == ["/hook?key=secret"] * 2
    assert set(begun) == {
        *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels"),
        *("commonAnnotations", "externalURL", "alerts"),
    }
    assert (begun["version"], begun["status"], over["status"]) == ("4", "firing", "resolved")
    [alert], [end] = begun["alerts"], over["alerts"]
    assert alert["labels"] == {
        "alertname": "orders",
        "severity": "critical",
        "service_name": "frontend",
        "tenant_level": "gold",
        "team": "checkout",
    }
    assert alert["annotations"]["runbook_url"] == "https://example.org/runbook"
    assert alert["annotations"]["summary"] == "Orders"
    assert (alert["endsAt"], end["endsAt"] > alert["startsAt"]) == ("0001-01-01T00:00:00Z", True)
    assert alert["generatorURL"] == f"http://screens/alerts/{firing.only.alert_id}"
    assert alert["fingerprint"] == end["fingerprint"]
    assert begun["groupLabels"] == {"alertname": "orders"}
    assert waiting(firing) == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_receiver_in_trouble_is_tried_again(firing: Desk, status: int) -> None:
    """Twice it fails, then it takes the message, which comes once."""
    with (
        receiving(lambda number: status if number < 3 else 200) as receiver,
        delivering(firing, receiver.url),
    ):
        eventually(lambda: receiver.bodies and not waiting(firing), "a message")

    assert (receiver.asked, len(receiver.bodies)) == (3, 1)
    assert f"answers {status}" in firing.file.evaluator(0).notes[0][1]


def test_a_receiver_that_hangs_delays_no_evaluation(firing: Desk) -> None:
    """Passes go on; the message is sent when the receiver works again, and no secret gets into a note."""
    with receiving(lambda number: None if number == 1 else 200) as receiver, delivering(firing, receiver.url):
        eventually(lambda: receiver.asked == 1, "the first try")
        firing.evaluate(NOW_S + 2)
        assert firing.only.evaluations == 2
        eventually(lambda: receiver.bodies, "the message")

    notes = " ".join(text for _, text in firing.file.evaluator(0).notes)
    assert "did not answer" in notes
    assert "secret" not in notes


def test_without_a_receiver_the_message_waits_over_a_restart(firing: Desk) -> None:
    """Nothing listens; a new process sends it later."""
    port = free_port()
    with delivering(firing, f"http://127.0.0.1:{port}/"):
        eventually(lambda: firing.file.evaluator(0).notes, "a note")
    assert len(waiting(firing)) == 1

    with receiving() as receiver, delivering(firing, receiver.url):
        eventually(lambda: receiver.bodies, "the message")


def test_a_redirect_is_not_followed(firing: Desk) -> None:
    """A receiver cannot make the lab post elsewhere; the message is given up and that is said."""
    with receiving() as elsewhere, receiving(lambda _: 307, elsewhere.url) as receiver:
        with delivering(firing, receiver.url):
            eventually(lambda: not waiting(firing), "the message given up")
        assert elsewhere.asked == 0

    assert "redirects are not followed" in firing.file.evaluator(0).notes[0][1]


def test_a_receiver_that_sends_byte_by_byte_is_bounded() -> None:
    """The time limit is of the whole answer, not of each wait."""
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(DeliveryError):
            post_json(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", 0.5)
        stop.set()

    assert time.monotonic() - begun < 5


def test_begins_and_ends_are_log_events(firing: Desk) -> None:
    """The collector reads them: a name, the time of the begin, attributes, no silence in the way."""
    firing.telemetry.requests(at_s=[NOW_S + 25], attributes={"tenant.level": "gold"})
    firing.evaluate(NOW_S + 30)
    letters = waiting(firing, OTLP)
    assert [letter.what for letter in letters] == ["firing", "resolved"]

    body = otlp_events.request(letters, "lab", "http://screens")
    message = json_format.Parse(body, ExportLogsServiceRequest())
    [resource] = message.resource_logs
    begin, end = resource.scope_logs[0].log_records
    assert (begin.event_name, end.event_name) == ("alert.firing", "alert.resolved")
    assert begin.time_unix_nano == firing.only.started_unix_nano
    assert end.time_unix_nano == firing.only.ended_unix_nano
    attributes = {each.key: each.value for each in begin.attributes}
    assert attributes["alert.name"].string_value == "orders"
    assert attributes["alert.value"].double_value == 1.0
    assert attributes["alert.label.tenant.level"].string_value == "gold"
    assert begin.severity_number == 17


def test_log_events_go_to_the_collector_s_address(firing: Desk) -> None:
    """`/v1/logs` below the endpoint."""
    with receiving() as receiver:
        send = otlp_sender(Settings(otlp_endpoint=receiver.url.partition("/hook")[0]))
        assert send
        assert len(send(waiting(firing, OTLP))) == 1

    assert receiver.paths == ["/v1/logs"]


def test_without_addresses_nothing_is_sent() -> None:
    """Neither way is open by default."""
    assert webhook_sender(Settings()) is None
    assert otlp_sender(Settings()) is None


def test_hostile_labels_stay_labels() -> None:
    """Whatever telemetry holds is text in a JSON document."""
    document = {
        "detector": 'x"},{',
        "title": "\ud800\u202e",
        "description": "",
        "severity": "info",
        "runbook": "",
        "labels": {"1 bad-näme": "\ud800", "": "x"},
        "started_unix_nano": T0,
        "ended_unix_nano": None,
        "value": None,
        "threshold": 1.0,
        "comparison": "above",
        "unit": "",
    }
    letters = [Letter(1, "id", "firing", T0 + SECOND, document)]
    found = json.loads(webhook.payload(letters, ""))

    assert set(found["alerts"][0]["labels"]) == {"_1_bad_n_me", "_", "alertname", "severity"}


def test_alerts_of_different_groups_never_look_the_same() -> None:
    """Names of attributes that are no labels, or taken: each has a label, and each alert a fingerprint."""
    document = {
        "detector": "rule", "title": "t", "description": "", "severity": "info", "runbook": "",
        "started_unix_nano": T0, "ended_unix_nano": None, "value": 1.0, "threshold": 1.0,
        "comparison": "above", "unit": "",
    }  # fmt: skip
    groups = [
        {"severity": "gold", "grüße": "a", "größe": "b"},
        {"severity": "iron", "grüße": "a", "größe": "b"},
        {"severity": "gold", "grüße": "b", "größe": "a"},
        {"severity": "gold", "alertname": "other"},
    ]
    letters = [
        Letter(number, "id", "firing", T0, {**document, "labels": group})
        for number, group in enumerate(groups)
    ]
    alerts = json.loads(webhook.payload(letters, ""))["alerts"]

    assert alerts[0]["labels"] == {
        "alertname": "rule",
        "severity": "info",
        "exported_severity": "gold",
        "gr__e": "b",
        "exported_gr__e": "a",
    }
    assert alerts[3]["labels"]["exported_alertname"] == "other"
    assert len({alert["fingerprint"] for alert in alerts}) == 4


def test_a_dead_receiver_is_waited_for_within_bounds(firing: Desk) -> None:
    """So many messages, for a day; what is given up is counted in one note."""
    row = firing.database
    with row.transaction() as connection:
        connection.executemany(
            "INSERT INTO outbox (way, alert_id, what, at, document) VALUES ('webhook', ?, 'firing', ?, '{}')",
            [(f"{number}", T0 + round(NOW_S) * SECOND) for number in range(5_100)],
        )
    for later_s in (2, 4):
        firing.evaluate(NOW_S + later_s)
    assert len(next_letters(row, WEBHOOK, 10_000)) == 5_000
    notes = [text for _, text in firing.file.evaluator(0).notes]
    assert [text.partition(" were")[0] for text in notes] == ["102 messages about alerts"]

    firing.evaluate(NOW_S + 25 * 3600)
    found = [letter.at_unix_nano for letter in next_letters(row, WEBHOOK, 10_000)]
    assert all(at > T0 + (NOW_S + 3600) * SECOND for at in found)
    [given_up] = [text for _, text in firing.file.evaluator(0).notes if "given up" in text]
    assert given_up.startswith("5,102 messages")
