"""`lab mcp`: serves the telemetry of the running lab to agents, by the Model Context Protocol."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from lab import paths, terminal
from lab.errors import NotRunning, SetupError, UsageError
from lab.state import runfile, statusfile
from runtime.listening import CannotListen, check_port

DEFAULT_PORT = 8095
DESCRIPTION = f"""\
Serve sessions, traces, logs and metrics of the running lab to agents, by the Model Context
Protocol, until Ctrl-C: on loopback at http://127.0.0.1:{DEFAULT_PORT}/mcp, or with --stdio on standard
input and output, for agents that start their servers themselves."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, metavar="N", help="port on loopback")
    parser.add_argument("--stdio", action="store_true", help="standard input and output in place of a port")
    parser.add_argument(
        "--in-class",
        action="store_true",
        help="serve in a class, too: an agent solves for a student what the class is there to learn",
    )


def run(args: argparse.Namespace) -> int:
    """Become the server. Raises NotRunning, UsageError, or SetupError where the SDK is not installed."""
    if not 1 <= args.port <= 65_535:
        raise UsageError("--port takes a number from 1 to 65535.")
    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if running.seats and not args.in_class:
        raise UsageError("A class is running: agents are not served.", "Allow it with --in-class.")
    if importlib.util.find_spec("mcp") is None:
        raise SetupError(
            "The SDK of the Model Context Protocol is not installed (45 MB that nothing else needs).",
            f"Install it with: {paths.environment_python()} -m pip install --require-hashes "
            f"-r {paths.REQUIREMENTS / 'mcp.txt'}",
        )
    command = [
        sys.executable,
        "-m",
        "observer.agents",
        "--observer",
        statusfile.read(run_dir)["urls"]["observer"],
    ]
    if not args.stdio:
        try:
            check_port("127.0.0.1", args.port, "--port")
        except CannotListen as error:
            raise UsageError(f"Port {args.port} is taken.", "Choose another one with --port.") from error
        command += ["--port", str(args.port)]
        terminal.note(f"Agents are served at http://127.0.0.1:{args.port}/mcp until Ctrl-C.")
    os.chdir(paths.ROOT)
    # The agent's server itself: its signals and its standard streams are those of this command.
    os.execv(command[0], command)  # noqa: S606 - by its module's name, as every process
