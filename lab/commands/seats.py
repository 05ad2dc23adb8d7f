"""`lab seats`: prints the links that give the students of a class their seats."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lab import paths, terminal
from lab.commands.option_values import shop_address
from lab.errors import NotRunning, UsageError
from lab.plan.host_addresses import outside_address
from lab.state import class_file, runfile, seat_secret, statusfile
from runtime import seats
from runtime.installation import COMMAND

DESCRIPTION = f"""\
Print a link for each student. In a class (`up --seats`) only such a link gives a seat; it is
signed, and valid until `{COMMAND} reset`. In an open lab the same links work unsigned."""
MOST_SEATS = 999


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("names", nargs="*", metavar="NAME", help="the students' names")
    parser.add_argument("--count", type=int, metavar="N", help="N seats named seat-01, seat-02 and so on")
    parser.add_argument("--shop", metavar="URL", help="the shop's address as the students reach it")


def run(args: argparse.Namespace) -> int:
    """Print name and link, one student per line. Raises NotRunning or UsageError."""
    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if args.count is not None and not 1 <= args.count <= MOST_SEATS:
        raise UsageError(f"--count takes a number from 1 to {MOST_SEATS}.")
    names = [*args.names, *(f"seat-{number:02}" for number in range(1, (args.count or 0) + 1))]
    if not names:
        raise UsageError("No names were given.", "Give names, or --count 20.")
    shop = shop_address(args.shop, "--shop") if args.shop else running.public_url
    shop = shop or outside_address(statusfile.read(run_dir)["urls"]["shop"], running.host).rstrip("/")
    secret, generations = "", {}
    if running.seats:
        secret = seat_secret.read(run_dir)
        with class_file.opened(Path(running.data)) as store:
            generations = store.generations()
    for name, link in links(shop, names, secret, generations):
        terminal.write_line(f"{name}\t{link}")
    return 0


def links(
    shop: str, names: list[str], secret: str, generations: Mapping[str, int] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """(name, link that gives this seat) for every name; signed unless the secret is empty.

    `generations` says how often a seat was freed: never, where it does not name the seat. Raises
    UsageError for a text that is not a seat name.
    """
    try:
        known = [seats.name_of(name) for name in names]
    except seats.NotASeatName as error:
        raise UsageError(str(error), seats.RULE) from error
    return [(name, seats.link(shop, name, secret, generation=generations.get(name, 0))) for name in known]
