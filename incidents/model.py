"""The shapes of an incident: its flags, its lesson and the checks of every step.

Owns what an incident may say; knows neither the shop, nor the screens, nor who
asks the questions. Every value here is immutable and comes from a data file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

FlagValue: TypeAlias = bool | int | float | str | Mapping[str, int | float]
"""What a flag may be: a switch, a share from 0 to 1, a text, or a table of numbers such as {min, max}."""

Scalar: TypeAlias = bool | int | float | str
"""What a condition compares with. A text may hold `{name}`, filled from what earlier checks kept."""

NOTHING_KEPT: Mapping[str, str] = MappingProxyType({})
"""The kept values of a check that did not hold."""


class Source(Enum):
    """Where the answer that a check reads comes from."""

    API = "api"
    """The screens' JSON API: `ask` is a path such as `/api/v1/logs?trace_id={trace_id}`."""
    VISIT = "visit"
    """What the shopper itself saw: one JSON object, described in incidents/README.md."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of the shop and its value for each kind of traffic.

    `imitates` says in one sentence which real-life fault it stands for.
    """

    key: str
    people: FlagValue
    synthetic: FlagValue
    imitates: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` (a dotted path into an item) compared by `operator` with `value`.

    Operators: is, is_not, in, contains, matches, exists, above, below, at_least, at_most.
    """

    field: str
    operator: str
    value: Scalar | tuple[Scalar, ...]


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


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the lesson, for the student: what to click, what to look for, what it means.

    `screen` is an address in the screens (or `{shop}/...`), a template like every other text here.
    Texts are plain paragraphs; names as they stand on the screen are between backticks.
    """

    name: str
    title: str
    screen: str
    click: str
    look: str
    meaning: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault, the lesson that finds it, and the answer.

    `checkout_status` is the HTTP status that a person's checkout gets under it. `headline` is the
    answer in one sentence, `answer` explains it; both are for the end of the lesson.
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

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of every step, in the order in which they are asked."""
        return tuple(check for step in self.steps for check in step.checks)
