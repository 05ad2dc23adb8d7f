"""`lab class`: prints the addresses, codes and links of the class; adds people to it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lab import paths, terminal
from lab.errors import NotRunning, UsageError
from lab.state import class_file, runfile, seat_secret, statusfile
from runtime.installation import COMMAND

DESCRIPTION = f"""\
Print the join address with its code, the desk's address with its passcode, and for every seat its
name, its own code and its own link. They stay valid when the lab is stopped and started again, until
`{COMMAND} reset`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument(
        "--add", action="append", default=[], metavar="NAME", help="add a person (repeatable)"
    )


def run(args: argparse.Namespace) -> int:
    """Print it. Raises NotRunning, or UsageError where the lab is no class or a name is not one."""
    import classroom
    from lab.run import class_links

    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if not running.seats:
        raise UsageError("The lab that runs is not a class.", f"Start one with: {COMMAND} up --class 30")
    try:
        added = classroom.names_in("\n".join(args.add)) if args.add else ()
    except classroom.RosterError as error:
        raise UsageError(str(error), error.remedy) from error
    observer = class_links.observer_base(
        statusfile.read(run_dir)["urls"]["observer"], running.host, running.observer_url
    )
    with class_file.opened(Path(running.data)) as store:
        if added:
            store.enrol([*(seat.name for seat in store.seats()), *added])
        found = class_links.document(store, observer, seat_secret.read(run_dir))
    terminal.write_line(json.dumps(found, indent=2, ensure_ascii=False) if args.json else listing(found))
    return 0


def listing(document: dict[str, object]) -> str:
    """The document for people: addresses and codes, then a line for each seat: name, code, link."""
    from lab.run import class_links

    seats = document["seats"]
    assert isinstance(seats, list)
    rows = [f"{seat['name']}\t{seat['code']}\t{seat['url']}" for seat in seats]
    return "\n".join([*class_links.lines(document), "", *rows])
