"""What is demanded of a class, step by step, over its public HTTP interfaces.

A step that is refused what it expects raises `Seen` with what it saw instead; `class_run` decides
what follows from that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import requests

from incidents.checks import NoAnswer
from lab.verify.class_under_test import OWN_SEATS, ClassUnderTest, SeatLink
from lab.verify.class_visitor import Visitor, given_seat, seat_of_page, words_of

FOREIGN_HOST = "foreign.example"
FOREIGN_ORIGIN = f"http://{FOREIGN_HOST}"
WRONG = "wrong, by lab verify"
"""Longer than any code, so that it can be none."""
_SEATS, _ACTIONS, _SESSION = "/api/v1/class/seats", "/api/v1/class/actions", "/api/v1/desk/session"
_SHOWN_OF_A_NAME = 60
_CONFIRMED_BY = "X-CSRF-Token"
_UNKNOWN_ACTION = {"action": "none, by lab verify"}
"""Would be refused as malformed, too: nothing is changed even where the token is not asked for."""


class Seen(Exception):
    """What was seen in place of what a step expects."""


@dataclass(slots=True)
class Walk:
    """The class, and the desk's session as soon as it is open."""

    of: ClassUnderTest
    desk: Visitor = field(default_factory=Visitor)
    token: str = ""
    joined: Visitor = field(default_factory=Visitor)
    """Who took a free seat by the code of the class."""
    joined_at: SeatLink | None = None

    def shop(self, path: str) -> str:
        """An address of the shop."""
        return self.of.shop + path

    def screens(self, path: str) -> str:
        """An address of the screens."""
        return self.of.observer + path

    def leave(self) -> None:
        """End the desk's session, if it is open."""
        if self.token:
            self.desk.ask(
                "POST", self.screens(f"{_SESSION}/end"), headers={_CONFIRMED_BY: self.token}, document={}
            )
        for visitor in (self.desk, self.joined):
            visitor.__exit__(None, None, None)

    def act(self, **action: object) -> None:
        """Perform an action of the desk. Raises Seen where it is refused."""
        headers = {_CONFIRMED_BY: self.token}
        answer = self.desk.ask("POST", self.screens(_ACTIONS), headers=headers, document=action)
        _demand(answer.status_code == 200, _shown(answer))


@dataclass(frozen=True, slots=True)
class ClassStep:
    """One demand. `takes_a_seat` is for classes without students; `needs` names steps that come before."""

    name: str
    title: str
    expects: str
    look: str
    run: Callable[[Walk], None]
    needs: tuple[str, ...] = ()
    takes_a_seat: bool = False


def unsigned_in_shop(walk: Walk) -> None:
    """A link without a signature, and one with an empty one."""
    for query in (f"seat={walk.of.seat}", f"seat={walk.of.seat}&sig="):
        _refused(walk.shop(f"/?{query}"))


def signed_in_shop(walk: Walk) -> None:
    """A signed link gives the seat, and the next page has it in its RUM attributes."""
    with Visitor() as student:
        answer = student.get(walk.shop(f"/?{walk.of.entry}"))
        _demand(answer.status_code == 302, _shown(answer))
        _seat(seat_of_page(student.get(walk.shop("/"))), walk.of.seat)


def forged_in_shop(walk: Walk) -> None:
    """The signature of another name, one that differs in a digit, and a cookie that was not signed."""
    for query in _forged(walk.of.entry):
        _refused(walk.shop(f"/?{query}"))
    for value in (walk.of.seat, f"{walk.of.seat}.{'0' * 32}"):
        with Visitor(value) as student:
            _seat(seat_of_page(student.get(walk.shop("/"))), "")


def unsigned_in_screens(walk: Walk) -> None:
    """The name of a student without a signature, at both pages that give seats."""
    for path in ("/", "/workshop"):
        _refused(walk.screens(f"{path}?{urlencode({'seat': _first(walk).seat})}"))


def signed_in_screens(walk: Walk) -> None:
    """A student's link gives the seat; only in a class without students is it taken and its page opened."""
    link = walk.of.seats[OWN_SEATS - 1] if walk.of.own else walk.of.seats[-1]
    with Visitor() as student:
        method = "GET" if walk.of.own else "HEAD"
        answer = student.ask(method, walk.screens(f"/workshop?{link.query}"))
        _demand(answer.status_code == 303, _shown(answer))
        _seat(given_seat(answer), link.seat)
        if walk.of.own:
            _sits(student, walk, link)


