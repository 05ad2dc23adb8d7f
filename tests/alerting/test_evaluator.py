"""Passes over rules: what is kept over a restart, a gap, a change of a rule, a store that does not answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import store
from alerting import AlertError, AlertQuery
from store.api import StoreUnavailable, TooSlow
from tests.alerting.receiving import receiving
from tests.alerting.telemetry import NOW_S, ORDERS, Desk, Telemetry, rule_text
from tests.store.build import SECOND, T0
from tests.store.build_metrics import point, series
from tests.store.house import held

LIMITS = {"above": 0.1, "window": "20s"}


def failing(desk: Desk, **condition: object) -> None:
    """A rule, and orders that fail from NOW_S - 5 on."""
    desk.rule("orders", rule_text(ORDERS, {**LIMITS, **condition}))
    desk.telemetry.requests(at_s=[NOW_S - 15, NOW_S - 12, NOW_S - 9])
    desk.telemetry.requests(at_s=[NOW_S - 5, NOW_S - 3], errors=2)


def test_an_alert_begins_when_the_condition_did_and_ends_when_it_is_over(desk: Desk) -> None:
    """Its begin is that of the first failed order, not of the evaluation; its end is noticed later."""
    failing(desk)
    desk.evaluate()

    alert = desk.only
    assert alert.state == "firing"
    assert abs(alert.started_unix_nano - (T0 + round((NOW_S - 5) * SECOND))) <= SECOND // 4
    assert alert.fired_unix_nano == desk.telemetry.now()
    assert (alert.value, alert.threshold, alert.unit) == (0.4, 0.1, "1")
    assert alert.labels == {"service.name": "frontend"}

    desk.telemetry.requests(at_s=[NOW_S + 5, NOW_S + 15])
    desk.evaluate(NOW_S + 20)
    assert desk.only.state == "resolved"
    assert desk.only.end_reason == "ok"
    assert [change.what for change in desk.file.history(alert.alert_id)] == [
        "pending",
        "firing",
        "crossed back",
        "resolved",
    ]


def test_a_restart_changes_no_alert(desk: Desk) -> None:
    """A firing alert stays the same one, and pending time counts on."""
    failing(desk, **{"for": "6s"})
    desk.evaluate()
    assert desk.only.state == "pending"

    desk.start()
    desk.evaluate(NOW_S + 6)
    first = desk.only
    assert first.state == "firing"

    desk.start()
    desk.evaluate(NOW_S + 8)
    assert desk.only.alert_id == first.alert_id
    assert desk.only.evaluations == 3


def test_while_nothing_was_evaluated_nothing_is_known(desk: Desk) -> None:
    """A gap is kept, and is not taken for a time in which all was well."""
    failing(desk, resolve_after="10s")
    desk.evaluate()
    desk.telemetry.requests(at_s=[NOW_S + 22, NOW_S + 62, NOW_S + 70])
    desk.evaluate(NOW_S + 23)
    assert desk.only.state == "firing"

    desk.evaluate(NOW_S + 63)
    assert desk.only.state == "firing"
    evaluator = desk.file.evaluator(desk.telemetry.now())
    assert [end - begin for begin, end in evaluator.gaps] == [40 * SECOND, 23 * SECOND]
    desk.evaluate(NOW_S + 69)
    desk.evaluate(NOW_S + 75)
    assert not desk.only.is_open


class Broken:
    """A reader of which each question fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        def fail(*_args: object, **_named: object) -> Any:
            raise self.error

        return fail


@pytest.mark.parametrize(
    "error", [TooSlow("too slow"), StoreUnavailable("locked", "locked"), ZeroDivisionError("ours")]
)
def test_a_store_that_does_not_answer_resolves_nothing(desk: Desk, error: Exception) -> None:
    """The alert stays, the rule shows why there is no data, and the evaluator is late with that reason."""
    failing(desk)
    desk.evaluate()
    desk.reader = Broken(error)
    desk.start()
    desk.evaluate(NOW_S + 2)
    desk.evaluate(NOW_S + 4)

    assert desk.only.state == "firing"
    assert desk.only.no_data_since_unix_nano == T0 + round((NOW_S + 2) * SECOND)
    [group] = desk.detector().groups
    assert (group.state, group.value) == ("firing", None)
    assert group.reason
    assert desk.file.evaluator(desk.telemetry.now()).state == "late"


