"""Class mode against a hostile class: nobody gets a seat, a page or a change that is not theirs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from observer.app import create_app
from observer.settings import Settings
from runtime import seats
from tests.fixtures.html import one, text
from tests.observer.class_screens import NAMES, SECRET, ClassScreens, class_screens, cookies_of, page_of
from tests.observer.screens import Screens

SEATING = ("/", "/workshop")
MARKUP = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<b>Anna</b>")
FOREIGN_HOSTS = ("evil.example", "evil.example:8090", "192.168.1.20.evil.example", "", "a@127.0.0.1", "0x7f")
PATHS = ("/", "/join", "/api/v1/status", "/static/base.css", "/healthz", "/api/v1/desk/session")
CHANGES = ("/join", "/desk/sign-in", "/-/theme", "/desk/sign-out", "/api/v1/desk/session")


def link(slug: str, signature: str | None = None, path: str = "/workshop") -> str:
    """A seat's link, with its own signature unless another is given."""
    sig = seats.sign(SECRET, slug) if signature is None else signature
    return f"{path}?seat={quote(slug)}&sig={sig}"


@pytest.mark.parametrize("path", SEATING)
def test_a_signed_link_takes_the_seat_and_leads_to_a_clean_address(in_class: ClassScreens, path: str) -> None:
    """Once: cookie, roster, redirect. Afterwards the page says whose it is."""
    visitor = in_class.visitor()
    answer = visitor.get(link("anna", path=path) + "&incident=none")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?incident=none")
    cookie = cookies_of(answer)[seats.COOKIE]
    assert cookie.startswith(f"workshop_seat=anna.{seats.sign(SECRET, 'anna')};")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="))
    assert in_class.seat("anna").taken_unix_nano == in_class.clock.now_ns
    assert "Your seat: Anna" in text(page_of(visitor.get(path)))


def test_a_link_that_is_only_looked_at_takes_nothing(in_class: ClassScreens) -> None:
    """A HEAD, as programs send that preview links, marks no seat as taken."""
    assert in_class.visitor().head(link("anna")).status_code == 303
    assert in_class.seat("anna").taken_unix_nano is None


@pytest.mark.parametrize("path", SEATING)
@pytest.mark.parametrize(
    "query",
    [
        "seat=anna",
        "seat=",
        "seat=anna&sig=",
        f"seat=anna&sig={'0' * 32}",
        f"seat=anna&sig={seats.sign(SECRET, 'bert')}",
        f"seat=anna&sig={seats.sign('another secret', 'anna')}",
        f"seat=anna&sig={seats.sign(SECRET, 'anna')[:-1]}",
        f"seat=nobody&sig={seats.sign(SECRET, 'nobody')}",
        f"seat=lab-probe&sig={seats.sign(SECRET, 'lab-probe')}",
        *(f"seat={quote(name)}" for name in MARKUP),
        *(f"seat={quote(name)}&sig={seats.sign(SECRET, 'anna')}" for name in MARKUP),
    ],
)
def test_nothing_but_a_signed_link_of_the_roster_gives_a_seat(
    in_class: ClassScreens, path: str, query: str
) -> None:
    """403 with a remedy and the way to join; no cookie, nothing taken, no name in the page as markup."""
    answer = in_class.visitor().get(f"{path}?{query}")
    page = page_of(answer, 403)
    assert "Set-Cookie" not in answer.headers
    assert "Open the link that your instructor gave you" in text(page)
    assert one(page, "main a.primary").attributes["href"] == "/join"
    assert all(seat.taken_unix_nano is None for seat in in_class.store.seats())
    assert not any(name in answer.text for name in MARKUP)


@pytest.mark.parametrize(
    "cookie",
    [
        "anna",
        "anna.",
        f"anna.{'f' * 32}",
        f"bert.{seats.sign(SECRET, 'anna')}",
        f"anna.{seats.sign('another secret', 'anna')}",
        f"nobody.{seats.sign(SECRET, 'nobody')}",
        f"lab-probe.{seats.sign(SECRET, 'lab-probe')}",
    ],
)
def test_a_forged_or_foreign_cookie_is_no_seat(in_class: ClassScreens, cookie: str) -> None:
    """The page is that of a reader without a seat, and offers to join."""
    for name, value in ((seats.COOKIE, cookie), ("seat", "anna"), ("shop_seat", "anna")):
        visitor = in_class.visitor()
        visitor.set_cookie(name, value, domain="192.168.1.20")
        page = page_of(visitor.get("/workshop"))
        assert "Your seat:" not in text(page)
        assert "Join the class" in text(page)
        assert not page.css("#arrived")


