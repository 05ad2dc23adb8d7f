"""The lab with the incident that its processes really run, and incidents by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import Flask, current_app

import incidents
from observer.lookup.flag_states import FlagReader, Flags, Shopper
from observer.lookup.lab_status import Lab

_EXTENSION = "flags"


def install(app: Flask, lab_token: str) -> None:
    """Give an application its reader of flags, which identifies itself by the lab's token."""
    app.extensions[_EXTENSION] = FlagReader(lab_token)


def running_lab(lab: Lab) -> tuple[Lab, Flags]:
    """The lab with the incident that its processes really run, and their flags."""
    reader: FlagReader = current_app.extensions[_EXTENSION]
    flags = reader.flags(lab.processes)
    # If every process answered, their flags win over what the lab was started with.
    unknown = bool(flags.unanswered) or not flags.states
    return replace(lab, incident=flags.incident or (lab.incident if unknown else None)), flags


def usable_incidents() -> tuple[Mapping[str, incidents.Incident], tuple[str, ...]]:
    """The incidents by name, and a line for each file that cannot be used."""
    good, problems = incidents.load_all()
    return good, tuple(str(problem) for problem in problems)


def flags_of(lab: Lab, shoppers: Sequence[Shopper]) -> Mapping[Shopper, Flags]:
    """The flags that the lab's processes use for each of these shoppers."""
    reader: FlagReader = current_app.extensions[_EXTENSION]
    return reader.flags_of(lab.processes, shoppers)
