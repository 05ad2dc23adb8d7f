"""What a reader types into the field `field = value`, and arguments that mean nothing here. Pure."""

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

FILTERS = ("trace_id", "span_id", "session_id", "service", "severity", "q", "attr", "exclude")
KNOWN = (*SCOPE_KEYS, *FILTERS, "cursor", "log", "add", "after", EXPLAIN)
"""Every argument that the pages of logs understand."""
PER_LOG = ("cursor", "log", "add", "after")
"""Those that are no filters of the logs."""

_CONDITION = re.compile(r"\s*(.*?)\s*(!=|≠|=)\s*(.*?)\s*", re.DOTALL)
_RECORD = {
    "trace_id": "trace_id",
    "span_id": "span_id",
    "session_id": "session_id",
    "service.name": "service",
    "severity": "severity",
    "message": "q",
}
_SEVERITIES = tuple(severity.value for severity in Severity)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Stray:
    """An argument that nothing here understands."""

    name: str
    meant: str
    """The argument that it is most like, or empty."""


def strays(names: Iterable[str]) -> tuple[Stray, ...]:
    """The arguments that are not understood: a filter with a typing error must not pass for no filter."""
    return tuple(
        Stray(name, next(iter(difflib.get_close_matches(name[:40], FILTERS, 1)), ""))
        for name in dict.fromkeys(names)
        if name not in KNOWN
    )


def applied(pairs: Pairs, text: str) -> Pairs:
    """A page's arguments with one more condition, as it was typed. Raises Malformed."""
    found = _CONDITION.fullmatch(text)
    if not found or not found[1] or not found[3]:
        raise Malformed(
            f"{text[:80]!r} is no condition.", "Write a field's name, = or !=, and a value: token = test-1."
        )
    name, sign, value = found[1], found[2], _bare(found[3])
    if sign != "=":
        return without(pairs, name, value)
    argument = _RECORD.get(name)
    if argument == "severity" and value.lower() not in _SEVERITIES:
        argument = None
    if argument is None:
        return within(pairs, name, value)
    for check in {"trace_id": (trace_id,), "span_id": (span_id,)}.get(argument, ()):
        check(value, argument)
    return [*(pair for pair in pairs if pair[0] not in (argument, *PER_LOG)), (argument, value)]


def within(pairs: Pairs, name: str, value: str) -> Pairs:
    """With the attribute, instead of another value of it or of its exclusion."""
    kept = [
        pair
        for pair in pairs
        if pair[0] not in PER_LOG
        and not (pair[0] == "attr" and _is(pair[1], name))
        and not (pair[0] == "exclude" and _is(pair[1], name, value))
    ]
    return [*kept, ("attr", spell_attribute(name, value))]


def without(pairs: Pairs, name: str, value: str) -> Pairs:
    """Less the logs that carry this: an attribute, the service, or a severity."""
    if name == "severity" and value.lower() in _SEVERITIES:
        return _less_severity(pairs, value.lower())
    if name in _RECORD and name not in ("service.name", "severity"):
        raise Malformed(
            f"Logs cannot be left out by {name}.", "Leave out by severity, service.name or an attribute."
        )
    kept = [
        pair
        for pair in pairs
        if pair[0] not in PER_LOG
        and not (pair[0] in ("attr", "exclude") and _is(pair[1], name, value))
        and not (name == "service.name" and pair == ("service", value))
    ]
    return [*kept, ("exclude", spell_attribute(name, value))]


def _less_severity(pairs: Pairs, word: str) -> Pairs:
    now = {part for key, text in pairs if key == "severity" for part in text.lower().split(",")}
    left = [each for each in _SEVERITIES if each != word and (not now or each in now)]
    kept = [pair for pair in pairs if pair[0] not in ("severity", *PER_LOG)]
    if not left:
        raise Malformed(f"Without {word} no severity is left.", "Take the filter by severity away first.")
    return [*kept, ("severity", ",".join(left))]


def _is(spelled: str, name: str, value: str | None = None) -> bool:
    pair = read_attribute(spelled)
    return pair is not None and pair[0] == name and value in (None, pair[1])


def _bare(value: str) -> str:
    """Without the quotes around it that keep outer blanks."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
