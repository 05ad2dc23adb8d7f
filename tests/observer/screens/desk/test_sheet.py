"""The sheet to print: for every seat its name, its own link, its QR code and its code."""

from __future__ import annotations

from pathlib import Path

from observer.screens.desk.sheet import qr_code
from runtime import seats
from tests.fixtures.html import one, text
from tests.observer.class_screens import NAMES, SECRET, class_screens, page_of
from tests.observer.screens import Screens
from tests.observer.screens.desk.conftest import Desk


def test_every_seat_has_a_slip(desk: Desk) -> None:
    """Its link opens its seat for whoever has it, and its code is its own."""
    page = desk.page("/desk/sheet")
    slips = page.css(".slip")

    assert [text(one(slip, "h2")) for slip in slips] == list(NAMES)
    for slip, seat in zip(slips, desk.store.seats(), strict=True):
        link = text(one(slip, ".link"))
        assert link == seats.link("http://192.168.1.20:8090", seat.slug, SECRET, "/workshop")
        assert seat.code in text(slip)
        assert one(slip, "svg").attributes["class"] == "qr"
        assert desk.screens.visitor().get(link).status_code == 303
    assert not page.css("main script, main img, main [style]")


def test_late_joiners_find_address_and_code(desk: Desk) -> None:
    joining = text(one(desk.page("/desk/sheet"), ".join-sheet"))

    assert "http://192.168.1.20:8090/join" in joining
    assert desk.store.facts().join_code in joining


def test_links_have_the_public_address_where_there_is_one(screens: Screens, tmp_path: Path) -> None:
    public = "https://screens.example.org"
    with class_screens(screens.reader, tmp_path, 1, observer_public_url=public) as found:
        browser = found.visitor()
        browser.post("/desk/sign-in", data={"passcode": found.store.facts().passcode})
        page = page_of(browser.get("/desk/sheet"))

    assert all(text(link).startswith(f"{public}/workshop?seat=") for link in page.css(".slip .link"))


def test_an_open_lab_makes_links_for_names(screens: Screens) -> None:
    """Whoever sits at the machine types them."""
    page = screens.page("/desk/sheet?names=ann%0Aa%2Fb%0Ab%C3%A9a")

    assert [text(link) for link in page.css(".slip .link")] == [
        seats.link("http://localhost", name, path="/workshop") for name in ("ann", "béa")
    ]
    assert "Not seat names: a/b" in text(page)
    assert not page.css(".join-sheet")


def test_a_code_is_one_drawing_with_the_colours_that_scanners_need() -> None:
    """Dark on light in every theme, and no style attribute, which the content security policy would drop."""
    drawn = qr_code("http://192.168.1.20:8090/workshop?seat=anna")

    assert drawn.startswith("<svg ")
    assert 'fill="#fff"' in drawn
    assert 'stroke="#000"' in drawn
    assert "style" not in drawn
