"""Who may use the desk: a session opened by the passcode; without a class, whoever sits at this machine.

Every change needs a token besides the cookie, which a page elsewhere can neither read nor guess. Sessions are
in memory: they end with the process, after twelve hours, or when there are too many.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, cast

from flask import Flask, current_app, request
from werkzeug.wrappers import Response

from classroom import Deployment, hidden_deployments, normalized_code
from observer.request import context
from observer.request.attempt_limit import AttemptLimit
from observer.request.errors import Forbidden, TooManyAttempts, Unauthorized
from observer.request.links import address, here
from observer.request.reader_seat import reader_seat
from observer.request.responses import redirect_within
from observer.request.same_origin import refuse_cross_site
from runtime.addresses import host_of, is_loopback
from runtime.installation import COMMAND
from runtime.proxy import UNTRUSTED

COOKIE = "workshop_desk"
SIGN_IN = "/desk/sign-in"
TOKEN_HEADER, TOKEN_FIELD = "X-CSRF-Token", "csrf_token"
LIFETIME_S = 12 * 3600
_MOST_SESSIONS = 32
_EXTENSION = "desk"
_READING = ("GET", "HEAD")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class DeskSession:
    """A session: the id that the cookie carries, and the token to be sent with every change."""

    session_id: str
    token: str
    ends_unix_nano: int


class DeskSessions:
    """The sessions of one application. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By a hash: how long a look-up takes then says nothing of the ids.
        self._sessions: OrderedDict[str, DeskSession] = OrderedDict()
        self.attempts = AttemptLimit(per_address=10, in_all=60, window_s=60)
        self.token_at_the_machine = secrets.token_urlsafe(32)
        """The token where no passcode is needed."""

    def begin(self, now_unix_nano: int) -> DeskSession:
        """A new session; the oldest ends when there are too many."""
        ends = now_unix_nano + LIFETIME_S * 10**9
        session = DeskSession(secrets.token_urlsafe(32), secrets.token_urlsafe(32), ends)
        with self._lock:
            self._sessions[_hash(session.session_id)] = session
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return session

    def find(self, session_id: str, now_unix_nano: int) -> DeskSession | None:
        """The session of this id, unless it has ended."""
        with self._lock:
            found = self._sessions.get(_hash(session_id))
            if found and found.ends_unix_nano <= now_unix_nano:
                del self._sessions[_hash(session_id)]
                return None
            return found

    def end(self, session_id: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_hash(session_id), None)


def install(app: Flask) -> None:
    """Give an application its sessions."""
    app.extensions[_EXTENSION] = DeskSessions()


def is_desk() -> bool:
    """Whether the current request comes from the desk."""
    return _session() is not None if _in_class() else _at_the_machine()


def hidden_from_class() -> tuple[Deployment, ...]:
    """What began and ended without a word to the class; empty unless the request comes from its desk.

    Without a class the person at the machine is the student too, and sees no more than students do.
    Raises ClassError.
    """
    store = context.class_store()
    return hidden_deployments(store) if store and is_desk() else ()


def seat_of_events() -> str | None:
    """The seat whose events the reader is shown beside those of all: in a class its own, which may be none.

    None means everybody's: at the desk, and without a class. Raises ClassError.
    """
    return None if context.class_store() is None or is_desk() else reader_seat().slug


def csrf_token() -> str:
    """The token for the forms of the desk's pages; empty for whoever is not the desk."""
    if _in_class():
        session = _session()
        return session.token if session else ""
    return _sessions().token_at_the_machine if _at_the_machine() else ""


