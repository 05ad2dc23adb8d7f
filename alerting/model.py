"""What detectors and alerts are, as frozen dataclasses. Times are integer Unix nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")

GroupStateName = Literal["ok", "pending", "firing", "no_data"]
"""What one group of a rule is in. `firing` stays while data is missing: silence does not mean mended."""
AlertStateName = Literal["pending", "firing", "resolved"]
ALERT_STATES: Final[tuple[AlertStateName, ...]] = ("pending", "firing", "resolved")

COUNTS: Final = ("rate", "count", "errors")
"""Measures of which nothing is 0 and not unknown, as long as any telemetry arrives."""
SignalKind = Literal["requests", "metric", "rum"]
Comparison = Literal["above", "below"]
NoDataPolicy = Literal["keep", "ok"]


@dataclass(frozen=True, slots=True)
class Signal:
    """What a rule measures."""

    kind: SignalKind
    measure: str
    """Of requests: `rate`, `count`, `error_share`, `origin_share`, `errors`, `p50`, `p75`, `p90`, `p99`. Of a
    metric: an aggregation of `store.api.MetricAggregation`. Of RUM: `count`, `rate`, `failed_share`, or a
    percentile."""
    name: str = ""
    """Of a metric: its name; of RUM: one of `store.api.RumMetric`; else empty."""
    service: str = ""
    """Of requests: the service; empty means all."""
    operation: str = ""
    environment: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    """Attributes to group by; of requests also `service` and `operation`."""
    most_groups: int = 20
    unit: str = ""
    """Of the value, as UCUM: `1` for shares, `ms`, `1/s`; empty where the metric's sender names it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """When a signal is in breach of its rule, and for how long it must be."""

    comparison: Comparison
    threshold: float | None
    """None where it is a multiple of the hour before."""
    ratio: float | None = None
    """The threshold is the value of the hour before, times this."""
    at_least: float = 0.0
    """The least threshold that a ratio makes."""
    minimum: int = 1
    """Requests, points or samples in the window, below which there is no data."""
    minimum_before: int = 20
    """The same of the hour before, for a ratio."""
    window_ns: int = 60 * 10**9
    for_ns: int = 0
    resolve_after_ns: int = 0
    no_data: NoDataPolicy = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """A detector as its file describes it. `name` is the file's, without the ending."""

    name: str
    title: str
    description: str
    severity: Severity
    signal: Signal
    condition: Condition
    runbook: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    """Title -> address."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Put on every alert of the rule."""

    @property
    def is_well_without_groups(self) -> bool:
        """Whether all is well where there is no group: nothing to count, or no data counts as that."""
        counts = bool(self.signal.by) and self.signal.kind != "metric" and self.signal.measure in COUNTS
        return self.condition.no_data == "ok" or (counts and self.condition.comparison == "above")


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A file that holds no usable rule, in one sentence with its remedy."""

    file: str
    name: str
    """The rule that the file would hold."""
    message: str


@dataclass(frozen=True, slots=True)
class GroupState:
    """One group of a rule as it was evaluated last."""

    detector: str
    group: Mapping[str, str]
    """Attribute of `Signal.by` -> value; empty for a rule without groups."""
    state: GroupStateName
    since_unix_nano: int
    """Since when it is in this state."""
    value: float | None
    threshold: float | None
    evaluated_unix_nano: int
    reason: str = ""
    """Why there is no data; also set while an alert fires without any."""
    alert_id: str = ""
    """Its open alert."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts of a rule with these labels are shown and not sent until a time."""

    silence_id: int
    detector: str
    labels: Mapping[str, str]
    """All must be on the alert; empty means every alert of the rule."""
    until_unix_nano: int
    by: str
    note: str
    created_unix_nano: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has seen an alert."""

    by: str
    at_unix_nano: int
    note: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One breach of a rule in one group, from its begin to its end."""

    alert_id: str
    detector: str
    title: str
    description: str
    severity: Severity
    runbook: str
    links: Mapping[str, str]
    labels: Mapping[str, str]
    """The rule's labels, the service that it is about, and those of the group."""
    group: Mapping[str, str]
    state: AlertStateName
    started_unix_nano: int
    """When the condition began, as far as the telemetry shows it; not when it was noticed."""
    fired_unix_nano: int | None
    ended_unix_nano: int | None
    end_reason: str
    """Why it ended: empty while it is open, `ok`, or a sentence."""
    value: float | None
    """The newest while it is open, then the last one in breach."""
    threshold: float | None
    peak: float | None
    """The value furthest beyond the threshold."""
    comparison: Comparison
    unit: str
    evaluations: int
    """How often it was evaluated in breach."""
    crossings: int
    """How often the value crossed the threshold into breach."""
    flapping: bool
    no_data_since_unix_nano: int | None
    no_data_reason: str
    acknowledged: Acknowledgement | None
    silenced_until_unix_nano: int | None = None
    """The end of the longest silence that matches now."""

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert, for its history."""

    at_unix_nano: int
    what: str
    """`pending`, `firing`, `crossed back`, `in breach again`, `no data`, `data again`, `flapping`,
    `reopened`, `resolved`, `acknowledged`."""
    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Detector:
    """A rule with the state of its groups, or why there is none."""

    name: str
    rule: Rule | None
    """The newest usable version; None if its file never held one."""
    problem: str
    """Why its file cannot be used now, with the remedy; empty where it can."""
    groups: Sequence[GroupState]
    silences: Sequence[Silence]
    """Those in force."""
    left_out: int = 0
    """Groups beyond the bound, at the last evaluation."""

    @property
    def state(self) -> GroupStateName:
        """The worst of its groups; without any `no_data`, or `ok` where nothing to count is well."""
        states = {group.state for group in self.groups}
        if not states and self.rule and not self.problem and self.rule.is_well_without_groups:
            return "ok"
        order: tuple[GroupStateName, ...] = ("firing", "pending", "no_data", "ok")
        return next((each for each in order if each in states), "no_data")


EvaluatorStateName = Literal["running", "late", "away", "never"]


@dataclass(frozen=True, slots=True)
class EvaluatorState:
    """Whether rules are evaluated."""

    state: EvaluatorStateName
    """`late`: the last pass ended too long ago or takes long; `away`: no pass for longer, or it stopped."""
    interval_ns: int
    last_pass_unix_nano: int | None
    """The end of the last whole pass."""
    rules: int
    problems: int
    message: str
    """For people, empty while it runs."""
    gaps: Sequence[tuple[int, int]] = ()
    """(from, to) when nothing was evaluated, newest first: what began and ended there is not known."""
    notes: Sequence[tuple[int, str]] = ()
    """(time, what happened to the file of alerts), newest first."""


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Selects alerts; all conditions must hold. Newest first within firing, pending, resolved."""

    states: frozenset[AlertStateName] = frozenset()
    """Empty means any."""
    no_data: bool = False
    """Open alerts whose newest evaluation had no data; beside `states`, if both are given."""
    from_unix_nano: int | None = None
    """Alerts that were open at this time or later."""
    to_unix_nano: int | None = None
    """Alerts that had begun before this time."""
    detector: str = ""
    severities: frozenset[Severity] = frozenset()
    limit: int = 200


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Open alerts, for a badge."""

    firing: int = 0
    pending: int = 0
    acknowledged: int = 0
    """Those of the firing ones that somebody acknowledged."""
    silenced: int = 0
    """Those of the firing ones that a silence matches."""