def test_a_rule_that_does_not_fit_its_signal_troubles_no_other(desk: Desk) -> None:
    """A rate of a gauge: that rule says what it may ask for, and rules count as evaluated."""
    used = series("pool.used")
    desk.telemetry.points([point(used, NOW_S - 5, 3.0)])
    desk.rule("pool", rule_text({"kind": "metric", "metric": "pool.used", "measure": "rate"}, {"above": 1}))
    desk.evaluate()

    [group] = desk.detector("pool").groups
    assert group.state == "no_data"
    assert "rate" in group.reason
    assert desk.file.evaluator(desk.telemetry.now()).state == "running"


def test_a_store_that_another_program_holds_is_read_on(desk: Desk) -> None:
    """A lock for writing is no lock for reading."""
    failing(desk)
    with held(desk.telemetry.path):
        desk.evaluate()

    assert desk.only.state == "firing"


def test_without_a_store_there_is_no_data(tmp_path: Path, desk: Desk) -> None:
    """Before the collector has begun, rules say that nothing is known."""
    desk.rule("orders", rule_text(ORDERS, LIMITS))
    reader = store.open_reader(tmp_path / "nowhere.db")
    desk.reader = reader
    desk.start()
    desk.evaluate()
    reader.close()

    assert desk.detector().state == "no_data"
    assert desk.detector().groups[0].reason == "There were no requests."


def test_a_deleted_rule_ends_its_alert_and_a_malformed_one_does_not(desk: Desk) -> None:
    """A slip of the editor is no end of an incident."""
    failing(desk)
    desk.evaluate()
    desk.rule("orders", "title = ")
    desk.evaluate(NOW_S + 2)
    assert desk.only.state == "firing"
    assert "is not TOML" in desk.detector().problem
    assert desk.detector().rule is not None
    assert desk.file.evaluator(desk.telemetry.now()).problems == 1

    (desk.rules / "orders.toml").unlink()
    desk.evaluate(NOW_S + 4)
    assert (desk.only.state, desk.only.end_reason) == ("resolved", "The rule was deleted.")
    assert desk.file.detectors(desk.telemetry.now()) == []


def test_a_changed_rule_counts_at_once(desk: Desk) -> None:
    """The same alert goes on by the new threshold and in the new words."""
    failing(desk)
    desk.evaluate()
    first = desk.only
    desk.rule("orders", rule_text(ORDERS, {**LIMITS, "above": 0.3}, title="Orders fail"))
    desk.evaluate(NOW_S + 2)
    assert (desk.only.alert_id, desk.only.title, desk.only.threshold) == (first.alert_id, "Orders fail", 0.3)

    desk.rule("orders", rule_text({**ORDERS, "by": ["tenant.level"]}, LIMITS))
    desk.evaluate(NOW_S + 4)
    assert {alert.end_reason for alert in desk.alerts() if not alert.group} == {
        "The rule was changed: it has no such group any more."
    }


def test_groups_have_alerts_of_their_own_and_are_bounded(desk: Desk) -> None:
    """The service that fails has an alert, the others are ok; those beyond the bound are counted."""
    desk.rule(
        "orders",
        rule_text(
            {"kind": "requests", "measure": "error_share", "by": ["service"], "most_groups": 2}, LIMITS
        ),
    )
    desk.telemetry.requests(at_s=[NOW_S - 9, NOW_S - 8, NOW_S - 7], service="a", errors=3)
    desk.telemetry.requests(at_s=[NOW_S - 9, NOW_S - 8], service="b")
    desk.telemetry.requests(at_s=[NOW_S - 9], service="c", errors=1)
    desk.evaluate()

    assert desk.only.labels == {"service.name": "a"}
    assert desk.only.group == {"service": "a"}
    assert {group.group["service"]: group.state for group in desk.detector().groups} == {
        "a": "firing",
        "b": "ok",
    }
    assert desk.detector().left_out == 1

    desk.telemetry.requests(at_s=[NOW_S + second / 2 for second in range(8)], service="d")
    desk.telemetry.requests(at_s=[NOW_S + second / 2 for second in range(8)], service="e")
    desk.evaluate(NOW_S + 4)
    assert desk.only.state == "firing"
    assert desk.only.no_data_since_unix_nano is None


