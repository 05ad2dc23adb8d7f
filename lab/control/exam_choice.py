"""Which mystery an exam has: the one that was named, else one that its seed picks."""

from __future__ import annotations

import random
from collections.abc import Collection

import incidents
from lab.control.gameday_file import HEALTHY
from lab.errors import UsageError


def faults(had: Collection[str]) -> tuple[Collection[str], Collection[str]]:
    """The incidents that can be drawn, and those of them whose fault is known to who had `had`.

    Two stories of one fault are one mystery.
    """
    fault_of = {name: each.same_fault_as or name for name, each in incidents.load_all()[0].items()}
    return [name for name, fault in fault_of.items() if name == fault], {
        fault_of.get(name, name) for name in had
    }


def mystery(named: str, seed: int, known: Collection[str], had: Collection[str]) -> str:
    """The mystery of an exam. `had` are the incidents that the class, or a seat of it, had before.

    A seed gives the same one to every class that had nothing it picks; where it picks one that was had, it
    picks again among the others, and among all when none is left. Raises UsageError.
    """
    mysteries = sorted(set(known) - {HEALTHY})
    if named:
        if named not in mysteries:
            raise UsageError(f"{named} cannot be examined.", f"Use one of: {', '.join(mysteries)}.")
        return named
    chance = random.Random(seed)
    first = chance.choice(mysteries)
    unknown = [name for name in mysteries if name not in had]
    return first if first in unknown or not unknown else chance.choice(unknown)
