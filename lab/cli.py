"""The verbs: name, one-line help, what each needs installed. A verb's module is loaded only when used.

Standard library only: help and invalid options are answered before anything is installed.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from runtime import VERSION
from runtime.installation import COMMAND, IS_INSTALLED, OF_THIS_FOLDER

# What must be installed for a verb, each level including those before it.
NOTHING = "nothing"
LAB = "lab"
BROWSER = "browser"
DEV = "dev"


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the command line; its module is `lab.commands.<file>` with `configure` and `run`.

    `file` is the name where that is empty. `passes_on` marks a verb that hands its arguments to another
    program, `of_clones` one that works on a clone and is not offered by an installed tool. `begins_outside`
    marks a verb whose module has `outside(args)`: it is called before the command is executed anew inside
    the environment, and returns whether it need not be.
    """

    name: str
    help: str
    needs: str
    passes_on: bool = False
    file: str = ""
    of_clones: bool = False
    begins_outside: bool = False

    def module(self) -> ModuleType:
        """Import and return the verb's module."""
        return importlib.import_module(f"lab.commands.{self.file or self.name}")


VERBS = (
    Verb("up", "start the lab, prove that it works, print its addresses", LAB, begins_outside=True),
    Verb("down", f"stop the lab that runs{OF_THIS_FOLDER}", NOTHING),
    Verb("status", "show every process with its state, address and memory", NOTHING),
    Verb("verify", "follow the student's path and check every link of the story", BROWSER, passes_on=True),
    Verb("logs", "print or follow the log files of the processes", NOTHING),
    Verb("incident", "list the incidents, or switch the running lab to another one", LAB),
    Verb(
        "class",
        "print the addresses, codes and seat links of a class; add people to it",
        LAB,
        file="class_links",
    ),
    Verb("seats", "print the links that give these names their seats", LAB),
    Verb("gameday", "run a schedule of incidents without a word to the class", LAB),
    Verb("exam", "hide a mystery from the class and collect its answers", LAB),
    Verb("detectors", "list the rules of alerts, or check files of rules", LAB),
    Verb("load", "show, change or stop the simulated users of the running lab", NOTHING),
    Verb("doctor", "check this machine; with --class what a class needs of it", NOTHING),
    Verb("bundle", "write one file that sets up another machine without a network", LAB, of_clones=True),
    Verb(
        "import",
        "send files of Jaeger's, Zipkin's or OTLP's JSON into the running lab",
        LAB,
        file="import_files",
    ),
    Verb("mcp", "serve the running lab's telemetry to agents (Model Context Protocol)", LAB),
    Verb("store", "save what is readable of a damaged store file", LAB),
    Verb("reset", "delete the lab's data (the lab must be stopped)", NOTHING),
    Verb(
        "test",
        "run the tests with pytest; all arguments are passed to it",
        DEV,
        passes_on=True,
        of_clones=True,
    ),
    Verb("bench", "run the benchmarks and print their table", DEV, passes_on=True, of_clones=True),
)
BY_NAME = {verb.name: verb for verb in VERBS}

_FIRST_RUN = (
    "The first start downloads the files for pages"
    if IS_INSTALLED
    else "The first run makes an environment in .venv and downloads the packages"
)
EPILOG = f"""\
Quick start:
  {COMMAND} up          start everything; Ctrl-C stops it all
  {COMMAND} up --help   the options of a verb

{_FIRST_RUN}; later runs need no network.
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Leaves room for the longest verb beside its help, which argparse counts without its indentation."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = max(len(verb.name) for verb in VERBS) + 4


def parser() -> argparse.ArgumentParser:
    """The outer parser, which lists the verbs without loading them."""
    outer = argparse.ArgumentParser(
        prog=COMMAND,
        description="Hipster Lab: a shop whose checkout is broken, and the screens to find out why.",
        epilog=EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    outer.add_argument("--version", action="version", version=f"Hipster Lab {VERSION}")
    verbs = outer.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in (verb for verb in VERBS if not (verb.of_clones and IS_INSTALLED)):
        verbs.add_parser(verb.name, help=verb.help, add_help=False)
    return outer


def choose(argv: Sequence[str]) -> Verb:
    """Return the verb of a command line; prints help, version or the error and exits when there is none."""
    if argv and argv[0] in BY_NAME:
        return BY_NAME[argv[0]]
    outer = parser()
    if not argv:
        outer.print_help()
        raise SystemExit(0)
    outer.parse_args([argv[0]])
    raise AssertionError("argparse exits on everything that is not a verb")


def parse(verb: Verb, argv: Sequence[str]) -> argparse.Namespace:
    """Parse the verb's options; prints help or the error and exits where argparse does."""
    inner = argparse.ArgumentParser(
        prog=f"{COMMAND} {verb.name}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.module().configure(inner)
    return inner.parse_args(list(argv))


def run(verb: Verb, argv: Sequence[str]) -> int:
    """Run a verb and return its exit code; errors are printed with their remedy."""
    from lab import terminal
    from lab.errors import LabError

    try:
        module = verb.module()
        if verb.passes_on:
            return int(module.run(list(argv)))
        return int(module.run(parse(verb, argv)))
    except LabError as error:
        return terminal.fail(error)
    except KeyboardInterrupt:
        terminal.note("")
        return 130
    except BrokenPipeError:
        # The reader closed the pipe; `lab.__main__` sees to what is still to be written.
        return 0
