"""Starts the load generator in an interpreter of its own.

Locust replaces parts of the standard library when it is imported, so it must never be
imported into a process that was forked from others or does other work: `main`
checks the settings and the port, and then becomes `loadgen.locust_run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from loadgen.settings import Settings
from runtime.listening import CannotListen, check_port
from runtime.settings import EXIT_CANNOT_START, load_or_exit

SERVICE = "loadgen"
_TITLE = "python -m loadgen: virtual shoppers, with Locust's web pages to control them."


def main(argv: Sequence[str] | None = None) -> int:
    """Become the load generator. Returns only if it cannot start: 2, after one sentence."""
    settings = load_or_exit(Settings, argv, _TITLE)
    try:
        port = check_port(settings.listen_addr, settings.port, "PORT")
    except CannotListen as error:
        sys.stderr.write(f"{SERVICE} {error}\n")
        return EXIT_CANNOT_START
    environment = {**os.environ, "PORT": str(port)}
    if not sys.flags.safe_path:
        # Found by the folder of the command, which the new interpreter would not look into from another one.
        root = str(Path(__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "loadgen.locust_run"], environment)  # noqa: S606
