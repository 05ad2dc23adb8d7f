"""Evaluates checks against JSON answers: matching items, differences, causes of failure.

Pure apart from the injected `Ask`: it neither fetches answers nor interprets
their fields, so a new incident is data alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from incidents.json_paths import (
    MISSING,
    Unfilled,
    at,
    expected_value,
    filled,
    filled_path,
    holds,
    plain,
    shown,
)
from incidents.model import NOTHING_KEPT, Check, Condition, Count, Evidence, Related, Source
from incidents.references import used


class Outcome(Enum):
    """The result of a check."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_REACHED = "not reached"
    NOT_CHECKED = "not checked"
    """Left out by whoever asks; `run` never returns it."""


MOST_ALTERNATIVES = 8
"""Items of one check that others are asked across: so many sessions of a seat, the newest first."""
REPAIRED, UNTIL = "repaired", "until"
"""Names of template values: when the seat made the repair of the step, and when the next one."""
ENDLESS = 2**63 - 1
"""`until` while there is no next repair."""
NOTHING_REPAIRED: Mapping[str, int] = MappingProxyType({})
_NO_TIME = float("-inf")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The evaluation of one answer: whether it holds, what was seen, the values kept for later checks.

    `others` holds the values that the next matching items would have kept; `at` is the value of the
    field named by the check's `newest`, of the item that was evaluated. `fillable` is false where a name
    in the check's texts has no value, so that nothing was evaluated.
    """

    holds: bool
    seen: str
    kept: Mapping[str, Any]
    others: tuple[Mapping[str, Any], ...] = ()
    at: float = _NO_TIME
    fillable: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a check with a one-line detail, the seconds it took and the values it kept."""

    check: Check
    outcome: Outcome
    detail: str
    seconds: float
    kept: Mapping[str, Any]


class NoAnswer(Exception):
    """There is no answer to evaluate; the message gives the reason, such as `404 not found`."""


Ask: TypeAlias = Callable[[Source, str], Any]
"""Fetches the JSON answer of a source at a filled path; raises NoAnswer."""
Settle: TypeAlias = Callable[[Callable[[], Verdict]], Verdict]
"""Evaluates once, or repeatedly until the check holds or a deadline passes."""


Reach: TypeAlias = Callable[[str], None]
"""Called with the name of a repair that was not made when a check of its step is about to be asked.

It may raise NoAnswer: then the check is broken."""


def reach_nothing(_repair: str) -> None:
    """The `Reach` of those who only look."""


def once(judgement: Callable[[], Verdict]) -> Verdict:
    """The `Settle` that evaluates exactly once."""
    return judgement()


def run(
    checks: Iterable[Check],
    given: Mapping[str, Any],
    ask: Ask,
    settle: Settle = once,
    repaired: Mapping[str, int] = NOTHING_REPAIRED,
    reach: Reach = reach_nothing,
) -> list[Result]:
    """Run every check in order and return a result for each; `given` holds the initial template values.

    Those are `seat`, `shop` and `began`: since when orders count, in nanoseconds since the Unix epoch.
    `repaired` holds when the seat made which repair, in nanoseconds too; `reach` may make one and add it.
    A check whose needs did not all hold is not reached, nor is one with a name that has no value, such
    as `{repaired}` before the repair. A check that fails while a check named in its `follows` is broken
    is not reached either, and its detail names that cause.
    """
    checks = tuple(checks)
    order = tuple(dict.fromkeys(check.repair for check in checks if check.repair))
    known: dict[str, Any] = dict(given)
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    results: dict[str, Result] = {}
    for check in checks:
        started = time.monotonic()
        kept: Mapping[str, Any] = NOTHING_KEPT
        missing = [need for need in check.needs if results[need].outcome is not Outcome.HOLDS]
        refusal = "" if missing else _reached(check, repaired, reach)
        if refusal:
            outcome, detail = Outcome.BROKEN, f"expected {check.expects}; saw {refusal}; look at {check.look}"
        elif missing:
            outcome, detail = Outcome.NOT_REACHED, f"not reached: it depends on {', '.join(missing)}"
        elif check.repair not in repaired and REPAIRED in used(check):
            outcome, detail = Outcome.NOT_REACHED, f"not reached: the repair {check.repair} was not made"
        else:
            here = {**known, **_chapter(check.repair, order, repaired)}
            verdict = settle(partial(_look_across, check, found.get(check.across, ({},)), here, ask))
            kept = verdict.kept
            known.update(kept)
            found[check.name] = (kept, *verdict.others)
            outcome = _outcome(verdict)
            detail = (
                verdict.seen if outcome is not Outcome.BROKEN else _explanation(check, verdict, here, ask)
            )
        results[check.name] = Result(check, outcome, detail, time.monotonic() - started, kept)
    return [_excused(result, results) for result in results.values()]


