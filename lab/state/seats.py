"""Class mode: the secret that signs seat links, kept with the clone, and the links themselves."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

from lab.errors import UsageError
from lab.state.runfile import unwritable
from runtime import seats
from runtime.addresses import NotAnAddress, base_address

SECRET_FILE = "seat-secret"  # noqa: S105 - the name of a file


def secret(run_dir: Path) -> str:
    """The clone's secret; one given by SEAT_SECRET wins. Empty when there is none yet."""
    given = os.environ.get("SEAT_SECRET", "")
    if given:
        return given
    with contextlib.suppress(OSError):
        return (run_dir / SECRET_FILE).read_text("ascii").strip()
    return ""


def make_secret(run_dir: Path) -> str:
    """The same, made when there is none: links that were handed out hold after a restart. Raises LabError."""
    known = secret(run_dir)
    if known:
        return known
    made = secrets.token_hex(32)
    try:
        file = os.open(run_dir / SECRET_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(made)
    except OSError as error:
        raise unwritable(run_dir, error) from error
    return made


def check_name(name: str) -> str:
    """The seat's name as the shop keeps it. Raises UsageError when it cannot be one."""
    try:
        return seats.name_of(name)
    except seats.NotASeatName as error:
        raise UsageError(str(error), seats.RULE) from error


def links(shop: str, names: list[str], signed_with: str) -> list[tuple[str, str]]:
    """(name, address that gives this seat) for every name; signed unless the secret is empty.

    Raises UsageError for a name that cannot be a seat's.
    """
    return [(name, seats.link(shop, name, signed_with)) for name in map(check_name, names)]


def check_shop(url: str, option: str) -> str:
    """The shop's base address that was given by an option, in one spelling. Raises UsageError."""
    try:
        return base_address(url)
    except NotAnAddress as error:
        raise UsageError(f"{option}: {error}", error.remedy) from error


def outside_address(url: str, host: str) -> str:
    """An address of the lab as other machines reach it, for a lab that listens on every network."""
    if host not in ("0.0.0.0", "::", ""):
        return url
    port = urlsplit(url if "//" in url else f"//{url}").port
    return f"http://{_own_address()}:{port}"


def _own_address() -> str:
    """This machine's address on the network that it would use; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
