"""Conditions typed as `field = value` become arguments of an address; unknown arguments are found. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from observer.request.context import EXPLAIN
from observer.request.errors import Malformed
from observer.request.parameters import read_attribute, span_id, spell_attribute, trace_id
from observer.request.scope import SCOPE_KEYS
from signals.model import Severity

FILTERS = ("trace_id", "span_id", "session_id", "service", "severity", "q", "attr", "like", "exclude")
PER_LOG = ("cursor", "log", "add", "after")
"""The arguments that do not filter logs; they do not survive a change of the filters."""
KNOWN = (*SCOPE_KEYS, *FILTERS, *PER_LOG, EXPLAIN)
"""Every argument that the pages of logs understand."""

_CONDITION = re.compile(r"\s*(.*?)\s*(!=|≠|=|~)\s*(.*?)\s*", re.DOTALL)
_RECORD = {
    "trace_id": "trace_id",
    "span_id": "span_id",
    "session_id": "session_id",
    "service.name": "service",
    "severity": "severity",
    "message": "q",
}
"""Fields of the record itself, with the argument that filters by each."""
_EXCLUDABLE = ("service.name", "severity")
_SEVERITIES = tuple(severity.value for severity in Severity)
_LONGEST_NAME = 40
"""Characters of an unknown argument that are compared with the filters: comparing is quadratic."""

Pairs = Sequence[tuple[str, str]]
"""The arguments of an address, in order."""


@dataclass(frozen=True, slots=True)
class UnknownArgument:
    """An argument that no page of logs understands."""

    name: str
    suggestion: str
    """The filter with the most similar name, or empty."""


def unknown_arguments(names: Iterable[str]) -> tuple[UnknownArgument, ...]:
    """The arguments that are not understood: a mistyped filter must not pass for no filter."""
    return tuple(
        UnknownArgument(name, next(iter(difflib.get_close_matches(name[:_LONGEST_NAME], FILTERS, 1)), ""))
        for name in dict.fromkeys(names)
        if name not in KNOWN
    )


def add_condition(pairs: Pairs, text: str) -> Pairs:
    """The arguments with one more condition as it was typed: `token = a`, `severity != info`.

    Raises Malformed if the text is not a condition or its value is not valid for the field.
    """
    found = _CONDITION.fullmatch(text)
    if not found or not found[1] or not found[3]:
        raise Malformed(
            f"{text[:80]!r} is not a valid filter.",
            "Write a field's name, =, != or ~ (contains), and a value: token = test-1.",
        )
    name, sign, value = found[1], found[2], _unquoted(found[3])
    if sign == "~":
        return containing(pairs, name, value)
    if sign != "=":
        return excluding(pairs, name, value)
    argument = _RECORD.get(name)
    if argument == "severity" and value.lower() not in _SEVERITIES:
        argument = None
    if argument is None:
        return including(pairs, name, value)
    for check in {"trace_id": (trace_id,), "span_id": (span_id,)}.get(argument, ()):
        check(value, argument)
    return [*(pair for pair in pairs if pair[0] not in (argument, *PER_LOG)), (argument, value)]


def including(pairs: Pairs, name: str, value: str) -> Pairs:
    """The arguments with a filter by an attribute, in place of another value of it or of its exclusion."""
    kept = [
        pair
        for pair in pairs
        if pair[0] not in PER_LOG
        and not (pair[0] in ("attr", "like") and _is_attribute(pair[1], name))
        and not (pair[0] == "exclude" and _is_attribute(pair[1], name, value))
    ]
    return [*kept, ("attr", spell_attribute(name, value))]


def containing(pairs: Pairs, name: str, part: str) -> Pairs:
    """The arguments with a filter by a part of an attribute, in place of any other filter by it."""
    if name == "message":
        return [*(pair for pair in pairs if pair[0] not in ("q", *PER_LOG)), ("q", part)]
    kept = [
        pair
        for pair in pairs
        if pair[0] not in PER_LOG and not (pair[0] in ("attr", "like") and _is_attribute(pair[1], name))
    ]
    return [*kept, ("like", spell_attribute(name, part))]


def excluding(pairs: Pairs, name: str, value: str) -> Pairs:
    """The arguments with an attribute's value, a service or a severity left out. Raises Malformed."""
    if name == "severity" and value.lower() in _SEVERITIES:
        return _excluding_severity(pairs, value.lower())
    if name in _RECORD and name not in _EXCLUDABLE:
        raise Malformed(
            f"Logs cannot be left out by {name}.", "Leave out by severity, service.name or an attribute."
        )
    kept = [
        pair
        for pair in pairs
        if pair[0] not in PER_LOG
        and not (pair[0] in ("attr", "exclude") and _is_attribute(pair[1], name, value))
        and not (name == "service.name" and pair == ("service", value))
    ]
    return [*kept, ("exclude", spell_attribute(name, value))]


def _excluding_severity(pairs: Pairs, severity: str) -> Pairs:
    """An exclusion of a severity is a filter by all others that are not excluded already."""
    now = {part for key, text in pairs if key == "severity" for part in text.lower().split(",")}
    left = [each for each in _SEVERITIES if each != severity and (not now or each in now)]
    kept = [pair for pair in pairs if pair[0] not in ("severity", *PER_LOG)]
    if not left:
        raise Malformed(f"Without {severity} no severity is left.", "Take the filter by severity away first.")
    return [*kept, ("severity", ",".join(left))]


def _is_attribute(spelled: str, name: str, value: str | None = None) -> bool:
    pair = read_attribute(spelled)
    return pair is not None and pair[0] == name and value in (None, pair[1])


def _unquoted(value: str) -> str:
    """The value without the quotes around it, which keep leading and trailing blanks."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
