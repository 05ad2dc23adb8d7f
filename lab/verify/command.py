"""The command line of verify: which incidents or class, on which lab, in which format."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

import incidents
from incidents import IncidentError
from lab import terminal
from lab.errors import LabError, UsageError
from lab.state import flag_file, seat_secret
from lab.verify.class_under_test import class_under_test
from lab.verify.incident_run import new_seat, verify
from lab.verify.lab_under_test import Addresses, RunningLab, own_lab, running_lab
from lab.verify.report_formats import Verification, as_json, as_junit, as_text
from lab.verify.student_visit import DRIVERS
from runtime.installation import COMMAND, OF_THIS_FOLDER

WITHIN_S = 12.0
CANNOT_VERIFY = 2

_EPILOG = f"""\
Sends one shopper with a seat of its own through the shop, then queries the JSON API of the
screens for every link between browser, trace, log and metric. It changes nothing else.

The lab that runs{OF_THIS_FOLDER} is verified; where none runs, one is started on free
ports and stopped afterwards. Another incident than the running one is verified on a lab
of its own; the running lab is never switched.

With --class, the doors of a class are tried: links, codes, passcode. Of a class that runs, no
seat is taken; where none runs, a class of its own is started.

exit codes:
  0  every link holds
  1  at least one link is broken; the lines marked BROKEN say which
  2  nothing could be verified (no answer from shop or screens, no such incident)

environment:
  LAB_VERIFY_SHOP, LAB_VERIFY_OBSERVER  like --shop and --observer
  SEAT_SECRET                           signs the seat's link in a class
  CHROMIUM_PATH                         the browser to drive
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Verify and print the report; returns an exit code of the help text."""
    arguments = _parser().parse_args(argv)
    try:
        verifications = _verify_all(arguments)
    except (LabError, IncidentError) as error:
        terminal.fail(error if isinstance(error, LabError) else LabError(str(error)))
        return CANNOT_VERIFY
    except KeyboardInterrupt:
        terminal.note("Stopped before the end, without a result.")
        return 130
    if arguments.format == "json":
        terminal.write_line(as_json(verifications))
    elif arguments.format == "junit":
        terminal.write_line(as_junit(verifications))
    return 0 if all(verification.passed for verification in verifications) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{COMMAND} verify",
        description="Verify every link of the lesson, from the browser to the log line.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--incident",
        metavar="NAME",
        help=f"one of: {', '.join(incidents.names())} (default: that of the running lab)",
    )
    which.add_argument("--all", action="store_true", help="verify every incident, one after the other")
    parser.add_argument(
        "--class",
        dest="in_class",
        action="store_true",
        help="verify that a class is closed to strangers; after the incidents, where some are named",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "junit"),
        default="text",
        help="format of the report (default: text)",
    )
    parser.add_argument(
        "--driver",
        choices=DRIVERS,
        default="auto",
        help="a real browser, a script without one, or a browser if there is one (default: auto)",
    )
    parser.add_argument(
        "--within",
        type=_seconds,
        metavar="SECONDS",
        help=f"most time for telemetry to arrive after the visit (default: {WITHIN_S:g}, or the incident's)",
    )
    parser.add_argument(
        "--visits",
        type=_visits,
        metavar="N",
        help="most visits until a fault that hits a part of the visitors is met (default: the incident's)",
    )
    _add_addresses(parser)
    return parser


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shop",
        metavar="URL",
        default=os.environ.get("LAB_VERIFY_SHOP"),
        help="verify this shop instead of the running lab's",
    )
    parser.add_argument(
        "--observer",
        metavar="URL",
        default=os.environ.get("LAB_VERIFY_OBSERVER"),
        help="query these screens instead of the running lab's",
    )


def _visits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 600")
    return value


def _verify_all(arguments: argparse.Namespace) -> list[Verification]:
    if arguments.in_class and (arguments.shop or arguments.observer):
        raise UsageError(
            "A class is verified on its own machine, which alone knows its codes.",
            "Leave out --shop and --observer, and unset LAB_VERIFY_SHOP and LAB_VERIFY_OBSERVER.",
        )
    done = []
    if not arguments.in_class or arguments.all or arguments.incident:
        done += _verify_incidents(arguments)
    if arguments.in_class:
        # The help is printed without the libraries that this one needs.
        from lab.verify.class_run import verify_class

        with class_under_test(new_seat(), terminal.note) as found:
            done.append(_shown(arguments, verify_class(found, terminal.note)))
    return done


def _verify_incidents(arguments: argparse.Namespace) -> list[Verification]:
    both = arguments.shop and arguments.observer
    running = None if both else running_lab(terminal.note)
    fixed = _fixed(arguments, running)
    done = []
    for incident in [flag_file.find(name) for name in _names(arguments, running)]:
        if fixed:
            done.append(_one(arguments, incident, fixed))
        elif running and running.incident == incident.name:
            done.append(_one(arguments, incident, running.addresses))
        else:
            terminal.note(f"{incident.name}: starting a lab of its own ...")
            with own_lab(incident.name) as own:
                done.append(_one(arguments, incident, own))
    return done


def _names(arguments: argparse.Namespace, running: RunningLab | None) -> list[str]:
    if arguments.all:
        return list(incidents.names())
    return [arguments.incident or (running.incident if running else incidents.DEFAULT)]


def _one(arguments: argparse.Namespace, incident: incidents.Incident, where: Addresses) -> Verification:
    incident = replace(incident, visits=arguments.visits or incident.visits)
    within_s = arguments.within
    if within_s is None:
        within_s = max(WITHIN_S, incident.arrives_within_s)
    return _shown(arguments, verify(incident, where, arguments.driver, within_s, terminal.note))


def _shown(arguments: argparse.Namespace, verification: Verification) -> Verification:
    """The same, after it was printed where text is wanted."""
    if arguments.format == "text":
        terminal.write_line(as_text(verification))
    return verification


def _fixed(arguments: argparse.Namespace, running: RunningLab | None) -> Addresses | None:
    """The addresses given by options, a missing one taken from the running lab; None when none was given."""
    if not (arguments.shop or arguments.observer):
        return None
    if not running and not (arguments.shop and arguments.observer):
        raise UsageError(
            "No lab is running whose other address could be used.", "Give both --shop and --observer."
        )
    shop = arguments.shop or (running.addresses.shop if running else "")
    observer = arguments.observer or (running.addresses.observer if running else "")
    secret = os.environ.get(seat_secret.VARIABLE, "")
    if running and not arguments.shop:
        secret = running.addresses.seat_secret
    return Addresses(shop.rstrip("/"), observer.rstrip("/"), secret)
