"""The names between braces that texts and checks use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from incidents.model import Check, Condition

_REFERENCE = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")


def references(text: str) -> tuple[str, ...]:
    """The names between braces in a template, in order."""
    return tuple(_REFERENCE.findall(text))


def used(check: Check) -> Iterable[str]:
    """Every name that a check uses, fields of the item in question (`item.…`) too."""
    groups = [check.where, check.expect, *(related.where for related in check.has)]
    groups += [clue.where for clue in check.clues]
    for conditions in groups:
        yield from in_conditions(conditions)
    for text in (check.ask, check.look, check.expects, *(clue.ask for clue in check.clues)):
        yield from references(text)


def in_conditions(conditions: Iterable[Condition]) -> Iterable[str]:
    """Every name that conditions use in what they compare with."""
    for condition in conditions:
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        for value in values:
            if isinstance(value, str) and condition.operator != "matches":
                yield from references(value)
