"""Who is affected: requests, failures, sessions and people, real beside synthetic traffic. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from observer.components import time_format
from observer.components.number_format import count, percent, plural
from store.api import Affected, Reach


@dataclass(frozen=True, slots=True)
class AffectedRow:
    """One number, of both kinds of traffic."""

    label: str
    real: str
    synthetic: str
    share: str
    """The share of real failures among real requests; empty for the other numbers."""
    synthetic_share: str


@dataclass(frozen=True, slots=True)
class AffectedPanel:
    """The panel."""

    sentence: str
    """What it comes to, in one line."""
    rows: tuple[AffectedRow, ...]
    notes: tuple[str, ...]
    """What was not counted."""


def affected_panel(
    found: Affected, zone: tzinfo, of: str = "request", failed: str = "Failed"
) -> AffectedPanel:
    """The panel; `of` is what is counted (`request`, `trace`), `failed` the label of those that count."""
    real, synthetic = found.real, found.synthetic
    cut = found.since_unix_nano is not None

    def number(value: int) -> str:
        return f"at least {count(value)}" if cut else count(value)

    def row(label: str, pick: str) -> AffectedRow:
        return AffectedRow(label, number(getattr(real, pick)), number(getattr(synthetic, pick)), "", "")

    return AffectedPanel(
        sentence=_sentence(real, cut=cut),
        rows=(
            row(f"{of.capitalize()}s", "requests"),
            AffectedRow(
                failed, number(real.failed), number(synthetic.failed), _share(real), _share(synthetic)
            ),
            row("Sessions affected", "sessions"),
            row("People affected", "people"),
        ),
        notes=_notes(found, zone, of),
    )


def _share(reach: Reach) -> str:
    return percent(reach.failed / reach.requests) if reach.failed and reach.requests else ""


def _sentence(real: Reach, *, cut: bool) -> str:
    if not real.failed:
        return "Nobody, as far as was counted." if cut else "Nobody: no request of a person failed."
    if not real.people:
        return "Unknown: what failed carries neither a user nor a session."
    words = plural(real.people, "person", "people")
    if real.sessions:
        words += f" in {plural(real.sessions, 'session')}"
    return f"At least {words}." if cut else f"{words}."


def _notes(found: Affected, zone: tzinfo, of: str) -> tuple[str, ...]:
    notes = []
    unattributed = found.real.unattributed + found.synthetic.unattributed
    if unattributed:
        words = plural(unattributed, f"failed {of}")
        verb = "belongs to no session and names" if unattributed == 1 else "belong to no session and name"
        notes.append(f"{words} {verb} no enduser.id.")
    if found.since_unix_nano is not None:
        notes.append(
            f"Counted among the newest {of}s only, since {time_format.stamp(found.since_unix_nano, zone)}."
        )
    return tuple(notes)
