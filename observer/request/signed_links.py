"""The link that gives a student a seat: verified here, before the page that it leads to is made."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from observer.request import context
from observer.request.desk_session import is_desk
from observer.request.errors import Forbidden
from observer.request.links import address
from observer.request.reader_seat import generation_of, reader_seat, remember_seat
from observer.request.responses import redirect_within
from runtime import seats

SEAT, SIGNATURE = "seat", "sig"
_PATHS = ("/", "/workshop")
"""The pages at which a link may give a seat. Elsewhere `seat` is a filter."""
TO_JOIN = ("Join the class", "/join")
_OPEN_TO_ALL = ("/join", "/desk", "/static/", "/api/", "/jaeger/", "/-/", "/healthz", "/favicon.ico")
_LINK_OR_CODE = "Open the link that your instructor gave you, or join with the code of the class."
_OTHER_LINK = (
    "It was freed, or it left the class, and has another link and another code now. If it was yours, ask "
    "your instructor for them. Or join with the code of the class and take a free seat."
)


def arrive() -> Response | None:
    """In class mode: take the seat of a signed link and lead to its address without the signature.

    Raises Forbidden for a name without a valid signature, unless it is the reader's own or the desk looks at
    a student's page; raises ClassError.
    """
    settings = context.settings()
    name = request.args.get(SEAT)
    if not settings.class_mode or name is None or request.path not in _PATHS:
        return None
    signature = request.args.get(SIGNATURE, "")
    if not signature and (is_desk() or _is_own(name)):
        return None
    generation = generation_of(name)
    if not seats.verify(settings.seat_secret, name, signature, generation):
        if seats.was_valid(settings.seat_secret, name, signature, generation):
            raise _no_seat("This link was good once: its seat was freed since then.", _OTHER_LINK)
        raise _no_seat("This link gives no seat: its signature is missing or belongs to another name.")
    slug, store = seats.name_of(name), context.class_store()
    if store:
        if not store.seat(slug):
            raise _no_seat("This link gives no seat: its name is not on the roster of this class.")
        if request.method == "GET":
            store.take(slug, context.now_unix_nano())
    rest = [(k, v) for k, v in request.args.items(multi=True) if k not in (SEAT, SIGNATURE)]
    # A signed link is a key: it must not stay in the address bar, nor in the history.
    answer = redirect_within(address(request.path, rest), 303)
    remember_seat(answer, slug)
    return answer


def _is_own(name: str) -> bool:
    own = reader_seat().slug
    return bool(own) and seats.name_or_empty(name) == own


def close_freed_seat() -> Response | None:
    """In class mode: tell a reader whose seat was freed what happened, in place of any page.

    Raises Forbidden, but for the page to join by, the desk, and what a page asks for by itself: that is
    answered by asking the browser to load its page again. Raises ClassError.
    """
    if request.path.startswith(_OPEN_TO_ALL) or not reader_seat().freed or is_desk():
        return None
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Refresh": "true"})
    raise Forbidden(
        f"You no longer have the seat {reader_seat().freed}.", _OTHER_LINK, "seat_freed", action=TO_JOIN
    )


def _no_seat(message: str, remedy: str = _LINK_OR_CODE) -> Forbidden:
    return Forbidden(message, remedy, "no_seat", action=TO_JOIN)
