"""`lab up`: starts every process, proves that the lab works, prints its addresses."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lab import paths
from lab.commands.option_values import shop_address, store_address
from lab.durations import nanoseconds
from lab.errors import UsageError
from lab.plan import topology
from lab.plan.host_addresses import LOOPBACK
from lab.plan.options import DEFAULT_INCIDENT, Options
from runtime.installation import COMMAND

DESCRIPTION = """\
Start the shop, the observer and everything between them.

"Ready" is printed only after one real checkout went through the whole lab: its browser
session, its trace and its log line were all found again. Ctrl-C stops everything."""

EPILOG = f"""\
Fixed ports: shop 8080, observer 8090, OTLP 4317 (gRPC) and 4318 (HTTP), Locust 8089.
Everything else takes a free port on this machine only.

Examples:
  {COMMAND} up                                 the broken checkout, with gentle load
  {COMMAND} up --detach --free-ports           in the background, on any free ports
  {COMMAND} up --incident none                 a healthy shop
  {COMMAND} up --class 30                      for a class: thirty seats, reachable from other machines
  {COMMAND} up --class names.txt               the same, a name per line
  {COMMAND} up --class                         go on with the class that was stopped
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("--detach", action="store_true", help="return when ready and leave the lab running")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="address that shop, observer and OTLP listen on (default: 127.0.0.1; a class: all networks)",
    )
    parser.add_argument(
        "--free-ports", action="store_true", help="use any free ports instead of the fixed ones"
    )
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help=f"another port for one of: {', '.join(topology.port_options())} (may be repeated)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help=_DATA_HELP)
    parser.add_argument("--store", metavar="URL", help=_STORE_HELP)
    parser.add_argument(
        "--seed", type=int, metavar="N", help="start with an empty store and seed the shop's random numbers"
    )
    parser.add_argument("--incident", metavar="NAME", help=_INCIDENT_HELP)
    parser.add_argument(
        "--users", type=int, default=10, metavar="N", help="simulated users of the load (default: 10)"
    )
    parser.add_argument("--no-load", action="store_true", help="start without simulated users")
    parser.add_argument(
        "--class", "--seats", dest="roster", nargs="?", const="", metavar="N|FILE", help=_CLASS_HELP
    )
    parser.add_argument("--replace", action="store_true", help=_REPLACE_HELP)
    parser.add_argument(
        "--open-otlp", action="store_true", help="a class: let other machines send telemetry, too"
    )
    parser.add_argument("--healthy-first", metavar="TIME", help=_HEALTHY_FIRST_HELP)
    parser.add_argument("--public-url", metavar="URL", help=_PUBLIC_URL_HELP)
    parser.add_argument("--observer-url", metavar="URL", help="the same for the observer")
    parser.add_argument("--logs", action="store_true", help="show the log lines of every process here")


_DATA_HELP = f"folder of the store and the carts (default: {paths.shown(paths.data_dir())})"
_STORE_HELP = (
    "keep telemetry elsewhere: clickhouse://user:password@host:8123/database, or sqlite:///folder/file "
    "(default: a file in the data folder; STORE_URL says the same, and no list of processes shows it)"
)
_PUBLIC_URL_HELP = (
    "the shop's address for links, such as https://example.org/shop, for a shop behind a proxy "
    "(default: the host in the reader's own address)"
)
_CLASS_HELP = (
    "a class: N seats, or a seat for each name in FILE. That is the whole roster: known names keep seat "
    "and progress, unused seats of others leave. Only signed links and codes give a seat, and the desk needs "
    "its passcode. Without a value: the class that is there already"
)
_REPLACE_HELP = (
    "a class: let seats that are in use leave the roster, too, where N or FILE does not have them; what was "
    "done there stays kept, and is theirs again when their name comes back"
)
_HEALTHY_FIRST_HELP = "run a healthy shop for a time such as 2m, then begin the incident as a new release"
_INCIDENT_HELP = "the fault of the shop; `none` for a healthy one (default: invalid-token)"


def run(args: argparse.Namespace) -> int:
    """Start the lab in the foreground, or in the background with --detach."""
    options = options_of(args)
    if args.detach:
        from lab.run import background

        return background.detached(options)
    from lab.run import early

    # Where none was started `outside`: before what follows is imported, on another core.
    forks = early.of_this_program(paths.run_dir())
    from lab.run import launch

    return launch.foreground(options, show_logs=args.logs, forks=forks)


def outside(args: argparse.Namespace) -> bool:
    """See `Verb.begins_outside`: the fork server begins; with --detach the whole lab is another process."""
    if not args.detach:
        from lab.run import early

        os.environ.update(early.for_the_next_program(paths.run_dir()))
    return bool(args.detach)


def options_of(args: argparse.Namespace) -> Options:
    """The options of a parsed command line. Raises UsageError for invalid ones."""
    if args.users < 0:
        raise UsageError("--users must not be negative.")
    if args.replace and not args.roster:
        raise UsageError(
            "--replace needs a roster.", "Write --class 30 --replace, or --class names.txt --replace."
        )
    if args.store and args.seed is not None:
        raise UsageError("--seed begins with an empty store, which --store does not name.", "Leave one out.")
    return Options(
        host=args.host or LOOPBACK,
        free_ports=args.free_ports,
        data=(args.data or paths.data_dir()).absolute(),
        seed=args.seed,
        load=not args.no_load,
        users=args.users,
        incident=args.incident or DEFAULT_INCIDENT,
        class_mode=args.roster is not None,
        roster=roster_of(args.roster or ""),
        replace_roster=args.replace,
        open_otlp=args.open_otlp,
        healthy_first_s=seconds_of(args.healthy_first) if args.healthy_first else 0,
        given=tuple(name for name in ("host", "incident") if getattr(args, name) is not None),
        public_url=shop_address(args.public_url, "--public-url") if args.public_url else "",
        observer_url=shop_address(args.observer_url, "--observer-url") if args.observer_url else "",
        store=store_address(args.store) if args.store else "",
        ports=parse_ports(args.port),
    )


def seconds_of(text: str) -> int:
    """The seconds of `--healthy-first`. Raises UsageError."""
    found = nanoseconds(text)
    if not found:
        raise UsageError(f"--healthy-first {text}: this is not a duration.", "Write 90s, 2m or 1h.")
    return found // 10**9


def roster_of(text: str) -> tuple[str, ...]:
    """The people of `--class`: numbered seats, or the names in a file. Raises UsageError."""
    import classroom

    if not text:
        return ()
    try:
        if text.isdecimal():
            return classroom.numbered_names(int(text))
        return classroom.names_in(Path(text).read_text("utf-8"))
    except classroom.RosterError as error:
        raise UsageError(f"--class {text}: {error}", error.remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"--class {text}: the roster cannot be read: {reason}.",
            "Give a number of seats, or a file with one name per line.",
        ) from error


def parse_ports(given: list[str]) -> dict[str, int]:
    """`["shop=9000"]` as `{"frontend:http": 9000}`. Raises UsageError for an unknown name or number."""
    known = topology.port_options()
    ports = {}
    for text in given:
        name, _, number = text.partition("=")
        if name not in known or not number.isdecimal() or not 1 <= int(number) <= 65_535:
            raise UsageError(
                f"--port {text} is not a name and a port number.",
                f"Write NAME=NUMBER with a name of {', '.join(known)} and a number from 1 to 65535.",
            )
        ports[known[name]] = int(number)
    return ports
