"""A form of the desk as the action that the control process takes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed

Form = MultiDict[str, str]
ALL, TICKED = "all", "ticked"
CONFIRMED = "confirmed"
REPLACE = "replace"
"""The field of a form that ends what runs in the way of its action."""
_LARGEST_NUMBER = 6
_LONGEST_SEED = 10


def action_of(form: Form) -> dict[str, object]:
    """The action that a form stands for: the body of `POST /api/v1/class/actions`. Raises Malformed."""
    name = form.get("action", "")
    if name not in _FIELDS:
        raise Malformed(f"There is no action {name[:40]!r}.", "Press one of the desk's buttons.")
    return {**_FIELDS[name](form), "seats": ALL if name in _OF_THE_CLASS else seats_of(form)}


def question_of(action: Mapping[str, object]) -> str:
    """What to ask before an action that cannot be taken back; empty for any other."""
    seats = action["seats"]
    count = len(seats) if isinstance(seats, list) else 0
    whom = "every seat" if seats == ALL else "this seat" if count == 1 else f"these {count} seats"
    if action["action"] == "reset":
        return f"Begin anew for {whom}? Marks, answers and repairs are lost."
    if action["action"] == "free":
        return f"Free {whom}? Whoever sits there must join anew: its link and its code are void."
    return ""


def seats_of(form: Form) -> str | list[str]:
    if form.get("whom") == ALL:
        return ALL
    seats = [seat for seat in form.getlist("seats") if seat]
    if not seats:
        raise Malformed("No seat is ticked.", "Tick seats in the table, or choose every seat.")
    return seats


def _number(form: Form) -> int:
    text = form.get("users", "")
    if text.isascii() and text.isdigit() and len(text) <= _LARGEST_NUMBER:
        return int(text)
    raise Malformed("The number of simulated users is not a whole number.", "Type one, such as 10.")


def _seed(text: str) -> int | None:
    """A seed as typed; None, for a random one, where nothing was."""
    text = text.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SEED:
        return int(text)
    raise Malformed("The seed is not a whole number.", "Type one, such as 7, or nothing for a random one.")


def _gameday(form: Form) -> dict[str, object]:
    seed = _seed(form.get("seed", ""))
    return {"action": "gameday", "content": form.get("content", ""), "seed": seed, **_replace(form)}


def _exam(form: Form) -> dict[str, object]:
    seed = _seed(form.get("exam_seed", ""))
    return {"action": "exam", "name": form.get("mystery", ""), "seed": seed, **_replace(form)}


def _replace(form: Form) -> dict[str, object]:
    return {REPLACE: True} if form.get(REPLACE) else {}


def _repairs(form: Form) -> list[str]:
    return [name for name in form.getlist("repair") if name]


_OF_THE_CLASS = (
    "lock", "unlock", "open-joining", "close-joining", "load", "stop-load",
    "gameday", "gameday-stop", "exam-end",
)  # fmt: skip
_FIELDS: Mapping[str, Callable[[Form], dict[str, object]]] = {
    "broadcast": lambda form: {"action": "broadcast", "text": form.get("text", "")},
    "incident": lambda form: {"action": "incident", "name": form.get("incident", ""), **_replace(form)},
    "release": lambda form: {"action": "release", "name": form.get("release", ""), **_replace(form)},
    "rollback": lambda form: {"action": "rollback"},
    "repair": lambda form: {"action": "repair", "repairs": _repairs(form)},
    "break": lambda form: {"action": "break", "repairs": _repairs(form)},
    "reset": lambda form: {"action": "reset", **_replace(form)},
    "jump": lambda form: {"action": "jump", "name": form.get("step", "")},
    "explain": lambda form: {"action": "explain"},
    "free": lambda form: {"action": "free"},
    "lock": lambda form: {"action": "lock", "locked": True},
    "unlock": lambda form: {"action": "lock", "locked": False},
    "open-joining": lambda form: {"action": "joining", "open": True},
    "close-joining": lambda form: {"action": "joining", "open": False},
    "load": lambda form: {"action": "load", "users": _number(form)},
    "stop-load": lambda form: {"action": "load", "users": 0},
    "gameday": _gameday,
    "gameday-stop": lambda form: {"action": "gameday-stop"},
    "exam": _exam,
    "exam-end": lambda form: {"action": "exam-end"},
}
"""For the value of each button the fields of its action."""