def sign_in(passcode: str) -> DeskSession | None:
    """Open a session; None where none is needed, because the request comes from this machine.

    Raises TooManyAttempts, Forbidden for a wrong passcode and away from the machine, ClassError.
    """
    refuse_cross_site()
    if not _in_class():
        if not _at_the_machine():
            raise _away()
        return None
    store = context.class_store()
    if store is None:
        raise Forbidden(
            "This class has no passcode, so its desk stays closed.",
            f"Start the lab with a roster: `{COMMAND} up --class`.",
            "desk",
        )
    address_of_client = request.remote_addr or ""
    now = context.now_unix_nano()
    wait_s = _sessions().attempts.count(address_of_client, now)
    if wait_s:
        raise TooManyAttempts("The passcode was tried too often.", wait_s, ("Sign in", SIGN_IN))
    given, right = normalized_code(passcode), store.facts().passcode
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise Forbidden("This is not the passcode of the desk.", f"`{COMMAND} class` prints it.", "passcode")
    _sessions().attempts.take_back(address_of_client)
    store.log("sign in", f"signed in from {address_of_client}", actor="desk", seats=(), at_unix_nano=now)
    return _sessions().begin(now)


def remember_session(answer: Response, session: DeskSession) -> None:
    """Keep a session in a cookie that no script reads and no other site's page can make a browser send."""
    answer.set_cookie(COOKIE, session.session_id, httponly=True, samesite="Strict", path="/")


def sign_out(answer: Response) -> None:
    """End the session of the current request and delete its cookie."""
    _sessions().end(request.cookies.get(COOKIE, ""))
    answer.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")


def require_desk() -> None:
    """Raise Forbidden, with the way to sign in, unless the request comes from the desk."""
    if not is_desk():
        if not _in_class():
            raise _away()
        raise Forbidden(
            "This page is for the instructor.",
            "Sign in at the desk with its passcode.",
            "desk",
            action=("Sign in at the desk", address(SIGN_IN, {"next": here()})),
        )


def refuse_unconfirmed() -> None:
    """Raise Forbidden unless this change carries the desk's token and was made by a page of ours."""
    refuse_cross_site()
    given = request.headers.get(TOKEN_HEADER) or request.form.get(TOKEN_FIELD, "")
    right = csrf_token()
    if not right or not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        raise Forbidden(
            "The token of this change is missing or out of date, so nothing was done.",
            "Load the page of the desk again and repeat it.",
            "csrf_token",
        )


def desk_only(view: Callable[P, R]) -> Callable[P, R]:
    """A page of the desk: others are led to the passcode; a POST needs the token."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if _in_class() and not is_desk():
            back = here() if request.method in _READING else None
            return cast(R, redirect_within(address(SIGN_IN, {"next": back}), 303))
        require_desk()
        if request.method not in _READING:
            refuse_unconfirmed()
        return view(*args, **kwargs)

    return guarded


def desk_only_api(handler: Callable[P, R]) -> Callable[P, R]:
    """A route of the API for the desk: others get 401, or 403 where there is nothing to sign in to."""

    @functools.wraps(handler)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not is_desk():
            if not _in_class():
                raise _away()
            raise Unauthorized(
                "The desk is closed.", "Open a session with the passcode: POST /api/v1/desk/session."
            )
        if request.method not in _READING:
            refuse_unconfirmed()
        return handler(*args, **kwargs)

    return guarded


def _in_class() -> bool:
    return context.settings().class_mode


def _sessions() -> DeskSessions:
    found: DeskSessions = current_app.extensions[_EXTENSION]
    return found


def _session() -> DeskSession | None:
    given = request.cookies.get(COOKIE, "")
    return _sessions().find(given, context.now_unix_nano()) if given else None


def _at_the_machine() -> bool:
    # The host, too: a name that a page elsewhere pointed at this machine is not loopback.
    # A proxy on this machine makes everybody a neighbour unless it is trusted to say who they are.
    return (
        is_loopback(request.remote_addr or "")
        and is_loopback(host_of(request.headers.get("Host", "")))
        and UNTRUSTED not in request.environ
    )


def _away() -> Forbidden:
    if not context.can_act():
        return Forbidden(
            "The desk is closed here: no control process runs beside these screens, as in containers.",
            f"Start a lab that has one: `{COMMAND} up`, or `{COMMAND} up --class` for a class.",
            "desk",
        )
    return Forbidden(
        "Without a class the desk is open on the lab's own machine only.",
        "Open it there by http://127.0.0.1, or start the lab with a class.",
        "desk",
    )


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()
