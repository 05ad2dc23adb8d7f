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
    """How it is counted, and what was not."""
    operation: str = ""
    """The only operation that is counted; empty for all."""
    operations: tuple[str, ...] = ()
    """Those that can be chosen; none where there is no choice."""


def affected_panel(
    found: Affected,
    zone: tzinfo,
    of: str = "request",
    failed: str = "Failed",
    *,
    operation: str = "",
    operations: tuple[str, ...] = (),
) -> AffectedPanel:
    """The panel; `of` is what is counted (`request`, `trace`), `failed` the label of those that count."""
    real, synthetic = found.real, found.synthetic
    cut = found.since_unix_nano is not None
    # Of traces it is not known which of them tries the same again.
    followed = of == "request"

    def number(value: int) -> str:
        if not cut:
            return count(value)
        return f"at least {count(value)}" if value else "none so far"

    def row(label: str, pick: str) -> AffectedRow:
        return AffectedRow(label, number(getattr(real, pick)), number(getattr(synthetic, pick)), "", "")

    tried_again = (row("Failed for good", "failed_for_good"), row("Recovered by a later try", "recovered"))
    return AffectedPanel(
        sentence=_sentence(found, of, cut=cut, followed=followed),
        rows=(
            row(f"{of.capitalize()}s", "requests"),
            AffectedRow(
                failed, number(real.failed), number(synthetic.failed), _share(real), _share(synthetic)
            ),
            *(tried_again if followed else ()),
            row("Sessions affected", "sessions"),
            row("People affected", "people"),
            *((row("of them got through on a later try", "people_recovered"),) if followed else ()),
        ),
        notes=_notes(found, zone, of, followed=followed),
        operation=operation,
        operations=operations,
    )


def _share(reach: Reach) -> str:
    return percent(reach.failed / reach.requests) if reach.failed and reach.requests else ""


def _sentence(found: Affected, of: str, *, cut: bool, followed: bool) -> str:
    real, synthetic = found.real, found.synthetic
    if not real.failed:
        words = "Nobody, as far as was counted" if cut else f"Nobody: no {of} of a person failed"
    else:
        words = (
            f"{count(real.failed)} of {plural(real.requests, of)} failed: {_people(real, followed=followed)}"
        )
        words = f"At least {words}" if cut else words
    apart = f"; {count(synthetic.failed)} more of synthetic traffic" if synthetic.failed else ""
    return f"{words}{apart}."


def _people(real: Reach, *, followed: bool) -> str:
    if not real.people:
        return "of whom is unknown, as they carry neither a user nor a session"
    words = plural(real.people, "person", "people")
    if real.sessions:
        words += f" in {plural(real.sessions, 'session')}"
    if not followed:
        return words
    through = real.people_recovered
    if real.people == 1:
        return words + (", who got through on a later try" if through else ", who never got through")
    return f"{words}, {count(through) if through else 'none'} of them got through on a later try"


def _notes(found: Affected, zone: tzinfo, of: str, *, followed: bool) -> tuple[str, ...]:
    notes = []
    if found.real.failed or found.synthetic.failed:
        again = "; a later try is one of the same session and operation" if followed else ""
        notes.append(f"A person is a distinct enduser.id, else a session{again}.")
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
