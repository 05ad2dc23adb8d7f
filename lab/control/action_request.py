"""An action as it arrives: JSON into a validated request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from classroom import MOST_SEATS
from lab.errors import UsageError
from runtime import seats as seat_rule

ACTIONS = (
    "incident",
    "release",
    "rollback",
    "repair",
    "break",
    "reset",
    "jump",
    "explain",
    "broadcast",
    "load",
    "lock",
    "free",
    "joining",
    "gameday",
    "gameday-stop",
    "exam",
    "exam-end",
)
_LONGEST_TEXT = 300
_LONGEST_FILE = 50_000
_LONGEST_ACTOR = 60


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One action. `seats` None means all; which other fields count depends on the action."""

    action: str
    seats: tuple[str, ...] | None
    actor: str
    name: str = ""
    """incident, release: its name. jump: the name of a step."""
    repairs: tuple[str, ...] = field(default=())
    """repair, break: the names of repairs; empty means all of the seat's incident."""
    text: str = ""
    """broadcast: the line."""
    users: int = 0
    """load: how many simulated users; 0 stops them."""
    locked: bool = False
    open: bool = True
    """joining: whether the code of the class gives free seats."""
    content: str = ""
    """gameday: the text of its file."""
    seed: int | None = None
    """gameday, exam: makes random choices repeatable."""
    secret: bool = False
    """Whether students must not see that it happened."""
    replace: bool = False
    """gameday, exam, incident, release, reset: whether it ends what runs in its way."""
    plan: str = ""
    """The plan of the class that performs it by itself; no request from outside says so."""


def parse(content: Any) -> ActionRequest:
    """The request that a JSON body stands for. Raises UsageError naming the field."""
    if not isinstance(content, Mapping):
        raise UsageError("The body is not a JSON object.", 'Send {"action": ..., "seats": ...}.')
    action = content.get("action")
    if action not in ACTIONS:
        raise UsageError(f"There is no action {_shown(action)}.", f"Use one of: {', '.join(ACTIONS)}.")
    request = ActionRequest(
        action=action,
        seats=_seats(content.get("seats", "all")),
        actor=_text(content, "actor", _LONGEST_ACTOR) or "desk",
        name=_text(content, "name", _LONGEST_ACTOR),
        repairs=_names(content.get("repairs", ())),
        text=" ".join(_text(content, "text", _LONGEST_TEXT).split()),
        users=_users(content.get("users", 0)),
        locked=content.get("locked") is True,
        open=content.get("open") is True,
        content=_text(content, "content", _LONGEST_FILE),
        seed=_seed(content.get("seed")),
        secret=content.get("secret") is True,
        replace=content.get("replace") is True,
    )
    if action in ("incident", "release", "jump") and not request.name:
        raise UsageError(f"The action {action} needs a name.", 'Add "name".')
    if action == "broadcast" and not request.text:
        raise UsageError("There is nothing to send.", f'Add "text" of at most {_LONGEST_TEXT} characters.')
    if action == "joining" and not isinstance(content.get("open"), bool):
        raise UsageError("It is not said whether joining is open.", 'Add "open": true or false.')
    if action == "free" and request.seats is None:
        raise UsageError("All seats cannot be freed at once.", 'Name them in "seats".')
    return request


def _seats(given: Any) -> tuple[str, ...] | None:
    if given == "all":
        return None
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST_SEATS:
        raise UsageError('"seats" is neither "all" nor a list of seats.', 'Send "all" or ["seat-01", ...].')
    names = []
    for each in given:
        try:
            names.append(seat_rule.name_of(each) if isinstance(each, str) else "")
        except seat_rule.NotASeatName as error:
            raise UsageError(str(error), seat_rule.RULE) from error
    if not names or not all(names):
        raise UsageError("No seat was named.", 'Send "all" or ["seat-01", ...].')
    return tuple(dict.fromkeys(names))


def _names(given: Any) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > 50:
        raise UsageError('"repairs" is not a list of names.', 'Send ["roll-back"], or leave it out for all.')
    return tuple(str(each)[:_LONGEST_ACTOR] for each in given)


def _text(content: Mapping[str, Any], name: str, longest: int) -> str:
    given = content.get(name, "")
    if not isinstance(given, str) or len(given) > longest:
        raise UsageError(f'"{name}" is not a text of at most {longest} characters.', "")
    return given


def _seed(given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool):
        raise UsageError('"seed" is not a whole number.', "")
    return given


def _users(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise UsageError('"users" is not a whole number of 0 or more.', "")
    return given


def _shown(value: Any) -> str:
    return repr(value)[:40]
