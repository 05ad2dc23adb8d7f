"""Starts the load generator in an interpreter of its own.

Locust rewires the standard library when it is imported, so it must never be
imported into a process that was forked from others or does other work: `main`
checks the settings and the port, and then becomes `loadgen.locust_run`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from loadgen.settings import Settings
from services.common.settings import load_or_exit

SERVICE_NAME = "loadgen"
EXIT_CANNOT_START = 2
_TITLE = "python -m loadgen: virtual shoppers, with Locust's web pages to steer them."


def main(argv: Sequence[str] | None = None) -> int:
    """Become the load generator. Returns only if it cannot start: 2, with one sentence."""
    settings = load_or_exit(Settings, argv, _TITLE)
    problem, port = _probe(settings.listen_addr, settings.port)
    if problem:
        sys.stderr.write(f"{problem}\n")
        return EXIT_CANNOT_START
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "loadgen.locust_run"], environment)  # noqa: S606


def _probe(host: str, port: int) -> tuple[str, int]:
    """Why the port cannot be had (empty if it can), and which one it is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"cannot listen on {host}:{port} ({error.strerror})"
            return f"{reason}: stop whatever holds the port, or set PORT to a free one.", port
        taken: int = probe.getsockname()[1]
        return "", taken