@pytest.mark.parametrize("path", SEATING)
def test_a_seat_does_not_act_for_another(in_class: ClassScreens, path: str) -> None:
    """With the cookie of one seat the name of another is refused, and the own one stays."""
    visitor = in_class.visitor("anna")
    for query in ("seat=bert", f"seat=bert&sig={seats.sign(SECRET, 'anna')}"):
        answer = visitor.get(f"{path}?{query}")
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (403, None)
    assert "Your seat: Anna" in text(page_of(visitor.get(path)))
    assert "Your seat: Anna" in text(page_of(visitor.get(f"{path}?seat=anna"))), (
        "one's own name is no offence"
    )


def test_no_page_signs_a_name_for_a_student(in_class: ClassScreens) -> None:
    """On one host the cookie says the seat; no signature stands in any page."""
    visitor = in_class.visitor("anna")
    for path in ("/", "/workshop", "/rum/sessions", "/join", "/desk", "/desk/sheet"):
        answer = visitor.get(path, follow_redirects=True)
        assert "sig=" not in answer.text, path
        assert not any(seats.sign(SECRET, seat.slug) in answer.text for seat in in_class.store.seats()), path


def test_a_shop_on_another_host_gets_the_readers_own_seat_and_no_other(
    screens: Screens, tmp_path: Path
) -> None:
    """There the cookie is not sent, so the link carries the signature that this reader has already."""
    public = {"shop_public_url": "https://shop.example.org"}
    with class_screens(screens.reader, tmp_path, 1, **public) as found:
        mine = found.visitor("anna").get("/workshop").text
        assert f"https://shop.example.org/?seat=anna&amp;sig={seats.sign(SECRET, 'anna')}" in mine
        assert "sig=" not in found.visitor().get("/workshop").text


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_a_persons_name_is_never_markup(in_class: ClassScreens, name: str) -> None:
    """A roster may hold any text; the pages show it as text."""
    slug = next(seat.slug for seat in in_class.store.seats() if seat.name == name)
    for path in SEATING:
        answer = in_class.visitor(slug).get(path)
        page = page_of(answer)
        assert name in text(page)
        assert not page.css("main script, main img[src=x]")
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_host_is_not_answered(in_class: ClassScreens, host: str, path: str) -> None:
    """DNS rebinding ends here, for pages, files and the API alike."""
    answer = in_class.visitor("anna").get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert "by the address you were given" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_hosts_of_the_class_are_answered(
    screens: Screens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IP literals, loopback, the machine's name, the public addresses; in open mode every host, as before."""
    monkeypatch.setattr("socket.gethostname", lambda: "desk")
    public = {"observer_public_url": "https://lab.example.org:8443", "shop_public_url": "https://a.example"}
    hosts = ("10.0.0.7", "[2001:db8::7]:8090", "localhost", "desk:8090", "desk.local", "lab.example.org")
    with class_screens(screens.reader, tmp_path, 1, **public) as found:
        for host in (*hosts, "a.example:8443"):
            assert found.visitor().get("/join", headers={"Host": host}).status_code == 200, host
    assert screens.client.get("/", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://192.168.1.20:8080"},
        {"Origin": "http://192.168.1.20:8090.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://192.168.1.20:8090", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_a_page_elsewhere_sends_is_refused(
    in_class: ClassScreens, path: str, headers: dict[str, str]
) -> None:
    """The shop is elsewhere, too: another port is another origin."""
    facts = in_class.store.facts()
    form = {"code": facts.join_code, "passcode": facts.passcode, "theme": "dark"}
    answer = in_class.visitor().post(path, data=form, headers=headers)
    assert (answer.status_code, answer.headers.get("Set-Cookie")) == (403, None)
    assert "sent by a page elsewhere" in answer.text
    assert all(seat.taken_unix_nano is None for seat in in_class.store.seats())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://192.168.1.20:8090"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://192.168.1.20:8090"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_pages_and_programs_are_heard(in_class: ClassScreens, headers: dict[str, str]) -> None:
    """A browser on our own page says so; a program says nothing."""
    assert in_class.visitor().post("/-/theme", data={"theme": "dark"}, headers=headers).status_code == 303


def test_a_signed_class_without_a_roster_stays_closed(screens: Screens) -> None:
    """With the secret alone, links still need their signature; there is no code and no desk."""
    app = create_app(screens.reader, Settings(seat_secret=SECRET))
    client = app.test_client()
    assert client.get("/workshop?seat=anna").status_code == 403
    assert "no code to join by" in client.get("/join").text
    assert client.get("/desk").status_code == 303
    assert client.post("/api/v1/desk/session", json={"passcode": ""}).status_code == 403
    assert client.get(link("anna")).status_code == 303
    assert "Your seat: anna" in text(page_of(client.get("/workshop")))


def test_a_body_beyond_every_form_is_refused(in_class: ClassScreens) -> None:
    """Nothing here takes more than a few lines."""
    assert in_class.visitor().post("/join", data={"code": "x" * 70_000}).status_code == 413