def _reached(check: Check, repaired: Mapping[str, int], reach: Reach) -> str:
    """Why the repair of a check's step could not be made; empty where it was, or where there is none."""
    try:
        if check.repair and check.repair not in repaired:
            reach(check.repair)
    except NoAnswer as reason:
        return str(reason)
    return ""


def _chapter(repair: str, order: Sequence[str], repaired: Mapping[str, int]) -> Mapping[str, int]:
    """`repaired` and `until`: the time from a repair to the next one, in nanoseconds since the Unix epoch.

    Each repair begins another chapter of the lesson: what a student did in one says nothing of the others.
    """
    if repair not in repaired:
        return {UNTIL: min(repaired.values(), default=ENDLESS)}
    since = repaired[repair]
    later = [repaired[name] for name in order[order.index(repair) + 1 :] if name in repaired]
    return {REPAIRED: since, UNTIL: min((time for time in later if time > since), default=ENDLESS)}


def _outcome(verdict: Verdict) -> Outcome:
    if verdict.holds:
        return Outcome.HOLDS
    return Outcome.BROKEN if verdict.fillable else Outcome.NOT_REACHED


def judge(check: Check, answer: Any, known: Mapping[str, Any]) -> Verdict:
    """Return whether an answer meets a check; if not, the verdict describes the nearest item in it."""
    items = _items(answer, check.find)
    if items is None:
        return Verdict(False, f"no {check.find} in the answer", {})
    chosen = [item for item in items if _all_hold(check.where, item, known)]
    if check.newest:
        chosen = _newest(chosen, check.newest)
    fitting = [item for item in chosen if _fits(check, item, answer, known)]
    if check.each and len(fitting) < len(chosen):
        odd = next(item for item in chosen if item not in fitting)
        many = f"{len(chosen) - len(fitting)} of {len(chosen)} {check.find}: "
        return Verdict(False, many + _misfit(check, odd, answer, known), {})
    if not _within(check.count, len(fitting)):
        return Verdict(False, _shortfall(check, items, chosen, fitting, answer, known), {})
    kept = _kept(check, fitting[0]) if fitting else {}
    missing = [field for name, field in check.keep.items() if name not in kept]
    if missing:
        return Verdict(False, f"{missing[0]} was missing", {})
    others = [_kept(check, item) for item in fitting[1:MOST_ALTERNATIVES]]
    whole = tuple(other for other in others if len(other) == len(check.keep))
    return Verdict(True, _summary(check, fitting), kept, whole, _time(fitting, check.newest))


def fitting_evidence(evidence: Evidence, answer: Any, known: Mapping[str, Any]) -> bool:
    """Whether an answer of the API is of the incident that this evidence describes."""
    items = _items(answer, evidence.find) or []
    return _within(evidence.count, sum(_all_hold(evidence.where, item, known) for item in items))


def _kept(check: Check, item: Any) -> dict[str, Any]:
    """What an item leaves for later checks; a field that is missing or null is left out."""
    found = {name: at(item, field) for name, field in check.keep.items()}
    return {name: value for name, value in found.items() if value is not MISSING and value is not None}


def _newest(items: Sequence[Any], field: str) -> list[Any]:
    """The item with the greatest time, the last of them where several have the same; none of none."""
    return [max(reversed(items), key=lambda item: _time([item], field))] if items else []


def _time(items: Sequence[Any], field: str) -> float:
    value = at(items[0], field) if items and field else MISSING
    return float(value) if isinstance(value, int | float) else _NO_TIME


def _look_across(
    check: Check, within: Sequence[Mapping[str, Any]], known: Mapping[str, Any], ask: Ask
) -> Verdict:
    """The verdict on the newest of what holds in any of these; where none holds, that on the first."""
    verdicts = [(kept, _look(check, {**known, **kept}, ask)) for kept in within]
    holding = [(kept, verdict) for kept, verdict in verdicts if verdict.holds]
    kept, verdict = max(holding, key=lambda pair: pair[1].at) if holding else verdicts[0]
    return replace(verdict, kept={**kept, **verdict.kept}) if verdict.holds else verdict


def _look(check: Check, known: Mapping[str, Any], ask: Ask) -> Verdict:
    try:
        return judge(check, ask(check.source, filled_path(check.ask, known)), known)
    except NoAnswer as reason:
        return Verdict(False, str(reason), {})
    except Unfilled as name:
        return Verdict(False, f"not reached: nothing is known as {name}", {}, fillable=False)


def _items(answer: Any, find: str) -> list[Any] | None:
    found = at(answer, find)
    if found is MISSING or found is None:
        return None
    return found if isinstance(found, list) else [found]


def _all_hold(conditions: Iterable[Condition], item: Any, known: Mapping[str, Any]) -> bool:
    return all(holds(condition, item, known) for condition in conditions)


