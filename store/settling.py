"""How far settling has come, in the words of the store's contract. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

SettlingState = Literal["complete", "behind", "stopped", "anew"]

SETTLING_STATES: Final = get_args(SettlingState)
_BEHIND_NS: Final = 3_000_000_000
"""Settling follows within half a second; beside a full machine it takes longer, and nobody needs to know."""


@dataclass(frozen=True, slots=True)
class Settling:
    """How far that has come which follows a commit: lists, charts and maps of spans, and sessions."""

    up_to_unix_nano: int | None = None
    """What was committed before this is in them; None while nothing waits."""
    last_unix_nano: int = 0
    """When settling last came on; 0 if that is not known."""
    anew: bool = False
    """Whether all is computed anew, from what is kept."""

    def state(self, now_unix_nano: int) -> SettlingState:
        """What is to be said of it at this time: nothing, if it is `complete`.

        It is `stopped` when something waits and nothing has been settled meanwhile.
        """
        if self.up_to_unix_nano is None:
            return "complete"
        stopped = now_unix_nano - self.last_unix_nano > _BEHIND_NS
        if self.anew:
            return "stopped" if self.last_unix_nano and stopped else "anew"
        if now_unix_nano - self.up_to_unix_nano <= _BEHIND_NS:
            return "complete"
        return "stopped" if stopped else "behind"
