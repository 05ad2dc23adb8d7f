"""Addresses from an alert to what happened when it began. Pure but for the reader's prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from flask import request

from alerting import Alert, Signal
from observer.request.links import address
from observer.request.parameters import spell_attribute
from observer.request.time_range import range_args
from store.api import Window

BEFORE_NS: Final = 60 * 10**9
AFTER_NS: Final = 4 * 60 * 10**9
_SERVICE: Final = "service"
_OPERATION: Final = "operation"
_ERRORS: Final = ("error_share", "errors", "failed_share")


def window_of(alert: Alert, now_unix_nano: int) -> Window:
    """The time range that links lead to: a minute before the begin to four minutes after it, or until now."""
    end = min(alert.started_unix_nano + AFTER_NS, max(now_unix_nano, alert.started_unix_nano + 10**9))
    return Window(max(0, alert.started_unix_nano - BEFORE_NS), end)


def page(alert_id: str) -> str:
    """The alert's own page."""
    return f"{request.script_root}/alerts/{quote(alert_id, safe='')}"


def links(
    alert: Alert, signal: Signal | None, window: Window, trace_id: str | None, session_id: str | None
) -> dict[str, str | None]:
    """Addresses by what they lead to: page, map, traces, logs, metric, trace, session; None for none.

    `signal` is the rule's; None where the rule is gone.
    """
    range_ = range_args(window)
    found: dict[str, str | None] = {
        "map": address("/apm", {"service": _service(alert, signal), **range_}),
        "traces": _traces(alert, signal, range_),
        "logs": address("/logs", {"service": _service(alert, signal), **range_}),
        "metric": _metric(alert, signal, range_),
        "trace": f"/apm/traces/{trace_id}" if trace_id else None,
        "session": f"/rum/sessions/{quote(session_id, safe='')}" if session_id else None,
    }
    root = request.script_root
    return {
        "page": page(alert.alert_id),
        **{name: root + url if url else None for name, url in found.items()},
    }


def _service(alert: Alert, signal: Signal | None) -> str | None:
    return alert.labels.get("service.name") or (signal.service if signal else "") or None


def _traces(alert: Alert, signal: Signal | None, range_: Mapping[str, str]) -> str:
    args: dict[str, str | None] = {"service": _service(alert, signal), **range_}
    pairs: list[tuple[str, str]] = []
    if signal and signal.kind == "requests":
        operation = alert.group.get(_OPERATION) or signal.operation
        error = "origin" if signal.measure == "origin_share" else "any"
        args |= {
            "operation": operation or None,
            "exact": "1" if operation else None,
            "error": error if signal.measure in (*_ERRORS, "origin_share") else None,
            "sort": "slowest" if signal.measure.startswith("p") else None,
            "env": signal.environment or None,
        }
        tags = {**signal.where, **alert.group}
        pairs = [
            ("attr", spell_attribute(name, value))
            for name, value in tags.items()
            if name not in (_SERVICE, _OPERATION)
        ]
    return address("/apm/traces", [*((name, value) for name, value in args.items() if value), *pairs])


def _metric(alert: Alert, signal: Signal | None, range_: Mapping[str, str]) -> str | None:
    if signal is None or signal.kind != "metric":
        return None
    narrowed = {**signal.where, **alert.group}
    if signal.service:
        narrowed["service.name"] = signal.service
    pairs = [("attr", spell_attribute(name, value)) for name, value in narrowed.items() if value]
    pairs += [("by", name) for name in signal.by]
    path = f"/metrics/{quote(signal.name, safe='')}"
    return address(path, [("agg", signal.measure), *pairs, *range_.items()])
