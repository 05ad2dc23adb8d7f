"""The class to verify: the one that runs, or one that is started for this and stopped afterwards.

Its codes and links are those that the command line prints: `lab class --json` and `lab seats`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from lab.errors import LabError
from lab.paths import run_dir
from lab.state import runfile
from lab.verify.lab_under_test import (
    Addresses,
    addresses_of,
    caller_environment,
    lab_command,
    last_line,
    own_lab_environment,
    running_lab,
)
from runtime.installation import COMMAND

OWN_SEATS = 2
"""One to be taken by its link, one to be given to whoever joins by the code."""
OWN_PERSON = "Somebody Else"
"""A seat with a person's name, too: it stays free, and no code of the class gives it."""


@dataclass(frozen=True, slots=True)
class SeatLink:
    """A seat of the roster: its name in telemetry, its person, and the query of its signed link."""

    seat: str
    name: str
    query: str


@dataclass(frozen=True, slots=True)
class ClassUnderTest:
    """A class: its addresses, its codes and its seats.

    `entry` is the query of the signed link of a seat of the lab's own, which is on no roster. `own` says
    that no student sits here, so that seats may be taken.
    """

    shop: str
    observer: str
    join_code: str
    passcode: str
    seats: tuple[SeatLink, ...]
    seat: str
    entry: str
    own: bool


@contextmanager
def class_under_test(seat: str, notify: Callable[[str], None]) -> Iterator[ClassUnderTest]:
    """The class that runs from this folder, else one of its own; `seat` is a seat of the lab's own.

    Raises StartError when none can be started, LabError when its codes cannot be read.
    """
    run = runfile.read(run_dir())
    running = running_lab(notify) if run and run.seats else None
    if running:
        yield _class(running.addresses, caller_environment(), seat, own=False)
        return
    notify("class: starting a class of its own ...")
    options = ("--class", str(OWN_SEATS), "--host", "127.0.0.1")
    with own_lab_environment("a class", *options) as environment:
        yield _class(addresses_of(environment), environment, seat, own=True)


def _class(where: Addresses, environment: Mapping[str, str], seat: str, *, own: bool) -> ClassUnderTest:
    added = ["--add", OWN_PERSON] if own else []
    codes = _printed(["class", "--json", *added], environment)
    link = _printed(["seats", seat], environment)
    try:
        found = json.loads(codes)
        seats = tuple(
            SeatLink(str(each["seat"]), str(each["name"]), urlsplit(each["url"]).query)
            for each in found["seats"]
        )
        if not seats:
            raise LabError("The class has no seats.", f'Add one with: {COMMAND} class --add "Name"')
        return ClassUnderTest(
            where.shop,
            where.observer,
            str(found["join_code"]),
            str(found["passcode"]),
            seats,
            seat,
            urlsplit(link.strip().rpartition("\t")[2]).query,
            own,
        )
    except (ValueError, LookupError, TypeError) as error:
        raise LabError(
            f"What `{COMMAND} class --json` printed could not be read.", f"Try `{COMMAND} class`."
        ) from error


def _printed(words: list[str], environment: Mapping[str, str]) -> str:
    done = lab_command(words, environment)
    if done.returncode != 0:
        raise LabError(f"`{COMMAND} {words[0]}` failed: {last_line(done)}", f"Try `{COMMAND} {words[0]}`.")
    return done.stdout
