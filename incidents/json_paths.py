"""Dotted paths, comparisons and templates over JSON answers. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from incidents.model import Condition

MISSING: Any = object()
"""Returned by `at` where the path does not exist; a JSON null exists."""
_REFERENCE = re.compile(r"\{([a-z_][A-Za-z0-9_.]*)\}")
_LONGEST_VALUE = 120


class Unfilled(LookupError):
    """A template references a name that no earlier check kept."""


def at(value: Any, path: str) -> Any:
    """The part of a JSON value at a dotted path, or MISSING. Keys may hold dots: the longest key wins."""
    if not path:
        return value
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        for cut in range(len(path) - 1, 0, -1):
            if path[cut] == "." and path[:cut] in value:
                found = at(value[path[:cut]], path[cut + 1 :])
                if found is not MISSING:
                    return found
        return MISSING
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head.isdigit() and int(head) < len(value):
        return at(value[int(head)], rest)
    return MISSING


def filled(template: str, known: Mapping[str, Any], item: Any = MISSING) -> Any:
    """A template with its braces filled. One that is nothing but `{name}` keeps the value's own type."""
    whole = _REFERENCE.fullmatch(template)
    if whole:
        return _known(whole[1], known, item)
    return _REFERENCE.sub(lambda match: plain(_known(match[1], known, item)), template)


def filled_path(template: str, known: Mapping[str, Any]) -> str:
    """A template of an address with its braces filled and quoted for a URL."""
    return _REFERENCE.sub(lambda match: quote(plain(_known(match[1], known, MISSING)), safe=":/"), template)


def holds(condition: Condition, item: Any, known: Mapping[str, Any]) -> bool:
    """Whether one item meets one condition; a template that cannot be filled does not hold."""
    found = at(item, condition.field)
    if condition.operator == "exists":
        return (found is not MISSING and found is not None) == condition.value
    if condition.operator == "is_not":
        return found is MISSING or not _same(found, expected_value(condition, item, known))
    if found is MISSING:
        return False
    value = expected_value(condition, item, known)
    match condition.operator:
        case "is":
            return _same(found, value)
        case "in":
            return any(_same(found, one) for one in value)
        case "contains":
            return _same_in(found, value)
        case "matches":
            return isinstance(found, str) and re.search(value, found) is not None
    return _ordered(condition.operator, found, value, condition.by)


def expected_value(condition: Condition, item: Any, known: Mapping[str, Any]) -> Any:
    """The value that a condition compares with, its braces filled."""
    if isinstance(condition.value, tuple):
        return [filled(one, known, item) if isinstance(one, str) else one for one in condition.value]
    if isinstance(condition.value, str) and condition.operator != "matches":
        return filled(condition.value, known, item)
    return condition.value


def shown(value: Any) -> str:
    """A value as one short line of text without control characters."""
    if value is MISSING:
        return "missing"
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def plain(value: Any) -> str:
    """A value as it stands inside a sentence or an address."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _known(name: str, known: Mapping[str, Any], item: Any) -> Any:
    if name.startswith("item."):
        found = at(item, name.removeprefix("item."))
        return None if found is MISSING else found
    if name not in known:
        raise Unfilled(name)
    return known[name]


def _same(found: Any, value: Any) -> bool:
    """Equal, or equal as text: some senders write 401, others "401"."""
    if found == value and isinstance(found, bool) == isinstance(value, bool):
        return True
    kinds = (bool, int, float, str)
    if not (isinstance(found, kinds) and isinstance(value, kinds)):
        return False
    return isinstance(found, str) != isinstance(value, str) and plain(found) == plain(value)


def _same_in(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return plain(value) in found
    return isinstance(found, list) and any(_same(one, value) for one in found)


def _ordered(operator: str, found: Any, value: Any, by: float) -> bool:
    try:
        left, right = float(found), float(value)
    except (TypeError, ValueError):
        return False
    match operator:
        case "above":
            return left > right + by
        case "below":
            return left < right - by
        case "at_least":
            return left >= right + by
        case "at_most":
            return left <= right - by
    raise ValueError(f"unknown operator {operator}")