def test_groups_with_nothing_to_count_are_forgotten_unless_that_is_the_breach(desk: Desk) -> None:
    """An operation that nobody calls any more leaves the rule; of a rule about too few calls it stays."""
    signal = {"kind": "requests", "measure": "rate", "by": ["operation"]}
    desk.rule("many", rule_text(signal, {"above": 100, "window": "20s"}))
    desk.rule("few", rule_text(signal, {"below": 0.01, "window": "20s"}))
    desk.telemetry.requests(at_s=[NOW_S - 5])
    desk.reader = receiving(desk.telemetry, T0 + round((NOW_S + 90) * SECOND))
    desk.start()
    desk.evaluate()
    assert [group.state for group in desk.detector("many").groups] == ["ok"]

    desk.evaluate(NOW_S + 40)
    assert desk.detector("many").groups == []
    assert desk.detector("many").state == "ok"
    assert [(group.state, group.value) for group in desk.detector("few").groups] == [("firing", 0.0)]


def test_values_that_never_come_twice_begin_no_alerts_without_end(desk: Desk) -> None:
    """Grouped by something unique, a rule has as many open alerts as groups, and counts the rest."""
    signal = {"kind": "requests", "measure": "error_share", "by": ["orderId"], "most_groups": 3}
    desk.rule("orders", rule_text(signal, {"above": 0, "window": "5s"}))
    for place in range(4):
        second = NOW_S + 5 * place
        for number in range(3):
            desk.telemetry.requests(at_s=[second - 1], errors=1, attributes={"orderId": f"{place} {number}"})
        desk.evaluate(second)

    assert len(desk.alerts()) == 3
    assert len(desk.detector().groups) == 3
    assert desk.detector().left_out >= 3


def test_a_silenced_rule_is_evaluated_and_shown_and_not_sent(tmp_path: Path, shop: Telemetry) -> None:
    """When the silence ends and the alert still fires, it is sent; its end is sent if its begin was."""
    desk = Desk(tmp_path, shop, ways=("webhook",))
    failing(desk)
    silence = desk.file.silence("orders", shop.now() + 60 * SECOND, "ann", "deploying", shop.now())
    desk.evaluate()
    assert desk.only.state == "firing"
    assert desk.only.silenced_until_unix_nano == silence.until_unix_nano
    assert waiting(desk) == []
    assert desk.file.counts(shop.now()).silenced == 1

    assert desk.file.end_silence(silence.silence_id, shop.now())
    desk.evaluate(NOW_S + 2)
    desk.evaluate(NOW_S + 4)
    assert waiting(desk) == ["firing"]

    shop.requests(at_s=[NOW_S + 30])
    desk.evaluate(NOW_S + 40)
    assert waiting(desk) == ["firing", "resolved"]
    desk.close()


def test_a_silence_of_other_labels_does_not_match(desk: Desk) -> None:
    """All labels of a silence must be on the alert."""
    failing(desk)
    desk.evaluate()
    now = desk.telemetry.now()
    desk.file.silence("orders", now + SECOND, "ann", "", now, {"service.name": "other"})
    assert desk.only.silenced_until_unix_nano is None
    desk.file.silence("orders", now + SECOND, "ann", "", now, {"service.name": "frontend"})
    assert desk.only.silenced_until_unix_nano == now + SECOND


