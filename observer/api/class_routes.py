"""The API's routes of the class: its seats, and actions on it. For the desk alone."""

from __future__ import annotations

from collections.abc import Mapping

from observer import serializers
from observer.api.routing import post_route, route
from observer.api.schemas import boolean, list_of, record, ref, text, whole
from observer.lookup import control, jump_notes
from observer.lookup.class_now import seats_now
from observer.lookup.class_seats import ClassSeat
from observer.request import context
from observer.request.desk_session import TOKEN_FIELD, desk_only_api
from observer.request.errors import Malformed
from observer.request.parameters import Query

_ACTIONS = (
    "incident", "release", "rollback", "repair", "break", "reset", "jump", "explain", "broadcast", "load",
    "lock", "free", "joining", "gameday", "gameday-stop", "exam", "exam-end",
)  # fmt: skip
_FIELDS = (
    "action",
    "seats",
    "name",
    "repairs",
    "text",
    "users",
    "locked",
    "open",
    "content",
    "seed",
    "secret",
    "replace",
)


@route(
    "/class/seats",
    record({"seats": list_of(ref("ClassSeat"), "those that need help first")}),
    tag="desk",
)
@desk_only_api
def class_seats(_query: Query) -> serializers.Plain:
    """Every seat of the class: how far it is, what it did, whether it needs help."""
    found = seats_now(context.class_file(), context.reader(), context.settings(), context.now_unix_nano())
    return {"seats": [_seat(seat) for seat in found]}


@post_route(
    "/class/actions",
    record({"done": text("what was done, in a sentence; of a jump also who cannot follow it yet")}),
    body={
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": text(words=_ACTIONS),
            "seats": {
                "description": "`all`, or the seats that it is for; all where it is left out",
                "oneOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}],
            },
            "name": text(
                "incident, release: its name; jump: the name of a step; exam: a mystery, any by default"
            ),
            "repairs": list_of(text(), "repair, break: names of repairs; all of the incident by default"),
            "text": text("broadcast: the line"),
            "users": whole("load: how many simulated users; 0 stops them"),
            "locked": boolean("lock: whether explanations stay closed"),
            "open": boolean("joining: whether the code of the class gives free seats"),
            "content": text("gameday: the text of its file"),
            "seed": whole("gameday, exam: makes random choices repeatable", null=True),
            "replace": boolean(
                "gameday, exam, incident, release, reset: whether it ends the plan that runs in its way; "
                "else that is a conflict"
            ),
            "secret": boolean("whether students must not see that it happened"),
        },
    },
    tag="desk",
)
@desk_only_api
def class_actions(body: Mapping[str, object]) -> serializers.Plain:
    """Act on the class: begin an incident, repair, reset, send a message, change the load."""
    unknown = sorted(body.keys() - {*_FIELDS, TOKEN_FIELD})
    if unknown:
        raise Malformed(f"An action has no field {unknown[0][:40]!r}.", f"Known: {', '.join(_FIELDS)}.")
    done = control.perform(context.settings(), {k: body[k] for k in _FIELDS if k in body})
    return {"done": " ".join((done, *_notes(body)))}


def _notes(body: Mapping[str, object]) -> tuple[str, ...]:
    if body.get("action") != jump_notes.JUMP:
        return ()
    chosen = body.get("seats")
    found = seats_now(context.class_file(), context.reader(), context.settings(), context.now_unix_nano())
    return jump_notes.notes(found, [str(seat) for seat in chosen] if isinstance(chosen, list) else None)


def _seat(of: ClassSeat) -> serializers.Plain:
    return {
        "seat": of.seat,
        "name": of.name,
        "incident": of.incident,
        "step": of.step.name if of.step else None,
        "step_since_unix_nano": of.step_since_unix_nano,
        "last_seen_unix_nano": of.last_seen_unix_nano,
        "orders": of.orders,
        "orders_failed": of.orders_failed,
        "hints": of.hints,
        "answers": of.answers,
        "repaired": bool(of.repaired),
        "state": of.state,
    }
