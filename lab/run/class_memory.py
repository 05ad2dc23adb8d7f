"""What a class keeps over `down` and `up`: its incident, its ports, and the address it was given out with."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import incidents
from classroom import ClassStore, Schedule, ScheduledAction, Seat, keep_schedule
from lab import terminal
from lab.errors import UsageError
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options

EVERY_NETWORK = "0.0.0.0"
HEALTHY = "none"
_MEMORY = "up_options"
_HEALTHY_FIRST = "Healthy first"
_NAMED = 5
"""Seats that a sentence names; it counts the others."""


def completed(options: Options, store: ClassStore) -> Options:
    """The options with what was left open: for a class what it ran with before."""
    if not options.class_mode:
        return options
    kept = _kept(store)
    ports = kept.get("ports")
    return replace(
        options,
        host=options.host if "host" in options.given else _text(kept, "host") or EVERY_NETWORK,
        public_url=options.public_url or _text(kept, "public_url"),
        observer_url=options.observer_url or _text(kept, "observer_url"),
        incident=options.incident
        if "incident" in options.given
        else store.facts().incident or options.incident,
        ports={**_numbers(ports), **options.ports},
    )


def begin(options: Options, store: ClassStore) -> tuple[str, ...]:
    """Seat the roster and begin the incident, or a healthy time before it; returns what to say of it.

    A class that goes on with its incident keeps its progress. A lab without a class forgets a schedule of
    before. Raises UsageError where seats in use would leave, and then nothing was changed.
    """
    notes = _seat_roster(options, store) if options.roster else ()
    now = time.time_ns()
    if not options.class_mode:
        keep_schedule(store, None)
    if options.healthy_first_s:
        store.begin_incident(HEALTHY, now)
        begins = now + options.healthy_first_s * 10**9
        releases = incidents.load(options.incident).release is not None
        action = {
            "action": "release" if releases else "incident",
            "name": options.incident,
            "seats": "all",
        }
        later = Schedule(_HEALTHY_FIRST, now, False, (ScheduledAction(begins, action),))
        keep_schedule(store, later)
    elif not options.class_mode or store.facts().incident != options.incident:
        store.begin_incident(options.incident, now)
    return notes


def _seat_roster(options: Options, store: ClassStore) -> tuple[str, ...]:
    """Make the given names the roster; returns a line where seats left it."""
    change, used = store.change_to(options.roster)
    if used and not options.replace_roster:
        many = len(used) > 1
        raise UsageError(
            f"{_named(used)} {'are' if many else 'is'} in use and not on this roster.",
            f"Add {'these names' if many else 'this name'}, go on with the class as it is (--class without "
            f"a value), or let {'them' if many else 'it'} leave: --replace. What was done there stays kept.",
        )
    store.exchange_roster(options.roster)
    if not change.leave:
        return ()
    left = f"{_named(change.leave)} left it: links and cookies of before are void"
    return (f"{terminal.counted(len(options.roster), 'seat')}; {left}",)


def _named(seats: Sequence[Seat]) -> str:
    """The names of these seats, the first few of many."""
    shown = ", ".join(seat.name for seat in seats[:_NAMED])
    return shown + (f" and {len(seats) - _NAMED} more" if len(seats) > _NAMED else "")


def keep(options: Options, built: LabPlan, store: ClassStore) -> None:
    """Keep what the links of the class depend on."""
    if not options.class_mode:
        return
    ports = {}
    for entry in built.processes:
        if entry.name in ("frontend", "observer"):
            ports[f"{entry.name}:http"] = int(entry.address.rpartition(":")[2])
    store.keep_setting(
        _MEMORY,
        json.dumps(
            {
                "host": options.host,
                "public_url": options.public_url,
                "observer_url": options.observer_url,
                "ports": ports,
            }
        ),
    )


def _kept(store: ClassStore) -> Mapping[str, object]:
    try:
        found = json.loads(store.setting(_MEMORY) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(kept: Mapping[str, object], name: str) -> str:
    found = kept.get(name)
    return found if isinstance(found, str) else ""


def _numbers(found: object) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {key: number for key, number in found.items() if isinstance(number, int)}