def test_an_acknowledged_alert_says_who_and_why(desk: Desk) -> None:
    """It goes on firing; what people typed is one plain line."""
    failing(desk)
    desk.evaluate()
    now = desk.telemetry.now()
    found = desk.file.acknowledge(desk.only.alert_id, "ann\u202e\n", "on it\x00 " * 100, now)

    assert found
    assert found.acknowledged
    assert found.acknowledged.by == "ann"
    assert len(found.acknowledged.note) <= 300
    assert found.acknowledged.note.startswith("on it on it")
    desk.evaluate(NOW_S + 2)
    assert desk.only.acknowledged
    assert desk.file.counts(now).acknowledged == 1
    assert desk.file.acknowledge("none", "ann", "", now) is None


def test_alerts_are_found_by_state_time_and_severity(desk: Desk) -> None:
    """What was open in a time range, and what is without data now."""
    failing(desk)
    desk.evaluate()
    desk.evaluate(NOW_S + 40)
    now = desk.telemetry.now()

    def found(**conditions: Any) -> int:
        return len(desk.file.alerts(AlertQuery(**conditions), now)[0])

    assert found(states=frozenset({"firing"})) == 1
    assert found(states=frozenset({"resolved"})) == 0
    assert found(no_data=True) == 1
    assert found(states=frozenset({"resolved"}), no_data=True) == 1
    assert found(severities=frozenset({"info"})) == 0
    assert found(to_unix_nano=T0) == 0
    assert found(from_unix_nano=now + SECOND) == 1
    assert found(detector="other") == 0


def test_a_damaged_file_is_set_aside_with_a_word(desk: Desk) -> None:
    """The evaluation goes on in a new file, and the screens read that one."""
    failing(desk)
    desk.evaluate()
    desk.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.path}{suffix}").unlink(missing_ok=True)
    desk.path.write_bytes(b"this is no database at all, and long enough to be read as one" * 20)
    with pytest.raises(AlertError) as refused:
        desk.alerts()
    assert refused.value.remedy

    desk.evaluate(NOW_S + 2)
    assert desk.only.state == "firing"
    notes = desk.file.evaluator(desk.telemetry.now()).notes
    assert "was damaged" in notes[0][1]
    assert list(desk.folder.glob("alerts.db.damaged-*"))


def test_a_file_that_is_deleted_is_begun_anew(desk: Desk) -> None:
    """`lab reset` beside an open observer must not blind it."""
    failing(desk)
    desk.evaluate()
    for path in desk.folder.glob("alerts.db*"):
        path.unlink()
    desk.evaluate(NOW_S + 2)

    assert desk.only.state == "firing"


def test_it_is_said_when_nobody_evaluates(desk: Desk) -> None:
    """Never, running, late, away; and away at once where it was stopped on purpose."""

    def state(seconds: float) -> str:
        return desk.file.evaluator(T0 + round(seconds * SECOND)).state

    assert state(NOW_S) == "never"
    desk.evaluate(NOW_S)
    assert [state(NOW_S + after) for after in (1, 7, 12, 30)] == ["running", "running", "late", "away"]
    desk.evaluator.stopped()
    assert state(NOW_S + 1) == "away"


def test_a_clock_that_jumps_back_makes_no_second_alert(desk: Desk) -> None:
    """Times of an alert stay in order."""
    failing(desk)
    desk.evaluate()
    desk.evaluate(NOW_S - 1)
    desk.evaluate(NOW_S - 2)

    assert desk.only.state == "firing"
    assert desk.only.started_unix_nano <= (desk.only.fired_unix_nano or 0)


def waiting(desk: Desk) -> list[str]:
    with desk.database.snapshot() as connection:
        return [what for (what,) in connection.execute("SELECT what FROM outbox ORDER BY id")]


def test_a_file_of_another_version_is_set_aside_with_a_word(desk: Desk) -> None:
    """It is not called damaged, and it is kept."""
    failing(desk)
    desk.evaluate()
    desk.close()
    other = sqlite3.connect(desk.path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    desk.evaluate(NOW_S + 2)
    assert desk.only.state == "firing"
    notes = desk.file.evaluator(desk.telemetry.now()).notes
    assert "could not be used: alerts.db is not a file of alerts of this version" in notes[0][1]
