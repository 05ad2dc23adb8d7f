"""Messages of a starting and a running lab: progress, events, the block of addresses."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime

from lab import terminal
from lab.errors import LabError
from lab.plan.host_addresses import outside_address
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import class_links
from lab.state import class_file, log_follow
from runtime.installation import COMMAND


def log_event(text: str) -> None:
    """Write one dated line to standard output, which is the supervisor's log when detached.

    A lab that runs goes on where the line cannot be written.
    """
    with contextlib.suppress(LabError):
        terminal.write_line(f"{datetime.now(UTC).astimezone().strftime('%H:%M:%S')} {text}")


def ready_block(built: LabPlan, options: Options, seconds: float, *, detached: bool) -> str:
    """The block of addresses of a lab that is ready."""
    closed = ("otlp_http", "otlp_grpc") if options.class_mode and not options.open_otlp else ()
    urls = {
        name: url if name in closed else outside_address(url, options.host)
        for name, url in built.urls.items()
    }
    urls["shop"] = options.public_url or urls["shop"]
    urls["observer"] = options.observer_url or urls["observer"]
    urls["otlp_grpc"] = urls["otlp_grpc"].removeprefix("http://")
    locust = next((entry for entry in built.processes if entry.name == "loadgen"), None)
    lines = [
        terminal.paint(
            f"Ready after {seconds:.1f} s: one checkout was followed through the whole lab.", "green"
        ),
        "",
        f"  shop        {urls['shop']}" + ("" if options.class_mode else "/?seat=YOURNAME"),
        f"  observer    {urls['observer']}",
        f"  OTLP        {urls['otlp_http']} (HTTP), {urls['otlp_grpc']} (gRPC)",
    ]
    if options.load and locust is not None:
        users = terminal.counted(options.users, "simulated user")
        lines.append(f"  load        http://{locust.address} (Locust, {users})")
    if options.class_mode:
        with class_file.opened(options.data) as store:
            lines += class_links.lines(class_links.document(store, urls["observer"], ""))
        lines.append(f"  seats       {COMMAND} class prints each student's own link")
        lines += [f"  roster      {note}" for note in built.notes]
    lines += [
        f"  incident    {options.incident}",
        "",
        "Give out the sheet, or show the join address and its code."
        if options.class_mode
        else "Buy something under your own name, then look for your order in the observer.",
    ]
    lines.append(f"Stop it with: {COMMAND} down" if detached else "Ctrl-C stops everything.")
    return "\n".join(lines)


class OnTerminal:
    """Reports to a person at a terminal."""

    def __init__(self, built: LabPlan, options: Options, *, show_logs: bool) -> None:
        self._plan = built
        self._options = options
        self._progress = terminal.Progress()
        self._last = ""
        if show_logs:
            watcher = threading.Thread(target=log_follow.follow, args=(built.log_dir, []), daemon=True)
            watcher.start()

    def progress(self, text: str) -> None:
        """See `Reporter`."""
        if text != self._last:
            self._last = text
            self._progress.step(text)

    def event(self, text: str) -> None:
        """See `Reporter`."""
        self._progress.close()
        log_event(text)

    def ready(self, seconds: float, detail: str) -> None:
        """See `Reporter`."""
        self._progress.close()
        terminal.write_line(ready_block(self._plan, self._options, seconds, detached=False))
