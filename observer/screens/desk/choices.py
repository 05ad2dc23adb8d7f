"""What the forms of the desk offer: incidents, releases, and the repairs and steps of one incident. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incidents.model import Incident

HEALTHY = "none"
"""The incident in which nothing is wrong: it cannot be examined."""
Option = tuple[str, str]
"""A name and what it is called."""


@dataclass(frozen=True, slots=True)
class ReleaseChoice:
    """An incident that the desk can release by its version."""

    incident: str
    title: str
    version: str
    before: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen where this incident runs."""

    incident: str
    title: str
    incidents: Sequence[Option]
    reaching_others: Sequence[Option]
    """Titles of incidents that other seats notice too, and what they notice."""
    mysteries: Sequence[Option]
    repairs: Sequence[Option]
    steps: Sequence[Option]
    releases: Sequence[ReleaseChoice]
    """That of the incident where it has one, else all; the one that is to come first."""
    version: str
    before: str
    """Of the releases; empty where they differ."""


def build(
    incident: str, usable: Mapping[str, Incident], names: Sequence[Option], coming: str = ""
) -> Choices:
    """The choices; `names` are all incidents, `coming` is the one that a schedule begins next."""
    lesson = usable.get(incident)
    releases = _releases(incident, usable, coming)
    return Choices(
        incident=incident,
        title=lesson.title if lesson else incident,
        incidents=tuple(names),
        reaching_others=[
            (found.title, found.reaches_others) for found in usable.values() if found.reaches_others
        ],
        mysteries=[
            (name, found.title)
            for name, found in usable.items()
            if name != HEALTHY and not found.same_fault_as
        ],
        repairs=[(repair.name, repair.title) for repair in lesson.repairs] if lesson else [],
        steps=[(step.name, step.title) for step in lesson.steps] if lesson else [],
        releases=releases,
        version=_common([each.version for each in releases]),
        before=_common([each.before for each in releases]),
    )


def _releases(incident: str, usable: Mapping[str, Incident], coming: str) -> list[ReleaseChoice]:
    found = [
        ReleaseChoice(name, each.title, each.release.version, each.release.before)
        for name, each in usable.items()
        # Of two stories of one fault, its own is released, unless the other one runs.
        if each.release is not None and (not each.same_fault_as or name == incident)
    ]
    own = [each for each in found if each.incident == incident]
    return own or sorted(found, key=lambda each: each.incident != coming)


def _common(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""