def forged_in_screens(walk: Walk) -> None:
    """The signature of another name, one that differs in a digit, and a signed name that is on no roster."""
    link = _first(walk)
    for query in (*_forged(link.query), walk.of.entry):
        _refused(walk.screens(f"/workshop?{query}"))


def wrong_code(walk: Walk) -> None:
    """A code that is neither the class's nor a seat's."""
    with Visitor() as stranger:
        answer = stranger.ask("POST", walk.screens("/join"), form={"code": WRONG})
    _demand(answer.status_code == 403 and not given_seat(answer), _shown(answer))


def join(walk: Walk) -> None:
    """The class's code gives a free seat, and its page is that of the seat."""
    answer = _join(walk, walk.joined)
    _demand(answer.status_code == 303, _shown(answer))
    found = [link for link in walk.of.seats if link.seat == given_seat(answer)]
    _demand(bool(found), f"the seat {given_seat(answer)!r}, which is not on the roster")
    walk.joined_at = found[0]
    _sits(walk.joined, walk, found[0])


def join_again(walk: Walk) -> None:
    """Whoever joined joins once more, and is led back to the seat."""
    answer = _join(walk, walk.joined)
    _demand(answer.status_code == 303, _shown(answer))
    _seat(given_seat(answer), "")


def claimed(walk: Walk) -> None:
    """When every seat with a number is taken, the class's code gives none of them, and none with a name."""
    with Visitor() as stranger:
        answer = _join(walk, stranger)
    _demand(answer.status_code == 409 and not given_seat(answer), _shown(answer))


def freed(walk: Walk) -> None:
    """The desk frees a seat: its cookie and its link open neither screens nor shop any longer."""
    seat = walk.joined_at
    assert seat, "needs the step that joins"
    walk.act(action="free", seats=[seat.seat])
    for address in (walk.screens("/workshop"), walk.shop("/")):
        answer = walk.joined.get(address)
        _demand(answer.status_code == 403, _shown(answer))
    for address in (walk.screens(f"/workshop?{seat.query}"), walk.shop(f"/?{seat.query}")):
        _refused(address)


def joining_closed(walk: Walk) -> None:
    """While the desk keeps joining closed the class's code gives no seat, though one is free."""
    walk.act(action="joining", open=False)
    with Visitor() as stranger:
        answer = _join(walk, stranger)
        _demand(answer.status_code == 403 and not given_seat(answer), _shown(answer))
        walk.act(action="joining", open=True)
        answer = _join(walk, stranger)
        _demand(answer.status_code == 303 and bool(given_seat(answer)), _shown(answer))


def foreign_host(walk: Walk) -> None:
    """A page of the shop and one of the screens, asked for by another name."""
    for address in (walk.shop("/"), walk.screens("/join")):
        with Visitor() as stranger:
            answer = stranger.ask("GET", address, headers={"Host": FOREIGN_HOST})
        _demand(answer.status_code == 421, _shown(answer))


def other_site(walk: Walk) -> None:
    """A change that a page of another site sends; the one tried changes no more than a colour."""
    for headers in ({"Origin": FOREIGN_ORIGIN}, {"Sec-Fetch-Site": "cross-site"}):
        with Visitor() as stranger:
            answer = stranger.ask("POST", walk.screens("/-/theme"), headers=headers, form={"theme": "dark"})
        _demand(answer.status_code == 403, _shown(answer))


def flags_closed(walk: Walk) -> None:
    """The shop's flags would name what is broken."""
    with Visitor() as student:
        student.get(walk.shop(f"/?{walk.of.entry}"))
        answer = student.get(walk.shop("/_flags"))
    _demand(answer.status_code == 404, _shown(answer))


def desk_closed(walk: Walk) -> None:
    """The desk, its sheet with every link, and its API, reading and changing."""
    with Visitor() as stranger:
        for path in ("/desk", "/desk/sheet", "/desk/live"):
            answer = stranger.get(walk.screens(path))
            _demand(answer.status_code in (303, 403), _shown(answer))
        for answer in (
            stranger.get(walk.screens(_SEATS)),
            stranger.ask("POST", walk.screens(_ACTIONS), document=_UNKNOWN_ACTION),
        ):
            _demand(answer.status_code == 401, _shown(answer))


