"""Alerts and rules in words, and the badge of the header."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerting import Acknowledgement, Alert, AlertCounts, Condition, EvaluatorState, Rule, Signal
from observer.components.alert_words import (
    alert_words,
    condition_text,
    ended_text,
    marks_of,
    measured,
    threshold_text,
    value_text,
)
from observer.components.open_alerts import badge_of

S = 10**9
SHARE = Signal("requests", "error_share", service="frontend", operation="/cart", unit="1")
P90 = Signal("requests", "p90", unit="ms")
CLS = Signal("rum", "p75", "cls", unit="1")
RATE = Signal("metric", "rate", "shop.orders", where={"outcome": "failed"}, by=("version",))
RUNNING = EvaluatorState("running", 2 * S, 0, 3, 0, "")
ALERT = Alert(
    alert_id="a1",
    detector="orders",
    title="Orders are failing",
    description="",
    severity="critical",
    runbook="",
    links={},
    labels={},
    group={},
    state="firing",
    started_unix_nano=100 * S,
    fired_unix_nano=102 * S,
    ended_unix_nano=None,
    end_reason="",
    value=0.1,
    threshold=0.05,
    peak=0.5,
    comparison="above",
    unit="1",
    evaluations=1,
    crossings=1,
    flapping=False,
    no_data_since_unix_nano=None,
    no_data_reason="",
    acknowledged=None,
)


@pytest.mark.parametrize(
    ("value", "unit", "signal", "expected"),
    [
        (0.382, "1", SHARE, "38.2 %"),
        (0.25, "1", CLS, "0.25"),
        (412.0, "ms", P90, "412 ms"),
        (0.37, "{charge}/s", RATE, "0.37 charges/s"),
        (3.0, "{request}", None, "3 requests"),
        (None, "ms", P90, "\u2013"),
        (float("nan"), "", None, "\u2013"),
    ],
)
def test_a_value_has_its_unit(value: float | None, unit: str, signal: Signal | None, expected: str) -> None:
    """A share is one in percent; a layout shift, which has the same unit, is not."""
    assert value_text(value, unit, signal) == expected


def test_a_threshold_that_was_not_computed_is_not_made_up() -> None:
    assert threshold_text("above", None, "ms", P90) == ""
    assert threshold_text("below", 5.0, "1/s", None) == "below 5/s"


def test_what_is_measured() -> None:
    assert measured(SHARE) == "/cart of frontend: share that failed"
    assert measured(CLS) == "cls in browsers: P75"
    assert measured(RATE) == "shop.orders: per second, by version, outcome failed only"
    assert measured(replace(P90, service="")) == "requests: P90"


def test_a_condition_as_a_sentence() -> None:
    rule = Rule("r", "t", "", "critical", SHARE, Condition("above", 0.05, window_ns=20 * S, for_ns=2 * S))
    assert condition_text(rule, "") == "above 5.0 % for 2 s, over the last 20 s"
    before = Condition("above", None, ratio=2.0, at_least=300.0, minimum=10)
    text = condition_text(replace(rule, signal=P90, condition=before), "")
    assert text == "above 2 times the hour before, at least 300 ms, over the last 1 min; of at least 10"


def test_an_alert_on_one_line_has_its_worst_value() -> None:
    assert alert_words(ALERT, SHARE) == "Orders are failing: 50.0 %, above 5.0 %"


def test_marks_say_what_is_special() -> None:
    special = replace(
        ALERT,
        acknowledged=Acknowledgement("anna", 1, ""),
        silenced_until_unix_nano=1,
        flapping=True,
        crossings=4,
        no_data_since_unix_nano=1,
    )
    assert marks_of(special) == ("acknowledged by anna", "silenced", "flapping, 4 times", "no data now")
    assert marks_of(ALERT) == ()


def test_the_end_names_its_reason_where_that_is_not_that_all_is_well() -> None:
    ended = replace(ALERT, state="resolved", ended_unix_nano=160 * S, end_reason="ok")
    assert ended_text(ended) == "1 min"
    assert ended_text(replace(ended, end_reason="Its rule was deleted.")) == "1 min; Its rule was deleted."


@pytest.mark.parametrize(
    ("counts", "words", "css"),
    [
        (AlertCounts(), "", ""),
        (AlertCounts(firing=1), "1 alert firing", "bad"),
        (AlertCounts(firing=12, pending=1), "12 alerts firing", "bad"),
        (AlertCounts(firing=2, acknowledged=1), "2 alerts firing", "bad"),
        (AlertCounts(firing=2, acknowledged=2), "2 alerts firing", "note"),
        (AlertCounts(firing=1, silenced=1), "1 alert firing", "note"),
        (AlertCounts(pending=3), "", ""),
    ],
)
def test_the_badge_calls_for_those_that_nobody_took(counts: AlertCounts, words: str, css: str) -> None:
    badge = badge_of(counts, RUNNING)
    assert (badge.words, badge.css, badge.trouble) == (words, css, "")


def test_the_badge_says_when_rules_are_not_evaluated() -> None:
    away = replace(RUNNING, state="away", message="Rules have not been evaluated for 60 s.")
    badge = badge_of(AlertCounts(), away)
    assert (badge.trouble, badge.css) == ("rules not evaluated", "warn")
    assert "for 60 s" in badge.title
    assert badge.mark != badge_of(AlertCounts(), RUNNING).mark
    assert not badge_of(AlertCounts(), replace(RUNNING, state="never")).trouble, "it may just have started"
