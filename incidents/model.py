"""The shapes of an incident: its flags, its lesson and the checks of every step.

Owns what an incident may say; knows neither the shop, nor the screens, nor who
asks the questions. Every value here is immutable and comes from a data file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

FlagValue: TypeAlias = bool | int | float | str | Mapping[str, int | float]
"""What a flag may be: a switch, a share from 0 to 1, a text, or a table of numbers such as {min, max}."""

Scalar: TypeAlias = bool | int | float | str
"""What a condition compares with. A text may hold `{name}`, filled from what earlier checks kept."""

NOTHING_KEPT: Mapping[str, str] = MappingProxyType({})
"""The kept values of a check that did not hold."""

NO_TENANTS: Mapping[str, FlagValue] = MappingProxyType({})
"""A flag that is the same for every tenant level."""


class FaultKind(Enum):
    """The kinds of fault that an answer chooses from; the value is the name, `title` is for people."""

    CONFIGURATION = "configuration"
    CODE_ERROR = "code-error"
    NETWORK = "network"
    SLOW_DEPENDENCY = "slow-dependency"
    SLOW_DATABASE = "slow-database"
    INEFFICIENT_QUERIES = "inefficient-queries"
    RETRIES = "retries"
    EXHAUSTION = "exhaustion"
    BROKEN_TELEMETRY = "broken-telemetry"
    THIRD_PARTY = "third-party"
    NOTHING = "nothing"

    @property
    def title(self) -> str:
        """The kind in a few words, as an answer form offers it."""
        return _KIND_TITLES[self]


_KIND_TITLES: Mapping[FaultKind, str] = MappingProxyType(
    {
        FaultKind.CONFIGURATION: "Wrong configuration: an address, a secret, a setting",
        FaultKind.CODE_ERROR: "An error in our own code",
        FaultKind.NETWORK: "The network between two services",
        FaultKind.SLOW_DEPENDENCY: "A service that we call answers late",
        FaultKind.SLOW_DATABASE: "A database answers late",
        FaultKind.INEFFICIENT_QUERIES: "Many small calls where one would do",
        FaultKind.RETRIES: "Retries that multiply the work",
        FaultKind.EXHAUSTION: "Something limited is used up: connections, memory, threads",
        FaultKind.BROKEN_TELEMETRY: "The shop works; its telemetry is broken",
        FaultKind.THIRD_PARTY: "Somebody else's script or content in our page",
        FaultKind.NOTHING: "Nothing is broken",
    }
)


class Source(Enum):
    """Where the answer that a check reads comes from."""

    API = "api"
    """The screens' JSON API: `ask` is a path such as `/api/v1/logs?trace_id={trace_id}`."""
    VISIT = "visit"
    """What the shopper itself saw: one JSON object, described in incidents/README.md."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of the shop and its value for each kind of traffic.

    `imitates` says in one sentence which real-life fault it stands for, `healthy` is the value without
    the fault. `tenants` holds the values for shoppers of some tenant levels, synthetic or not; shoppers
    of other levels get `people` or `synthetic`.
    """

    key: str
    people: FlagValue
    synthetic: FlagValue
    imitates: str
    healthy: FlagValue
    tenants: Mapping[str, FlagValue] = field(default_factory=lambda: NO_TENANTS)


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` (a dotted path into an item) compared by `operator` with `value`.

    Operators: is, is_not, in, contains, matches, exists, above, below, at_least, at_most. The last four
    compare with a distance of at least `by`, above or below the value.
    """

    field: str
    operator: str
    value: Scalar | tuple[Scalar, ...]
    by: float = 0.0


@dataclass(frozen=True, slots=True)
class Count:
    """How many items must fit; `at_most` None means any number."""

    at_least: int = 1
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Other items of the same answer that an item needs, such as its children.

    Conditions may name the item in question as `{item.<field>}`.
    """

    find: str
    where: tuple[Condition, ...]
    count: Count


@dataclass(frozen=True, slots=True)
class Clue:
    """Evaluated only after a check failed: when it finds something, `message` is added to the explanation."""

    ask: str
    find: str
    where: tuple[Condition, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the thread: ask, find the items, demand something of them, keep ids for later.

    `needs` are the checks without which this one cannot be asked; `follows` are those whose
    break explains a failure here. `where` picks the items, `expect` is demanded of at least one
    of them, or of every one when `each` is true. `keep` maps a name to a field of the first
    item that fits. `expects` and `look` are sentences for people.

    `newest` names a field with a time: of the items that `where` picks, the one with the greatest
    is looked at and no other. `across` names one of the needs that may have found several items
    (the sessions of a seat): this check is asked for each of them, and what it keeps says of which
    it holds. With `newest` too, the newest item over all of them counts.

    `repair` is the repair of the step that asks; its time is what `{repaired}` stands for here.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    follows: tuple[str, ...]
    source: Source
    ask: str
    find: str
    where: tuple[Condition, ...]
    expect: tuple[Condition, ...]
    each: bool
    has: tuple[Related, ...]
    count: Count
    keep: Mapping[str, str]
    expects: str
    look: str
    clues: tuple[Clue, ...]
    newest: str = ""
    across: str = ""
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the lesson, for the student.

    `click` is what to do and `look` what to look for; neither they nor `title` give away what is found
    there. `expected` is what is seen, `hint` a nudge, `meaning` what it tells: all three are folded.
    `screen` is an address in the screens (or `{shop}/...`), a template like every other text here.
    Texts are plain paragraphs; names as they stand on the screen are between backticks.
    `repair` is the name of the repair that the step offers, empty for most.
    """

    name: str
    title: str
    screen: str
    click: str
    look: str
    expected: str
    hint: str
    meaning: str
    checks: tuple[Check, ...]
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a student does to mend a part of the incident for one seat.

    `title` is an order such as `Roll back paymentservice to v350.9`, `effect` one sentence on what it
    changes, `flags` the keys of the incident's flags that become healthy.
    """

    name: str
    title: str
    flags: tuple[str, ...]
    effect: str


@dataclass(frozen=True, slots=True)
class Release:
    """The release that brings the fault: what an instructor deploys, and takes back.

    `version` is announced when the incident is released, `before` is what runs without it; `repair` is
    the name of the repair that rolls it back.
    """

    version: str
    before: str
    repair: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a trace or a log is recognised as one of this incident.

    `ask` is a path of the JSON API that names `{evidence}`, the given id; at `find` there must be
    `count` items that meet `where`, which may name `{began}`.
    """

    ask: str
    find: str
    where: tuple[Condition, ...]
    count: Count


@dataclass(frozen=True, slots=True)
class IncidentQuestion:
    """What is asked at the end, and the answers that are right.

    `services` are names, any of which is right. `tags` are `key=value` pairs, keys or values;
    where there are none, no tag tells and none is asked for. At least one of `trace` and `log` is there.
    """

    ask: str
    services: tuple[str, ...]
    tags: tuple[str, ...]
    kind: FaultKind
    trace: Evidence | None
    log: Evidence | None


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault, the lesson that finds it, and the answer.

    `checkout_status` is the HTTP status that a person's checkout gets under it. `headline` is the
    answer in one sentence, `answer` explains it; both are for the end of the lesson.
    `visits` is how often a visitor may have to come until the fault is met: it may hit a part of them.
    """

    name: str
    title: str
    summary: str
    minutes: int
    checkout_status: int
    flags: tuple[Flag, ...]
    steps: tuple[Step, ...]
    headline: str
    answer: str
    question: IncidentQuestion
    repairs: tuple[Repair, ...] = ()
    visits: int = 1
    release: Release | None = None
    """None where no release brings the fault."""
    reaches_others: str = ""
    """What seats without the incident notice of it, for the desk; empty where they notice nothing."""
    arrives_within_s: int = 0
    """After how many seconds at most its telemetry is there; 0 where it is there as soon as any other's."""
    proofs: tuple[Check, ...] = ()
    """Links that verification checks beyond the lesson, in which not every student could see them."""
    same_fault_as: str = ""
    """The incident whose fault this is told differently; empty where the fault is its own."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of every step, in the order in which they are asked."""
        return tuple(check for step in self.steps for check in step.checks)

    @property
    def fails_checkout(self) -> bool:
        """Whether a person's checkout ends with an error page."""
        return self.checkout_status >= 400

    def repair(self, name: str) -> Repair | None:
        """The repair of this name, or None."""
        return next((repair for repair in self.repairs if repair.name == name), None)
