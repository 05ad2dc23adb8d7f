"""Starts a lab: takes the clone's lock, writes the flags, runs the supervisor here or in the background."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab import paths, terminal
from lab.errors import LabError, StartError, UsageError
from lab.plan import planning
from lab.run import messages
from lab.state import flag_file, logfiles, runfile, seats
from lab.state.procfs import start_ticks
from lab.supervision.process import LabPlan
from lab.supervision.supervisor import Reporter, Supervisor

REQUESTED_AT = "LAB_REQUESTED_AT"
SUPERVISOR_LOG = "supervisor"
OPEN_FILES = 8_192


def options_of(args: argparse.Namespace, ports: Mapping[str, int]) -> planning.Options:
    """Return the options of `lab up`. Raises UsageError for invalid ones."""
    if args.users < 0:
        raise UsageError("--users must not be negative.")
    public_url = seats.check_shop(args.public_url, "--public-url") if args.public_url else ""
    return planning.Options(
        host=args.host,
        free_ports=args.free_ports,
        data=(args.data or paths.run_dir() / "data").absolute(),
        seed=args.seed,
        load=not args.no_load,
        users=args.users,
        incident=args.incident,
        seats=args.seats,
        public_url=public_url,
        ports=ports,
    )


def foreground(options: planning.Options, *, show_logs: bool) -> int:
    """Run a lab until Ctrl-C. Raises LabError when it does not become ready."""
    supervise(options, lambda built: messages.OnTerminal(built, options, show_logs=show_logs))
    terminal.write_line("Stopped.")
    return 0


def supervise(options: planning.Options, reporter_of: Any) -> None:
    """Take this clone's lock, build the plan, supervise it to its end, release the lock."""
    run_dir = paths.run_dir()
    claim = runfile.Claim(run_dir)
    _allow_open_files()
    try:
        built = _prepare(options, run_dir)
        claim.write(
            runfile.RunFile(
                pid=os.getpid(),
                started=start_ticks(os.getpid()),
                data=str(options.data),
                incident=options.incident,
                host=options.host,
                seats=options.seats,
                public_url=options.public_url,
            )
        )
        reporter: Reporter = reporter_of(built)
        Supervisor(built, reporter, requested_at=requested_at()).run()
    except LabError as error:
        if "written with schema" in error.message:
            error.remedy = "Begin a new store (what this one holds is lost): python3 -m lab reset"
        raise
    finally:
        claim.release()


def _allow_open_files() -> None:
    """Raise the limit of open files as far as the system allows: a class keeps many connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _prepare(options: planning.Options, run_dir: Path) -> LabPlan:
    fault = flag_file.find(options.incident)
    _prepare_data(options)
    secret = seats.make_secret(run_dir) if options.seats else ""
    built = planning.build(
        options, run_dir, planning.Story(checkout_status=fault.checkout_status, seat_secret=secret)
    )
    flag_file.write(run_dir, fault)
    _remove_old_logs(built.log_dir)
    return built


def _remove_old_logs(folder: Path) -> None:
    """Remove the last run's logs, except the supervisor's, which is already being written."""
    for old in folder.glob("*.log*"):
        if old.name != f"{SUPERVISOR_LOG}.log":
            with contextlib.suppress(OSError):
                old.unlink()


def _prepare_data(options: planning.Options) -> None:
    """Make the data folder and check that it is writable; `--seed` removes the old store in it."""
    try:
        options.data.mkdir(parents=True, exist_ok=True)
        probe = options.data / ".writable"
        probe.write_bytes(b"\0" * 65_536)
        probe.unlink()
        if options.seed is not None:
            for pattern in ("store.sqlite3*", "carts.sqlite3*"):
                for old in options.data.glob(pattern):
                    old.unlink()
    except OSError as error:
        raise runfile.unwritable(options.data, error) from error


def requested_at() -> float:
    """When the command was given, in seconds of the monotonic clock, as the first process recorded it."""
    try:
        return float(os.environ[REQUESTED_AT])
    except (KeyError, ValueError):
        return time.monotonic()


def detached(options: planning.Options) -> int:
    """Start a lab in the background; return when it is ready. Raises LabError with its reason when not."""
    run_dir = paths.run_dir()
    # Test the lock here, so that the common refusals need no background process.
    runfile.Claim(run_dir).release_lock_only()
    reader, writer = os.pipe()
    log = logfiles.open_log(run_dir / "logs", SUPERVISOR_LOG)
    os.truncate(log, 0)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.run.detached", str(writer), _as_json(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            cwd=paths.ROOT,
        )
    finally:
        os.close(writer)
        os.close(log)
    process.returncode = None
    with os.fdopen(reader, "r", encoding="utf-8") as lines:
        try:
            return _follow(lines)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                process.wait(8)
            raise


def _follow(lines: Any) -> int:
    progress = terminal.Progress()
    for line in lines:
        message = json.loads(line)
        if "progress" in message:
            progress.step(message["progress"])
            continue
        progress.close()
        if "ready" in message:
            terminal.write_line(message["ready"])
            return 0
        raise StartError(message["failed"], message["remedy"])
    progress.close()
    raise StartError("The lab ended before it was ready.", "See: python3 -m lab logs supervisor")


def _as_json(options: planning.Options) -> str:
    return json.dumps({**asdict(options), "data": str(options.data), "ports": dict(options.ports)})


def options_from_json(text: str) -> planning.Options:
    """Parse `_as_json`'s output, in the background process."""
    values = json.loads(text)
    return planning.Options(**{**values, "data": Path(values["data"])})


def failure_message(error: LabError) -> str:
    """A failure for the waiting command, as one JSON line."""
    return json.dumps({"failed": error.message, "remedy": error.remedy})
