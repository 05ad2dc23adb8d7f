"""What `lab doctor` finds: a verdict, a sentence, a remedy. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

GOOD = "ok"
NOTE = "warning"
BAD = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: `verdict` is GOOD, NOTE (works with limits) or BAD (would not work).

    `lines` are further lines of the detail, such as addresses.
    """

    name: str
    verdict: str
    detail: str
    remedy: str = ""
    lines: tuple[str, ...] = ()
