"""`lab seats`: the links by which the students of a class take their seats."""

from __future__ import annotations

import argparse

from lab import paths, terminal
from lab.commands import status
from lab.errors import NotRunning, UsageError
from lab.state import runfile

DESCRIPTION = """\
Print a link for each student. In a class (`up --seats`) only such a link gives a seat; it is
signed, and holds until `lab reset`. In an open lab the same links work unsigned."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.description = DESCRIPTION
    parser.add_argument("names", nargs="*", metavar="NAME", help="the students' names")
    parser.add_argument("--count", type=int, metavar="N", help="N seats named seat-01, seat-02 and so on")
    parser.add_argument("--shop", metavar="URL", help="the shop's address as the students reach it")


def run(args: argparse.Namespace) -> int:
    """Print name and link, one student per line. Raises NotRunning or UsageError."""
    from lab.state import seats

    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if args.count is not None and not 1 <= args.count <= 999:
        raise UsageError("--count takes a number from 1 to 999.")
    names = [*args.names, *(f"seat-{number:02}" for number in range(1, (args.count or 0) + 1))]
    if not names:
        raise UsageError("Whose seats?", "Give names, or --count 20.")
    shop = seats.check_shop(args.shop, "--shop") if args.shop else running.public_url
    shop = shop or seats.outside_address(status.current()["urls"]["shop"], running.host).rstrip("/")
    secret = seats.secret(run_dir) if running.seats else ""
    for name, link in seats.links(shop, names, secret):
        terminal.write_line(f"{name}\t{link}")
    return 0
