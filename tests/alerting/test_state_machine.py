"""The states of a group: what fires, what stays, what ends, in any order of observations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise

from hypothesis import HealthCheck, given, settings, strategies as st

from alerting.model import Alert, Condition, Rule, Signal, Transition
from alerting.state_machine import (
    FLAPPING_CROSSINGS,
    NO_DATA_ENDS_NS,
    Memory,
    Observation,
    Step,
    ended,
    joined,
    step,
)

SECOND = 10**9
T0 = 1_800_000_000 * SECOND


def rule(*, for_s: int = 0, resolve_after_s: int = 0, no_data: str = "keep") -> Rule:
    condition = Condition(
        "above",
        1.0,
        for_ns=for_s * SECOND,
        resolve_after_ns=resolve_after_s * SECOND,
        no_data="ok" if no_data == "ok" else "keep",
    )
    return Rule("r", "R", "", "warning", Signal("requests", "error_share"), condition)


def value(number: float, began: int | None = None) -> Observation:
    return Observation(number, 1.0, breach=number > 1, began=lambda: began)


MISSING = Observation(None, None, reason="There were no requests.")
UNKNOWN = Observation(None, None, reason="The store is locked.", unknown=True)


@dataclass
class Run:
    """One group over time, with the alerts that are kept of it."""

    of: Rule
    memory: Memory = field(default_factory=Memory)
    alerts: dict[str, Alert] = field(default_factory=dict)
    history: list[Transition] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def see(self, second: float, seen: Observation, *, after_gap: bool = False) -> Step:
        now = T0 + round(second * SECOND)
        done = step(self.of, self.memory, seen, {}, now, lambda: str(next(self.ids)), after_gap=after_gap)
        return self.keep(done)

    def keep(self, done: Step) -> Step:
        self.memory = done.memory
        self.alerts.pop(done.forgotten, None)
        self.history += done.transitions
        self.notices += done.notices
        if done.changed:
            self.alerts[done.changed.alert_id] = done.changed
            if done.join:
                self._join(done, done.changed)
        return done

    def _join(self, done: Step, newest: Alert) -> None:
        found = [self.alerts.pop(alert_id) for alert_id in done.join if alert_id in self.alerts]
        self.alerts.pop(newest.alert_id, None)
        whole = joined(found[0], found[1:], newest)
        self.alerts[whole.alert_id] = whole
        self.memory = Memory(
            **{name: getattr(self.memory, name) for name in Memory.__slots__ if name != "alert"}, alert=whole
        )

    @property
    def only(self) -> Alert:
        [found] = self.alerts.values()
        return found


def test_a_breach_is_pending_then_fires_then_ends() -> None:
    """It fires when it has lasted, and ends when the value was back for long enough."""
    run = Run(rule(for_s=4, resolve_after_s=4))

    run.see(0, value(0.5))
    assert run.memory.state == "ok"
    run.see(2, value(2, began=T0 + SECOND))
    assert (run.memory.state, run.only.state, run.only.started_unix_nano) == (
        "pending",
        "pending",
        T0 + SECOND,
    )
    run.see(6, value(3))
    assert (run.memory.state, run.only.fired_unix_nano) == ("firing", T0 + 6 * SECOND)
    run.see(8, value(0.5))
    assert run.only.state == "firing"
    run.see(12, value(0.4))

    assert run.memory.state == "ok"
    assert (run.only.state, run.only.ended_unix_nano, run.only.end_reason) == (
        "resolved",
        T0 + 8 * SECOND,
        "ok",
    )
    assert (run.only.value, run.only.peak, run.only.evaluations) == (3, 3, 2)
    assert run.notices == ["firing", "resolved"]


def test_a_breach_that_does_not_last_leaves_nothing() -> None:
    """Nobody hears of a pending alert that ends."""
    run = Run(rule(for_s=10))
    run.see(0, value(2))
    run.see(2, value(0.5))

    assert run.alerts == {}
    assert run.notices == []


def test_missing_data_ends_no_alert_at_once() -> None:
    """No requests do not mean that the fault is mended; after a quarter of an hour the alert ends."""
    run = Run(rule())
    run.see(0, value(2))
    run.see(2, MISSING)
    assert run.memory.state == "firing"
    assert run.only.no_data_since_unix_nano == T0 + 2 * SECOND
    run.see(4, value(2))
    assert run.only.no_data_since_unix_nano is None

    run.see(6, MISSING)
    run.see(8 + NO_DATA_ENDS_NS / SECOND, MISSING)

    assert run.only.state == "resolved"
    assert run.only.end_reason == "No data for 15 minutes. There were no requests."


def test_a_store_that_does_not_answer_never_ends_an_alert() -> None:
    """Not even after a day, and not where missing data counts as ok."""
    run = Run(rule(no_data="ok"))
    run.see(0, value(2))
    run.see(86_400, UNKNOWN)
    run.see(2 * 86_400, UNKNOWN)

    assert run.only.state == "firing"
    assert run.memory.reason == "The store is locked."


def test_missing_data_can_count_as_ok() -> None:
    """For a counter that has no series while all is well."""
    run = Run(rule(no_data="ok"))
    run.see(0, value(2))
    run.see(2, MISSING)

    assert run.only.state == "resolved"
    assert run.memory.state == "ok"


def test_pending_time_counts_on_over_a_gap_and_ok_time_does_not() -> None:
    """While nothing was evaluated, nobody knows that the value was back."""
    run = Run(rule(for_s=30, resolve_after_s=10))
    run.see(0, value(2))
    run.see(31, value(2), after_gap=True)
    assert run.only.fired_unix_nano

    run.see(33, value(0.5))
    run.see(60, value(0.5), after_gap=True)
    assert run.only.is_open
    run.see(71, value(0.5))
    assert not run.only.is_open


def test_a_signal_that_crosses_while_its_end_waits_is_one_flapping_alert() -> None:
    """Crossings within `resolve_after` are counted, not told one by one."""
    run = Run(rule(resolve_after_s=60))
    for second in range(0, 200, 10):
        run.see(second, value(2 if second % 20 == 0 else 0.5))

    assert run.only.flapping
    assert run.only.crossings == 10
    assert run.notices == ["firing"]
    assert sum(change.what == "flapping" for change in run.history) == 1


def test_alerts_that_come_again_and_again_become_one() -> None:
    """Twenty short breaches within minutes are one alert with a count."""
    run = Run(rule())
    for place in range(20):
        run.see(place * 12, value(2 + place))
        run.see(place * 12 + 6, value(0.5))

    assert run.only.flapping
    assert run.only.crossings == 20
    assert run.only.started_unix_nano == T0
    assert run.only.peak == 21


def test_breaches_hours_apart_are_alerts_of_their_own() -> None:
    """What came back after hours is another story."""
    run = Run(rule())
    for place in range(FLAPPING_CROSSINGS + 1):
        run.see(place * 3600, value(2))
        run.see(place * 3600 + 60, value(0.5))

    assert len(run.alerts) == FLAPPING_CROSSINGS + 1
    assert not any(alert.flapping for alert in run.alerts.values())


def test_the_end_of_a_rule_ends_its_alert_with_the_reason() -> None:
    """A pending alert is forgotten, a firing one says why it ended."""
    run = Run(rule())
    run.see(0, value(2))
    run.keep(ended(run.memory, "The rule was deleted.", T0 + SECOND))

    assert (run.only.state, run.only.end_reason) == ("resolved", "The rule was deleted.")


def test_a_clock_that_is_set_back_delays_no_alert() -> None:
    """An hour back, and a breach need not last an hour more."""
    run = Run(rule(for_s=4))
    run.see(3600, value(0.5))
    run.see(3602, value(2))
    run.see(2, value(2))
    run.see(6, value(2))

    assert run.only.state == "firing"
    assert run.only.started_unix_nano <= (run.only.fired_unix_nano or 0)


def test_a_value_below_can_be_the_breach() -> None:
    """The peak of a rule about too little is its least value."""
    low = Rule("r", "R", "", "info", Signal("requests", "rate"), Condition("below", 1.0))
    run = Run(low)
    for second, number in enumerate((0.5, 0.1, 0.3)):
        run.see(second, Observation(number, 1.0, breach=True))

    assert run.only.peak == 0.1


_SEEN = st.one_of(
    st.floats(0, 3).map(value),
    st.just(MISSING),
    st.just(UNKNOWN),
    st.floats(1.1, 3).map(lambda v: value(v, T0)),
)


# On a busy machine, drawing takes longer than Hypothesis likes.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(-100, 120), _SEEN, st.booleans()), max_size=60),
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from(["keep", "ok"]),
)
def test_no_double_alerts_and_no_time_goes_back(
    steps: list[tuple[int, Observation, bool]], for_s: int, resolve_after_s: int, no_data: str
) -> None:
    """Whatever comes in whatever order, even with a clock that jumps back: one open alert at most."""
    run = Run(rule(for_s=for_s, resolve_after_s=resolve_after_s, no_data=no_data))
    now = 0
    for seconds, seen, after_gap in steps:
        now += seconds
        run.see(now, seen, after_gap=after_gap)

        opened = [alert for alert in run.alerts.values() if alert.is_open]
        assert len(opened) <= 1
        assert (run.memory.alert is not None) == bool(opened)
        assert (run.memory.state == "firing") == any(alert.state == "firing" for alert in opened)
        for alert in run.alerts.values():
            times = [alert.started_unix_nano, alert.fired_unix_nano, alert.ended_unix_nano]
            known = [time for time in times if time is not None]
            assert known == sorted(known)
        ends = sorted((a.started_unix_nano, a.ended_unix_nano or 2**63) for a in run.alerts.values())
        assert all(end <= begin for (_, end), (begin, _) in pairwise(ends))
    assert run.notices.count("resolved") <= run.notices.count("firing")
