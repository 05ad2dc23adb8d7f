"""`lab status`: shows every process with its state, address and memory."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from lab import paths, terminal
from lab.state import statusfile
from runtime import local_http
from runtime.installation import COMMAND, OF_THIS_FOLDER

_COLLECTOR = "collector"
_ALERTING = "alerting"
_LATE_S = 10.0
_TIMEOUT_S = 2.0
_SHOWN = 5
_SHOWN_FOR_NS = 24 * 3600 * 10**9
"""What happened longer ago than a day stands on the home page of the screens only."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        f"Show the processes of the lab{OF_THIS_FOLDER}, and what telemetry is refused. "
        "Exit code 0 when ready, 1 when not: not running, or not keeping telemetry."
    )
    parser.add_argument("--json", action="store_true", help="print the status as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the status; 0 when ready, else 1. Raises NotRunning."""
    status = statusfile.read(paths.run_dir())
    if any(row["name"] == _COLLECTOR and row["state"] == "ready" for row in status["processes"]):
        telemetry = status["telemetry"] = telemetry_of(status["urls"]["otlp_http"])
        status["ready"] = status["ready"] and is_kept(telemetry)
    evaluating = next((row for row in status["processes"] if row["name"] == _ALERTING), None)
    if evaluating:
        status["alerting"] = alerting_of(evaluating)
    if args.json:
        terminal.write_line(json.dumps(status, indent=2))
    else:
        terminal.write_line(table(status))
    return 0 if status["ready"] else 1


def table(status: dict[str, Any]) -> str:
    """The status document as a table, with a summary and the addresses below it."""
    rows = [("PROCESS", "STATE", "PID", "RESTARTS", "ADDRESS", "MEMORY")]
    total = 0
    for row in status["processes"]:
        pss = row["pss_bytes"]
        total += pss or 0
        cells = (
            row["name"],
            row["state"],
            str(row["pid"] or "-"),
            str(row["restarts"]),
            row["address"] or "-",
            f"{pss / 1e6:.1f} MB" if pss else "-",
        )
        rows.append(cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    urls = status["urls"]
    summary = "Ready." if status["ready"] else "Not ready yet."
    if not status["ready"] and (status.get("telemetry") or {}).get("refusals", {}).get("now"):
        summary = "Not ready: telemetry is refused."
    memory_text = f" {total / 1e6:.0f} MB in total." if total else ""
    lines += ["", f"{summary}{memory_text}", f"shop {urls['shop']}   observer {urls['observer']}"]
    if "telemetry" in status:
        lines += telemetry_lines(status["telemetry"])
    if "alerting" in status:
        lines += alerting_lines(status["alerting"], time.time())
    return "\n".join(lines)


def telemetry_of(collector: str) -> dict[str, Any] | None:
    """What the collector says of what it keeps and refuses; None if it does not answer."""
    try:
        found = local_http.json_of(f"{collector}/stats", timeout_s=_TIMEOUT_S)
    except local_http.LocalHttpError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("store"), dict):
        return None
    return {name: found[name] for name in ("store", "settling", "refusals", "notes") if name in found}


def alerting_of(row: dict[str, Any]) -> dict[str, Any] | None:
    """What the process that evaluates rules says of itself, by its row; None if it does not answer."""
    if row["state"] != "ready" or not row["address"]:
        return None
    try:
        found = local_http.json_of(f"http://{row['address']}/stats", timeout_s=_TIMEOUT_S)
    except local_http.LocalHttpError:
        return None
    return found if isinstance(found, dict) else None


def alerting_lines(found: dict[str, Any] | None, now_s: float) -> list[str]:
    """How many alerts fire, and whether rules are evaluated in time; nothing where all is well."""
    if found is None:
        return ["", f"Rules are not evaluated: alerting does not answer. See `{COMMAND} logs alerting`."]
    lines = []
    last = found.get("last_pass_unix_nano")
    if isinstance(last, int) and now_s - last / 1e9 > _LATE_S:
        lines.append(f"Rules are evaluated late: the last time was {now_s - last / 1e9:.0f} s ago.")
    if found.get("trouble"):
        lines.append(f"Rules are evaluated, but: {found['trouble']}")
    if found.get("problems"):
        lines.append(f"Rule files that cannot be used: {found['problems']}. See `{COMMAND} detectors`.")
    firing = found.get("firing")
    if firing:
        lines.append(f"{firing} alert{'' if firing == 1 else 's'} firing.")
    return ["", *lines] if lines else []


def is_kept(telemetry: dict[str, Any] | None) -> bool:
    """Whether what is sent now is kept."""
    return telemetry is not None and bool(telemetry["store"].get("writing"))


def telemetry_lines(telemetry: dict[str, Any] | None) -> list[str]:
    """What is refused now and was before, and what happened to the store; nothing where all is well."""
    if telemetry is None:
        return [
            "",
            f"The collector does not answer: nothing is received. See `{COMMAND} logs collector`.",
        ]
    refusals = telemetry.get("refusals") or {}
    lines = []
    for each in refusals.get("now", ()):
        amount = f"; {each['amount']} so far" if each["amount"] else ""
        since = _clock(each["since_unix_nano"])
        lines.append(f"Telemetry has been refused since {since}: {each['words']}{amount}. {each['message']}")
    recently = time.time_ns() - _SHOWN_FOR_NS
    lines += [
        f"{_clock(each['at_unix_nano'])}: {each['text']}"
        for each in telemetry.get("notes", ())[-_SHOWN:]
        if each["at_unix_nano"] > recently
    ]
    lines += [
        f"Between {_clock(each['since_unix_nano'])} and {_clock(each['until_unix_nano'])}, "
        f"{each['amount'] or 'no items'} {'was' if sum(each['counts'].values()) == 1 else 'were'} refused: "
        f"{each['words']}."
        for each in list(refusals.get("past", ()))[:_SHOWN]
        if each["until_unix_nano"] > recently
    ]
    lines += _settling_lines(telemetry.get("settling") or {})
    return ["", *lines] if lines else []


def _settling_lines(settling: dict[str, Any]) -> list[str]:
    """How far lists, charts and maps are; nothing while they are complete."""
    up_to = settling.get("up_to_unix_nano")
    ago = f"{max(1, round(time.time() - up_to / 1e9))} s ago" if up_to else ""
    since = f"complete up to {ago} ({_clock(up_to)})" if up_to else "not complete"
    words = {
        "behind": f"Lists, charts and maps are {since}: what came since follows.",
        "stopped": f"Lists, charts and maps are {since}: the settling process has stopped or hangs. "
        f"See `{COMMAND} logs collector`.",
        "anew": f"Lists, charts and maps are computed anew from what is kept: so far {since}.",
    }
    found = words.get(str(settling.get("state")))
    return [found] if found else []


def _clock(unix_nano: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_nano / 1e9))
