"""`lab up --class`: the secret reaches who signs and who verifies, and only a signed link gives a seat."""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from lab.commands import up
from lab.plan import planning, topology
from lab.plan.options import Options
from tests.lab.test_whole_lab import Lab

SECRET = "a secret of the class"


def test_the_shop_and_the_screens_alone_get_the_secret(tmp_path: Path) -> None:
    """frontend verifies links and observer signs them; no other process can read the secret."""
    options = Options(free_ports=True, data=tmp_path, class_mode=True)
    built = planning.build(options, tmp_path, seat_secret=SECRET, environment={"PATH": "/usr/bin"})
    secrets = {entry.name: entry.environment.get("SEAT_SECRET") for entry in built.processes}

    assert {name: found for name, found in secrets.items() if found} == {
        "frontend": SECRET,
        "observer": SECRET,
    }
    assert set(secrets) == set(topology.BY_NAME)


def test_an_open_lab_takes_no_secret_from_the_callers_shell(tmp_path: Path) -> None:
    """Without --class, SEAT_SECRET of the user's shell closes no shop."""
    options = Options(free_ports=True, data=tmp_path)
    built = planning.build(options, tmp_path, environment={"SEAT_SECRET": "of another lab"})

    assert not any("SEAT_SECRET" in entry.environment for entry in built.processes)


class Visitor:
    """A browser's cookies and redirects, without a proxy."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def _open(self, url: str) -> tuple[int, bytes]:
        try:
            with self._opener.open(url, timeout=10) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        return status, body

    def text_at(self, url: str) -> tuple[int, str]:
        """The status of a page and its words, blanks made single."""
        status, body = self._open(url)
        return status, " ".join(LexborHTMLParser(body).text(separator=" ").split())

    def seat_at(self, url: str) -> tuple[int, str]:
        """The status of a page and the seat in its RUM agent's attributes (empty: none)."""
        status, body = self._open(url)
        config = LexborHTMLParser(body).css_first("#rum-config")
        assert config is not None, "the page starts no RUM agent"
        return status, json.loads(config.text())["globalAttributes"].get("enduser.id", "")


@pytest.fixture(name="classroom", scope="module")
def _classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("class"))
    started = lab.command(
        "up", "--detach", "--free-ports", "--no-load", "--class", "3", "--host", "127.0.0.1"
    )
    try:
        assert started.returncode == 0, started.stderr
        yield lab
    finally:
        stopped = lab.command("down")
        assert stopped.returncode == 0, stopped.stderr


@pytest.mark.lab
@pytest.mark.timeout(180)
def test_in_a_class_only_a_signed_link_gives_a_seat(classroom: Lab) -> None:
    """Unsigned and forged links seat no visitor; the link that `lab seats` prints does."""
    shop = classroom.live_status()["urls"]["shop"]
    assert Visitor().seat_at(f"{shop}/?seat=anna") == (403, "")

    printed = classroom.command("seats", "anna", "Zoë")
    assert printed.returncode == 0, printed.stderr
    links = dict(line.split("\t") for line in printed.stdout.splitlines())
    for name, link in links.items():
        assert link.startswith(f"{shop}/?seat="), link
        student = Visitor()
        assert student.seat_at(link) == (200, name)
        assert student.seat_at(f"{shop}/cart") == (200, name), "the seat is kept"
    forged = links["anna"].replace("seat=anna", "seat=bert")
    assert Visitor().seat_at(forged) == (403, "")
    assert Visitor().seat_at(links["anna"][:-1] + ("0" if links["anna"][-1] != "0" else "1")) == (403, "")


@pytest.mark.lab
@pytest.mark.timeout(180)
def test_a_students_link_seats_in_shop_and_screens_and_nothing_else_does(classroom: Lab) -> None:
    """The link that `lab class` prints holds for both; unsigned it is 403, as is the instructor's page."""
    printed = classroom.command("class", "--json")
    assert printed.returncode == 0, printed.stderr
    urls = classroom.live_status()["urls"]
    [first, *_] = json.loads(printed.stdout)["seats"]
    path = first["url"].partition("/workshop?")[2]

    student = Visitor()
    assert f"Your seat: {first['name']}" in student.text_at(f"{urls['observer']}/workshop?{path}")[1]
    assert student.seat_at(f"{urls['shop']}/") == (200, first["seat"]), "one cookie for both"
    stranger = Visitor()
    assert stranger.text_at(f"{urls['observer']}/workshop?seat={first['seat']}")[0] == 403
    for visitor in (student, stranger):
        assert "Sign in at the desk" in visitor.text_at(f"{urls['observer']}/desk")[1]
        assert visitor.text_at(f"{urls['shop']}/_flags")[0] == 404


@pytest.mark.parametrize("spelling", ["--class", "--seats"])
@pytest.mark.parametrize(
    ("values", "roster"), [([], ()), (["3"], ("Seat 01", "Seat 02", "Seat 03"))], ids=["as it was", "three"]
)
def test_both_spellings_of_a_class_take_a_number(
    spelling: str, values: list[str], roster: tuple[str, ...]
) -> None:
    parser = argparse.ArgumentParser()
    up.configure(parser)
    options = up.options_of(parser.parse_args([spelling, *values]))
    assert (options.class_mode, options.roster) == (True, roster)
