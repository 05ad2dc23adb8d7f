"""The visitor of a request: session, currency and seat from cookies, links and headers.

A `Visit` is read from a request and states which cookies the response must set.
A session belongs to one seat: who takes another begins a new one, in the shop and in
the browser's telemetry.
The tenant level is computed from the session's id, so it stays the same for the
whole session without being stored, and cannot be chosen.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import Request, Response

from frontend import problems
from frontend.problems import PageError
from frontend.request_intake import SEAT_PARAMETER, SIGNATURE_KEY
from runtime import seats
from runtime.seats import GenerationOf
from services.common import randomness, seat
from services.common.seat import Shopper

SESSION_COOKIE = "shop_session-id"
CURRENCY_COOKIE = "shop_currency"
SESSION_SEAT_COOKIE = "shop_session-seat"
"""The seat that the session belongs to: the screens set the seat, too, and leave the session alone."""
RUM_SESSION_COOKIE = "_splunk_rum_sid"
"""Where the RUM agent keeps its session; it begins another where there is none."""
COOKIE_MAX_AGE_S = 60 * 60 * 48
DEFAULT_CURRENCY = "USD"
# The rate table has more; these are offered, in its order.
OFFERED_CURRENCIES = ("EUR", "USD", "JPY", "GBP", "TRY", "CAD")

NOT_A_SEAT = f"This is not a seat name. {seats.RULE}"
NOT_SIGNED = "This link does not give you a seat: in this class only the link your instructor gave you does."
NO_SEAT_BY_LINK = "No seat by this link"
OUTDATED = "This link was good once. Its seat was freed since: it has another link and another code now."


@dataclass(frozen=True, slots=True)
class Visit:
    """The visitor of one request.

    `new_session`, `seat_changed`, `seat_left` and `session_seat_changed` state which cookies the response
    must set; `seat_problem` is the error of a link that gives no seat.
    """

    session_id: str
    currency: str
    shopper: Shopper
    new_session: bool = False
    seat_changed: bool = False
    seat_left: bool = False
    """Another seat was held before: the session that belongs to it ends, the browser's too."""
    session_seat_changed: bool = False
    """The session belongs to another seat than was noted, or to its first one."""
    seat_problem: PageError | None = None
    freed_seat: str = ""
    """The seat that the visitor's cookie kept until it was freed; empty otherwise."""


class Visits:
    """Reads visits and writes their cookies; `secret` is empty in open mode."""

    def __init__(
        self, secret: str, seed: int | None, generation_of: GenerationOf = seats.first_generation
    ) -> None:
        """`generation_of` says how often a seat was freed."""
        self._secret = secret
        self._generation_of = generation_of
        # Session ids are random: with a fixed seed, levels stay the same after a restart.
        self._seed = seed or 0

    @property
    def open(self) -> bool:
        """Whether every visitor may choose a seat."""
        return not self._secret

    def read(self, request: Request) -> Visit:
        """The visit of `request`; never raises."""
        name, changed, problem = self._seat(request)
        noted = seats.seat_of_cookie(request.cookies.get(SESSION_SEAT_COOKIE, ""))
        # A cookie that is not valid any more was a seat, too.
        left = (changed and bool(request.cookies.get(seats.COOKIE))) or (bool(noted) and noted != name)
        session_id = None if left else _uuid_or_none(request.cookies.get(SESSION_COOKIE, ""))
        new_session = session_id is None
        session_id = session_id or str(uuid.uuid4())
        currency = request.cookies.get(CURRENCY_COOKIE, DEFAULT_CURRENCY)
        return Visit(
            session_id=session_id,
            currency=currency if currency in OFFERED_CURRENCIES else DEFAULT_CURRENCY,
            shopper=Shopper(
                seat=name,
                tenant_level=self.tenant_level(session_id),
                synthetic=bool(request.headers.get(seat.SYNTHETIC_HEADER, "").strip()),
            ),
            new_session=new_session,
            seat_changed=changed,
            seat_left=left,
            session_seat_changed=noted != name,
            seat_problem=problem,
            freed_seat="" if name or problem else self._freed(request),
        )

    def needs_seat(self, visit: Visit) -> bool:
        """Whether this visitor must join first: in a class a person without a seat."""
        return not self.open and not visit.shopper.seat and not visit.shopper.synthetic

    def tenant_level(self, session_id: str) -> str:
        """The tenant level of a session: the same for as long as the session lives."""
        return randomness.stream(self._seed, "frontend", "tenant", session_id).choice(seat.TENANT_LEVELS)

    def seat_of(self, request: Request) -> str:
        """The seat that the visitor's cookie keeps; empty where there is none."""
        return seats.seat_of_cookie(request.cookies.get(seats.COOKIE, ""), self._secret, self._generation_of)

    def _freed(self, request: Request) -> str:
        if self.open:
            return ""
        cookie = request.cookies.get(seats.COOKIE, "")
        return seats.freed_seat_of_cookie(cookie, self._secret, self._generation_of)

    def _seat(self, request: Request) -> tuple[str, bool, PageError | None]:
        kept = self.seat_of(request)
        asked = request.args.get(SEAT_PARAMETER)
        if asked is None or request.method not in ("GET", "HEAD"):
            return kept, False, None
        signature = request.environ.get(SIGNATURE_KEY, "")
        generation = self._generation_of(asked) if self._secret else 0
        if self._secret and not seats.verify(self._secret, asked, signature, generation):
            own = bool(kept) and not signature and seats.name_or_empty(asked) == kept
            outdated = seats.was_valid(self._secret, asked, signature, generation)
            why = OUTDATED if outdated else NOT_SIGNED
            return kept, False, None if own else problems.forbidden(NO_SEAT_BY_LINK, why)
        name = seats.name_or_empty(asked)
        if asked.strip() and not name:
            return kept, False, problems.bad_request(NO_SEAT_BY_LINK, NOT_A_SEAT)
        return name, name != kept, None

    def write(self, visit: Visit, response: Response) -> None:
        """Set the cookies of a visit on a response."""
        if visit.new_session:
            set_cookie(response, SESSION_COOKIE, visit.session_id)
        if visit.seat_left:
            response.delete_cookie(RUM_SESSION_COOKIE)
        name = visit.shopper.seat
        if visit.session_seat_changed and name:
            set_cookie(response, SESSION_SEAT_COOKIE, seats.cookie_value(name))
        elif visit.session_seat_changed:
            response.delete_cookie(SESSION_SEAT_COOKIE)
        if visit.seat_changed:
            if not name:
                response.delete_cookie(seats.COOKIE)
                return
            value = seats.cookie_value(name, self._secret, self._generation_of(name) or 0)
            response.set_cookie(
                seats.COOKIE, value, max_age=seats.COOKIE_MAX_AGE_S, httponly=True, samesite="Lax"
            )


def set_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie of the shop: two days, HttpOnly, SameSite=Lax."""
    response.set_cookie(name, value, max_age=COOKIE_MAX_AGE_S, httponly=True, samesite="Lax")


def _uuid_or_none(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