def wrong_passcode(walk: Walk) -> None:
    """A passcode that is not the desk's."""
    with Visitor() as stranger:
        answer = stranger.ask("POST", walk.screens(_SESSION), document={"passcode": WRONG})
        _demand(answer.status_code == 401, _shown(answer))
        answer = stranger.get(walk.screens(_SEATS))
        _demand(answer.status_code == 401, _shown(answer))


def desk_open(walk: Walk) -> None:
    """The passcode opens a session, by which the desk is shown."""
    opened = walk.desk.ask("POST", walk.screens(_SESSION), document={"passcode": walk.of.passcode})
    _demand(opened.status_code == 200, _shown(opened))
    walk.token = str(_json(opened).get("token", ""))
    _demand(bool(walk.token), "a session without a token")
    answer = walk.desk.get(walk.screens("/desk"))
    _demand(answer.status_code == 200, _shown(answer))


def roster(walk: Walk) -> None:
    """Every seat of the roster once, and no other."""
    answer = walk.desk.get(walk.screens(_SEATS))
    _demand(answer.status_code == 200, _shown(answer))
    listed = [str(row.get("seat")) for row in _json(answer).get("seats", ())]
    expected = sorted(link.seat for link in walk.of.seats)
    _demand(sorted(listed) == expected, f"{len(listed)} seats, such as {', '.join(listed[:3]) or 'none'}")


def students_page(walk: Walk) -> None:
    """The desk looks at the page of a student, who does not notice."""
    link = _first(walk)
    answer = walk.desk.get(walk.screens(f"/workshop?{urlencode({'seat': link.seat})}"))
    _demand(answer.status_code == 200, _shown(answer))
    _demand(_begin(link.name) in words_of(answer), f"a page without the name {link.name!r}")


def unconfirmed(walk: Walk) -> None:
    """A change with the desk's cookie, but without the token or with another one."""
    for headers in ({}, {_CONFIRMED_BY: "wrong"}):
        answer = walk.desk.ask("POST", walk.screens(_ACTIONS), headers=headers, document=_UNKNOWN_ACTION)
        _demand(answer.status_code == 403, _shown(answer))


def _join(walk: Walk, visitor: Visitor) -> requests.Response:
    return visitor.ask("POST", walk.screens("/join"), form={"code": walk.of.join_code})


def _refused(url: str) -> None:
    with Visitor() as stranger:
        answer = stranger.get(url)
    _demand(answer.status_code == 403, _shown(answer))
    _demand(not given_seat(answer), f"the seat {given_seat(answer)!r}, given beside a refusal")


def _forged(query: str) -> tuple[str, str]:
    """The query of a signed link with another name, and with another last digit of the signature."""
    link = dict(parse_qsl(query))
    name, signature = link.get("seat", ""), link.get("sig", "")
    digit = "0" if not signature.endswith("0") else "1"
    forged = ({"seat": f"{name}-too", "sig": signature}, {"seat": name, "sig": signature[:-1] + digit})
    return urlencode(forged[0]), urlencode(forged[1])


def _sits(student: Visitor, walk: Walk, link: SeatLink) -> None:
    page = student.get(walk.screens("/workshop"))
    _demand(page.status_code == 200, _shown(page))
    wrong = f"a page that is not that of {link.name!r}"
    _demand(f"Your seat: {_begin(link.name)}" in words_of(page), wrong)


def _begin(name: str) -> str:
    """What every page shows of a person's name: on one line, and not all of a long one."""
    return " ".join(name.split())[:_SHOWN_OF_A_NAME]


def _seat(found: str, expected: str) -> None:
    _demand(found == expected, f"the seat {found!r}" if found else "no seat")


def _first(walk: Walk) -> SeatLink:
    return walk.of.seats[0]


def _demand(holds: bool, seen: str) -> None:
    if not holds:
        raise Seen(seen)


def _shown(answer: requests.Response) -> str:
    return f"status {answer.status_code} at {answer.url.partition('?')[0]}"


def _json(answer: requests.Response) -> dict[str, list[dict[str, object]]]:
    try:
        found: dict[str, list[dict[str, object]]] = answer.json()
    except ValueError as error:
        raise NoAnswer(f"no JSON from {answer.url}") from error
    return found
