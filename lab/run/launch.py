"""Starts a lab: takes the clone's lock, writes the flags, runs the supervisor here or in the background."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lab import paths, terminal
from lab.errors import LabError
from lab.plan import planning
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import class_memory, messages, readiness_proof
from lab.run.early import FORK_SERVER_LOG
from lab.state import (
    class_file,
    control_token,
    data_folder,
    flag_file,
    runfile,
    seat_file,
    seat_secret,
)
from lab.state.procfs import start_ticks
from lab.state.run_folder import FLAGS, FLAGS_TOKEN, GENERATIONS
from lab.supervision.reporter import Reporter
from lab.supervision.spawn import ForkServer
from lab.supervision.supervisor import Supervisor
from runtime.installation import COMMAND

REQUESTED_AT = "LAB_REQUESTED_AT"
OPEN_FILES = 8_192


def foreground(options: Options, *, show_logs: bool, forks: ForkServer | None = None) -> int:
    """Run a lab until Ctrl-C. Raises LabError when it does not become ready."""
    supervise(options, lambda built, chosen: messages.OnTerminal(built, chosen, show_logs=show_logs), forks)
    terminal.write_line("Stopped.")
    return 0


def supervise(
    options: Options, reporter_of: Callable[[LabPlan, Options], Reporter], forks: ForkServer | None = None
) -> None:
    """Take this clone's lock, build the plan, supervise it to its end, release the lock.

    `forks` is its fork server, where that was started already (`lab.run.early`).
    """
    run_dir = paths.run_dir()
    claim = runfile.Claim(run_dir)
    _allow_open_files()
    try:
        built, options = _prepare(options, run_dir)
        claim.write(
            runfile.RunFile(
                pid=os.getpid(),
                started=start_ticks(os.getpid()),
                data=str(options.data),
                incident=options.incident,
                host=options.host,
                seats=options.class_mode,
                public_url=options.public_url,
                observer_url=options.observer_url,
            )
        )
        reporter = reporter_of(built, options)
        Supervisor(built, reporter, requested_at=requested_at(), forks=forks).run()
    except LabError as error:
        if "written with schema" in error.message:
            error.remedy = f"Start with a new store (the data of this one is lost): {COMMAND} reset"
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


def _prepare(options: Options, run_dir: Path) -> tuple[LabPlan, Options]:
    flag_file.find(options.incident)
    data_folder.prepare(options.data, empty=options.seed is not None)
    secret = seat_secret.read_or_make(run_dir) if options.class_mode else ""
    with class_file.opened(options.data) as store:
        options = class_memory.completed(options, store)
        flag_file.find(options.incident)
        built = planning.build(
            options,
            run_dir,
            seat_secret=secret,
            control_token=control_token.make(run_dir),
            flags_token=control_token.make(run_dir, FLAGS_TOKEN),
        )
        notes = class_memory.begin(options, store)
        first = flag_file.find(store.facts().incident)
        class_memory.keep(options, built, store)
        flag_file.write_for_class(run_dir / FLAGS, store)
        seat_file.write(run_dir / GENERATIONS, store)
    _remove_old_logs(built.log_dir)
    proof = readiness_proof.call(built.urls["shop"], built.urls["observer"], first.checkout_status, secret)
    return replace(built, proof=proof, notes=notes), replace(options, incident=first.name)


def _remove_old_logs(folder: Path) -> None:
    """Remove the last run's logs, except one that is this process's output: a detached supervisor's.

    The fork server's is emptied: it may be its output already (`lab.run.early`).
    """
    for old in folder.glob("*.log*"):
        with contextlib.suppress(OSError):
            if old.name == f"{FORK_SERVER_LOG}.log":
                os.truncate(old, 0)
            elif not os.path.samestat(old.stat(), os.fstat(1)):
                old.unlink()


def requested_at() -> float:
    """When the command was given, in seconds of the monotonic clock, as the first process recorded it."""
    try:
        return float(os.environ[REQUESTED_AT])
    except (KeyError, ValueError):
        return time.monotonic()


def failure_message(error: LabError) -> str:
    """A failure for the waiting command, as one JSON line."""
    return json.dumps({"failed": error.message, "remedy": error.remedy})