def _fits(check: Check, item: Any, answer: Any, known: Mapping[str, Any]) -> bool:
    return _all_hold(check.expect, item, known) and all(
        _within(related.count, len(_relatives(related, item, answer, known))) for related in check.has
    )


def _relatives(related: Related, item: Any, answer: Any, known: Mapping[str, Any]) -> list[Any]:
    """The items that match `related`; its `{item…}` references are filled from `item`."""
    conditions = [
        replace(condition, value=filled(condition.value, known, item))
        if isinstance(condition.value, str) and condition.operator != "matches"
        else condition
        for condition in related.where
    ]
    return [other for other in _items(answer, related.find) or [] if _all_hold(conditions, other, known)]


def _within(count: Count, number: int) -> bool:
    return number >= count.at_least and (count.at_most is None or number <= count.at_most)


def _shortfall(
    check: Check,
    items: list[Any],
    chosen: list[Any],
    fitting: list[Any],
    answer: Any,
    known: Mapping[str, Any],
) -> str:
    what = check.find or "answer"
    if len(fitting) >= check.count.at_least:
        return f"{len(fitting)} {what}, such as {_label(fitting[0])}"
    if fitting:
        return f"only {len(fitting)} {what}: {', '.join(_label(item) for item in fitting[:4])}"
    if chosen:
        return _misfit(check, chosen[0], answer, known)
    if not items:
        return f"no {what} at all"
    nearest = max(items, key=lambda item: sum(holds(one, item, known) for one in check.where))
    failing = [one for one in check.where if not holds(one, nearest, known)]
    return f"none of {len(items)} {what}; nearest {_label(nearest)}: {_differences(failing, nearest, known)}"


def _misfit(check: Check, item: Any, answer: Any, known: Mapping[str, Any]) -> str:
    failing = [one for one in check.expect if not holds(one, item, known)]
    if failing:
        return _differences(failing, item, known)
    for related in check.has:
        found = _relatives(related, item, answer, known)
        if not _within(related.count, len(found)):
            such = f", such as {_label(found[0])}" if found else ""
            return f"{_label(item)} with {len(found)} {related.find} that belong to it{such}"
    return _label(item)


def _differences(failing: Iterable[Condition], item: Any, known: Mapping[str, Any]) -> str:
    parts = []
    for condition in failing:
        words = condition.operator.replace("_", " ")
        try:
            value = shown(expected_value(condition, item, known))
        except Unfilled as name:
            value = f"unknown {name}"
        found = shown(at(item, condition.field))
        distance = f" by {condition.by:g}" if condition.by else ""
        parts.append(f"{condition.field} = {found} ({words} {value}{distance} was expected)")
    return "; ".join(parts)


def _label(item: Any) -> str:
    """A short label for an item, from the names that it carries."""
    if not isinstance(item, Mapping):
        return shown(item)
    for fields in (("service", "operation"), ("service", "body"), ("kind", "name"), ("name",), ("value",)):
        values = [at(item, field) for field in fields]
        if all(isinstance(value, str) and value for value in values):
            return shown(": ".join(values))
    return shown(dict(item))


def _summary(check: Check, fitting: list[Any]) -> str:
    if check.count.at_most == 0:
        return "none, as it should be"
    kept = [f"{name} {plain(at(fitting[0], field))}" for name, field in check.keep.items()]
    return ", ".join(kept) if kept else check.expects


def _explanation(check: Check, verdict: Verdict, known: Mapping[str, Any], ask: Ask) -> str:
    clues = "".join(f" ({clue})" for clue in _clues(check, known, ask))
    expected, look = filled(check.expects, known), filled(check.look, known)
    return f"expected {expected}; saw {verdict.seen}{clues}; look at {look}"


def _clues(check: Check, known: Mapping[str, Any], ask: Ask) -> Iterable[str]:
    for clue in check.clues:
        source = Source.API if clue.ask else Source.VISIT
        try:
            items = _items(ask(source, filled_path(clue.ask, known)), clue.find) or []
        except (NoAnswer, Unfilled):
            continue
        if any(_all_hold(clue.where, item, known) for item in items):
            yield clue.message


def _excused(result: Result, results: Mapping[str, Result]) -> Result:
    if result.outcome is not Outcome.BROKEN:
        return result
    # A shared check may name causes that this incident does not ask about.
    known = (results.get(cause) for cause in result.check.follows)
    causes = [cause.check.name for cause in known if cause and cause.outcome is Outcome.BROKEN]
    if not causes:
        return result
    seen = result.detail.partition("; saw ")[2].partition("; look at ")[0]
    detail = f"not reached: it follows from {', '.join(causes)} (saw {seen})"
    return replace(result, outcome=Outcome.NOT_REACHED, detail=detail)
